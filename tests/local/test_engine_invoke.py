"""Synchronous invocation: what the Lambda API answers, and what the function sees."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.engine import backends
from tests.local.conftest import Workshop, package
from tests.support import eventually


def test_the_answer_of_the_handler_comes_back(workshop: Workshop) -> None:
    name = workshop.function("""
        def handler(event, context):
            return {"got": event, "arn": context.invoked_function_arn, "id": context.aws_request_id,
                    "left": context.get_remaining_time_in_millis(), "memory": context.memory_limit_in_mb}
    """)

    answer = workshop.invoke(name, {"n": 1})

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    payload = answer["Payload"]
    assert payload["got"] == {"n": 1}
    assert payload["arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert payload["id"] == answer["ResponseMetadata"]["RequestId"]
    assert 9000 < payload["left"] <= 10_000
    assert payload["memory"] == "128"


def test_a_function_is_found_by_arn_version_and_alias(workshop: Workshop) -> None:
    name = workshop.function(
        "def handler(event, context): return context.function_version, context.invoked_function_arn"
    )
    version = workshop.lambda_.publish_version(FunctionName=name)["Version"]
    workshop.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"

    assert workshop.invoke(arn)["Payload"] == ["$LATEST", arn]
    assert workshop.invoke(name, Qualifier=version)["Payload"] == [version, f"{arn}:{version}"]
    assert workshop.invoke(f"{arn}:live")["Payload"] == [version, f"{arn}:live"]


def test_a_published_version_keeps_its_code(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): return 'old'")
    version = workshop.lambda_.publish_version(FunctionName=name)["Version"]
    new = package({"main.py": "def handler(event, context): return 'new'"})
    workshop.lambda_.update_function_code(FunctionName=name, ZipFile=new)

    assert workshop.invoke(name)["Payload"] == "new"
    assert workshop.invoke(name, Qualifier=version)["Payload"] == "old"


def test_a_new_configuration_reaches_the_next_invocation(workshop: Workshop) -> None:
    name = workshop.function(
        "import os\ndef handler(event, context): return os.environ['COLOUR']", Variables={"COLOUR": "red"}
    )
    assert workshop.invoke(name)["Payload"] == "red"

    workshop.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "blue"}})

    assert workshop.invoke(name)["Payload"] == "blue"


@pytest.mark.parametrize("name", ["no-such-function", "arn:aws:lambda:us-east-1:123456789012:function:nope"])
def test_an_unknown_function_is_not_found(workshop: Workshop, name: str) -> None:
    with pytest.raises(workshop.lambda_.exceptions.ResourceNotFoundException):
        workshop.invoke(name)


def test_a_deleted_function_is_not_found(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")
    workshop.invoke(name)
    workshop.lambda_.delete_function(FunctionName=name)

    with pytest.raises(workshop.lambda_.exceptions.ResourceNotFoundException):
        workshop.invoke(name)


def test_a_dry_run_runs_nothing(workshop: Workshop) -> None:
    tell = workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell('ran')", tell=tell)

    assert workshop.lambda_.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    workshop.invoke(name)

    assert workshop.told(tell) == ["ran"]


def test_an_exception_is_an_unhandled_error(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): raise ValueError('no good')")

    answer = workshop.invoke(name)

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "ValueError"
    assert answer["Payload"]["errorMessage"] == "no good"
    assert any("no good" in line for line in answer["Payload"]["stackTrace"])


def test_a_function_that_takes_too_long_is_killed(workshop: Workshop) -> None:
    name = workshop.function(
        "import os, time\ndef handler(event, context):\n    if event: time.sleep(60)\n    return os.getpid()", Timeout=1
    )
    before = workshop.invoke(name)["Payload"]

    answer = workshop.invoke(name, {"slow": True})

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    assert workshop.invoke(name)["Payload"] != before


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_function_that_exits_is_an_exit_error(workshop: Workshop, end: str, reason: str) -> None:
    name = workshop.function(f"import os\ndef handler(event, context):\n    if event: {end}\n    return 'well'")

    answer = workshop.invoke(name, {"end": True})

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith(reason)
    assert workshop.invoke(name)["Payload"] == "well"


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("import nowhere", "Runtime.ImportModuleError", "Unable to import module 'main': No module named 'nowhere'"),
        ("def other(): pass", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'main'"),
        ("raise KeyError('WANTED')", "KeyError", "'WANTED'"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(workshop: Workshop, code: str, kind: str, message: str) -> None:
    answer = workshop.invoke(workshop.function(code))

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == kind
    assert answer["Payload"]["errorMessage"] == message


def test_only_what_lambda_has_is_visible(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "x")
    name = workshop.function(
        """
        import importlib.util, os, sys
        def handler(event, context):
            others = [name for name in ("boto3", "botocore", "moto", "pytest") if importlib.util.find_spec(name)]
            return {"environment": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "found": others}
        """,
        Variables={"MINE": "1", "AWS_ENDPOINT_URL": "http://mars"},
        MemorySize=256,
    )

    seen = workshop.invoke(name)["Payload"]

    environment = seen["environment"]
    assert seen["found"] == []
    assert seen["cwd"] == environment["LAMBDA_TASK_ROOT"] == seen["path"][0]
    assert "SECRET_OF_THE_PARENT" not in environment
    assert environment["MINE"] == "1"
    expected = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": workshop.engine.endpoint,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_REGION": "us-east-1",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "main.handler",
    }
    assert expected.items() <= environment.items()
    allowed = {
        *expected, "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LD_LIBRARY_PATH", "MINE", "PATH", "PYTHONPATH",
        "TELL", "_X_AMZN_TRACE_ID", "LC_CTYPE",
    }  # fmt: skip
    assert set(environment) <= allowed


def test_a_function_acts_as_its_role(workshop: Workshop) -> None:
    name = workshop.function("""
        import os
        def handler(event, context):
            return {n: os.environ["AWS_" + n] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")}
    """)
    keys = workshop.invoke(name)["Payload"]
    sts = workshop.engine.client("sts")
    sts._request_signer._credentials.access_key = keys["ACCESS_KEY_ID"]
    sts._request_signer._credentials.secret_key = keys["SECRET_ACCESS_KEY"]
    sts._request_signer._credentials.token = keys["SESSION_TOKEN"]

    role = workshop.role.rsplit("/", 1)[-1]
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::123456789012:assumed-role/{role}/{name}"


def test_layers_are_on_the_path_the_last_one_winning(workshop: Workshop) -> None:
    def layer(files: dict[str, str]) -> str:
        made = workshop.lambda_.publish_layer_version(
            LayerName=workshop.name("layer"), Content={"ZipFile": package(files)}
        )
        return str(made["LayerVersionArn"])

    below = layer({"python/shared.py": "who = 'below'", "python/below.py": "there = True"})
    above = layer({"python/shared.py": "who = 'above'"})
    code = "import below, shared\ndef handler(event, context): return [shared.who, below.there]"

    assert workshop.invoke(workshop.function(code, Layers=[below, above]))["Payload"] == ["above", True]


def test_code_that_is_no_zip_is_said_to_be_none(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")
    workshop.lambda_.update_function_code(FunctionName=name, ZipFile=b"no zip")

    with pytest.raises(ClientError, match="Could not unzip"):
        workshop.invoke(name)


def test_code_can_come_from_a_bucket(workshop: Workshop) -> None:
    s3 = workshop.engine.client("s3")
    s3.create_bucket(Bucket="code-bucket")
    large = os.urandom(3_000_000).hex()  # larger than what a socket takes at once
    code = package({"main.py": "def handler(event, context): return 'from the bucket'", "large.txt": large})
    s3.put_object(Bucket="code-bucket", Key="code.zip", Body=code)
    workshop.lambda_.create_function(
        FunctionName="from-bucket",
        Runtime="python3.13",
        Role=workshop.role,
        Handler="main.handler",
        Code={"S3Bucket": "code-bucket", "S3Key": "code.zip"},
    )

    assert workshop.invoke("from-bucket")["Payload"] == "from the bucket"


def test_a_worker_is_reused_and_concurrency_gets_more(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.engine.pool.PATIENCE_SECONDS", 0)
    name = workshop.function("""
        import os, time
        def handler(event, context):
            time.sleep(event)
            return os.getpid()
    """)
    one_by_one = {workshop.invoke(name, 0)["Payload"] for _ in range(3)}
    with ThreadPoolExecutor(3) as pool:
        at_once = set(pool.map(lambda _: workshop.invoke(name, 0.5)["Payload"], range(3)))

    assert len(one_by_one) == 1
    assert len(at_once) == 3


def test_more_concurrency_than_workers_waits(workshop: Workshop) -> None:
    name = workshop.function(
        "import os, time\ndef handler(event, context):\n    time.sleep(0.05)\n    return os.getpid()"
    )

    with ThreadPoolExecutor(20) as pool:
        workers = list(pool.map(lambda _: workshop.invoke(name)["Payload"], range(20)))

    assert len(workers) == 20
    assert len(set(workers)) <= 8


def test_reserved_concurrency_throttles(workshop: Workshop, tmp_path: Path) -> None:
    tell, go = workshop.queue(), tmp_path / "go"
    code = f"""
import os, telling, time
def handler(event, context):
    telling.tell('in')
    while not os.path.exists({str(go)!r}):
        time.sleep(0.01)
"""
    name = workshop.function(code, tell=tell)
    workshop.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(workshop.invoke, name)
        workshop.told(tell)
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            _invoke_once(workshop, name)
        go.touch()
        assert running.result()["StatusCode"] == 200
    assert workshop.invoke(name)["StatusCode"] == 200


def test_no_concurrency_at_all_switches_a_function_off(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")
    workshop.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        _invoke_once(workshop, name)


def _invoke_once(workshop: Workshop, name: str) -> None:
    client = workshop.engine.client("lambda", Config(retries={"total_max_attempts": 1}))
    client.invoke(FunctionName=name)


def test_a_payload_over_the_limit_is_refused(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): return len(event)")

    assert workshop.invoke(name, "x" * 5_000_000)["Payload"] == 5_000_000
    with pytest.raises(workshop.lambda_.exceptions.RequestTooLargeException):
        workshop.invoke(name, "x" * 6 * 1024 * 1024)
    with pytest.raises(workshop.lambda_.exceptions.RequestTooLargeException):
        workshop.invoke(name, "x" * 1024 * 1024, InvocationType="Event")


def test_an_answer_over_the_limit_is_an_error(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): return 'x' * event")

    assert len(workshop.invoke(name, 6_000_000)["Payload"]) == 6_000_000
    answer = workshop.invoke(name, 7_000_000)

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_payload_that_is_no_json_is_refused(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")

    with pytest.raises(workshop.lambda_.exceptions.InvalidRequestContentException):
        workshop.lambda_.invoke(FunctionName=name, Payload=b"{not json")


def test_the_log_tells_of_an_invocation_in_text(workshop: Workshop) -> None:
    name = workshop.function("""
        import logging, sys
        print("loading")
        def handler(event, context):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            logging.warning("a warning")
            sys.stdout.write("no newline at the end")
    """)

    answer = workshop.invoke(name, LogType="Tail")

    tail = base64.b64decode(answer["LogResult"]).decode().split("\n")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert tail[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert tail[1:3] == ["to stdout", "to stderr"]
    assert tail[3].startswith("[WARNING]\t")
    assert tail[4:6] == ["no newline at the end", f"END RequestId: {request_id}"]
    assert tail[6].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    logged = workshop.messages_logged(f"/aws/lambda/{name}")
    assert logged[0].startswith("INIT_START Runtime Version: python:3.13")
    assert logged[1] == "loading"
    assert logged[2:] == tail


def test_the_log_tells_of_an_invocation_in_json(workshop: Workshop) -> None:
    group = f"/own/{workshop.name('group')}"
    name = workshop.function(
        """
        import logging
        def handler(event, context):
            logging.getLogger().info("left out")
            logging.getLogger().warning("kept")
        """,
        LoggingConfig={"LogFormat": "JSON", "LogGroup": group, "ApplicationLogLevel": "WARN"},
    )

    workshop.invoke(name)

    entries = [json.loads(message) for message in workshop.messages_logged(group)]
    assert [entry.get("type", entry.get("message")) for entry in entries] == [
        "platform.initStart", "platform.start", "kept", "platform.report",
    ]  # fmt: skip
    assert entries[-1]["record"]["status"] == "success"
    assert entries[-1]["record"]["metrics"]["memorySizeMB"] == 128


def test_the_last_words_of_a_killed_function_are_logged(workshop: Workshop) -> None:
    name = workshop.function(
        "import time\ndef handler(event, context):\n    print('last words')\n    time.sleep(60)", Timeout=1
    )

    workshop.invoke(name)

    logged = "\n".join(workshop.messages_logged(f"/aws/lambda/{name}"))
    assert "last words" in logged
    assert "Task timed out after 1.00 seconds" in logged


def test_a_function_logs_only_what_its_role_may(workshop: Workshop) -> None:
    role = workshop.make_role([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}])
    name = workshop.function("def handler(event, context): return 'ran'", Role=role)

    assert workshop.invoke(name)["Payload"] == "ran"
    assert workshop.logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"] == []


def test_the_settings_that_moto_drops_are_kept(workshop: Workshop) -> None:
    arn = workshop.queue_arn(workshop.queue())
    name = workshop.function(
        "def handler(event, context): pass",
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"},
        DeadLetterConfig={"TargetArn": arn},
    )
    everything = {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": f"/aws/lambda/{name}",
    }

    found = workshop.lambda_.get_function_configuration(FunctionName=name)
    assert found["LoggingConfig"] == everything
    assert found["DeadLetterConfig"] == {"TargetArn": arn}
    assert workshop.lambda_.get_function(FunctionName=name)["Configuration"]["LoggingConfig"] == everything
    listed = {entry["FunctionName"]: entry for entry in workshop.lambda_.list_functions()["Functions"]}
    assert listed[name]["LoggingConfig"] == everything

    changed = workshop.lambda_.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "Text"})
    assert changed["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}


def test_functions_of_one_package_hold_its_bytes_once(workshop: Workshop) -> None:
    """A stack's have all the same, and serve holds them for as long as it runs."""
    first, second, other = (
        workshop.function("def handler(event, context): return 1"),
        workshop.function("def handler(event, context): return 1"),
        workshop.function("def handler(event, context): return 2"),
    )
    held = {
        name: backends.functions_by_name(workshop.lambda_.meta.region_name)[name]["latest"]
        for name in (first, second, other)
    }

    assert held[first].code_bytes is held[second].code_bytes
    assert "ZipFile" not in held[second].code
    assert [workshop.invoke(name)["Payload"] for name in (first, second, other)] == [1, 1, 2]


def test_a_function_is_loaded_by_its_first_invocation_and_no_other(workshop: Workshop) -> None:
    tell = workshop.queue()
    name = workshop.function(
        "import telling\ntelling.tell('loaded')\ndef handler(event, context): return 'ran'", tell=tell
    )
    there = workshop.function("import os\ndef handler(event, context): return os.getpid()")
    assert workshop.invoke(there)  # by then one that was begun with its function would have told

    assert workshop.size(tell) == 0
    assert [workshop.invoke(name)["Payload"] for _ in range(2)] == ["ran", "ran"]
    assert workshop.told(tell) == ["loaded"]
    assert workshop.size(tell) == 0


def test_workers_use_this_interpreter_without_its_packages(workshop: Workshop) -> None:
    name = workshop.function("import sys\ndef handler(event, context): return sys.executable, sys.flags.no_site")

    assert workshop.invoke(name)["Payload"] == [sys.executable, 1]


def test_a_worker_that_died_while_idle_is_replaced(workshop: Workshop) -> None:
    name = workshop.function("import os\ndef handler(event, context): return os.getpid()")
    first = workshop.invoke(name)["Payload"]
    os.kill(first, 9)

    def replaced() -> bool:
        answer = workshop.invoke(name)
        assert "FunctionError" not in answer
        return bool(answer["Payload"] != first)

    eventually(replaced)


def test_the_processes_of_a_function_are_killed_with_what_they_have_under_way_and_replaced(workshop: Workshop) -> None:
    name, other = (
        workshop.function(
            "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()"
        )
        for _ in range(2)
    )
    spared = workshop.invoke(other, 0)["Payload"]
    idle = workshop.invoke(name, 0)["Payload"]
    with ThreadPoolExecutor() as callers:
        called = callers.submit(workshop.invoke, name, 60)
        eventually(lambda: is_busy(workshop, name))

        workshop.engine.kill(name)

        answer = called.result()
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorMessage"].endswith("Runtime exited with error: signal: killed")
    with pytest.raises(ProcessLookupError):
        os.kill(idle, 0)
    assert workshop.invoke(name, 0)["Payload"] != idle
    assert workshop.invoke(other, 0)["Payload"] == spared


def is_busy(workshop: Workshop, name: str) -> bool:
    """Whether a process of the function has something under way."""
    running = workshop.engine._running  # nobody else is to know of it
    assert running is not None
    pools = [pool for arn, (_, pool) in running._invoker._pools.items() if name in arn.split(":")]
    return any(pool._all and not pool._idle for pool in pools)


def test_environments_that_have_nothing_to_do_are_ended_and_the_last_one_later(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.engine.pool.PATIENCE_SECONDS", 0)
    function = workshop.function("import time\ndef handler(event, context): time.sleep(event)")
    with ThreadPoolExecutor() as callers:
        list(callers.map(lambda _: workshop.invoke(function, 0.5), range(3)))
    running = workshop.engine._running  # nobody else is to know of it
    assert running is not None
    (pool,) = [pool for arn, (_, pool) in running._invoker._pools.items() if function in arn.split(":")]
    there = list(pool._idle)
    assert len(there) > 1

    pool.thin_out()
    assert pool._idle == there  # not yet
    monkeypatch.setattr("local.engine.pool.IDLE_SECONDS", 0)
    pool.thin_out()

    assert pool._idle == there[-1:]
    assert [each.worker.is_alive() for each in there] == [False] * (len(there) - 1) + [True]

    monkeypatch.setattr("local.engine.pool.LAST_IDLE_SECONDS", 0)
    pool.thin_out()
    assert (pool._idle, there[-1].worker.is_alive()) == ([], False)
    assert "FunctionError" not in workshop.invoke(function, 0)


@pytest.mark.parametrize(("timeout", "well"), [(1, False), (4, True)])
def test_a_function_that_loads_for_too_long_is_loaded_once_more_in_the_time_of_its_invocation(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, timeout: int, well: bool
) -> None:
    monkeypatch.setattr("local.engine.pool.INIT_SECONDS", 1.5)
    name = workshop.function(
        "import time\ntime.sleep(2)\ndef handler(event, context): return context.get_remaining_time_in_millis()",
        Timeout=timeout,
    )
    began = time.monotonic()
    answer = workshop.invoke(name)

    took = time.monotonic() - began
    if well:
        assert 0 < answer["Payload"] < 2000  # milliseconds: loading took its part
    else:
        assert answer["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
        assert took < 1.5 + 1 + 1.4  # the two times, and the new process


@pytest.mark.parametrize("own", [{}, {"PYTHONHASHSEED": "0"}], ids=["forked", "fresh"])
@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_the_end_of_a_worker_is_seen_while_what_it_forked_lives(
    workshop: Workshop, end: str, own: dict[str, str]
) -> None:
    # The template of a forked worker ends what it leaves behind, and so its connection. A fresh one has no template.
    name = workshop.function(
        f"import os, time\ndef handler(event, context):\n    if os.fork(): {end}\n    time.sleep(60)",
        Timeout=5,
        Variables=own,
    )

    answer = workshop.invoke(name)

    assert answer["Payload"]["errorType"] == "Runtime.ExitError"  # after the timeout it would be another error

"""`python -m local serve` as its user meets it: a process, what it prints, and what it leaves behind (nothing)."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import __main__ as program
from local import serve
from local.deploy import load_config
from local.engine.dynamodb_local.installation import available
from local.serve import kept
from tests.local.projects import STACK, write_project

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")

REPOSITORY = Path(__file__).resolve().parents[2]
READY_SECONDS = 120  # the first run in a fresh clone builds the functions' layer
STOP_SECONDS = 30
ELSEWHERE = """
import pathlib, sys
import local.__main__ as program
program.PROJECT_DIR = pathlib.Path(sys.argv.pop(1))
sys.exit(program.main())
"""


IN_TURN = """
import contextlib, io, json, pathlib, sys, tempfile
import local.__main__ as program
for line in sys.stdin:
    start = json.loads(line)
    program.PROJECT_DIR, tempfile.tempdir = pathlib.Path(start["folder"]), start["tmp"]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            code = program.main(["serve", *start["arguments"]])
        except SystemExit as exit:
            code = exit.code
    print(json.dumps([code, out.getvalue(), [path.name for path in pathlib.Path(start["tmp"]).iterdir()]]), flush=True)
"""
"""Starts that end by themselves, one after the other in one process: loading everything takes longer than they do."""


@dataclass
class Served:
    """A running `serve` with a temporary directory and a standard output of its own."""

    process: subprocess.Popen[str]
    tmp: Path
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text()

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not condition():
            assert self.process.poll() is None, f"it ended before {what}: {self.text}"
            assert time.monotonic() < deadline, f"no {what} after {READY_SECONDS} s: {self.text}"
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def left_behind(self) -> list[str]:
        """Files in its temporary directory, and processes that were started with it as theirs."""
        marker = f"TMPDIR={self.tmp}".encode()
        return [path.name for path in self.tmp.iterdir()] + [
            process.name for process in Path("/proc").glob("[0-9]*") if marker in _environment(process)
        ]


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it has ended, or is not ours to look into
        return b""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts `serve`, of the repository's own project or of the one in `folder`."""
    started: list[Served] = []

    def starter(*arguments: str, folder: Path | None = None) -> Served:
        tmp = tmp_path / f"tmp{len(started)}"
        tmp.mkdir()
        log = tmp_path / f"log{len(started)}"
        program = ["-c", ELSEWHERE, str(folder)] if folder else ["-m", "local"]
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, *program, "serve", *arguments],
                cwd=REPOSITORY,
                env={**os.environ, "TMPDIR": str(tmp), "AWS_PROFILE": "of-no-concern"},
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        started.append(Served(process, tmp, log))
        return started[-1]

    yield starter
    for served in started:
        served.process.kill()
        served.process.wait(STOP_SECONDS)


Refused = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture(scope="module")
def refusing() -> Iterator[subprocess.Popen[str]]:
    """The process of IN_TURN."""
    command = [sys.executable, "-c", IN_TURN]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def refused(refusing: subprocess.Popen[str], tmp_path: Path) -> Refused:
    """Starts `serve` where it cannot go on: the exit code, what was printed, what is left in its temporary folder."""
    tmp = tmp_path / "tmp"
    tmp.mkdir()

    def starter(*arguments: str, folder: Path = REPOSITORY) -> tuple[int, str, list[str]]:
        assert refusing.stdin
        assert refusing.stdout
        start = {"arguments": arguments, "folder": str(folder), "tmp": str(tmp)}
        refusing.stdin.write(json.dumps(start) + "\n")
        refusing.stdin.flush()
        code, text, left_behind = json.loads(refusing.stdout.readline())
        return code, text, left_behind

    return starter


def project(tmp_path: Path, program: str, stack: str = STACK) -> Path:
    return write_project(tmp_path / "project", program, local=stack)


def client(endpoint: str, service: str) -> Any:
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=endpoint)


def test_the_stack_is_served_until_sigterm_and_nothing_is_left_behind(
    start: Callable[..., Served], tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    served = start("--port", "0", "--outputs", str(file), "--json")
    served.until(file.exists, "outputs file")

    outputs = json.loads(file.read_text())
    served.until(lambda: served.text.endswith("\n"), "line of JSON")
    ready = json.loads(served.text)
    assert {"endpoint": ready["endpoint"], **ready["outputs"]} == outputs
    assert ready["stack"] == "local"
    assert len(ready["resources"]) > len(outputs)
    invoked = client(outputs["endpoint"], "lambda").invoke(
        FunctionName=outputs["queryFunction"], Payload=json.dumps({"queryType": "reconstructState"})
    )
    assert json.loads(invoked["Payload"].read())["statusCode"] == 400  # so the real handler ran, in a worker process

    assert served.stop(signal.SIGTERM) == 0
    assert not file.exists()
    assert served.left_behind() == []


def test_a_person_is_told_what_there_is_and_how_to_talk_to_it(start: Callable[..., Served], tmp_path: Path) -> None:
    program = """
    aws.sqs.Queue("queue")
    pulumi.export("commandFunction", "command-function-abc")
    pulumi.export("readme", "long")
    pulumi.export("region", "us-east-1")
    """
    served = start("--port", "0", "--verbose", folder=project(tmp_path, program))
    served.until(lambda: "Ctrl-C" in served.text, "end of the greeting")

    lines = served.text.splitlines()
    endpoint = lines[0].rsplit(" ", 1)[1]
    assert any(line.startswith("  + queue ") and " queue " in line for line in lines)
    assert "demo / local: 1 resource" in lines
    assert "  commandFunction  command-function-abc" in lines
    assert "  region           us-east-1" in lines
    assert f"  --endpoint-url {endpoint} --region us-east-1 \\" in lines
    assert "  --function-name command-function-abc \\" in lines
    assert "long" not in served.text
    assert served.stop(signal.SIGINT) == 0
    assert served.left_behind() == []


def test_without_deploying_it_is_empty_and_names_the_commands_of_the_cli(
    start: Callable[..., Served], tmp_path: Path
) -> None:
    stack = STACK + "  aws:endpoints:\n    - sqs: http://127.0.0.1:4566\n      sns: http://127.0.0.1:4566\n"
    served = start("--port", "0", "--no-deploy", folder=project(tmp_path, 'aws.sqs.Queue("queue")', stack))
    served.until(lambda: "Ctrl-C" in served.text, "end of the greeting")

    endpoint = served.text.splitlines()[0].rsplit(" ", 1)[1]
    assert "QueueUrls" not in client(endpoint, "sqs").list_queues()
    assert (
        f"pulumi config set-all --stack local --path --plaintext 'aws:endpoints[0].sqs={endpoint}'"
        f" --plaintext 'aws:endpoints[0].sns={endpoint}'"
    ) in served.text
    assert "pulumi up --stack local --yes" in served.text
    assert served.stop() == 0


def test_a_signal_during_the_deployment_ends_it(start: Callable[..., Served], tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    program = 'for n in range(400):\n    aws.sqs.Queue(f"queue-{n}")'
    served = start("--port", "0", "--verbose", "--outputs", str(file), folder=project(tmp_path, program))
    served.until(lambda: "  + queue" in served.text, "first queue")

    assert served.stop(signal.SIGINT) == 0
    assert served.text.count("  + ") < 400
    assert "  - " not in served.text  # it is all forgotten anyway
    assert served.text.endswith("\nStopping ...\n")
    assert not file.exists()
    assert served.left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_anything_has_begun_is_one_line(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {ELSEWHERE}", "/nowhere", "serve"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "loading\n"
        process.send_signal(number)

        assert process.wait(STOP_SECONDS) == 0
        assert process.stdout.read() == "Stopped before it had started.\n"


@dataclass(frozen=True)
class Wrong:
    """A start that cannot succeed, and what must be said about it."""

    message: str
    arguments: tuple[str, ...] = ()
    program: str = ""
    stack: str = STACK


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("there is no stack 'staging' here; the stacks are local", arguments=("--stack", "staging")),
        Wrong("demo:size must be of type integer, not 'huge'", stack=STACK + "  demo:size: huge\n"),
        Wrong("Pulumi.local.yaml sets no aws:region", stack="config: {}"),
        Wrong("us-gov-west-1 is of aws-us-gov", stack="config: {aws:region: us-gov-west-1}"),
        Wrong("no resource type aws:ssm/parameter", program='aws.ssm.Parameter("p", type="String", value="x")'),
        Wrong("cannot write /nowhere/out.json, the file of --outputs", arguments=("--outputs", "/nowhere/out.json")),
        Wrong("the file of --outputs: that is a folder", arguments=("--outputs", "/tmp")),  # noqa: S108 -- a folder
    ],
    ids=lambda wrong: wrong.message,
)
def test_what_cannot_be_served_is_one_line_and_exit_code_1(refused: Refused, tmp_path: Path, wrong: Wrong) -> None:
    folder = project(tmp_path, wrong.program, wrong.stack)

    code, text, left_behind = refused("--port", "0", *wrong.arguments, "--json", folder=folder)

    assert code == 1
    [line] = text.splitlines()
    assert line.startswith("error: ")
    assert wrong.message in line
    assert left_behind == []


def test_a_taken_port_is_named_and_its_owner_left_alone(start: Callable[..., Served], tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    file.write_text("of whoever has the port")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = start("--port", str(port), "--outputs", str(file), folder=project(tmp_path, ""))

        assert served.process.wait(READY_SECONDS) == 1

    assert served.text.startswith(f"error: Port {port} on 127.0.0.1 is taken")
    [_, again] = served.text.splitlines()
    words = shlex.split(again)
    assert words[:6] == [".venv/bin/python", "-m", "local", "serve", "--port", words[5]]
    assert port != int(words[5])
    assert words[6:] == ["--outputs", str(file)]
    assert file.read_text() == "of whoever has the port"


@pytest.mark.parametrize(
    ("options", "level", "command"),
    [
        ({"outputs": Path("out.json")}, "1", "make serve PORT=4666"),
        (
            {"outputs": Path("out.json")},
            "",
            ".venv/bin/python -m local serve --port 4666 --outputs out.json",
        ),
        (
            {"data": Path("my data"), "verbose": True, "stack": "dev"},
            "1",
            ".venv/bin/python -m local serve --port 4666 --stack dev --data 'my data' --verbose",
        ),
        (
            {"deploy": False, "as_json": True},
            "",
            ".venv/bin/python -m local serve --port 4666 --no-deploy --json",
        ),
    ],
)
def test_on_another_port_it_is_the_whole_command(
    options: dict[str, Any], level: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what make was told where make was; and the parser takes it."""
    monkeypatch.setenv("MAKELEVEL", level)
    given = serve.Options(**{"project_dir": REPOSITORY, "stack": "local", "port": 4566, **options})

    assert serve._command(given, 4666) == command
    if not command.startswith("make"):
        read = program._parser().parse_args(shlex.split(command)[3:])
        assert (read.port, read.outputs, read.data) == (4666, given.outputs, given.data)


def test_a_port_is_advised_that_has_room_behind_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        advised = serve._free_port_beyond(port - 103)  # the port that is taken would be the third of them
        assert advised == 0 or not advised <= port < advised + serve._PORTS
    assert serve._free_port_beyond(65_535) == 0


def test_a_stale_outputs_file_does_not_outlive_a_failed_start(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    file.write_text("stale")
    folder = project(tmp_path, 'raise pulumi.RunError("no")')

    code, _, _ = refused("--port", "0", "--outputs", str(file), folder=folder)

    assert code == 1
    assert not file.exists()


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_a_port_that_is_none_is_a_usage_error(refused: Refused, port: str) -> None:
    code, text, _ = refused(f"--port={port}")

    assert code == 2
    assert f"'{port}' is not a port" in text


def test_without_java_the_data_option_says_what_to_install(
    start: Callable[..., Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "no-java"))
    served = start("--port", "0", "--data", str(tmp_path / "data"), folder=project(tmp_path, ""))

    assert served.process.wait(READY_SECONDS) == 1
    [line] = served.text.splitlines()
    assert line.startswith("error: DynamoDB Local needs a Java runtime of version 17 or newer (Debian: openjdk-17-jre")
    assert served.left_behind() == []


def test_a_stack_whose_data_is_kept_takes_no_draft() -> None:
    """What is stored of a draft nobody can read once it has changed."""
    ours, another = load_config(REPOSITORY, "local"), load_config(REPOSITORY, "dev")

    assert ours.get("event-sourcing:draftEvents") == "true"
    assert kept(ours) == {"event-sourcing:draftEvents": "false"}
    assert kept(another) == {}


def test_data_that_cannot_be_used_is_one_line_and_exit_code_1(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    code, text, left_behind = refused("--port", "0", "--data", str(tmp_path), folder=project(tmp_path / "of", ""))

    assert code == 1
    [line] = text.splitlines()
    assert line.startswith(f"error: {tmp_path} holds other files: --data takes a new or empty folder")
    assert left_behind == []


def test_data_is_of_no_use_to_an_empty_aws(refused: Refused, tmp_path: Path) -> None:
    code, text, _ = refused("--data", str(tmp_path / "data"), "--no-deploy")

    assert code == 2
    assert "not allowed with argument --data" in text


CHANGING = """
aws.sqs.Queue("queue"{0})
table = aws.dynamodb.Table("table", attributes=[{{"name": "Id", "type": "S"}}], hash_key="Id",
                           billing_mode="PAY_PER_REQUEST", stream_enabled=True, stream_view_type="NEW_IMAGE")
pulumi.export("region", "us-east-1")
pulumi.export("table", table.name)
pulumi.export("stream", table.stream_arn)
{1}
"""


@pytest.mark.skipif(not available(), reason="there is no Java, or `make dynamodb-local` was not run")
def test_a_restart_on_the_same_data_has_the_same_outputs_and_the_programs_changes(
    start: Callable[..., Served], tmp_path: Path
) -> None:
    def serve(folder: Path) -> tuple[Served, dict[str, Any]]:
        served = start("--port", "0", "--data", str(tmp_path / "data"), "--json", folder=folder)
        served.until(lambda: served.text.endswith("}\n"), "line of JSON")
        return served, json.loads(served.text)

    folder = project(tmp_path, CHANGING.format("", ""))
    first, before = serve(folder)
    second = start("--port", "0", "--data", str(tmp_path / "data"), folder=folder)
    assert second.process.wait(READY_SECONDS) == 1
    assert second.text.startswith(f"error: {tmp_path / 'data'} is in use by another embedded AWS (process ")
    item = {"Id": {"S": "kept"}}
    client(before["endpoint"], "dynamodb").put_item(TableName=before["outputs"]["table"], Item=item)
    first.process.kill()
    first.process.wait(STOP_SECONDS)

    project(tmp_path, CHANGING.format(", delay_seconds=7", 'pulumi.export("topic", aws.sns.Topic("topic").name)'))
    third, after = serve(folder)

    assert {**after["outputs"], "topic": None} == {**before["outputs"], "topic": None}
    assert after["outputs"]["topic"].startswith("topic-")
    url = next(each["id"] for each in after["resources"] if each["type"] == "aws:sqs/queue:Queue")
    asked = client(after["endpoint"], "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert asked["Attributes"]["DelaySeconds"] == "7"
    assert client(after["endpoint"], "dynamodb").scan(TableName=after["outputs"]["table"])["Items"] == [item]
    assert third.stop() == 0
    assert third.left_behind() == []

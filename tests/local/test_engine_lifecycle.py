"""Starting and stopping: nothing is left behind, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local.engine import Engine, PortTaken
from local.engine.background import Background
from local.engine.stream_poller import StreamPoller
from tests.local.conftest import Workshop
from tests.support import eventually

ROOT = Path(__file__).parents[2]


def _gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def _children() -> set[int]:
    """Of this process: on Linux, the watchdog and what workers are forked from."""
    tasks = Path("/proc/self/task")
    return {
        int(child)
        for task in (tasks.iterdir() if tasks.exists() else ())
        for child in (task / "children").read_text().split()
    }


def test_stop_leaves_no_process_thread_or_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    threads, others = set(threading.enumerate()), _children()  # such as the DynamoDB Local of other tests
    with Engine() as engine:
        workshop = Workshop(engine)
        source = workshop.queue()
        _, stream = workshop.table()
        function = workshop.function("import os\ndef handler(event, context): return os.getpid()")
        workshop.map(workshop.queue_arn(source), function)
        workshop.map(stream, function, StartingPosition="TRIM_HORIZON")
        worker = workshop.invoke(function)["Payload"]
        assert list(tmp_path.iterdir())
        started = _children() - others

    assert _gone(worker)
    assert not started & _children()
    assert set(threading.enumerate()) <= threads
    assert not list(tmp_path.iterdir())


def test_stop_ends_the_lanes_of_a_stream_whose_reader_fails_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set(threading.enumerate())
    with Engine() as engine:
        workshop = Workshop(engine)
        tell = workshop.queue()
        table, stream = workshop.table()
        function = workshop.function("import telling\ndef handler(event, context): telling.tell(1)", tell=tell)
        workshop.map(stream, function, StartingPosition="TRIM_HORIZON")
        workshop.put(table, "a", 1)
        workshop.told(tell)
        failed = threading.Event()

        def fail(*_: Any) -> Any:
            failed.set()
            raise RuntimeError("injected")

        monkeypatch.setattr(StreamPoller, "_new_records", fail)
        workshop.put(table, "a", 2)
        assert failed.wait(10)

    assert set(threading.enumerate()) <= threads


def test_stop_has_one_bound_for_all_that_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.engine.background._JOIN_SECONDS", 0.3)
    working, over = Background(), threading.Event()
    for number in range(20):
        working.spawn(f"deaf-{number}", over.wait)  # type: ignore[arg-type] # its answer is of no use
    began = time.monotonic()

    working.stop()

    assert time.monotonic() - began < 3  # not 20 times the bound
    over.set()


def test_stop_ends_an_invocation_that_runs() -> None:
    with Engine() as engine:
        workshop = Workshop(engine)
        tell = workshop.queue()
        code = "import telling, time\ndef handler(event, context):\n    telling.tell('in')\n    time.sleep(60)"
        function = workshop.function(code, tell=tell, Timeout=60)
        workshop.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload="{}")
        workshop.told(tell)


def test_stop_twice_and_without_start_does_nothing() -> None:
    engine = Engine()
    engine.stop()
    engine.start()
    engine.stop()
    engine.stop()

    with pytest.raises(RuntimeError, match="not running"):
        _ = engine.endpoint


def test_a_second_start_begins_empty_on_the_same_port() -> None:
    with Engine() as first:
        port = int(first.endpoint.rsplit(":", 1)[1])
        first.client("sqs").create_queue(QueueName="left-over")

    with Engine(port) as second:
        assert second.endpoint == f"http://127.0.0.1:{port}"
        assert "QueueUrls" not in second.client("sqs").list_queues()


def test_a_taken_port_is_said_to_be_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is taken"):
            Engine(port).start()
    with Engine(port):  # the failed start has left nothing in the way
        pass


def test_two_engines_in_one_process_are_refused() -> None:
    with Engine(), pytest.raises(RuntimeError, match="already"):
        Engine().start()


def test_an_engine_that_is_killed_takes_its_workers_and_folder_along(tmp_path: Path) -> None:
    told = tmp_path / "worker"
    code = """
        import os, time
        def handler(event, context):
            with open(event, "w") as told:
                told.write(str(os.getpid()))
            time.sleep(60)
        """
    program = f"""
        import json
        from local.engine import Engine
        from tests.local.conftest import Workshop
        workshop = Workshop(Engine().__enter__())
        name = workshop.function({code!r}, Timeout=60)
        workshop.lambda_.invoke(FunctionName=name, Payload=json.dumps({str(told)!r}))
        """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    engine = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment, cwd=ROOT)
    worker = int(eventually(lambda: told.exists() and told.read_text(), timeout=30))
    assert not _gone(worker)

    engine.send_signal(signal.SIGKILL)
    engine.wait()

    eventually(lambda: _gone(worker))
    eventually(lambda: not list(tmp_path.glob("embedded-aws-*")))


_STARTING = """
    import os, subprocess, sys
    def handler(event, context):
        command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        if event["forgets"]:  # by a parent that is gone
            options = "start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
            program = f"import subprocess; print(subprocess.Popen({command}, {options}).pid, flush=True)"
            process = int(subprocess.run([sys.executable, "-S", "-c", program], capture_output=True).stdout)
        else:
            process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL).pid
        if event["told"]:
            with open(event["told"], "w") as told:
                told.write(str(process))
        if event["ends"]:
            os._exit(1)
        return process
    """
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows whose a process was")


@linux
@pytest.mark.parametrize("forgets", [False, True])
def test_a_stop_ends_what_functions_started_in_sessions_of_its_own(forgets: bool) -> None:
    with Engine() as engine:
        workshop = Workshop(engine)
        event = {"forgets": forgets, "told": None, "ends": False}
        started = workshop.invoke(workshop.function(_STARTING), event)["Payload"]
        assert not _gone(started)

    eventually(lambda: _gone(started))


@linux
@pytest.mark.parametrize("forgets", [False, True])
def test_what_a_worker_started_ends_with_it(tmp_path: Path, forgets: bool) -> None:
    told = tmp_path / "started"
    with Engine() as engine:
        workshop = Workshop(engine)
        answer = workshop.invoke(workshop.function(_STARTING), {"forgets": forgets, "told": str(told), "ends": True})
        assert answer["Payload"]["errorType"] == "Runtime.ExitError"
        eventually(lambda: _gone(int(told.read_text())))


@linux
def test_an_engine_that_is_killed_takes_along_what_functions_started(tmp_path: Path) -> None:
    told = tmp_path / "started"
    event = json.dumps({"forgets": True, "told": str(told), "ends": False})
    program = f"""
        import time
        from local.engine import Engine
        from tests.local.conftest import Workshop
        workshop = Workshop(Engine().__enter__())
        workshop.lambda_.invoke(FunctionName=workshop.function({_STARTING!r}), Payload={event!r})
        time.sleep(60)
        """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    engine = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment, cwd=ROOT)
    started = int(eventually(lambda: told.exists() and told.read_text(), timeout=30))
    assert not _gone(started)

    engine.kill()
    engine.wait()

    eventually(lambda: _gone(started))

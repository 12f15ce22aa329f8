"""A worker that is forked from a template is what a fresh process would be; and a template may die."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local.engine import Engine, processes
from local.engine.processes import Template
from tests.local.conftest import Workshop, package
from tests.support import eventually

pytestmark = pytest.mark.skipif(not processes._CAN_FORK, reason="workers are forked on Linux alone")

ROOT = Path(__file__).parents[2]
PID = "import os\ndef handler(event, context): return os.getpid()"
TELLS_ALL = """
import gc, locale, os, resource, signal, sys, threading, time
def handler(event, context):
    out, error = sys.stdout.stream, sys.stderr.stream
    descriptors = {name: os.path.exists(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")}
    return {
        "arguments": [sys.argv, sys.orig_argv, sys.executable, str(sys.flags)],
        "paths": [sys.path, os.getcwd(), sys.modules["__main__"].__file__],
        "environment": dict(os.environ),
        "leads its group and session": [os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
        "descriptors": descriptors,
        "standard streams": [[out.encoding, out.errors, out.line_buffering], [error.encoding, error.errors]],
        "input": sys.stdin.read(),
        "threads": threading.active_count(),
        "signals": [str(signal.getsignal(each)) for each in signal.valid_signals()],
        "blocked signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "locale and zone": [locale.getlocale(), time.tzname],
        "collector": [gc.isenabled(), gc.get_threshold()],
        "limits": [resource.getrlimit(resource.RLIMIT_NOFILE), os.umask(0o22), os.nice(0)],
    }
"""
_DIFFERS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API")


def _templates(engine: Engine) -> dict[Path, Template]:
    running = engine._running  # nobody else is to know of it
    assert running is not None
    return running._processes._templates


def _template(engine: Engine) -> Template:
    """The one of the functions without a layer."""
    nothing = hashlib.sha256().hexdigest()[:8]
    return next(template for opt, template in _templates(engine).items() if opt.name.startswith(f"opt-{nothing}"))


def _layer(workshop: Workshop, files: dict[str, str]) -> str:
    published = workshop.lambda_.publish_layer_version(
        LayerName=workshop.name("layer"), Content={"ZipFile": package(files)}
    )
    return str(published["LayerVersionArn"])


def _told(workshop: Workshop, variables: dict[str, str]) -> Any:
    name = workshop.function(TELLS_ALL, Variables=variables)
    told = workshop.invoke(name)["Payload"]
    for variable in (*_DIFFERS, "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID"):
        told["environment"].pop(variable)
    folder = told["paths"][1]
    return json.loads(json.dumps(told).replace(folder, "/var/task").replace(name, "function"))


@pytest.mark.parametrize("variables", [{}, {"TZ": "Asia/Tokyo", "SIZE": "ä 1"}], ids=["none", "zone"])
def test_a_forked_worker_is_what_a_fresh_one_is(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    forked = _told(workshop, variables)
    assert _template(workshop.engine).has_workers
    monkeypatch.setattr(processes, "_CAN_FORK", False)

    fresh = _told(workshop, variables)

    assert forked == fresh


def test_forked_workers_draw_different_numbers(workshop: Workshop) -> None:
    code = "import random, uuid\nDRAWN = random.random()\ndef handler(event, context): return DRAWN"

    assert workshop.invoke(workshop.function(code))["Payload"] != workshop.invoke(workshop.function(code))["Payload"]


def test_a_module_of_the_function_comes_before_the_one_that_the_template_has_loaded(workshop: Workshop) -> None:
    code = "import calendar\ndef handler(event, context): return calendar.MINE"
    function = workshop.function(code, files={"calendar.py": "MINE = 'mine'"})

    assert workshop.invoke(function)["Payload"] == "mine"
    assert "calendar" in _template(workshop.engine).loaded


def test_what_python_reads_at_its_start_is_heeded(workshop: Workshop) -> None:
    code = "import sys\ndef handler(event, context): return sys.flags.optimize"
    function = workshop.function(code, Variables={"PYTHONOPTIMIZE": "1"})

    assert workshop.invoke(function)["Payload"] == 1


def test_libraries_come_from_the_layer_and_from_nowhere_else(workshop: Workshop) -> None:
    code = "import boto3\ndef handler(event, context): return [boto3.WHOSE, boto3.__file__]"
    layer = _layer(workshop, {"python/boto3/__init__.py": "WHOSE = 'the layer'"})

    whose, file = workshop.invoke(workshop.function(code, Layers=[layer]))["Payload"]

    assert whose == "the layer"
    assert "/opt-" in file
    answer = workshop.invoke(workshop.function(code))
    assert answer["Payload"]["errorMessage"] == "Unable to import module 'main': No module named 'boto3'"


def test_a_killed_template_is_replaced_and_its_workers_go_on(workshop: Workshop) -> None:
    old = workshop.function(PID)
    worker = workshop.invoke(old)["Payload"]
    killed = _template(workshop.engine).pid
    os.kill(killed, signal.SIGKILL)

    assert workshop.invoke(workshop.function(PID))["Payload"] > 0
    assert _template(workshop.engine).pid != killed
    assert _template(workshop.engine).has_workers
    assert workshop.invoke(old)["Payload"] == worker

    os.kill(worker, signal.SIGKILL)  # nobody tells of its end any more
    assert workshop.invoke(old)["Payload"] not in (worker, None)


def test_a_worker_whose_template_is_gone_fails_its_invocation_when_it_dies(workshop: Workshop) -> None:
    function = workshop.function("import os, signal\ndef handler(event, context): os.kill(os.getpid(), signal.SIGKILL)")
    workshop.lambda_.get_function(FunctionName=function)
    eventually(lambda: _template(workshop.engine).has_workers)
    os.kill(_template(workshop.engine).pid, signal.SIGKILL)

    answer = workshop.invoke(function)

    assert answer["Payload"]["errorType"] == "Runtime.ExitError"


def test_without_a_template_workers_are_started_afresh(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PROGRAM", Path("/nowhere"))
    layer = _layer(workshop, {"python/unlike.py": ""})

    assert workshop.invoke(workshop.function(PID, Layers=[layer]))["Payload"] > 0


def test_a_template_ends_when_it_has_no_workers_and_another_begins(workshop: Workshop) -> None:
    layers = [_layer(workshop, {f"python/{name}.py": ""}) for name in ("former", "latter")]
    function = workshop.function(PID, Layers=layers[:1])
    workshop.invoke(function)
    former = list(_templates(workshop.engine).values())[-1]
    workshop.lambda_.delete_function(FunctionName=function)
    eventually(lambda: not former.has_workers)

    workshop.invoke(workshop.function(PID, Layers=layers[1:]))

    assert former not in _templates(workshop.engine).values()
    assert not Path(f"/proc/{former.pid}").exists()


def test_each_session_of_a_fork_has_descriptions_of_its_own() -> None:
    code = """
    from local.engine import template_process
    template_process._read_descriptions()
    from botocore.loaders import Loader
    first, second = (Loader().load_service_model("sqs", "service-2") for _ in range(2))
    print(first == second, first is second, "SendMessage" in first["operations"])
    """

    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "True False True\n"

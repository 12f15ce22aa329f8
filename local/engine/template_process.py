"""The process from which workers are forked: it has loaded what they would all load first, and does nothing else.

It runs by itself, without the engine's code or packages: nothing but what is on a function's own path may be loaded. A
request comes with the worker's output pipe and says what a fresh process would have been given. The fork becomes that
process: its environment, folder, import path, arguments, process group and output. It then runs the runtime client.

Loaded is only what reads no environment while it is imported. There are no threads here, so a fork takes nothing along
that somebody else holds; `random` seeds itself anew after a fork. What all forks share, and fresh processes
do not, is the secret of Python's hashes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time

try:
    from ctypes import CDLL
except ImportError:  # a Python without it: what a function leaves behind may stay
    _prctl = None
else:
    _prctl = getattr(CDLL(None), "prctl", None)

_MESSAGE = 1 << 20
_PR_SET_CHILD_SUBREAPER = 36
_LOADED = (
    # what the runtime client loads, without itself: it reads its settings while it is imported
    "argparse",
    "decimal",
    "http.client",
    "importlib.metadata",
    "logging",
    "traceback",
    "uuid",
    # what a client of AWS takes
    "boto3",
    "boto3.dynamodb.types",
    "botocore.args",
    "botocore.auth",
    "botocore.client",
    "botocore.compress",
    "botocore.config",
    "botocore.configprovider",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.endpoint_provider",
    "botocore.handlers",
    "botocore.httpsession",
    "botocore.paginate",
    "botocore.parsers",
    "botocore.regions",
    "botocore.retries.adaptive",
    "botocore.retries.standard",
    "botocore.serialize",
    "botocore.session",
    "botocore.signers",
    "botocore.waiter",
)


_READ = ("endpoints", "partitions", "_retry", "sdk-default-configuration")
_SERVICES = ("dynamodb", "events", "sqs")
"""Whose descriptions are read as well, in the newest version."""


def load() -> list[str]:
    """The names of the top-level modules that are loaded now. What a layer does not bring is left out."""
    for name in _LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError, AttributeError):
        _read_descriptions()
    return sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"})


def _read_descriptions() -> None:
    """Reads botocore's descriptions of AWS once for all forks: 12 MB as objects.

    A fork that reads such a file gets what was read here; when it reads it again, for another session, it reads it
    anew. So each session holds one of its own, as in a fresh process.
    """
    from botocore.exceptions import DataNotFoundError  # noqa: PLC0415
    from botocore.loaders import JSONFileLoader, Loader  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415

    read = JSONFileLoader.load_file
    found: dict[str, object] = {}

    def note(loader: JSONFileLoader, file_path: str) -> object:
        content = read(loader, file_path)
        if content is not None:
            found[file_path] = content
        return content

    def once(loader: JSONFileLoader, file_path: str) -> object:
        return found.pop(file_path, None) or read(loader, file_path)

    JSONFileLoader.load_file = note  # type: ignore[method-assign, assignment]
    loader = Loader(include_default_search_paths=True)
    for name in _READ:
        with contextlib.suppress(DataNotFoundError):
            loader.load_data(name)
    for name in _SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            with contextlib.suppress(DataNotFoundError):
                loader.load_service_model(name, kind)
    JSONFileLoader.load_file = once  # type: ignore[method-assign, assignment]


def serve(control: socket.socket) -> str | None:
    """Forks a worker for each request until the engine is gone. In a worker it returns the handler; else None."""
    children: dict[int, int] = {}  # descriptors that tell of the end of a process, and its id
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        for ended in [each for each in ready if each in children]:
            poll.unregister(ended)
            _, status = os.waitpid(children[ended], 0)
            _end_strays({each for each in children.values() if each != children[ended]})
            _tell(control, {"exited": children.pop(ended), "status": os.waitstatus_to_exitcode(status)})
            os.close(ended)
        if control.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(control, _MESSAGE, 1)
            if not message:
                return None
            (output,) = descriptors
            ours, theirs = socket.socketpair()
            child = os.fork()
            if child == 0:
                ours.close()
                control.detach()
                return _become(json.loads(message), output, theirs)
            os.close(output)
            theirs.close()
            ours.recv(1)  # it has a process group of its own by then, or has ended
            ending = os.pidfd_open(child)
            children[ending] = child
            poll.register(ending, select.POLLIN)
            socket.send_fds(control, [json.dumps({"started": child}).encode()], [ending])
            with contextlib.suppress(OSError):  # it has ended already
                ours.send(b"x")
            ours.close()


def _keep_descendants() -> None:
    """What this process's descendants leave behind becomes its own child, and nobody else's."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_strays(workers: set[int]) -> None:
    """Ends what workers that have ended had started, in whatever session. What living ones started is theirs."""
    path = f"/proc/self/task/{os.getpid()}/children"
    while True:
        try:
            with open(path, encoding="ascii") as children:  # noqa: PTH123 - the template loads no pathlib
                strays = {int(child) for child in children.read().split()} - workers
        except OSError:  # a system without such files
            return
        if not strays:
            return
        for stray in strays:  # whose own children are strays next
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)


def _become(launch: dict[str, object], output: int, template: socket.socket) -> str:
    """Makes this fork what a fresh process would be. Returns the handler.

    Where the template dies before it has told the engine of this fork, nobody knows of it, and it ends.
    """
    os.setsid()
    _keep_descendants()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    template.send(b"x")
    if not template.recv(1):
        os._exit(1)
    template.detach()
    os.closerange(3, 1 << 20)
    environment, folder, handler = launch["environment"], str(launch["folder"]), str(launch["handler"])
    os.environ.clear()
    os.environ.update({**_COERCED, **environment})  # type: ignore[dict-item] # it came as JSON
    time.tzset()
    os.chdir(folder)
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [folder, *own, *_STANDARD]
    sys.orig_argv[:] = [sys.executable, "-S", "-m", "awslambdaric", handler]
    return handler


def _tell(control: socket.socket, content: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # the engine is gone, which shows when it is asked for the next request
        control.send(json.dumps(content).encode())


if __name__ == "__main__":
    del sys.path[0]  # this file's folder
    _STANDARD = sys.path[len(os.environ["PYTHONPATH"].split(os.pathsep)) :]
    # Where the machine has not the locale of LANG, Python sets this at its start.
    _COERCED = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    _control = socket.socket(fileno=int(sys.argv[1]))
    _keep_descendants()
    _control.send(json.dumps({"loaded": load()}).encode())
    gc.collect()
    gc.freeze()  # a collection in a fork would write to, and so copy, every page
    _handler = serve(_control)
    if _handler is not None:
        sys.argv[:] = ["awslambdaric", _handler]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)

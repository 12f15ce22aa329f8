"""How a worker's process comes to be: started afresh, or forked from a template that has loaded its layer."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.watchdog import Watchdog

_logger = logging.getLogger(__name__)

_READY_SECONDS = 20.0
_FORK_SECONDS = 10.0
_TELL_SECONDS = 2.0  # from the end of a process until its template tells how it ended
_MESSAGE = 1 << 20
_PROGRAM = Path(__file__).with_name("template_process.py")
_CAN_FORK = hasattr(os, "pidfd_open")  # Linux
_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_")
"""Variables that a process reads when it starts: a fork would not."""
_UNKNOWN = 0
"""The exit status where nobody can tell it: Lambda says "exited without providing a reason" for it."""


@dataclass(frozen=True)
class Launch:
    """How a worker is started. `environment` is whole; of it, `own` are the names that the function itself sets."""

    handler: str
    folder: Path
    opt: Path
    environment: Mapping[str, str]
    own: frozenset[str] = frozenset()


class Process(Protocol):
    """As much of a `subprocess.Popen` as a worker needs. It leads a process group of its own."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    def wait(self) -> int:
        """The exit status, once it has ended."""

    def ending(self) -> int | None:
        """A new descriptor that is readable once it has ended; None where the system has none (macOS)."""


class _Spawned(subprocess.Popen[bytes]):
    def ending(self) -> int | None:
        return os.pidfd_open(self.pid) if _CAN_FORK else None  # it is not reaped before somebody asks


def spawn(launch: Launch, output: int) -> Process:
    """A fresh process. Raises: OSError."""
    return _Spawned(  # the function's handler is what we are here to run
        [sys.executable, "-S", "-m", "awslambdaric", launch.handler],
        cwd=launch.folder,
        env=launch.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # its own process group, so that what it starts dies with it
    )


class TemplateGone(Exception):  # noqa: N818
    """The template does not answer."""


class _Forked:
    """A process that a template has forked. `ending` is a descriptor that becomes readable when it has ended."""

    def __init__(self, pid: int, ending: int) -> None:
        self.pid = pid
        self._ending = ending
        self._told = threading.Event()  # the status is known, or nobody is left to tell it
        self._lock = threading.Lock()
        self._status: int | None = None

    def told(self, status: int | None) -> None:
        """By the template; None as its last word, when it is gone."""
        if status is not None:
            self._end(status)
        self._told.set()

    def ending(self) -> int:
        with self._lock:
            return os.dup(self._ending) if self._status is None else _at_its_end()

    def poll(self) -> int | None:
        with self._lock:
            running = self._status is None and not _is_readable(self._ending, 0)
        return None if running else self.wait()

    def wait(self) -> int:
        with self._lock:
            ending = None if self._status is not None else os.dup(self._ending)
        if ending is not None:
            _is_readable(ending, None)
            os.close(ending)
            self._told.wait(_TELL_SECONDS)
            self._end(_UNKNOWN)
        with self._lock:
            return _UNKNOWN if self._status is None else self._status

    def _end(self, status: int) -> None:
        with self._lock:
            if self._status is None:
                self._status = status
                os.close(self._ending)


def _at_its_end() -> int:
    """A descriptor that is readable and has nothing to read."""
    reading, writing = os.pipe()
    os.close(writing)
    return reading


def _is_readable(descriptor: int, milliseconds: int | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(milliseconds))


class Template:
    """A process that has loaded what the workers of a layer load. It is begun at once; `ready` waits for it."""

    def __init__(self, variables: Mapping[str, str], watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-S", str(_PROGRAM), str(theirs.fileno())],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        watchdog.watch(self._process.pid)
        self.wanted = 0  # by how many that start a worker just now; see `Processes`
        self.loaded: frozenset[str] = frozenset()
        """The top-level modules that it has loaded; none before it is ready."""
        self._asking = threading.Lock()  # one request at a time
        self._heard = threading.Condition()
        self._forked: _Forked | None = None  # since the last request
        self._workers: dict[int, _Forked] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="engine-template", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_workers(self) -> bool:
        with self._heard:
            return bool(self._workers)

    def ready(self) -> None:
        """Waits until it has loaded everything. Raises: TemplateGone."""
        with self._heard:
            self._heard.wait_for(lambda: self.loaded or self._gone, _READY_SECONDS)
            if not self.loaded:
                raise TemplateGone

    def fork(self, launch: Launch, output: int) -> Process:
        """Raises: TemplateGone."""
        asked = {"handler": launch.handler, "folder": str(launch.folder), "environment": dict(launch.environment)}
        with self._asking:
            try:
                socket.send_fds(self._control, [json.dumps(asked).encode()], [output])
            except OSError as error:
                raise TemplateGone from error
            with self._heard:
                self._heard.wait_for(lambda: self._forked or self._gone, _FORK_SECONDS)
                forked, self._forked = self._forked, None
        if forked is None:
            raise TemplateGone
        return forked

    def stop(self) -> None:
        """Ends it; its workers go on."""
        with contextlib.suppress(OSError):  # it has ended by itself
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._control.close()
        self._watchdog.forget(self._process.pid)

    def _read(self) -> None:
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
            except OSError:
                message = b""
            with self._heard:
                if message:
                    self._hear(json.loads(message), descriptors)
                else:
                    self._gone = True
                    for worker in self._workers.values():
                        worker.told(None)
                self._heard.notify_all()
            if not message:
                return

    def _hear(self, told: dict[str, Any], descriptors: list[int]) -> None:
        if "loaded" in told:
            self.loaded = frozenset(told["loaded"])
        elif "started" in told:
            self._forked = self._workers[told["started"]] = _Forked(told["started"], *descriptors)
        else:
            self._workers.pop(told["exited"]).told(told["status"])


class Processes:
    """Starts workers in the cheapest way that is the same as a fresh process, and has the watchdog know of them."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._lock = threading.Lock()
        self._templates: dict[Path, Template] = {}
        self._without: set[Path] = set()  # layers whose template could not be started
        self._stopped = False

    def start(self, launch: Launch, output: int) -> Process:
        """A process whose standard output and error is `output`. Raises: OSError."""
        process = self._fork(launch, output) or spawn(launch, output)
        self._watchdog.watch(process.pid)
        return process

    def forget(self, process: int) -> None:
        """It has ended."""
        self._watchdog.forget(process)

    def _fork(self, launch: Launch, output: int) -> Process | None:
        """None where a fresh process has to be started."""
        for _ in range(2):  # a template that died is replaced once
            template = self._template(launch)
            if template is None:
                return None
            try:
                template.ready()
                return None if _shadows(launch, template.loaded) else template.fork(launch, output)
            except TemplateGone:
                self._discard(launch.opt, template)
            finally:
                with self._lock:
                    template.wanted -= 1
        return None

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            templates, self._templates = list(self._templates.values()), {}
        for template in templates:
            template.stop()

    def _template(self, launch: Launch) -> Template | None:
        """The template of the layer; None where a fork would not be what a fresh process is."""
        if not _CAN_FORK or any(name.startswith(_AT_START) for name in launch.own):
            return None
        with self._lock:
            if self._stopped or launch.opt in self._without:
                return None
            if launch.opt not in self._templates:
                self._end_unused()
                path = launch.environment["PYTHONPATH"].split(os.pathsep)[1:]  # the function's own folder comes first
                kept = {name: launch.environment[name] for name in ("LANG", "PATH", "TZ")}
                variables = {**kept, "PYTHONPATH": os.pathsep.join(path), "LD_LIBRARY_PATH": str(launch.opt / "lib")}
                self._templates[launch.opt] = Template(variables, self._watchdog)
            template = self._templates[launch.opt]
            template.wanted += 1
            return template

    def _end_unused(self) -> None:
        """Where a layer has a new version, the template of the former one goes after its last worker."""
        for opt, template in list(self._templates.items()):
            if not template.wanted and not template.has_workers:
                del self._templates[opt]
                template.stop()

    def _discard(self, opt: Path, template: Template) -> None:
        with self._lock:
            if self._templates.get(opt) is not template:  # another one saw it first, or the engine stops
                return
            del self._templates[opt]
            if not template.loaded:
                self._without.add(opt)
        _logger.warning("the template of the workers of %s has ended (%s)", opt.name, template.pid)
        template.stop()


def _shadows(launch: Launch, loaded: frozenset[str]) -> bool:
    """Whether the function brings a module, or a library, in whose place it would get the template's."""
    names = {entry.name for entry in launch.folder.iterdir()}
    return bool({name.partition(".")[0] for name in names} & loaded) or any(n == "lib" or ".so" in n for n in names)

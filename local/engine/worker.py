"""One execution environment: a process that runs one function through AWS's runtime client, one invocation at a time.

The runtime client asks `GET .../runtime/invocation/next` and posts the result. So the thread that invokes plays the
server on the worker's own port: it finds the pending question, answers it with the event, and reads on until the
result, the deadline or the end of the process, gathering the worker's output on the way. A worker costs no thread.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from local.engine.server import HOST
from local.engine.watchdog import end_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.processes import Launch, Processes

_CHUNK = 1 << 16
_EXIT_POLL_SECONDS = 0.02  # between looks at a process, where the system does not tell of its end
_MAX_LINE = 256 * 1024  # bytes of one log event

Line = tuple[int, str]
"""When the worker wrote it (milliseconds since 1970), and what."""


class WorkerExited(Exception):  # noqa: N818
    """The process is gone. `status` is its exit status, negative for a signal."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}")
        self.status = status


class WorkerTimeout(Exception):  # noqa: N818
    """The deadline passed; the process is to be killed."""


class InitFailed(Exception):  # noqa: N818
    """The function could not be loaded. `payload` is the error as the runtime client reports it."""

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload.decode("utf-8", "replace"))
        self.payload = payload


@dataclass(frozen=True)
class Invocation:
    request_id: str
    function_arn: str
    payload: bytes
    deadline: float  # seconds since 1970
    trace_id: str
    client_context: str = ""


@dataclass(frozen=True)
class _Message:
    """A request of the runtime client."""

    path: str
    body: bytes


class Worker:
    """Not thread-safe: whoever takes it out of the pool has it alone."""

    def __init__(self, launch: Launch, processes: Processes) -> None:
        """Raises: OSError."""
        self._listener = socket.create_server((HOST, 0))
        self._connection: socket.socket | None = None
        self._received = bytearray()
        self._line = bytearray()
        self._lines: list[Line] = []
        self._waiting = False  # the runtime client has asked for the next invocation
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        port = self._listener.getsockname()[1]
        try:
            environment = {**launch.environment, "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{port}"}
            self._process = processes.start(replace(launch, environment=environment), output)
        except OSError:
            self._listener.close()
            os.close(self._output)
            raise
        finally:
            os.close(output)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)
        self._ending = self._process.ending()
        if self._ending is not None:
            self._selector.register(self._ending, selectors.EVENT_READ)

    @property
    def group(self) -> int:
        """The process group."""
        return self._process.pid

    def initialise(self, deadline: float) -> None:
        """Waits until the function is loaded. Raises: InitFailed, WorkerExited, WorkerTimeout."""
        message = self._next_message(deadline)
        if message.path.endswith("/init/error"):
            self._reply(202, b'{"status":"OK"}')
            raise InitFailed(message.body)
        self._waiting = True

    def is_alive(self) -> bool:
        """Whether it can take an invocation: an idle worker may have died."""
        return self._process.poll() is None

    def invoke(self, invocation: Invocation) -> tuple[bytes, bool]:
        """Runs the handler; returns its payload and whether that is an error. Raises: WorkerExited, WorkerTimeout."""
        if not self._waiting:
            self._next_message(invocation.deadline)
        self._waiting = False
        self._reply(200, invocation.payload, _next_headers(invocation))
        message = self._next_message(invocation.deadline)
        self._reply(202, b'{"status":"OK"}')
        self._read_output()
        return message.body, not message.path.endswith("/response")

    def take_lines(self) -> list[Line]:
        """What it printed since the last time, an unfinished last line included."""
        self._read_output()
        self._end_line()
        lines, self._lines = self._lines, []
        return lines

    def max_memory_mb(self) -> int | None:
        """Its peak memory, where the system tells (Linux)."""
        with contextlib.suppress(OSError), open(f"/proc/{self._process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
            for entry in status:
                if entry.startswith("VmHWM:"):
                    return int(entry.split()[1]) // 1024
        return None

    def kill(self) -> None:
        """Kills the process and all it started. From any thread: the one that invokes sees the worker exit."""
        end_group(self._process.pid)

    def close(self) -> list[Line]:
        """Kills it and returns its last words."""
        self.kill()
        self._process.wait()
        lines = self.take_lines()
        self._selector.close()
        self._listener.close()
        if self._connection is not None:
            self._connection.close()
        os.close(self._output)
        if self._ending is not None:
            os.close(self._ending)
        return lines

    def _next_message(self, deadline: float) -> _Message:
        while True:
            message = self._parse()
            if message is not None:
                return message
            remaining = deadline - time.time()
            if remaining <= 0:
                raise WorkerTimeout
            # Its end counts, not that of its connection: what it forked may hold that, and its output, for long.
            ended = self._ending is None and self._process.poll() is not None
            wait = remaining if self._ending is not None else min(remaining, _EXIT_POLL_SECONDS)
            ready = [key.fileobj for key, _ in self._selector.select(0 if ended else wait)]
            for source in ready:
                self._receive(source)
            said_more = self._listener in ready or self._connection in ready
            if (ended or self._ending in ready) and not said_more:  # an answer before its end is one
                raise WorkerExited(self._process.wait())

    def _receive(self, source: object) -> None:
        if source is self._listener:
            self._hang_up()
            self._connection, _ = self._listener.accept()
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._connection, selectors.EVENT_READ)
        elif source is self._connection and self._connection is not None:
            try:
                data = self._connection.recv(_CHUNK)
            except ConnectionError:
                data = b""
            if data:
                self._received += data
            else:
                self._hang_up()
        elif source == self._output and not self._read_output():
            self._selector.unregister(self._output)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None
            self._received.clear()

    def _parse(self) -> _Message | None:
        """A whole message out of what was received, None if some of it is missing."""
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return None
        start, *fields = self._received[:head].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in fields)}
        body = head + 4
        end = body + int(headers.get("content-length", "0"))
        if len(self._received) < end:
            return None
        message = _Message(start.split(" ")[1], bytes(self._received[body:end]))
        del self._received[:end]
        return message

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        # One write, or the second part waits for the first to be acknowledged: 44 ms.
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in fields.items())]
        if self._connection is not None:
            with contextlib.suppress(ConnectionError):  # the end of the process shows when its answer is read
                self._connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def _read_output(self) -> bool:
        """Takes what is in the pipe; False at its end."""
        while True:
            try:
                data = os.read(self._output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            *complete, rest = data.split(b"\n")
            for part in complete:
                self._line += part
                self._end_line(even_if_empty=True)
            self._line += rest
            if len(self._line) > _MAX_LINE:
                self._end_line()

    def _end_line(self, *, even_if_empty: bool = False) -> None:
        if self._line or even_if_empty:
            # The runtime client writes a stack trace as one line, with \r for its line ends.
            text = self._line.decode("utf-8", "replace").replace("\r", "\n")
            self._lines.append((int(time.time() * 1000), text))
            self._line.clear()


def _next_headers(invocation: Invocation) -> dict[str, str]:
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        # Without it the native part of the runtime client crashes (awslambdaric 4.2.2).
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    if invocation.client_context:
        headers["Lambda-Runtime-Client-Context"] = json.dumps(json.loads(invocation.client_context))
    return headers

"""One invocation in one execution environment: what Lambda reports of it, as an answer and in the log."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.engine.logs import Report
from local.engine.worker import InitFailed, Invocation, WorkerExited, WorkerTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.engine.functions import Function
    from local.engine.pool import Environment
    from local.engine.worker import Line

MAX_PAYLOAD = 6 * 1024 * 1024
_MAX_ANSWER = MAX_PAYLOAD + 100
_TAIL = 4096  # bytes of the log that LogType=Tail returns


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to. `log` is what the invocation wrote, platform lines included."""

    payload: bytes
    failed: bool
    version: str
    request_id: str
    log: Sequence[Line] = field(repr=False, default=())

    @property
    def log_tail(self) -> bytes:
        return "\n".join(text for _, text in self.log).encode()[-_TAIL:]


class LoadsTooLong(Exception):  # noqa: N818
    """The function was not loaded within INIT_SECONDS."""


class Execution:
    """One invocation in one environment."""

    def __init__(self, function: Function, invocation: Invocation, worker_environment: Environment) -> None:
        self._function = function
        self._invocation = invocation
        self._environment = worker_environment
        self._stream = worker_environment.stream
        self._request_id = invocation.request_id
        self._began = time.time()
        self._start_lines: list[Line] = []

    def run(self, *, is_new: bool) -> tuple[Outcome, bool]:
        """The outcome, and whether the environment can be used again.

        Raises: LoadsTooLong, where the function is to be loaded once more in a new environment.
        """
        worker = self._environment.worker
        self._begin()
        deadline = None
        if is_new:
            if self._environment.is_second_try:  # this time is the invocation's, as on Lambda
                deadline = self._began + self._function.timeout
            try:
                self._environment.initialise(None if deadline is None else self._function.timeout)
            except InitFailed as error:
                return self._failed("error", error.payload), False
            except WorkerExited as error:
                return self._failed("error", self._exit_payload(error)), False
            except WorkerTimeout as error:
                if deadline is None:
                    raise LoadsTooLong from error
                return self._failed("timeout", self._timeout_payload()), False
        self._stream.write(worker.take_lines())  # what it printed outside of invocations
        self._begin()
        try:
            payload, is_error = worker.invoke(self._with(deadline or self._began + self._function.timeout))
        except WorkerExited as error:
            return self._failed("failure", self._exit_payload(error)), False
        except WorkerTimeout:
            worker.kill()
            return self._failed("timeout", self._timeout_payload()), False
        if not is_error and len(payload) > _MAX_ANSWER:
            text = f"Response payload size exceeded maximum allowed payload size ({_MAX_ANSWER} bytes)."
            payload, is_error = _error_payload("Function.ResponseSizeTooLarge", text), True
        return self._outcome("error" if is_error else "success", payload, []), True

    def _begin(self) -> None:
        self._began = time.time()
        self._start_lines = self._stream.start(self._request_id)

    def _with(self, deadline: float) -> Invocation:
        return replace(self._invocation, deadline=deadline)

    def _failed(self, status: str, payload: bytes) -> Outcome:
        error = json.loads(payload)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if status == "timeout":
            text = f"{at} {self._request_id} Task timed out after {self._function.timeout:.2f} seconds"
        else:
            text = f"{error['errorMessage']}\n{error['errorType']}"
        return self._outcome(status, payload, [(int(time.time() * 1000), text)])

    def _outcome(self, status: str, payload: bytes, platform_lines: list[Line]) -> Outcome:
        worker = self._environment.worker
        report = Report(
            request_id=self._request_id,
            status=status,
            duration=(time.time() - self._began) * 1000,
            init_duration=self._environment.take_init_duration(),
            max_memory=worker.max_memory_mb(),
        )
        lines = [*self._start_lines, *worker.take_lines(), *platform_lines, *self._stream.end(report)]
        self._stream.write(lines)
        return Outcome(payload, status != "success", self._function.version, self._request_id, lines)

    def _exit_payload(self, error: WorkerExited) -> bytes:
        if error.status < 0:
            reason = f"Runtime exited with error: signal: {_signal_name(-error.status)}"
        elif error.status > 0:
            reason = f"Runtime exited with error: exit status {error.status}"
        else:
            reason = "Runtime exited without providing a reason"
        return _error_payload("Runtime.ExitError", f"RequestId: {self._request_id} Error: {reason}")

    def _timeout_payload(self) -> bytes:
        text = f"RequestId: {self._request_id} Error: Task timed out after {self._function.timeout:.2f} seconds"
        return _error_payload("Sandbox.Timedout", text)


def _error_payload(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _signal_name(number: int) -> str:
    """The way Go says it, in which Lambda's runtime supervisor is written: "killed", "segmentation fault"."""
    return (signal.strsignal(number) or str(number)).lower()

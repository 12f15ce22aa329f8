"""Synchronous invocation: a function in, an outcome out, the way Lambda reports it."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.engine import backends, environment
from local.engine.api import ApiError
from local.engine.functions import Function, FunctionRef, load
from local.engine.logs import LogStream, Report
from local.engine.pool import INIT_SECONDS, Environment, Pool, PoolClosed
from local.engine.worker import InitFailed, Invocation, Launch, WorkerExited, WorkerTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.engine.background import Background
    from local.engine.gateway import Gateway
    from local.engine.packages import Packages
    from local.engine.watchdog import Watchdog
    from local.engine.worker import Line

MAX_WORKERS = 8
"""Workers of one function at most: a laptop is not a Region. More concurrency than this waits instead of failing."""

MAX_PAYLOAD = 6 * 1024 * 1024
_MAX_ANSWER = MAX_PAYLOAD + 100
_TAIL = 4096  # bytes of the log that LogType=Tail returns


class Throttled(ApiError):  # noqa: N818
    """The function is at its reserved concurrency."""

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.", 429)


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


class Invoker:
    """Runs functions in worker processes, as moto's records say at the moment of the invocation."""

    def __init__(
        self, gateway: Gateway, background: Background, packages: Packages, watchdog: Watchdog, endpoint: str
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._packages = packages
        self._watchdog = watchdog
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[str, Pool]] = {}
        self._in_flight: Counter[str] = Counter()

    def find(self, ref: FunctionRef) -> Function:
        """Raises: ApiError (ResourceNotFoundException)."""
        with self._gateway.lock:
            return load(ref)

    def prestart(self, ref: FunctionRef) -> None:
        """Gets one worker of the function ready in the background, so that the first invocation is not a cold start."""
        with contextlib.suppress(ApiError):  # deleted already, or nothing that could run
            function = self.find(ref)
            if function.reserved_concurrency != 0:
                self._background.spawn(f"prestart-{function.name}", self._pool(function).prestart)

    def forget(self) -> None:
        """Retires the workers of functions that are gone."""
        with self._lock:
            gone = [arn for arn in self._pools if not self._exists(arn)]
            pools = [self._pools.pop(arn)[1] for arn in gone]
        for pool in pools:
            pool.retire()

    def stop(self) -> None:
        with self._lock:
            pools = [pool for _, pool in self._pools.values()]
        for pool in pools:
            pool.kill()

    def invoke(
        self,
        ref: FunctionRef,
        payload: bytes,
        *,
        request_id: str | None = None,
        trace_id: str | None = None,
        client_context: str = "",
    ) -> Outcome:
        """Runs the function on the JSON text `payload`. Raises: ApiError for an unknown function, Throttled."""
        function = self.find(ref)
        arn = function.arn if ref.qualifier is None else f"{function.arn}:{ref.qualifier}"
        invocation = Invocation(
            request_id=request_id or str(uuid.uuid4()),
            function_arn=arn,
            payload=payload or b"{}",
            deadline=0.0,
            trace_id=trace_id or new_trace_id(),
            client_context=client_context,
        )
        with self._concurrency(function):
            return self._run(function, invocation)

    def _run(self, function: Function, invocation: Invocation) -> Outcome:
        try:
            while True:
                pool = self._pool(function)
                with contextlib.suppress(PoolClosed):  # the function changed meanwhile: take its new pool
                    worker_environment, is_new = pool.acquire()
                    break
                if self._background.closing.is_set():
                    raise ApiError("ServiceException", "The embedded AWS stops", 503)
                function = self.find(FunctionRef(function.region, function.name, function.version))
            execution = _Execution(function, invocation, worker_environment)
            outcome, reusable = execution.run(is_new=is_new)
        except OSError as error:
            raise ApiError(
                "ServiceException", f"The worker of {function.name} could not be run: {error}", 500
            ) from error
        if reusable:
            pool.release(worker_environment)
        else:
            pool.discard(worker_environment)
        return outcome

    @contextlib.contextmanager
    def _concurrency(self, function: Function) -> Iterator[None]:
        with self._lock:
            if function.reserved_concurrency is not None and (
                self._in_flight[function.arn] >= function.reserved_concurrency
            ):
                raise Throttled
            self._in_flight[function.arn] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[function.arn] -= 1

    def _pool(self, function: Function) -> Pool:
        with self._lock:
            fingerprint, pool = self._pools.get(function.version_arn, ("", None))
            if pool is not None and fingerprint == function.fingerprint:
                return pool
            outdated = pool
            fresh = Pool(MAX_WORKERS, lambda: self._create(function))
            self._pools[function.version_arn] = (function.fingerprint, fresh)
        if outdated is not None:
            outdated.retire()
        return fresh

    def _create(self, function: Function) -> Environment:
        task = self._packages.code(function.code)
        opt = self._packages.layers(function.layers)
        stream = LogStream(function, self._gateway.lock)
        with self._gateway.lock:
            credentials = backends.assume_role(function.role, function.name, function.region)
        variables = environment.variables(
            function,
            endpoint=self._endpoint,
            credentials=credentials,
            stream=stream.name,
            task=task,
            opt=opt,
            runtime=self._packages.runtime,
        )
        return Environment(Launch(function.handler, task, variables), stream, self._watchdog)

    def _exists(self, version_arn: str) -> bool:
        region, name, version = version_arn.split(":")[3], version_arn.split(":")[6], version_arn.split(":")[7]
        try:
            self.find(FunctionRef(region, name, version))
        except ApiError:
            return False
        return True


class _Execution:
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
        """The outcome, and whether the environment can be used again."""
        worker = self._environment.worker
        self._begin()
        if is_new:
            try:
                self._environment.initialise(INIT_SECONDS + self._function.timeout)
            except InitFailed as error:
                return self._failed("error", error.payload), False
            except WorkerExited as error:
                return self._failed("error", self._exit_payload(error)), False
            except WorkerTimeout:
                return self._failed("timeout", self._timeout_payload()), False
        self._stream.write(worker.take_lines())  # what it printed outside of invocations
        self._begin()
        try:
            payload, is_error = worker.invoke(self._with_deadline())
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

    def _with_deadline(self) -> Invocation:
        given = self._invocation
        deadline = self._began + self._function.timeout
        return Invocation(
            given.request_id, given.function_arn, given.payload, deadline, given.trace_id, given.client_context
        )

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
            trace_id=self._invocation.trace_id,
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


def new_trace_id() -> str:
    """An X-Ray trace header for a call that came without one."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"


def _error_payload(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _signal_name(number: int) -> str:
    """The way Go says it, in which Lambda's runtime supervisor is written: "killed", "segmentation fault"."""
    return (signal.strsignal(number) or str(number)).lower()

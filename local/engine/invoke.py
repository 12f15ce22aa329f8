"""Synchronous invocation: a function in, an outcome out, the way Lambda reports it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
import uuid
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from local.engine import backends, environment
from local.engine.aliases import routed
from local.engine.api import ACCOUNT, ApiError
from local.engine.execution import Execution, LoadsTooLong, Outcome
from local.engine.functions import Function, FunctionRef, load
from local.engine.logs import LogStream
from local.engine.pool import IDLE_SECONDS, Environment, Pool, PoolClosed
from local.engine.processes import Launch, Processes
from local.engine.tracing import Tracing
from local.engine.worker import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from local.engine.background import Background
    from local.engine.gateway import Gateway
    from local.engine.packages import Packages
    from local.engine.principals import Session

_logger = logging.getLogger(__name__)

MAX_WORKERS = 8
"""Workers of one function at most: a laptop is not a Region. More concurrency than this waits instead of failing."""


class Throttled(ApiError):  # noqa: N818
    """The function is at its reserved concurrency."""

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.", 429)


class _Stopping(ApiError):  # noqa: N818
    """The engine stops, so nothing is run any more."""

    def __init__(self) -> None:
        super().__init__("ServiceException", "The embedded AWS stops", 503)


class Lacking(NamedTuple):
    """How many provisioned environments do not stand yet, and why they never will, if so."""

    environments: int
    failure: str


class _Lease(NamedTuple):
    """An environment, taken for one invocation of the function as it is now."""

    function: Function
    pool: Pool
    environment: Environment
    is_new: bool


class Invoker:
    """Runs functions in worker processes, as moto's records say at the moment of the invocation."""

    def __init__(
        self,
        gateway: Gateway,
        background: Background,
        packages: Packages,
        processes: Processes,
        endpoint: str,
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._packages = packages
        self._processes = processes
        self._endpoint = endpoint
        self._tracing = Tracing(gateway.authorizer)
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[str, Pool]] = {}
        self._in_flight: Counter[str] = Counter()
        self._credentials: dict[tuple[Session, str], Mapping[str, str]] = {}
        background.spawn("engine-idle", self._thin_out)

    def find(self, ref: FunctionRef) -> Function:
        """Raises: ApiError (ResourceNotFoundException)."""
        with self._gateway.lock:
            return load(ref)

    def forget(self) -> None:
        """Retires the workers of functions that are gone."""
        with self._lock:
            gone = [arn for arn in self._pools if not self._exists(arn)]
            pools = [self._pools.pop(arn)[1] for arn in gone]
        for pool in pools:
            pool.retire()

    def kill(self, name: str) -> None:
        """Ends every process of the function at once, as where its machine fails: what they had under way fails."""
        with self._lock:
            gone = [arn for arn in self._pools if name in arn.split(":")]
            pools = [self._pools.pop(arn)[1] for arn in gone]
        for pool in pools:
            pool.kill()

    def provision(self, ref: FunctionRef, wanted: Mapping[str, int]) -> None:
        """Has so many environments of each version stand, and of the function's others none. Waits until they do."""
        with self._lock:
            ours = {arn: pool for arn, (_, pool) in self._pools.items() if arn.startswith(f"{_arn(ref)}:")}
        for arn, pool in ours.items():
            if arn.rsplit(":", 1)[1] not in wanted:
                pool.provision(0, pool.create)
        for version, number in wanted.items():
            with contextlib.suppress(ApiError):  # it is gone meanwhile
                function = self.find(FunctionRef(ref.region, ref.name, version))
                begun = replace(function, initialization="provisioned-concurrency")
                self._pool(function).provision(number, partial(self._create, begun))

    def lacking(self, ref: FunctionRef, versions: Iterable[str]) -> Lacking:
        """What keeps the environments of these versions from standing."""
        with self._lock:
            found = [self._pools.get(f"{_arn(ref)}:{version}") for version in versions]
        pools = [each[1] for each in found if each is not None]
        failures = [pool.failure for pool in pools if pool.failure]
        return Lacking(sum(pool.missing for pool in pools) + found.count(None), failures[0] if failures else "")

    def _thin_out(self) -> None:
        """What a busy minute began is not kept for good."""
        while not self._background.closing.wait(IDLE_SECONDS / 4):
            with self._lock:
                pools = [pool for _, pool in self._pools.values()]
            for pool in pools:
                pool.thin_out()

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
        if self._background.closing.is_set():
            raise _Stopping
        with self._gateway.lock:
            function = load(routed(ref))
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
            lease, outcome = self._execute(function, invocation)
        except ApiError:
            raise
        except Exception as error:  # a fault of the engine: who waits may try again, and does
            _logger.exception("the worker of %s could not be run", function.name)
            raise ApiError(
                "ServiceException", f"The worker of {function.name} could not be run: {error}", 500
            ) from error
        self._tracing.put(lease.function)
        return outcome

    def _execute(self, function: Function, invocation: Invocation) -> tuple[_Lease, Outcome]:
        while True:
            lease = self._acquire(function)
            reusable = False
            try:
                execution = Execution(lease.function, invocation, lease.environment)
                outcome, reusable = execution.run(is_new=lease.is_new)
                break
            except LoadsTooLong:
                lease.pool.try_again()
            finally:  # whatever happened, or the pool would have one place less for good
                (lease.pool.release if reusable else lease.pool.discard)(lease.environment)
        return lease, outcome

    def _acquire(self, function: Function) -> _Lease:
        while True:
            pool = self._pool(function)
            with contextlib.suppress(PoolClosed):  # the function changed meanwhile: take its new pool
                return _Lease(function, pool, *pool.acquire())
            if self._background.closing.is_set():
                raise _Stopping
            function = self.find(FunctionRef(function.region, function.name, function.version))

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
        stream = LogStream(function, self._gateway.authorizer)
        variables = environment.variables(
            function,
            endpoint=self._endpoint,
            credentials=self._credentials_of(function),
            stream=stream.name,
            task=task,
            opt=opt,
            runtime=self._packages.runtime,
        )
        launch = Launch(function.handler, task, opt, variables, frozenset(function.variables))
        return Environment(launch, self._processes, stream)

    def _credentials_of(self, function: Function) -> Mapping[str, str]:
        """One session for all workers of the function in turn: moto and the authorizer keep what was ever assumed."""
        key = (function.session, function.region)
        with self._gateway.lock:
            if key not in self._credentials:
                self._credentials[key] = backends.assume_role(*key)
            return self._credentials[key]

    def _exists(self, version_arn: str) -> bool:
        region, name, version = version_arn.split(":")[3], version_arn.split(":")[6], version_arn.split(":")[7]
        try:
            self.find(FunctionRef(region, name, version))
        except ApiError:
            return False
        return True


def _arn(ref: FunctionRef) -> str:
    return f"arn:aws:lambda:{ref.region}:{ACCOUNT}:function:{ref.name}"


def new_trace_id() -> str:
    """An X-Ray trace header for a call that came without one."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"

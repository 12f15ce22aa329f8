"""The execution environments of one function version: idle ones are reused, new ones started up to a limit."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from local.engine.worker import InitFailed, Worker, WorkerExited, WorkerTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.logs import LogStream
    from local.engine.processes import Launch, Processes

INIT_SECONDS = 10.0
"""How long a function may take to load, as on Lambda. Then it is loaded once more, within the invocation's timeout."""

FEW = 2
"""Environments that begin without waiting. A laptop's few processors gain nothing from more of what is soon done."""

PATIENCE_SECONDS = 0.25
"""How long an invocation waits for one of those. Then it gets another one, so what takes long holds nobody up."""

IDLE_SECONDS = 20.0
"""Until an environment that has nothing to do is ended, if there is another one. On AWS: minutes."""

LAST_IDLE_SECONDS = 600.0
"""Until the last one is ended as well: the next invocation is a cold start, of some 0.1 s."""


class PoolClosed(Exception):  # noqa: N818
    """The function changed, was deleted, or the engine stops."""


class Environment:
    """A worker with its log stream."""

    def __init__(self, launch: Launch, processes: Processes, stream: LogStream) -> None:
        self.stream = stream
        self.is_second_try = False
        """Whether it stands in for one that took longer than INIT_SECONDS to load."""
        self.idle_since = 0.0
        self._processes = processes
        self._started = time.time()
        self._init_duration: float | None = None
        self.worker = Worker(launch, processes)

    def initialise(self, timeout: float | None = None) -> None:
        """Within INIT_SECONDS, or `timeout` (seconds) from now. Raises what `Worker.initialise` raises."""
        self.stream.write(self.stream.init_start())
        self.worker.initialise(self._started + INIT_SECONDS if timeout is None else time.time() + timeout)
        self._init_duration = (time.time() - self._started) * 1000

    def take_init_duration(self) -> float | None:
        """Milliseconds, for the first invocation's report; None afterwards."""
        duration, self._init_duration = self._init_duration, None
        return duration

    def close(self) -> None:
        self.stream.write(self.worker.close())
        self._processes.forget(self.worker.group)


class Pool:
    """Hands out environments, each to one invocation at a time. At most `limit` exist; who comes then waits."""

    def __init__(self, limit: int, create: Callable[[], Environment]) -> None:
        self.create = create
        self.failure = ""
        """Why provisioned environments could not be begun."""
        self._limit = limit
        self._kept = 0  # environments that are begun before they are needed, and stay
        self._condition = threading.Condition()
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()
        self._count = 0
        self._too_slow = 0  # environments that took too long to load, and have no second try yet
        self._closed = False

    def acquire(self) -> tuple[Environment, bool]:
        """An environment, and whether it is new and still has to be initialised. Raises: PoolClosed."""
        while True:
            with self._condition:
                if self._count >= FEW:
                    self._condition.wait_for(lambda: self._closed or self._idle or self._count < FEW, PATIENCE_SECONDS)
                self._condition.wait_for(lambda: self._closed or self._idle or self._count < self._limit)
                if self._closed:
                    raise PoolClosed
                if not self._idle:
                    self._count += 1
                    is_second_try = self._too_slow > 0
                    self._too_slow -= is_second_try
                    break
                environment = self._idle.pop()
            if environment.worker.is_alive():
                return environment, False
            self.discard(environment)  # it died while idle: nobody's invocation failed
        environment = self._new(self.create)
        environment.is_second_try = is_second_try
        return environment, True

    @property
    def missing(self) -> int:
        """Of the provisioned environments."""
        with self._condition:
            return max(0, self._kept - self._count)

    def provision(self, count: int, create: Callable[[], Environment]) -> None:
        """Has so many environments stand, the pool's limit at most, and stay. Waits until they are loaded."""
        with self._condition:
            self._kept = min(count, self._limit)
            self.failure = ""
        while self._begins_another():
            try:
                environment = self._new(create)
            except PoolClosed:
                return
            try:
                environment.initialise()
            except (InitFailed, WorkerExited, WorkerTimeout) as error:
                self.failure = f"FUNCTION_ERROR_INIT_FAILURE: {error}"
                self.discard(environment)
                return
            environment.take_init_duration()  # nobody waited for it
            self.release(environment)

    def _begins_another(self) -> bool:
        with self._condition:
            wanted = not self._closed and self._count < self._kept
            self._count += wanted
            return wanted

    def try_again(self) -> None:
        """The next new environment is the second try of one that took too long to load."""
        with self._condition:
            self._too_slow += 1

    def release(self, environment: Environment) -> None:
        with self._condition:
            if not self._closed:
                environment.idle_since = time.monotonic()
                self._idle.append(environment)
                self._condition.notify()
                return
        self.discard(environment)

    def discard(self, environment: Environment) -> None:
        try:
            environment.close()
        finally:
            with self._condition:
                self._count -= 1
                self._all.discard(environment)
                self._condition.notify_all()  # not each of them waits for the same number

    def thin_out(self) -> None:
        """Ends the environments that were idle for IDLE_SECONDS; the last one used after LAST_IDLE_SECONDS.

        Provisioned ones stay.
        """
        with self._condition:
            now = time.monotonic()
            stay = len(self._idle) - max(self._kept, 1)
            idle = [each for each in self._idle[: max(stay, 0)] if each.idle_since <= now - IDLE_SECONDS]
            if not self._kept:
                idle += [each for each in self._idle[-1:] if each.idle_since <= now - LAST_IDLE_SECONDS]
            self._idle = [each for each in self._idle if each not in idle]
        for environment in idle:
            self.discard(environment)

    def retire(self) -> None:
        """Ends the idle environments now, the busy ones when they are done."""
        with self._condition:
            self._closed = True
            idle, self._idle = self._idle, []
            self._condition.notify_all()
        for environment in idle:
            self.discard(environment)

    def kill(self) -> None:
        """Ends them all at once; whoever waits for a result gets to know."""
        self.retire()
        with self._condition:
            for environment in self._all:
                environment.worker.kill()

    def _new(self, create: Callable[[], Environment]) -> Environment:
        try:
            environment = create()
        except BaseException:
            with self._condition:
                self._count -= 1
                self._condition.notify_all()
            raise
        with self._condition:
            self._all.add(environment)
            closed = self._closed
        if closed:
            self.discard(environment)
            raise PoolClosed
        return environment

"""Several things at once, one AWS call at a time: each in a thread of its own, of which only one ever runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Semaphore, Thread

from .faults import CUT_OFF, NONE, Call, Fault
from .world import Fate


class Task:
    """Something that makes AWS calls, stopped before each of them until it is told what happens to that call."""

    def __init__(self, name: str, run: Callable[[Fate], object]) -> None:
        self.name = name
        self.waits_for: Call | None = None
        self._run = run
        self._fault = NONE
        self._go = Semaphore(0)
        self._stopped = Semaphore(0)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        self._wait()

    @property
    def done(self) -> bool:
        return self.waits_for is None

    def step(self, fault: Fault = NONE) -> None:
        """Let `fault` happen to the call that the task waits for, and run on to the next one."""
        self._fault = fault
        self._go.release()
        self._wait()

    def finish(self) -> None:
        """Run to the end, with nothing going wrong any more."""
        while not self.done:
            self.step()

    def abandon(self) -> None:
        """End it where it stands, as the end of its process would."""
        while not self.done:
            with suppress(BaseException):  # what it has to say to that comes after another failure
                self.step(CUT_OFF)

    def _wait(self) -> None:
        self._stopped.acquire()
        if self._error:
            raise self._error

    def _work(self) -> None:
        try:
            self._run(self._fate)
        except BaseException as error:  # noqa: BLE001 -- raised again where the task is stepped
            self._error = error
        self.waits_for = None
        self._stopped.release()

    def _fate(self, call: Call) -> Fault:
        self.waits_for = call
        self._stopped.release()
        self._go.acquire()
        return self._fault

    def __str__(self) -> str:
        return self.name if self.done else f"{self.name}, before {self.waits_for}"

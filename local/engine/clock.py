"""The time by which schedules are due. Tests hand in one that they move themselves."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since 1970, and lets one wait by it."""

    def now(self) -> float: ...

    def wait(self, wake: threading.Event, seconds: float | None) -> None:
        """Returns when `wake` is set or the seconds are over, perhaps earlier; None waits for `wake` alone."""


class SystemClock:
    """This machine's."""

    def now(self) -> float:
        return time.time()

    def wait(self, wake: threading.Event, seconds: float | None) -> None:
        # Woken at least once a minute, since the machine's clock may be set, and does not run while it sleeps.
        wake.wait(60.0 if seconds is None else min(seconds, 60.0))


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._waiting: set[threading.Event] = set()
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves the time on, and wakes who waits."""
        with self._lock:
            self._now += seconds
            for wake in self._waiting:
                wake.set()

    def wait(self, wake: threading.Event, seconds: float | None) -> None:
        del seconds  # only `advance` makes them pass
        with self._lock:
            self._waiting.add(wake)
        wake.wait()

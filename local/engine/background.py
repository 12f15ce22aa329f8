"""The engine's own threads: work done now in a thread of its own, and short work done later by one timer thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger(__name__)
_JOIN_SECONDS = 10.0


class Background:
    """`closing` is set once the engine stops; whatever waits in a thread must wake then."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._threads: set[threading.Thread] = set()
        self.spawn("engine-timer", self._run_timer)

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Runs `work` in its own thread."""

        def run() -> None:
            try:
                work()
            except Exception:
                if not self.closing.is_set():  # what breaks while everything is torn down is not news
                    _logger.exception("%s failed", name)
            finally:
                with self._condition:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._condition:
            if self.closing.is_set():
                return
            self._threads.add(thread)
            thread.start()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Runs `work`, which must be short, in `seconds`. What is due at the same time keeps its order."""
        with self._condition:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))
            self._condition.notify_all()

    def soon(self, work: Callable[[], None]) -> None:
        self.later(0, work)

    def stop(self) -> None:
        """Sets `closing` and waits for the threads."""
        self.closing.set()
        with self._condition:
            self._condition.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(_JOIN_SECONDS)
            if thread.is_alive():
                _logger.warning("the thread %s does not end", thread.name)

    def _run_timer(self) -> None:
        while not self.closing.is_set():
            with self._condition:
                now = time.monotonic()
                if not self._due or self._due[0][0] > now:
                    self._condition.wait(self._due[0][0] - now if self._due else None)
                    continue
                _, _, work = heapq.heappop(self._due)
            try:
                work()
            except Exception:  # the timer outlives what it runs
                _logger.exception("scheduled work failed")

"""No more than so many copies a second, whichever of several threads writes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

_PAGE = 100


class Pace:
    """A rate that threads share. Without one nobody waits."""

    def __init__(
        self,
        rate: int | None,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._pause = pause
        self._clock = clock
        self._free = clock()
        """When all that was let through before is paid for."""
        self._lock = Lock()

    @property
    def page(self) -> int | None:
        """Items to read at once: no more than are paid for within two minutes, so that who watches sees it move."""
        return None if self._rate is None else max(_PAGE, self._rate)

    def wait(self, number: int) -> None:
        """Wait until so many may go: what goes now is paid for by whoever comes next."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            turn = max(now, self._free)
            self._free = turn + number / self._rate
        if turn > now:
            self._pause(turn - now)

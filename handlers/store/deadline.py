"""The end of a function's time, for readings that may be long: each asks before it goes on to another page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handlers.sourcing.errors import OutOfTimeError

SPARE_SECONDS = 3.0
"""Time that the projection of one aggregate leaves to others of the batch, and to the answer."""
_RESERVE = 1.0
"""Seconds for what comes after the reading: to decide, to write, to answer."""


@dataclass(slots=True)
class Deadline:
    """A clock that runs towards the function's timeout. `advice` says what would make the reading shorter."""

    seconds_left: Callable[[], float]
    advice: str
    _slowest: float = 0.0
    """Seconds that a page took so far, with all that was made of it."""
    _left: float | None = None
    """When the page before was allowed."""

    def allow(self) -> None:
        """Allow one more page, the first in any case.

        Raises OutOfTimeError unless the time is enough for one that takes twice as long as any so far.
        """
        left = self.seconds_left()
        if self._left is not None:
            self._slowest = max(self._slowest, self._left - left)
            if left < 2 * self._slowest + _RESERVE:
                raise OutOfTimeError(f"there is more to read than the function has time for; {self.advice}")
        self._left = left

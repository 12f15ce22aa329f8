"""This process's clock beside AWS's: every answer of AWS says in its Date header when it was given.

Clocks of two processes differ by CLOCK_TOLERANCE at most if none that writes is off AWS's by more than half of that. So
whoever is about to write compares its own with the answer it decides on, at no further call, and refuses beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from handlers.sourcing.errors import ClockSkewError

CLOCK_TOLERANCE = 60.0
"""Seconds by which the clocks of any two processes that write may differ."""
_RESOLUTION = timedelta(seconds=1)
"""A Date header has whole seconds: the answer was given in the second that begins there."""


class Sighting(NamedTuple):
    """A call of AWS: the ledger's text of this process's time before and after it, and what AWS's answer says."""

    before: str
    aws: datetime | None
    after: str

    def seconds_off(self) -> float | None:
        """How far this process's clock may be off AWS's, either way; None where the answer does not say its time.

        At most a second and the call's own duration more than it is.
        """
        if self.aws is None:
            return None
        first, last = sorted((self.before, self.after))  # a clock that was set back meanwhile is off at its end
        ahead = datetime.fromisoformat(last) - self.aws
        behind = self.aws - datetime.fromisoformat(first) + _RESOLUTION  # in this order at the end of time, too
        return max(ahead, behind).total_seconds()

    def is_off(self) -> bool:
        """Whether this process's clock may be further off than half of CLOCK_TOLERANCE; False where nothing tells."""
        off = self.seconds_off()
        return off is not None and off > CLOCK_TOLERANCE / 2


@dataclass(slots=True)
class ClockCheck:
    """Refuses a write by a clock that is off. `unchecked` is told, once, that AWS does not say its time."""

    unchecked: Callable[[], None]
    _told: bool = False

    def __call__(self, sighting: Sighting) -> None:
        """Raises ClockSkewError where the clock may be further off than half of CLOCK_TOLERANCE."""
        off = sighting.seconds_off()
        if off is None:
            if not self._told:
                self._told = True
                self.unchecked()
        elif sighting.is_off():
            raise ClockSkewError(
                f"our clock may be {off:.0f} s off and must not stamp events; nothing was stored, send it again"
            )


def time_of(answer: Mapping[str, Any]) -> datetime | None:
    """AWS's own time in one of its answers, in whole seconds; None where it is not told, or in no way to be read."""
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if text is None:
        return None
    try:
        told = parsedate_to_datetime(text)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter for years that a moment cannot have
        return None

"""Rows that lack events, in numbers: by their projection, and by the times of the first events that they lack. A
stretch reaches to the last of them.

Rows that lag do so together, for one cause that began at one time: an outage, a deployment, a poisoned message. A line
for each tells less than one for each such time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from handlers.upkeep.verification.findings import Finding, Kind

_APART = timedelta(minutes=10)
"""Two causes, where no row began to lack events for so long."""
_MINUTE = timedelta(minutes=1)
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Stretch(NamedTuple):
    """So many rows of a projection lack events, of these times. `began` is when the last of the rows began to."""

    row: str
    rows: int
    first: datetime
    end: datetime
    began: datetime

    def __str__(self) -> str:
        return f"{self.rows:,} of {self.row} lack events from {self.first:{_FORMAT}} to {self.end:{_FORMAT}}"

    @property
    def window(self) -> str:
        """As `republish` takes it."""
        return f"{self.first:{_FORMAT}} {self.end:{_FORMAT}}"


@dataclass(slots=True)
class Lacks:
    """Counts by minutes, so that the memory is that of the minutes, however many rows there are."""

    _minutes: dict[tuple[Kind, str], dict[str, tuple[int, str]]] = field(default_factory=dict)
    """By the minute in which rows began to: how many, and the last minute of an event that any of them lacks."""

    def take(self, finding: Finding) -> None:
        """Count a row of which it is known since when it lacks events."""
        if finding.row and finding.since:
            minutes, began = self._minutes.setdefault((finding.kind, finding.row), {}), finding.since[:16]
            rows, last = minutes.get(began, (0, began))
            minutes[began] = rows + 1, max(last, (finding.until or finding.since)[:16])

    def stretches(self, kind: Kind) -> Iterator[Stretch]:
        """One for each cause, as far as times tell."""
        for (_, row), minutes in sorted(each for each in self._minutes.items() if each[0][0] is kind):
            found: Stretch | None = None
            for text, (rows, last) in sorted(minutes.items()):
                began, end = _moment(text), _moment(last) + _MINUTE
                if found and began - found.began <= _APART + _MINUTE:
                    found = found._replace(rows=found.rows + rows, end=max(found.end, end), began=began)
                    continue
                if found:
                    yield found
                found = Stretch(row, rows, began, end, began)
            if found:
                yield found


def _moment(minute: str) -> datetime:
    return datetime.fromisoformat(minute).replace(tzinfo=UTC)

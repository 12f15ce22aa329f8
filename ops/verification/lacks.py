"""Rows that lack events, in numbers: by their projection, and by the times of the first events that they lack.

Rows that lag do so together, for one cause that began at one time: an outage, a deployment, a poisoned message. A line
for each tells less than one for each such time.
"""

from __future__ import annotations

from collections import Counter
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
    """So many rows of a projection lack events, the first of each from these times."""

    row: str
    rows: int
    first: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.rows:,} of {self.row} lack events from {self.first:{_FORMAT}} to {self.end:{_FORMAT}}"

    @property
    def window(self) -> str:
        """As `republish` takes it."""
        return f"{self.first:{_FORMAT}} {self.end:{_FORMAT}}"


@dataclass(slots=True)
class Lacks:
    """Counts by minutes, so that the memory is that of the minutes, however many rows there are."""

    _minutes: dict[tuple[Kind, str], Counter[str]] = field(default_factory=dict)

    def take(self, finding: Finding) -> None:
        """Count a row of which it is known since when it lacks events."""
        if finding.row and finding.since:
            self._minutes.setdefault((finding.kind, finding.row), Counter())[finding.since[:16]] += 1

    def stretches(self, kind: Kind) -> Iterator[Stretch]:
        """One for each cause, as far as times tell."""
        for (_, row), minutes in sorted(each for each in self._minutes.items() if each[0][0] is kind):
            found: Stretch | None = None
            for text, rows in sorted(minutes.items()):
                minute = datetime.fromisoformat(text).replace(tzinfo=UTC)
                if found and minute - found.end <= _APART:
                    found = found._replace(rows=found.rows + rows, end=minute + _MINUTE)
                    continue
                if found:
                    yield found
                found = Stretch(row, rows, minute, minute + _MINUTE)
            if found:
                yield found

"""One row of the read model against the fold of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.domain.event import Event, Position
from handlers.domain.projections import Projection, Row
from handlers.store.read_model import Stored

from .differences import Differing, attribute, describe, differing
from .findings import CONTRADICTED, LAGGING, Finding, Kind

_MECHANICS = ("AccountId", "ProjectionType", "LastSequence", "LastHash")


@dataclass(slots=True)
class RowCheck:
    """Follows a stream event by event and compares the row at the place that it says it stands for."""

    aggregate_id: str
    projection: Projection
    record: Mapping[str, Any] | None
    """The whole item as stored, None where there is none."""
    folded: Row = field(default_factory=dict)
    position: Position = field(default_factory=Position)
    findings: list[Finding] = field(default_factory=list)
    seen: int = field(init=False)
    """The row's LastSequence; 0 without a row, or where it does not say."""
    _first_lacking: Event | None = None

    def __post_init__(self) -> None:
        try:
            self.seen = int(self.record["LastSequence"]) if self.record else 0
        except (KeyError, TypeError, ValueError, ArithmeticError):
            self.seen = 0

    @property
    def rebuilt(self) -> Stored:
        """What the row must be, at the stream's end."""
        return Stored(self.folded, self.position)

    def is_repairable(self, *, trust_store: bool) -> bool:
        """Whether something is wrong that a rebuilt row would put right, and nothing that speaks against it."""
        kinds = {finding.kind for finding in self.findings}
        if trust_store:
            return bool(kinds & (LAGGING | CONTRADICTED))
        return bool(kinds & LAGGING) and not kinds & CONTRADICTED

    def take(self, event: Event) -> None:
        """Fold the next event, and compare where the row stands. Raises what the projection raises."""
        self.folded = self.projection.apply(self.folded, event)
        self.position = Position(event.sequence, event.hash, event.timestamp)
        if event.sequence == self.seen:
            self._compare()
        elif event.sequence > self.seen and self._first_lacking is None:
            self._first_lacking = event

    def finish(self, cutoff: str, latest: str) -> int:
        """Judge the row at the stream's end; how many events it lacks that are under way: later than `cutoff`, and not
        later than the `latest` time that an event can have by now."""
        end = self.position.sequence
        if self.seen > end:
            detail = f"the row stands at event {self.seen}, but the stream ends at {end}: its end was removed"
            self._find(Kind.TRUNCATED, detail, end + 1)
        elif self.record is not None and not self.seen:
            self._compare()
        elif self._first_lacking is not None:
            if cutoff < self._first_lacking.timestamp <= latest:
                return end - self.seen
            if self.record is None:
                self._find(Kind.ROW_MISSING, f"there is no row for {end} events")
            else:
                lacking = self._first_lacking
                detail = f"the row lacks {end - self.seen} events from {lacking.sequence} of {lacking.timestamp} on"
                self._find(Kind.ROW_BEHIND, detail, lacking.sequence)
        return 0

    def _compare(self) -> None:
        stored = self.record or {}
        attributes = dict(differing(stored, self.folded, _MECHANICS))
        if not self.seen:
            attributes["LastSequence"] = attribute(stored, "LastSequence"), str(self.position.sequence)
        if attributes:
            self._find(Kind.ROW_DIFFERS, describe(attributes), self.position.sequence, attributes)
        if self.seen and stored.get("LastHash") != self.position.hash:
            detail = f"LastHash is {stored.get('LastHash')}, but event {self.seen} has {self.position.hash}"
            self._find(Kind.ROW_HASH, detail, self.position.sequence)

    def _find(self, kind: Kind, detail: str, sequence: int | None = None, attributes: Differing | None = None) -> None:
        name = self.projection.name
        self.findings.append(Finding(self.aggregate_id, kind, detail, sequence, name, attributes or {}))

"""One row of the read model against the fold of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from handlers.sourcing.counts import counted
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.projection import Row
from handlers.sourcing.values import Value
from handlers.store.items import to_record
from handlers.store.read_model import ENTRIES_SEQUENCE, MECHANICS, NOTHING, UNKNOWN, Stored, stored_in

from .differences import Differing, attribute, describe, differing, text_of
from .findings import CONTRADICTED, LAGGING, Finding, Kind


class Lacking(NamedTuple):
    """The first event that a row lacks."""

    sequence: int
    timestamp: str


@dataclass(slots=True)
class RowCheck:
    """Follows a stream event by event and compares the row at the place that it says it stands for.

    A row is a witness against its stream where it has seen a place beyond the end, or a hash that no event has. One
    that does not say its place or its hash, or a hash that the stream has at another place, is damaged: no history
    that the ledger wrote has such a row, so it speaks against none.
    """

    aggregate_id: str
    projection: OfKind
    item: Mapping[str, Any] | None
    """The whole item as DynamoDB holds it, None where there is none."""
    folded: Row = field(default_factory=dict)
    position: Position = field(default_factory=Position)
    findings: list[Finding] = field(default_factory=list)
    stored: Stored = field(init=False)
    _record: Mapping[str, Any] = field(init=False)
    _differing: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The attributes that differ at the place that the row says."""
    _own_hash: str = ""
    """That of the event at this place."""
    _place_of_hash: int = 0
    """Where the stream has the row's hash; 0 for nowhere."""
    _first_lacking: Lacking | None = None

    def __post_init__(self) -> None:
        self.stored = stored_in(self.item) if self.item else NOTHING
        self._record = to_record(self.item) if self.item else {}

    @property
    def seen(self) -> int:
        """The row's LastSequence; 0 without a row, or where it does not say."""
        return self.stored.position.sequence

    @property
    def rebuilt(self) -> Stored:
        """What the row must be, at the stream's end."""
        return Stored(self.folded, self.position, entries=self.position.sequence if self.projection.entries else 0)

    @property
    def is_contradicted(self) -> bool:
        """Whether the row speaks against its stream."""
        return any(finding.kind in CONTRADICTED for finding in self.findings)

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
        if event.hash == self.stored.position.hash:
            self._place_of_hash = event.sequence
        if event.sequence == self.seen:
            self._own_hash = event.hash
            self._differing = self._compared()
        elif event.sequence > self.seen and self._first_lacking is None:
            self._first_lacking = Lacking(event.sequence, event.timestamp)

    def finish(self, cutoff: str, latest: str) -> int:
        """Judge the row at the stream's end; how many events it lacks that are under way: later than `cutoff`, and not
        later than the `latest` time that an event can have by now."""
        end = self.position.sequence
        if self.item is not None and (damage := self._damaged_place()):
            if not self._own_hash:
                self._differing = self._compared()
            self._differs({**self._differing, **damage}, self.seen if self._own_hash else end)
            return 0
        if self.seen > end:
            detail = f"the row stands at event {self.seen}, but the stream ends at {end}: its end was removed"
            self._find(Kind.TRUNCATED, f"{detail}: {text_of(dict(self._record))}", end + 1)
            return 0
        if self.seen and self._differing:
            self._differs(self._differing, self.seen)
        if self.seen and not self._place_of_hash:
            detail = f"LastHash is {self.stored.position.hash}, but event {self.seen} has {self._own_hash}"
            self._find(Kind.ROW_HASH, f"{detail}: {text_of(dict(self._record))}", self.seen)
        if self._first_lacking is None:
            return 0
        return self._lacks(self._first_lacking, cutoff, latest)

    def kept(self) -> dict[str, Value]:
        """What a check that goes on elsewhere must know; nothing is found before it is finished."""
        return {
            "item": dict(self.item) if self.item else None,
            "folded": self.folded,
            "at": list(self.position),
            "differing": {name: list(pair) for name, pair in self._differing.items()},
            "ownHash": self._own_hash,
            "placeOfHash": self._place_of_hash,
            "lacking": self._first_lacking and list(self._first_lacking),
        }

    @classmethod
    def going_on(cls, aggregate_id: str, projection: OfKind, kept: Mapping[str, Any]) -> Self:
        """The check as it was when it was kept. Raises as a conversion does where that was never kept."""
        sequence, *rest = kept["at"]
        return cls(
            aggregate_id,
            projection,
            kept["item"],
            folded=dict(kept["folded"]),
            position=Position(int(sequence), *map(str, rest)),
            _differing={str(name): (str(stored), str(made)) for name, (stored, made) in kept["differing"].items()},
            _own_hash=str(kept["ownHash"]),
            _place_of_hash=int(kept["placeOfHash"]),
            _first_lacking=Lacking(int(kept["lacking"][0]), str(kept["lacking"][1])) if kept["lacking"] else None,
        )

    def _compared(self) -> dict[str, tuple[str, str]]:
        """The attributes in which the row is not the fold at this place, with whether it says that its entries are all
        there."""
        if self.projection.entries is None:
            return dict(differing(self._record, self.folded, tuple(MECHANICS)))
        whole = {**self.folded, ENTRIES_SEQUENCE: self.position.sequence}
        return dict(differing(self._record, whole, tuple(MECHANICS - {ENTRIES_SEQUENCE})))

    def _damaged_place(self) -> dict[str, tuple[str, str]]:
        """What the row says of its place that cannot be, as attributes that differ."""
        stored, end = self.stored.position, self.position
        if not stored.sequence:
            return {"LastSequence": (attribute(self._record, "LastSequence"), str(end.sequence))}
        if stored.hash == UNKNOWN:
            beyond = {"LastSequence": (str(stored.sequence), str(end.sequence))} if not self._own_hash else {}
            return {**beyond, "LastHash": (attribute(self._record, "LastHash"), text_of(self._own_hash or end.hash))}
        if self._place_of_hash not in (0, stored.sequence):
            return {"LastSequence": (str(stored.sequence), str(self._place_of_hash))}
        return {}

    def _lacks(self, first: Lacking, cutoff: str, latest: str) -> int:
        end = self.position.sequence
        if cutoff < first.timestamp <= latest:
            return end - self.seen
        if self.item is None:
            kind, sequence = Kind.ROW_MISSING, None
            detail = f"there is no row for {counted(end, 'event')}"
        else:
            number = end - self.seen
            what = f"event {first.sequence}" if number == 1 else f"{counted(number, 'event')} from {first.sequence}"
            detail = f"the row lacks {what} of {first.timestamp}{'' if number == 1 else ' on'}"
            kind, sequence = Kind.ROW_BEHIND, first.sequence
        name = self.projection.name
        since, until = first.timestamp, self.position.timestamp
        self.findings.append(Finding(self.aggregate_id, kind, detail, sequence, name, since=since, until=until))
        return 0

    def _differs(self, attributes: Differing, sequence: int) -> None:
        self._find(Kind.ROW_DIFFERS, describe(attributes), sequence, attributes)

    def _find(self, kind: Kind, detail: str, sequence: int | None = None, attributes: Differing | None = None) -> None:
        name = self.projection.name
        self.findings.append(Finding(self.aggregate_id, kind, detail, sequence, name, attributes or {}))

"""The snapshots of one aggregate against the fold of its stream, each at its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from handlers.domain import KINDS, evolve
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import State
from handlers.store.snapshots import Snapshot, is_sound, key_of, kind_in, record_of
from handlers.upkeep.verification.differences import Differing, describe, differing, text_of
from handlers.upkeep.verification.findings import Finding, Kind

# A copy may be due to lapse or not: that says nothing of what it is worth.
_MECHANICS = ("AggregateId", "SnapshotKey", "ExpiresAt")


@dataclass(slots=True)
class SnapshotCheck:
    """Follows a stream event by event and compares each snapshot of this STATE_VERSION where it stands.

    One beyond the stream's end is a witness of an end that was removed, unless it is damaged or has the hash of an
    event that the stream has. Those of other versions are made by code that is not here, and not seen by the code that
    is: they are not judged.
    """

    aggregate_id: str
    records: InitVar[Iterable[Mapping[str, Any]]]
    """The whole items as stored."""
    state: State = None
    position: Position = field(default_factory=Position)
    findings: list[Finding] = field(default_factory=list)
    _waiting: dict[str, Mapping[str, Any]] = field(init=False)
    """By SnapshotKey: the snapshots of whatever version whose event has not come yet."""
    _claimed: set[str] = field(init=False)
    """The hashes that snapshots say, as JSON."""
    _hashes: set[str] = field(default_factory=set)
    """Those of them that the stream has."""
    _wrong: dict[Kind, list[str]] = field(default_factory=dict)
    """By kind: the keys of those that are wrong."""

    def __post_init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._waiting = {record["SnapshotKey"]: record for record in records}
        self._claimed = {text_of(record.get("Hash")) for record in self._waiting.values()}

    def take(self, event: Event) -> None:
        """Fold the next event, and compare the snapshot that stands there. Raises what `evolve` raises."""
        self.state = evolve(self.state, event)
        self.position = Position(event.sequence, event.hash, event.timestamp)
        if text_of(event.hash) in self._claimed:
            self._hashes.add(event.hash)
        kind = KINDS.of_state(self.state)
        key = key_of(kind, event.sequence) if kind else ""
        stored = self._waiting.pop(key, None)
        if stored is not None:
            expected = record_of(self.aggregate_id, Snapshot(self.state, self.position))
            attributes = differing(stored, expected, _MECHANICS)
            if attributes:
                self._find(Kind.SNAPSHOT_DIFFERS, key, describe(attributes), event.sequence, attributes)

    def finish(self) -> None:
        """Judge what is left at the stream's end: what is beyond it, and what stands at no place of any stream."""
        end = self.position.sequence
        own = KINDS.of_state(self.state)
        for key in sorted(key for key in self._waiting if kind_in(key)):
            place, record = _place(key), self._waiting[key]
            if kind_in(key) is not own:
                detail = f"the snapshot {key} is not of the kind of the stream: {text_of(dict(record))}"
                self._find(Kind.SNAPSHOT_DIFFERS, key, detail, place)
            elif place is None:
                detail = f"no event has the place of the snapshot {key}: {text_of(dict(record))}"
                self._find(Kind.SNAPSHOT_DIFFERS, key, detail, None)
            elif not is_sound(record) or record["Hash"] in self._hashes:
                detail = f"the snapshot stands at event {place}, beyond the stream's end at {end}, and is damaged"
                self._find(Kind.SNAPSHOT_DIFFERS, key, f"{detail}: {text_of(dict(record))}", place)
            else:
                detail = f"the snapshot stands at event {place}, but the stream ends at {end}: its end is gone"
                self._find(Kind.SNAPSHOT_AHEAD, key, f"{detail}: {text_of(dict(record))}", place)

    def orphan(self) -> None:
        """Judge the snapshots, of all versions, where there is no stream."""
        for key, record in sorted(self._waiting.items()):
            detail = f"there is no stream for this snapshot: {text_of(dict(record))}"
            self._find(Kind.SNAPSHOT_ORPHANED, key, detail, _place(key))

    def removable(self, *, trust_store: bool) -> list[str]:
        """The keys of the snapshots to delete: what is ahead of its stream, or of none, is a witness, unless the store
        is to be trusted."""
        kinds = [Kind.SNAPSHOT_DIFFERS]
        if trust_store:
            kinds += [Kind.SNAPSHOT_AHEAD, Kind.SNAPSHOT_ORPHANED]
        return [key for kind in kinds for key in self._wrong.get(kind, [])]

    def _find(
        self, kind: Kind, key: str, detail: str, sequence: int | None, attributes: Differing | None = None
    ) -> None:
        self._wrong.setdefault(kind, []).append(key)
        self.findings.append(Finding(self.aggregate_id, kind, detail, sequence, attributes=attributes or {}))


def _place(key: str) -> int | None:
    """The sequence that a key stands for; None where it is none that the ledger writes."""
    _, _, digits = key.partition("#")
    if not (digits.isascii() and digits.isdigit()):
        return None
    place = int(digits)
    return place if 1 <= place <= MAX_SEQUENCE and digits == f"{place:016d}" else None

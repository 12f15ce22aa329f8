"""What can be wrong with a stream, a row or a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from handlers.sourcing.oversight import Misfit

from .differences import text_of


class Kind(StrEnum):
    """What is wrong."""

    ABSENT = "absent"
    """There is neither an event nor a row nor a snapshot of this aggregate, which was asked for by its id."""
    UNREADABLE = "unreadable"
    """The item at this place is no event."""
    GAP = "gap"
    """There is no item at this place, though there is one behind it."""
    HASH = "wrong-hash"
    """The event's Hash is not that of its content: it was edited."""
    LINK = "broken-link"
    """The event's PreviousHash is not the Hash of the event before."""
    TIME = "time-goes-back"
    """The event's Timestamp is earlier than that of the event before."""
    FUTURE = "from-the-future"
    """The event's Timestamp is later than now, and with it those of all events behind it until that time has come."""
    BUCKET = "wrong-type-bucket"
    """The index by type does not have the event where it is looked for."""
    CORRELATION = "wrong-correlation"
    """The index by correlation has the event where it does not belong."""
    COMMAND = "command-repeated"
    """The event's command was carried out before."""
    EPOCH = "epoch-goes-back"
    """The event was decided in an earlier epoch than the one before it: by a Region that was not to decide any more."""
    REGION = "foreign-region"
    """Another Region decided the event before it, in the same epoch, in which one Region decides."""
    TRUNCATED = "truncated"
    """The stream ends before this place, which a row has seen: its end was removed."""
    UNFOLDABLE = "unfoldable"
    """The chain is intact, but a projection cannot take this event."""
    ROW_MISSING = "row-missing"
    """There is no row for a stream."""
    ROW_BEHIND = "row-behind"
    """The row lacks this event, and all behind it."""
    ROW_DIFFERS = "row-differs"
    """The row is not the fold of its stream."""
    ROW_HASH = "row-hash"
    """The row has seen another event at this place: the row was edited, or the stream's history rewritten."""
    ROW_ORPHANED = "row-orphaned"
    """There is no stream for this row: the row was made up, or the whole stream removed."""
    ROW_UNKNOWN = "row-unknown"
    """No projection makes such rows: it belongs to an older program, or to a newer one."""
    ENTRY_MISSING = "entry-missing"
    """The row says that all its entries are there, and this event's is not, or those of several in a row."""
    ENTRY_DIFFERS = "entry-differs"
    """The entry is not what its event leaves."""
    ENTRY_FOREIGN = "entry-foreign"
    """No event of the stream leaves such an entry."""
    ENTRY_AHEAD = "entry-ahead"
    """The entry stands beyond the stream's end: the end was removed, or the store restored to before it."""
    SNAPSHOT_DIFFERS = "snapshot-differs"
    """The snapshot is not the fold of its stream up to its place."""
    SNAPSHOT_AHEAD = "snapshot-ahead"
    """The snapshot stands beyond the stream's end: the end was removed, or the store restored to before it."""
    SNAPSHOT_ORPHANED = "snapshot-orphaned"
    """There is no stream for this snapshot: it was made up, or the whole stream removed."""
    STEP_ORPHANED = Misfit.ORPHANED.value
    """The event is a step of a process that no stream began."""
    STEP_MISSING = Misfit.MISSING.value
    """A step of a process is nowhere, though what comes behind it is there."""
    STEP_REPEATED = Misfit.REPEATED.value
    """The event is a step of a process that was taken before."""
    STEP_DIFFERS = Misfit.DIFFERS.value
    """The event is not the step that its process asked for."""
    STEP_CONTRADICTS = Misfit.CONTRADICTS.value
    """The event belongs to another outcome than the one that its process had."""
    STEP_OPEN = Misfit.OPEN.value
    """The process has ended, and what this event set aside for it still is."""
    STEP_FOREIGN = Misfit.FOREIGN.value
    """The event is of somebody else's command, and has the commandId of a step of a process."""
    SUM = "sum-differs"
    """All aggregates together hold something else than what came in and went out, and what is in between."""


BROKEN = frozenset({Kind.UNREADABLE, Kind.GAP, Kind.HASH, Kind.LINK, Kind.UNFOLDABLE})
"""What is folded of such a stream means nothing, so its rows and snapshots are neither judged nor put right."""

LAGGING = frozenset({Kind.ROW_MISSING, Kind.ROW_BEHIND, Kind.ROW_DIFFERS})
"""The stream is intact, and the row can be rebuilt from it."""

ENTRIES = frozenset({Kind.ENTRY_MISSING, Kind.ENTRY_DIFFERS, Kind.ENTRY_FOREIGN})
"""The stream is intact, and the entries can be put right from it."""

UNDER_WAY = frozenset({Kind.ROW_MISSING, Kind.ROW_BEHIND})
"""What also shows where nothing is wrong, and the row's events are still on their way."""

CONTRADICTED = frozenset({Kind.TRUNCATED, Kind.ROW_HASH})
"""The row may be right and the stream wrong: the row is the witness, and is only overwritten on request."""

CONTENTS = frozenset(
    {
        *CONTRADICTED,
        Kind.ROW_ORPHANED,
        Kind.ENTRY_FOREIGN,
        Kind.ENTRY_AHEAD,
        Kind.SNAPSHOT_AHEAD,
        Kind.SNAPSHOT_ORPHANED,
    }
)
"""The finding holds the whole of what a repair deletes or overwrites, and no stream makes again."""

OF_SNAPSHOTS = frozenset({Kind.SNAPSHOT_DIFFERS, Kind.SNAPSHOT_AHEAD, Kind.SNAPSHOT_ORPHANED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `row` is the projection whose row it is about, `sequence` the place in the stream.

    Of a sum, `aggregate_id` is its unit.

    `attributes` holds, by name, what is stored in a row or snapshot and what the fold gives, each as JSON.
    """

    aggregate_id: str
    kind: Kind
    detail: str
    sequence: int | None = None
    row: str | None = None
    attributes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    since: str | None = None
    """Of a row that lacks events: the Timestamp of the first of them."""
    until: str | None = None
    """And of the last."""

    @property
    def subject(self) -> str:
        """What it is about: a row by its projection's name, a snapshot, or the stream."""
        if self.kind is Kind.SUM:
            return "sum"
        return self.row or ("snapshot" if self.kind in OF_SNAPSHOTS else "stream")

    @property
    def place(self) -> tuple[str, str, int, str]:
        """What tells it from every other finding, and orders them."""
        return self.aggregate_id, self.row or "", self.sequence or 0, self.kind

    def describe(self) -> dict[str, Any]:
        """The finding as JSON."""
        description: dict[str, Any] = {
            "aggregateId": self.aggregate_id,
            "kind": self.kind.value,
            "sequence": self.sequence,
            "row": self.row,
            "detail": self.detail,
        }
        if self.attributes:
            description["attributes"] = {
                name: {"stored": stored, "folded": folded} for name, (stored, folded) in self.attributes.items()
            }
        return description


def orphaned(aggregate_id: str, projection: str, record: Mapping[str, Any]) -> Finding:
    """Of a row where there is no stream."""
    detail = f"there is no stream for this row: {text_of(dict(record))}"
    return Finding(aggregate_id, Kind.ROW_ORPHANED, detail, None, projection)


def unknown(aggregate_id: str, projection: str) -> Finding:
    """Of a row that nothing makes today."""
    return Finding(
        aggregate_id, Kind.ROW_UNKNOWN, "no projection of this program makes such rows of it", None, projection
    )

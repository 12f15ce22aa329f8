"""What a replay would send: counted by reading just what it would read, and touching nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing import times
from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.selection import Selection
from handlers.store.clocks import CLOCK_TOLERANCE, time_of
from handlers.store.items import item_bytes
from handlers.store.replay_source import Place, ReplaySource, segments_of
from handlers.store.replay_targets import Copier
from handlers.store.stored_events import record_of
from handlers.upkeep.foreign import Foreign
from ops.system import OperatorError
from ops.verification.walk import in_parallel

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNIT_BYTES = 4096


@dataclass
class Counted:
    """What was found so far: of a segment, or of all."""

    events: int = 0
    """Selected."""
    copies: int = 0
    """What a transform makes of them; as many where there is none."""
    aggregates: set[str] = field(default_factory=set)
    """Aggregates of which at least one event is selected."""
    read_units: int = 0
    foreign: list[Foreign] = field(default_factory=list)
    """Items that are no events, and events that the transform fails on: a replay leaves them out."""

    def add(self, other: Counted) -> None:
        """Count another one in."""
        self.events += other.events
        self.copies += other.copies
        self.aggregates |= other.aggregates
        self.read_units += other.read_units
        self.foreign += other.foreign


def count(
    source: ReplaySource, selection: Selection, workers: int, seen: Callable[[int], None], copier: Copier
) -> Counted:
    """Read what the replay would: strongly consistent, several segments at a time; `seen` hears of each page's items.

    As many requests and read units as the replay's reading takes. In memory are a page for each worker, and the ids of
    the aggregates that are selected.
    """
    total = Counted()
    for each in in_parallel(partial(_of_segment, source, selection, seen, copier), segments_of(selection), workers):
        total.add(each)
    return total


def _of_segment(
    source: ReplaySource, selection: Selection, seen: Callable[[int], None], copier: Copier, segment: int
) -> Counted:
    found = Counted()
    after: Place | None = None
    while True:
        page = source.page(selection, segment, after)
        size = 0
        for item in page.items:
            try:
                record = record_of(item)
                size += item_bytes(record)
                event = Event.of(record)
            except NotAnEventError as error:
                found.foreign.append(Foreign.of(error))
                continue
            if selection.takes(event):
                found.events += 1
                found.aggregates.add(event.aggregate_id)
                copies, left_out = copier.copies([event])
                found.copies += len(copies)
                found.foreign += [
                    Foreign(event.aggregate_id, str(event.sequence), each.reason, "not sent") for each in left_out
                ]
        found.read_units += max(1, -(-size // _UNIT_BYTES))
        seen(len(page.items))
        if page.after is None:
            return found
        after = page.after


class Bounded(NamedTuple):
    """A selection whose upper end is fixed, and whether events may still come that are stamped before it."""

    selection: Selection
    is_open: bool


def bounded(
    selection: Selection, client: DynamoDBClient, table: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Bounded:
    """Fix a selection's upper end, so that nothing which is written from now on is in it. One request, one read unit.

    By AWS's clock, as an answer tells it. A command's own is 30 s off that at most, and from its stamp to its write it
    takes no longer than another 30 s: up to CLOCK_TOLERANCE ago the store is complete, and there a selection ends that
    names no end. One that names a later end is taken at its word, up to now, and is open. OperatorError where nothing
    is left.
    """
    answer: Any = client.scan(TableName=table, ConsistentRead=True, Limit=1)
    told = times.to_text(time_of(answer) or now())
    complete, moment = times.earlier(told, CLOCK_TOLERANCE), times.later(told, 1)  # it is told in whole seconds
    until = complete if selection.until == times.LAST else min(selection.until, moment)
    if selection.since > until:
        why = "that is later than now" if until == moment else "which is settled up to a minute ago: say a `to` as well"
        raise OperatorError(f"from {selection.since}: nothing of the store is left up to {until}, {why}")
    return Bounded(replace(selection, until=until), is_open=until > complete)

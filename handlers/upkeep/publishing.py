"""Stored events on the bus once more, as the relay puts them there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event
from handlers.store.event_bus import EventBus

from .foreign import Foreign

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry


class Published(NamedTuple):
    """How many events were published, the time of the newest, and those that the bus will never take."""

    events: int
    reached: datetime | None
    left_out: Sequence[Foreign]


def put(bus: EventBus, events: Iterable[Event]) -> Published:
    """Publish as the relay does; what the bus will never take is left out. Raises PublishError."""
    entries: list[Entry] = []
    sent: list[Event] = []
    left_out: list[Foreign] = []

    def leave_out(event: Event, reason: str) -> None:
        left_out.append(Foreign(event.aggregate_id, str(event.sequence), reason, "not sent"))

    for event in events:
        try:
            entries.append(bus.entry(event))
        except (MalformedError, ValueError) as error:
            leave_out(event, f"the bus will never take it: {error}")
        else:
            sent.append(event)
    unmade = len(left_out)
    bus.publish(entries, lambda index, reason: leave_out(sent[index], f"the bus will never take it: {reason}"))
    reached = datetime.fromisoformat(max(str(entry["Time"]) for entry in entries)) if entries else None
    return Published(len(sent) - (len(left_out) - unmade), reached, left_out)

"""Stored events on the bus once more: for what neither the stream nor the archive nor a dead letter queue has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from handlers.domain.errors import MalformedError, NotAnEventError
from handlers.domain.event import Event
from handlers.store.event_bus import EventBus, PublishError
from handlers.store.event_store import EventStore

from .foreign import Foreign
from .replay import Window
from .system import OperatorError
from .timeline import Timeline

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

BATCH = 100


class Progress(NamedTuple):
    """How many events are published, how far along the window that is, and what was met since the step before."""

    events: int
    reached: datetime | None = None
    foreign: Sequence[Foreign] = ()
    """What is no event, and so was not published."""


def of_window(bus: EventBus, timeline: Timeline, window: Window, more_types: Sequence[str] = ()) -> Iterator[Progress]:
    """Publish the events of a window of time, oldest first, each stream in its order."""
    published = 0
    for batch in timeline.read(window.start, window.end, more_types):
        entries, foreign = entries_of(bus, batch.events)
        publish(bus, entries)
        published += len(entries)
        reached = datetime.fromisoformat(max(str(entry["Time"]) for entry in entries)) if entries else None
        yield Progress(published, reached, (*batch.foreign, *foreign))
    yield Progress(published, window.end)


def of_aggregates(bus: EventBus, store: EventStore, aggregate_ids: Iterable[str]) -> Iterator[Progress]:
    """Publish whole streams, each in its order. OperatorError for an aggregate without events."""
    published = 0
    for aggregate_id in aggregate_ids:
        batch: list[Event] = []
        any_event = False
        met: list[Foreign] = []
        for event in store.read(aggregate_id, unreadable=partial(_meet, met)):
            any_event = True
            batch.append(event)
            if len(batch) == BATCH:
                entries, foreign = entries_of(bus, batch)
                publish(bus, entries)
                published, batch = published + len(entries), []
                yield Progress(published, foreign=[*met, *foreign])
                met.clear()
        if not any_event and not met:
            raise OperatorError(f"{aggregate_id} has no events")
        entries, foreign = entries_of(bus, batch)
        publish(bus, entries)
        published += len(entries)
        yield Progress(published, foreign=[*met, *foreign])


def publish(bus: EventBus, entries: Sequence[Entry]) -> None:
    """Publish as the relay does. OperatorError where the bus refuses an event; to start again does no harm."""
    try:
        bus.publish(entries)
    except PublishError as error:
        raise OperatorError(f"the bus refused an event ({error}); publish again: repeating does no harm") from error


def entries_of(bus: EventBus, events: Iterable[Event]) -> tuple[list[Entry], list[Foreign]]:
    """The bus entries of events; and those that the relay would not take for an event either."""
    entries: list[Entry] = []
    foreign: list[Foreign] = []
    for event in events:
        try:
            entries.append(bus.entry(event))
        except (MalformedError, ValueError) as error:
            foreign.append(Foreign(event.aggregate_id, str(event.sequence), str(error)))
    return entries, foreign


def _meet(met: list[Foreign], error: NotAnEventError) -> None:
    met.append(Foreign.of(error))

"""Stored events on the bus once more: for what neither the stream nor the archive nor a dead letter queue has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from handlers.domain import EVENT_TYPES, times
from handlers.domain.event import Event
from handlers.store.event_bus import EventBus, PublishError
from handlers.store.event_store import EventStore
from handlers.store.type_index import TypeIndex

from .replay import Window
from .system import OperatorError

PAGE = 1000
SLICE = timedelta(minutes=10)
"""As much of a window is held and sorted at a time."""
BATCH = 100
_TICK = timedelta(microseconds=1)


class Progress(NamedTuple):
    """How many events are published, and how far along the window that is."""

    events: int
    reached: datetime | None = None


def from_store(index: TypeIndex, start: datetime, end: datetime, more_types: Iterable[str] = ()) -> Iterator[Event]:
    """The events of every type with start <= Timestamp <= end, by the type index; in no order worth relying on.

    The index has to be asked type by type: of those that this code does not know, for `more_types` only.
    """
    since, until = times.to_text(start), times.to_text(end)
    for event_type in dict.fromkeys((*EVENT_TYPES, *more_types)):
        page = index.page(event_type, limit=PAGE, since=since, until=until)
        yield from page.events
        while (places := page.places(len(page.events))) is not None:
            page = index.page(event_type, limit=PAGE, since=since, until=until, places=places)
            yield from page.events


def of_window(bus: EventBus, index: TypeIndex, window: Window, more_types: Sequence[str] = ()) -> Iterator[Progress]:
    """Publish the events of a window of time, ten minutes at a time, each in the order of (aggregate, sequence)."""
    start, published = window.start, 0
    while start <= window.end:
        end = min(start + SLICE - _TICK, window.end)
        events = sorted(
            from_store(index, start, end, more_types), key=lambda event: (event.aggregate_id, event.sequence)
        )
        publish(bus, events)
        published += len(events)
        yield Progress(published, end)
        start = end + _TICK


def of_aggregates(bus: EventBus, store: EventStore, aggregate_ids: Iterable[str]) -> Iterator[Progress]:
    """Publish whole streams, each in its order. OperatorError for an aggregate without events."""
    published = 0
    for aggregate_id in aggregate_ids:
        batch: list[Event] = []
        before = published
        for event in store.read(aggregate_id):
            batch.append(event)
            if len(batch) == BATCH:
                publish(bus, batch)
                published, batch = published + len(batch), []
                yield Progress(published)
        publish(bus, batch)
        published += len(batch)
        if published == before:
            raise OperatorError(f"{aggregate_id} has no events")
        yield Progress(published)


def publish(bus: EventBus, events: Iterable[Event]) -> None:
    """Publish as the relay does. OperatorError where the bus refuses an event; to start again does no harm."""
    try:
        bus.publish([bus.entry(event) for event in events])
    except PublishError as error:
        raise OperatorError(f"the bus refused an event ({error}); publish again: repeating does no harm") from error

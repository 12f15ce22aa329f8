"""Stored events on the bus once more: for what neither the stream nor the archive nor a dead letter queue has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.store.event_bus import EventBus, PublishError
from handlers.store.event_store import EventStore
from handlers.upkeep.foreign import Foreign
from handlers.upkeep.publishing import Published, put

from .replay import Window
from .system import OperatorError
from .timeline import ByTime

BATCH = 100


class Progress(NamedTuple):
    """How many events are published, how far along the window that is, and what was met since the step before."""

    events: int
    reached: datetime | None = None
    foreign: Sequence[Foreign] = ()
    """What is no event, or none that the bus will ever take, and so was not published."""


def of_window(bus: EventBus, timeline: ByTime, window: Window, more_types: Sequence[str] = ()) -> Iterator[Progress]:
    """Publish the events of a window of time, in the order in which they are found."""
    published = 0
    for batch in timeline.read(window.start, window.end, more_types):
        done = publish(bus, batch.events)
        published += done.events
        yield Progress(published, done.reached, (*batch.foreign, *done.left_out))
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
                done = publish(bus, batch)
                published, batch = published + done.events, []
                yield Progress(published, foreign=[*met, *done.left_out])
                met.clear()
        if not any_event and not met:
            raise OperatorError(f"{aggregate_id} has no events")
        done = publish(bus, batch)
        published += done.events
        yield Progress(published, foreign=[*met, *done.left_out])


def publish(bus: EventBus, events: Iterable[Event]) -> Published:
    """As `put`, with an OperatorError where the bus takes nothing now; to start again does no harm."""
    try:
        return put(bus, events)
    except PublishError as error:
        raise OperatorError(f"the bus refused an event ({error}); publish again: repeating does no harm") from error


def _meet(met: list[Foreign], error: NotAnEventError) -> None:
    met.append(Foreign.of(error))

"""The past: an aggregate's state at any point of its stream or in time."""

from __future__ import annotations

from typing import NamedTuple

from handlers.domain import State, evolve
from handlers.domain.event import Position

from .event_store import EventStore


class Moment(NamedTuple):
    """A state, where in the stream it stands, and how many events made it."""

    state: State
    position: Position
    events: int


def reconstruct(store: EventStore, aggregate_id: str, *, up_to: int | None = None, as_of: str | None = None) -> Moment:
    """Fold a stream up to sequence `up_to` and timestamp `as_of` (both inclusive; None: to the end).

    One strongly consistent Query per megabyte of stream, one read unit per 4 KB. Timestamps never decrease along a
    stream, so the first later event ends the reading. Raises IntegrityError where the chain is broken.
    """
    state, position = State(), Position()
    for event in store.read(aggregate_id, up_to=up_to):
        if as_of is not None and event.timestamp > as_of:
            break
        position = position.advance(event)
        state = evolve(state, event)
    return Moment(state, position, position.sequence)

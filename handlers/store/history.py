"""The past: an aggregate's state at any point of its stream or in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handlers.domain import KINDS, evolve
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import State

from .deadline import Deadline
from .snapshots import Snapshot, events_behind, fold_from
from .streams import KeptStates, Streams

_ADVICE = (
    "ask for an earlier sequence or moment, or have the aggregate's missing snapshots made: `python -m ops snapshots`"
)


class Moment(NamedTuple):
    """A state, where in the stream it stands, and how many events made it."""

    state: State
    position: Position
    events: int


@dataclass(frozen=True, slots=True)
class History:
    """Reads the past of aggregates. `every` is how many events apart snapshots are made."""

    store: Streams
    snapshots: KeptStates
    every: int

    def reconstruct(
        self,
        aggregate_id: str,
        *,
        up_to: int | None = None,
        as_of: str | None = None,
        seconds_left: Callable[[], float] | None = None,
    ) -> Moment | None:
        """The state at sequence `up_to` and at the time `as_of` (both inclusive; None: at the end).

        One Query for the nearest snapshot (two with both bounds; half a read unit each) and a strongly consistent one
        for the events between it and the target: one read unit per 4 KB, and further Queries beyond 1 MB. Without a
        snapshot, the fold of the stream from its beginning. Timestamps never decrease along a stream, so the first
        later event ends the reading. Raises IntegrityError where the chain is broken, OutOfTimeError where there is
        more to read than `seconds_left` allows.

        Before its first event an aggregate has a state like at any other point. None where it has no event at all. The
        reading shows which of the two it is; only `up_to` 0, which reads nothing, takes a Query for the first event.
        """
        deadline = Deadline(seconds_left, _ADVICE) if seconds_left else None
        nearest = self._nearest(aggregate_id, up_to, as_of)
        return fold_from(nearest, lambda start: self._fold(aggregate_id, start, up_to, as_of, deadline))

    def _fold(
        self, aggregate_id: str, start: Snapshot, up_to: int | None, as_of: str | None, deadline: Deadline | None
    ) -> Moment | None:
        state, position = start
        # The next snapshot already is beyond the time asked for: not much of what follows can be needed.
        limit = 2 * self.every if position.sequence and as_of is not None else None
        later: Sequence[Event] = ()
        for event in events_behind(self.store, aggregate_id, start, up_to=up_to, limit=limit, deadline=deadline):
            if as_of is not None and event.timestamp > as_of:
                later = [event]
                break
            position = position.advance(event)
            state = evolve(state, event)
        if up_to == 0 and not later:
            later = self.store.page(aggregate_id, limit=1).events
        if not position.sequence and not later:
            return None
        return Moment(_begun(state, later), position, position.sequence)

    def _nearest(self, aggregate_id: str, up_to: int | None, as_of: str | None) -> Snapshot | None:
        if up_to is not None and up_to < self.every:
            return None
        found: list[Snapshot | None] = []
        if as_of is not None:
            found.append(self.snapshots.nearest_in_time(aggregate_id, as_of))
        if as_of is None or up_to is not None:
            found.append(self.snapshots.nearest(aggregate_id, up_to))
        # What lies before the earlier of the two lies within both bounds.
        return None if None in found else min(filter(None, found), key=lambda each: each.position.sequence)


def _begun(state: State, later: Sequence[Event]) -> State:
    """The state; where nothing has happened yet, what an aggregate of the kind that `later` tells begins with."""
    kind = KINDS.of_events(later)
    return kind.state() if state is None and kind else state

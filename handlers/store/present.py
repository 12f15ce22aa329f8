"""The present: an aggregate's newest state, and whether a command is part of it, at a cost that the stream's length
does not change.

Three reads go side by side: the newest snapshot, the tail of the stream (its newest events, strongly consistent), and a
look-up of the command among all events of the aggregate (the local index, strongly consistent). Snapshot and tail make
the state. Tail and look-up tell whether the command has been executed before:

- Let the tail be the events t..n. The write that follows puts n+1 on the condition that it does not exist, so nothing
  above n matters: it makes the write fail.
- An event of the command among t..n is seen in the tail.
- One below t is seen by the look-up, *if it had been written when the look-up was made*. That is not a matter of
  course: side by side with the tail, the look-up may be the first of the two to be made, the command's other execution
  may write in between, and others after it so many events that the tail no longer reaches it.

So the look-up counts only if all events below t were there before it began. Three things prove that:

- the tail begins at event 1, so there are none below it;
- this process has seen event t-1 or a later one before it began (which is so for a busy aggregate);
- the tail holds an event that was decided before the look-up began: whoever wrote event e had read e-1 *before* it
  took e's Timestamp, so all up to e-1 were there by then. Clocks may differ, by CLOCK_TOLERANCE at most: every process
  compares its own with AWS's before it writes (see `clocks`). (The events of one transaction were written together: e
  must be of another command than e-1.)

Where none of them does, the look-up is made once more, behind the tail: one wait more, for a stream whose whole tail is
younger than the tolerance.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from handlers.domain import KINDS, evolve
from handlers.sourcing import times
from handlers.sourcing.errors import IntegrityError
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import Kind, State

from .clocks import CLOCK_TOLERANCE, Sighting
from .deadline import Deadline
from .event_store import EventStore, Tail
from .snapshots import Snapshot, Snapshots, fold_from

MAX_REMEMBERED = 10_000

T = TypeVar("T")


class Begin(Protocol):
    """Starts a read and returns what waits for its result; so several go side by side."""

    def __call__(self, read: Callable[[], T], /) -> Callable[[], T]: ...


@dataclass(slots=True)
class Present:
    """What is known of an aggregate so far; a lost race only needs the events that were added since.

    Of a command that was carried out before, its `own` event is all that is needed: the rest may be left out.
    """

    command_id: str
    sighting: Sighting
    """Of this process's clock beside AWS's, at the reading of the stream's end."""
    position: Position = field(default_factory=Position)
    state: State = None
    own: Event | None = None
    """The last event that the command itself has caused."""

    def fold(self, events: Iterable[Event]) -> Present:
        """Go on to the last of these events. Raises IntegrityError where they do not continue the chain."""
        for event in events:
            self.position = self.position.advance(event)
            self.state = evolve(self.state, event)
            if event.command_id == self.command_id:
                self.own = event
        return self

    def with_newest(self, events: Sequence[Event]) -> Present:
        """Go on to the last of these events, unless one is the command's own: then that is all there is to know.

        So an event beside it that cannot be folded is in nobody's way. Raises what `fold` does.
        """
        self.own = _last_of(self.command_id, events)
        return self if self.own else self.fold(events)


@dataclass(frozen=True, slots=True)
class PresentReader:
    """Reads the present of aggregates.

    `tail` is how many of the newest events are read: more than lie behind the newest snapshot, if the making of
    snapshots keeps up. `now` gives the ledger's UTC text.
    """

    store: EventStore
    snapshots: Snapshots
    tail: int
    now: Callable[[], str]
    begin: Begin
    _seen: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """How long the streams were that this process met last: a lower bound for ever, since they only grow."""

    def read(
        self,
        aggregate_id: str,
        command_id: str,
        expected: int | None = None,
        deadline: Deadline | None = None,
        kind: Kind[Any] | None = None,
    ) -> Present:
        """The present of an aggregate for a command, of a `kind`; `expected` is how long its stream should be, if
        somebody knows.

        One wait: three Queries side by side (half a read unit, one per 4 KB of tail, one). A single Query for an
        aggregate whose stream should be short, so that the tail covers it: as expected, or as this process met it. More
        only where that turns out wrong, where the look-up has to be repeated, where the snapshots have fallen behind
        the tail or are of no use, and for the event of a command that was executed before. Raises IntegrityError where
        the chain is broken, OutOfTimeError where the `deadline` does not allow for all that there is to read.
        """
        seen = self._seen.get(aggregate_id)
        lengths = [length for length in (seen, expected) if length is not None]
        if lengths and max(lengths) <= self.tail // 2:
            tail, sighting = self._tail(aggregate_id)
            if not tail.before:
                return Present(command_id, sighting).with_newest(tail.events)
        before = self.now()
        look_up = self.begin(lambda: self.store.find(aggregate_id, command_id))
        newest = self.begin(lambda: self.snapshots.nearest(aggregate_id, kind=kind))
        tail, sighting = self._tail(aggregate_id)
        found, snapshot = look_up(), newest()
        if not tail.before:
            return Present(command_id, sighting).with_newest(tail.events)
        own = _last_of(command_id, tail.events)
        if own is None and found is None and not _all_below_were_there(tail, seen or 0, before):
            found = self.store.find(aggregate_id, command_id)
        if own is None and found:
            own = self.store.event(aggregate_id, found)
        if own:  # it will be answered as the first time, whatever the state is and however much there is to fold
            return Present(command_id, sighting, own=own)
        told = KINDS.of_events(tail.events)
        if kind and told and told is not kind:  # it will be refused, whatever the state is
            return Present(command_id, sighting, _position_of(tail.events[-1]), told.state())
        if snapshot and snapshot.position.sequence > tail.end:  # made in the meantime, or of a store since restored
            snapshot = self.snapshots.nearest(aggregate_id, tail.end, kind)
        beginning = Present(command_id, sighting)
        return fold_from(snapshot, lambda start: self._present(aggregate_id, beginning, start, tail, deadline))

    def remember(self, aggregate_id: str, sequence: int) -> None:
        """Note how long a stream is."""
        self._seen[aggregate_id] = sequence
        self._seen.move_to_end(aggregate_id)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)

    def _tail(self, aggregate_id: str) -> tuple[Tail, Sighting]:
        before = self.now()
        tail = self.store.tail(aggregate_id, self.tail)
        self.remember(aggregate_id, tail.end)
        return tail, Sighting(before, tail.told, self.now())

    def _present(
        self, aggregate_id: str, beginning: Present, start: Snapshot, tail: Tail, deadline: Deadline | None
    ) -> Present:
        _check_that_it_fits(start, tail, aggregate_id)
        present = replace(beginning, position=start.position, state=start.state)
        if present.position.sequence < tail.before:
            gap = self.store.read(aggregate_id, after=present.position.sequence, up_to=tail.before, deadline=deadline)
            present.fold(gap)
        return present.fold(tail.events[present.position.sequence - tail.before :])


def _position_of(event: Event) -> Position:
    return Position(event.sequence, event.hash, event.timestamp)


def _last_of(command_id: str, events: Sequence[Event]) -> Event | None:
    """The last event of a command among these."""
    return next((event for event in reversed(events) if event.command_id == command_id), None)


def _check_that_it_fits(snapshot: Snapshot, tail: Tail, aggregate_id: str) -> None:
    """The chain goes on behind a snapshot, but does not show one at the tail's very end to be of another stream."""
    sequence = snapshot.position.sequence
    if sequence <= tail.before:
        return
    event = tail.events[sequence - tail.before - 1]
    if (event.sequence, event.hash, event.timestamp) != snapshot.position:
        raise IntegrityError(
            f"the snapshot at {sequence} of {aggregate_id} is not of this stream",
            aggregateId=aggregate_id,
            sequence=sequence,
        )


def _all_below_were_there(tail: Tail, seen: int, moment: str) -> bool:
    """Whether what lies below the tail had been written at a moment of this process's clock; see above."""
    settled = times.earlier(moment, CLOCK_TOLERANCE)
    return seen >= tail.before or any(
        later.command_id != earlier.command_id and later.timestamp <= settled
        for earlier, later in pairwise(tail.events)
    )

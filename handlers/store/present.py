"""The present: an aggregate's newest state, and whether a command is part of it, at a cost that the stream's length
does not change.

Read whole. Three reads go side by side: the newest snapshot, the tail of the stream (its newest events, strongly
consistent), and a look-up of the command among all events of the aggregate (the local index, strongly consistent).
Snapshot and tail make the state. Tail and look-up tell whether the command has been executed before:

- Let the tail be the events t..n. The write that follows puts n+1 on the condition that it does not exist, so nothing
  above n matters: it makes the write fail.
- An event of the command among t..n is seen in the tail.
- One below t is seen by the look-up, *if it had been written when the look-up was made*. That is not a matter of
  course: side by side with the tail, the look-up may be the first of the two to be made, the command's other execution
  may write in between, and others after it so many events that the tail no longer reaches it.

So the look-up counts only if all events below t were there before it began. Three things prove that:

- the tail begins at event 1, so there are none below it;
- this process has seen event t-1 or a later one before it began (which is so for a busy aggregate), and the tail has
  that event, or follows it, by its hash: so it is still the stream that was seen;
- the tail holds an event that was decided before the look-up began: whoever wrote event e had known e-1 to be stored
  *before* it took e's Timestamp, so all up to e-1 were there by then. Clocks may differ, by CLOCK_TOLERANCE at most:
  every process compares its own with AWS's before it writes (see `clocks`). (The events of one transaction were written
  together: e must be of another command than e-1.)

Where none of them does, the look-up is made once more, behind the tail: one wait more, for a stream whose whole tail is
younger than the tolerance.

Kept. A process that has met an aggregate keeps its present: the state at n, folded soundly, of a stream that it saw
reach n. Next time it only looks the command up, decides on what it kept, and puts n+1 on the condition that it does not
exist. Neither an event nor a refusal nor a receipt can come from a state that is out of date:

- *An event.* The put succeeds only where n+1 is free. A stream has no gaps, so n is its end, and what was kept is the
  present. Its own command is not among 1..n: the process had seen n before the look-up began, so all of these were
  there when it was made. This is the second proof above, always; no clock is asked.
- *A refusal*, of whatever kind, that was decided on a kept present is not told. What came behind n is read, and decided
  on again: that is a strongly consistent read, which began after the command came in.
- *A receipt* is only made of a stored event: the one that the put wrote, that the look-up found or that was read.
- *A lost race* reads what came behind n, too, as it always has, and finds the command's own event if that is what took
  the place. A put whose answer was lost changes nothing that is kept.

What came behind n is read from n on: its own event is seen again, by its hash. If it is another one, or gone, the
stream is not the one that was met (a table was replaced under a living process): what was kept is forgotten, and the
stream read whole. It is read whole, too, where more than a tail has come, in a process that slept.

Kept is only what others would read as well. Each event that was read for it has the hash that it says, so nothing of an
edited event outlives its being put back (but in a snapshot, see below). And by a clock that is off, nothing is kept: it
could not be told later how old that is.

Who writes an aggregate together with others would lose races, so it reads what came behind n side by side with the
look-up, as long as its last look found events of others. The same is done where the caller expects another sequence
than n (it may know better), where nothing is to be written, so that no condition would tell, and where the store has
not been seen to hold n for CONFIRMED_SECONDS. In that time a table can be deleted and made again, though hardly filled.
A process that asks while there is none forgets all that it kept; one that does not ask can put n+1 behind nothing.
Nothing in the answer to a look-up tells, since a new command is in neither table: see guarantees. After WHOLE_SECONDS
a present is read whole again, so that a wrong snapshot (see guarantees), once mended, is nobody's to decide on for
longer.

What is decided is stamped by the time of the last reading, which was compared with AWS's, whatever the clock did since.
An item that is no event is in the way of reading and of new commands; one that was carried out is looked up past it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.domain import KINDS, evolve
from handlers.sourcing import times
from handlers.sourcing.errors import IntegrityError, LedgerError, NotAnEventError
from handlers.sourcing.event import UNSTAMPED, Event, Position, Stamp
from handlers.sourcing.kinds import Kind, State
from handlers.sourcing.restoring import UNFOLDABLE

from .clocks import CLOCK_TOLERANCE, Sighting
from .deadline import Deadline
from .kept import Kept, KeptPresents
from .side_by_side import Begin
from .snapshots import Snapshot, fold_from
from .streams import AppendableStreams, KeptStates, LookUp, Page, Tail

log = logging.getLogger("ledger")

MAX_REMEMBERED = 10_000
CONFIRMED_SECONDS = 60.0
"""For so long a kept present is decided on without a look at the stream's end; at most twice that, by a clock that is
off as far as it may be."""
WHOLE_SECONDS = 900.0
"""After so long a present is read whole again."""


class Wanted(NamedTuple):
    """Whose present is read, for which command, and how long it may take."""

    aggregate_id: str
    command_id: str
    kind: Kind[Any] | None
    deadline: Deadline | None


@dataclass(slots=True)
class Present:
    """What is known of an aggregate so far; a lost race only needs the events that were added since.

    Of a command that was carried out before, its `own` event is all that is needed: the rest may be left out.
    """

    wanted: Wanted
    sighting: Sighting
    """Of this process's clock beside AWS's, at the last reading of the stream's end, or at the look-up. Its `after`
    stamps what is decided."""
    position: Position = field(default_factory=Position)
    state: State = None
    own: Event | None = None
    """The last event that the command itself has caused."""
    is_current: bool = True
    """Whether the stream's end was read for this command. Where not, only a write on condition may follow from it."""
    whole: str = ""
    """When it was read whole; see `Kept`."""
    shared: bool = False
    """Whether others wrote since this process had met it."""
    is_sound: bool = True
    """Whether each event that was read and folded is still what its Hash was made of."""
    stamp: Stamp = UNSTAMPED
    """Where the newest event was decided."""

    def fold(self, events: Iterable[Event]) -> Present:
        """Go on to the last of these events. Raises IntegrityError where they do not continue the chain."""
        for event in events:
            self.go_on_to(event)
            self.is_sound = self.is_sound and event.computed_hash() == event.hash
            if event.command_id == self.wanted.command_id:
                self.own = event
        return self

    def go_on_to(self, event: Event) -> None:
        """Go on to an event whose hash is known to be right. Raises IntegrityError as `fold`."""
        self.position = self.position.advance(event)
        self.state = evolve(self.state, event)
        self.stamp = event.stamp

    def with_newest(self, events: Sequence[Event]) -> Present:
        """Go on to the last of these events, unless one is the command's own: then that is all there is to know.

        So an event beside it that cannot be folded is in nobody's way. Raises what `fold` does.
        """
        self.own = _last_of(self.wanted.command_id, events)
        return self if self.own else self.fold(events)


@dataclass(frozen=True, slots=True)
class PresentReader:
    """Reads the present of aggregates.

    `tail` is how many of the newest events are read: more than lie behind the newest snapshot, if the making of
    snapshots keeps up. `now` gives the ledger's UTC text.
    """

    store: AppendableStreams
    snapshots: KeptStates
    tail: int
    now: Callable[[], str]
    begin: Begin
    is_off: Callable[[Sighting], bool] = Sighting.is_off
    """Whether nothing is to be kept by a clock that was seen so."""
    looks: bool = False
    """Whether the end of a stream is looked at before each decision, as where two Regions write it."""
    _seen: OrderedDict[str, Position] = field(default_factory=OrderedDict)
    """Where the streams ended that this process met last. They only grow, and whether one is still that stream, its
    hash tells."""
    _kept: KeptPresents = field(default_factory=KeptPresents)

    def read(
        self,
        aggregate_id: str,
        command_id: str,
        expected: int | None = None,
        deadline: Deadline | None = None,
        kind: Kind[Any] | None = None,
        *,
        to_write: bool = False,
    ) -> Present:
        """The present of an aggregate for a command, of a `kind`; `expected` is how long its stream should be, if
        somebody knows.

        One wait. Of an aggregate that was met before and only `to_write`, the look-up alone (one read unit), and what
        was kept: not current. Of one that others write, or that was met longer ago, a Query beside it of what came
        since (one read unit). Of an aggregate whose stream should be short, so that the tail covers it, a single Query
        of that (one unit per 4 KB). Else three Queries side by side: half a read unit, one per 4 KB of tail, one.

        More only where any of that turns out wrong, where the look-up has to be repeated, where the snapshots have
        fallen behind the tail or are of no use, and for the event of a command that was executed before. Raises
        IntegrityError where the chain is broken, NotAnEventError where an item is in the way that is none (after one
        more look-up), OutOfTimeError where the `deadline` does not allow for all to read.
        """
        wanted, kept = Wanted(aggregate_id, command_id, kind, deadline), self._kept.get(aggregate_id)
        with self._forgetting_a_deleted_table():
            try:
                known = kept and self._known(wanted, kept, expected, to_write=to_write)
                return known or self._read_whole(wanted, expected)
            except NotAnEventError as error:
                return self._carried_out(wanted, error)

    def catch_up(self, present: Present) -> Present:
        """The present at the stream's end: one Query of the event where it stands and what came behind (one read unit).

        Where that is not the one that it was, or more than a tail has come, the stream is read whole. Raises as `read`.
        """
        wanted, before = present.wanted, self.now()
        with self._forgetting_a_deleted_table():
            try:
                page = self._behind(wanted, present.position)
                return self._go_on(present, page, Sighting(before, page.told, self.now()))
            except NotAnEventError as error:
                return self._carried_out(wanted, error)

    def remember(self, present: Present, appended: Sequence[Event]) -> None:
        """Keep a present with the events that were just appended to it. They are stored: whatever folding them raises
        is for the next command to hear."""
        aggregate_id = present.wanted.aggregate_id
        self._note(aggregate_id, _position_of(appended[-1]))
        try:
            for event in appended:
                present.go_on_to(event)
        except (LedgerError, *UNFOLDABLE):
            self._kept.forget(aggregate_id)
        else:
            self._keep(present)

    def _known(self, wanted: Wanted, kept: Kept, expected: int | None, *, to_write: bool) -> Present | None:
        """The present by what is kept; None where it is better read whole."""
        before, length = self.now(), kept.position.sequence
        if not times.earlier(before, WHOLE_SECONDS) <= kept.whole <= before:
            return None
        is_confirmed = times.earlier(before, CONFIRMED_SECONDS) <= kept.confirmed <= before
        decides = to_write and is_confirmed and not (kept.shared or self.looks) and expected in (None, length)
        if not decides and length <= self.tail // 2:
            return None
        look_up, page = self._look_up(wanted), None
        if decides:
            found = look_up()
        else:
            begun = self.begin(look_up)
            page = self._behind(wanted, kept.position)
            found = begun()
        sighting = Sighting(before, page.told if page else found.told, self.now())
        if found.sequence:
            return Present(wanted, sighting, own=self.store.event(wanted.aggregate_id, found.sequence))
        position, state, whole, stamp = kept.position, kept.state, kept.whole, kept.stamp
        present = Present(wanted, sighting, position, state, whole=whole, is_current=False, stamp=stamp)
        return self._go_on(present, page, sighting) if page else present

    def _carried_out(self, wanted: Wanted, error: NotAnEventError) -> Present:
        """The command's own event, where an item that is no event was in the way: one Query of the command index, and
        one of the event. Raises that error where the command was not carried out."""
        before = self.now()
        found = self._look_up(wanted)()
        if not found.sequence:
            raise error
        own = self.store.event(wanted.aggregate_id, found.sequence)
        return Present(wanted, Sighting(before, found.told, self.now()), own=own)

    @contextmanager
    def _forgetting_a_deleted_table(self) -> Iterator[None]:
        """Another table may come under the name of one that is gone: what was met in the old one is forgotten."""
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                self._kept.clear()
                self._seen.clear()
            raise

    def _look_up(self, wanted: Wanted) -> Callable[[], LookUp]:
        return lambda: self.store.find(wanted.aggregate_id, wanted.command_id)

    def _behind(self, wanted: Wanted, position: Position) -> Page:
        """The event at a position and those behind it: a tail of them at most."""
        return self.store.page(wanted.aggregate_id, after=max(0, position.sequence - 1), limit=self.tail)

    def _go_on(self, present: Present, page: Page, sighting: Sighting) -> Present:
        aggregate_id, at = present.wanted.aggregate_id, min(present.position.sequence, 1)
        own, came = page.events[:at], page.events[at:]
        is_that_stream = [_position_of(event) for event in own] == [present.position] * at
        if is_that_stream and page.next_after is None:
            try:
                present.with_newest(came)
            except (IntegrityError, *UNFOLDABLE) as error:
                log.warning("a kept present cannot be gone on from: %s", error, extra={"aggregateId": aggregate_id})
            else:
                present.is_current, present.shared, present.sighting = True, bool(came), sighting
                if not present.own:
                    self._note(aggregate_id, present.position)
                    self._keep(present)
                return present
        if not is_that_stream:
            self._kept.forget(aggregate_id)
        return self._read_whole(present.wanted, None)

    def _read_whole(self, wanted: Wanted, expected: int | None) -> Present:
        aggregate_id, command_id, kind, deadline = wanted
        seen = self._seen.get(aggregate_id)
        lengths = [length for length in (seen and seen.sequence, expected) if length is not None]
        if lengths and max(lengths) <= self.tail // 2:
            tail, sighting = self._tail(aggregate_id, self.now())
            if not tail.before:
                return self._met(Present(wanted, sighting).with_newest(tail.events), seen)
        before = self.now()
        look_up = self.begin(self._look_up(wanted))
        newest = self.begin(lambda: self.snapshots.nearest(aggregate_id, kind=kind))
        tail, sighting = self._tail(aggregate_id, before)
        found, snapshot = look_up().sequence, newest()
        if not tail.before:
            return self._met(Present(wanted, sighting).with_newest(tail.events), seen)
        own = _last_of(command_id, tail.events)
        if own is None and found is None and not _all_below_were_there(tail, seen, before):
            found = self.store.find(aggregate_id, command_id).sequence
        if own is None and found:
            own = self.store.event(aggregate_id, found)
        if own:  # it will be answered as the first time, whatever the state is and however much there is to fold
            return Present(wanted, sighting, own=own)
        told = KINDS.of_events(tail.events)
        if kind and told and told is not kind:  # it will be refused, whatever the state is
            return Present(wanted, sighting, _position_of(tail.events[-1]), told.state())
        if snapshot and snapshot.position.sequence > tail.end:  # made in the meantime, or of a store since restored
            snapshot = self.snapshots.nearest(aggregate_id, tail.end, kind)
        beginning = Present(wanted, sighting, stamp=tail.events[-1].stamp)
        present = fold_from(snapshot, lambda start: self._present(aggregate_id, beginning, start, tail, deadline))
        return self._met(present, seen)

    def _met(self, present: Present, seen: Position | None) -> Present:
        """Keep a present that was read whole; `seen` is where its stream ended to this process before."""
        present.whole = present.sighting.before
        present.shared = seen is not None and seen.sequence < present.position.sequence
        self._keep(present)
        return present

    def _keep(self, present: Present) -> None:
        """Keep a present that was folded; one that only has a command's own event has no state.

        Nothing is kept of an edited event, nor by a clock that is off: both may be put right, and what was kept by
        them would be believed.
        """
        aggregate_id, sighting = present.wanted.aggregate_id, present.sighting
        if not present.is_sound or self.is_off(sighting):
            self._kept.forget(aggregate_id)
        elif present.state is not None:
            state, position, whole, shared = present.state, present.position, present.whole, present.shared
            kept = Kept(state, position, whole, sighting.before, shared, present.stamp)
            self._kept.keep(aggregate_id, kept)

    def _note(self, aggregate_id: str, end: Position) -> None:
        """Note where a stream ends."""
        self._seen[aggregate_id] = end
        self._seen.move_to_end(aggregate_id)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)

    def _tail(self, aggregate_id: str, before: str) -> tuple[Tail, Sighting]:
        """The tail, and the clock from `before` on, by which a look-up beside it is believed: it is checked as well."""
        tail = self.store.tail(aggregate_id, self.tail)
        self._note(aggregate_id, _position_of(tail.events[-1]) if tail.events else Position())
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
    if _position_of(event) != snapshot.position:
        raise IntegrityError(
            f"the snapshot at {sequence} of {aggregate_id} is not of this stream",
            aggregateId=aggregate_id,
            sequence=sequence,
        )


def _all_below_were_there(tail: Tail, seen: Position | None, moment: str) -> bool:
    """Whether what lies below a tail had been written at a moment of this process's clock; see above.

    `seen` is where the stream ended to this process before: that counts where the tail has that event, or follows it.
    """
    settled = times.earlier(moment, CLOCK_TOLERANCE)
    is_known = seen is not None and (
        tail.events[0].follows(seen.sequence, seen.hash) or seen in map(_position_of, tail.events)
    )
    return is_known or any(
        later.command_id != earlier.command_id and later.timestamp <= settled
        for earlier, later in pairwise(tail.events)
    )

"""Puts a stream together again that two Regions wrote, and has what was lost decided again.

Only the Region that decides an aggregate does that; the other one makes its copies right by what comes from there. Each
step can be repeated, and an end between any two of them loses nothing: an event is kept among the conflicts before its
place is given to another one, what was asked by it is decided under its own commandId, and copies are made last.

Somebody may have read the stream before and write behind an event that does not stand. Then that is no chain, and its
writer's event is a lost one. So a stream is looked at once more when all who can have read it before have ended: until
then its lost events are not closed, and none is a person's to close. So, too, its copies (`Looks`).

What is decided again is what was asked of the aggregate, as it was asked. What rests on a first event that was lost and
is not in the stream again was asked of another aggregate under the same id: that is for a person. And a step of a
process belongs to the process. While that is under way it takes the step itself, under the same commandId; once it has
ended, a step is decided again that fits the end, and no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from handlers.domain import KINDS, repeats
from handlers.domain.oversight import OVERSIGHT
from handlers.domain.said import command_of
from handlers.sourcing import times
from handlers.sourcing.errors import CommandReusedError, IntegrityError, LedgerError, NotAnEventError, NotHomeError
from handlers.sourcing.event import UNSTAMPED, Event, Position, Stamp
from handlers.sourcing.oversight import Flaw, Misfit, Part
from handlers.sourcing.process import command_id
from handlers.sourcing.settling import Settling
from handlers.sourcing.standing import Standing
from handlers.sourcing.untangling import Untangled, untangle
from handlers.sourcing.values import Value

from .conflicts import Bar, Conflict, Conflicts, OvertakenError, Status, place_of
from .event_store import EventStore
from .items import Item, to_item, to_record
from .ledger import Ledger
from .looks import Look, Looks
from .projector import Projector
from .snapshot_builder import SnapshotBuilder
from .stored_events import event_of
from .streams import ConcurrentAppendError
from .waiting import spans

log = logging.getLogger("ledger")

ROUNDS = 5
"""So often a stream is put together at most, as long as somebody still writes to it meanwhile."""
_REFUSALS = 500
_OF_ONE_COMMAND = 100
"""Events of one command at most: a transaction's items."""
_LACKS = 1000
"""Places that a stream lacks of which note is taken, at most."""
_NO_PLACE = 10**15
"""Of an event that is judged as if it stood."""


class NotForAPersonError(Exception):
    """A person's word is not taken: why, in one sentence."""


class NotYetError(Exception):
    """The stream cannot be put together yet: to be tried again. What was known is kept."""


class WaitsError(NotYetError):
    """Something of it has not come: `lacks` are places without which it is no chain; none where the other Region puts
    it together."""

    def __init__(self, aggregate_id: str, lacks: tuple[int, ...] = ()) -> None:
        what = f"what stands at {spans(lacks)}" if lacks else "what the other Region makes of it"
        super().__init__(f"of {aggregate_id} {what} has not come yet")
        self.lacks = lacks


class Settled(NamedTuple):
    """What was done about a stream: how many events were put back, removed, decided again, and are still open."""

    put_back: int = 0
    removed: int = 0
    again: int = 0
    open: int = 0
    here: bool = True
    """Whether this Region decides it."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Settles streams of `store`, for the Region whose part `standing` tells.

    `order` names the Regions, the first before the others; `now` gives the ledger's text; `still_writing` is for how
    many seconds at most somebody may go on that has read a stream before.
    """

    store: EventStore
    conflicts: Conflicts
    looks: Looks
    ledger: Ledger
    projector: Projector
    builder: SnapshotBuilder
    standing: Callable[[], Standing]
    give_way: Callable[[str, int], bool]
    """Takes note of who decided in which epoch, as the relay does; whether this Region is fenced by that."""
    order: Sequence[str]
    now: Callable[[], str]
    still_writing: int

    def keep(self, item: Item, why: str = "") -> bool:
        """Keep an event that is not in the store any more, by its item; whether that is news: one PutItem.

        Raises NotAnEventError where it is none, or is not as it was written: such a one was never acknowledged.
        """
        event = _sound(item)
        conflict = Conflict(event, to_record(item), self.now(), self.standing().region, why=why)
        return self.conflicts.keep(conflict)

    @staticmethod
    def record_of(item: Item) -> dict[str, Value]:
        """What is kept of an item. NotAnEventError where it holds no event."""
        _sound(item)
        return to_record(item)

    def accept(self, aggregate_id: str, own_hash: str, why: str, by: str) -> Conflict:
        """Close a conflict, by a person's word of what becomes of it: from now on nobody decides it again.

        A Query, two more for whether it is in its stream, and two PutItems. Raises NotForAPersonError, NotHomeError.
        """
        found = self._for_a_person(aggregate_id, own_hash)
        return self._said(found, Status.CLOSED, f"accepted: {why}", by)

    def retry(self, aggregate_id: str, own_hash: str, by: str) -> Conflict:
        """Have a conflict decided once more, because a person asks for it. Costs and errors as those of `accept`."""
        found = self._for_a_person(aggregate_id, own_hash)
        if found.stands or found.counts_twice:
            raise NotForAPersonError("that event stands: there is nothing to decide again")
        return self._said(found, Status.OPEN, "a person asked to have it decided again", by)

    def _for_a_person(self, aggregate_id: str, own_hash: str) -> Conflict:
        """The conflict, where it is a person's to say what becomes of it."""
        found = next((each for each in self.conflicts.of(aggregate_id) if each.event.hash == own_hash), None)
        if found is None:
            elsewhere = (each for each in self.conflicts.unsettled() if each.event.hash == own_hash)
            other = next(elsewhere, None)
            if other is None:
                raise NotForAPersonError(f"no lost event of {aggregate_id} has that hash")
            raise NotForAPersonError(f"that hash is of an event of {other.event.aggregate_id}, not of {aggregate_id}")
        newest = self.store.tail(aggregate_id, 1).events
        self.standing().require_own(newest[-1].stamp if newest else None)
        if found.status is Status.CLOSED:
            raise NotForAPersonError(f"that {_closed(found)}")
        where = found.sequence if found.status is Status.CHECKED else None
        if where is None and not found.stands and not found.counts_twice:
            where = self._again_at(found.event)
        if where is not None:
            raise NotForAPersonError(f"that is in the stream again, as event {where}: nothing is to be made up for")
        if found.status is not Status.PERSON:
            raise NotForAPersonError(f"{found.status.words}: nothing is for a person to do yet, look again in a minute")
        return found

    def _said(self, conflict: Conflict, status: Status, why: str, by: str) -> Conflict:
        try:
            said = conflict.now(status, self.now(), why, conflict.sequence, by)
            return self.conflicts.say(said, self.standing().region)
        except OvertakenError as error:
            raise NotForAPersonError("somebody else said what becomes of that just now: look again") from error

    def settle(
        self, aggregate_id: str, seconds_left: Callable[[], float], *, give_up: bool = False, moved: bool = False
    ) -> Settled:
        """Settle one stream as far as it can be; `give_up` waiting for what has not come, `moved`: make its copies
        right even if no event of it was lost.

        A Query of its conflicts and one of the stream from the first of these places on, a megabyte each. Where it is
        no chain a PutItem of a conflict for each event that was lost, a PutItem or DeleteItem for each place. Then for
        each lost event what its command takes, for a process what stands elsewhere of it (a Query or two for each
        step), and what the copies take. Raises NotYetError, and what a command fails with; whoever comes next goes on.
        """
        kept = {place_of(each.event): each for each in self.conflicts.of(aggregate_id)}
        first = min((each.event.sequence for each in kept.values()), default=1)
        moved = moved or any(each.word is None and each.is_fresh for each in kept.values())
        untangled = self._read(aggregate_id, first, kept.values(), give_up=give_up)
        standing = self.standing()
        try:
            standing.require_own(self._newest(untangled) if untangled.standing else None)
        except NotHomeError:
            self._take_note(self._newest(untangled), standing)
            return self._follow(aggregate_id, untangled, kept.values(), first, seconds_left, moved=moved)
        put_back = removed = 0
        for _ in range(ROUNDS):
            if untangled.awaited:
                raise WaitsError(aggregate_id, _lacks(untangled, first))
            kept |= self._kept(untangled, kept, standing)
            if untangled.is_settled:
                break
            first = min(first, *(event.sequence for event in (*untangled.missing, *untangled.removed)))
            put_back, removed = put_back + len(untangled.missing), removed + len(untangled.removed)
            self.looks.note(self._look(aggregate_id, first))
            self._write(untangled, kept)
            untangled = self._read(aggregate_id, first, kept.values(), give_up=give_up)
        else:
            raise NotYetError(f"others keep writing to {aggregate_id}")
        try:
            again = self._decide_again(kept, untangled, seconds_left)
            self._copies(aggregate_id, first, kept, seconds_left, moved=bool(moved or put_back or removed))
            self._pass_on(kept)
        except OvertakenError as error:
            raise NotYetError(str(error)) from error
        self._tell_contradictions(aggregate_id, kept.values(), standing)
        left = sum(each.is_unsettled for each in kept.values())
        return Settled(put_back, removed, again, left)

    def _read(self, aggregate_id: str, first: int, kept: Iterable[Conflict], *, give_up: bool) -> Untangled:
        """The stream from before place `first` on, with what is kept, as one chain."""
        stored: list[Event] = []
        for item in self.store.whole(aggregate_id, max(0, first - 2)):
            try:
                stored.append(_sound(item))
            except NotAnEventError as error:
                log.warning("left out: %s", error.message, extra=dict(error.details))
        start = Position()
        if first > 1 and stored and stored[0].sequence == first - 1:
            start = Position(stored[0].sequence, stored[0].hash, stored[0].timestamp)
            stored = stored[1:]
        images = [each.event for each in kept]
        return untangle(stored, images, order=self.order, start=start, give_up=give_up)

    def _take_note(self, newest: Stamp, standing: Standing) -> None:
        """Of a higher epoch, which the relay may have given up to tell: a GetItem and a PutItem where it is news."""
        if standing.is_over_by(newest.epoch) and self.give_way(*newest):
            log.critical("fenced: %s decides in epoch %s", *newest)

    def _newest(self, untangled: Untangled) -> Stamp:
        return untangled.standing[-1].stamp if untangled.standing else UNSTAMPED

    def _follow(
        self,
        aggregate_id: str,
        untangled: Untangled,
        kept: Collection[Conflict],
        first: int,
        seconds_left: Callable[[], float],
        *,
        moved: bool,
    ) -> Settled:
        """Make copies right where another Region decides. Raises WaitsError until all has come from there."""
        if not untangled.is_settled:
            raise WaitsError(aggregate_id)
        if untangled.standing:
            self._copies(aggregate_id, first, kept, seconds_left, moved=moved)
        return Settled(here=False)

    def _look(self, aggregate_id: str, first: int) -> Look:
        """That copies are right by now, and to be looked at once more, with what was to be looked at before."""
        before = self.looks.of(aggregate_id)
        return Look(aggregate_id, self.now(), min(first, before.first) if before else first)

    def _copies(
        self,
        aggregate_id: str,
        first: int,
        kept: Collection[object],
        seconds_left: Callable[[], float],
        *,
        moved: bool,
    ) -> None:
        """Make copies right, where something `moved` or it is time to look once more; and have that looked at again,
        as long as something was wrong. Where nothing was lost, no copy holds what was."""
        look = self.looks.of(aggregate_id)
        is_due = look is not None and look.since <= times.earlier(self.now(), self.still_writing)
        if not (moved or is_due):
            return
        first = min(first, look.first) if look else first
        were_wrong = self._copy(aggregate_id, first, seconds_left, with_entries=bool(kept))
        if kept and (moved or were_wrong):
            self.looks.note(Look(aggregate_id, self.now(), first))
        elif look:
            self.looks.forget(aggregate_id)

    def _kept(self, untangled: Untangled, kept: Mapping[str, Conflict], standing: Standing) -> dict[str, Conflict]:
        """Keep those lost events that are not kept yet: a PutItem each."""
        new: dict[str, Conflict] = {}
        for event in untangled.lost:
            if place_of(event) not in kept:
                item = to_record(self.store.item(event))
                new[place_of(event)] = conflict = Conflict(event, item, self.now(), standing.region)
                self.conflicts.keep(conflict)
        return new

    def _write(self, untangled: Untangled, kept: Mapping[str, Conflict]) -> None:
        """Put what is missing in its place, from the first place on, and remove what stands behind the end."""
        try:
            for event, seen in untangled.replacing():
                conflict = kept.get(place_of(event))
                item = to_item(conflict.item) if conflict else self.store.item(event)
                self.store.put_back(item, seen)
            for event in untangled.removed:
                self.store.remove(event)
        except ConcurrentAppendError:
            log.warning("somebody else wrote to %s meanwhile", untangled.standing[-1].aggregate_id)

    def _decide_again(self, kept: dict[str, Conflict], untangled: Untangled, seconds_left: Callable[[], float]) -> int:
        """Decide what was lost and is open, in the order of its places; how many are in the stream now."""
        again = 0
        self._freshen(kept, untangled)
        for place, conflict in sorted(kept.items()):
            if conflict.closing and not conflict.stands:
                kept[place] = self._compared(conflict, conflict.closing)
                continue
            if conflict.stands or conflict.counts_twice or conflict.status in (Status.CHECKED, Status.CLOSED):
                continue
            where = self._again_at(conflict.event)
            if where is not None:
                kept[place] = self._noted(conflict, Status.CHECKED, "its command is in the stream", where)
                again += 1
            elif conflict.status is Status.OPEN:
                kept[place] = self._decided(conflict, kept, untangled, seconds_left)
                again += kept[place].status is Status.CHECKED
        return again

    def _compared(self, conflict: Conflict, closing: Conflict) -> Conflict:
        """One that a person closed. Where it is in the stream all the same, that is hers to see, once: another word put
        it there, of who did not know of this one. A Query or two. OvertakenError."""
        where = self._again_at(conflict.event)
        if where is None or (conflict.by and conflict.sequence is not None):
            return conflict
        told = f"two words: it is in the stream, as event {where}, and {_closed(closing)}"
        return self._noted(conflict, Status.PERSON, told, where)

    def _freshen(self, kept: dict[str, Conflict], untangled: Untangled) -> None:
        """Pass over what evidence asks for that came too late, and have a person's word in its place again. What stood
        and was lost since is lost like others. OvertakenError."""
        for place, conflict in kept.items():
            if conflict.is_overlaid:
                kept[place] = conflict = self.conflicts.note(conflict)  # noqa: PLW2901 -- it as it is from now on
            if conflict.word is not None and conflict.is_fresh:
                kept[place] = self.conflicts.quiet(conflict)
            if conflict.stands and conflict.event in untangled.lost:
                kept[place] = replace(kept[place], stands=False, status=Status.OPEN)

    def _decided(
        self,
        conflict: Conflict,
        kept: Mapping[str, Conflict],
        untangled: Untangled,
        seconds_left: Callable[[], float],
    ) -> Conflict:
        """What becomes of an open one."""
        event, settling = conflict.event, KINDS.settling(conflict.event)
        below = self._rests_on(event, kept, untangled)
        conflict = replace(conflict, bar=_bar(event, below))  # also where a person asks: it holds whatever she says
        if not conflict.by and (told := _hers(event, below, kept.values())):  # a person may decide on it all the same
            return self._refused(conflict, told)
        told, status, is_over = self._against(event, kept.values())
        if told:
            return self._noted(_over(conflict) if is_over else conflict, status, told, by=conflict.by)
        try:
            where = self.ledger.execute(command_of(event), seconds_left).sequence
        except NotHomeError as elsewhere:  # which says nothing of what was asked: who decides now decides it
            raise NotYetError(elsewhere.message) from elsewhere
        except LedgerError as refusal:
            if refusal.status >= _REFUSALS:
                raise
            log.warning("not decided again: %s", refusal.message, extra=conflict.describe())
            barred = _over(conflict) if self._has_ended(event) else conflict
            if isinstance(refusal, CommandReusedError):
                barred = replace(barred, bar=barred.bar or Bar.REUSED)
            return self._refused(barred, _told(settling, refusal))
        if self._again_at(event) is None:
            told = f"its command was carried out by event {where}, which is another part of it"
            return self._noted(_over(conflict), Status.REFUSED, told)
        return self._noted(conflict, Status.CHECKED, "decided again", where)

    def _refused(self, conflict: Conflict, told: str) -> Conflict:
        """It as one that is for a person, once nobody is deciding it any more: why, and what was done for it."""
        return self._noted(conflict, Status.REFUSED, told + _standing(self._done_for([conflict.event])))

    def _rests_on(self, event: Event, kept: Mapping[str, Conflict], untangled: Untangled) -> Event | None:
        """The lost event that is not in the stream again, and without which this one was asked of something else."""
        unmade = [
            each.event
            for each in kept.values()
            if not each.stands
            and each.sequence is None
            and each.event.sequence < event.sequence
            and (each.event.sequence == 1 or KINDS.settling(each.event) is Settling.MANUAL)
        ]
        known = {each.event.hash: each.event for each in kept.values() if not each.stands}
        stands = {each.hash for each in untangled.standing}
        parent = event.previous_hash
        while parent in known and parent not in stands:
            if known[parent] in unmade:
                return known[parent]
            parent = known[parent].previous_hash
        return None if parent in stands or not unmade else unmade[0]  # what lies before it is not known

    def _against(self, event: Event, kept: Iterable[Conflict]) -> tuple[str, Status, bool]:
        """What speaks against a step of a process being decided again, its status by that (open: the process is under
        way), and whether that holds for ever; nothing for any other event. A Query of the process, and one or two for
        each of its steps.

        Steps that were lost together may fit together alone. They are decided again one behind the other, where the
        process ended by them."""
        found = OVERSIGHT.part(event)
        if found is None or found[0] == event.aggregate_id or not _is_step(found[0], event):
            return "", Status.OPEN, False
        process_id, part = found
        parts = self._parts(process_id)
        if not any(each.aggregate_id == process_id for each in parts):
            return f"{process_id}, of which it is a step, is not known here", Status.REFUSED, False
        if not OVERSIGHT.has_ended(parts):
            return f"{process_id} is under way, and takes its steps itself", Status.OPEN, False
        unfit = _unfit(process_id, [part], parts)
        if unfit and _is_wanting(process_id, parts, event.aggregate_id):
            unfit = _unfit(process_id, [part, *_lost_with(event, process_id, kept)], parts)
        return (f"not made again: {unfit}" if unfit else ""), Status.REFUSED, bool(unfit)

    def _has_ended(self, event: Event) -> bool:
        """Whether it is a process's own event, and that has ended: nothing more of it is made. What `_parts` takes."""
        return _is_own(event) and OVERSIGHT.has_ended(self._parts(event.aggregate_id))

    def _parts(self, process_id: str) -> list[Part]:
        """All that stands of a process. NotYetError where its stream is in no order."""
        found, position = [], Position()
        try:
            for event in self.store.read(process_id):
                position = position.advance(event)
                found.append(OVERSIGHT.part(event))
        except IntegrityError as error:
            raise NotYetError(error.message) from error
        parts = [each[1] for each in found if each]
        for aggregate_id, own_command in OVERSIGHT.places(process_id, parts):
            place = self.store.find(aggregate_id, own_command).sequence
            there = self._at(aggregate_id, place) if place else None
            if there is not None:
                found.append(OVERSIGHT.part(there) or OVERSIGHT.claimed(there))
        return [part for name, part in filter(None, found) if name == process_id]

    def _tell_contradictions(self, process_id: str, kept: Iterable[Conflict], standing: Standing) -> None:
        """Keep, for a person, each step elsewhere that contradicts how a process ended, or that was taken for a request
        which was lost: it stands, since nobody else wrote there. A PutItem for each, besides what `_parts` takes."""
        kind = KINDS.of_events(self.store.page(process_id, limit=1).events)
        if kind is None or kind.name != OVERSIGHT.process.kind:
            return
        for _, flaw in self._done_for([each.event for each in kept if not each.stands and each.sequence is None]):
            self._tell(flaw, standing)
        parts = self._parts(process_id)
        if not OVERSIGHT.has_ended(parts):
            return
        for flaw in OVERSIGHT.judge(process_id, parts).flaws:
            if flaw.misfit is Misfit.CONTRADICTS and flaw.aggregate_id != process_id and flaw.sequence:
                self._tell(flaw, standing)

    def _done_for(self, lost: Sequence[Event]) -> list[tuple[Event, Flaw]]:
        """The steps elsewhere that stand, were taken for a process's request among these lost events, and are others
        than those that the standing one asks for; in what. Nothing is asked where there is no request among them; else
        what `_parts` takes, and as much for each."""
        asked = [each for each in lost if each.sequence == 1 and _is_own(each)]
        if not asked:
            return []
        process_id = asked[0].aggregate_id
        parts = self._parts(process_id)
        places = {place for each in asked for place in OVERSIGHT.places(process_id, _parts_of([each], process_id))}
        there = [self._at(where, at) for where, own in places if (at := self.store.find(where, own).sequence)]
        taken = {(each.aggregate_id, each.sequence): each for each in there if each is not None}
        known = {(part.aggregate_id, part.sequence) for part in parts}
        others = _parts_of([each for place, each in taken.items() if place not in known], process_id)
        flaws = OVERSIGHT.judge(process_id, [*parts, *others]).flaws
        unlike = {(flaw.aggregate_id, flaw.sequence): flaw for flaw in flaws if flaw.misfit is Misfit.DIFFERS}
        return [(event, unlike[place]) for place, event in sorted(taken.items()) if place in unlike]

    def _tell(self, flaw: Flaw, standing: Standing) -> None:
        event = self._at(flaw.aggregate_id, flaw.sequence or 0)
        if event is None:
            return
        item = to_record(self.store.item(event))
        why = f"{flaw.detail}: {OVERSIGHT.undo(event)}"
        told = Conflict(event, item, self.now(), standing.region, Status.PERSON, why=why, stands=True)
        if self.conflicts.keep(told):
            log.warning("stands, and contradicts: %s", flaw.detail, extra=told.describe())

    def _at(self, aggregate_id: str, sequence: int) -> Event | None:
        return next(self.store.read(aggregate_id, after=sequence - 1, up_to=sequence), None)

    def _again_at(self, event: Event) -> int | None:
        """Where the event of a lost one's id stands, if its command asked for the same: one Query, and one of what that
        command caused, if it is there."""
        found = self.store.find(event.aggregate_id, event.command_id).sequence
        if not found:
            return None
        of_command = self.store.read(event.aggregate_id, after=max(0, found - _OF_ONE_COMMAND), up_to=found)
        return next((each.sequence for each in of_command if _is_again(event, each)), None)

    def _noted(
        self, conflict: Conflict, status: Status, why: str, sequence: int | None = None, by: str = ""
    ) -> Conflict:
        """It with that status: a PutItem where anything is new. OvertakenError."""
        if (conflict.status, conflict.why, conflict.sequence) == (status, why, sequence):
            return conflict
        return self.conflicts.note(conflict.now(status, self.now(), why, sequence, by))

    def _pass_on(self, kept: dict[str, Conflict]) -> None:
        """Close what is in the stream, and leave to a person what is not, once nobody can be writing any more who has
        read it before. OvertakenError."""
        before = times.earlier(self.now(), self.still_writing)
        for place, conflict in kept.items():
            if conflict.status not in (Status.CHECKED, Status.REFUSED) or conflict.since > before:
                continue
            if conflict.status is Status.REFUSED:
                kept[place] = self._noted(conflict, Status.PERSON, conflict.why)
            elif self._again_at(conflict.event) is None:  # it was lost once more: then it is to be decided once more
                kept[place] = self._noted(conflict, Status.OPEN, "it is not in the stream any more")
            else:
                kept[place] = self._noted(conflict, Status.CLOSED, conflict.why, conflict.sequence)

    def _copy(self, aggregate_id: str, first: int, seconds_left: Callable[[], float], *, with_entries: bool) -> bool:
        """Make rows, entries and snapshots right that may hold what does not stand; whether rows or entries did."""
        newest = self.store.tail(aggregate_id, 1)
        self.builder.snapshots.drop(aggregate_id, first)
        if not newest.events:
            return False
        wrong = self.projector.remake(newest.events[-1], first, seconds_left, with_entries=with_entries)
        self.builder.bring_up_to(aggregate_id, newest.end)
        return wrong > 0


def _sound(item: Item) -> Event:
    """The event in an item. NotAnEventError where there is none, or its hash is not its own."""
    event = event_of(item)
    if event.computed_hash() != event.hash:
        raise NotAnEventError("its Hash is not that of its content", event.aggregate_id, event.sequence)
    return event


def _closed(conflict: Conflict) -> str:
    who = f" by {conflict.by}" if conflict.by else ""
    return f"was closed at {conflict.since}{who}: {conflict.why}"


def _lacks(untangled: Untangled, first: int) -> tuple[int, ...]:
    """The places without which the awaited events are in no chain, of a stream that was read from `first` on: the one
    before each, and those before that of which no event is known. The first ones, where there are very many."""
    known = {event.sequence for event in (*untangled.standing, *untangled.lost)}
    places: set[int] = set()
    for event in untangled.awaited:
        place = event.sequence - 1
        below = max((each for each in known if each <= place), default=first - 1)
        places.update(range(min(below + 1, place), place + 1)[:_LACKS])
    return tuple(sorted(places)[:_LACKS])


def _hers(event: Event, below: Event | None, kept: Iterable[Conflict]) -> str:
    """Why an event that was lost is a person's and not the ledger's to decide; nothing where it is the ledger's."""
    same = (each for each in kept if _is_again(event, each.event) and each.status is Status.CLOSED and each.by)
    if closed := next(same, None):
        return f"two words: somebody had it decided again, and at {closed.event.sequence} it {_closed(closed)}"
    if KINDS.settling(event) is Settling.MANUAL:
        return f"{event.event_type} is for a person to decide"
    if below:
        return f"it rests on {below.event_type} at {below.sequence}, which was lost and is not in the stream"
    return ""


def _is_own(event: Event) -> bool:
    """Whether an event is one of a process's own."""
    found = OVERSIGHT.part(event)
    return found is not None and found[0] == event.aggregate_id


def _parts_of(events: Iterable[Event], process_id: str) -> list[Part]:
    """What of these events is a part of a process."""
    return [part for name, part in filter(None, map(OVERSIGHT.part, events)) if name == process_id]


def _standing(done: Sequence[tuple[Event, Flaw]]) -> str:
    """What is to be known of a request that was lost, and was carried out."""
    there = ", ".join(f"event {event.sequence} of {event.aggregate_id}" for event, _ in done)
    return f"; what was done for it stands, as {there}: asked for once more, it is done twice" if done else ""


def _unfit(process_id: str, steps: Sequence[Part], parts: Sequence[Part]) -> str:
    """What speaks against the first of these steps, beside what stands of the process."""
    placed = [step._replace(sequence=_NO_PLACE + place) for place, step in enumerate(steps)]
    flaws = OVERSIGHT.judge(process_id, [*placed, *parts]).flaws
    return next((flaw.detail for flaw in flaws if flaw.sequence == _NO_PLACE), "")


def _is_wanting(process_id: str, parts: Sequence[Part], aggregate_id: str) -> bool:
    """Whether a step at this aggregate is not there, and by what is there it must be."""
    flaws = OVERSIGHT.judge(process_id, parts).flaws
    return any(flaw.misfit is Misfit.MISSING and flaw.aggregate_id == aggregate_id for flaw in flaws)


def _lost_with(event: Event, process_id: str, kept: Iterable[Conflict]) -> list[Part]:
    """The other steps of a process that were lost of a stream, and are neither in it again nor closed."""
    others = (each for each in kept if each.is_unsettled and not each.stands and each.event.hash != event.hash)
    return _parts_of((each.event for each in others), process_id)


def _is_again(lost: Event, other: Event) -> bool:
    """Whether another event is of the same id, and of the same command."""
    return lost.event_id == other.event_id and repeats(command_of(lost), other)


def _bar(event: Event, below: Event | None) -> Bar | None:
    if event.sequence == 1:
        return Bar.OPENING
    return Bar.BEHIND if below else None


def _over(conflict: Conflict) -> Conflict:
    """It as one that no second decision makes; an opening that was lost says more."""
    return conflict if conflict.bar else replace(conflict, bar=Bar.OVER)


def _told(settling: Settling, refusal: LedgerError) -> str:
    if isinstance(refusal, CommandReusedError):
        return f"under its commandId another command stands: {refusal.event_type}, event {refusal.details['sequence']}"
    surprise = "unexpectedly " if settling is Settling.REAPPLY else ""
    details: Value = refusal.details.get("rule")
    return f"{surprise}refused: {refusal.code}{f' ({details})' if details else ''}: {refusal.message}"


def _is_step(process_id: str, event: Event) -> bool:
    """Whether an event is a step that its process takes, and no caller's that only names it."""
    return event.command_id in {command_id(process_id, name) for name in OVERSIGHT.process.steps}

"""Puts a stream together again that two Regions wrote, and has what was lost decided again.

Only the Region that decides an aggregate does that; the other one makes its copies right by what comes from there. Each
step can be repeated, and an end between any two of them loses nothing: an event is kept among the conflicts before its
place is given to another one, what was asked by it is decided under its own commandId, and copies are made last.

Somebody may have read the stream before and write behind an event that does not stand. Then that is no chain, and its
writer's event is a lost one. So a stream is looked at once more when all who can have read it before have ended: until
then its lost events are not closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handlers.domain import KINDS
from handlers.domain.said import command_of
from handlers.sourcing import times
from handlers.sourcing.errors import LedgerError, MalformedError, NotAnEventError, NotHomeError
from handlers.sourcing.event import UNSTAMPED, Event, Position, Stamp
from handlers.sourcing.settling import Settling
from handlers.sourcing.standing import Standing
from handlers.sourcing.untangling import Untangled, untangle
from handlers.sourcing.values import Value

from .conflicts import Conflict, Conflicts, Status, place_of
from .event_store import EventStore
from .items import Item, to_item, to_record
from .ledger import Ledger
from .projector import Projector
from .snapshot_builder import SnapshotBuilder
from .stored_events import event_of
from .streams import ConcurrentAppendError

log = logging.getLogger("ledger")

ROUNDS = 5
"""So often a stream is put together at most, as long as somebody still writes to it meanwhile."""
_REFUSALS = 500
_OF_ONE_COMMAND = 100
"""Events of one command at most: a transaction's items."""


class NotYetError(Exception):
    """The stream cannot be put together yet: to be tried again. What was known is kept."""


class WaitsError(NotYetError):
    """Something of it has not come: `lacks` are places without which it is no chain; none where the other Region puts
    it together."""

    def __init__(self, aggregate_id: str, lacks: tuple[int, ...] = ()) -> None:
        what = f"what stands at {', '.join(map(str, lacks[:5]))}" if lacks else "what the other Region makes of it"
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

    def accept(self, aggregate_id: str, own_hash: str, why: str) -> Conflict:
        """Close an open conflict, by a person's word of what became of it: a Query and a PutItem.

        Raises MalformedError where there is none such, or no word.
        """
        if not why:
            raise MalformedError("why", "is required: what became of it")
        found = [each for each in self.conflicts.of(aggregate_id) if each.event.hash == own_hash]
        if not found or found[0].status is not Status.OPEN:
            raise MalformedError("hash", "is of no open conflict of this aggregate")
        return self._noted(found[0], Status.CLOSED, f"accepted: {why}")

    def settle(
        self, aggregate_id: str, seconds_left: Callable[[], float], *, give_up: bool = False, moved: bool = False
    ) -> Settled:
        """Settle one stream as far as it can be; `give_up` waiting for what has not come, `moved`: make its copies
        right even if no event of it was lost.

        A Query of its conflicts and one of the stream from the first of these places on, a megabyte each. Where it is
        no chain a PutItem of a conflict for each event that was lost, a PutItem or DeleteItem for each place. Then for
        each lost event what its command takes, and what the copies take. Raises NotYetError, and what a command fails
        with; whoever comes next goes on.
        """
        kept = {place_of(each.event): each for each in self.conflicts.of(aggregate_id)}
        first = min((each.event.sequence for each in kept.values()), default=1)
        untangled = self._read(aggregate_id, first, kept.values(), give_up=give_up)
        standing = self.standing()
        try:
            standing.require_own(self._newest(untangled))
        except NotHomeError:
            self._take_note(self._newest(untangled), standing)
            return self._follow(aggregate_id, untangled, kept.values(), first, seconds_left, moved=moved)
        put_back = removed = 0
        for _ in range(ROUNDS):
            if untangled.awaited:
                raise WaitsError(aggregate_id, tuple(event.sequence - 1 for event in untangled.awaited))
            kept |= self._kept(untangled, kept, standing)
            if untangled.is_settled:
                break
            first = min(first, *(event.sequence for event in (*untangled.missing, *untangled.removed)))
            put_back, removed = put_back + len(untangled.missing), removed + len(untangled.removed)
            self._write(untangled, kept)
            untangled = self._read(aggregate_id, first, kept.values(), give_up=give_up)
        else:
            raise NotYetError(f"others keep writing to {aggregate_id}")
        again = self._decide_again(kept, seconds_left)
        if moved or put_back or removed or self._is_fresh(kept.values()):
            self._copy(aggregate_id, first, seconds_left)
        self._close(kept)
        left = sum(each.status is Status.OPEN for each in kept.values())
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
        if newest.epoch > standing.known and self.give_way(*newest):
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
        if untangled.standing and (moved or self._is_fresh(kept)):
            self._copy(aggregate_id, first, seconds_left)
        return Settled(here=False)

    def _is_fresh(self, kept: Collection[Conflict]) -> bool:
        """Whether something was said of these a moment ago, by who may have ended before the copies were made."""
        return any(each.since > times.earlier(self.now(), self.still_writing) for each in kept)

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

    def _decide_again(self, kept: dict[str, Conflict], seconds_left: Callable[[], float]) -> int:
        """Decide what was lost and is open, in the order of its places; how many are in the stream now."""
        again, blocked = 0, ""
        for place, conflict in sorted(kept.items()):
            if conflict.status is not Status.OPEN:
                continue
            settling = KINDS.settling(conflict.event)
            where = self._again_at(conflict.event)
            if where is None and (blocked or settling is Settling.MANUAL):
                blocked = (
                    blocked or f"{conflict.event.event_type} at {conflict.event.sequence} is for a person to decide"
                )
                kept[place] = self._noted(conflict, Status.OPEN, blocked)
                continue
            why = "its command is in the stream"
            if where is None:
                try:
                    where = self.ledger.execute(command_of(conflict.event), seconds_left).sequence
                except LedgerError as refusal:
                    if refusal.status >= _REFUSALS:
                        raise
                    log.warning("not decided again: %s", refusal.message, extra=conflict.describe())
                    kept[place] = self._noted(conflict, Status.OPEN, _told(settling, refusal))
                    continue
                why = "decided again"
                if self._again_at(conflict.event) is None:
                    told = f"its command was carried out by event {where}, which is another part of it"
                    kept[place] = self._noted(conflict, Status.OPEN, told)
                    continue
            kept[place] = self._noted(conflict, Status.CHECKED, why, where)
            again += 1
        return again

    def _again_at(self, event: Event) -> int | None:
        """Where the event of a lost one's id stands: one Query, and one of what its command caused, if it is there."""
        found = self.store.find(event.aggregate_id, event.command_id).sequence
        if not found:
            return None
        of_command = self.store.read(event.aggregate_id, after=max(0, found - _OF_ONE_COMMAND), up_to=found)
        return next((each.sequence for each in of_command if each.event_id == event.event_id), None)

    def _noted(self, conflict: Conflict, status: Status, why: str, sequence: int | None = None) -> Conflict:
        """It with that status: a PutItem where anything is new."""
        if (conflict.status, conflict.why, conflict.sequence) == (status, why, sequence):
            return conflict
        noted = conflict.now(status, self.now(), why, sequence)
        self.conflicts.note(noted)
        return noted

    def _close(self, kept: dict[str, Conflict]) -> None:
        """Close what is in the stream, once nobody can be writing any more who has read it before."""
        before = times.earlier(self.now(), self.still_writing)
        for place, conflict in kept.items():
            if conflict.status is not Status.CHECKED or conflict.since > before:
                continue
            if self._again_at(conflict.event) is None:  # it was lost once more: then it is to be decided once more
                kept[place] = self._noted(conflict, Status.OPEN, "it is not in the stream any more")
            else:
                kept[place] = self._noted(conflict, Status.CLOSED, conflict.why, conflict.sequence)

    def _copy(self, aggregate_id: str, first: int, seconds_left: Callable[[], float]) -> None:
        """Make rows, entries and snapshots right that may hold what does not stand."""
        newest = self.store.tail(aggregate_id, 1)
        self.builder.snapshots.drop(aggregate_id, first)
        if newest.events:
            self.projector.remake(newest.events[-1], first, seconds_left)
            self.builder.bring_up_to(aggregate_id, newest.end)


def _sound(item: Item) -> Event:
    """The event in an item. NotAnEventError where there is none, or its hash is not its own."""
    event = event_of(item)
    if event.computed_hash() != event.hash:
        raise NotAnEventError("its Hash is not that of its content", event.aggregate_id, event.sequence)
    return event


def _told(settling: Settling, refusal: LedgerError) -> str:
    surprise = "unexpectedly " if settling is Settling.REAPPLY else ""
    details: Value = refusal.details.get("rule")
    return f"{surprise}refused: {refusal.code}{f' ({details})' if details else ''}: {refusal.message}"

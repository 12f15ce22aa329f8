"""The read side's mechanism: bring rows up to the stream from any delivery.

The bus neither orders nor deduplicates, and it is not the truth: whoever may put events on it could make some up. So a
message is a poke, "aggregate X has reached sequence n". Events that came along are used where they continue the row's
hash chain; otherwise the store is read. Each row moves by one conditional write. Whatever is delivered, in whatever
order and however often, a row equals the fold of its stream up to its LastSequence.

What events leave beside a row (`Projection.entries`) is written before it. The entry of an event is the same whoever
makes it, so it needs no condition, and the row's condition orders the rest: the row moves from a place up to which all
entries were there, as it says itself, to one up to which they are. A row that does not say so was moved by older code,
or by code that leaves entries out: it moves on without them, and then `_fill` writes all that it lacks.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from handlers.domain import KINDS
from handlers.sourcing.errors import ContentionError, IntegrityError, UnreadableEventError
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.projection import Projection
from handlers.sourcing.restoring import UNFOLDABLE

from . import side_by_side
from .deadline import SPARE_SECONDS
from .folding import CHUNK, Fold, Move, folded
from .read_model import NOTHING, UNKNOWN, Entry, Key, ReadModel, StaleRowError, Stored
from .streams import Streams, kind_of

ATTEMPTS = 5

log = logging.getLogger("ledger")


class Progress(NamedTuple):
    """The sequence that all rows of an aggregate have reached at least, and how many were written for it."""

    sequence: int
    written: int


Moves = dict[Key, Move]


@dataclass(frozen=True, slots=True)
class Projector:
    """Keeps every projection of every poked aggregate up to date."""

    store: Streams
    read_model: ReadModel
    projections: Sequence[OfKind]
    begin: side_by_side.Begin = side_by_side.begin

    def load(self, pokes: Mapping[str, Sequence[Event]]) -> dict[Key, Stored]:
        """The rows of the aggregates that were poked: one BatchGetItem per 100 rows."""
        return self.read_model.get_many(
            Key(aggregate_id, projection.name)
            for aggregate_id, events in pokes.items()
            for projection in self.concerned(events)
        )

    def concerned(self, pokes: Iterable[Event]) -> Sequence[OfKind]:
        """The projections of the kind of aggregate that was poked; all, where the pokes do not tell it."""
        kind = KINDS.of_events(pokes)
        return [each for each in self.projections if kind in (None, each.kind)]

    def advance(
        self,
        announced: Mapping[str, Sequence[Event]],
        rows: dict[Key, Stored],
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> dict[str, Progress | Exception]:
        """Move on, all together, the aggregates whose rows the announced events continue; what became of each.

        Two waits, however many they are: one BatchWriteItem per 25 entries, then a PutItem per row, side by side. Who
        is missing in the answer is for `bring_up`, as if nothing had been tried: the store must be read for it, its
        events are more than are written in one go, it lost a race (`rows` then holds what was read after that), or the
        entries of all could not be written together.
        """
        moves = {name: moves for name, pokes in announced.items() if (moves := self._continued(name, pokes, rows))}
        try:
            entries = [entry for each in moves.values() for move in each.values() for entry in move.entries]
            self.read_model.put_entries(entries, seconds_left)
        except Exception:  # whose failure it is shows where each writes its own
            log.warning("the entries of %s aggregates cannot be written together", len(moves), exc_info=True)
            return {}
        writes = {
            key: self.begin(partial(self._put, key, move.stored, rows.get(key, NOTHING)))
            for each in moves.values()
            for key, move in each.items()
        }
        outcomes: dict[str, Progress | Exception] = {
            name: Progress(max(poke.sequence for poke in announced[name]), len(each)) for name, each in moves.items()
        }
        for key, written in writes.items():
            try:
                rows[key], has_moved = written()
            except Exception as error:  # noqa: BLE001 -- reported as this aggregate's failure
                outcomes[key.aggregate_id] = error
            else:
                if not has_moved:
                    outcomes.pop(key.aggregate_id, None)
        return outcomes

    def _put(self, key: Key, new: Stored, seen: Stored) -> tuple[Stored, bool]:
        """The row after an attempt to replace the one that was `seen`, and whether it is ours: one PutItem, and one
        GetItem where somebody else was first."""
        try:
            self.read_model.put(key, new, seen=seen.position, odd_place=seen.odd_place)
        except StaleRowError:
            return self.read_model.get(key), False
        return new, True

    def _continued(self, aggregate_id: str, pokes: Sequence[Event], rows: Mapping[Key, Stored]) -> Moves:
        """What all rows of an aggregate become by the announced events alone; empty where there is more to it."""
        if KINDS.of_events(pokes) is None:
            return {}
        projections = {Key(aggregate_id, projection.name): projection for projection in self.concerned(pokes)}
        current = {key: rows.get(key, NOTHING) for key in projections}
        for key, stored in current.items():
            if stored.position.sequence and not (
                _is_sound(stored, projections[key]) and (stored.has_entries or not projections[key].entries)
            ):
                return {}
        target = max(poke.sequence for poke in pokes)
        start = min((stored.position for stored in current.values()), key=lambda position: position.sequence)
        events = _delivered(start, target, pokes)
        if not events or any(stored.position.sequence >= target for stored in current.values()):
            return {}
        if len(events) > CHUNK:  # what these leave beside the rows goes chunk by chunk, each with its rows
            return {}
        try:
            return _applied(events, current, projections, {key: stored.position for key, stored in current.items()})[0]
        except (IntegrityError, UnreadableEventError, *UNFOLDABLE):
            return {}

    def bring_up(
        self,
        aggregate_id: str,
        pokes: Sequence[Event],
        rows: dict[Key, Stored],
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> Progress:
        """Apply everything up to the newest of `pokes`, as far as the store goes, to rows read by `load`.

        One PutItem per row that lags, behind a BatchWriteItem per 25 entries, and one Query where the pokes leave a
        gap; nothing for a duplicate. One Query more where a row says a place that is in doubt, and where the pokes do
        not tell the kind of aggregate. Of a gap of more than 5,000 events each 5,000 are written, so that whoever goes
        on finds how far this came. A row that lacks entries gets them then. Raises IntegrityError where a row and the
        store contradict each other, or the stream is of several kinds, ContentionError after losing 5 races,
        TimeoutError when hardly any time is left.
        """
        target = max(poke.sequence for poke in pokes)
        written = lost = 0
        kind = kind_of(self.store, aggregate_id, pokes)
        if kind is None:  # newer code's: nothing here follows from it
            return Progress(min(target, self.store.tail(aggregate_id, 1).end), 0)
        pending = {Key(aggregate_id, each.name): each for each in self.projections if each.kind is kind}
        if not pending:
            return Progress(target, 0)
        current = {key: rows.get(key, NOTHING) for key in pending}
        displaced = self._displaced(current, pokes)
        while lost < ATTEMPTS:
            lagging = {
                key: stored for key, stored in current.items() if key in displaced or stored.position.sequence < target
            }
            if not lagging:
                for key, projection in pending.items():
                    written += self._fill(key, projection, current[key], seconds_left)
                return Progress(target, written)
            moves, target = self._fold(
                aggregate_id, target, pokes, lagging, pending, displaced=displaced, seconds_left=seconds_left
            )
            displaced = frozenset()
            race_lost = False
            for key, move in moves.items():
                self.read_model.put_entries(move.entries, seconds_left)
                current[key], has_moved = self._put(key, move.stored, current[key])
                written += has_moved
                race_lost = race_lost or not has_moved
            if race_lost:
                displaced = self._displaced(current, pokes)
                lost += 1
        raise ContentionError("others kept updating this aggregate's read model", aggregateId=aggregate_id)

    def remake(
        self,
        newest: Event,
        first: int,
        seconds_left: Callable[[], float] = lambda: math.inf,
        *,
        with_entries: bool = True,
    ) -> int:
        """Make the rows right that hold events which are not in the stream any more, and bring up the others; how much
        was wrong.

        `newest` is the stream's last event; from event `first` on it may be another one than rows have seen. For each
        row a Query of its place; one that does not stand there is made again from the first event, as if it were
        damaged. Then `with_entries` what `_tidy` takes. Raises like `bring_up`.
        """
        aggregate_id, rows = newest.aggregate_id, self.load({newest.aggregate_id: [newest]})
        wrong = 0
        for projection in self.concerned([newest]):
            key = Key(aggregate_id, projection.name)
            stored = rows.get(key, NOTHING)
            if not stored.position.sequence or self._has(aggregate_id, stored.position):
                continue
            log.warning("the row %s of %s saw what is not in the stream; making it again", key.projection, aggregate_id)
            rows[key] = stored._replace(position=stored.position._replace(hash=UNKNOWN))
            wrong += 1
        self.bring_up(aggregate_id, [newest], rows, seconds_left)
        for projection in self.concerned([newest]) if with_entries else ():
            wrong += self._tidy(Key(aggregate_id, projection.name), projection, first, seconds_left)
        return wrong

    def _tidy(self, key: Key, projection: Projection, first: int, seconds_left: Callable[[], float]) -> int:
        """Make the entries from event `first` on what the stream makes of them; how many were wrong.

        Whoever still had a lost event in hand may have written its entry when the row was right already: by the row
        nothing shows then. Beyond the row somebody may be writing just now: there an entry goes only if it is what was
        seen here. If the row has moved on by then, all is compared again.

        Two reads of the row, a Query a megabyte of the entries and of the whole stream; a BatchWriteItem per 25 entries
        that lack or differ, a DeleteItem for each that is too many. Raises like `bring_up`.
        """
        kind, wrong = projection.entries, 0
        if kind is None:
            return 0
        for _ in range(ATTEMPTS):
            row = self.read_model.get(key)
            if not row.has_entries:  # whoever moves it fills in all that it lacks
                return wrong
            events = _in_time(self.store.read(key.aggregate_id), seconds_left)
            right: dict[int, Entry] = {}
            fold = Fold(key.aggregate_id, projection, NOTHING)
            for event in events:
                if (entry := fold.take(event)) is not None and event.sequence >= first:
                    right[event.sequence] = entry
            stored = {each.sequence: each for each in self.read_model.entries_from(key.aggregate_id, kind.name, first)}
            end = row.position.sequence
            lacking = [each for at, each in right.items() if at <= end and stored.get(at) != each]
            others = [each for at, each in stored.items() if right.get(at) != each and (at not in right or at > end)]
            self.read_model.put_entries(lacking, seconds_left)
            for entry in others:
                self.read_model.drop_entry(entry)
            wrong += len(lacking) + len(others)
            if self.read_model.get(key).position == row.position:
                return wrong
        raise ContentionError("others kept updating this aggregate's read model", aggregateId=key.aggregate_id)

    def _fill(self, key: Key, projection: Projection, current: Stored, seconds_left: Callable[[], float]) -> int:
        """Write all entries up to a row's place where the row does not say that they are there; how many rows it took.

        From the first event on, and by pieces: each ends with a row under the entries' name that holds the fold so far,
        from which whoever comes next goes on. For a row that lacks them one GetItem, a Query a megabyte, a
        BatchWriteItem per 25 entries, a PutItem per 5,000 events, and one for the row itself. Raises like `bring_up`.
        """
        if not projection.entries or current.has_entries or not _is_sound(current, projection):
            return 0
        place = Key(key.aggregate_id, projection.entries.name)
        kept = self.read_model.get(place)
        written = lost = 0
        while lost < ATTEMPTS and not current.has_entries:
            reached = kept if _is_sound(kept, projection) and kept.has_entries else NOTHING
            if reached.position.sequence > current.position.sequence:
                reached = NOTHING
            if reached.position[:2] == current.position[:2]:
                whole = current._replace(entries=current.position.sequence)
                current, has_moved = self._put(key, whole, current)
            else:
                move = self._next_piece(key, projection, reached, current.position.sequence, seconds_left)
                if move.stored.position.sequence == reached.position.sequence:
                    return written  # the store has another event at the row's place, or none: `verify` tells
                self.read_model.put_entries(move.entries, seconds_left)
                kept, has_moved = self._put(place, move.stored, kept)
            written += has_moved
            lost += not has_moved
        if not current.has_entries:
            raise ContentionError("others kept updating this aggregate's read model", aggregateId=key.aggregate_id)
        return written

    def _next_piece(
        self, key: Key, projection: Projection, start: Stored, up_to: int, seconds_left: Callable[[], float]
    ) -> Move:
        """The fold of the next 5,000 events behind `start`, or from the first one where they do not continue it."""
        for each in (start, NOTHING):
            stored = self.store.read(key.aggregate_id, after=each.position.sequence, up_to=up_to)
            events = islice(_in_time(stored, seconds_left), CHUNK)
            try:
                return folded(key.aggregate_id, projection, each, events)
            except (IntegrityError, *UNFOLDABLE):
                if each is NOTHING or start is NOTHING:
                    raise
        raise AssertionError("the second is NOTHING")

    def _displaced(self, current: Mapping[Key, Stored], pokes: Sequence[Event]) -> frozenset[Key]:
        """The rows for which nothing is due by the place that they say, though they do not stand there.

        No row without its event's hash is believed. Whether the store has the event is asked where another one was
        announced for that place; and where a row is ahead of what was announced, but not at one place with the other
        rows of its aggregate, since they are written together. (Where all of them say one false place, nothing shows.)
        """
        announced = {poke.sequence: poke.hash for poke in pokes}
        places = {stored.position[:2] for stored in current.values()}
        displaced = set()
        for key, stored in current.items():
            position = stored.position
            if position.hash == UNKNOWN:
                displaced.add(key)
            elif position.sequence >= max(announced):
                expected = announced.get(position.sequence, "" if len(places) > 1 else position.hash)
                if expected != position.hash and not self._has(key.aggregate_id, position):
                    displaced.add(key)
        return frozenset(displaced)

    def _has(self, aggregate_id: str, position: Position) -> bool:
        """Whether the store has the event of a position: one Query."""
        there = self.store.read(aggregate_id, after=position.sequence - 1, up_to=position.sequence)
        return any(event.hash == position.hash for event in there)

    def _fold(
        self,
        aggregate_id: str,
        target: int,
        pokes: Sequence[Event],
        rows: Mapping[Key, Stored],
        projections: Mapping[Key, Projection],
        *,
        displaced: frozenset[Key],
        seconds_left: Callable[[], float],
    ) -> tuple[Moves, int]:
        """The rows that have moved, to `target` or later, a chunk on, or to the store's end; and the target as far as
        that goes.

        What older code wrote is made again from the first event on: its fold had less to tell than today's. What is
        damaged, too. That goes in one piece: until it is as far as the row was, there is nothing better to write.
        """
        seen = {key: stored.position for key, stored in rows.items()}
        rows = {
            key: NOTHING if key in displaced or not _is_sound(stored, projections[key]) else stored
            for key, stored in rows.items()
        }
        start = min((stored.position for stored in rows.values()), key=lambda position: position.sequence)
        chunk = CHUNK if all(stored.position == seen[key] for key, stored in rows.items()) else None
        if not displaced and (delivered := _delivered(start, target, pokes, chunk)):
            try:
                return _applied(delivered, rows, projections, seen)[0], target
            except (IntegrityError, UnreadableEventError, *UNFOLDABLE):
                # Made up, however well chained, or just as bad in the store, which then says so.
                log.warning("what was delivered of %s cannot be applied; reading the store", aggregate_id)
        events = _in_time(self.store.read(aggregate_id, after=start.sequence), seconds_left)
        try:
            moved, reached = _applied(islice(events, chunk), rows, projections, seen)
        except (IntegrityError, *UNFOLDABLE):
            if all(stored is NOTHING for stored in rows.values()):
                raise
            # One of the rows does not stand where it says, or holds what no check of it foresaw.
            log.warning("the rows of %s cannot be gone on from; making them again", aggregate_id, exc_info=True)
            events = _in_time(self.store.read(aggregate_id), seconds_left)
            moved, reached = _applied(events, dict.fromkeys(rows, NOTHING), projections, seen)
            return moved, min(target, reached)
        return moved, target if reached - start.sequence == chunk else min(target, reached)


def _is_sound(stored: Stored, projection: Projection) -> bool:
    """Whether a row can be gone on from: it says where it stands, and is what the projection makes today."""
    return stored.position.hash != UNKNOWN and projection.knows(stored.row, stored.position.sequence)


def _in_time(events: Iterable[Event], seconds_left: Callable[[], float]) -> Iterator[Event]:
    """The events, while there is time. TimeoutError where there is not."""
    for event in events:
        if seconds_left() < SPARE_SECONDS:
            raise TimeoutError(f"too little time is left to go on from event {event.sequence} of {event.aggregate_id}")
        yield event


def _applied(
    events: Iterable[Event],
    rows: Mapping[Key, Stored],
    projections: Mapping[Key, Projection],
    seen: Mapping[Key, Position],
) -> tuple[Moves, int]:
    """The rows that `events` move, and how far these go. IntegrityError where they contradict what a row had `seen`."""
    folds = {key: Fold(key.aggregate_id, projections[key], stored) for key, stored in rows.items()}
    reached = min(stored.position.sequence for stored in rows.values())
    places: dict[Key, int] = {}
    for event in events:
        reached = event.sequence
        for key, fold in folds.items():
            fold.take(event)
            if event.hash == seen[key].hash:
                places[key] = event.sequence
    moves = {key: fold.move for key, fold in folds.items()}
    return {
        key: move for key, move in moves.items() if _is_news(key, move.stored, seen[key], places.get(key, 0), rows)
    }, reached


def _is_news(key: Key, new: Stored, seen: Position, place: int, rows: Mapping[Key, Stored]) -> bool:
    """Whether a row is to be written. A row that is made again is a witness of what it had `seen`: `place` is where the
    stream has that hash, 0 for nowhere.

    With the hash of another place, or none, it was damaged, and whatever it says of its place is false. Nowhere, it may
    be right and the stream wrong: IntegrityError, or nothing new where the stream ends before the row.
    """
    is_made_again = rows[key].position != seen
    if is_made_again and (seen.hash == UNKNOWN or place not in (0, seen.sequence)):
        return new.position.sequence > 0
    if is_made_again and not place and new.position.sequence >= seen.sequence:
        raise IntegrityError(
            f"event {seen.sequence} of {key.aggregate_id} is not the one that its row has seen",
            aggregateId=key.aggregate_id,
            sequence=seen.sequence,
        )
    return new.position.sequence > seen.sequence


def _delivered(start: Position, target: int, pokes: Sequence[Event], most: int | None = None) -> list[Event]:
    """The events from `start` to `target`, or the first so many, if the pokes hold them unbroken and unaltered."""
    by_sequence = {poke.sequence: poke for poke in pokes}
    events: list[Event] = []
    for sequence in range(start.sequence + 1, min(target, start.sequence + (most or target)) + 1):
        event = by_sequence.get(sequence)
        if event is None or not event.follows(start.sequence, start.hash) or event.hash != event.computed_hash():
            return []
        events.append(event)
        start = start.advance(event)
    return events

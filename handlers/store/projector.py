"""The read side's mechanism: bring rows up to the stream from any delivery.

The bus neither orders nor deduplicates, and it is not the truth: whoever may put events on it could make some up. So a
message is a poke, "aggregate X has reached sequence n". Events that came along are used where they continue the row's
hash chain; otherwise the store is read. Each row moves by one conditional write. Whatever is delivered, in whatever
order and however often, a row equals the fold of its stream up to its LastSequence.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from handlers.domain.errors import ContentionError, IntegrityError, UnreadableEventError
from handlers.domain.event import Event, Position
from handlers.domain.projections import Projection

from .event_store import EventStore
from .read_model import NOTHING, UNKNOWN, Key, ReadModel, StaleRowError, Stored

ATTEMPTS = 5
CHUNK = 5_000
"""Events that are read from the store before the rows are written: of a long stream, what is done stays done."""
SPARE_SECONDS = 3.0
"""Time that is left to others of the batch, and to the answer."""

log = logging.getLogger("ledger")


class Progress(NamedTuple):
    """The sequence that all rows of an aggregate have reached at least, and how many were written for it."""

    sequence: int
    written: int


@dataclass(frozen=True, slots=True)
class Projector:
    """Keeps every projection of every poked aggregate up to date."""

    store: EventStore
    read_model: ReadModel
    projections: Sequence[Projection]

    def load(self, aggregate_ids: Iterable[str]) -> dict[Key, Stored]:
        """The rows of several aggregates: one BatchGetItem per 100 rows."""
        return self.read_model.get_many(
            Key(aggregate_id, projection.name) for aggregate_id in aggregate_ids for projection in self.projections
        )

    def bring_up(
        self,
        aggregate_id: str,
        pokes: Sequence[Event],
        rows: dict[Key, Stored],
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> Progress:
        """Apply everything up to the newest of `pokes`, as far as the store goes, to rows read by `load`.

        One PutItem per row that lags, and one Query where the pokes leave a gap; nothing for a duplicate. Of a gap of
        more than 5,000 events each 5,000 are written, so that whoever goes on finds how far this came. Raises
        IntegrityError where a row and the store contradict each other, ContentionError after losing 5 races,
        TimeoutError when hardly any time is left.
        """
        target = max(poke.sequence for poke in pokes)
        written = lost = 0
        pending = {Key(aggregate_id, projection.name): projection for projection in self.projections}
        current = {key: rows.get(key, NOTHING) for key in pending}
        while lost < ATTEMPTS:
            lagging = {key: current[key] for key in pending if current[key].position.sequence < target}
            if not lagging:
                return Progress(target, written)
            advanced, target = self._fold(aggregate_id, target, pokes, lagging, pending, seconds_left=seconds_left)
            race_lost = False
            for key, stored in advanced.items():
                if stored.position.sequence <= current[key].position.sequence:
                    continue  # nothing new, or a row made again of a stream that ends before it
                try:
                    self.read_model.put(key, stored, seen=current[key].position, odd_place=current[key].odd_place)
                    current[key] = stored
                    written += 1
                except StaleRowError:
                    current[key] = self.read_model.get(key)
                    race_lost = True
            lost += race_lost
        raise ContentionError("others kept updating this aggregate's read model", aggregateId=aggregate_id)

    def _fold(
        self,
        aggregate_id: str,
        target: int,
        pokes: Sequence[Event],
        rows: dict[Key, Stored],
        projections: Mapping[Key, Projection],
        *,
        seconds_left: Callable[[], float],
    ) -> tuple[dict[Key, Stored], int]:
        """The rows at `target` or later, a chunk on, or at the store's end; and the target as far as that goes."""
        witnesses = {key: stored.position for key, stored in rows.items()}
        # What older code wrote is made again from the first event on: its fold had less to tell than today's. What is
        # damaged, too. That goes in one piece: until it is as far as the row was, there is nothing better to write.
        rows = {key: stored if _is_sound(stored, projections[key]) else NOTHING for key, stored in rows.items()}
        chunk = CHUNK if all(stored.position == witnesses[key] for key, stored in rows.items()) else None
        start = min((stored.position for stored in rows.values()), key=lambda position: position.sequence)
        if delivered := _delivered(start, target, pokes):
            try:
                return _applied(delivered, start, rows, projections, witnesses)[0], target
            except (IntegrityError, UnreadableEventError, LookupError, TypeError, ValueError, ArithmeticError):
                # Made up, however well chained, or just as bad in the store, which then says so.
                log.warning("what was delivered of %s cannot be applied; reading the store", aggregate_id)
        events = _in_time(self.store.read(aggregate_id, after=start.sequence), seconds_left)
        advanced, reached = _applied(islice(events, chunk), start, rows, projections, witnesses)
        return advanced, target if reached - start.sequence == chunk else min(target, reached)


def _is_sound(stored: Stored, projection: Projection) -> bool:
    """Whether a row can be gone on from: it says where it stands, and is what the projection makes today."""
    return stored.position.hash != UNKNOWN and projection.knows(stored.row)


def _in_time(events: Iterable[Event], seconds_left: Callable[[], float]) -> Iterator[Event]:
    """The events, while there is time. TimeoutError where there is not."""
    for event in events:
        if seconds_left() < SPARE_SECONDS:
            raise TimeoutError(f"too little time is left to go on from event {event.sequence} of {event.aggregate_id}")
        yield event


def _applied(
    events: Iterable[Event],
    start: Position,
    rows: Mapping[Key, Stored],
    projections: Mapping[Key, Projection],
    witnesses: Mapping[Key, Position],
) -> tuple[dict[Key, Stored], int]:
    """The rows after `events`. IntegrityError where these contradict a witness, which is what a row had seen."""
    advanced, reached = dict(rows), start.sequence
    for event in events:
        reached = event.sequence
        for key, (row, position, _) in advanced.items():
            if position.sequence < event.sequence:
                advanced[key] = Stored(projections[key].apply(row, event), position.advance(event))
                if event.sequence == witnesses[key].sequence and witnesses[key].hash not in (event.hash, UNKNOWN):
                    raise IntegrityError(
                        f"event {event.sequence} of {event.aggregate_id} is not the one that its row has seen",
                        aggregateId=event.aggregate_id,
                        sequence=event.sequence,
                    )
    return advanced, reached


def _delivered(start: Position, target: int, pokes: Sequence[Event]) -> list[Event]:
    """The events from `start` to `target` if the pokes hold them all, unbroken and unaltered; else none."""
    by_sequence = {poke.sequence: poke for poke in pokes}
    events: list[Event] = []
    for sequence in range(start.sequence + 1, target + 1):
        event = by_sequence.get(sequence)
        if event is None or not event.follows(start.sequence, start.hash) or event.hash != event.computed_hash():
            return []
        events.append(event)
        start = start.advance(event)
    return events

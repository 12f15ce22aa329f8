"""The read side's mechanism: bring rows up to the stream from any delivery.

The bus neither orders nor deduplicates, and it is not the truth: whoever may put events on it could make some up. So a
message is a poke, "aggregate X has reached sequence n". Events that came along are used where they continue the row's
hash chain; otherwise the store is read. Each row moves by one conditional write. Whatever is delivered, in whatever
order and however often, a row equals the fold of its stream up to its LastSequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from handlers.domain.errors import ContentionError, IntegrityError
from handlers.domain.event import Event, Position
from handlers.domain.projections import Projection

from .event_store import EventStore
from .read_model import NOTHING, Key, ReadModel, StaleRowError, Stored

ATTEMPTS = 5


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

    def bring_up(self, aggregate_id: str, pokes: Sequence[Event], rows: dict[Key, Stored]) -> int:
        """Apply everything up to the newest of `pokes` to rows read by `load`; return how many rows were written.

        One PutItem per row that lags, and one Query where the pokes leave a gap; nothing for a duplicate. Raises
        IntegrityError where the store does not have what the poke claims, ContentionError after losing 5 races.
        """
        target = max(poke.sequence for poke in pokes)
        written = 0
        pending = {Key(aggregate_id, projection.name): projection for projection in self.projections}
        current = {key: rows.get(key, NOTHING) for key in pending}
        for _ in range(ATTEMPTS):
            lagging = {key: pending[key] for key in pending if current[key].position.sequence < target}
            if not lagging:
                return written
            advanced = self._fold(aggregate_id, target, pokes, {key: current[key] for key in lagging}, lagging)
            for key, stored in advanced.items():
                try:
                    self.read_model.put(key, stored, seen=current[key].position)
                    current[key] = stored
                    written += 1
                except StaleRowError:
                    current[key] = self.read_model.get(key)
        raise ContentionError("others kept updating this aggregate's read model", aggregateId=aggregate_id)

    def _fold(
        self,
        aggregate_id: str,
        target: int,
        pokes: Sequence[Event],
        rows: dict[Key, Stored],
        projections: dict[Key, Projection],
    ) -> dict[Key, Stored]:
        rows = dict(rows)
        start = min((stored.position for stored in rows.values()), key=lambda position: position.sequence)
        reached = 0
        for event in self._events(aggregate_id, start, target, pokes):
            reached = event.sequence
            for key, (row, position) in rows.items():
                if position.sequence < event.sequence:
                    rows[key] = Stored(projections[key].apply(row, event), position.advance(event))
        if reached < target:
            raise IntegrityError(
                f"event {target} of {aggregate_id} was announced but is not in the store",
                aggregateId=aggregate_id,
                sequence=target,
            )
        return rows

    def _events(self, aggregate_id: str, start: Position, target: int, pokes: Sequence[Event]) -> Iterator[Event]:
        delivered = _delivered(start, target, pokes)
        return iter(delivered) if delivered else self.store.read(aggregate_id, after=start.sequence)


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

"""A projection's row on its way along a stream, and the entries that the events leave beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from handlers.sourcing.event import Event
from handlers.sourcing.projection import Projection

from .read_model import Entry, Stored

CHUNK = 5_000
"""Events that are read from the store before the rows are written: of a long stream, what is done stays done."""


class Move(NamedTuple):
    """What a row becomes, and the entries that must be there before it does."""

    stored: Stored
    entries: Sequence[Entry] = ()


class Fold:
    """Takes events one by one, in order.

    Entries are made while the row has all before them. A row that is made again over more than a chunk goes without, so
    that there is an end to what is held here and written in one go; they are filled in afterwards.
    """

    def __init__(self, aggregate_id: str, projection: Projection, start: Stored) -> None:
        self._aggregate_id, self._projection = aggregate_id, projection
        self._row, self._position = start.row, start.position
        self._entries: list[Entry] | None = [] if projection.entries and start.has_entries else None

    def take(self, event: Event) -> Entry | None:
        """Take an event, to what it leaves beside the row; nothing happens for one that the row has. IntegrityError
        where it does not continue it."""
        if event.sequence <= self._position.sequence:
            return None
        row = self._projection.apply(self._row, event)
        self._position = self._position.advance(event)
        self._row = row
        kind = self._projection.entries
        content = kind.entry(row, event) if kind else None
        if kind is None or content is None:
            return None
        entry = Entry(self._aggregate_id, kind.name, event.sequence, content)
        if self._entries is not None:
            self._entries.append(entry)
            if len(self._entries) > CHUNK:
                self._entries = None
        return entry

    @property
    def move(self) -> Move:
        """What the row has become."""
        entries = 0 if self._entries is None else self._position.sequence
        return Move(Stored(self._row, self._position, entries=entries), self._entries or ())


def folded(aggregate_id: str, projection: Projection, start: Stored, events: Iterable[Event]) -> Move:
    """What a row at `start` becomes by `events`."""
    fold = Fold(aggregate_id, projection, start)
    for event in events:
        fold.take(event)
    return fold.move

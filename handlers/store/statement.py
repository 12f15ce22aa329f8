"""What events left beside a row, newest first: in pages, of any stretch of time.

The order is that of the events, and a stretch of time is one of recorded times: they never go back along a stream. So
where a stretch ends is found by halving places, however long the stream is, and where it begins ends the reading. A
page goes on below the place of the last entry shown, so that what is stored meanwhile changes nothing in it.

A row whose entries are not all there yet (older code moved it, or code that left entries out) is answered from the
stream: the same entries, made of the nearest snapshot and the events behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from handlers.sourcing import times
from handlers.sourcing.errors import UnreadableRowError
from handlers.sourcing.projection import Entries as Kind
from handlers.sourcing.projection import Projection

from .deadline import Deadline
from .event_store import EventStore
from .folding import folded
from .history import History
from .read_model import NOTHING, Entries, Entry, ReadModel, Stored

HEALED_BY = "`python -m ops verify --repair-read-model` makes it again"


class Stretch(NamedTuple):
    """Which entries: of events recorded from `since` to `until`, at or before the place `start` where it is given."""

    since: str
    until: str
    start: int | None


class StatementPage(NamedTuple):
    """Entries, newest first, and the place at which the next page begins; None at the end."""

    entries: list[Entry]
    rest: int | None


class _Source(Protocol):
    def time_at(self, place: int) -> tuple[int, str] | None:
        """Place and recorded time of the newest one at `place` or before; None where there is none."""
        ...

    def newest(self, place: int, limit: int) -> Entries:
        """At most `limit` entries, those at `place` and before."""
        ...


@dataclass(frozen=True, slots=True)
class Statements:
    """Reads what the events of a projection left."""

    read_model: ReadModel
    store: EventStore
    history: History
    projection: Projection
    kind: Kind

    def page(self, aggregate_id: str, row: Stored, stretch: Stretch, limit: int, deadline: Deadline) -> StatementPage:
        """At most `limit` entries of a stretch, and none above the row's place; strongly consistent.

        One Query, one read unit for each 4 KB. Before it, where the stretch has no `start` and says until when, the
        search for its end: one Query, a read unit, where all entries are within, and at most one more for each binary
        digit of the row's place. From the stream a page is at most three Queries, and a step of the search one. Raises
        UnreadableRowError where an entry is damaged or the entries do not add up, OutOfTimeError.
        """
        source: _Source = _Written(self, aggregate_id) if row.has_entries else _Derived(self, aggregate_id)
        end = row.position.sequence
        place = end if stretch.start is None else min(end, stretch.start)
        if stretch.start is None and stretch.until != times.LAST:
            place = _last(source, end, stretch.until, deadline)
        is_newest = place == end
        found: list[Entry] = []
        while place and len(found) <= limit and not (found and self._time(found[-1]) < stretch.since):
            deadline.allow()
            entries, place = source.newest(place, limit + 1 - len(found))
            self._check(aggregate_id, entries)
            found += entries
        self._check_sums(aggregate_id, found, row if is_newest else None, is_whole=not place)
        within = [entry for entry in found if self._time(entry) >= stretch.since]
        shown = within[:limit]
        return StatementPage(shown, shown[-1].sequence - 1 if len(within) > limit else None)

    def time_of(self, aggregate_id: str, entry: Entry) -> str:
        """When an entry's event was recorded. UnreadableRowError where the entry is damaged."""
        self._check(aggregate_id, [entry])
        return self._time(entry)

    def _time(self, entry: Entry) -> str:
        return self.kind.time(entry.content)

    def _check(self, aggregate_id: str, entries: Sequence[Entry]) -> None:
        damage = [
            f"{name} of entry {entry.sequence}"
            for entry in entries
            for name in self.kind.damage(entry.content, entry.sequence)
        ]
        if damage:
            raise UnreadableRowError(self.kind.name, aggregate_id, damage, healed_by=HEALED_BY)

    def _check_sums(self, aggregate_id: str, found: Sequence[Entry], row: Stored | None, *, is_whole: bool) -> None:
        """An entry that is missing, or was changed so that it still looks like one, shows in its neighbours, in the row
        that the newest one ends at, and in the beginning."""
        contents = [entry.content for entry in found]
        odd = [
            newer.sequence for newer, older in pairwise(found) if not self.kind.follows(newer.content, older.content)
        ]
        if found and is_whole and not self.kind.follows(contents[-1], None):
            odd.append(found[-1].sequence)
        if row is not None and (found or is_whole) and not self.kind.ends(contents[0] if contents else None, row.row):
            odd.append(row.position.sequence)
        if odd:
            damage = [f"the sum at {sequence}" for sequence in odd]
            raise UnreadableRowError(self.kind.name, aggregate_id, damage, healed_by=HEALED_BY)


def _last(source: _Source, end: int, until: str, deadline: Deadline) -> int:
    """`end`, or a place before it with all that is recorded until then, and nothing else, at it and before."""
    low, high, middle = 0, end, end
    while low < high:
        deadline.allow()
        there = source.time_at(middle)
        if there is None or there[1] <= until:
            low = middle
        else:
            high = there[0] - 1
        middle = (low + high + 1) // 2
    return low


@dataclass(frozen=True, slots=True)
class _Written:
    """The entries as they are stored."""

    of: Statements
    aggregate_id: str

    def time_at(self, place: int) -> tuple[int, str] | None:
        entries = self.newest(place, 1).newest_first
        return (entries[0].sequence, self.of.time_of(self.aggregate_id, entries[0])) if entries else None

    def newest(self, place: int, limit: int) -> Entries:
        return self.of.read_model.entries(self.aggregate_id, self.of.kind.name, up_to=place, limit=limit)


@dataclass(frozen=True, slots=True)
class _Derived:
    """The entries as the stream has them."""

    of: Statements
    aggregate_id: str

    def time_at(self, place: int) -> tuple[int, str] | None:
        events = self.of.store.read(self.aggregate_id, after=place - 1, up_to=place)
        return next(((event.sequence, event.timestamp) for event in events), None)

    def newest(self, place: int, limit: int) -> Entries:
        rest = max(0, place - limit)
        start = NOTHING
        if rest and (moment := self.of.history.reconstruct(self.aggregate_id, up_to=rest)):
            start = Stored(self.of.kind.row_of(moment.state), moment.position, entries=rest)
        events = self.of.store.read(self.aggregate_id, after=rest, up_to=place)
        move = folded(self.aggregate_id, self.of.projection, start, events)
        return Entries(list(reversed(move.entries)), rest)

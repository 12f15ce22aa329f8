"""What events left beside a row, newest first: in pages, of any stretch of time.

The order is that of the events, and a stretch of time is one of recorded times: they never go back along a stream. So
where a stretch ends is found by halving places, however long the stream is, and where it begins ends the reading. A
page goes on below the place of the last entry shown, so that what is stored meanwhile changes nothing in it.

A row whose entries are not all there yet (older code moved it, or code that left entries out) is answered from the
stream: the same entries, made of the nearest snapshot and the events behind it.

Where an entry is gone, or says another sum or time than its event left, nobody is told that this is all. Stored
entries know nothing of each other but that each goes on from the sum before it, and that their times never go back. So
what is judged is a run of neighbours, and what is shown lies inside of it:

- Above the first that is shown is the next entry, or the row, which ends at the newest. A page that is not the first
  finds that entry at the place above its own: the page before showed it. So does one whose end was searched for: the
  search saw an entry there that was recorded later. Had that one's time been moved, those above it would be left out,
  so the run goes on to the next one above, which must not be recorded earlier.
- Below the last is the next entry, or the beginning. Where one that was recorded before the stretch ends the page, the
  run goes on to the next one below, which must not be recorded later.

Thus one entry that is gone from what is asked for always shows, unless its amount is nothing; and one whose time was
moved shows where it leaves the order. Not seen are entries that are gone together and add up to nothing, and a time
that stays between its neighbours', or is the first one's and too early: `verify` finds these.
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
from .folding import folded
from .history import History
from .read_model import NOTHING, Entries, Entry, Stored, WrittenEntries
from .streams import Streams

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


class _Run(NamedTuple):
    """Neighbours, newest first, and whether the last of them is the first that there is."""

    entries: list[Entry]
    is_whole: bool


class _Source(Protocol):
    @property
    def aggregate_id(self) -> str: ...

    def beside(self, place: int) -> int:
        """The place at which a page from `place` on is read: one above it, where an entry there proves something."""
        ...

    def time_at(self, place: int) -> tuple[int, str] | None:
        """Place and recorded time of the newest one at `place` or before; None where there is none."""
        ...

    def newest(self, place: int, limit: int) -> Entries:
        """At most `limit` entries, those at `place` and before."""
        ...


@dataclass(frozen=True, slots=True)
class Statements:
    """Reads what the events of a projection left."""

    written: WrittenEntries | None
    """None where nothing of it is kept: then it is made of the stream."""
    store: Streams
    history: History
    projection: Projection
    kind: Kind

    def page(self, aggregate_id: str, row: Stored, stretch: Stretch, limit: int, deadline: Deadline) -> StatementPage:
        """At most `limit` entries of a stretch, and none above the row's place; strongly consistent.

        One Query, one read unit for each 4 KB: the page, and up to three entries around it. Before it, where the
        stretch has no `start` and says until when, the search for its end: one Query, a read unit, where all entries
        are within; else at most one more for each binary digit of the row's place, and one more behind the page. (So it
        is where a token tells a place that no entry is above.) From the stream a page is at most three Queries, and a
        step of the search one. Raises UnreadableRowError where an entry is damaged, or the entries do not add up or go
        back in time; OutOfTimeError.
        """
        end = row.position.sequence
        written = self.written if row.has_entries else None
        source: _Source = _Written(self, written, aggregate_id, end) if written else _Derived(self, aggregate_id)
        place = end if stretch.start is None else min(end, stretch.start)
        is_searched = stretch.start is None and stretch.until != times.LAST
        if is_searched:
            place = _last(source, end, stretch.until, deadline)
        run = self._run(source, place, stretch.since, limit, deadline)
        is_newest = place == end
        if written and not is_newest:
            is_known = bool(run.entries) and run.entries[0].sequence > place
            if is_searched or not is_known:
                above = written.entry_above(aggregate_id, self.kind.name, place + is_known, up_to=end)
                self._check(aggregate_id, above)
                run.entries[:0] = above
                is_newest = not above
        self._check_run(aggregate_id, run, row if is_newest else None)
        within = [each for each in run.entries if each.sequence <= place and self._time(each) >= stretch.since]
        shown = within[:limit]
        return StatementPage(shown, shown[-1].sequence - 1 if len(within) > limit else None)

    def _run(self, source: _Source, place: int, since: str, limit: int, deadline: Deadline) -> _Run:
        """The entries that a page is made of and judged by: from the one just above `place`, where it may be, to one
        more than are shown, or to the second that was recorded before `since`. Each is undamaged."""
        found: list[Entry] = []
        rest = source.beside(place)
        wanted = limit + 1 + (since != times.FIRST) + (rest - place)
        while rest and len(found) < wanted:
            deadline.allow()
            entries, rest = source.newest(rest, wanted - len(found))
            found += entries
            shown = before = 0
            for number, entry in enumerate(found, 1):
                self._check(source.aggregate_id, [entry])
                if entry.sequence <= place:
                    is_within = self._time(entry) >= since
                    shown, before = shown + is_within, before + (not is_within)
                if shown > limit or before > 1:
                    return _Run(found[:number], is_whole=not rest and number == len(found))
        return _Run(found, is_whole=not rest)

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

    def _check_run(self, aggregate_id: str, run: _Run, row: Stored | None) -> None:
        """An entry that is missing, or was changed so that it still looks like one, shows in its neighbours, in the row
        that the newest one ends at, and in the beginning."""
        contents = [entry.content for entry in run.entries]
        pairs = list(pairwise(run.entries))
        odd = [newer.sequence for newer, older in pairs if not self.kind.follows(newer.content, older.content)]
        back = [newer.sequence for newer, older in pairs if self._time(newer) < self._time(older)]
        if contents and run.is_whole and not self.kind.follows(contents[-1], None):
            odd.append(run.entries[-1].sequence)
        if (
            row is not None
            and (contents or run.is_whole)
            and not self.kind.ends(contents[0] if contents else None, row.row)
        ):
            odd.append(row.position.sequence)
        if odd or back:
            damage = [f"the sum at {sequence}" for sequence in odd]
            damage += [f"the time at {sequence} or before" for sequence in back]
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
    written: WrittenEntries
    aggregate_id: str
    end: int

    def beside(self, place: int) -> int:
        return min(self.end, place + 1)

    def time_at(self, place: int) -> tuple[int, str] | None:
        entries = self.newest(place, 1).newest_first
        return (entries[0].sequence, self.of.time_of(self.aggregate_id, entries[0])) if entries else None

    def newest(self, place: int, limit: int) -> Entries:
        return self.written.entries(self.aggregate_id, self.of.kind.name, up_to=place, limit=limit)


@dataclass(frozen=True, slots=True)
class _Derived:
    """The entries as the stream has them."""

    of: Statements
    aggregate_id: str

    def beside(self, place: int) -> int:
        return place  # whatever the stream gives is whole

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

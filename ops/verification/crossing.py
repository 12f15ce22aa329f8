"""What crosses streams: whether the parts of each process fit together, and whether the sum of all is conserved.

While each stream is checked by itself, its parts in processes are put into a temporary database on the disk, and what
its aggregate holds. Then these are gone through process by process. In memory is one process at a time.

Streams are read one after the other, and meanwhile the ledger writes. So what does not fit may only have been read too
early. It is looked for again where it must be: the process's own stream, then the other places in an order in which
whoever sees an event sees those that it rests on, then the own stream once more. If that has not changed, all that was
read fits into one moment, and what does not fit now is a finding. Parts that were seen stay seen: nothing is ever taken
out of a stream.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from itertools import groupby
from threading import Lock
from typing import NamedTuple

from handlers.domain import KINDS
from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import State
from handlers.sourcing.oversight import Flaw, Judged, Misfit, Oversight, Part
from handlers.sourcing.values import dumps, loads
from handlers.store.event_store import EventStore
from handlers.upkeep.verification.findings import Finding, Kind
from tools.numbers import in_groups

LOOKS = 3
"""So often a process is looked at while it goes on; one that goes on all that time is not judged."""
_BUFFERED = 500
_SUMS = Context(prec=320, traps=[Inexact])
"""Room for every digit from the largest to the smallest number that an event can hold."""
_ZERO = Decimal(0)


class Sum(NamedTuple):
    """Of one unit: what all aggregates hold, what of it is set aside, what moved it apart from processes, and what
    processes have put on one aggregate and not yet taken off another."""

    held: Decimal = _ZERO
    aside: Decimal = _ZERO
    moved: Decimal = _ZERO
    between: Decimal = _ZERO

    @property
    def difference(self) -> Decimal:
        """By how much more is held than there can be."""
        return _SUMS.subtract(self.held, _SUMS.add(self.moved, self.between))

    def add(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(*map(_SUMS.add, self, other))

    def describe(self) -> dict[str, str]:
        """It as JSON."""
        return {name: format(value, "f") for name, value in self._asdict().items()}


@dataclass(slots=True)
class Gathering:
    """Follows one stream event by event; at its end, and on the way, its parts go into the parts of all."""

    aggregate_id: str
    parts: Parts
    _moved: Decimal = _ZERO
    _buffer: list[tuple[str, Part]] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take the next event of the stream. UnreadableEventError."""
        found = self.parts.oversight.part(event)
        if found is None:
            self._moved = _SUMS.add(self._moved, self.parts.oversight.moved(event))
            found = self.parts.oversight.claimed(event)
        if found is None:
            return
        self._buffer.append(found)
        if len(self._buffer) >= _BUFFERED:
            self._flush()

    def finish(self, state: State, *, intact: bool) -> None:
        """Keep what the aggregate holds at its stream's end or, of a broken one, that nothing can be said of it."""
        self._flush()
        held = self.parts.oversight.held(state) if intact else None
        self.parts.end(
            self.aggregate_id, held and (held.unit, Sum(held.amount, held.aside, self._moved)), intact=intact
        )

    def _flush(self) -> None:
        self.parts.put(self._buffer)
        self._buffer = []


class Parts:
    """The parts of all processes in a database that SQLite keeps in a file of its own, and deletes in the end.

    What is put twice counts once, so that a stream may be gone through again. For many threads at once.
    """

    def __init__(self, oversight: Oversight = OVERSIGHT) -> None:
        self.oversight = oversight
        self._lock = Lock()
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE part (process TEXT, aggregate TEXT, sequence INTEGER, content TEXT,"
            " PRIMARY KEY (process, aggregate, sequence)) WITHOUT ROWID;"
            "CREATE TABLE stand (aggregate TEXT PRIMARY KEY, intact INTEGER, unit TEXT, content TEXT) WITHOUT ROWID;"
        )

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def put(self, found: Sequence[tuple[str, Part]]) -> None:
        """Keep parts of processes."""
        rows = [
            (process, part.aggregate_id, part.sequence, dumps([*part[2:4], dict(part.data), part.foreign]))
            for process, part in found
        ]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?)", rows)
            self._database.execute("COMMIT")

    def end(self, aggregate_id: str, stand: tuple[str, Sum] | None, *, intact: bool) -> None:
        """Keep what an aggregate holds, if it holds anything, and whether its stream is intact."""
        unit, content = (stand[0], dumps(list(stand[1][:3]))) if stand else (None, None)
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO stand VALUES (?, ?, ?, ?)", (aggregate_id, intact, unit, content)
            )

    def of_processes(self) -> Iterator[tuple[str, list[Part]]]:
        """Each process's id with its parts, in the order of streams and places. Not while parts are put."""
        rows = self._database.execute("SELECT process, aggregate, sequence, content FROM part ORDER BY 1, 2, 3")
        for process_id, group in groupby(rows, key=lambda row: str(row[0])):
            yield process_id, [Part(row[1], row[2], *loads(row[3], "part")) for row in group]

    def sums(self) -> dict[str, Sum]:
        """What all aggregates hold and what moved it, by unit."""
        found: dict[str, Sum] = {}
        for unit, content in self._database.execute("SELECT unit, content FROM stand WHERE unit IS NOT NULL"):
            found[unit] = found.get(unit, Sum()).add(Sum(*loads(content, "stand")))
        return found

    def broken(self, aggregate_id: str) -> bool:
        """Whether a stream that was gone through is broken."""
        found = self._database.execute("SELECT intact FROM stand WHERE aggregate = ?", (aggregate_id,)).fetchone()
        return found is not None and not found[0]

    def any_broken(self) -> bool:
        """Whether any stream is."""
        return self._database.execute("SELECT 1 FROM stand WHERE NOT intact LIMIT 1").fetchone() is not None


@dataclass(slots=True)
class Crossing:
    """Judges the processes that `parts` has parts of. `complete`: whether every stream there is was gone through.

    If so, only what does not fit is looked for again in the store, and sums are made. If not, each process is.
    `seen_to` tells of what does not fit whether a person has made up for it: then it counts as it stands.
    """

    parts: Parts
    store: EventStore
    complete: bool
    seen_to: Callable[[Flaw], bool] = lambda _: False
    processes: int = 0
    not_judged: int = 0
    """Processes of which a stream is broken or cannot be read, or which went on all the time."""
    sums: dict[str, Sum] = field(default_factory=dict)
    """By unit; empty where they mean nothing."""

    def findings(self) -> Iterator[Finding]:
        """What is wrong across streams. No request for a process whose parts fit, unless only some streams were gone
        through; else for each look two Queries of its own stream, four of the command index, and one for each step that
        was not known (one read unit each)."""
        between: dict[str, Decimal] = {}
        for process_id, parts in self.parts.of_processes():
            self.processes += any(not part.foreign for part in parts)  # callers name their commands as they like
            judged = self.parts.oversight.judge(process_id, parts)
            flaws = judged.flaws
            if flaws or not self.complete:
                again = self._again(process_id, parts)
                self.not_judged += again is None
                flaws = again.flaws if again else ()
            flaws = tuple(flaw for flaw in flaws if not self.seen_to(flaw))
            if all(flaw.misfit is Misfit.FOREIGN for flaw in flaws):
                for unit, amount in judged.net.items():
                    between[unit] = _SUMS.add(between.get(unit, _ZERO), amount)
            yield from (_finding(flaw) for flaw in flaws)
        if self.complete and not self.parts.any_broken():
            self.sums = self.parts.sums()
            for unit, amount in between.items():
                self.sums[unit] = self.sums.get(unit, Sum()).add(Sum(between=amount))
            yield from (_sum_differs(unit, total) for unit, total in sorted(self.sums.items()) if total.difference)

    def _again(self, process_id: str, seen: Sequence[Part]) -> Judged | None:
        """What is wrong with a process by what the store has now; None where nobody can tell."""
        known = {(part.aggregate_id, part.sequence): part for part in seen}
        for _ in range(LOOKS):
            try:
                before = self._own(process_id)
                known |= {(part.aggregate_id, part.sequence): part for part in before or ()}
                places = self.parts.oversight.places(process_id, list(known.values()))
                concerned = {process_id, *(aggregate_id for aggregate_id, _ in places), *(each[0] for each in known)}
                if before is None or any(map(self.parts.broken, concerned)):
                    return None
                for aggregate_id, command_id in places:
                    if part := self._step(process_id, aggregate_id, command_id, known):
                        known[part.aggregate_id, part.sequence] = part
                if self._own(process_id) == before:
                    return self.parts.oversight.judge(process_id, [known[place] for place in sorted(known)])
            except LedgerError:  # an item that is no event, or one of newer code: found by its own stream's check
                return None
        return None

    def _own(self, process_id: str) -> list[Part] | None:
        """The parts in the process's own stream; None where that is not a process's, but there is one."""
        events = list(self.store.read(process_id))
        kind = KINDS.of_events(events)
        if events and (kind is None or kind.name != self.parts.oversight.process.kind):
            return [] if kind else None
        return [found[1] for event in events if (found := self.parts.oversight.part(event))]

    def _step(
        self, process_id: str, aggregate_id: str, command_id: str, known: Mapping[tuple[str, int], Part]
    ) -> Part | None:
        """The part that stands under a commandId in a stream, unless it is known."""
        sequence = self.store.find(aggregate_id, command_id).sequence
        if sequence is None or (aggregate_id, sequence) in known:
            return None
        event, oversight = self.store.event(aggregate_id, sequence), self.parts.oversight
        found = oversight.part(event) or oversight.claimed(event)
        return found[1] if found and found[0] == process_id else None


def _finding(flaw: Flaw) -> Finding:
    return Finding(flaw.aggregate_id, Kind(flaw.misfit), flaw.detail, flaw.sequence)


def _sum_differs(unit: str, total: Sum) -> Finding:
    more = "more" if total.difference > 0 else "less"
    detail = (
        f"all together hold {in_groups(total.held)} {unit}, which is {in_groups(abs(total.difference))} {more} "
        f"than the {in_groups(total.moved)} that came in and went out and the {in_groups(total.between)} in between"
    )
    return Finding(unit, Kind.SUM, detail)

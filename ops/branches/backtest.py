"""A backtest: the rules of a candidate checkout decide again what was really asked of the ledger.

The store is read and nothing else. Its aggregates are gone through segment by segment, and within a segment by their
ids; each is streamed to a worker process of the candidate, part by part. What differs is written to the branch before
the position behind it is saved. So a run may be interrupted or killed at any moment: the same command goes on, and what
was under way is decided once more, to the same end.

In memory are the ids of one segment's aggregates, and for each worker a page of events and a part of the asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from handlers.domain import KINDS
from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event
from handlers.sourcing.restoring import UNFOLDABLE
from handlers.sourcing.selection import Selection
from handlers.store.branches import MAX_PLACE_BYTES
from handlers.store.event_store import EventStore
from handlers.upkeep.backtests.diff import PARTS, SEGMENTS
from handlers.upkeep.backtests.tally import Tally
from ops.verification.walk import in_parallel

from .asked import Ask, asks
from .candidate import PATIENCE, Candidate, CandidateEndedError, candidate
from .refusals import Refusal, Refusals
from .results import Results

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = 200
"""Asks that go to a worker in one line."""
KEPT = 200
"""Decisions that differ, of one aggregate, that wait to be written together."""
BATCH = 32
"""Aggregates for each worker between two positions."""
_ALL = Decimal(100)
MAX_PROCESSES = 1_000
"""Processes that are named of one aggregate."""

Seen = Callable[[int, int], None]
"""Hears of aggregates and events that are done."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """One run. `numbers` are those of the functions' environment; `until` is the last moment that is looked at."""

    client: DynamoDBClient
    table: str
    results: Results
    refusals: Refusals
    selection: Selection
    until: str
    code: Path
    numbers: Mapping[str, str]
    workers: int
    patience: float = PATIENCE
    """Seconds within which the candidate has to answer."""
    seen: Seen = lambda *_: None
    _idle: SimpleQueue[Candidate] = field(default_factory=SimpleQueue)

    def run(self) -> None:
        """Go through what is left: each aggregate's stream, strongly consistent, one Query a megabyte, and a Scan of
        the store's keys for each segment. OperatorError where the candidate cannot be loaded, or the branch is
        gone: that is looked at behind each batch, by one GetItem."""
        with ExitStack() as processes:
            for _ in range(self.workers):
                self._idle.put(self._started(processes))
            for segment in range(PARTS):
                self._segment(segment, processes)

    def _started(self, processes: ExitStack) -> Candidate:
        return processes.enter_context(candidate(self.code, self.numbers, self.patience))

    def _segment(self, segment: int, processes: ExitStack) -> None:
        position = self.results.position(segment)
        if position is not None and position["done"]:
            return
        tally = Tally.of(position["tally"]) if position else Tally()
        after = str(position["after"]) if position else ""

        def one(aggregate_id: str) -> Tally:
            asked = self._idle.get()
            try:
                found = self._aggregate(asked, aggregate_id, of_refusals=segment == SEGMENTS)
            except CandidateEndedError as error:  # what it ended at is this aggregate's, and others go on
                self._idle.put(self._started(processes))
                return self._unread(aggregate_id, 0, f"the candidate ended: {error}")
            self._idle.put(asked)
            return found

        waiting = self._aggregates(segment, after)
        while some := list(islice(waiting, BATCH * self.workers)):
            for found in in_parallel(one, some, self.workers):
                tally.add(found)
                self.seen(found.aggregates, found.events)
            self.results.save(segment, {"after": some[-1], "done": False, "tally": tally.describe()})
            self.results.check(some)
        self.results.save(segment, {"after": "", "done": True, "tally": tally.describe()})
        self.results.check()

    def _aggregates(self, segment: int, after: str) -> Iterator[str]:
        """The aggregates of a segment behind one, in order."""
        if segment == SEGMENTS:
            found: Iterable[str] = self.refusals.aggregates(after)
        elif self.selection.aggregate_ids:
            found = sorted(self.selection.aggregate_ids) if segment == 0 else ()
        else:
            found = sorted(self._keys(segment))
        return (each for each in found if each > after and self._is_meant(each))

    def _is_meant(self, aggregate_id: str) -> bool:
        listed = self.selection.aggregate_ids
        return (not listed or aggregate_id in listed) and aggregate_id.startswith(self.selection.aggregate_prefix)

    def _keys(self, segment: int) -> set[str]:
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table,
            ProjectionExpression="AggregateId",
            ConsistentRead=True,
            Segment=segment,
            TotalSegments=SEGMENTS,
        )
        return {str(item["AggregateId"]["S"]) for page in pages for item in page["Items"]}

    def _aggregate(self, asked: Candidate, aggregate_id: str, *, of_refusals: bool) -> Tally:
        """Have one aggregate decided again; `of_refusals` leaves it alone if it has a stream."""
        events = self._events(aggregate_id)
        try:
            first = next(events, None)
        except LedgerError as error:
            return self._unread(aggregate_id, 0, f"the ledger's own: {error.message}")
        refusals = [each for each in self.refusals.of(aggregate_id) if self._takes_refusal(each)]
        if (first is None and not refusals) or (first is not None and of_refusals):
            return Tally()
        history = _History(iter(()) if first is None else _chained(first, events))
        tally = Tally(aggregates=1)
        found = _Found(self.results, aggregate_id, tally)
        answer: Mapping[str, Any] = {}
        is_first, every = True, asks(history, refusals)
        try:
            while True:
                some = [self._narrowed(ask) for ask in islice(every, PART)]
                is_last = len(some) < PART
                part = {"aggregateId": aggregate_id, "first": is_first, "last": is_last}
                answer = asked.ask({**part, "asks": [ask.line() for ask in some]})
                is_first = False
                tally.decisions += sum(ask.request is not None for ask in some)
                tally.refusals += sum(ask.refusal is not None and ask.request is not None for ask in some)
                found.take(answer["differences"])
                if is_last or "problem" in answer:
                    break
        except (LedgerError, *UNFOLDABLE) as error:
            return self._unread(aggregate_id, history.events, f"the ledger's own: {error}")
        if "problem" in answer:
            return self._unread(aggregate_id, history.events, str(answer["problem"]))
        tally.events = history.events
        found.end(history.held(), answer["held"])
        return tally

    def _narrowed(self, ask: Ask) -> Ask:
        """The ask; one that is not selected stays what it was."""
        is_selected = ask.refusal is not None or any(map(self.selection.takes, ask.events))
        return ask if is_selected else Ask(ask.at, None, ask.events)

    def _takes_refusal(self, refusal: Refusal) -> bool:
        """Whether a refusal is selected: it has a time, a type and a correlation, but no place and no record."""
        of, request = self.selection, refusal.request
        whole = of.pattern is None and (of.first_sequence, of.last_sequence) == (1, MAX_SEQUENCE)
        return (
            whole
            and of.sample == _ALL
            and of.since <= refusal.at <= min(of.until, self.until)
            and (not of.event_types or request["eventType"] in of.event_types)
            and of.correlation_id in (None, request["correlationId"])
        )

    def _events(self, aggregate_id: str) -> Iterator[Event]:
        for event in EventStore(self.client, self.table).read(aggregate_id):
            if event.timestamp > self.until:
                return
            yield event

    def _unread(self, aggregate_id: str, events: int, problem: str) -> Tally:
        """Tell of an aggregate that cannot be decided again to its end; nothing else of it counts."""
        if len(aggregate_id.encode()) <= MAX_PLACE_BYTES:
            self.results.tell(aggregate_id, {"problem": problem})
        return Tally(aggregates=1, events=events, differing=1, unread=1)


def _chained(first: Event, events: Iterator[Event]) -> Iterator[Event]:
    yield first
    yield from events


class _History:
    """The events of a stream as they pass by, folded by this checkout's own rules."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._source = events
        self._state: Any = None
        self.events = 0

    def __iter__(self) -> Iterator[Event]:
        for event in self._source:
            self._state = KINDS.evolve(self._state, event)
            self.events += 1
            yield event

    def held(self) -> dict[str, Any] | None:
        """What the aggregate holds."""
        held = OVERSIGHT.held(self._state)
        return None if held is None else {"unit": held.unit, "amount": held.amount, "aside": held.aside}


class _Found:
    """What differs of one aggregate, written as it comes."""

    def __init__(self, results: Results, aggregate_id: str, tally: Tally) -> None:
        self._results, self._aggregate_id, self._tally = results, aggregate_id, tally
        self._waiting: list[Mapping[str, Any]] = []
        self._written = 0
        self._processes: dict[str, None] = {}

    def take(self, differences: list[Mapping[str, Any]]) -> None:
        """Take decisions that differ."""
        self._tally.take(differences)
        self._waiting += differences
        for each in differences:
            if each["process"] is not None:
                self._processes[each["process"]] = None
        if len(self._waiting) >= KEPT:
            self._write()

    def end(self, recorded: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> None:
        """Write what is left, and what it comes to."""
        self._tally.hold(recorded, now)
        self._write()
        self._tally.processes = len(self._processes)
        if not self._written and recorded == now:
            return
        self._tally.differing = 1
        outcome = {
            "recorded": recorded,
            "candidate": now,
            "differences": self._written,
            "roots": dict(self._tally.roots),
            "follows": dict(self._tally.follows),
            "processes": list(islice(self._processes, MAX_PROCESSES)),
        }
        self._results.tell(self._aggregate_id, outcome)

    def _write(self) -> None:
        if self._waiting:
            self._results.keep(self._aggregate_id, self._written, self._waiting)
            self._written += len(self._waiting)
            self._waiting = []

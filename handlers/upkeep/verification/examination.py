"""One aggregate, a stretch of its stream at a time: is it one unbroken chain, and are its rows what its events make?

A stream may be longer than a function has time for. So the check stops behind any event, and whoever asked goes on with
what it knows by then (`Begun`). It is of one moment, the one in which it began: the rows are read first, then where the
stream ends, both strongly consistent. So no row has seen an event that is not gone through, and what comes meanwhile is
not judged. Entries are read along with their events. They are written before their row: so none of those that the row
speaks of can still be on its way.

Not looked at, in comparison with what an operator's `verify` looks at: snapshots, entries of no place in the stream, a
command that was carried out twice in different stretches, and what crosses streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from handlers.domain import KINDS
from handlers.sourcing import times
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.values import Value
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.items import to_record
from handlers.store.read_model import Key, entry_type

from .entries import NAMES, EntriesCheck, EntryItems
from .findings import Finding, Kind, orphaned, unknown
from .rows import RowCheck
from .stream import StreamCheck

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE = 500
"""Events that are read at a time, with their entries."""
_PASSING = frozenset({Kind.GAP, Kind.ENTRY_MISSING})
"""What also shows where a Query saw one half of a transaction: looked at once more before it is told."""

_LEAST = "\x00"
"""Before every key."""

Item = Mapping[str, Any]


class Begun(NamedTuple):
    """A check under way: all that it must know to go on, as JSON."""

    at: str
    """When it began."""
    end: str | None
    """The sequence of the last event then, as DynamoDB has it; None where there was none."""
    behind: str | None
    """Up to which place the stream is gone through, likewise; None at its beginning."""
    stream: Sequence[Value]
    rows: Mapping[str, Any]
    """The checks of the rows, by projection; of all kinds before the first event."""
    unknown: Sequence[str]
    """What stands among the rows, and is none that is made today."""
    kind: str | None = None

    @classmethod
    def of(cls, told: Any) -> Self:
        """What was told as JSON. Raises as a conversion does where it never was."""
        at, end, behind, stream, rows, unknown, kind = told
        if not times.is_text(at):
            raise ValueError("no time")
        last, place = (None if each is None else _number(each) for each in (end, behind))
        return cls(at, last, place, list(stream), dict(rows), [str(name) for name in unknown], kind)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was found in a stretch. `begun`: how to go on; None where all is gone through."""

    begun: Begun | None
    kind: str | None
    first: int
    last: int
    """Between which places the stretch lies, both inclusive; 0 and 0 where there is no event."""
    in_flight: int
    """Events too young to be missed in a row."""
    findings: tuple[Finding, ...]
    told: str | None = None
    """The kind that the first event of the stretch tells, whatever `begun` said."""


@dataclass(slots=True)
class _Checks:
    """The checks of a stretch."""

    stream: StreamCheck
    rows: list[RowCheck]
    kind: str | None
    findings: list[Finding] = field(default_factory=list)
    told: str | None = None

    def meet(self, event: Event) -> None:
        """Keep the rows of the kind alone that an event tells."""
        if self.told is not None or (kind := KINDS.of_type(event.event_type)) is None:
            return
        self.told = kind.name
        if self.kind is None:
            self.kind = kind.name
            self.rows = [row for row in self.rows if row.projection.kind is kind]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Reads strongly consistent, and writes nothing."""

    client: DynamoDBClient
    store_table: str
    rows_table: str
    projections: Sequence[OfKind]
    type_buckets: int
    grace: timedelta
    """Events that are younger when the check begins may still be on their way to the rows."""
    now: Callable[[], datetime]

    def begin(self, aggregate_id: str) -> Begun:
        """Read the rows, and where the stream ends: a Query for each stretch between entries, and one more."""
        at, rows = times.to_text(self.now()), {}
        for item in self._rows(aggregate_id):
            rows[item["ProjectionType"]["S"]] = item
        checks = {each.name: RowCheck(aggregate_id, each, rows.get(each.name)).kept() for each in self.projections}
        newest = self._query(self.store_table, "AggregateId = :id", {":id": aggregate_id}, last_first=True, limit=1)
        end = newest[0]["EventSequence"]["N"] if newest else None
        start = StreamCheck(aggregate_id, self.type_buckets, self._latest).kept()
        return Begun(at, end, None, start, checks, sorted(rows.keys() - checks.keys() - NAMES))

    def go_on(self, aggregate_id: str, begun: Begun, more: Callable[[int], bool]) -> Stretch:
        """Go on page by page as long as there is `more` to do after so many events; one page in any case.

        For each page one Query of the events and one of the entries, a read unit for each 4 KB; a GetItem for each
        entry that is wrong. Twice all that where something may only have been seen half-way.
        """
        stretch = self._gone_on(aggregate_id, begun, more)
        if any(finding.kind in _PASSING for finding in stretch.findings):
            stretch = self._gone_on(aggregate_id, begun, more)
        return stretch

    def _gone_on(self, aggregate_id: str, begun: Begun, more: Callable[[int], bool]) -> Stretch:
        checks = self._checks(aggregate_id, begun)
        first, behind, seen = checks.stream.sequence + 1, begun.behind, 0
        rest = begun.end is not None
        while rest and (seen == 0 or more(seen)):
            items = self._events(aggregate_id, behind, begun.end or "")
            self._take(aggregate_id, checks, items)
            seen += len(items)
            behind = items[-1]["EventSequence"]["N"] if items else behind
            rest = bool(items) and _place(items[-1]) < Decimal(begun.end or 0)
        checks.stream.finish()
        found, last = [*checks.stream.findings, *checks.findings], checks.stream.sequence
        if rest:
            rows = {row.projection.name: row.kept() for row in checks.rows}
            going = begun._replace(behind=behind, stream=checks.stream.kept(), rows=rows, kind=checks.kind)
            return Stretch(going, checks.kind, first, last, 0, tuple(found), checks.told)
        in_flight = 0
        if begun.end is None:
            found += [
                orphaned(aggregate_id, row.projection.name, to_record(row.item)) for row in checks.rows if row.item
            ]
        elif checks.stream.intact and checks.kind is not None:
            cutoff = times.to_text(datetime.fromisoformat(begun.at) - self.grace)
            in_flight = max((row.finish(cutoff, self._latest()) for row in checks.rows), default=0)
            found += [finding for row in checks.rows for finding in row.findings]
        found += [unknown(aggregate_id, name) for name in begun.unknown]
        return Stretch(None, checks.kind, min(first, last), last, in_flight, tuple(found), checks.told)

    def _checks(self, aggregate_id: str, begun: Begun) -> _Checks:
        """Raises as a conversion does where `begun` was never told."""
        stream = StreamCheck(aggregate_id, self.type_buckets, self._latest)
        stream.go_on(begun.stream)
        made = {each.name: each for each in self.projections}
        rows = [RowCheck.going_on(aggregate_id, made[name], kept) for name, kept in begun.rows.items()]
        return _Checks(stream, rows, begun.kind)

    def _take(self, aggregate_id: str, checks: _Checks, items: Sequence[Item]) -> None:
        """Check a page of events, and the entries that stand at their places."""
        entries: list[EntriesCheck] | None = None
        for item in items:
            event = checks.stream.take(item)
            if event is None or not checks.stream.intact:
                continue
            checks.meet(event)
            if entries is None:
                entries = self._entries(aggregate_id, checks.rows, items)
            folds = [(row.projection.name, row.take) for row in checks.rows]
            checks.stream.fold(event, [*folds, *((each.kind.name, each.take) for each in entries)])
        if checks.stream.intact:
            checks.findings += [finding for each in entries or () for finding in each.finished()]

    def _entries(self, aggregate_id: str, rows: Sequence[RowCheck], events: Sequence[Item]) -> list[EntriesCheck]:
        found = []
        first, last = (min(max(0, int(_place(each))), MAX_SEQUENCE) for each in (events[0], events[-1]))
        for row in rows:
            if (kind := row.projection.entries) is not None:
                items, between = EntryItems(), (entry_type(kind.name, first), entry_type(kind.name, last))
                for item in self._between(aggregate_id, *between):
                    items.take(item)
                found.append(EntriesCheck(row, kind, items, self._item))
        return found

    def _rows(self, aggregate_id: str) -> Iterator[Item]:
        """What stands in the read model under an id, but for the entries, whose keys lie together under their name."""
        behind = _LEAST
        for name in sorted(NAMES):
            yield from self._between(aggregate_id, behind, f"{name}#")
            behind = f"{name}$"  # the character behind the mark
        condition = "AccountId = :id AND ProjectionType >= :first"
        yield from self._query(self.rows_table, condition, {":id": aggregate_id, ":first": behind})

    def _between(self, aggregate_id: str, first: str, last: str) -> list[Item]:
        condition = "AccountId = :id AND ProjectionType BETWEEN :first AND :last"
        return self._query(self.rows_table, condition, {":id": aggregate_id, ":first": first, ":last": last})

    def _events(self, aggregate_id: str, behind: str | None, end: str) -> list[Item]:
        """The next page of a stream, from whatever stands first."""
        key = {"AggregateId": {"S": aggregate_id}, "EventSequence": {"N": behind}}
        start: Any = {} if behind is None else {"ExclusiveStartKey": key}
        answer = self.client.query(
            TableName=self.store_table,
            KeyConditionExpression="AggregateId = :id AND EventSequence <= :end",
            ExpressionAttributeValues={":id": {"S": aggregate_id}, ":end": {"N": end}},
            ConsistentRead=True,
            Limit=PAGE,
            **start,
        )
        return list(answer["Items"])

    def _query(
        self, table: str, condition: str, values: Mapping[str, str], *, last_first: bool = False, limit: int = 0
    ) -> list[Item]:
        question: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
            "ConsistentRead": True,
            "ScanIndexForward": not last_first,
        }
        if limit:
            return list(self.client.query(**question, Limit=limit)["Items"])
        return [item for page in self.client.get_paginator("query").paginate(**question) for item in page["Items"]]

    def _item(self, key: Key) -> Item | None:
        answer = self.client.get_item(TableName=self.rows_table, Key=key.item(), ConsistentRead=True)
        return answer.get("Item")

    def _latest(self) -> str:
        """The latest Timestamp that an event can have by now: the clocks of those that write differ a little."""
        return times.to_text(self.now() + timedelta(seconds=CLOCK_TOLERANCE))


def _place(item: Item) -> Decimal:
    return Decimal(item["EventSequence"]["N"])


def _number(text: Any) -> str:
    """A number as DynamoDB has it. Raises as a conversion does where it is none."""
    if not Decimal(text).is_finite():
        raise ValueError("no number")
    return str(text)

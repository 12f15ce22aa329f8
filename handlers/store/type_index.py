"""Events of one type across all aggregates, newest first, over the type index's buckets.

Pages stay in order whatever is stored between them, because they go on behind one event: the last that was shown. All
events of a type have one order: the later Timestamp first, of equal ones the lower bucket first, and inside of a bucket
the index's own order, in which a start key is a place. Let the last event shown be of bucket b and time t. Behind it
come, in b, what the index has behind its key; in lower buckets, what is earlier than t; in higher ones, what is not
later than t. What reached the index above that place meanwhile is in none of the three; what was there before page 1
has been shown or is in one of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from handlers.sourcing.event import Event
from handlers.sourcing.times import FIRST, LAST, earlier

from .deadline import Deadline
from .event_store import type_bucket
from .stored_events import Unreadable, events_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "EventType-Timestamp-index"
MAX_BUCKETS = 100


MICROSECOND = 1e-6
"""The ledger's times are apart by as much, or equal."""


class Place(NamedTuple):
    """An event's place among all of its type; the reading goes on behind it."""

    timestamp: str
    aggregate_id: str
    sequence: int
    bucket: int


@dataclass(frozen=True, slots=True)
class TypePage:
    """Events, newest first, the bucket that each came from, and whether there are more."""

    events: list[Event]
    buckets: list[int]
    more: bool

    def behind(self, shown: int) -> Place | None:
        """Where to go on behind the first `shown` events, of which there is one at least; None at the very end."""
        if shown == len(self.events) and not self.more:
            return None
        last = self.events[shown - 1]
        return Place(last.timestamp, last.aggregate_id, last.sequence, self.buckets[shown - 1])


@dataclass(slots=True, eq=False)
class _Bucket:
    """One bucket's events as a stream of pages."""

    client: DynamoDBClient
    table: str
    number: int
    key: str
    since: str
    until: str
    chunk: int
    deadline: Deadline | None
    after: Place | None = None
    unreadable: Unreadable | None = None
    events: list[Event] = field(default_factory=list)
    start_key: dict[str, Any] | None = None
    exhausted: bool = False

    def __post_init__(self) -> None:
        if self.after:
            self.start_key = {
                "TypeBucket": {"S": self.key},
                "Timestamp": {"S": self.after.timestamp},
                "AggregateId": {"S": self.after.aggregate_id},
                "EventSequence": {"N": str(self.after.sequence)},
            }

    def fetch(self) -> None:
        start: Any = {"ExclusiveStartKey": self.start_key} if self.start_key else {}
        answer = self.client.query(
            TableName=self.table,
            IndexName=INDEX,
            KeyConditionExpression="TypeBucket = :bucket AND #at BETWEEN :since AND :until",
            ExpressionAttributeNames={"#at": "Timestamp"},
            ExpressionAttributeValues={
                ":bucket": {"S": self.key},
                ":since": {"S": self.since},
                ":until": {"S": self.until},
            },
            ScanIndexForward=False,
            Limit=self.chunk,
            **start,
        )
        self.events = events_of(answer["Items"], self.unreadable)
        self.start_key = cast("dict[str, Any] | None", answer.get("LastEvaluatedKey"))
        self.exhausted = self.start_key is None

    def __iter__(self) -> Iterator[tuple[Event, _Bucket]]:
        while True:
            for event in self.events:
                yield event, self
            if self.exhausted:
                return
            if self.deadline:
                self.deadline.allow()
            self.fetch()


@dataclass(frozen=True, slots=True)
class TypeIndex:
    """Reads the bucketed type index of an event store; eventually consistent, as every global index."""

    client: DynamoDBClient
    table: str
    buckets: int

    def page(
        self,
        event_type: str,
        *,
        limit: int,
        since: str = FIRST,
        until: str = LAST,
        after: Place | None = None,
        unreadable: Unreadable | None = None,
        deadline: Deadline | None = None,
    ) -> TypePage:
        """At most `limit` events with since <= Timestamp <= until, newest first, going on behind `after`.

        An item on the way that is no event raises NotAnEventError or, where somebody listens, is told to `unreadable`
        (by several threads) and left out: one aggregate's damage is not everybody's.
        One Query per bucket side by side, each for its share of the page, then more only from a bucket whose share ran
        out. Half a read unit per 4 KB. `after` must lie in the range; its bucket is read even beyond `buckets`.
        Raises OutOfTimeError where the `deadline` does not allow for those.
        """
        numbers = range(max(self.buckets, after.bucket + 1) if after else self.buckets)
        chunk = -(-limit // len(numbers)) + 1
        buckets = [
            _Bucket(
                client=self.client,
                table=self.table,
                number=number,
                key=type_bucket(event_type, number),
                since=since,
                until=end,
                chunk=chunk,
                after=after if after and after.bucket == number else None,
                unreadable=unreadable,
                deadline=deadline,
            )
            for number in numbers
            if (end := _end(until, after, number)) >= since or after is None
        ]
        if deadline:
            deadline.allow()
        with ThreadPoolExecutor(len(buckets)) as pool:
            list(pool.map(_Bucket.fetch, buckets))
        merged = heapq.merge(*buckets, key=_rank, reverse=True)
        page = list(islice(merged, limit))
        return TypePage(
            events=[event for event, _ in page],
            buckets=[bucket.number for _, bucket in page],
            more=next(merged, None) is not None,
        )


def _end(until: str, after: Place | None, bucket: int) -> str:
    """The latest time at which a bucket has events behind `after`, whose own bucket has a start key besides."""
    if after is None or bucket == after.bucket:
        return until
    if bucket > after.bucket:
        return after.timestamp
    return earlier(after.timestamp, MICROSECOND) if after.timestamp > FIRST else ""


def _rank(each: tuple[Event, _Bucket]) -> tuple[str, int]:
    event, bucket = each
    return event.timestamp, -bucket.number

"""Events of one type across all aggregates, newest first, over the type index's buckets."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from handlers.domain.event import Event
from handlers.domain.times import FIRST, LAST

from .event_store import type_bucket
from .items import to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "EventType-Timestamp-index"
MAX_BUCKETS = 100


class Place(NamedTuple):
    """Where one bucket's reading stands: behind this event."""

    timestamp: str
    aggregate_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class TypePage:
    """Events, newest first, with the bucket each came from, and what is needed to go on behind any of them."""

    events: list[Event]
    buckets: list[int]
    starts: list[Place | None]
    more: bool

    def places(self, shown: int) -> list[Place | None] | None:
        """Where each bucket's reading stands behind the first `shown` events; None at the very end."""
        if shown == len(self.events) and not self.more:
            return None
        places = list(self.starts)
        for event, bucket in zip(self.events[:shown], self.buckets, strict=False):
            places[bucket] = Place(event.timestamp, event.aggregate_id, event.sequence)
        return places


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
    after: Place | None
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
        self.events = [Event.of(to_record(item)) for item in answer["Items"]]
        self.start_key = cast("dict[str, Any] | None", answer.get("LastEvaluatedKey"))
        self.exhausted = self.start_key is None

    def __iter__(self) -> Iterator[tuple[Event, _Bucket]]:
        while True:
            for event in self.events:
                yield event, self
            if self.exhausted:
                return
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
        places: Sequence[Place | None] = (),
    ) -> TypePage:
        """At most `limit` events with since <= Timestamp <= until, newest first, going on behind `places`.

        One Query per bucket side by side, each for its share of the page, then more only from a bucket whose share ran
        out. Half a read unit per 4 KB.
        """
        starts = [*places, *[None] * (self.buckets - len(places))]
        # A bucket that gave nothing to the pages before must not start above them with what was written since.
        reached = min((place.timestamp for place in places if place), default=until)
        chunk = -(-limit // len(starts)) + 1
        buckets = [
            _Bucket(
                client=self.client,
                table=self.table,
                number=number,
                key=type_bucket(event_type, number),
                since=since,
                until=until if start else reached,
                chunk=chunk,
                after=start,
            )
            for number, start in enumerate(starts)
        ]
        with ThreadPoolExecutor(len(buckets)) as pool:
            list(pool.map(_Bucket.fetch, buckets))
        merged = heapq.merge(*buckets, key=lambda each: each[0].timestamp, reverse=True)
        page = list(islice(merged, limit))
        return TypePage(
            events=[event for event, _ in page],
            buckets=[bucket.number for _, bucket in page],
            starts=starts,
            more=next(merged, None) is not None,
        )

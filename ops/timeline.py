"""The store's events by their time, oldest first, whatever their types; in time and memory by events, not by the clock.

The type index has one key for each type and bucket. Each of them is read forwards, a page at a time, and all are merged
by Timestamp. The timestamps of a stream never go back, so that merging keeps the order of each stream but for events of
one Timestamp: those are sorted by aggregate and sequence, up to `MOST` of them at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from handlers.domain import EVENT_TYPES
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.store.event_store import type_bucket
from handlers.store.stored_events import events_of
from handlers.store.type_index import INDEX
from handlers.upkeep.foreign import Foreign

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE = 100
"""Items of one Query. One page of every type and bucket is in memory."""
BATCH = 100
MOST = 10_000
"""Events that are sorted together, even if more have the same Timestamp."""


class Batch(NamedTuple):
    """Events in the order of (aggregate, sequence), none later than those of the next batch."""

    events: list[Event]
    foreign: list[Foreign]


class ByTime(Protocol):
    """What finds the store's events by their time."""

    def read(self, start: datetime, end: datetime, more_types: Iterable[str] = ()) -> Iterator[Batch]:
        """The events with start <= Timestamp <= end."""
        ...

    def later_than(self, moment: datetime, more_types: Iterable[str] = ()) -> int:
        """How many events have a Timestamp > moment."""
        ...


class _Item(NamedTuple):
    timestamp: str
    item: Any


@dataclass(frozen=True, slots=True)
class Timeline:
    """Reads the type index of an event store by time; eventually consistent, as every global index."""

    client: DynamoDBClient
    table: str
    buckets: int

    def read(self, start: datetime, end: datetime, more_types: Iterable[str] = ()) -> Iterator[Batch]:
        """The events of every type with start <= Timestamp <= end.

        At least one Query for each type and bucket, and one more for every `PAGE` items or megabyte of it; half a read
        unit per 4 KB. The index has to be asked type by type: of those that this code does not know, for `more_types`
        only.
        """
        since, until = times.to_text(start), times.to_text(end)
        keys = self._keys(more_types)
        merged = heapq.merge(*(self._key(key, since, until) for key in keys), key=lambda item: item.timestamp)
        batch: list[_Item] = []
        for item in merged:
            if len(batch) >= BATCH and (item.timestamp != batch[-1].timestamp or len(batch) >= MOST):
                yield batch_of(each.item for each in batch)
                batch = []
            batch.append(item)
        if batch:
            yield batch_of(each.item for each in batch)

    def later_than(self, moment: datetime, more_types: Iterable[str] = ()) -> int:
        """How many events of these types have a Timestamp > moment: a Query for each type and bucket, or megabyte."""
        pages = self.client.get_paginator("query")
        return sum(
            page["Count"]
            for key in self._keys(more_types)
            for page in pages.paginate(
                TableName=self.table,
                IndexName=INDEX,
                KeyConditionExpression="TypeBucket = :bucket AND #at > :moment",
                ExpressionAttributeNames={"#at": "Timestamp"},
                ExpressionAttributeValues={":bucket": {"S": key}, ":moment": {"S": times.to_text(moment)}},
                Select="COUNT",
            )
        )

    def _keys(self, more_types: Iterable[str]) -> list[str]:
        return [
            type_bucket(event_type, bucket)
            for event_type in dict.fromkeys((*EVENT_TYPES, *more_types))
            for bucket in range(self.buckets)
        ]

    def _key(self, key: str, since: str, until: str) -> Iterator[_Item]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=INDEX,
            KeyConditionExpression="TypeBucket = :bucket AND #at BETWEEN :since AND :until",
            ExpressionAttributeNames={"#at": "Timestamp"},
            ExpressionAttributeValues={":bucket": {"S": key}, ":since": {"S": since}, ":until": {"S": until}},
            PaginationConfig={"PageSize": PAGE},
        )
        for page in pages:
            for item in page["Items"]:
                yield _Item(str(item["Timestamp"]["S"]), item)


def batch_of(items: Iterable[Any]) -> Batch:
    """Items of the store as a batch."""
    foreign: list[Foreign] = []
    events = events_of(items, unreadable=lambda error: foreign.append(Foreign.of(error)))
    return Batch(sorted(events, key=lambda event: (event.aggregate_id, event.sequence)), foreign)

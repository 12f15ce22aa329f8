"""The events that a selection may take, where they are stored: segment by segment, page by page, behind any place.

The whole store is read by DynamoDB's own parallel Scan: each item is in one segment, whichever process reads it and
however often, so the segments together are the store, once. Where a selection lists its aggregates they are queried
instead, each in the segment that its id belongs to. Nothing else leaves anything out: the indexes follow the store with
a delay, and the one by correlation does not have the command that a correlation began with.

Within a segment a stream's events come in their order: by Query for certain; by Scan as DynamoDB keeps items of one
key together and sorted, which its documentation does not promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.selection import Selection

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 16


class Place(NamedTuple):
    """The key of an item of the event store; of an aggregate that is gone through, beyond its last one."""

    aggregate_id: str
    sequence: Decimal

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Place:
        """Where an item, or a key, lies."""
        return cls(item["AggregateId"]["S"], Decimal(item["EventSequence"]["N"]))

    def key(self) -> dict[str, Any]:
        """As DynamoDB has it."""
        return {"AggregateId": {"S": self.aggregate_id}, "EventSequence": {"N": str(self.sequence)}}


class SourcePage(NamedTuple):
    """Items in their order, at most 1 MB of them, and the place behind which it goes on; None at the segment's end."""

    items: Sequence[Mapping[str, Any]]
    after: Place | None


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """Reads an event store for selections. Strongly consistent: one request and a read unit per 4 KB for each page."""

    client: DynamoDBClient
    table: str

    def page(
        self, selection: Selection, segment: int, after: Place | None = None, limit: int | None = None
    ) -> SourcePage:
        """The next page of a segment: what the selection takes is in it, and more that it does not."""
        bound: dict[str, Any] = {"Limit": limit} if limit else {}
        if selection.aggregate_ids:
            return self._of_aggregate(selection, segment, after, bound)
        if after is not None:
            bound["ExclusiveStartKey"] = after.key()
        answer = self.client.scan(
            TableName=self.table, ConsistentRead=True, Segment=segment, TotalSegments=SEGMENTS, **bound
        )
        return SourcePage(answer["Items"], _rest(answer))

    def _of_aggregate(
        self, selection: Selection, segment: int, after: Place | None, bound: Mapping[str, Any]
    ) -> SourcePage:
        """The first aggregate of the segment that is not gone through yet."""
        last = selection.last_sequence
        waiting = [
            each
            for each in listed(selection, segment)
            if after is None or each > after.aggregate_id or (each == after.aggregate_id and after.sequence < last)
        ]
        if not waiting:
            return SourcePage([], None)
        aggregate_id, *others = waiting
        first = Decimal(selection.first_sequence)
        start: dict[str, Any] = {}
        if after is not None and after.aggregate_id == aggregate_id:
            start["ExclusiveStartKey"] = after.key()
        answer = self.client.query(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="AggregateId = :id AND EventSequence BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":id": {"S": aggregate_id},
                ":first": {"N": str(first)},
                ":last": {"N": str(last)},
            },
            **start,
            **bound,
        )
        done = Place(aggregate_id, Decimal(MAX_SEQUENCE)) if others else None
        return SourcePage(answer["Items"], _rest(answer) or done)


def segments_of(selection: Selection) -> list[int]:
    """The segments in which there may be something."""
    return [each for each in range(SEGMENTS) if not selection.aggregate_ids or listed(selection, each)]


def listed(selection: Selection, segment: int) -> list[str]:
    """The aggregates of a segment, of those that a selection lists, in their order."""
    return sorted(each for each in selection.aggregate_ids if crc32(each.encode()) % SEGMENTS == segment)


def _rest(answer: Mapping[str, Any]) -> Place | None:
    last = answer.get("LastEvaluatedKey")
    return Place.of(last) if last else None

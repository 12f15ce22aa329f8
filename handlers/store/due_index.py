"""The index of what is due: a sparse one on the read model's table, in which a row stands while it says when it is due.

It follows the table, as every global index does, and the table follows the events. So it may name what is done already,
and miss what has just begun: whoever reads it asks the event store before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing import times

from .deadline import Deadline
from .items import to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "Due-index"
BUCKET, AT = "DueBucket", "DueAt"


class DuePlace(NamedTuple):
    """A row's place in one bucket of the index."""

    at: str
    aggregate_id: str
    projection: str


class DuePage(NamedTuple):
    """Some rows of a bucket, the longest due first; `rest` is the last one's place if there may be more."""

    records: list[dict[str, Any]]
    rest: DuePlace | None


class DueIndex:
    """Reads the index, a bucket at a time."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def page(self, bucket: str, until: str, limit: int, behind: DuePlace | None = None) -> DuePage:
        """The rows of a bucket that are due at `until` or before: one Query, half a read unit for each 4 KB."""
        start: Any = {"ExclusiveStartKey": _key(bucket, behind)} if behind else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression=f"{BUCKET} = :bucket AND {AT} <= :until",
            ExpressionAttributeValues={":bucket": {"S": bucket}, ":until": {"S": until}},
            Limit=limit,
            **start,
        )
        records = [to_record(item) for item in answer["Items"]]
        last: Any = answer.get("LastEvaluatedKey")
        return DuePage(records, _place(last) if last else None)


class Listed(NamedTuple):
    """Rows of all buckets; `rest` is a bucket and the place in it behind which there may be more."""

    records: list[dict[str, Any]]
    rest: tuple[int, DuePlace] | None


def listed(
    index: DueIndex,
    buckets: Sequence[str],
    matches: Callable[[dict[str, Any]], bool],
    *,
    limit: int,
    behind: tuple[int, DuePlace] | None,
    deadline: Deadline,
) -> Listed:
    """At most `limit` rows that match, bucket by bucket, in each the longest due first: one Query for each bucket and
    each `limit` rows that are looked at. OutOfTimeError where that takes too long."""
    first, place = behind or (0, None)
    found: list[dict[str, Any]] = []
    for number in range(first, len(buckets)):
        while True:
            deadline.allow()
            page = index.page(buckets[number], times.LAST, limit, place)
            for record in page.records:
                if matches(record):
                    found.append(record)
                    if len(found) == limit:
                        return Listed(found, (number, place_of(record)))
            place = page.rest
            if place is None:
                break
    return Listed(found, None)


def place_of(record: dict[str, Any]) -> DuePlace:
    """Where a row of the index stands in its bucket."""
    return DuePlace(record[AT], record["AccountId"], record["ProjectionType"])


def _place(key: dict[str, dict[str, str]]) -> DuePlace:
    return DuePlace(key[AT]["S"], key["AccountId"]["S"], key["ProjectionType"]["S"])


def _key(bucket: str, place: DuePlace) -> dict[str, dict[str, str]]:
    names = {BUCKET: bucket, AT: place.at, "AccountId": place.aggregate_id, "ProjectionType": place.projection}
    return {name: {"S": value} for name, value in names.items()}

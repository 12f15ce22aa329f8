"""The store's events page by page, for one part of an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing.times import FIRST, LAST
from handlers.store.event_store import type_bucket
from handlers.store.type_index import INDEX

from .manifest import Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_IN_TIME = "#at BETWEEN :since AND :until"


class Page(NamedTuple):
    """At most 1 MB of items, and the LastEvaluatedKey: None at the end."""

    items: Sequence[Mapping[str, Any]]
    after: Mapping[str, Any] | None


def read(
    client: DynamoDBClient, table: str, request: Request, *, part: int, parts: int, after: Mapping[str, Any] | None
) -> Iterator[Page]:
    """The pages of one part, behind `after`.

    Of everything: a segment of a parallel Scan. Of one aggregate: its Query. Both strongly consistent, one read unit
    per 4 KB gone through, whether or not the time range wants it. Of a type: the Query of one bucket of the type
    index, which is eventually consistent and reads no more than the range, half a unit per 4 KB.
    """
    call: Any = client.query
    arguments: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
    values: dict[str, Any] = {}
    if request.since or request.until or request.event_type:
        values = {":since": {"S": request.since or FIRST}, ":until": {"S": request.until or LAST}}
        arguments |= {"ExpressionAttributeNames": {"#at": "Timestamp"}, "FilterExpression": _IN_TIME}
    if request.aggregate_id is not None:
        values[":id"] = {"S": request.aggregate_id}
        arguments["KeyConditionExpression"] = "AggregateId = :id"
    elif request.event_type is not None:
        values[":bucket"] = {"S": type_bucket(request.event_type, part)}
        del arguments["ConsistentRead"], arguments["FilterExpression"]
        arguments |= {"IndexName": INDEX, "KeyConditionExpression": f"TypeBucket = :bucket AND {_IN_TIME}"}
    else:
        call = client.scan
        arguments |= {"Segment": part, "TotalSegments": parts}
    if values:
        arguments["ExpressionAttributeValues"] = values
    return _pages(call, arguments, after)


def _pages(call: Any, arguments: Mapping[str, Any], after: Mapping[str, Any] | None) -> Iterator[Page]:
    while True:
        start = {"ExclusiveStartKey": after} if after else {}
        answer = call(**arguments, **start)
        after = answer.get("LastEvaluatedKey")
        yield Page(answer["Items"], after)
        if after is None:
            return

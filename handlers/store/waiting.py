"""Streams that cannot be put together yet, since something of them has not come: a note for each, until it is.

The notes are in the Region's own table, under a part of their own. They keep what an operator must know (which stream,
since when, what is missing), and have `reconcile` look again when no message is left that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing.values import Value

from .items import Item, to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = "waiting"


class Wait(NamedTuple):
    """A stream that waits; `lacks` are places without which it is no chain, none where the other Region decides it."""

    aggregate_id: str
    since: str
    lacks: tuple[int, ...] = ()

    def describe(self) -> dict[str, Value]:
        """It as operators see it."""
        return {"aggregateId": self.aggregate_id, "since": self.since, "lacks": list(self.lacks)}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The notes of one Region."""

    client: DynamoDBClient
    table: str

    def every(self) -> Iterator[Wait]:
        """All that wait, by their ids: one Query a megabyte, strongly consistent."""
        asked: Any = {
            "TableName": self.table,
            "KeyConditionExpression": "Part = :part",
            "ExpressionAttributeValues": {":part": {"S": PART}},
            "ConsistentRead": True,
        }
        while True:
            answer = self.client.query(**asked)
            yield from map(_wait_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def note(self, aggregate_id: str, now: str, lacks: Sequence[int]) -> None:
        """Note that a stream waits; since when it did already, if it did. One GetItem, and a PutItem of what is new."""
        found = self.client.get_item(TableName=self.table, Key=_key(aggregate_id), ConsistentRead=True).get("Item")
        before = _wait_of(found) if found else None
        wait = Wait(aggregate_id, before.since if before else now, tuple(lacks))
        if wait != before:
            item = to_item({"Since": wait.since, "Lacks": list(wait.lacks)})
            self.client.put_item(TableName=self.table, Item={**item, **_key(aggregate_id)})

    def forget(self, aggregate_id: str) -> None:
        """Note that it does not: one DeleteItem."""
        self.client.delete_item(TableName=self.table, Key=_key(aggregate_id))


def _key(aggregate_id: str) -> Item:
    return to_item({"Part": PART, "Place": aggregate_id})


def _wait_of(item: Item) -> Wait:
    record: Any = to_record(item)
    return Wait(record["Place"], record["Since"], tuple(int(each) for each in record["Lacks"]))

"""Lost events: acknowledged in one Region, and replaced in the store by what another Region wrote at their place.

The table is replicated as well. An item is kept under its event's place and hash, and says the event verbatim, so both
Regions may keep one: they keep the same. What was made of it is said by the Region that decides. Should the other one's
first word win over that (the later item does), it is open once more, is looked at again and found in the stream.

A lost event is `open` until it is in the stream again, or somebody has said what became of it. Then it is `checked`
once more, when nobody can write any more who had read the stream before it was put together; then it is `closed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.sourcing.event import Event
from handlers.sourcing.values import Value

from .items import to_item, to_record
from .stored_events import event_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DUE_INDEX = "Due-KeptAt-index"
"""By Due and KeptAt: what is not closed yet."""


class Status(StrEnum):
    """How far a lost event is settled."""

    OPEN = "open"
    CHECKED = "check"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A lost event; `since` is when it reached its status, `why` says what stands against it, or what became of it."""

    event: Event
    item: Mapping[str, Value]
    """The record of the item that held the event, with what is no part of the event: its keys in the indexes."""
    kept_at: str
    kept_in: str
    status: Status = Status.OPEN
    since: str = ""
    why: str = ""
    sequence: int | None = None
    """Where it is in the stream again."""

    @property
    def is_due(self) -> bool:
        return self.status is not Status.CLOSED

    def record(self) -> dict[str, Value]:
        """It as it is stored."""
        return {
            "AggregateId": self.event.aggregate_id,
            "Place": place_of(self.event),
            "Event": dict(self.item),
            "KeptAt": self.kept_at,
            "KeptIn": self.kept_in,
            "Since": self.since or self.kept_at,
            "Why": self.why,
            **({"AgainAt": self.sequence} if self.sequence else {}),
            **({"Due": self.status.value} if self.is_due else {}),
        }

    @classmethod
    def of(cls, item: Any) -> Conflict:
        """Read an item. NotAnEventError, LookupError, ValueError where it is none."""
        record: dict[str, Any] = to_record(item)
        again = record.get("AgainAt")
        return cls(
            event=event_of(to_item(record["Event"])),
            item=record["Event"],
            kept_at=record["KeptAt"],
            kept_in=record["KeptIn"],
            status=Status(record.get("Due", Status.CLOSED)),
            since=record["Since"],
            why=record["Why"],
            sequence=int(again) if again else None,
        )

    def now(self, status: Status, at: str, why: str, sequence: int | None = None) -> Conflict:
        """It with another status."""
        return replace(self, status=status, since=at, why=why, sequence=sequence)

    def describe(self) -> dict[str, Value]:
        """It as operators see it."""
        event = self.event
        return {
            "aggregateId": event.aggregate_id,
            "sequence": event.sequence,
            "hash": event.hash,
            "eventId": event.event_id,
            "eventType": event.event_type,
            "commandId": event.command_id,
            "region": event.stamp.region,
            "epoch": event.stamp.epoch,
            "status": "resolved" if self.status is Status.CHECKED else self.status.value,
            "keptAt": self.kept_at,
            "why": self.why,
            "againAt": self.sequence,
        }


def place_of(event: Event) -> str:
    """What a lost event is kept under: no two of one aggregate have the same."""
    return f"{event.sequence:016d}#{event.hash}"


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The table of lost events."""

    client: DynamoDBClient
    table: str

    def keep(self, conflict: Conflict) -> bool:
        """Keep a lost event that is not kept yet; whether that is news. One PutItem."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(conflict.record()),
                ConditionExpression="attribute_not_exists(AggregateId)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def note(self, conflict: Conflict) -> None:
        """Note what became of a lost event that is kept: one PutItem."""
        self.client.put_item(TableName=self.table, Item=to_item(conflict.record()))

    def of(self, aggregate_id: str) -> list[Conflict]:
        """All of one stream, in the order of their places: one Query a megabyte, strongly consistent."""
        asked: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "AggregateId = :id",
            "ExpressionAttributeValues": {":id": {"S": aggregate_id}},
            "ConsistentRead": True,
        }
        return [Conflict.of(item) for item in self._items(asked)]

    def due(self, status: Status) -> Iterator[Conflict]:
        """All of a status that is not closed, the oldest first: one Query a megabyte of the index."""
        asked: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "Due = :due",
            "ExpressionAttributeValues": {":due": {"S": status.value}},
        }
        return map(Conflict.of, self._items(asked))

    def _items(self, asked: dict[str, Any]) -> Iterator[Any]:
        while True:
            answer = self.client.query(**asked)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

"""What stands in the store, and how an event is put in a place of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.domain import KINDS
from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.told import WHATEVER
from handlers.store.event_store import EventStore
from handlers.store.read_model import Key, ReadModel
from handlers.store.stored_events import event_of, record_of
from ops.conditions import unchanged
from ops.system import OperatorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]


@dataclass(slots=True)
class Standing:
    """One aggregate's stream, each place of it read once, strongly consistent."""

    client: DynamoDBClient
    store: EventStore
    table: str
    read_model: ReadModel
    aggregate_id: str
    _items: dict[int, Item | None] = field(default_factory=dict)
    _end: int | None = None
    _rows: dict[int, str] | None = None

    def item(self, sequence: int) -> Item | None:
        """What stands at a place, whatever it is: one GetItem."""
        if sequence not in self._items:
            key: Any = {"AggregateId": {"S": self.aggregate_id}, "EventSequence": {"N": str(sequence)}}
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
            self._items[sequence] = answer.get("Item")
        return self._items[sequence]

    def event(self, sequence: int) -> Event | None:
        """The event at a place; None where there is none, or one that does not have its hash."""
        item = self.item(sequence)
        try:
            event = event_of(item) if item else None
        except NotAnEventError:
            return None
        return event if event is not None and event.computed_hash() == event.hash else None

    def ends_before(self, sequence: int) -> bool:
        """Whether nothing stands there or behind it: one Query in all."""
        if self._end is None:
            newest = self.client.query(
                TableName=self.table,
                KeyConditionExpression="AggregateId = :id",
                ExpressionAttributeValues={":id": {"S": self.aggregate_id}},
                ProjectionExpression="EventSequence",
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=1,
            )["Items"]
            self._end = int(newest[0]["EventSequence"]["N"]) if newest else 0
        return self._end < sequence

    def newest(self) -> Event | None:
        """The event at the end of the stream; None where there is none that can be read."""
        return None if self.ends_before(1) else self.event(self._end or 0)

    def witnessed(self, sequence: int) -> str | None:
        """The hash of the event at a place, as a row that stands there tells it: one BatchGetItem in all."""
        if self._rows is None:
            keys = [Key(self.aggregate_id, each.name) for each in KINDS.projections(WHATEVER)]
            found = self.read_model.get_many(keys).values()
            self._rows = {each.position.sequence: each.position.hash for each in found if each.position.hash}
        return self._rows.get(sequence)

    def holds(self, event: Event) -> bool:
        """Whether the place of an event holds it already, with all that is stored beside it."""
        item = self.item(event.sequence)
        try:
            return item is not None and record_of(item) == record_of(self.store.item(event))
        except NotAnEventError:
            return False

    def put(self, event: Event) -> None:
        """Put an event in its place, if that is as it was read. OperatorError where it is not, or that is denied."""
        item = self.item(event.sequence)
        condition = (
            {"ConditionExpression": "attribute_not_exists(AggregateId)"}
            if item is None
            else unchanged(item, ("AggregateId", "EventSequence"), "Hash")
        )
        try:
            self.client.put_item(TableName=self.table, Item=self.store.item(event), **condition)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise OperatorError(
                    "somebody wrote to its place meanwhile, and nothing was put back: look again"
                ) from error
            if code == "AccessDeniedException":
                raise OperatorError(
                    "the store lets you put no event: its policy admits the roles in breakGlassArns alone, until "
                    "breakGlassUntil (docs/operations.md#break-the-glass)"
                ) from error
            raise

"""The event store: append-only streams of events in one DynamoDB table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zlib import crc32

from botocore.exceptions import ClientError

from handlers.sourcing.errors import NotAnEventError, TooLargeError
from handlers.sourcing.event import Event, ordinal, place_of
from handlers.sourcing.values import Value, dumps

from .clocks import time_of
from .every_item import every_item
from .items import MAX_ITEM_BYTES, Item, item_bytes, to_item
from .stored_events import Unreadable, events_of, record_of
from .streams import AppendableStreams, ConcurrentAppendError, LookUp, Page, Tail

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

COMMAND_INDEX = "CommandId-index"
CORRELATION = "Correlation"
"""The key of the index by correlation: an event's CorrelationId, unless it is the CommandId. Not part of the hash."""
# An event must also fit a bus entry, whose limit covers source, detail type and time besides this.
MAX_DETAIL_BYTES = 990_000
# No byte of an item becomes more than this many of JSON. A control character becomes 6; but a small number in a list,
# reckoned at 22 bytes, becomes 169: a sign, a comma, 0. and 165 digits.
MAX_JSON_EXPANSION = 8
# The keys of the local index entry count towards the item's limit, as do the bucket and a safety margin.
_INDEX_BYTES = 4 * 1024
MAX_TRANSACTION_ITEMS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024


class EventStore(AppendableStreams):
    """Streams of events. Reads are strongly consistent. Nothing updates or deletes, but where two Regions wrote."""

    def __init__(self, client: DynamoDBClient, table: str, type_buckets: int = 1) -> None:
        self._client = client
        self._table = table
        self._type_buckets = type_buckets

    def append(self, events: Sequence[Event]) -> None:
        """Write events that follow each other in one stream, all or none.

        One event: one PutItem, 3 write units for up to 1 KB (table, type index, command index), 4 where it is in the
        index by correlation. Several (100 at most): one TransactWriteItems, twice the units. Raises
        ConcurrentAppendError where the place is taken, TooLargeError.
        """
        items = [to_item(record) for record in self.check(events)]
        put_new(self._client, self._table, items, "AggregateId")

    def check(self, events: Sequence[Event]) -> list[dict[str, Value]]:
        """The records of events that can be appended together. Raises TooLargeError."""
        records = [self._record(event) for event in events]
        _check_transaction(records)
        return records

    def tail(self, aggregate_id: str, limit: int) -> Tail:
        """At most the newest `limit` events, and no more than 1 MB: one Query, one read unit for each 4 KB."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="AggregateId = :id",
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=limit,
        )
        return Tail(events_of(reversed(answer["Items"])), time_of(answer))

    def find(self, aggregate_id: str, command_id: str) -> LookUp:
        """Look a command up among all events of an aggregate: one Query, one read unit; more if it answers in pages."""
        place: dict[str, Any] = {}
        found: list[int] = []
        while True:
            answer = self._client.query(
                TableName=self._table,
                IndexName=COMMAND_INDEX,
                KeyConditionExpression="AggregateId = :id AND CommandId = :command",
                ExpressionAttributeValues={":id": {"S": aggregate_id}, ":command": {"S": command_id}},
                ConsistentRead=True,
                **place,
            )
            found += [_sequence(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return LookUp(max(found, default=None), time_of(answer))
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def page(
        self,
        aggregate_id: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int | None = None,
        unreadable: Unreadable | None = None,
    ) -> Page:
        """One Query: at most 1 MB or `limit` items behind `after`. One read unit for each 4 KB.

        An item that is no event raises NotAnEventError, or is told to `unreadable` and left out.
        """
        places: dict[str, Any] = {":id": {"S": aggregate_id}, ":after": {"N": str(after + 1)}}
        condition = "AggregateId = :id AND EventSequence >= :after"
        if up_to is not None:
            if up_to <= after:
                return Page([], None)
            places[":to"] = {"N": str(up_to)}
            condition = "AggregateId = :id AND EventSequence BETWEEN :after AND :to"
        bound: Any = {"Limit": limit} if limit else {}
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=places,
            ConsistentRead=True,
            **bound,
        )
        events = events_of(answer["Items"], unreadable)
        last: Any = answer.get("LastEvaluatedKey")
        # Rounded down: where the last item stood between two places, the reading goes on at the next one.
        return Page(events, int(Decimal(last["EventSequence"]["N"])) if last else None, time_of(answer))

    def put_back(self, item: Item, seen: str | None) -> None:
        """Put an item in the place of the event with the Hash that was `seen` there; None where there was none.

        For streams that two Regions wrote, and for nobody else: the store's policy admits no other. One PutItem, of the
        units of `append`. Raises ConcurrentAppendError where something else stands there by now.
        """
        self._replace(seen, lambda **condition: self._client.put_item(TableName=self._table, Item=item, **condition))

    def remove(self, event: Event) -> None:
        """Remove an event that is kept elsewhere: one DeleteItem, for those who may `put_back`.

        Raises ConcurrentAppendError where something else stands there by now.
        """
        key: Any = to_item({"AggregateId": event.aggregate_id, "EventSequence": event.sequence})
        self._replace(
            event.hash, lambda **condition: self._client.delete_item(TableName=self._table, Key=key, **condition)
        )

    def _replace(self, seen: str | None, write: Callable[..., object]) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(AggregateId)"}
        if seen is not None:
            condition = {
                "ConditionExpression": "#hash = :seen",
                "ExpressionAttributeNames": {"#hash": "Hash"},
                "ExpressionAttributeValues": {":seen": {"S": seen}},
            }
        try:
            write(**condition)
        except ClientError as error:
            if _lost_a_race(error):
                raise ConcurrentAppendError from error
            raise

    def whole(self, aggregate_id: str, after: int) -> list[Item]:
        """The items of a stream behind a place, whatever they hold: one Query a megabyte, strongly consistent."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "AggregateId = :id AND EventSequence >= :after",
            "ExpressionAttributeValues": {":id": {"S": aggregate_id}, ":after": {"N": str(after + 1)}},
            "ConsistentRead": True,
        }
        return list(every_item(self._client.query, asked))

    def item(self, event: Event) -> Item:
        """An event as it lies in the table. Raises TooLargeError."""
        return to_item(self._record(event))

    def _record(self, event: Event) -> dict[str, Value]:
        record = {**event.record(), "TypeBucket": bucket_of(event, self._type_buckets), **correlation_of(event)}
        _check_size(record)
        return record


def type_bucket(event_type: str, number: int) -> str:
    """The hash key of the type index: one key per type would cap the whole system at one partition's writes."""
    return f"{event_type}#{number}"


def bucket_of(event: Event, buckets: int) -> str:
    """The TypeBucket of an event that is written while there are so many buckets."""
    return type_bucket(event.event_type, crc32(event.event_id.encode()) % buckets)


def correlation_of(event: Event) -> dict[str, Value]:
    """The attribute that has an event in the index by correlation; none where it belongs to its own command alone."""
    return {} if event.correlation_id == event.command_id else {CORRELATION: event.correlation_id}


def _sequence(item: Mapping[str, Any]) -> int:
    """Where an entry of the command index says that its event stands. NotAnEventError where no event stands."""
    record = record_of(item)
    try:
        return ordinal(record, "EventSequence")
    except ValueError as error:
        raise NotAnEventError(str(error), *place_of(record)) from None


def _check_size(record: dict[str, Value]) -> None:
    size = item_bytes(record)
    if size > MAX_ITEM_BYTES - _INDEX_BYTES:
        raise TooLargeError("the event does not fit a DynamoDB item of 400 KB", itemBytes=size)
    if size * MAX_JSON_EXPANSION > MAX_DETAIL_BYTES:
        detail = len(dumps(record).encode())
        if detail > MAX_DETAIL_BYTES:
            raise TooLargeError("the event's JSON does not fit a bus entry of 1 MB", jsonBytes=detail)


def _check_transaction(records: Sequence[dict[str, Value]]) -> None:
    if len(records) == 1:
        return
    size = sum(map(item_bytes, records))
    if len(records) > MAX_TRANSACTION_ITEMS or size > MAX_TRANSACTION_BYTES:
        raise TooLargeError(
            "the command's events do not fit one transaction of 100 items and 4 MB",
            events=len(records),
            itemBytes=size,
        )


def put_new(client: DynamoDBClient, table: str, items: Sequence[Item], key: str) -> None:
    """Write items where none stands, all or none; `key` is an attribute that each one has.

    One PutItem, or of several one TransactWriteItems. Raises ConcurrentAppendError where a place is taken.
    """
    condition = f"attribute_not_exists({key})"
    try:
        if len(items) == 1:
            client.put_item(TableName=table, Item=items[0], ConditionExpression=condition)
        else:
            client.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": table, "Item": item, "ConditionExpression": condition}} for item in items
                ]
            )
    except ClientError as error:
        if _lost_a_race(error):
            raise ConcurrentAppendError from error
        raise


def _lost_a_race(error: ClientError) -> bool:
    """Whether a write was refused because its place was taken, or is being taken."""
    code = error.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        return bool(reasons & {"ConditionalCheckFailed", "TransactionConflict"})
    return code in ("ConditionalCheckFailedException", "TransactionConflictException")

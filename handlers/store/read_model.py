"""The read model: one row per aggregate and projection, replaced only from the state it was computed from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.sourcing.event import Position, ordinal
from handlers.sourcing.projection import Row

from .items import to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_KEYS = 100
"""BatchGetItem's limit."""
MECHANICS = frozenset({"AccountId", "ProjectionType", "LastSequence", "LastHash"})
"""The attributes of a row that are not its projection's."""


class StaleRowError(Exception):
    """The row changed since it was read. Nothing was written."""


class Key(NamedTuple):
    """Which row: an aggregate's projection."""

    aggregate_id: str
    projection: str

    def item(self) -> dict[str, Any]:
        return {"AccountId": {"S": self.aggregate_id}, "ProjectionType": {"S": self.projection}}


class Stored(NamedTuple):
    """A row and the position in the stream that it stands for; both empty where there is no row.

    Of a damaged row: empty, too, where it does not say its place, since nobody can tell then which events it holds; and
    with UNKNOWN as the position's hash where it says its place, but not its event's hash.
    """

    row: Row
    position: Position
    odd_place: Any = None
    """LastSequence exactly as DynamoDB holds it, where that is no place in a stream."""


NOTHING = Stored({}, Position())
UNKNOWN = ""
"""The hash of a position whose hash was lost. No event has it."""
_HASH = re.compile(r"[0-9a-f]{64}")


class ReadModel:
    """The table of projected rows. Reads are strongly consistent."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def record(self, key: Key) -> dict[str, Any] | None:
        """A whole row as it is stored, keys included: one GetItem."""
        answer = self._client.get_item(TableName=self._table, Key=key.item(), ConsistentRead=True)
        return to_record(answer["Item"]) if "Item" in answer else None

    def get(self, key: Key) -> Stored:
        """One row, NOTHING where there is none: one GetItem."""
        answer = self._client.get_item(TableName=self._table, Key=key.item(), ConsistentRead=True)
        return stored_in(answer["Item"]) if "Item" in answer else NOTHING

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Stored]:
        """Rows that exist among `keys`: one BatchGetItem per 100 keys, and one more for each part AWS left undone."""
        wanted = [key.item() for key in keys]
        found: dict[Key, Stored] = {}
        while wanted:
            request: Any = {self._table: {"Keys": wanted[:BATCH_KEYS], "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self._table, []):
                found[Key(item["AccountId"]["S"], item["ProjectionType"]["S"])] = stored_in(item)
            undone: Any = answer.get("UnprocessedKeys") or {self._table: {"Keys": []}}
            wanted = [*undone[self._table]["Keys"], *wanted[BATCH_KEYS:]]
        return found

    def put(self, key: Key, new: Stored, seen: Position, odd_place: Any = None) -> None:
        """Replace the row if it still stands at `seen`, the start being no row at all or one without a position.

        Where its place is damaged: if it still holds `odd_place`, to the type. Whoever makes a row again gives it a
        sound place, so that of several who read the damage only one writes. One PutItem. Raises StaleRowError.
        """
        record = {
            **new.row,
            "AccountId": key.aggregate_id,
            "ProjectionType": key.projection,
            "LastSequence": new.position.sequence,
            "LastHash": new.position.hash,
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(LastSequence)"}
        if seen.sequence or odd_place is not None:
            condition = {
                "ConditionExpression": "LastSequence = :seen",
                "ExpressionAttributeValues": {":seen": odd_place or {"N": str(seen.sequence)}},
            }
        try:
            self._client.put_item(TableName=self._table, Item=to_item(record), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise StaleRowError from error
            raise


def stored_in(item: Mapping[str, Any]) -> Stored:
    """The row in an item of the table, whatever is damaged in it."""
    record = to_record(item)
    position = position_in(record)
    if not position.sequence:
        return Stored({}, position, item.get("LastSequence"))
    return Stored({name: value for name, value in record.items() if name not in MECHANICS}, position)


def position_in(record: Mapping[str, Any]) -> Position:
    """Where a row says that it stands: at the start if it says no place, with the hash UNKNOWN if it says no hash."""
    try:
        sequence = ordinal(record, "LastSequence")
    except ValueError:
        return Position()
    last_hash = record.get("LastHash")
    is_hash = isinstance(last_hash, str) and _HASH.fullmatch(last_hash)
    return Position(sequence, str(last_hash) if is_hash else UNKNOWN)

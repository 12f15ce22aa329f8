"""The read model: one row per aggregate and projection, replaced only from the state it was computed from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.domain.event import Position
from handlers.domain.projections import Row

from .items import to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_KEYS = 100
"""BatchGetItem's limit."""
_MECHANICS = ("AccountId", "ProjectionType", "LastSequence", "LastHash")


class StaleRowError(Exception):
    """The row changed since it was read. Nothing was written."""


class Key(NamedTuple):
    """Which row: an aggregate's projection."""

    aggregate_id: str
    projection: str

    def item(self) -> dict[str, Any]:
        return {"AccountId": {"S": self.aggregate_id}, "ProjectionType": {"S": self.projection}}


class Stored(NamedTuple):
    """A row and the position in the stream that it stands for; both empty where there is no row."""

    row: Row
    position: Position


NOTHING = Stored({}, Position())


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
        record = self.record(key)
        return _stored(record) if record else NOTHING

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Stored]:
        """Rows that exist among `keys`: one BatchGetItem per 100 keys, and one more for each part AWS left undone."""
        wanted = [key.item() for key in keys]
        found: dict[Key, Stored] = {}
        while wanted:
            request: Any = {self._table: {"Keys": wanted[:BATCH_KEYS], "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self._table, []):
                record = to_record(item)
                found[Key(record["AccountId"], record["ProjectionType"])] = _stored(record)
            undone: Any = answer.get("UnprocessedKeys") or {self._table: {"Keys": []}}
            wanted = [*undone[self._table]["Keys"], *wanted[BATCH_KEYS:]]
        return found

    def put(self, key: Key, new: Stored, seen: Position) -> None:
        """Replace the row if it still stands at `seen`, the start being no row at all or one without a position.

        One PutItem. Raises StaleRowError.
        """
        record = {
            **new.row,
            "AccountId": key.aggregate_id,
            "ProjectionType": key.projection,
            "LastSequence": new.position.sequence,
            "LastHash": new.position.hash,
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(LastSequence)"}
        if seen.sequence:
            condition = {
                "ConditionExpression": "LastSequence = :seen",
                "ExpressionAttributeValues": {":seen": {"N": str(seen.sequence)}},
            }
        try:
            self._client.put_item(TableName=self._table, Item=to_item(record), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise StaleRowError from error
            raise


def _stored(record: dict[str, Any]) -> Stored:
    row = {name: value for name, value in record.items() if name not in _MECHANICS}
    try:
        return Stored(row, Position(int(record["LastSequence"]), record["LastHash"]))
    except (KeyError, TypeError, ValueError):
        return NOTHING  # damaged: nobody can tell which events it holds, so it is made again from the first one

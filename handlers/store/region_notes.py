"""Notes about streams in a Region's own table, each kind under a part of its own: not replicated, one a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.sourcing.values import Value

from .every_item import every_item
from .items import Item, to_item, to_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class RegionNotes:
    """The notes of one kind, as records; `Place` is the stream's id."""

    client: DynamoDBClient
    table: str
    part: str

    def every(self) -> Iterator[Any]:
        """All of them, by their ids: one Query a megabyte, strongly consistent."""
        asked: Any = {
            "TableName": self.table,
            "KeyConditionExpression": "Part = :part",
            "ExpressionAttributeValues": {":part": {"S": self.part}},
            "ConsistentRead": True,
        }
        return map(to_record, every_item(self.client.query, asked))

    def of(self, aggregate_id: str) -> Any:
        """That of one stream; None where there is none. One GetItem, strongly consistent."""
        key = self._key(aggregate_id)
        found = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return to_record(found) if found else None

    def note(self, aggregate_id: str, content: Mapping[str, Value]) -> None:
        """Keep it in place of what there is: one PutItem."""
        self.client.put_item(TableName=self.table, Item={**to_item(content), **self._key(aggregate_id)})

    def forget(self, aggregate_id: str) -> None:
        """One DeleteItem."""
        self.client.delete_item(TableName=self.table, Key=self._key(aggregate_id))

    def _key(self, aggregate_id: str) -> Item:
        return to_item({"Part": self.part, "Place": aggregate_id})

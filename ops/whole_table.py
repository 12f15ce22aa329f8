"""The store's events of a time without the type index: by a Scan of the whole table, for stacks that leave it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from handlers.sourcing import times

from .timeline import Batch, batch_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class WholeTable:
    """Reads as `Timeline` does, with two differences: events of any type are found, and they come in no order of time.

    Each pass goes through every item that there is, whatever the time asked for: a strongly consistent read unit per
    4 KB, one request per megabyte. In memory is one page.
    """

    client: DynamoDBClient
    table: str

    def read(self, start: datetime, end: datetime, more_types: Iterable[str] = ()) -> Iterator[Batch]:  # noqa: ARG002
        """The events of every type with start <= Timestamp <= end."""
        values = {":since": {"S": times.to_text(start)}, ":until": {"S": times.to_text(end)}}
        for page in self._pages("#at BETWEEN :since AND :until", values):
            if page["Items"]:
                yield batch_of(page["Items"])

    def later_than(self, moment: datetime, more_types: Iterable[str] = ()) -> int:  # noqa: ARG002
        """How many events have a Timestamp > moment."""
        values = {":moment": {"S": times.to_text(moment)}}
        return sum(page["Count"] for page in self._pages("#at > :moment", values, Select="COUNT"))

    def _pages(self, condition: str, values: dict[str, Any], **more: Any) -> Iterator[Any]:
        return iter(
            self.client.get_paginator("scan").paginate(
                TableName=self.table,
                ConsistentRead=True,
                FilterExpression=condition,
                ExpressionAttributeNames={"#at": "Timestamp"},
                ExpressionAttributeValues=values,
                **more,
            )
        )

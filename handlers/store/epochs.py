"""In which epoch each Region decides, where the other one reads it: items of the table of conflicts, a replicated one.

Events of a higher epoch say the same. But a Region that was promoted may write none for a while, and the one that was
lost and is back would go on deciding until it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.sourcing.standing import Standing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = " epoch"
"""No aggregate has it for its id: none begins with a space."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """What the Regions say of themselves."""

    client: DynamoDBClient
    table: str

    def told(self) -> dict[str, int]:
        """The highest epoch in which each Region said that it decides: one Query, strongly consistent."""
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="AggregateId = :part",
            ExpressionAttributeValues={":part": {"S": PART}},
            ConsistentRead=True,
        )
        return {item["Place"]["S"]: int(item["Epoch"]["N"]) for item in answer["Items"]}

    def tell(self, standing: Standing) -> None:
        """Say in which epoch a Region decides: one PutItem. A lower one, said late, is put right by who tells next."""
        self.client.put_item(
            TableName=self.table,
            Item={"AggregateId": {"S": PART}, "Place": {"S": standing.region}, "Epoch": {"N": str(standing.epoch)}},
        )

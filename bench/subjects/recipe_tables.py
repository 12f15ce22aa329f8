"""The recipe's event store as it creates it, under a name of ours."""

from typing import Any

NAME = "recipe-event-store"
TABLE_UNITS = 10
INDEX_UNITS = 5
"""Provisioned read and write units each; see `bench.ceilings` for what follows."""


def keys(hash_key: str, range_key: str) -> list[dict[str, str]]:
    """A key schema."""
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def _units(number: int) -> dict[str, int]:
    return {"ReadCapacityUnits": number, "WriteCapacityUnits": number}


EVENT_STORE: dict[str, Any] = {
    "TableName": NAME,
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {"AggregateId": "S", "EventSequence": "N", "EventType": "S", "Timestamp": "S"}.items()
    ],
    "KeySchema": keys("AggregateId", "EventSequence"),
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "EventType-Timestamp-index",
            "KeySchema": keys("EventType", "Timestamp"),
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": _units(INDEX_UNITS),
        }
    ],
    "ProvisionedThroughput": _units(TABLE_UNITS),
}

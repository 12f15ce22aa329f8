"""The tables that the peers' documentation asks for, billed on demand."""

from typing import Any

from .recipe_tables import keys

PYEVENTSOURCING: dict[str, Any] = {
    "TableName": "pyeventsourcing-events",
    "AttributeDefinitions": [
        {"AttributeName": "originator_id", "AttributeType": "S"},
        {"AttributeName": "originator_version", "AttributeType": "N"},
    ],
    "KeySchema": keys("originator_id", "originator_version"),
    "BillingMode": "PAY_PER_REQUEST",
}

CASTORE: dict[str, Any] = {
    "TableName": "castore-events",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in {"aggregateId": "S", "version": "N", "eventStoreId": "S", "timestamp": "S"}.items()
    ],
    "KeySchema": keys("aggregateId", "version"),
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "initialEvents",
            "KeySchema": keys("eventStoreId", "timestamp"),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}

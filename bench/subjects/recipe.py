"""The recipe's command handler, written anew: the same calls in the same order, mended just enough to answer.

It looks up the newest event (eventually consistent), puts the next one without a condition, and then publishes. Mended:
numbers pass as Decimals to DynamoDB and as numbers to the bus, where the original crashes on both.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3

from . import recipe_tables

_bus: Any = boto3.client("events")
_table: Any = boto3.resource("dynamodb").Table(recipe_tables.NAME)


def prepare(task: Mapping[str, Any]) -> Callable[[], object]:
    """Do: append."""
    command = json.dumps(task["command"])
    return lambda: _append(json.loads(command, parse_float=Decimal))


def _append(command: Mapping[str, Any]) -> dict[str, Any]:
    newest = _table.query(
        KeyConditionExpression="AggregateId = :id",
        ExpressionAttributeValues={":id": command["aggregateId"]},
        ScanIndexForward=False,
        Limit=1,
    )["Items"]
    event = {
        "AggregateId": command["aggregateId"],
        "EventSequence": int(newest[0]["EventSequence"]) + 1 if newest else 1,
        "EventId": str(uuid.uuid4()),
        "EventType": command["eventType"],
        "EventData": command["eventData"],
        "Timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "Version": "1.0",
    }
    _table.put_item(Item=event)
    entry = {
        "EventBusName": os.environ["EVENT_BUS_NAME"],
        "Source": "event-sourcing.financial",
        "DetailType": event["EventType"],
        "Detail": json.dumps(event, default=float),
    }
    _bus.put_events(Entries=[entry])
    receipt = {name: event[name] for name in ("EventId", "AggregateId", "EventSequence")}
    return {"statusCode": 200, "body": json.dumps(receipt)}

"""Items in the event store that the ledger did not write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore

from .aws import STORE
from .domain.builders import NOW, story

BUCKETS = 3
FOREIGN: Mapping[str, tuple[dict[str, Any], str]] = {
    "no data": ({"EventData": None}, "EventData is missing"),
    "data that is a text": ({"EventData": {"S": "{}"}}, "EventData must be an object"),
    "a set in the data": ({"EventData": {"M": {"tags": {"SS": ["x"]}}}}, "EventData.tags is no JSON value but a set"),
    "a binary in the data": (
        {"EventData": {"M": {"blob": {"L": [{"B": b"\0"}]}}}},
        "EventData.blob[0] is no JSON value but a binary",
    ),
    "a version as text": ({"Version": {"S": "1.0"}}, "Version must be a number"),
    "a hash that is null": ({"Hash": {"NULL": True}}, "Hash must be a text"),
    "a time of another form": (
        {"Timestamp": {"S": "2024-01-15T10:00:00Z"}},
        "Timestamp must be a time as the ledger writes it, such as 2024-01-15T10:30:00.000000Z",
    ),
}
"""By what is odd: the attributes that differ (None: missing) from an event's, and what is said of it."""


def foreign_item(aggregate_id: str, sequence: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """An item at a place in a stream, like an event but for a change; the index by type has it if it can."""
    event = Event.of({**story(aggregate_id, [1], now=NOW)[1].record()})
    item: dict[str, Any] = {**EventStore(None, STORE, BUCKETS).item(event), "EventSequence": {"N": sequence}}  # type: ignore[arg-type]
    item |= change
    return {name: value for name, value in item.items() if value is not None}


def put_foreign(aws: Any, aggregate_id: str, sequence: str, change: Mapping[str, Any]) -> None:
    """Put such an item, as nobody may."""
    aws.put_item(TableName=STORE, Item=foreign_item(aggregate_id, sequence, change))

"""Part decoding: what it takes to read and check an event's data, here and by another validator.

In this process, best of several runs: a lower bound, without DynamoDB and boto3.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import jsonschema

from bench.progress import Steps
from handlers.domain.facts import NEWEST, asked, fact_of, violations
from handlers.domain.generated.tables import SCHEMAS
from handlers.sourcing.event import Event

DATA = {
    "accountId": "account-123",
    "transactionId": "tx-789",
    "amount": Decimal("100.5"),
    "type": "deposit",
    "timestamp": "2024-01-15T10:30:00Z",
    "currency": "EUR",
    "category": "salary",
}
EVENT_TYPE = "TransactionProcessed"
RUNS = 5
CHECK = "check against the schema"
"""The name of what others are compared with."""


def measure(steps: Steps) -> dict[str, Any]:
    """`{"microseconds": {subject: per call}}`."""
    measured = {}
    with steps.step("decode and check an event", len(subjects())) as advance:
        for name, subject in subjects().items():
            measured[name] = round(microseconds(subject), 2)
            advance(1)
    return {"microseconds": measured}


def event(version: int) -> Event:
    """A transaction as it was read from the store."""
    text = dict.fromkeys(("EventId", "CommandId", "CommandDigest", "CorrelationId", "CausationId", "Actor"), "x" * 36)
    place = {"AggregateId": "account-123", "EventSequence": 7, "PreviousHash": "0" * 64, "Hash": "0" * 64}
    text["Timestamp"] = "2024-01-15T10:30:00.000000Z"
    return Event.of({**text, **place, "EventType": EVENT_TYPE, "EventData": DATA, "Version": version})


def subjects() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    newest, oldest = event(NEWEST[EVENT_TYPE]), event(1)
    schema = SCHEMAS[EVENT_TYPE, NEWEST[EVENT_TYPE]]
    floats = {**DATA, "amount": 100.5}  # it knows no Decimal
    other = jsonschema.Draft7Validator(schema)
    return {
        CHECK: lambda: violations(EVENT_TYPE, NEWEST[EVENT_TYPE], DATA, ""),
        "decode: check, and make the typed object": lambda: fact_of(newest),
        "decode version 1: the same, and upcast": lambda: fact_of(oldest),
        "check a command's data": lambda: asked(EVENT_TYPE, DATA),
        "jsonschema: all violations, the validator kept": lambda: list(other.iter_errors(floats)),
        "jsonschema: validate(), the schema anew each time": lambda: jsonschema.validate(floats, schema),
    }


def microseconds(subject: Callable[[], object]) -> float:
    """The best of several runs, per call."""
    timer = timeit.Timer(subject)
    number, seconds = timer.autorange()
    return min(seconds, *timer.repeat(RUNS, number)) / number * 1_000_000

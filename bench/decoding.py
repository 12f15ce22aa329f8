"""`python -m bench.decoding`: what it takes to read and check an event's data, here and by another validator.

Measured in this process, on this machine, best of several runs: a lower bound, without DynamoDB, without boto3.
"""

from __future__ import annotations

import argparse
import json
import sys
import timeit
from collections.abc import Callable
from decimal import Decimal

import jsonschema
from rich.console import Console
from rich.table import Table

from handlers.domain.event import Event
from handlers.domain.facts import NEWEST, asked, fact_of, violations
from handlers.domain.generated.tables import SCHEMAS

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


def event(version: int) -> Event:
    """A transaction as it was read from the store."""
    text = dict.fromkeys(
        ("EventId", "Timestamp", "CommandId", "CommandDigest", "CorrelationId", "CausationId", "Actor"), "x" * 36
    )
    place = {"AggregateId": "account-123", "EventSequence": 7, "PreviousHash": "0" * 64, "Hash": "0" * 64}
    return Event.of({**text, **place, "EventType": EVENT_TYPE, "EventData": DATA, "Version": version})


def subjects() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    newest, oldest = event(NEWEST[EVENT_TYPE]), event(1)
    schema = SCHEMAS[EVENT_TYPE, NEWEST[EVENT_TYPE]]
    floats = {**DATA, "amount": 100.5}  # it knows no Decimal
    other = jsonschema.Draft7Validator(schema)
    return {
        "check against the schema": lambda: violations(EVENT_TYPE, NEWEST[EVENT_TYPE], DATA, ""),
        "decode: check, and make the typed object": lambda: fact_of(newest),
        "decode version 1: the same, and upcast": lambda: fact_of(oldest),
        "check a command's data": lambda: asked(EVENT_TYPE, DATA),
        "jsonschema: all violations": lambda: list(other.iter_errors(floats)),
        "jsonschema: validate(), the schema anew each time": lambda: jsonschema.validate(floats, schema),
    }


def microseconds(subject: Callable[[], object]) -> float:
    """The best of several runs, per call."""
    timer = timeit.Timer(subject)
    number, seconds = timer.autorange()
    return min(seconds, *timer.repeat(RUNS, number)) / number * 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.decoding", description=__doc__)
    parser.add_argument("--json", action="store_true", help="microseconds by name, as one JSON object")
    options = parser.parse_args(arguments)
    console = Console()
    with console.status("measuring") if not options.json else Console(stderr=True).status("measuring"):
        found = {name: microseconds(subject) for name, subject in subjects().items()}
    if options.json:
        sys.stdout.write(json.dumps({name: round(each, 2) for name, each in found.items()}) + "\n")
        return 0
    table = Table("what", "µs", box=None)
    table.columns[1].justify = "right"
    for name, each in found.items():
        table.add_row(name, f"{each:,.1f}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The documented limits of AWS that nothing checks at run time, because nothing that is accepted can reach them.

What is accepted is bounded: an id has 256 bytes, an event's item 396 KB, its JSON 990,000 bytes, a refusal 50 faults.
Each test works out the worst that follows for one service. Those that are checked have their tests beside the check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from components.limits import MAX_MESSAGE_BYTES
from handlers.domain import EVENT_TYPES, REJECTION_VERSION, evolve
from handlers.domain.account import Account
from handlers.domain.generated.tables import SCHEMAS
from handlers.sourcing.errors import MAX_VIOLATIONS, MalformedError, Violation
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.fields import MAX_ID_BYTES
from handlers.sourcing.rejection import EVENT_TYPE as REJECTION
from handlers.sourcing.rejection import Rejection
from handlers.sourcing.values import MAX_DEPTH, Value, dumps
from handlers.store import event_bus, tokens
from handlers.store.event_bus import EventBus
from handlers.store.event_store import MAX_DETAIL_BYTES, type_bucket
from handlers.store.items import MAX_ITEM_BYTES, item_bytes, to_item
from handlers.store.read_model import Entry
from handlers.store.snapshots import BATCH_WRITES, Snapshot, record_of
from handlers.store.type_index import MAX_BUCKETS, Place
from local.engine.bus import entry_failure, entry_size

from ..aws import environment
from ..domain.builders import NOW, command, summaries
from ..fuzz.system import delivery
from .events import event

LONGEST_ID = "i" * MAX_ID_BYTES
MB = 1_000_000
"""The smaller reading, wherever a service says 1 MB."""
PAYLOAD = 6 * MB
"""Of a synchronous invocation, in and out, which those by a stream's or queue's mapping are as well."""
LOG_EVENT = 256 * 1024
"""CloudWatch Logs says 1 MB since 2025; the lines that we write keep to what it said before."""


def longest_event(event_type: str, sequence: int = 1) -> Event:
    """An event whose every text is as long as its schema of any version lets it be, 300 KB where there is no bound."""
    version = max(number for name, number in SCHEMAS if name == event_type)
    (made,) = chain(
        Position(sequence - 1),
        [NewEvent(event_type, _longest_data(SCHEMAS[event_type, version]), version)],
        command(event_type, LONGEST_ID, commandId=LONGEST_ID),
        NOW,
    )
    return made


def _longest_data(schema: Mapping[str, Any]) -> dict[str, Value]:
    data: dict[str, Value] = {}
    for name, field in schema["properties"].items():
        if field.get("format") == "decimal":
            data[name] = Decimal("999999999999999999.99999999")
        elif "enum" in field:
            data[name] = field["enum"][0]
        elif "pattern" in field:
            data[name] = "USD" if name == "currency" else "c" * 32
        else:
            data[name] = "é" * (field.get("x-max-bytes", 300_000) // 2)
    return data


def test_every_id_may_be_a_key() -> None:
    """A partition key has 2,048 bytes, a sort key 1,024, those of indexes as well."""
    buckets = [type_bucket(event_type, MAX_BUCKETS - 1) for event_type in EVENT_TYPES]
    snapshot = record_of(LONGEST_ID, Snapshot(Account(), Position(10**15, "h" * 64, NOW)))

    assert MAX_ID_BYTES <= 1024
    assert max(len(key.encode()) for key in buckets) <= 2048
    assert max(len(snapshot[name]) for name in ("SnapshotKey", "TimeKey")) <= 1024


def test_every_type_that_is_published_is_a_detail_type() -> None:
    assert max(len(event_type) for event_type in (*EVENT_TYPES, REJECTION)) <= event_bus.MAX_TYPE_LENGTH == 128


def test_data_nests_less_deeply_than_any_service_takes() -> None:
    """DynamoDB takes 32 levels, in which the data of an event lies one down; EventBridge takes 1,000."""
    assert MAX_DEPTH + 2 <= 32


def largest_rows() -> dict[str, dict[str, Value]]:
    """The row and the entry of an account of the longest events, whole, by their names."""
    events = [longest_event("AccountCreated"), longest_event("TransactionProcessed", 10**15 - 1)]
    events += [longest_event("AccountClosed", 10**15)]
    mechanics = {"AccountId": LONGEST_ID, "LastSequence": 10**15, "LastHash": "h" * 64, "EntriesSequence": 10**15}
    rows: dict[str, dict[str, Value]] = {}
    for projection in summaries():
        row: dict[str, Any] = {}
        for each in events:
            row = projection.apply(row, each)
            if projection.entries and (content := projection.entries.entry(row, each)):
                entry = Entry(LONGEST_ID, projection.entries.name, each.sequence, content)
                rows[entry.name] = {**content, "AccountId": LONGEST_ID, "ProjectionType": entry.key.projection}
        rows[projection.name] = {**row, **mechanics, "ProjectionType": projection.name}
    return rows


def test_the_largest_rows_and_entries_are_items_and_a_page_of_entries_an_answer() -> None:
    """More transactions make no row larger, and no text without a bound gets into one."""
    rows = largest_rows()
    sizes = {name: item_bytes(row) for name, row in rows.items()}

    assert sizes["AccountSummary"] < 2_000
    assert sizes["AccountStatement"] < 1_024, "one write unit, whatever the transaction"
    page = {**rows["AccountSummary"], "Entries": [rows["AccountStatement"]] * 1_000}
    assert len(json.dumps({"body": dumps(page)})) < PAYLOAD


def test_the_largest_snapshots_are_items_and_a_batch_of_them_a_call() -> None:
    state = Account()
    for event_type in ("AccountCreated", "TransactionProcessed", "AccountClosed"):
        state = evolve(state, longest_event(event_type))
    record = record_of(LONGEST_ID, Snapshot(state, Position(10**15, "h" * 64, NOW)))

    assert item_bytes({**record, "ExpiresAt": 2**40}) < 4_096
    assert BATCH_WRITES <= 25
    assert BATCH_WRITES * len(json.dumps(to_item(record))) < 16 * MB


def test_the_largest_event_is_an_entry_a_message_and_a_log_event() -> None:
    """Its detail is bounded; round it, the bus puts an envelope, and hands that on to a queue or to the audit log."""
    entry = {"Source": "event-sourcing.financial", "DetailType": "t" * 128, "Detail": "{}", "Time": NOW}
    envelope = len(delivery(entry)["body"].encode())

    assert MAX_DETAIL_BYTES + entry_size(entry) <= event_bus.MAX_BYTES < MB
    assert MAX_DETAIL_BYTES + 2 * envelope < MB < MAX_MESSAGE_BYTES


def numbers(text: str) -> Callable[[int], Value]:
    return lambda count: [Decimal(text)] * count


SHAPES: dict[str, Callable[[int], Value]] = {
    "letters": lambda count: "x" * count,
    "two bytes each": lambda count: "é" * count,
    "four bytes each": lambda count: "😀" * count,
    "control characters": lambda count: "\x01" * count,
    "quotes": lambda count: '"' * count,
    "backslashes": lambda count: "\\" * count,
    "nulls": lambda count: [None] * count,
    "empty texts": lambda count: [""] * count,
    "empty lists": lambda count: [[]] * count,
    "empty objects": lambda count: [{}] * count,
    "names": lambda count: [{"n": True}] * count,
    "small numbers": numbers("1"),
    "fine numbers": numbers("-1E-130"),
    "large numbers": numbers("-9.9E15"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_fills_an_event_it_fits_every_payload(shape: str) -> None:
    """A stream's record has DynamoDB's form, a message's text is escaped once more, an answer's event twice."""
    forms: dict[str, Callable[[Event], str]] = {
        "stream": lambda made: json.dumps({"Records": [{"dynamodb": {"NewImage": to_item(made.record())}}]}),
        "message": lambda made: json.dumps(dumps({"detail": made.record()})),
        "answer": lambda made: json.dumps(dumps({"events": [made.record()]})),
    }

    def growth(measure: Callable[[Event], int]) -> float:
        few, more = (event(data={"filling": SHAPES[shape](count)}) for count in (1_000, 2_000))
        return (measure(more) - measure(few)) / 1_000

    item = growth(lambda made: item_bytes(made.record()))
    detail = growth(lambda made: len(dumps(made.record()).encode()))
    most = min(MAX_ITEM_BYTES / item, MAX_DETAIL_BYTES / detail)
    for name, write in forms.items():
        largest = most * growth(lambda made, write=write: len(write(made)))  # type: ignore[misc]
        assert largest + 100_000 < PAYLOAD, name


def test_a_token_is_short() -> None:
    place = Place(NOW, "\\" * MAX_ID_BYTES, 10**15, MAX_BUCKETS - 1)
    subject = ["getEventsByType", "\\" * MAX_ID_BYTES, NOW, NOW]

    assert len(tokens.encode(subject, list(place))) < 2_000


def test_a_refusal_is_short_whatever_is_wrong() -> None:
    """It is an answer, a line in the function's log, an entry of the bus and an event in the audit log."""
    more = [Violation("😀" * 1_000, "must be one of " + "x" * 200)] * 100_000
    error = MalformedError("😀" * 1_000, "must not be", *more)
    request = dict.fromkeys(("aggregateId", "eventType", "commandId", "actor", "causationId"), LONGEST_ID)
    rejection = Rejection.of(request, error, "r", NOW, REJECTION_VERSION)
    assert rejection is not None

    entry: Any = EventBus(None, "bus").rejection_entry(rejection)  # type: ignore[arg-type]

    assert len(error.violations) == MAX_VIOLATIONS
    assert len(json.dumps({"message": error.message, "details": error.details})) < LOG_EVENT
    assert entry_failure(entry) is None
    assert len(json.dumps(delivery(entry))) < LOG_EVENT


def test_a_line_about_an_event_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    """The longest key that an item of whoever may have is in it, and one dimension of the 30 that a metric has."""
    with environment():
        runtime = import_module("handlers.runtime")

    runtime.count("IntegrityBreaches", 1, None, aggregateId="😀" * 512, sequence="9" * 38)

    line = capsys.readouterr().out
    assert len(line) < LOG_EVENT
    (metric,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
    assert metric["Dimensions"] == [["FunctionName"]]

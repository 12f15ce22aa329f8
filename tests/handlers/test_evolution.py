"""A store that the code before the first second version filled: today's reads it right, and writes behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from handlers.domain import State, evolve
from handlers.domain.event import Event
from handlers.domain.facts import NEWEST, fact_of
from handlers.store.event_store import EventStore
from handlers.store.items import to_record

from ..domain.builders import folded
from .conftest import ROWS, STORE, Context, Invoke, message, rows

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("stored_by_version_1.json").read_text("utf-8")
)
"""`events` and `rows`: the items of both tables as the handlers at commit c9f2699 wrote them."""
BALANCES = {
    "plain": Decimal("12345678901234668.38999999"),
    "closed": Decimal(0),
    "early": Decimal(12),
    "open": Decimal(9),
}


@pytest.fixture
def store(aws: Any) -> Any:
    """Both tables as they were left; the value is a DynamoDB client."""
    for table, items in ((STORE, GOLDEN["events"]), (ROWS, GOLDEN["rows"])):
        for item in items:
            aws.put_item(TableName=table, Item=item)
    return aws


def items(client: Any) -> list[dict[str, Any]]:
    """The whole event store, by key."""
    found = client.scan(TableName=STORE)["Items"]
    return sorted(found, key=lambda item: (item["AggregateId"]["S"], int(item["EventSequence"]["N"])))


def events_of(account: str) -> list[Event]:
    stored = [Event.of(to_record(item)) for item in GOLDEN["events"]]
    return [event for event in stored if event.aggregate_id == account]


def facts_of(account: str) -> list[Any]:
    return [fact_of(event) for event in events_of(account)]


def test_every_old_event_still_has_the_hash_that_it_was_given() -> None:
    for account in BALANCES:
        assert all(event.hash == event.computed_hash() for event in events_of(account))
        assert {event.version for event in events_of(account)} == {1}


def test_old_events_are_read_in_the_newest_shape() -> None:
    _, first, second = facts_of("early")
    _, plain, *_ = facts_of("plain")

    assert (plain.amount, plain.currency, plain.category) == (Decimal("100.5"), "USD", "uncategorized")
    # Version 1 kept any field: one that happens to be what version 2 asks for is taken, another one is not.
    assert (first.currency, first.category) == ("EUR", "salary")
    assert (second.currency, second.category) == ("USD", "uncategorized")
    state = State()
    for event in events_of("early"):
        state = evolve(state, event)
    assert (state.balance, state.currency) == (Decimal(12), "EUR")


@pytest.mark.parametrize("account", sorted(BALANCES))
def test_queries_answer_from_old_events_and_rows(store: Any, ask: Invoke, account: str) -> None:
    status, body = ask("reconstructState", aggregateId=account)

    assert status == 200
    assert body["reconstructedState"]["balance"] == BALANCES[account]
    assert body["reconstructedState"]["status"] == ("Closed" if account == "closed" else "Active")
    assert body["reconstructedState"]["currency"] == ("EUR" if account == "early" else "USD")
    answered = ask("getAggregateEvents", aggregateId=account)[1]["events"]
    assert [event["Hash"] for event in answered] == [event.hash for event in events_of(account)]
    assert {event["Version"] for event in answered} == {1}
    if account != "open":
        assert ask("getAccountSummary", accountId=account)[1]["Balance"] == BALANCES[account]


def test_old_and_new_events_make_one_account(
    store: Any,
    ask: Invoke,
    send: Invoke,
    handlers: Callable[[str], ModuleType],
) -> None:
    before = items(store)
    newest = NEWEST["TransactionProcessed"]
    salary = {"amount": 1000, "category": "salary", "currency": "EUR"}
    accepted = [
        send("TransactionProcessed", {"amount": "-0.39"}, aggregateId="plain", commandId="new-1"),
        send("TransactionProcessed", salary, aggregateId="early", commandId="new-2"),
        send("TransactionProcessed", {"amount": -9}, aggregateId="open", commandId="new-3"),
        send("AccountClosed", {}, aggregateId="open", commandId="new-4"),
    ]
    refused = [
        send("TransactionProcessed", {"amount": 1}, aggregateId="closed", commandId="new-5"),
        send("TransactionProcessed", salary, aggregateId="plain", commandId="new-6"),
    ]

    assert [status for status, _ in accepted] == [200] * 4
    assert [body["error"]["details"]["rule"] for _, body in refused] == ["account-active", "account-currency"]

    streams = {account: list(EventStore(store, STORE).read(account)) for account in BALANCES}
    assert [event.version for event in streams["early"]] == [1, 1, 1, newest]
    assert streams["early"][3].data.items() >= {**salary, "type": "deposit"}.items()
    deliveries = [message(stream[-1], number) for number, stream in enumerate(streams.values())]
    answer = handlers("projection").lambda_handler({"Records": deliveries}, Context())

    assert answer == {"batchItemFailures": []}
    assert rows(store) == {key: row for stream in streams.values() for key, row in folded(stream).items()}
    assert ask("getAccountSummary", accountId="early")[1]["Balance"] == 1012
    statement = ask("getAccountStatement", accountId="early")[1]["Entries"]
    assert [entry["Amount"] for entry in statement] == [1000, 7, 5]
    found = ask("getEventsByType", eventType="TransactionProcessed")[1]["events"]
    assert sorted((event["AggregateId"], event["Version"]) for event in found) == sorted(
        [("plain", 1)] * 3 + [("closed", 1)] * 2 + [("early", 1)] * 2 + [("open", 1)]
        + [("plain", newest), ("early", newest), ("open", newest)]
    )  # fmt: skip
    kept = [item for item in items(store) if item in before]
    assert kept == before == GOLDEN["events"]


def test_rows_from_nothing_are_those_that_the_older_code_made(
    aws: Any,
    handlers: Callable[[str], ModuleType],
) -> None:
    for item in GOLDEN["events"]:
        aws.put_item(TableName=STORE, Item=item)
    deliveries = [message(events_of(account)[-1], number) for number, account in enumerate(BALANCES)]

    answer = handlers("projection").lambda_handler({"Records": deliveries}, Context())

    assert answer == {"batchItemFailures": []}
    made = {(row["AccountId"], row["ProjectionType"]): row for row in map(to_record, GOLDEN["rows"])}
    assert {key: row for key, row in rows(aws).items() if key[0] != "open"} == made

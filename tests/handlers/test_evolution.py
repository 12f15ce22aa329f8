"""A store that the code before the first second version filled: today's reads it right, and writes behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from handlers.domain import evolve, meaning
from handlers.domain.account import Account
from handlers.domain.facts import NEWEST, fact_of
from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.store.event_store import EventStore
from handlers.store.items import to_item, to_record

from ..domain.builders import NOW, folded
from .conftest import ROWS, STORE, Calls, Context, Invoke, message, rows
from .older import BALANCES, CURRENCIES, GOLDEN, leave, leave_updated

NEWER = ("Currency", "Reserved", "Available", "Category", "RecordedAt", "EntriesSequence")
"""What rows and their entries have had since."""


@pytest.fixture(autouse=True)
def _counted(summary_alone: None) -> None:
    """What is counted here does not grow with the domain."""


@pytest.fixture
def store(aws: Any) -> Any:
    """Both tables as they were left; the value is a DynamoDB client."""
    leave(aws)
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
    state = Account()
    for event in events_of("early"):
        state = evolve(state, event)
    assert (state.balance, state.currency) == (Decimal(12), "EUR")


@pytest.mark.parametrize("account", sorted(BALANCES))
def test_queries_answer_from_old_events_and_rows(store: Any, ask: Invoke, account: str) -> None:
    status, body = ask("reconstructState", aggregateId=account)

    assert status == 200
    assert body["reconstructedState"]["balance"] == BALANCES[account]
    assert body["reconstructedState"]["status"] == ("Closed" if account == "closed" else "Active")
    assert body["reconstructedState"]["currency"] == CURRENCIES[account]
    answered = ask("getAggregateEvents", aggregateId=account)[1]["events"]
    assert [event["Hash"] for event in answered] == [event.hash for event in events_of(account)]
    assert {event["Version"] for event in answered} == {1}
    if account != "open":
        assert ask("getAccountSummary", accountId=account)[1]["Balance"] == BALANCES[account]
        assert ask("getAccountStatement", accountId=account)[1]["Balance"] == BALANCES[account]


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
    moved = {key: row for name, stream in streams.items() if name != "closed" for key, row in folded(stream).items()}
    pieces = {(name, "AccountStatement") for name in ("plain", "early")}
    assert {key: row for key, row in rows(store).items() if key[0] != "closed" and key not in pieces} == moved
    for account in moved.keys() - {"closed"}:
        for query in ("getAccountSummary", "getAccountStatement"):
            assert ask(query, accountId=account[0])[1]["Currency"] == CURRENCIES[account[0]]
    assert ask("getAccountSummary", accountId="early")[1]["Balance"] == 1012
    statement = ask("getAccountStatement", accountId="early")[1]["Entries"]
    assert [(entry["Amount"], entry["Category"]) for entry in statement] == [
        (1000, "salary"),
        (7, "uncategorized"),
        (5, "salary"),
    ]
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
    now = rows(aws)
    summaries = {key[0]: row for key, row in now.items() if key[1] == "AccountSummary"}
    assert {account: row["LastUpdated"] for account, row in summaries.items()} == {
        account: events_of(account)[-1].timestamp for account in BALANCES
    }
    assert {account: row["Currency"] for account, row in summaries.items()} == CURRENCIES
    for row in map(to_record, GOLDEN["rows"]):
        account = row["AccountId"]
        if row["ProjectionType"] == "AccountSummary":
            assert _older(summaries[account]) == _older(row)
            continue
        entries = [_older(now[key]) for key in sorted(now, reverse=True) if key[0] == account and "#" in key[1]]
        assert entries == [_older({**entry, "AccountId": account}) for entry in row["Entries"]]


def _older(row: dict[str, Any]) -> dict[str, Any]:
    """A row or an entry without what the older code did not know, or took from what callers said."""
    return {name: value for name, value in row.items() if name not in (*NEWER, "LastUpdated", "ProjectionType")}


def test_a_duplicate_leaves_an_older_row_and_the_next_event_makes_it_again(
    store: Any, send: Invoke, handlers: Callable[[str], ModuleType], calls: Calls
) -> None:
    assert send("TransactionProcessed", {"amount": 1}, aggregateId="plain", commandId="later")[0] == 200
    *old, new = EventStore(store, STORE).read("plain")
    project = handlers("projection").lambda_handler
    calls.made.clear()

    assert project({"Records": [message(old[-1])]}, Context()) == {"batchItemFailures": []}
    assert "PutItem" not in calls.names
    assert "Currency" not in rows(store)["plain", "AccountSummary"]
    assert project({"Records": [message(new)]}, Context()) == {"batchItemFailures": []}

    now = {key: row for key, row in rows(store).items() if key[0] == "plain"}
    assert "Entries" in now.pop(("plain", "AccountStatement")), (
        "the older code's statement, which is of no use any more"
    )
    assert now == folded([*old, new])


def test_a_row_that_was_updated_when_its_caller_said_is_right_with_the_next_event_and_nothing_is_read_for_it(
    aws: Any, send: Invoke, handlers: Callable[[str], ModuleType], calls: Calls
) -> None:
    said = "2999-01-01T00:00:00.000000Z"
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 5, "timestamp": said})
    old = list(EventStore(aws, STORE).read("account-1"))
    project = handlers("projection").lambda_handler
    assert project({"Records": [message(each, number) for number, each in enumerate(old)]}, Context())
    leave_updated(aws, "account-1", said)
    send("TransactionProcessed", {"amount": 1})
    *_, new = EventStore(aws, STORE).read("account-1")
    calls.made.clear()

    assert project({"Records": [message(new)]}, Context()) == {"batchItemFailures": []}

    assert calls.names == ["BatchGetItem", "BatchWriteItem", "PutItem"]
    assert rows(aws) == folded([*old, new])


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("AccountCreated", {"createdAt": "yesterday"}),
        ("AccountCreated", {"currency": "ZZZ"}),
        ("AccountCreated", {"currency": "JPY", "overdraftLimit": Decimal("0.5")}),
        ("TransactionProcessed", {"amount": Decimal("0.005"), "type": "deposit"}),
    ],
)
def test_what_no_new_command_may_say_is_still_answered_for_the_time_that_it_was_taken(
    aws: Any, send: Invoke, event_type: str, data: dict[str, Any]
) -> None:
    asked = {"aggregateId": "account-1", "eventType": event_type, "eventData": data, "commandId": "before"}
    (event,) = chain(Position(), [NewEvent(event_type, data)], Command.parse(asked, "r", meaning=meaning), NOW)
    EventStore(aws, STORE).append([event])

    receipt = {"eventId": event.event_id, "aggregateId": "account-1", "sequence": 1}
    status, body = send(event_type, data, commandId="before")
    assert (status, {name: body[name] for name in receipt}) == (200, receipt)
    assert send(event_type, data, commandId="after", aggregateId="another")[0] in (400, 422)


@pytest.mark.parametrize("place", [{}, {"LastSequence": {"N": "99"}}], ids=["edited", "cut off"])
def test_an_older_row_that_has_seen_what_the_stream_lacks_stays_as_a_witness(
    store: Any, send: Invoke, handlers: Callable[[str], ModuleType], place: dict[str, Any]
) -> None:
    assert send("TransactionProcessed", {"amount": 1}, aggregateId="plain", commandId="later")[0] == 200
    new = list(EventStore(store, STORE).read("plain"))[-1]
    row = to_item(rows(store)["plain", "AccountSummary"])
    store.put_item(TableName=ROWS, Item={**row, **place, "LastHash": {"S": "f" * 64}})
    before = rows(store)["plain", "AccountSummary"]
    poke = replace(new, sequence=max(new.sequence, int(before["LastSequence"]) + 1))

    answer = handlers("projection").lambda_handler({"Records": [message(poke)]}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert rows(store)["plain", "AccountSummary"] == before

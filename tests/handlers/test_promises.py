"""What docs/events.md promises of events that this code does not know, in every function."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore

from ..domain.builders import folded
from .conftest import STORE, Calls, Context, Invoke, failing, kept, message, opened, record, rows
from .older import BALANCES, leave
from .strange import EXTRA, NEWER, UNFIT, UNKNOWN, stream

Deliver = Callable[..., list[str]]


@pytest.fixture
def deliver(handlers: Callable[[str], ModuleType]) -> Deliver:
    def call(*events: Event) -> list[str]:
        records = [message(event, number) for number, event in enumerate(events)]
        answer = handlers("projection").lambda_handler({"Records": records}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


@pytest.mark.parametrize("change", [NEWER, UNFIT])
def test_a_command_on_an_account_that_cannot_be_read_is_a_fault_and_writes_nothing(
    aws: Any, handlers: Callable[[str], ModuleType], calls: Calls, change: dict[str, Any]
) -> None:
    stream(aws, change)
    request = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": {"amount": 1}}

    codes = [
        failing(lambda: handlers("validate").lambda_handler(request, Context()))[0],
        failing(lambda: handlers("command").lambda_handler(request, Context()))[0],
    ]

    assert codes == ["UnreadableEvent"] * 2
    assert aws.scan(TableName=STORE)["Count"] == 3
    assert "PutEvents" not in calls.names


@pytest.mark.parametrize("change", [NEWER, UNFIT])
def test_events_that_cannot_be_applied_are_answered_as_they_are_stored_but_make_no_state(
    aws: Any, ask: Invoke, change: dict[str, Any]
) -> None:
    events = stream(aws, change)

    listed = ask("getAggregateEvents", aggregateId="a")[1]["events"]
    by_type = ask("getEventsByType", eventType="TransactionProcessed")[1]["events"]

    assert [event["Hash"] for event in listed] == [event.hash for event in events]
    assert listed[2]["EventData"] == json.loads(json.dumps(events[2].data, default=int))
    assert {event["Hash"] for event in by_type} == {event.hash for event in events[1:]}
    code, message = failing(lambda: ask("reconstructState", aggregateId="a"))
    assert (code, "event 3 " in message) == ("UnreadableEvent", True)
    assert ask("reconstructState", aggregateId="a", upToSequence=2)[1]["reconstructedState"]["balance"] == 5


@pytest.mark.parametrize("change", [NEWER, UNFIT])
def test_a_projection_leaves_an_event_that_it_cannot_read_for_later_and_goes_on_with_the_others(
    aws: Any, deliver: Deliver, change: dict[str, Any]
) -> None:
    unread = stream(aws, change)
    others = stream(aws, {}, account="b")

    failed = deliver(unread[0], unread[1], unread[2], *others)

    assert "m2" in failed
    assert not {"m3", "m4", "m5"} & set(failed)
    assert {key: row for key, row in rows(aws).items() if key[0] == "b"} == folded(others)
    assert all(row["LastSequence"] <= 2 for key, row in rows(aws).items() if key[0] == "a")


def test_an_unknown_type_changes_nothing_but_the_place(aws: Any, send: Invoke, ask: Invoke, deliver: Deliver) -> None:
    events = stream(aws, UNKNOWN)

    assert deliver(events[2]) == []
    summary = ask("getAccountSummary", accountId="a")[1]
    assert (summary["Balance"], summary["LastSequence"]) == (5, 3)
    assert ask("reconstructState", aggregateId="a")[1]["reconstructedState"]["balance"] == 5
    assert ask("getEventsByType", eventType="AccountPainted")[1]["events"][0]["EventData"] == {"colour": "red"}
    assert send("TransactionProcessed", {"amount": 1}, aggregateId="a")[1]["sequence"] == 4
    assert send("AccountPainted", {"colour": "red"}, aggregateId="a")[1]["error"]["details"]["field"] == "eventType"


def test_extra_fields_are_kept_answered_and_ignored(aws: Any, send: Invoke, ask: Invoke, deliver: Deliver) -> None:
    send("AccountCreated", {}, aggregateId="a")
    send("TransactionProcessed", EXTRA["data"], aggregateId="a")
    stored = list(EventStore(aws, STORE).read("a"))

    assert deliver(*stored) == []

    assert stored[1].data["note"] == EXTRA["data"]["note"]
    assert ask("getAggregateEvents", aggregateId="a")[1]["events"][1]["EventData"]["note"] == EXTRA["data"]["note"]
    assert rows(aws) == folded(stored)
    assert not any("note" in str(row) for row in rows(aws).values())


@pytest.mark.parametrize("change", [NEWER, UNKNOWN, UNFIT, EXTRA])
def test_the_relay_carries_whatever_is_stored(
    aws: Any, handlers: Callable[[str], ModuleType], calls: Calls, change: dict[str, Any]
) -> None:
    event = stream(aws, change)[2]

    answer = handlers("relay").lambda_handler({"Records": [record(event)]}, Context())

    assert answer == {"batchItemFailures": []}
    (entry,) = calls.to("PutEvents")[0]["Entries"]
    assert entry["DetailType"] == event.event_type
    detail = json.loads(entry["Detail"])
    assert (detail["Version"], detail["Hash"]) == (event.version, event.hash)
    assert detail["EventData"] == json.loads(json.dumps(event.data, default=int))


@pytest.mark.parametrize(("change", "logged"), [(NEWER, "version 99"), (UNFIT, "does not fit its schema")])
def test_a_snapshot_is_not_made_of_what_cannot_be_read_and_holds_up_nobody(
    aws: Any,
    handlers: Callable[[str], ModuleType],
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    logged: str,
) -> None:
    unread, other = stream(aws, change, amounts=[1] * 9)[-1], stream(aws, {}, account="b", amounts=[1] * 9)[-1]

    answer = handlers("snapshot").lambda_handler({"Records": [record(unread), record(other, number=11)]}, Context())

    assert answer == {"batchItemFailures": []}
    assert {account for account, _ in kept(aws)} == {"b"}
    assert logged in caplog.text


@pytest.mark.parametrize(("change", "balance"), [(UNKNOWN, 8), (EXTRA, 9)])
def test_a_snapshot_is_made_over_what_this_code_does_not_know_and_shows_nothing_of_it(
    aws: Any, handlers: Callable[[str], ModuleType], change: dict[str, Any], balance: int
) -> None:
    event = stream(aws, change, amounts=[1] * 9)[-1]

    handlers("snapshot").lambda_handler({"Records": [record(event)]}, Context())

    snapshot = kept(aws)["a", 10]
    assert (snapshot["State"]["balance"], snapshot["Hash"]) == (balance, event.hash)
    assert not any(word in str(snapshot) for word in ("note", "colour"))


def test_a_dry_run_takes_extra_fields_as_the_command_does(
    send: Invoke, handlers: Callable[[str], ModuleType], aws: Any
) -> None:
    send("AccountCreated", {}, aggregateId="a")
    request = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": EXTRA["data"], "commandId": "pay"}

    status, body = opened(handlers("validate").lambda_handler(request, Context()))

    assert aws.scan(TableName=STORE)["Count"] == 1
    assert (status, body["valid"]) == (200, True)
    assert send("TransactionProcessed", EXTRA["data"], aggregateId="a", commandId="pay")[1] == body["wouldBe"]


@pytest.mark.parametrize("account", sorted(BALANCES))
def test_a_dry_run_knows_an_account_of_older_events_by_what_they_mean_today(
    aws: Any, send: Invoke, handlers: Callable[[str], ModuleType], account: str
) -> None:
    leave(aws)
    data = {"amount": -BALANCES[account] - 1, "currency": "EUR"}
    request = {"aggregateId": account, "eventType": "TransactionProcessed", "eventData": data, "commandId": "newer"}

    foreseen = opened(handlers("validate").lambda_handler(request, Context()))

    rules = {"plain": "account-currency", "closed": "account-active", "early": "sufficient-funds"}
    assert foreseen[1]["error"]["details"]["rule"] == rules.get(account, "account-currency")
    assert foreseen == send("TransactionProcessed", data, aggregateId=account, commandId="newer")


def test_a_dry_run_over_an_unknown_type_goes_on_behind_it(
    aws: Any, send: Invoke, handlers: Callable[[str], ModuleType]
) -> None:
    stream(aws, UNKNOWN)
    request = {"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": {"amount": 1}, "commandId": "pay"}

    _, body = opened(handlers("validate").lambda_handler(request, Context()))

    assert body["wouldBe"]["sequence"] == 4
    assert send("TransactionProcessed", {"amount": 1}, aggregateId="a", commandId="pay")[1] == body["wouldBe"]

"""Aggregates of which nothing is known here: newer code's, of a kind that this code has yet to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from handlers.domain.account import Account
from handlers.sourcing.event import Event

from ..domain.builders import folded, moved, story
from .conftest import STORE, Calls, Context, Invoke, kept, message, record, rows


@pytest.fixture
def strange(aws: Any) -> list[Event]:
    """A stream of events of a type that no code here has."""
    events = moved([replace(event, event_type="ThingDone") for event in story("x", [1] * 7)], "x")
    return keep(aws, events)


def keep(aws: Any, events: list[Event]) -> list[Event]:
    for event in events:
        aws.put_item(TableName=STORE, Item=record(event)["dynamodb"]["NewImage"])
    return events


@pytest.mark.parametrize("length", [1, 8])
def test_an_id_that_an_unknown_kind_uses_is_refused(
    aws: Any, strange: list[Event], send: Invoke, calls: Calls, length: int
) -> None:
    keep(aws, moved(strange[:length], "y"))
    calls.made.clear()

    for event_type, data in (("AccountCreated", {}), ("TransactionProcessed", {"amount": 5})):
        status, answer = send(event_type, data, aggregateId="y", commandId=f"new-{event_type}")

        assert (status, answer["error"]["details"]["rule"]) == (422, "aggregate-kind")
    assert "PutItem" not in calls.names


def test_a_wrong_expectation_of_such_an_aggregate_is_told_first(strange: list[Event], send: Invoke) -> None:
    status, _ = send("AccountCreated", {}, aggregateId="x", commandId="new", expectedSequence=0)

    assert status == 409


def test_the_kind_is_told_by_the_first_event_that_is_known(aws: Any, send: Invoke, ask: Invoke) -> None:
    """Whatever stands before it."""
    first, second = story("a", [5])
    events = [replace(first, event_type="ThingDone"), replace(first, sequence=2), replace(second, sequence=3)]
    keep(aws, moved(events, "a"))

    assert send("TransactionProcessed", {"amount": -5}, aggregateId="a", commandId="new")[0] == 200
    state = ask("reconstructState", aggregateId="a")[1]["reconstructedState"]
    assert (state["status"], state["balance"], state["transactionCount"]) == ("Active", 0, 2)


def test_such_an_aggregate_has_neither_rows_nor_snapshots_and_holds_up_nobody(
    aws: Any, strange: list[Event], handlers: Callable[[str], ModuleType], ask: Invoke
) -> None:
    account = keep(aws, story("a", [5]))
    beyond = replace(strange[-1], sequence=9)
    announced = [message(event, number) for number, event in enumerate([strange[-1], beyond, *account])]

    answer = handlers("projection").lambda_handler({"Records": announced}, Context())

    assert answer["batchItemFailures"] == [{"itemIdentifier": "m1"}]
    assert {key[0] for key in rows(aws)} == {"a"}
    records = [record(event) for event in (*strange, *account)]
    assert handlers("snapshot").lambda_handler({"Records": records}, Context()) == {"batchItemFailures": []}
    assert {key[0] for key in kept(aws)} == {"a"}
    status, shown = ask("reconstructState", aggregateId="x")
    assert (status, shown["eventsProcessed"], shown["reconstructedState"]) == (200, 8, Account().describe())


def test_what_announces_no_known_type_is_projected_as_the_stream_tells(
    aws: Any, handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [5, 6]))
    place = replace(events[-1], event_type="", hash="")
    answer = handlers("projection").lambda_handler({"Records": [message(place)]}, Context())

    assert answer == {"batchItemFailures": []}
    assert rows(aws) == folded(events)

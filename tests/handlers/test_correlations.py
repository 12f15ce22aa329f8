"""Which events belong together, by getEventsByCorrelation and by the key that they are stored with."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.store import pages, tokens
from handlers.store.items import to_record

from .conftest import STORE, Calls, Invoke


@pytest.fixture
def saga(send: Invoke) -> None:
    """Three commands of one saga on two accounts, and one that is nobody's."""
    for account in ("a", "b"):
        assert send("AccountCreated", {}, aggregateId=account, correlationId="saga-1")[0] == 200
    assert send("TransactionProcessed", {"amount": 5}, aggregateId="a", correlationId="saga-1")[0] == 200
    assert send("TransactionProcessed", {"amount": 7}, aggregateId="a", commandId="alone")[0] == 200


def keys(aws: Any) -> list[Any]:
    records = [to_record(item) for item in aws.scan(TableName=STORE)["Items"]]
    records.sort(key=lambda each: (each["AggregateId"], each["EventSequence"]))
    return [each.get("Correlation") for each in records]


def test_only_what_belongs_to_another_command_has_the_key(aws: Any, saga: None) -> None:
    assert keys(aws) == ["saga-1", "saga-1", None, "saga-1"]


@pytest.mark.parametrize("more", [{}, {"correlationId": "c-1"}, {"correlationId": None}])
def test_a_command_that_belongs_to_itself_has_none(aws: Any, send: Invoke, more: dict[str, Any]) -> None:
    assert send("AccountCreated", {}, commandId="c-1", **more)[0] == 200

    assert keys(aws) == [None]


def test_they_are_answered_across_accounts_in_the_order_of_their_times(saga: None, ask: Invoke, calls: Calls) -> None:
    status, body = ask("getEventsByCorrelation", correlationId="saga-1")

    assert (status, body["correlationId"], body["count"]) == (200, "saga-1", 3)
    assert [(each["AggregateId"], each["EventSequence"]) for each in body["events"]] == [("a", 1), ("b", 1), ("a", 2)]
    assert {each["CorrelationId"] for each in body["events"]} == {"saga-1"}
    assert "Correlation" not in body["events"][0]
    assert "nextToken" not in body
    assert calls.names == ["Query"]


def test_nobody_is_no_error(saga: None, ask: Invoke) -> None:
    expected = {"correlationId": "alone", "events": [], "count": 0}
    assert ask("getEventsByCorrelation", correlationId="alone") == (200, expected)


def test_pages_go_on_where_the_one_before_ended(saga: None, ask: Invoke) -> None:
    found, token = [], None
    while True:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        body = ask("getEventsByCorrelation", correlationId="saga-1", limit=1, **more)[1]
        found += body["events"]
        if (token := body.get("nextToken")) is None:
            break
    assert [(each["AggregateId"], each["EventSequence"]) for each in found] == [("a", 1), ("b", 1), ("a", 2)]


def test_an_answer_that_would_be_too_large_is_cut_and_goes_on(
    saga: None, ask: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_BODY_BYTES", 1)

    first = ask("getEventsByCorrelation", correlationId="saga-1")[1]
    second = ask("getEventsByCorrelation", correlationId="saga-1", nextToken=first["nextToken"])[1]

    assert [body["events"][0]["AggregateId"] for body in (first, second)] == ["a", "b"]
    assert [body["count"] for body in (first, second)] == [1, 1]


@pytest.mark.parametrize(
    "place",
    [[], ["yesterday", "a", 1], ["2024-01-15T10:00:00.000000Z", "", 1], ["2024-01-15T10:00:00.000000Z", "a", -1], "x"],
)
def test_a_token_that_was_not_given_out_is_refused(saga: None, ask: Invoke, place: Any) -> None:
    token = tokens.encode(["getEventsByCorrelation", "saga-1"], place)

    status, body = ask("getEventsByCorrelation", correlationId="saga-1", nextToken=token)

    assert (status, body["error"]["details"]["field"]) == (400, "nextToken")


def test_a_token_of_another_correlation_is_refused(saga: None, ask: Invoke) -> None:
    token = ask("getEventsByCorrelation", correlationId="saga-1", limit=1)[1]["nextToken"]

    assert ask("getEventsByCorrelation", correlationId="saga-2", nextToken=token)[0] == 400


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({}, "correlationId"), ({"correlationId": "x", "limit": 0}, "limit"), ({"correlationId": ""}, "correlationId")],
)
def test_what_is_wrong_is_refused_by_its_name(ask: Invoke, arguments: dict[str, Any], field: str) -> None:
    status, body = ask("getEventsByCorrelation", **arguments)

    assert (status, body["error"]["details"]["field"]) == (400, field)


def test_without_the_index_it_is_refused_by_the_name_of_the_setting(
    ask: Invoke, handlers: Any, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    monkeypatch.setattr(handlers("query"), "_correlations", None)

    status, body = ask("getEventsByCorrelation", correlationId="saga-1")

    assert (status, "its setting correlationIndex" in body["error"]["message"]) == (400, True)
    assert calls.made == []

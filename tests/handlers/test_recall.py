"""A command that was carried out keeps its answer, whatever became of the rules since."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from handlers.sourcing.errors import Violation

from . import older
from .conftest import STORE, Calls, Context, Invoke, opened

DATA = {"amount": 7, "category": 17, "currency": {"code": "EUR"}, "type": "deposit"}
BY_OLDER_CODE = {
    "aggregateId": "early",
    "eventType": "TransactionProcessed",
    "eventData": DATA,
}
"""It was stored when `category` and `currency` were anybody's; today's schema refuses both."""
Send = Callable[..., tuple[int, Any]]


@pytest.fixture(params=["command", "validate"])
def again(request: pytest.FixtureRequest, aws: Any, handlers: Callable[[str], ModuleType]) -> Send:
    """`again(request, request_id)`: status and receipt, or refusal, of command and of validate."""
    older.leave(aws)
    handler = handlers(request.param).lambda_handler

    def send(asked: dict[str, Any], request_id: str = "another") -> tuple[int, Any]:
        status, body = opened(handler(asked, Context(request_id)))
        return status, body["wouldBe"] if status == 200 and request.param == "validate" else body

    return send


def stored(aws: Any, sequence: int) -> dict[str, Any]:
    key = {"AggregateId": {"S": "early"}, "EventSequence": {"N": str(sequence)}}
    item: dict[str, Any] = aws.get_item(TableName=STORE, Key=key)["Item"]
    return item


@pytest.mark.parametrize("by", ["commandId", "the request's id"])
def test_what_todays_schema_refuses_gets_the_receipt_of_the_time_it_was_carried_out(
    again: Send, aws: Any, calls: Calls, by: str
) -> None:
    event = stored(aws, 3)
    calls.made.clear()
    command_id = event["CommandId"]["S"]

    answer = (
        again({**BY_OLDER_CODE, "commandId": command_id}) if by == "commandId" else again(BY_OLDER_CODE, command_id)
    )

    assert answer[0] == 200
    assert (answer[1]["eventId"], answer[1]["sequence"]) == (event["EventId"]["S"], 3)
    assert calls.names == ["Query", "Query"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"eventData": {**DATA, "amount": 8}},
        {"eventData": {**DATA, "note": None}},
        {"eventType": "AccountPainted"},
        {"eventType": None},
        {"eventData": "text"},
    ],
)
def test_another_malformed_command_under_its_id_is_another_command(
    again: Send, aws: Any, wrong: dict[str, Any]
) -> None:
    status, body = again({**BY_OLDER_CODE, **wrong, "commandId": stored(aws, 3)["CommandId"]["S"]})

    assert (status, body["error"]["code"], body["error"]["details"]["sequence"]) == (409, "CommandReused", 3)


@pytest.mark.parametrize("more", [{"actor": 7}, {"correlationId": ""}, {"expectedSequence": "2"}, {"note": "x"}])
def test_whatever_else_is_refused_by_now_does_not_matter_either(again: Send, aws: Any, more: dict[str, Any]) -> None:
    assert again({**BY_OLDER_CODE, **more, "commandId": stored(aws, 3)["CommandId"]["S"]})[0] == 200


def test_a_malformed_command_that_nobody_knows_costs_one_look_up(again: Send, calls: Calls) -> None:
    status, body = again(BY_OLDER_CODE)

    assert (status, body["error"]["details"]["field"]) == (400, "eventData.currency")
    assert set(calls.names) <= {"Query", "PutEvents"}
    (look_up,) = calls.to("Query")
    assert look_up["ConsistentRead"]
    assert "IndexName" in look_up


@pytest.mark.parametrize(
    "unknowable",
    [
        {"aggregateId": ""},
        {"aggregateId": None},
        {"commandId": 7},
        {"commandId": "a\nb"},
        {"eventData": {"amount": float("nan")}},
        {"eventData": {"amount": 0.1 + 0.2}},  # nobody knows which number was sent
    ],
)
def test_a_request_that_no_event_can_be_of_is_refused_before_anything_is_read(
    again: Send, calls: Calls, unknowable: dict[str, Any]
) -> None:
    assert again({**BY_OLDER_CODE, "commandId": "c-1", **unknowable})[0] == 400
    assert set(calls.names) <= {"PutEvents"}


def test_a_malformed_command_is_never_carried_out(
    send: Invoke, aws: Any, handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the domain itself would take it."""
    send("AccountCreated", {})
    refusal = Violation("eventData.amount", "is too round")
    monkeypatch.setattr(handlers("command"), "check", lambda *_: [refusal])

    assert send("TransactionProcessed", {"amount": 10})[0] == 400
    assert aws.scan(TableName=STORE)["Count"] == 1


def test_a_retry_across_a_narrower_schema_gets_its_receipt(
    send: Invoke, aws: Any, handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    send("AccountCreated", {})
    first = send("TransactionProcessed", {"amount": "10"}, commandId="pay-1")
    refusal = Violation("eventData.amount", "is too round")
    monkeypatch.setattr(handlers("command"), "check", lambda *_: [refusal])

    assert send("TransactionProcessed", {"amount": 10}, commandId="pay-1") == first
    assert aws.scan(TableName=STORE)["Count"] == 2

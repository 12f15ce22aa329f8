"""What is refused is told to auditors, under whatever circumstances, and never costs the caller the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from handlers.domain.facts import NEWEST, violations
from handlers.sourcing.rejection import MAX_ASKED_BYTES
from handlers.sourcing.values import exact

from .conftest import BUS, STORE, Calls, Context, Invoke, failing, opened, refusing


def rejections(calls: Calls) -> list[Any]:
    """The details of the rejections that were published."""
    entries = [entry for call in calls.to("PutEvents") for entry in call["Entries"]]
    for entry in entries:
        assert (entry["EventBusName"], entry["Source"]) == (BUS, "event-sourcing.financial")
        assert entry["DetailType"] == "CommandRejected"
    return [json.loads(entry["Detail"], parse_float=Decimal) for entry in entries]


def test_a_broken_rule_is_published_with_who_asked_for_what_and_why(send: Invoke, calls: Calls, aws: Any) -> None:
    send("AccountCreated", {})
    asked = {"commandId": "pay-1", "correlationId": "k-1", "causationId": "p-1", "actor": "teller-7"}

    status, body = send("TransactionProcessed", {"amount": Decimal("-10.01")}, **asked)

    (told,) = rejections(calls)
    assert status == 422
    data = told.pop("EventData")
    asked_for = {"asked": {"amount": Decimal("-10.01")}}
    assert data == {"eventType": "TransactionProcessed", **asked_for, "status": 422, **body["error"]}
    assert violations("CommandRejected", NEWEST["CommandRejected"], exact(data, "data"), "") == []
    assert len(told.pop("EventId")) == 36
    assert len(told.pop("Timestamp")) == len("2024-01-15T10:00:00.000000Z")
    assert told == {
        "AggregateId": "account-1",
        "EventType": "CommandRejected",
        "Version": NEWEST["CommandRejected"],
        "CommandId": "pay-1",
        "CorrelationId": "k-1",
        "CausationId": "p-1",
        "Actor": "teller-7",
    }
    assert aws.scan(TableName=STORE)["Count"] == 1


def test_every_violation_of_the_schema_is_published(send: Invoke, calls: Calls) -> None:
    status, body = send("TransactionProcessed", {"amount": "much", "type": "gift"}, actor=["nobody"])

    (told,) = rejections(calls)
    assert status == 400
    assert [each["path"] for each in body["error"]["details"]["violations"]] == [
        "eventData.amount",
        "eventData.type",
        "actor",
    ]
    assert told["EventData"]["details"] == body["error"]["details"]
    assert told["Actor"] == "unspecified"
    assert calls.names == ["Query", "PutEvents"]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"expectedSequence": 7}, 409, "SequenceConflict"),
        ({"commandId": "opening"}, 409, "CommandReused"),
        ({"eventType": "AccountPainted"}, 400, "MalformedRequest"),
    ],
)
def test_every_kind_of_refusal_is_published(
    send: Invoke, calls: Calls, more: dict[str, Any], status: int, code: str
) -> None:
    send("AccountCreated", {}, commandId="opening")
    event_type = more.pop("eventType", "TransactionProcessed")

    assert send(event_type, {"amount": 1}, **more)[0] == status

    (told,) = rejections(calls)
    assert (told["EventData"]["code"], told["EventData"]["eventType"]) == (code, event_type)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"amount": "-1", "note": "é"}, {"amount": "-1", "note": "é"}),
        ({"amount": 10**30}, {"amount": str(10**30)}),
        ({"note": "x" * MAX_ASKED_BYTES}, None),
        ({"amount": 0.1234567890123456789}, None),
        ("all", None),
    ],
)
def test_what_was_asked_is_told_where_it_can_be(send: Invoke, calls: Calls, data: Any, told: Any) -> None:
    assert send("TransactionProcessed", data)[0] in (400, 422)

    (rejected,) = rejections(calls)
    assert rejected["EventData"].get("asked") == told


def test_what_is_accepted_or_answered_again_is_no_rejection(send: Invoke, calls: Calls) -> None:
    for _ in range(2):
        assert send("AccountCreated", {}, commandId="opening")[0] == 200

    assert rejections(calls) == []


def test_lambdas_own_retry_tells_of_one_rejection(send: Invoke, calls: Calls) -> None:
    for _ in range(2):
        send("TransactionProcessed", {"amount": 1}, request_id="r-1")
    send("TransactionProcessed", {"amount": 1}, request_id="r-2")

    first, again, other = (told["EventId"] for told in rejections(calls))
    assert first == again != other


@pytest.mark.parametrize("event", [{"body": "no json"}, {}, {"aggregateId": "", "eventType": "AccountCreated"}, []])
def test_what_concerns_nobodys_account_is_not_published(
    handlers: Callable[[str], ModuleType], calls: Calls, event: Any
) -> None:
    assert opened(handlers("command").lambda_handler(event, Context()))[0] == 400
    assert calls.names == []


def test_a_fault_of_ours_is_no_rejection(send: Invoke, calls: Calls) -> None:
    calls.before = refusing("Query", "InternalServerError")

    assert failing(lambda: send("AccountCreated", {}))[0] == "InternalError"
    assert rejections(calls) == []


@pytest.fixture(params=["the call fails", "the entry is refused"])
def deaf_bus(
    request: pytest.FixtureRequest,
    calls: Calls,
    handlers: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bus that takes no rejection."""
    if request.param == "the entry is refused":
        answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        monkeypatch.setattr(handlers("command")._bus()._client, "put_events", lambda **_: answer, raising=False)
        return

    calls.before = refusing("PutEvents", "InternalException")


@pytest.mark.usefixtures("deaf_bus")
def test_a_bus_that_does_not_take_it_costs_the_caller_nothing_and_is_counted(
    send: Invoke, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    status, body = send("TransactionProcessed", {"amount": 1}, commandId="pay-1", actor="teller-7")

    assert (status, body["error"]["details"]["rule"]) == (422, "account-active")
    (metric,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert metric["RejectionsNotPublished"] == 1
    (rejected,) = (each for each in caplog.records if each.message == "rejected")
    assert vars(rejected)["commandId"] == "pay-1"
    assert "not published" in caplog.text


def test_with_little_time_left_the_answer_goes_first(
    handlers: Callable[[str], ModuleType], aws: Any, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {"aggregateId": "a", "eventType": "AccountClosed", "eventData": {}}

    status, _ = opened(handlers("command").lambda_handler(request, Context(milliseconds=2_000)))

    assert status == 422
    assert "PutEvents" not in calls.names
    assert "RejectionsNotPublished" in capsys.readouterr().out


def test_the_refusal_of_a_very_rich_account_is_published(send: Invoke, calls: Calls) -> None:
    """Ten deposits may be more than a bus carries as a number: the balance is no field of a schema."""
    send("AccountCreated", {})
    for _ in range(11):
        assert send("TransactionProcessed", {"amount": "999999999999999999"})[0] == 200

    status, body = send("AccountClosed", {"reason": "\U0001f600"})

    (told,) = rejections(calls)
    assert (status, body["error"]["details"]["balance"]) == (422, 10999999999999999989)
    assert told["EventData"]["details"] == {"rule": "zero-balance", "balance": "10999999999999999989"}


def test_a_refusal_that_repeats_what_no_queue_takes_is_published(send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})

    assert send("AccountClosed", {"a\uffff": float("1e400")})[0] == 400

    (told,) = rejections(calls)
    assert told["EventData"]["details"]["field"] == "eventData.a\ufffd"

"""The dry run says what the command function would, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from .conftest import STORE, Calls, Context, Invoke, opened


@pytest.fixture
def foresee(aws: Any, handlers: Callable[[str], ModuleType]) -> Invoke:
    """`foresee("AccountCreated", {...}, commandId=...)` of the validate handler: status and body."""
    module = handlers("validate")

    def call(event_type: str, data: Any, **more: Any) -> tuple[int, Any]:
        request = {"aggregateId": "account-1", "eventType": event_type, "eventData": data, **more}
        return opened(module.lambda_handler(request, Context("dry-run")))

    return call


def test_what_would_be_accepted_gets_the_receipt_that_the_command_then_gets(
    foresee: Invoke, send: Invoke, aws: Any
) -> None:
    foreseen = foresee("AccountCreated", {}, commandId="opening")

    assert aws.scan(TableName=STORE)["Count"] == 0
    status, receipt = send("AccountCreated", {}, commandId="opening")
    assert foreseen == (status, {"valid": True, "wouldBe": receipt})
    assert foresee("AccountCreated", {}, commandId="opening") == foreseen


REFUSED: list[tuple[str, Any, dict[str, Any], int]] = [
    ("TransactionProcessed", {"amount": -1}, {}, 422),
    ("TransactionProcessed", {"amount": 1, "currency": "EUR"}, {}, 422),
    ("TransactionProcessed", {"amount": "x", "type": 1}, {"actor": 5}, 400),
    ("TransactionProcessed", {"amount": 1}, {"expectedSequence": 9}, 409),
    ("TransactionProcessed", {"amount": 1}, {"commandId": "opening"}, 409),
    ("AccountCreated", {}, {}, 422),
    ("AccountPainted", {}, {}, 400),
    ("TransactionProcessed", {"amount": 1, "note": "x" * 500_000}, {}, 413),
    ("TransactionProcessed", None, {}, 400),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_what_would_be_refused_gets_the_very_refusal(
    foresee: Invoke, send: Invoke, calls: Calls, refused: tuple[str, Any, dict[str, Any], int]
) -> None:
    event_type, data, more, expected = refused
    more = {"commandId": "other", **more}
    send("AccountCreated", {}, commandId="opening")
    calls.made.clear()

    foreseen = foresee(event_type, data, **more)

    assert set(calls.names) <= {"Query"}
    assert foreseen == send(event_type, data, **more)
    assert foreseen[0] == expected


def test_a_malformed_command_is_only_looked_up(foresee: Invoke, calls: Calls) -> None:
    assert foresee("TransactionProcessed", {"amount": "much"})[0] == 400
    assert calls.names == ["Query"]


def test_a_dry_run_on_a_short_stream_is_one_query(foresee: Invoke, send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})
    calls.made.clear()

    assert foresee("TransactionProcessed", {"amount": 1}, expectedSequence=1)[0] == 200

    assert calls.names == ["Query"]

"""An id that has a twin in other code points is refused, and what was stored under one before stays within reach."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from handlers.domain import decide
from handlers.domain.account import Account
from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.fields import unfit_as_new
from handlers.store.items import to_item

from ..domain.builders import NOW
from .conftest import STORE, Invoke, message

COMPOSED = "café"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture
def old(aws: Any) -> Event:
    """An account that older code opened under an id that is not NFC, by a command whose id is none either."""
    opening = Command(
        aggregate_id=DECOMPOSED,
        event_type="AccountCreated",
        event_data={},
        command_id=f"open-{DECOMPOSED}",
        correlation_id=DECOMPOSED,
        causation_id=DECOMPOSED,
        actor=DECOMPOSED,
        digest="",
    )
    new = [each._replace(data={**each.data, "customerId": DECOMPOSED}) for each in decide(Account(), as_new(opening))]
    (event,) = chain(Position(), new, opening, NOW)
    aws.put_item(TableName=STORE, Item=to_item({**event.record(), "TypeBucket": "AccountCreated#0"}))
    return event


def as_new(opening: Command) -> Command:
    return Command.parse({"aggregateId": "any", "eventType": opening.event_type, "eventData": {}}, "request-1")


@pytest.mark.parametrize("member", ["aggregateId", "commandId", "correlationId", "causationId", "actor"])
def test_a_new_id_that_is_not_nfc_is_refused(send: Invoke, aws: Any, member: str) -> None:
    assert COMPOSED != DECOMPOSED

    status, body = send("AccountCreated", {}, **{member: DECOMPOSED})

    assert (status, body["error"]["details"]["field"]) == (400, member)
    assert "NFC" in body["error"]["message"]
    assert aws.scan(TableName=STORE)["Count"] == 0
    assert send("AccountCreated", {}, **{member: COMPOSED})[0] == 200


@pytest.mark.parametrize(
    ("event_type", "name"), [("AccountCreated", "customerId"), ("TransactionProcessed", "transactionId")]
)
def test_so_is_one_in_the_data(send: Invoke, event_type: str, name: str) -> None:
    if event_type != "AccountCreated":
        send("AccountCreated", {})
    amount = {"amount": 1} if event_type == "TransactionProcessed" else {}

    status, body = send(event_type, {**amount, name: DECOMPOSED})

    assert (status, body["error"]["details"]["field"]) == (400, f"eventData.{name}")
    assert send(event_type, {**amount, name: COMPOSED, "note": DECOMPOSED})[0] == 200


def test_an_account_of_before_stays_within_reach(send: Invoke, ask: Invoke, old: Event) -> None:
    account = {"aggregateId": DECOMPOSED}

    assert send("TransactionProcessed", {"amount": 5, "accountId": DECOMPOSED}, **account)[1]["sequence"] == 2
    assert send("TransactionProcessed", {"amount": -5}, **account)[0] == 200
    assert send("AccountClosed", {}, **account)[0] == 200
    assert ask("getAggregateEvents", aggregateId=DECOMPOSED)[1]["eventCount"] == 4
    assert ask("reconstructState", aggregateId=DECOMPOSED)[1]["reconstructedState"]["status"] == "Closed"


def test_its_events_are_projected_and_its_row_is_found(ask: Invoke, old: Event, handlers: Any) -> None:
    handlers("projection").lambda_handler({"Records": [message(old)]}, None)

    assert ask("getAccountSummary", accountId=DECOMPOSED)[1]["Status"] == "Active"


def test_a_command_of_before_keeps_its_receipt(send: Invoke, old: Event, aws: Any) -> None:
    opening = {"aggregateId": DECOMPOSED, "commandId": old.command_id, "actor": DECOMPOSED}

    assert send("AccountCreated", {"customerId": DECOMPOSED}, **opening)[1]["eventId"] == old.event_id
    assert send("AccountCreated", {"customerId": "other"}, **opening)[0] == 409
    assert send("AccountCreated", {}, aggregateId=DECOMPOSED, commandId="another")[0] == 400
    assert aws.scan(TableName=STORE)["Count"] == 1


def test_the_twin_of_an_account_is_no_account(send: Invoke) -> None:
    send("AccountCreated", {}, aggregateId=COMPOSED)

    status, body = send("TransactionProcessed", {"amount": 5}, aggregateId=DECOMPOSED)

    assert (status, body["error"]["details"]["rule"]) == (422, "account-active")


@pytest.mark.parametrize("text", ["", "account-123", "café", "日本", "Å", "😀", "각"])
def test_what_is_nfc_is_taken(text: str) -> None:
    assert unfit_as_new(text, "aggregateId") == []


@pytest.mark.parametrize("text", [DECOMPOSED, "\u212b", "\u1100\u1161", "a\u0307\u0323"])
def test_what_is_not_is_refused(text: str) -> None:
    (violation,) = unfit_as_new(text, "aggregateId")
    assert violation.path == "aggregateId"


@pytest.mark.parametrize("text", ["M\ufffdller", "\ufffd", ".", ".."])
@pytest.mark.parametrize("member", ["aggregateId", "commandId", "correlationId"])
def test_a_new_id_that_no_path_carries_is_refused(send: Invoke, aws: Any, member: str, text: str) -> None:
    status, body = send("AccountCreated", {}, **{member: text})

    assert (status, body["error"]["details"]["field"]) == (400, member)
    assert aws.scan(TableName=STORE)["Count"] == 0
    assert send("AccountCreated", {}, **{member: f".{text}".replace("\ufffd", "") + "x"})[0] == 200


@pytest.mark.parametrize("text", ["\ufffd", ".", ".."])
def test_a_transfer_is_not_requested_under_one(send: Invoke, text: str) -> None:
    data = {"fromAccount": "a", "toAccount": "b", "amount": 5, "currency": "USD"}

    status, body = send("TransferRequested", data, aggregateId=text)

    assert (status, body["error"]["details"]["field"]) == (400, "aggregateId")

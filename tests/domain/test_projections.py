"""The rows that the projections fold."""

from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import KINDS
from handlers.domain.projections import AccountStatement, AccountSummary
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.projection import Projection, Row
from handlers.store.items import MAX_ITEM_BYTES, item_bytes

from .builders import NOW, close, create, run, transact


def fold(projection: Projection, events: list[Event]) -> Row:
    row: dict[str, Any] = {}
    for event in events:
        row = projection.apply(row, event)
    return row


def test_the_summary_follows_an_account_from_creation_to_closing() -> None:
    _, events = run(
        create(createdAt="2024-01-15T10:00:00Z"),
        transact(Decimal("100.50"), timestamp="2024-01-15T10:30:00Z"),
        transact(Decimal("-100.50"), timestamp="2024-01-15T11:00:00Z"),
        close(closedAt="2024-01-16T09:00:00Z"),
    )

    assert fold(AccountSummary(), events[:2]) == {
        "Balance": Decimal("100.50"),
        "Currency": "USD",
        "Status": "Active",
        "OverdraftLimit": 0,
        "CreatedAt": "2024-01-15T10:00:00Z",
        "TransactionCount": 1,
        "LastTransactionAt": "2024-01-15T10:30:00Z",
        "LastUpdated": events[1].timestamp,
    }
    closed = fold(AccountSummary(), events)
    assert (closed["Status"], closed["ClosedAt"], closed["LastUpdated"]) == (
        "Closed",
        "2024-01-16T09:00:00Z",
        events[3].timestamp,
    )


def test_without_the_callers_times_the_ledgers_own_stand_in() -> None:
    _, events = run(create(), transact(1), transact(-1), close())
    row = fold(AccountSummary(), events)

    assert (row["CreatedAt"], row["LastTransactionAt"], row["ClosedAt"]) == (
        events[0].timestamp,
        events[2].timestamp,
        events[3].timestamp,
    )


@pytest.mark.parametrize("said", ["1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday", ""])
def test_a_row_was_updated_when_its_newest_event_was_recorded_whatever_callers_say(said: str) -> None:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("AccountCreated", {"createdAt": said}),
        ("TransactionProcessed", {"amount": Decimal(1), "type": "deposit", "timestamp": said}),
        ("TransactionProcessed", {"amount": Decimal(-1), "type": "withdrawal", "timestamp": said}),
        ("AccountClosed", {"closedAt": said}),
    ]
    row: Row = {}
    position = Position()
    for second, (event_type, data) in enumerate(kinds):
        moment = f"2024-01-15T10:00:0{second}.000000Z"
        (event,) = chain(position, [NewEvent(event_type, data)], create(), moment)
        position, row = position.advance(event), AccountSummary().apply(row, event)

        assert row["LastUpdated"] == event.timestamp


def test_the_statement_keeps_the_newest_with_the_balance_after_each() -> None:
    _, events = run(create(), transact(10, transactionId="a"), transact(-3, transactionId="b"), transact(5))

    row = fold(AccountStatement(entries=2), events)

    assert row["Balance"] == 12
    assert [(entry["EventSequence"], entry["Amount"], entry["Balance"]) for entry in row["Entries"]] == [
        (4, 5, 12),
        (3, -3, 7),
    ]
    assert row["Entries"][1]["TransactionId"] == "b"


def test_both_rows_say_the_currency_and_the_statement_what_the_money_was_for() -> None:
    _, events = run(create(currency="EUR"), transact(10, category="salary"), transact(-3))

    assert [fold(each, events)["Currency"] for each in KINDS.projections(lambda _: 5)] == ["EUR", "EUR"]
    entries = fold(AccountStatement(entries=5), events)["Entries"]
    assert [entry["Category"] for entry in entries] == ["uncategorized", "salary"]


def test_a_row_without_its_currency_is_known_as_one_of_older_code() -> None:
    _, events = run(create(), transact(10))

    for projection in KINDS.projections(lambda _: 5):
        row = fold(projection, events)
        older = {name: value for name, value in row.items() if name != "Currency"}
        assert projection.knows(row, 2)
        assert not projection.knows(older, 2)
        assert projection.damage(older, 2) == []  # a row to go on showing, until the next event makes it again


def test_folding_changes_no_earlier_row() -> None:
    _, events = run(create(), transact(10), transact(5))
    projection = AccountStatement(entries=5)
    first = fold(projection, events[:2])

    projection.apply(first, events[2])

    assert len(first["Entries"]) == 1


def test_the_largest_rows_fit_an_item() -> None:
    # Older commands could say anything for a time and any scale of an amount.
    longest = dict.fromkeys(("createdAt", "transactionId", "timestamp", "closedAt"), "é" * 128)
    transaction = {"amount": Decimal("0.00000001"), "type": "deposit", "currency": "USD", "category": "c" * 32}
    new = [NewEvent("AccountCreated", {"currency": "USD", **longest}, 2)]
    new += [NewEvent("TransactionProcessed", {**transaction, **longest}, 2)] * 500
    events = chain(Position(), new, create(), NOW)

    for projection in (AccountStatement(entries=500), AccountSummary()):
        assert item_bytes({**fold(projection, events), "AccountId": "é" * 128}) < MAX_ITEM_BYTES - 1_000

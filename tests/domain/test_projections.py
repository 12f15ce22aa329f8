"""The rows that the projections fold."""

from decimal import Decimal
from typing import Any

from handlers.domain.event import Event
from handlers.domain.projections import AccountStatement, AccountSummary, Projection, Row, all_projections
from handlers.store.items import MAX_ITEM_BYTES, item_bytes

from .builders import close, create, run, transact


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
        "LastUpdated": "2024-01-15T10:30:00Z",
    }
    closed = fold(AccountSummary(), events)
    assert (closed["Status"], closed["ClosedAt"], closed["LastUpdated"]) == (
        "Closed",
        "2024-01-16T09:00:00Z",
        "2024-01-16T09:00:00Z",
    )


def test_without_the_callers_times_the_ledgers_own_stand_in() -> None:
    _, events = run(create(), transact(1))

    assert fold(AccountSummary(), events)["LastUpdated"] == events[1].timestamp


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

    assert [fold(each, events)["Currency"] for each in all_projections(5)] == ["EUR", "EUR"]
    entries = fold(AccountStatement(entries=5), events)["Entries"]
    assert [entry["Category"] for entry in entries] == ["uncategorized", "salary"]


def test_a_row_without_its_currency_is_known_as_one_of_older_code() -> None:
    _, events = run(create(), transact(10))

    for projection in all_projections(5):
        row = fold(projection, events)
        assert projection.knows(row)
        assert projection.knows({})
        assert not projection.knows({name: value for name, value in row.items() if name != "Currency"})


def test_folding_changes_no_earlier_row() -> None:
    _, events = run(create(), transact(10), transact(5))
    projection = AccountStatement(entries=5)
    first = fold(projection, events[:2])

    projection.apply(first, events[2])

    assert len(first["Entries"]) == 1


def test_the_largest_rows_fit_an_item() -> None:
    longest = dict.fromkeys(("createdAt", "transactionId", "timestamp", "closedAt"), "é" * 128)
    transaction = transact(Decimal("0.00000001"), category="c" * 32, **longest)
    _, events = run(create(**longest), *[transaction] * 500)

    for projection in (AccountStatement(entries=500), AccountSummary()):
        assert item_bytes({**fold(projection, events), "AccountId": "é" * 128}) < MAX_ITEM_BYTES - 1_000

"""The rows that the projections fold."""

from decimal import Decimal
from typing import Any

import pytest

from handlers.domain.bounds import LARGEST
from handlers.domain.projections import AccountStatement, AccountSummary
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.projection import Projection, Row
from handlers.store.items import item_bytes

from .builders import NOW, close, create, run, summaries, transact


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
        "Reserved": 0,
        "Available": Decimal("100.50"),
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


def entries(events: list[Event]) -> list[Row]:
    row: Row = {}
    found = []
    for each in events:
        row = AccountSummary().apply(row, each)
        found.append(AccountStatement().entry(row, each))
    return [entry for entry in found if entry is not None]


def test_each_transaction_leaves_an_entry_with_the_balance_after_it_and_nothing_else_does() -> None:
    _, events = run(
        create(),
        transact(10, transactionId="a", category="salary"),
        transact(-3, timestamp="2024-01-15T10:30:00Z"),
        transact(-7),
        close(),
    )

    found = entries(events)

    assert [(entry["EventSequence"], entry["Amount"], entry["Balance"]) for entry in found] == [
        (2, 10, 10),
        (3, -3, 7),
        (4, -7, 0),
    ]
    assert (found[0]["TransactionId"], found[0]["Category"], found[0]["Type"]) == ("a", "salary", "deposit")
    assert [entry["RecordedAt"] for entry in found] == [event.timestamp for event in events[1:4]]
    assert [entry["Timestamp"] for entry in found] == [
        events[1].timestamp,
        "2024-01-15T10:30:00Z",
        events[3].timestamp,
    ]


def test_entries_are_sound_and_add_up_from_the_beginning_to_the_row() -> None:
    _, events = run(create(), transact(10), transact(-3))
    kind, row = AccountStatement(), fold(AccountSummary(), events)
    first, second = entries(events)

    assert (kind.damage(first, 2), kind.damage(second, 3)) == ([], [])
    assert kind.follows(first, None)
    assert kind.follows(second, first)
    assert not kind.follows(second, None)
    assert not kind.follows(first, second)
    assert kind.ends(second, row)
    assert not kind.ends(first, row)
    assert not kind.ends(None, row)
    assert kind.ends(None, fold(AccountSummary(), events[:1]))


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        ({"EventSequence": 3}, "EventSequence"),
        ({"EventSequence": "2"}, "EventSequence"),
        ({"Balance": Decimal(10) ** 30}, "Balance"),
        ({"Balance": LARGEST * 3}, "Balance"),
        ({"Amount": Decimal("0.000000001")}, "Amount"),
        ({"RecordedAt": "yesterday"}, "RecordedAt"),
        ({"RecordedAt": None}, "RecordedAt"),
        ({"TransactionId": 5}, "TransactionId"),
        ({"Note": {"a"}}, "Note"),
    ],
)
def test_what_is_no_entry_of_its_event_is_damage(change: dict[str, Any], damage: str) -> None:
    _, events = run(create(), transact(10))
    (entry,) = entries(events)

    assert AccountStatement().damage({**entry, **change}, 2) == [damage]


@pytest.mark.parametrize("name", ["EventSequence", "TransactionId", "Type", "Category", "Amount", "Balance"])
def test_an_entry_without_what_entries_have_is_damage(name: str) -> None:
    _, events = run(create(), transact(10))
    (entry,) = entries(events)

    assert AccountStatement().damage({key: entry[key] for key in entry if key != name}, 2) == [name]


def test_entries_go_on_from_a_state_as_from_a_row() -> None:
    state, events = run(create(), transact(10), transact(-3))
    row = AccountStatement().row_of(state)
    _, more = run(create(), transact(10), transact(-3), transact(5))

    assert AccountStatement().entry(AccountSummary().apply(row, more[3]), more[3]) == entries(more)[-1]
    assert {name: fold(AccountSummary(), events)[name] for name in row} == row


def test_the_row_says_the_currency() -> None:
    _, events = run(create(currency="EUR"), transact(10, category="salary"), transact(-3))

    assert fold(AccountSummary(), events)["Currency"] == "EUR"
    assert [entry["Category"] for entry in entries(events)] == ["salary", "uncategorized"]


def test_without_a_statement_no_transaction_leaves_an_entry() -> None:
    assert [projection.entries for projection in summaries(statement=False)] == [None]
    assert [projection.entries for projection in summaries()] == [AccountStatement()]


def test_a_row_without_its_currency_is_known_as_one_of_older_code() -> None:
    _, events = run(create(), transact(10))

    for projection in summaries():
        row = fold(projection, events)
        older = {name: value for name, value in row.items() if name != "Currency"}
        assert projection.knows(row, 2)
        assert not projection.knows(older, 2)
        assert projection.damage(older, 2) == []  # a row to go on showing, until the next event makes it again


def test_folding_changes_no_earlier_row() -> None:
    _, events = run(create(), transact(10), transact(5))
    first = fold(AccountSummary(), events[:2])

    AccountSummary().apply(first, events[2])

    assert first["TransactionCount"] == 1


def test_the_largest_row_and_entry_are_two_kilobytes_at_most() -> None:
    # Older commands could say anything for a time and any scale of an amount.
    longest = dict.fromkeys(("createdAt", "transactionId", "timestamp", "closedAt"), "é" * 128)
    transaction = {"amount": Decimal("0.00000001"), "type": "deposit", "currency": "USD", "category": "c" * 32}
    new = [NewEvent("AccountCreated", {"currency": "USD", **longest}, 2)]
    new += [NewEvent("TransactionProcessed", {**transaction, **longest}, 2)]
    events = chain(Position(), new, create(), NOW)

    for record in (fold(AccountSummary(), events), *entries(events)):
        assert item_bytes({**record, "AccountId": "é" * 128, "ProjectionType": "x" * 33}) < 2 * 1024

"""Two commands under one id are one command if they mean the same, however they are spelled and whoever stored them."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain import check, decide, evolve, meaning, repeats
from handlers.domain.account import Account, shown_by
from handlers.domain.facts import fact_of
from handlers.domain.generated.tables import SCHEMAS
from handlers.sourcing.command import Command
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.values import dumps, exact

from .builders import NOW


def asking(event_type: str, data: dict[str, Any]) -> Command:
    request = {"aggregateId": "account-1", "eventType": event_type, "eventData": data, "commandId": "pay-1"}
    return Command.parse(request, "request-1", check, meaning)


def carried_out(command: Command, state: Account) -> Event:
    (event,) = chain(Position(), decide(state, command), command, NOW)
    return event


def state_for(event_type: str, currency: str) -> Account:
    if event_type == "AccountCreated":
        return Account()
    return Account(status="Active", currency=currency, overdraft_limit=Decimal(10**6))


def by_older_code(event: Event, command: Command) -> Event:
    """The event as it was stored while the digest was taken of the data as it was spelled."""
    return replace(event, command_digest=command.literal_digest)


def without_currencies(event: Event) -> Event:
    """The event as version 1 said it, which knew neither currency nor category."""
    said = {name: value for name, value in event.data.items() if name not in ("currency", "category")}
    return replace(event, version=1, data=said)


AMOUNTS = [5, 5.0, "5", "5.00", "5E0", Decimal("5.0")]
SPELLINGS = [
    ({"amount": 5}, {"amount": each}) for each in AMOUNTS[1:]
] + [
    ({"amount": "5.50"}, {"amount": 5.5}),
    ({"amount": 5}, {"amount": 5, "transactionId": None, "timestamp": None}),
    ({"amount": 5}, {"amount": 5, "type": None, "category": None, "currency": None}),
    ({"amount": 5}, {"amount": 5, "type": "deposit"}),
    ({"amount": -5}, {"amount": "-5", "type": "withdrawal"}),
    ({"amount": 5}, {"amount": 5, "category": "uncategorized"}),
    ({"amount": 5}, {"amount": 5, "currency": "EUR"}),
    ({"amount": 5}, {"amount": 5, "accountId": "account-1"}),
    ({"amount": 5, "note": None}, {"amount": "5", "note": None, "currency": "EUR"}),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [*SPELLINGS, *(pair[::-1] for pair in SPELLINGS)])
def test_one_transaction_may_be_spelled_in_many_ways(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, again = asking("TransactionProcessed", one), asking("TransactionProcessed", other)
    event = carried_out(first, state_for("TransactionProcessed", "EUR"))

    assert repeats(again, event)
    assert repeats(again, by_older_code(event, first))


OPENINGS = [
    {"currency": "USD"},
    {"currency": None},
    {"overdraftLimit": 0},
    {"overdraftLimit": "0.00"},
    {"overdraftLimit": None},
    {"accountId": "account-1"},
    {"customerId": None, "accountType": None, "createdAt": None},
]


@pytest.mark.parametrize("data", OPENINGS)
def test_one_opening_may_be_spelled_in_many_ways(data: dict[str, Any]) -> None:
    bare, spelled_out = asking("AccountCreated", {}), asking("AccountCreated", data)

    assert bare.digest == spelled_out.digest
    for first, again in ((bare, spelled_out), (spelled_out, bare)):
        event = carried_out(first, Account())
        assert repeats(again, event)
        assert repeats(again, by_older_code(event, first))


def test_an_event_of_a_version_without_currencies_is_recognised() -> None:
    first = asking("TransactionProcessed", {"amount": "5"})
    event = without_currencies(by_older_code(carried_out(first, state_for("TransactionProcessed", "USD")), first))

    for data in ({"amount": 5}, {"amount": 5, "currency": "USD", "category": "uncategorized"}):
        assert repeats(asking("TransactionProcessed", data), event)
    for data in ({"amount": 5, "currency": "EUR"}, {"amount": 5, "category": "salary"}):
        assert not repeats(asking("TransactionProcessed", data), event)


def by_version_1(**more: Any) -> Event:
    """A deposit of 5 on an account in USD as version 1 kept it, with somebody's extra fields."""
    first = asking("TransactionProcessed", {"amount": 5})
    event = without_currencies(carried_out(first, state_for("TransactionProcessed", "USD")))
    data = {**event.data, **more}
    return replace(event, data=data, command_digest=asking_anything({"amount": 5, **more}).literal_digest)


def asking_anything(data: dict[str, Any]) -> Command:
    """A command on which nothing is checked, as older code checked nothing of these fields."""
    request = {"aggregateId": "account-1", "eventType": "TransactionProcessed", "eventData": data, "commandId": "pay-1"}
    return Command.parse(request, "request-1", meaning=meaning)


EXTRA = [{"currency": "EUR"}, {"currency": {"code": "EUR"}}, {"currency": 7}, {"category": "uncategorized"}]


@pytest.mark.parametrize("extra", EXTRA)
def test_an_extra_field_of_an_old_version_never_goes_without_saying(extra: dict[str, Any]) -> None:
    event = by_version_1(**extra)

    assert shown_by(event).currency == "USD"
    assert repeats(asking_anything({"amount": "5", **extra}), event)
    for data in ({"amount": 5}, {"amount": 5, "currency": "USD"}, {"amount": 5, "currency": "GBP"}):
        assert not repeats(asking_anything(data), event)


SAME_TIME = [
    "2024-01-15T10:00:00Z",
    "2024-01-15T10:00:00.000Z",
    "2024-01-15T10:00:00+00:00",
    "2024-01-15T11:00:00+01:00",
    "20240115T100000Z",
    "2024-01-15T10:00Z",
]
WHEN = [
    ("TransactionProcessed", "timestamp", {"amount": 5}),
    ("AccountCreated", "createdAt", {}),
]


@pytest.mark.parametrize("other", SAME_TIME)
@pytest.mark.parametrize(("event_type", "name", "data"), WHEN)
def test_one_time_may_be_said_in_many_words_and_is_kept_in_those_that_came_first(
    event_type: str, name: str, data: dict[str, Any], other: str
) -> None:
    for said, again in ((SAME_TIME[0], other), (other, SAME_TIME[0])):
        first = asking(event_type, {**data, name: said})
        event = carried_out(first, state_for(event_type, "USD"))

        assert event.data[name] == said
        assert repeats(asking(event_type, {**data, name: again}), event)
        assert repeats(asking(event_type, {**data, name: again}), by_older_code(event, first))


OTHER_TIMES = ["2024-01-15T10:00:00.000001Z", "2024-01-15T10:00:00.0000001Z", "2024-01-15T10:00:00+01:00", None]


@pytest.mark.parametrize("other", OTHER_TIMES)
def test_another_time_is_another_command(other: str | None) -> None:
    first = asking("TransactionProcessed", {"amount": 5, "timestamp": SAME_TIME[0]})
    event = carried_out(first, state_for("TransactionProcessed", "USD"))

    assert not repeats(asking("TransactionProcessed", {"amount": 5, "timestamp": other}), event)


def test_texts_of_older_events_that_are_no_times_are_compared_as_they_are() -> None:
    for said in ("yesterday", "", "2024-01-15 10:00:00Z", "9999-12-31T23:59:59-01:00"):
        event = by_version_1(timestamp=said)

        assert repeats(asking_anything({"amount": "5", "timestamp": said}), event)
        assert not repeats(asking_anything({"amount": "5", "timestamp": SAME_TIME[0]}), event)


DIFFERENT = [
    {"amount": 5.01},
    {"amount": -5},
    {"amount": "5", "category": "salary"},
    {"amount": 5, "currency": "USD"},  # the account is kept in EUR
    {"amount": 5, "note": None},
    {"amount": 5, "note": "x"},
    {"amount": 5, "transactionId": "tx-1"},
    {"amount": 5, "timestamp": "2024-01-15T10:00:00Z"},
]


@pytest.mark.parametrize("data", DIFFERENT)
def test_another_transaction_is_another(data: dict[str, Any]) -> None:
    first = asking("TransactionProcessed", {"amount": 5})
    event = carried_out(first, state_for("TransactionProcessed", "EUR"))
    another = asking("TransactionProcessed", data)

    assert not repeats(another, event)
    assert not repeats(another, by_older_code(event, first))


@pytest.mark.parametrize("event_type", ["AccountCreated", "AccountClosed", "AccountPainted"])
def test_the_same_data_for_another_event_is_another_command(event_type: str) -> None:
    first = asking("TransactionProcessed", {"amount": 5})
    event = carried_out(first, state_for("TransactionProcessed", "EUR"))
    request = {"aggregateId": "account-1", "eventType": event_type, "eventData": {"amount": 5}}

    assert not repeats(Command.parse(request, "pay-1", meaning=meaning), event)


def test_most_digests_are_those_that_older_code_took() -> None:
    """So that neither a deployment nor its rollback calls a retry another command."""
    for data in ({"amount": Decimal("100.5"), "transactionId": "tx-1", "note": "x"}, {"amount": -1}):
        command = asking("TransactionProcessed", data)
        assert command.digest == command.literal_digest


def test_a_digest_of_older_code_counts_where_the_event_does_not_show_what_was_asked_for() -> None:
    first = asking("TransactionProcessed", {"amount": "5"})
    event = by_older_code(carried_out(first, state_for("TransactionProcessed", "EUR")), first)
    one_of_several = replace(event, data={**event.data, "amount": Decimal(2)})

    assert repeats(first, one_of_several)
    assert not repeats(asking("TransactionProcessed", {"amount": 5}), one_of_several)


LEFT_OUT: dict[str, st.SearchStrategy[Any]] = {
    "amount": st.sampled_from([5, "5", "5.0", -5, "-5.00", "0.1", Decimal("0.10")]),
    "type": st.sampled_from(["deposit", "withdrawal", None]),
    "currency": st.sampled_from(["USD", "EUR", None]),
    "category": st.sampled_from(["uncategorized", "salary", None]),
    "accountId": st.just("account-1"),
    "transactionId": st.sampled_from(["tx-1", None]),
    "overdraftLimit": st.sampled_from([0, "0", None, 5, "5.0"]),
    "note": st.sampled_from([None, 0, "0", "x", False]),
}
NEEDED = {"TransactionProcessed": {"amount"}}


@st.composite
def spellings(draw: st.DrawFn, event_type: str) -> dict[str, Any]:
    """Data out of so few values that two of them often mean the same."""
    names = draw(st.sets(st.sampled_from(sorted(LEFT_OUT)), max_size=3)) | NEEDED.get(event_type, set())
    return {name: draw(LEFT_OUT[name]) for name in sorted(names)}


def carried(event: Event) -> str:
    """All that the ledger and its readers make of an event, by way of its class: not of how a meaning is taken."""
    read: Any = fact_of(event)
    fact = asdict(read)
    fact["account_id"] = None
    if "overdraft_limit" in fact:
        fact["overdraft_limit"] = fact["overdraft_limit"] or 0
    known = SCHEMAS[event.event_type, event.version]["properties"]
    return dumps([event.event_type, fact, {name: value for name, value in event.data.items() if name not in known}])


@given(st.data())
def test_two_commands_are_one_just_where_they_would_have_become_the_same_event(draw: st.DataObject) -> None:
    event_type = draw.draw(st.sampled_from(["TransactionProcessed", "TransactionProcessed", "AccountCreated"]))
    state = state_for(event_type, draw.draw(st.sampled_from(["USD", "EUR"])))
    first, again = (asking(event_type, draw.draw(spellings(event_type))) for _ in range(2))
    events = []
    for each in (first, again):
        try:
            events.append(carried_out(each, state))
        except LedgerError:
            return
    event, other = events

    same = carried(event) == carried(other)

    assert repeats(again, event) == same
    assert repeats(again, by_older_code(event, first)) == same
    assert evolve(state, event) == evolve(state, other) or not same


@given(st.data())
def test_a_meaning_is_its_own_meaning(draw: st.DataObject) -> None:
    event_type = draw.draw(st.sampled_from(["TransactionProcessed", "AccountCreated", "AccountClosed", "X"]))
    data = exact(draw.draw(spellings(event_type)), "eventData")

    said = meaning("account-1", event_type, data)

    assert meaning("account-1", event_type, said) == said


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(["TransactionProcessed", "AccountCreated", "AccountClosed", "X", ""]), st.data())
def test_any_data_has_a_meaning(event_type: str, draw: st.DataObject) -> None:
    names = st.sampled_from([*LEFT_OUT, "reason", "createdAt"]) | st.text(max_size=5)
    data = draw.draw(st.dictionaries(names, anything, max_size=4))

    said = meaning("account-1", event_type, data)

    assert said.keys() <= data.keys()
    assert len(dumps(said)) > 0


def test_false_is_not_the_default_zero() -> None:
    spellings_of_nothing: tuple[Any, ...] = (False, "", [], {})
    for spelled in spellings_of_nothing:
        assert meaning("a", "AccountCreated", {"overdraftLimit": spelled}) == {"overdraftLimit": spelled}

"""What is set aside on an account for transfers: what it takes, and what it keeps others from."""

from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import check, decide
from handlers.domain.account import MAX_RESERVATIONS, Account
from handlers.domain.facts import FACTS, fact_of
from handlers.domain.projections import AccountSummary
from handlers.sourcing.command import Command
from handlers.sourcing.event import NewEvent, Position, chain
from handlers.sourcing.values import dumps, loads

from .builders import NOW, close, command, create, run, transact
from .test_account import broken_rule
from .test_projections import fold


def reserve(amount: Any, transfer_id: str = "t", currency: str = "USD") -> Command:
    return command("FundsReserved", transferId=transfer_id, amount=amount, currency=currency)


def release(amount: Any, transfer_id: str = "t") -> Command:
    return command("ReservationReleased", transferId=transfer_id, amount=amount, reason="expired")


def post(amount: Any, transfer_id: str = "t") -> Command:
    return transact(-amount, transferId=transfer_id, counterparty="account-2")


def money(state: Account) -> Any:
    """Balance, reserved, available."""
    return state.balance, state.reserved, state.available


def test_what_is_set_aside_is_part_of_the_balance_and_not_available() -> None:
    state, _ = run(create(overdraftLimit=5), transact(10), reserve(12))

    assert money(state) == (10, 12, 3)
    assert (state.describe()["reserved"], state.describe()["reservations"]) == (12, {"t": 12})


@pytest.mark.parametrize(("amount", "fits"), [(-3, True), (-4, False)])
def test_a_withdrawal_uses_what_is_available(amount: int, fits: bool) -> None:
    given = (create(overdraftLimit=5), transact(10), reserve(12))

    if fits:
        assert run(*given, transact(amount))[0].available == 0
    else:
        assert broken_rule(*given, transact(amount)) == "sufficient-funds"


def test_post_takes_what_is_set_aside_off_the_balance() -> None:
    state, _ = run(create(), transact(10), reserve(4), post(4))

    assert money(state) == (6, 0, 6)


def test_release_makes_it_available_again() -> None:
    state, _ = run(create(), transact(10), reserve(4), release(4))

    assert money(state) == (10, 0, 10)


@pytest.mark.parametrize("end", [post(5), post(3), release(3), release(0), post(4, "u"), release(4, "u")])
def test_another_amount_than_is_set_aside_is_neither_posted_nor_released(end: Command) -> None:
    assert broken_rule(create(), transact(10), reserve(4), end) == "reservation"


def test_a_release_of_nothing_is_taken_where_nothing_is_set_aside() -> None:
    state, events = run(create(), release(0))

    assert (events[-1].event_type, money(state)) == ("ReservationReleased", (0, 0, 0))


def test_more_than_is_available_is_not_set_aside() -> None:
    assert broken_rule(create(overdraftLimit=5), transact(10), reserve(16)) == "sufficient-funds"
    assert broken_rule(create(overdraftLimit=5), transact(10), reserve(12), reserve(4, "u")) == "sufficient-funds"


def test_only_the_accounts_own_currency_is_set_aside_in_whole_minor_units() -> None:
    assert broken_rule(create(), transact(10), reserve(4, currency="EUR")) == "account-currency"
    assert broken_rule(create(), transact(10), reserve(Decimal("0.001"))) == "amount-scale"


def test_a_transfer_sets_aside_once() -> None:
    assert broken_rule(create(), transact(10), reserve(4), reserve(4)) == "reservation"


def test_so_many_transfers_and_no_more_are_under_way() -> None:
    given = [create(), transact(1000), *(reserve(1, f"t{number}") for number in range(MAX_RESERVATIONS))]

    assert broken_rule(*given, reserve(1)) == "reservations-limit"
    assert run(*given, post(1, "t7"), reserve(1))[0].reserved == MAX_RESERVATIONS


def test_an_account_with_something_set_aside_does_not_close() -> None:
    given = (create(overdraftLimit=10), reserve(4))

    assert broken_rule(*given, close()) == "reservation"
    assert run(*given, release(4), close())[0].status == "Closed"


@pytest.mark.parametrize("event_type", ["FundsReserved", "ReservationReleased", "TransferCommitted", "TransferExpired"])
def test_what_only_transfers_cause_is_refused_to_callers(event_type: str) -> None:
    found = check("account-1", event_type, {})

    assert ("eventType", f"{event_type} is internal: the ledger alone causes it") in found


@pytest.mark.parametrize("name", ["transferId", "counterparty"])
def test_what_only_transfers_say_is_refused_to_callers_by_name(name: str) -> None:
    found = check("account-1", "TransactionProcessed", {"amount": 1, name: "t"})

    assert found == [(f"eventData.{name}", "is internal: the ledger alone gives it")]
    assert check("account-1", "TransactionProcessed", {"amount": 1, name: None}) == []


def test_no_internal_type_is_named_among_those_that_there_are() -> None:
    (found,) = check("account-1", "Nonsense", {})

    named = set(found.message.removeprefix("must be one of ").split(", "))
    assert named >= {"AccountCreated", "TransactionProcessed", "AccountClosed", "TransferRequested"}
    assert not named & FACTS.internal
    assert "FundsReserved" in FACTS.internal


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_transaction_is_part_of_no_transfer_whatever_it_says(version: int) -> None:
    told = {"amount": Decimal(-4), "type": "withdrawal", "transferId": "t", "counterparty": "x"}
    new = NewEvent("TransactionProcessed", told, version)
    (event,) = chain(Position(), [new], transact(-4), NOW)

    fact: Any = fact_of(event)
    assert (fact.transfer_id, fact.counterparty) == (None, None)
    assert event.hash == event.computed_hash()


def test_a_state_with_reservations_comes_back_whole_from_its_snapshot() -> None:
    state, _ = run(create(), transact(10), reserve(4), reserve(3, "u"))

    assert Account.restore(loads(dumps(state.snapshot()), "snapshot")) == state
    assert state.fits(4)
    assert not state.fits(2)


@pytest.mark.parametrize("wrong", [{"t": 0}, {"t": -1}, {"t": "4"}, {"t": None}, [], None, {"t": 10**18 + 1}])
def test_a_snapshot_with_other_reservations_is_none(wrong: Any) -> None:
    state, _ = run(create(), transact(10), reserve(4))

    with pytest.raises(ValueError, match=r"not|neither"):
        Account.restore({**state.snapshot(), "reservations": wrong})


def test_a_closed_account_with_reservations_is_none() -> None:
    state, _ = run(create(), close())

    with pytest.raises(ValueError, match="set aside"):
        Account.restore({**state.snapshot(), "reservations": {"t": Decimal(4)}})


def test_the_summary_says_what_is_reserved_and_available() -> None:
    _, events = run(create(overdraftLimit=5), transact(10), reserve(4), reserve(3, "u"), post(4), release(3, "u"))
    rows = [fold(AccountSummary(), events[: length + 1]) for length in range(len(events))]

    assert [(row["Balance"], row["Reserved"], row["Available"]) for row in rows] == [
        (0, 0, 5),
        (10, 0, 15),
        (10, 4, 11),
        (10, 7, 8),
        (6, 3, 8),
        (6, 0, 11),
    ]
    assert all(AccountSummary().knows(row, length + 1) for length, row in enumerate(rows))
    assert AccountSummary().damage({**rows[3], "Reserved": Decimal(-1)}, 4) == ["Reserved", "Available"]
    assert not AccountSummary().knows({name: each for name, each in rows[3].items() if name != "Reserved"}, 4)


def test_a_reservation_needs_an_active_account() -> None:
    assert broken_rule(reserve(1)) == "account-active"
    assert broken_rule(create(), close(), reserve(1)) == "account-active"
    assert broken_rule(create(), close(), release(0)) == "account-active"
    assert decide(run(create(overdraftLimit=1))[0], reserve(1))[0].event_type == "FundsReserved"

"""In which currencies accounts are opened and how finely money is counted; and that older money stays movable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.domain import check, decide, evolve
from handlers.domain.account import Account
from handlers.domain.generated.currencies import MINOR_UNITS, WITHDRAWN
from handlers.domain.money import digits_of, is_whole
from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError, RuleBrokenError
from handlers.sourcing.event import NewEvent, Position, chain

from .builders import NOW, close, command, create, run, transact

UNCOUNTED = sorted(code for code, digits in MINOR_UNITS.items() if digits is None)


def older(currency: str = "USD", balance: Decimal | int = 0, limit: Decimal | int = 0) -> Account:
    """An account as older code let it become: in any currency, with any balance and limit of eight digits."""
    return Account("Active", Decimal(balance), Decimal(limit), 1, NOW, None, currency)


def after(state: Account, each: Command) -> Account:
    (event,) = chain(Position(), decide(state, each), each, NOW)
    folded: Account = evolve(state, event)
    return folded


def refused(state: Account, each: Command) -> dict[str, Any]:
    with pytest.raises(RuleBrokenError) as caught:
        decide(state, each)
    return {"message": caught.value.message, **caught.value.details}


def told(event_type: str, **data: Any) -> dict[str, str]:
    """What a command is told before anything is read."""
    return {each.path: each.message for each in check("account-1", event_type, data)}


@pytest.mark.parametrize("currency", ["ZZZ", "ABC", "DEM", *UNCOUNTED, *sorted(WITHDRAWN)])
def test_no_account_is_opened_in_what_is_no_currency_of_today(currency: str) -> None:
    assert told("AccountCreated", currency=currency).keys() == {"eventData.currency"}
    with pytest.raises(MalformedError):
        decide(Account(), create(currency=currency))


def test_an_account_is_opened_in_every_other_currency_of_the_list() -> None:
    today = sorted(MINOR_UNITS.keys() - WITHDRAWN - set(UNCOUNTED))

    assert [MINOR_UNITS[each] for each in ("JPY", "USD", "KWD", "CLF")] == [0, 2, 3, 4]
    assert len(today) > 150
    for currency in today:
        assert run(create(currency=currency))[0].currency == currency


def test_what_is_not_even_three_capitals_is_told_once() -> None:
    assert told("AccountCreated", currency="euro") == {"eventData.currency": "must match [A-Z]{3}"}


def test_a_transaction_in_what_is_no_currency_is_malformed_and_in_another_one_against_a_rule() -> None:
    with pytest.raises(MalformedError) as caught:
        decide(older("USD"), transact(1, currency="ZZZ"))

    assert caught.value.details["field"] == "eventData.currency"
    assert refused(older("USD"), transact(1, currency="XAU"))["rule"] == "account-currency"
    assert refused(older("ZZZ"), transact(1, currency="USD"))["rule"] == "account-currency"


@pytest.mark.parametrize(
    ("currency", "amount", "digits"), [("JPY", "100.5", 0), ("USD", "0.005", 2), ("KWD", "1.2345", 3)]
)
def test_an_amount_finer_than_its_currency_is_refused(currency: str, amount: str, digits: int) -> None:
    state, _ = run(create(currency=currency))

    found = refused(state, transact(amount))

    assert found.pop("message").startswith(f"an amount in {currency} has ")
    assert found == {"rule": "amount-scale", "currency": currency, "digits": digits, "amount": Decimal(amount)}


def test_an_overdraft_limit_finer_than_its_currency_is_refused() -> None:
    found = refused(Account(), create(currency="JPY", overdraftLimit="0.5"))

    assert found == {
        "message": "an overdraft limit in JPY has no digits after the point",
        "rule": "amount-scale",
        "currency": "JPY",
        "digits": 0,
        "overdraftLimit": Decimal("0.5"),
    }


def test_zeros_behind_the_point_are_no_finer_scale() -> None:
    state, _ = run(create(currency="JPY", overdraftLimit="10.0"), transact("100.00"))

    assert state.balance == 100


@pytest.mark.parametrize("currency", ["ZZZ", "XAU"])
def test_an_account_in_a_currency_without_a_scale_goes_on_as_it_was(currency: str) -> None:
    state = after(older(currency), transact("0.00000001"))
    state = after(after(state, transact("-0.00000001", currency=currency)), close())

    assert state.status == "Closed"


@pytest.mark.parametrize("currency", sorted(WITHDRAWN))
def test_an_account_in_a_withdrawn_currency_keeps_its_scale(currency: str) -> None:
    assert refused(older(currency), transact("0.005"))["digits"] == 2
    assert after(older(currency), transact("0.05")).balance == Decimal("0.05")


def test_of_half_a_cent_one_is_told_the_way_out() -> None:
    found = refused(older("USD", Decimal("0.005")), transact("0.001"))

    assert found["message"].endswith("unless it brings the balance to such an amount")
    assert found["balance"] == Decimal("0.005")


balances = st.decimals(-(10**17), 10**17, places=8)
money = st.decimals(Decimal(-(10**17)), Decimal(10**17), places=8)
currencies = st.sampled_from([*sorted(MINOR_UNITS), "ZZZ"])


@given(balances, st.decimals(0, 10**17, places=8), currencies)
def test_every_older_balance_can_be_brought_to_zero_and_its_account_closed(
    balance: Decimal, limit: Decimal, currency: str
) -> None:
    assume(balance >= -limit)
    state = older(currency, balance, limit)
    if balance:
        state = after(state, transact(-balance))

    assert after(state, close()).status == "Closed"


@given(balances, money, currencies)
def test_an_older_balance_moves_by_whole_amounts_or_becomes_whole(
    balance: Decimal, amount: Decimal, currency: str
) -> None:
    digits = digits_of(currency)
    assume(amount)
    state = older(currency, balance, 10**18)
    whole = digits is None or is_whole(amount, digits) or is_whole(balance + amount, digits)

    if whole:
        assert after(state, transact(amount)).balance == balance + amount
    else:
        assert refused(state, transact(amount))["rule"] == "amount-scale"


@given(currencies, st.lists(st.tuples(money, st.integers(0, 8)), max_size=8), st.integers(0, 10**6))
def test_from_a_whole_balance_nobody_comes_to_a_fraction(
    currency: str, attempts: list[tuple[Decimal, int]], start: int
) -> None:
    digits = digits_of(currency)
    assume(digits is not None)
    state = older(currency, Decimal(start).scaleb(-(digits or 0)), 10**19)
    for amount, places in attempts:
        attempt = transact(round(amount, places))
        try:
            state = after(state, attempt)
        except RuleBrokenError:
            continue
        assert is_whole(state.balance, digits or 0)


def test_events_of_older_code_are_applied_whatever_they_say() -> None:
    new = [
        NewEvent(
            "AccountCreated", {"currency": "ZZZ", "createdAt": "yesterday", "overdraftLimit": Decimal("0.005")}, 2
        ),
        NewEvent("TransactionProcessed", {"amount": Decimal("0.005"), "type": "deposit", "currency": "ZZZ"}, 2),
        NewEvent("AccountClosed", {"closedAt": ""}),
    ]
    state = Account()
    for event in chain(Position(), new, command("X"), NOW):
        state = evolve(state, event)

    assert (state.currency, state.created_at, state.balance) == ("ZZZ", "yesterday", Decimal("0.005"))
    assert (state.status, state.closed_at) == ("Closed", NOW)

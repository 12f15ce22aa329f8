"""The account's rules."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain import decide, evolve
from handlers.domain.account import Account
from handlers.sourcing.command import Command
from handlers.sourcing.errors import LedgerError, MalformedError, RuleBrokenError
from handlers.sourcing.event import Position, chain

from .builders import NOW, close, command, create, run, transact

LONGEST_TIME = f"2024-01-15T10:00:00.{'0' * 235}Z"


def broken_rule(*commands: Command) -> str:
    """The rule that the last command breaks after the others were accepted."""
    state, _ = run(*commands[:-1])
    with pytest.raises(RuleBrokenError) as caught:
        decide(state, commands[-1])
    return caught.value.rule


def test_a_new_account_is_active_and_empty() -> None:
    state, _ = run(create(createdAt="2024-01-15T10:00:00Z"))

    described = state.describe()
    assert (described["status"], described["createdAt"], described["closedAt"]) == (
        "Active",
        "2024-01-15T10:00:00Z",
        None,
    )
    assert [described[name] for name in ("balance", "transactionCount", "reserved", "available")] == [0, 0, 0, 0]
    assert described["reservations"] == {}


def test_deposits_and_withdrawals_add_up_exactly() -> None:
    state, _ = run(create(), transact(Decimal("100.50"), type="deposit"), transact(Decimal("-0.30"), type="withdrawal"))

    assert state.balance == Decimal("100.20")
    assert state.transaction_count == 2


def test_an_account_is_created_once() -> None:
    assert broken_rule(create(), create()) == "account-created-once"


@pytest.mark.parametrize("late", [transact(1), close()])
def test_nothing_happens_to_an_unknown_or_closed_account(late: Command) -> None:
    assert broken_rule(late) == "account-active"
    assert broken_rule(create(), close(), late) == "account-active"


def test_a_refusal_says_whether_there_is_no_account_or_a_closed_one() -> None:
    def told(state: Account) -> tuple[str, Any]:
        with pytest.raises(RuleBrokenError) as caught:
            decide(state, transact(1))
        return caught.value.message, caught.value.details

    assert told(Account()) == (
        "there is no account account-1; AccountCreated opens it",
        {"rule": "account-active", "status": "Unknown"},
    )
    closed, _ = run(create(), close())
    assert told(closed) == ("the account is closed", {"rule": "account-active", "status": "Closed"})


def test_a_closed_account_is_not_created_again() -> None:
    assert broken_rule(create(), close(), create()) == "account-created-once"


@pytest.mark.parametrize(("amount", "kind"), [(-1, "deposit"), (0, "deposit"), (1, "withdrawal"), (0, "withdrawal")])
def test_the_sign_must_agree_with_the_type(amount: int, kind: str) -> None:
    assert broken_rule(create(overdraftLimit=100), transact(amount, type=kind)) == "amount-sign"


def test_without_a_type_the_sign_says_it() -> None:
    _, events = run(create(overdraftLimit=5), transact(5), transact(-5))

    assert [event.data["type"] for event in events[1:]] == ["deposit", "withdrawal"]


def test_a_withdrawal_may_empty_the_account_but_not_more() -> None:
    run(create(), transact(10), transact(-10))
    assert broken_rule(create(), transact(10), transact(Decimal("-10.01"))) == "sufficient-funds"


def test_an_overdraft_limit_reaches_exactly_that_far() -> None:
    state, _ = run(create(overdraftLimit=Decimal("50.5")), transact(Decimal("-50.5")))

    assert state.balance == Decimal("-50.5")
    assert broken_rule(create(overdraftLimit=Decimal("50.5")), transact(Decimal("-50.51"))) == "sufficient-funds"


def test_closing_needs_a_zero_balance() -> None:
    assert broken_rule(create(), transact(1), close()) == "zero-balance"
    state, _ = run(create(), transact(1), transact(-1), close(closedAt="2024-02-01T00:00:00Z"))
    assert (state.status, state.closed_at) == ("Closed", "2024-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (command("AccountPainted"), "eventType"),
        (command("TransactionProcessed"), "eventData.amount"),
        (transact(True), "eventData.amount"),
        (transact("ten"), "eventData.amount"),
        (transact(None), "eventData.amount"),
        (transact([1]), "eventData.amount"),
        (transact(Decimal("0.000000001")), "eventData.amount"),
        (transact(10**18), "eventData.amount"),
        (transact(1, type="gift"), "eventData.type"),
        (transact(1, transactionId=7), "eventData.transactionId"),
        (create(accountId="another"), "eventData.accountId"),
        (create(createdAt=5), "eventData.createdAt"),
        (create(overdraftLimit=-1), "eventData.overdraftLimit"),
        (create(overdraftLimit="much"), "eventData.overdraftLimit"),
    ],
)
def test_data_of_the_wrong_shape_is_refused_by_field(bad: Command, field: str) -> None:
    active, _ = run(create())
    state = Account() if bad.event_type == "AccountCreated" else active

    with pytest.raises(MalformedError) as caught:
        decide(state, bad)

    assert caught.value.details["field"] == field


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("AccountCreated", "createdAt"),
        ("TransactionProcessed", "transactionId"),
        ("TransactionProcessed", "timestamp"),
        ("AccountClosed", "closedAt"),
    ],
)
def test_a_text_that_rows_keep_is_short(event_type: str, name: str) -> None:
    before = [] if event_type == "AccountCreated" else [create()]
    data: dict[str, Any] = {"amount": 1} if event_type == "TransactionProcessed" else {}
    longest = "é" * 128 if name == "transactionId" else LONGEST_TIME
    run(*before, command(event_type, **data | {name: longest}))
    with pytest.raises(MalformedError) as caught:
        run(*before, command(event_type, **data | {name: f"{longest[:-1]}0{longest[-1]}"}))

    assert caught.value.details["field"] == f"eventData.{name}"


def test_an_amount_may_be_text_and_is_stored_as_a_number() -> None:
    _, events = run(create(), transact("12345678901234567.89"))

    assert events[1].data["amount"] == Decimal("12345678901234567.89")


amounts = st.decimals(min_value=-500, max_value=500, places=2)
actions = st.one_of(
    st.builds(create, overdraftLimit=st.sampled_from([0, 100])),
    st.builds(transact, amounts),
    st.builds(close),
)


@given(st.lists(actions, max_size=30))
def test_whatever_is_tried_the_account_stays_sound(attempts: list[Command]) -> None:
    state, position = Account(), Position()
    accepted: list[Decimal] = []
    for attempt in attempts:
        try:
            decided = decide(state, attempt)
        except LedgerError:
            continue
        (event,) = chain(position, decided, attempt, NOW)
        assert state.status != "Closed"
        state, position = evolve(state, event), position.advance(event)
        accepted.append(event.data.get("amount", Decimal(0)))

        assert state.balance == sum(accepted)
        assert state.balance >= -state.overdraft_limit
        assert state.transaction_count == sum(1 for amount in accepted if amount)
        assert state.status != "Closed" or state.balance == 0


def test_an_event_of_an_unknown_type_changes_nothing() -> None:
    state, events = run(create())
    stranger: Any = events[0]

    assert evolve(state, type(stranger).of({**stranger.record(), "EventType": "SomethingElse"})) == state

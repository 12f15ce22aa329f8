"""Whatever happens in between, and whoever carries a transfer on: no money is made, lost or kept aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.domain import PROCESS, decide, evolve
from handlers.domain.account import Account
from handlers.sourcing.command import Command
from handlers.sourcing.errors import RuleBrokenError
from handlers.sourcing.event import Position, chain

from ..effort import LONG
from .builders import NOW, close, command, create, transact
from .test_reservations import post, release, reserve
from .transfers import LATE, Ledger, by, request

AMOUNTS = st.integers(1, 8)
IDS = st.sampled_from(["t", "u", "v"])
Move = Callable[[Account], Command]
"""What somebody asks of an account, by its state."""


def _set_aside(transfer_id: str, end: Callable[[Any, str], Command]) -> Move:
    """The end of what is set aside for a transfer; of 1, where nothing is."""
    return lambda account: end(account.reservations.get(transfer_id, 1), transfer_id)


def _always(asked: Command) -> Move:
    return lambda _: asked


PAIRS = st.tuples(AMOUNTS, IDS)
RESERVING = PAIRS.map(lambda pair: _always(reserve(*pair)))
MOVES: st.SearchStrategy[Move] = st.one_of(
    RESERVING,
    RESERVING,
    AMOUNTS.map(lambda amount: _always(transact(amount))),
    AMOUNTS.map(lambda amount: _always(transact(-amount))),
    PAIRS.map(lambda pair: _always(transact(pair[0], transferId=pair[1], counterparty="account-2"))),
    PAIRS.map(lambda pair: _always(post(*pair))),
    PAIRS.map(lambda pair: _always(release(*pair))),
    IDS.map(lambda transfer_id: _always(release(0, transfer_id))),
    IDS.map(lambda transfer_id: _set_aside(transfer_id, post)),
    IDS.map(lambda transfer_id: _set_aside(transfer_id, release)),
    st.just(lambda account: transact(-account.balance or 1)),
    st.just(_always(close())),
)


@given(moves=st.lists(MOVES, min_size=20, max_size=40), limit=st.integers(0, 10), funds=st.integers(5, 20))
@settings(max_examples=2000 if LONG else 100, deadline=None)
def test_post_and_release_are_never_refused_and_nothing_set_aside_is_spent(
    moves: list[Move], limit: int, funds: int
) -> None:
    state, position = Account(), Position()
    for move in [_always(create(overdraftLimit=limit)), _always(transact(funds)), *moves]:
        asked = move(state)
        with suppress(RuleBrokenError):
            for event in chain(position, decide(state, asked), asked, NOW):
                state, position = evolve(state, event), position.advance(event)
        assert state.available >= 0
        for transfer_id, amount in state.reservations.items():
            for end in (post(amount, transfer_id), release(amount, transfer_id)):
                assert decide(state, end)


DISTURBANCES = ("nothing", "nothing", "cancel", "late", "close a", "close b", "deposit", "spend", "open a", "open b")


class Story:
    """A transfer of 10 from a to b that two carry on at once, in steps, while other things happen."""

    def __init__(self, *, funds: int | None, with_b: bool, taken: Iterable[str] = ()) -> None:
        """Without `funds` there is no account a at first. `taken` are the steps whose commandIds on accounts that are
        there callers have, from a time when nobody kept them from it: each for a deposit of 1."""
        self.ledger = Ledger()
        if funds is not None:
            self.ledger.send(command("AccountCreated", "a"))
        if funds:
            self.ledger.send(command("TransactionProcessed", "a", amount=funds))
        if with_b:
            self.ledger.send(command("AccountCreated", "b"))
        self.outside = Decimal(funds or 0)
        for step in taken:
            account = "b" if step == "credit" else "a"
            if account in self.ledger.streams:
                self.ledger.send(replace(command("TransactionProcessed", account, amount=1), command_id=f"t/{step}"))
                self.outside += 1
        self.ledger.send(request(10))
        self.carriers: list[Iterator[str]] = [self.ledger.carry(), self.ledger.carry()]

    def disturb(self, what: str) -> None:
        aggregate_id = "b" if what.endswith("b") else "a"
        asked = {
            "cancel": by("ann", "TransferCancelled"),
            "deposit": command("TransactionProcessed", "a", amount=10),
            "spend": command("TransactionProcessed", "a", amount=-5),
            "open a": command("AccountCreated", "a", overdraftLimit=10),
            "open b": command("AccountCreated", "b"),
        }.get(what, command("AccountClosed", aggregate_id))
        if what == "late":
            self.ledger.now = LATE
        elif what != "nothing":
            with suppress(RuleBrokenError):
                self.ledger.send(asked)
                self.outside += {"deposit": 10, "spend": -5}.get(what, 0)

    def check(self) -> None:
        assert self.ledger.money() == self.outside
        assert self.ledger.account("a").available >= 0


@given(
    funds=st.sampled_from([None, 0, 5, 10, 20]),
    with_b=st.booleans(),
    turns=st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.sampled_from(DISTURBANCES)), max_size=30),
    taken=st.sets(st.sampled_from(("reserve", "post", "release", "credit"))),
)
@settings(max_examples=3000 if LONG else 80, deadline=None)
def test_whoever_carries_it_on_a_transfer_ends_one_way_and_nothing_stays_aside(
    funds: int | None, with_b: bool, turns: list[tuple[int, bool, str]], taken: set[str]
) -> None:
    story = Story(funds=funds, with_b=with_b, taken=taken)
    for who, crashes, what in turns:
        story.disturb(what)
        if crashes:
            story.carriers[who] = story.ledger.carry()
        else:
            next(story.carriers[who], None)
        story.check()
    for carrier in [*story.carriers, story.ledger.carry()]:
        for _ in carrier:
            story.check()

    end = story.ledger.state("t")
    a, b = story.ledger.account("a"), story.ledger.account("b")
    ends = [event.event_type for event in story.ledger.streams["t"] if event.event_type in ENDS]
    assert len(ends) == 1
    assert a.reserved == b.reserved == 0
    assert {step.name for step in PROCESS.due(end, story.ledger.now)} <= {"fence"}
    assert end.status == "Completed" or end.settled
    assert a.balance + b.balance == story.outside
    credited = [event.data["transferId"] for event in story.ledger.streams.get("b", []) if "transferId" in event.data]
    assert credited == (["t"] if end.status == "Completed" else [])


ENDS = ("TransferCompleted", "TransferFailed", "TransferExpired", "TransferCancelled")


def test_what_a_process_set_aside_that_ended_is_released_before_the_transfer_is_settled() -> None:
    story = Story(funds=10, with_b=True)
    carrier = story.carriers[0]
    while not story.ledger.account("a").reserved:
        next(carrier)
    story.disturb("cancel")

    assert list(story.carriers[1]) == ["fence", "release", "settle"]

    assert story.ledger.account("a").reserved == 0


@pytest.mark.parametrize("taken", ["post", "release"])
@pytest.mark.parametrize("committed", [False, True])
def test_what_older_code_set_aside_without_a_look_at_the_ids_it_would_need_ends_all_the_same(
    taken: str, committed: bool
) -> None:
    story = Story(funds=10, with_b=True, taken=[taken])
    _, _, reserve, commit = PROCESS.due(story.ledger.state("t"), NOW)
    for step in (reserve, commit)[: 1 + committed]:
        assert story.ledger.take("t", step) is True

    for _ in story.ledger.carry():
        story.check()

    goes_well = committed or taken == "release"
    assert story.ledger.state("t").status == ("Completed" if goes_well else "Failed")
    assert story.ledger.account("a").reserved == 0
    assert story.ledger.streams["a"][-1].command_id == ("t/release" if taken == "post" else "t/post")


@pytest.mark.parametrize("crashes", [False, True])
def test_a_release_whose_command_id_is_a_callers_takes_the_one_of_the_post(crashes: bool) -> None:
    story = Story(funds=10, with_b=True, taken=["release"])
    carrier = story.carriers[0]
    while not story.ledger.account("a").reserved:
        next(carrier)
    story.disturb("cancel")

    assert list(story.ledger.carry() if crashes else carrier)[-3:] == ["release", "release", "settle"]

    assert story.ledger.account("a").reserved == 0
    assert story.ledger.streams["a"][-1].command_id == "t/post"


@pytest.mark.parametrize("crashes", [False, True])
def test_an_account_that_is_opened_behind_the_end_keeps_nothing_aside(crashes: bool) -> None:
    """One process asks the other account and is slow; another one fails the transfer, since there is no account."""
    story = Story(funds=None, with_b=True)
    slow, other = story.carriers
    assert next(slow) == "check"
    assert list(other)[-2:] == ["fence", "settle"]
    story.disturb("open a")
    while not story.ledger.account("a").reserved:
        next(slow)

    list(story.ledger.carry() if crashes else slow)  # its reservation wakes a process, if it ends there

    assert story.ledger.account("a").reserved == 0
    assert list(story.ledger.carry()) == ["fence", "release"]  # and so on, for ever


@given(st.lists(st.sampled_from(["TransferCommitted", "TransferExpired", "TransferCancelled"]), min_size=2, max_size=4))
def test_of_commitment_expiry_and_cancellation_the_first_wins(order: list[str]) -> None:
    ledger = Ledger(now=NOW)
    ledger.send(request(10))
    ledger.now = LATE
    won = []
    for event_type in order:
        with suppress(RuleBrokenError):
            ledger.send(command(event_type, "t"))
            won.append(event_type)

    assert won == order[:1]
    assert reduce(evolve, ledger.streams["t"], None).status == order[0].removeprefix("Transfer")

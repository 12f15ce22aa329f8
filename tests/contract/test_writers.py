"""The promise of the write side, under 64 writers: each acknowledged command is one event, in one unbroken chain."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest

from handlers.domain import evolve
from handlers.domain.account import Account
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.errors import CommandReusedError, LedgerError, RuleBrokenError, SequenceConflictError
from handlers.sourcing.event import Event
from handlers.store.clocks import ClockCheck
from handlers.store.event_store import EventStore
from handlers.store.ledger import Ledger, Receipt
from handlers.store.present import PresentReader
from handlers.store.side_by_side import begin
from handlers.store.snapshots import Snapshots
from handlers.store.streams import ConcurrentAppendError

from ..aws import SNAPSHOTS, STORE
from ..domain.builders import command
from .conftest import BUCKETS, Engine
from .crowd import at_once
from .events import assert_chained, events

pytestmark = pytest.mark.slow

WRITERS = 64
Execute = Callable[[Command], Receipt | LedgerError]


@pytest.fixture
def writers(engine: Engine) -> list[Execute]:
    """64 ledgers, each with a client of its own. What they answer is a receipt or a refusal."""

    def writer() -> Execute:
        client = engine.client()
        store, snapshots = EventStore(client, STORE, BUCKETS), Snapshots(client, SNAPSHOTS)
        reader = PresentReader(store, snapshots, tail=8, now=_now, begin=begin)
        check_clock = ClockCheck(lambda: pytest.fail("no Date in the engine's answers"))
        ledger = Ledger(reader, pause=time.sleep, check_clock=check_clock)

        def execute(each: Command) -> Receipt | LedgerError:
            try:
                return ledger.execute(each, lambda: 30)
            except LedgerError as refusal:
                return refusal

        return execute

    return [writer() for _ in range(WRITERS)]


@pytest.fixture
def stores(engine: Engine) -> list[EventStore]:
    return [EventStore(engine.client(), STORE, BUCKETS) for _ in range(WRITERS)]


def _now() -> str:
    return times.to_text(datetime.now(UTC))


def fold(stream: list[Event]) -> Account:
    state = Account()
    for each in stream:
        state = evolve(state, each)
    return state


def named(each: Command, command_id: str) -> Command:
    return replace(each, command_id=command_id)


def test_64_writers_on_one_account(store: EventStore, writers: list[Execute]) -> None:
    writers[0](command("AccountCreated"))
    deposits = [command("TransactionProcessed", amount=amount) for amount in range(1, WRITERS + 1)]

    answers = at_once(partial(execute, deposit) for execute, deposit in zip(writers, deposits, strict=True))

    stream = list(store.read("account-1"))
    assert_chained(stream)
    assert len(stream) == 1 + WRITERS
    receipts = {each.command_id: Receipt.of(each) for each in stream}
    assert answers == [receipts[deposit.command_id] for deposit in deposits]
    assert fold(stream).balance == sum(range(1, WRITERS + 1))


def test_64_writers_on_64_accounts(store: EventStore, writers: list[Execute]) -> None:
    """Each writer serves two neighbouring accounts, so that two of them meet on every one."""
    accounts = [f"account-{number}" for number in range(WRITERS)]
    at_once(partial(writers[n], command("AccountCreated", account)) for n, account in enumerate(accounts))
    work = [
        [command("TransactionProcessed", accounts[(n + step) % WRITERS], amount=1 + n) for step in range(2)]
        for n in range(WRITERS)
    ]

    def serve(execute: Execute, mine: list[Command]) -> list[Receipt | LedgerError]:
        return [execute(each) for each in mine]

    answers = at_once(partial(serve, execute, mine) for execute, mine in zip(writers, work, strict=True))

    sums: Counter[str] = Counter()
    for mine, receipts in zip(work, answers, strict=True):
        for each, receipt in zip(mine, receipts, strict=True):
            assert isinstance(receipt, Receipt)
            assert receipt.aggregate_id == each.aggregate_id
            sums[each.aggregate_id] += int(each.event_data["amount"])
    for account in accounts:
        stream = list(store.read(account))
        assert_chained(stream)
        assert len(stream) == 3
        assert fold(stream).balance == sums[account]


def test_money_is_spent_once_however_many_try_at_once(store: EventStore, writers: list[Execute]) -> None:
    writers[0](command("AccountCreated"))
    writers[0](command("TransactionProcessed", amount=10))

    withdraw = [command("TransactionProcessed", amount=Decimal(-3)) for _ in range(WRITERS)]
    answers = at_once(partial(execute, each) for execute, each in zip(writers, withdraw, strict=True))

    assert sum(isinstance(each, Receipt) for each in answers) == 3
    refusals = [each for each in answers if isinstance(each, LedgerError)]
    assert {type(each) for each in refusals} == {RuleBrokenError}
    assert fold(list(store.read("account-1"))).balance == 1


def test_64_duplicates_at_once_are_one_event_and_one_answer(store: EventStore, writers: list[Execute]) -> None:
    writers[0](command("AccountCreated"))
    deposit = command("TransactionProcessed", amount=5)

    answers = at_once(partial(execute, deposit) for execute in writers)

    stream = list(store.read("account-1"))
    assert len(stream) == 2
    assert set(answers) == {Receipt.of(stream[1])}


def test_one_command_id_with_different_amounts_is_one_event_and_otherwise_a_conflict(
    store: EventStore, writers: list[Execute]
) -> None:
    writers[0](command("AccountCreated"))
    rivals = [named(command("TransactionProcessed", amount=1 + n), "same") for n in range(WRITERS)]

    answers = at_once(partial(execute, each) for execute, each in zip(writers, rivals, strict=True))

    stream = list(store.read("account-1"))
    assert len(stream) == 2
    (accepted,) = (n for n, each in enumerate(answers) if isinstance(each, Receipt))
    assert stream[1].data["amount"] == 1 + accepted
    assert {type(each) for each in answers} == {Receipt, CommandReusedError}


def test_of_those_who_expect_the_same_sequence_one_gets_it(store: EventStore, writers: list[Execute]) -> None:
    writers[0](command("AccountCreated"))
    rivals = [replace(command("TransactionProcessed", amount=1), expected_sequence=1) for _ in range(WRITERS)]

    answers = at_once(partial(execute, each) for execute, each in zip(writers, rivals, strict=True))

    assert Counter(map(type, answers)) == {Receipt: 1, SequenceConflictError: WRITERS - 1}
    assert len(list(store.read("account-1"))) == 2


@pytest.mark.parametrize("sizes", [(3,), (1, 3)], ids=["transactions", "transactions and single puts"])
def test_of_those_who_append_to_the_same_place_one_wins_whole(
    store: EventStore, stores: list[EventStore], sizes: tuple[int, ...]
) -> None:
    rivals = [events(count=sizes[n % len(sizes)], command_id=f"c-{n}") for n in range(WRITERS)]

    def append(rival: EventStore, mine: list[Event]) -> bool:
        try:
            rival.append(mine)
        except ConcurrentAppendError:
            return False
        return True

    won = at_once(partial(append, rival, mine) for rival, mine in zip(stores, rivals, strict=True))

    assert won.count(True) == 1
    assert list(store.read("a")) == rivals[won.index(True)]

"""What a transfer costs, call by call, in the engine's own words, and how many calls wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from handlers.domain import PROCESS
from handlers.domain.transfer import Transfer
from handlers.store.conductor import Conductor
from handlers.store.event_store import EventStore
from handlers.store.ledger import Ledger
from handlers.store.present import PresentReader
from handlers.store.snapshots import Snapshots

from ..domain.builders import NOW, command
from ..domain.transfers import complete
from .meter import Meter
from .test_units import COMMANDS, CORRELATIONS, TYPES, costs, moto_differs

ASK = ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1})
PUT = ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1, CORRELATIONS: 1})
"""Of a step: it belongs to the request, and is found by that."""
IN_VAIN: tuple[str, dict[str, float]] = ("Query", {})
"""A look-up that finds nothing: free in DynamoDB Local, one unit on AWS."""
READ = ("Query", {"table": 1})
STEP = [IN_VAIN, PUT]
"""Of a step on an aggregate that the process has met."""
BOTH_ACCOUNTS = [IN_VAIN, IN_VAIN, READ] * 2
"""Snapshot, look-up and tail of two accounts: the process meets them here."""


class Bank:
    """Accounts a, with money, and b; and processes."""

    def __init__(self, store: EventStore, snapshots: Snapshots, meter: Meter) -> None:
        self.store, self.snapshots, self.meter = store, snapshots, meter
        self.callers = self._wired()
        for name in ("a", "b"):
            self.send("AccountCreated", name)
        self.send("TransactionProcessed", "a", amount=100)

    def _wired(self) -> Ledger:
        begin = self.meter.begin
        return Ledger(
            PresentReader(self.store, self.snapshots, tail=20, now=lambda: NOW, begin=begin, is_off=lambda _: False),
            pause=lambda _: pytest.fail("nobody competes"),
            check_clock=lambda _: None,
            complete=complete,
        )

    def send(self, event_type: str, aggregate_id: str, **data: Any) -> None:
        self.callers.execute(command(event_type, aggregate_id, **data), lambda: 30)

    def request(self, amount: int = 10, name: str = "t") -> None:
        sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD"}
        self.send("TransferRequested", name, amount=amount, **sides)

    def process(self) -> Conductor:
        """One that has met nobody."""
        return Conductor(self._wired(), PROCESS, now=lambda: NOW, begin=self.meter.begin)

    def cost(self, call: Callable[[], object]) -> tuple[list[tuple[str, dict[str, float]]], int]:
        """The calls that something makes, and how many wait for each other."""
        self.meter.charges.clear()
        before = self.meter.waits
        call()
        return costs(self.meter), self.meter.waits - before


@pytest.fixture
def bank(store: EventStore, snapshots: Snapshots, meter: Meter) -> Bank:
    return Bank(store, snapshots, meter)


def carry(conductor: Conductor, name: str = "t") -> str:
    """How far the transfer came."""
    carried = conductor.carry(name, lambda: 30.0)
    assert carried
    assert isinstance(carried.state, Transfer)
    return carried.state.status


def total(charges: list[tuple[str, dict[str, float]]], operation: str) -> float:
    return sum(sum(units.values()) for each, units in charges if each == operation)


@moto_differs
def test_a_transfer_that_goes_well(bank: Bank) -> None:
    """Two requests for its request, 18 in 13 waits for the rest; three write units for the request, four for each step.

    Read units as DynamoDB Local states them. On AWS each of the eight look-ups, which find nothing, is assumed to be
    one more, and a look for a snapshot of either account half a one.
    """
    conductor = bank.process()

    requested, asked = bank.cost(bank.request)
    carried, waits = bank.cost(lambda: carry(conductor))

    assert (requested, asked) == ([IN_VAIN, ASK], 2)
    assert _alike(carried, [READ, *BOTH_ACCOUNTS, *STEP, *STEP, READ, *STEP, *STEP, *STEP])
    assert (len(carried), waits) == (18, 13)
    assert (total(requested, "PutItem"), total(carried, "PutItem")) == (3, 20)
    assert total(requested + carried, "Query") == 4


@moto_differs
def test_a_transfer_between_accounts_that_its_process_has_met(bank: Bank) -> None:
    """And whose streams are short: each is read whole instead, in a Query."""
    conductor = bank.process()
    bank.request()
    carry(conductor)
    bank.request(name="u")

    carried, waits = bank.cost(lambda: carry(conductor, "u"))

    assert _alike(carried, [READ, READ, READ, *STEP, *STEP, READ, *STEP, *STEP, *STEP])
    assert (len(carried), waits) == (14, 13)


@moto_differs
def test_a_transfer_that_its_account_has_no_money_for(bank: Bank) -> None:
    """Nothing is set aside: the end, the fence and the settling are three writes."""
    bank.request(amount=1000)

    carried, waits = bank.cost(lambda: carry(bank.process()))

    assert _alike(carried, [READ, *BOTH_ACCOUNTS, *STEP, READ, *STEP, *STEP])
    assert (len(carried), waits) == (14, 9)
    assert total(carried, "PutItem") == 12


def test_a_poke_of_a_completed_transfer_is_one_query(bank: Bank) -> None:
    conductor = bank.process()
    bank.request()
    carry(conductor)

    assert bank.cost(lambda: carry(conductor)) == ([READ], 1)
    assert bank.cost(lambda: carry(bank.process())) == ([READ], 1)


@moto_differs
def test_a_poke_of_a_transfer_that_came_to_nothing_asks_whether_the_fence_stands(bank: Bank) -> None:
    conductor = bank.process()
    bank.request(amount=1000)
    carry(conductor)

    assert bank.cost(lambda: carry(conductor)) == ([READ, ("Query", {COMMANDS: 1}), READ], 3)


def _alike(made: list[Any], expected: list[Any]) -> bool:
    """The same calls in the same order, but that reads side by side may come in any."""
    return _sorted_reads(made) == _sorted_reads(expected)


def _sorted_reads(calls: list[Any]) -> list[Any]:
    found: list[Any] = []
    reads: list[Any] = []
    for call in calls:
        if call == PUT:
            found += [*sorted(reads, key=str), call]
            reads = []
        else:
            reads.append(call)
    return [*found, *sorted(reads, key=str)]

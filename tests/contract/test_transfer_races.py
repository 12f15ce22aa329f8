"""Expiry and cancellation against a commitment, really at once: one outcome each, and no money is made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from threading import Barrier

import pytest

from handlers.domain import PROCESS, evolve
from handlers.domain.transfer import Transfer
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.errors import RuleBrokenError
from handlers.sourcing.process import command_id
from handlers.store.clocks import ClockCheck
from handlers.store.conductor import Conductor
from handlers.store.event_store import EventStore
from handlers.store.ledger import Ledger, Receipt
from handlers.store.present import PresentReader
from handlers.store.side_by_side import begin
from handlers.store.snapshots import Snapshots

from ..aws import SNAPSHOTS, STORE
from ..domain.builders import command
from ..domain.transfers import complete
from ..effort import LONG
from .conftest import BUCKETS, DYNAMODB_LOCAL, Engine
from .crowd import at_once
from .events import assert_chained

pytestmark = pytest.mark.slow

RACES, LONG_RACES = 32, 1_000
LANES = 8
"""So many races go on at once, each between two accounts of its own."""
MONEY = 100

Outcome = str
Rival = Callable[["Lane", str], None]
"""Takes part in a race about a transfer, on a lane."""


@dataclass(frozen=True, kw_only=True)
class MeetingLedger(Ledger):
    """One that waits for its rival before it executes the command about which they race."""

    waits: Callable[[str], object]
    """Called with a commandId."""

    def execute(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        self.waits(command.command_id)
        return super().execute(command, seconds_left)


def an_hour_ago() -> str:
    return times.to_text(datetime.now(UTC) - timedelta(hours=1))


def half_an_hour_ago() -> str:
    return times.to_text(datetime.now(UTC) - timedelta(minutes=30))


def right_now() -> str:
    return times.to_text(datetime.now(UTC))


def lots_of_time() -> float:
    return 30.0


class Lane:
    """Two accounts, and who carries transfers between them on; each with a client of its own."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.number = number
        self.accounts = (f"a{number}", f"b{number}")
        self.barrier = Barrier(2, timeout=60)
        self.contested: frozenset[str] = frozenset()
        self.before, self.early, self.late = (self._ledger(engine) for _ in range(3))
        # What was asked for before its deadline is carried on behind it.
        past = replace(self.before.reader, now=an_hour_ago)
        self.before = replace(self.before, reader=past, check_clock=lambda _: None)
        for account in self.accounts:
            self.before.execute(command("AccountCreated", account), lots_of_time)
            self.before.execute(command("TransactionProcessed", account, amount=MONEY), lots_of_time)

    def _ledger(self, engine: Engine) -> MeetingLedger:
        client = engine.client()
        store, snapshots = EventStore(client, STORE, BUCKETS), Snapshots(client, SNAPSHOTS)
        return MeetingLedger(
            PresentReader(store, snapshots, tail=20, now=right_now, begin=begin),
            pause=time.sleep,
            check_clock=ClockCheck(lambda: pytest.fail("no Date in the engine's answers")),
            complete=complete,
            waits=lambda name: name in self.contested and self.barrier.wait(),
        )

    def request(self, name: str, giver: int) -> None:
        """A transfer whose deadline is over by now."""
        sides = {"fromAccount": self.accounts[giver], "toAccount": self.accounts[1 - giver], "currency": "USD"}
        data = {**sides, "amount": 7, "deadline": half_an_hour_ago()}
        self.before.execute(command("TransferRequested", name, **data), lots_of_time)

    def race(self, name: str, rival: Rival) -> Outcome:
        """How a transfer ended that one process was about to commit when its rival came."""
        self.contested = frozenset({command_id(name, "commit"), command_id(name, "expire"), f"call off {name}"})
        at_once([partial(commit, self, name), partial(rival, self, name)])
        self.contested = frozenset()
        carry(self.late, name)
        return self.outcome(name)

    def outcome(self, name: str) -> Outcome:
        """Checks that it is one, and what it did to the accounts."""
        store = self.early.reader.store
        streams = {each: list(store.read(each)) for each in (name, *self.accounts)}
        transfer = reduce(evolve, streams[name], None)
        assert isinstance(transfer, Transfer)
        ends = [event.event_type for event in streams[name] if event.event_type in ENDS]
        steps = {
            event.command_id
            for each in self.accounts
            for event in streams[each]
            if event.command_id.startswith(f"{name}/")
        }
        took = {each.rpartition("/")[2] for each in steps}
        states = [reduce(evolve, streams[each], None) for each in self.accounts]

        assert ends == [f"Transfer{transfer.status}"]
        assert took == ({"reserve", "credit", "post"} if transfer.status == "Completed" else {"reserve", "release"})
        assert len(steps) == len(took)
        assert transfer.settled == (transfer.status != "Completed")
        assert [state.reserved for state in states] == [0, 0]
        assert sum(state.balance for state in states) == 2 * MONEY
        for events in streams.values():
            assert_chained(events)
        return transfer.status


ENDS = ("TransferCompleted", "TransferFailed", "TransferExpired", "TransferCancelled")


def carry(ledger: Ledger, name: str, *, now: Callable[[], str] = right_now) -> None:
    assert Conductor(ledger, PROCESS, now=now).carry(name, lots_of_time)


def commit(lane: Lane, name: str) -> None:
    """By a process that looked at the clock before the deadline."""
    carry(lane.early, name, now=an_hour_ago)


def expire(lane: Lane, name: str) -> None:
    carry(lane.late, name)


def cancel(lane: Lane, name: str) -> None:
    asked = replace(command("TransferCancelled", name), command_id=f"call off {name}")
    with suppress(RuleBrokenError):
        lane.late.execute(asked, lots_of_time)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("rival", "end"), [(expire, "Expired"), (cancel, "Cancelled")])
def test_of_a_commitment_and_what_comes_at_the_same_time_one_wins(
    engine: Engine, rival: Rival, end: Outcome, record_property: Callable[[str, object], None]
) -> None:
    races = (LONG_RACES if LONG else RACES) if engine.name == DYNAMODB_LOCAL else LANES
    lanes = [Lane(engine, number) for number in range(LANES)]

    def run(lane: Lane) -> Counter[Outcome]:
        outcomes: Counter[Outcome] = Counter()
        for turn in range(races // LANES):
            name = f"t{lane.number}-{turn}"
            lane.request(name, giver=turn % 2)
            outcomes[lane.race(name, rival)] += 1
        return outcomes

    with ThreadPoolExecutor(LANES) as pool:
        outcomes = sum(pool.map(run, lanes), Counter[Outcome]())

    record_property("cases", f"{outcomes.total()} races: {dict(outcomes)}")
    assert outcomes.total() == races
    assert outcomes.keys() <= {"Completed", end}
    assert races < LONG_RACES or outcomes.keys() == {"Completed", end}

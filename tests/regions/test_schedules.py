"""Random schedules of two Regions: links that are cut, promotions at bad moments, clocks that are off. Whatever comes,
nothing that was acknowledged is lost, nothing is twice, and every stream is one chain in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.sourcing.standing import Mode

from ..effort import LONG
from .checks import check_the_end
from .sending import opening, transaction, transfer
from .world import PRIMARY, REGIONS, Pair, Region

pytestmark = pytest.mark.slow

_ACCOUNTS = ("a", "b")

Op = tuple[str, int, int]
_OPS = st.tuples(
    st.sampled_from(
        (
            *("send",) * 6,
            *("arrive",) * 4,
            *("relay",) * 3,
            *("reconcile",) * 2,
            *("transfer",) * 2,
            *("work",) * 2,
            *("accept", "retry"),
            *("project", "wait", "cut", "heal", "promote", "promote without fence", "share", "skew", "repeat"),
        )
    ),
    st.integers(0, 1),
    st.integers(0, 11),
)


@pytest.mark.parametrize("mode", Mode)
@settings(max_examples=800 if LONG else 40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_OPS, min_size=10, max_size=60))
def test_nothing_that_was_acknowledged_is_lost(mode: Mode, ops: list[Op]) -> None:
    run(ops, mode)


class Schedule:
    """A story of two Regions: what was sent, what was acknowledged, and whether anything crosses."""

    def __init__(self, mode: Mode = Mode.STANDBY) -> None:
        self.pair = Pair.new(mode)
        self.sent: list[dict[str, Any]] = []
        self.acknowledged: dict[str, str] = {}
        self.cut = False
        homes = REGIONS if mode is Mode.HOME else (PRIMARY, PRIMARY)
        for name, home in zip(_ACCOUNTS, homes, strict=True):
            self.send(self.pair[home], opening(name, overdraftLimit=20))
        for region in REGIONS:
            self.pair.arrive(region)

    def send(self, region: Region, request: dict[str, Any]) -> None:
        status, body = region.send(request)
        if status == 200:
            before = self.acknowledged.setdefault(request["commandId"], body["eventId"])
            assert before == body["eventId"], "one command, two events"
        elif status >= 500:
            assert body["error"]["code"] == "Unsettled", "a failure that says nothing of the two Regions"

    def act(self, op: str, region: Region, number: int) -> None:
        """One step. What can be done in one Region alone has a method of its own there."""
        acts: dict[str, Callable[[], object]] = {
            "send": lambda: self.send_new(region, number),
            "transfer": lambda: self.send_transfer(region, number),
            "work": region.work,
            "repeat": lambda: self.repeat(region, number),
            "arrive": lambda: self.arrive(region, number),
            "relay": region.relay,
            "reconcile": region.reconcile,
            "project": region.project,
            "wait": lambda: self.pair.pass_time(1 + 4 * number),
            "cut": lambda: setattr(self, "cut", True),
            "heal": lambda: setattr(self, "cut", False),
            "promote": lambda: self.pair.promote(region.name, reach_the_other=True),
            "promote without fence": lambda: self.pair.promote(region.name, reach_the_other=False),
            "share": self.share,
            "accept": lambda: self.say("accept", region, number),
            "retry": lambda: self.say("retry", region, number),
            "skew": lambda: setattr(region, "skew", (number - 6) * 20.0),
        }
        acts[op]()

    def say(self, word: str, region: Region, number: int) -> None:
        """A person's word about one of the lost events, whether it is for her or not."""
        if kept := region.conflicts():
            event = kept[number % len(kept)].event
            said = {"aggregateId": event.aggregate_id, "hash": event.hash, "why": "seen to", "by": "carol"}
            region.invoke("reconcile", {word: said})

    def share(self) -> None:
        if self.pair[PRIMARY].mode is Mode.HOME and not self.cut:
            self.pair.share()

    def repeat(self, region: Region, number: int) -> None:
        if self.sent:
            self.send(region, self.sent[number % len(self.sent)])

    def arrive(self, region: Region, number: int) -> None:
        if not self.cut:
            self.pair.arrive(region.name, _chosen_by(number), most=1 + number)

    def send_transfer(self, region: Region, number: int) -> None:
        one, other = _ACCOUNTS[number % 2], _ACCOUNTS[1 - number % 2]
        self.sent.append(transfer(f"t{number % 4}", one, other, 5 + number % 4))
        self.send(region, self.sent[-1])

    def send_new(self, region: Region, number: int) -> None:
        amount = 10 if number % 3 else -15
        self.sent.append(transaction(f"c{len(self.sent)}", amount, _ACCOUNTS[number % 2]))
        self.send(region, self.sent[-1])


def run(ops: Sequence[Op], mode: Mode = Mode.STANDBY) -> Pair:
    """Tell a schedule and let all come to rest; what must hold then is checked."""
    schedule = Schedule(mode)
    for op, which, number in ops:
        schedule.act(op, schedule.pair[REGIONS[which]], number)
    schedule.pair.quiet()
    check_the_end(schedule.pair, schedule.acknowledged)
    return schedule.pair


@pytest.mark.parametrize("mode", Mode)
def test_a_command_that_is_sent_again_while_its_event_is_overwritten_counts_once(mode: Mode) -> None:
    """By somebody who has met the account: its end is the one that is known, and the command is not found."""
    ops: list[Op] = [("promote without fence", 1, 2), ("wait", 0, 9), ("skew", 0, 11)]
    ops += [("send", 1, 2), ("send", 1, 4), ("send", 1, 8)]
    ops += [("send", 0, 4), ("send", 0, 10), ("arrive", 1, 9), ("repeat", 1, 1), ("send", 1, 2)]
    pair = run(ops, mode)
    commands = [event.command_id for event in pair[PRIMARY].stored()["a"]]
    assert sorted(commands) == ["c0", "c1", "c2", "c3", "c4", "c5", "open-a"]


def _chosen_by(number: int) -> Callable[[int], int]:
    return lambda waiting: (number * 7) % waiting


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("which", [0, 1])
def test_a_schedule_that_is_known_to_be_hard(which: int, mode: Mode) -> None:
    """Both sides write over each other's places twice, and each is promoted without the other's knowing."""
    other = 1 - which
    ops: list[Op] = [("cut", 0, 0)]
    ops += [("send", 0, number) for number in (1, 2, 4, 5)]
    ops += [("promote without fence", 1, 0), ("wait", 0, 9), ("skew", which, 11)]
    ops += [("send", 1, number) for number in (1, 2, 4, 5, 7)]
    ops += [("heal", 0, 0), ("arrive", other, 3), ("relay", other, 0), ("reconcile", other, 0)]
    ops += [("promote without fence", 0, 0), ("wait", 0, 9), ("send", 0, 1), ("send", 1, 2), ("arrive", which, 11)]
    pair = run(ops, mode)
    assert pair[PRIMARY].conflicts()

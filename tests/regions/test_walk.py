"""The walk through `reconcile`: every call that it makes, failed, lost, late, or the last one of its process. Whoever
comes next goes on, and nothing that was acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest

from ..aws import STORE
from ..effort import LONG
from ..faults.faults import NONE, Call, Fault, faults_of
from .checks import check_the_end
from .sending import opening, transaction
from .world import OTHER, PRIMARY, Pair, Region

pytestmark = pytest.mark.slow

_EVERY = 3 if LONG else 31
_LEAST = 60 if LONG else 8


class Told(NamedTuple):
    """A pair whose Regions have both written behind one event, and what they acknowledged."""

    pair: Pair
    acknowledged: dict[str, str]


def both_wrote() -> Told:
    """Four events in the one Region, three in the other, each with rows of its own; the one with snapshots, too."""
    pair, acknowledged = Pair.new(), {}
    a, b = pair[PRIMARY], pair[OTHER]

    def send(region: Region, command_id: str, amount: int) -> None:
        status, body = region.send(transaction(command_id, amount))
        assert status == 200
        acknowledged[command_id] = body["eventId"]

    a.send(opening(overdraftLimit=25))
    pair.quiet(1)
    for number in range(4):
        send(a, f"a{number}", -10 if number % 2 else 10)
    a.relay()
    a.project()
    pair.promote(OTHER, reach_the_other=False)
    pair.pass_time(10)
    for number in range(3):
        send(b, f"b{number}", -5)
    b.relay()
    b.project()
    a.invoke("snapshot", {"Records": a.world.stream})
    return Told(pair, acknowledged)


class Strike:
    """A fate in which one fault happens to one call, and which notes the calls before."""

    def __init__(self, at: int = -1, fault: Fault = NONE) -> None:
        self.at, self.fault = at, fault
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Fault:
        self.calls.append(call)
        return self.fault if len(self.calls) - 1 == self.at else NONE


def settle(told: Told, where: str, strike: Strike) -> None:
    told.pair[where].fates["reconcile"] = strike
    told.pair.quiet(10)
    check_the_end(told.pair, told.acknowledged)


@pytest.mark.parametrize("where", [PRIMARY, OTHER])
def test_every_fault_at_every_call_of_reconcile(where: str, record_property: Callable[[str, object], None]) -> None:
    look = Strike()
    settle(both_wrote(), where, look)
    places = [(index, fault) for index, call in enumerate(look.calls) for fault in faults_of(call)]
    tried = places[::_EVERY]
    for index, fault in tried:
        settle(both_wrote(), where, Strike(index, fault))
    record_property("cases", f"{len(tried)} faults at the {len(look.calls)} calls of reconcile in {where}")
    assert len(tried) >= _LEAST


def test_a_lost_event_is_kept_before_its_place_is_given_away() -> None:
    told, given_away = both_wrote(), []

    def look(region: Region, call: Call) -> Fault:
        seen = call.arguments.get("ExpressionAttributeValues", {}).get(":seen")
        if seen and call.arguments.get("TableName") == STORE and call.operation in ("PutItem", "DeleteItem"):
            given_away.append(seen["S"])
            assert seen["S"] in {each.event.hash for each in region.conflicts()}
        return NONE

    for region in told.pair.regions.values():
        region.fates["reconcile"] = partial(look, region)
    told.pair.quiet(10)
    check_the_end(told.pair, told.acknowledged)
    assert given_away

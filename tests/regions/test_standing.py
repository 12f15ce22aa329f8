"""Who decides: the fence holds although processes remember what they read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from handlers.sourcing.errors import NotHomeError
from handlers.sourcing.event import UNSTAMPED, Stamp
from handlers.sourcing.standing import Mode, Role, Standing, common_epoch, own_epoch
from handlers.store.standings import REMEMBERED_SECONDS, OvertakenError, Standings, fence_seconds, fenced

from ..quick_moto import quick_moto
from ..tables import region_tables
from .world import CONFLICTS, OTHER, PRIMARY, REGIONS, STANDINGS

ACTIVE = Standing(PRIMARY, Role.ACTIVE, 2, decides=PRIMARY)


@pytest.mark.parametrize(
    ("standing", "newest", "decides"),
    [
        (ACTIVE, UNSTAMPED, True),
        (ACTIVE, Stamp(PRIMARY, 1), True),
        (ACTIVE, Stamp(OTHER, 1), True),
        (ACTIVE, Stamp(OTHER, 3), False),
        (fenced(ACTIVE, OTHER), UNSTAMPED, False),
        (fenced(ACTIVE, OTHER), None, False),
        (Standing(OTHER, Role.ACTIVE, 1, Mode.HOME, first=PRIMARY), None, True),
        (Standing(OTHER, Role.ACTIVE, 1, Mode.HOME, first=PRIMARY), UNSTAMPED, False),
        (Standing(PRIMARY, Role.ACTIVE, 1, Mode.HOME, first=PRIMARY), UNSTAMPED, True),
        (Standing(OTHER, Role.ACTIVE, 3, Mode.HOME, covers=frozenset({PRIMARY}), first=PRIMARY), UNSTAMPED, True),
        (Standing(OTHER, Role.STANDBY, 1), UNSTAMPED, False),
        (Standing(PRIMARY, Role.ACTIVE, 1, Mode.HOME), UNSTAMPED, True),
        (Standing(PRIMARY, Role.ACTIVE, 1, Mode.HOME), Stamp(PRIMARY, 1), True),
        (Standing(PRIMARY, Role.ACTIVE, 1, Mode.HOME), Stamp(OTHER, 1), False),
        (Standing(PRIMARY, Role.ACTIVE, 2, Mode.HOME, covers=frozenset({OTHER})), Stamp(OTHER, 1), True),
        (Standing(PRIMARY, Role.ACTIVE, 2, Mode.HOME, covers=frozenset({OTHER})), Stamp(OTHER, 3), False),
    ],
)
def test_a_region_decides_what_is_its_own(standing: Standing, newest: Stamp | None, decides: bool) -> None:
    if decides:
        standing.require_own(newest)
    else:
        with pytest.raises(NotHomeError):
            standing.require_own(newest)


def test_no_two_regions_ever_take_the_same_epoch() -> None:
    taken = {region: {own_epoch(above, region, REGIONS) for above in range(1, 200)} for region in REGIONS}
    common = {common_epoch(above, REGIONS) for above in range(200)}

    assert not taken[PRIMARY] & taken[OTHER]
    assert not common & (taken[PRIMARY] | taken[OTHER])
    assert 1 in common
    assert all(own_epoch(above, region, REGIONS) > above for above in range(1, 200) for region in REGIONS)


class Clocks:
    def __init__(self) -> None:
        self.monotonic = self.wall = 100.0


@pytest.fixture
def client() -> Any:
    with quick_moto(region_tables(CONFLICTS, STANDINGS)):
        yield boto3.client("dynamodb")


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def standings(client: Any, clocks: Clocks) -> Standings:
    return Standings(client, STANDINGS, ACTIVE, (lambda: clocks.monotonic, lambda: clocks.wall))


def test_what_was_read_counts_for_a_while_by_both_clocks(client: Any, standings: Standings, clocks: Clocks) -> None:
    operator = Standings(client, STANDINGS, ACTIVE)
    assert standings.now() == ACTIVE
    operator.change(operator.read(), fenced(ACTIVE, OTHER))
    clocks.monotonic = clocks.wall = 100 + REMEMBERED_SECONDS - 0.1
    assert standings.now() == ACTIVE

    clocks.monotonic = 100  # it stood still, as in a process that was frozen
    clocks.wall = 100 + REMEMBERED_SECONDS
    assert standings.now() == fenced(ACTIVE, OTHER)


@pytest.mark.parametrize("moved", [{"monotonic": 5.0}, {"wall": 5.0}, {"wall": -1.0}])
def test_either_clock_ends_what_is_remembered(
    client: Any, standings: Standings, clocks: Clocks, moved: dict[str, float]
) -> None:
    standings.now()
    operator = Standings(client, STANDINGS, ACTIVE)
    operator.change(operator.read(), fenced(ACTIVE, OTHER))
    for name, seconds in moved.items():
        setattr(clocks, name, 100 + seconds)

    assert not standings.now().is_active


def test_a_fence_is_waited_for_as_long_as_anybody_may_write_behind_it() -> None:
    assert fence_seconds(29) == REMEMBERED_SECONDS + 29 + 5


def test_of_two_who_change_it_at_once_one_is_told(client: Any) -> None:
    one, other = (Standings(client, STANDINGS, ACTIVE) for _ in range(2))
    for _ in range(2):
        seen, too = one.read(), other.read()
        one.change(seen, Standing(PRIMARY, Role.ACTIVE, seen.epoch + 1))
        with pytest.raises(OvertakenError):
            other.change(too, fenced(too, OTHER))
    assert one.read() == Standing(PRIMARY, Role.ACTIVE, 4)


def test_who_decides_gives_way_although_it_was_told_of_that_epoch_before(client: Any) -> None:
    standings = Standings(client, STANDINGS, replace(ACTIVE, seen=3))

    assert standings.give_way(OTHER, 3)
    assert not standings.read().is_active


def test_an_act_on_what_somebody_else_acted_on_is_refused(client: Any) -> None:
    one, other = (Standings(client, STANDINGS, ACTIVE) for _ in range(2))
    one.change(one.read(), replace(fenced(ACTIVE, OTHER), acts=1))
    seen = other.read()
    one.change(one.read(), replace(fenced(ACTIVE, OTHER), acts=2))

    with pytest.raises(OvertakenError):
        other.change(seen, replace(seen, role=Role.ACTIVE))


def test_a_region_gives_way_to_a_higher_epoch_and_to_no_other(client: Any) -> None:
    standings = Standings(client, STANDINGS, ACTIVE)

    assert not standings.give_way(OTHER, 2)
    assert standings.give_way(OTHER, 3)
    assert standings.read() == fenced(ACTIVE, OTHER, 3)
    assert not standings.give_way(OTHER, 6), "it was fenced before"
    assert standings.read().known == 6

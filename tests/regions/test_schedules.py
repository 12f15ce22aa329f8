"""Random schedules of two Regions: links that are cut, promotions at bad moments, clocks that are off. Whatever comes,
nothing that was acknowledged is lost, nothing is twice, and every stream is one chain in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..effort import LONG
from .checks import check_the_end
from .sending import opening, transaction
from .world import OTHER, PRIMARY, REGIONS, Pair

_ACCOUNTS = ("a", "b")

Op = tuple[str, int, int]
_OPS = st.tuples(
    st.sampled_from(
        (
            *("send",) * 6,
            *("arrive",) * 4,
            *("relay",) * 3,
            *("reconcile",) * 2,
            *("project", "wait", "cut", "heal", "promote", "promote without fence", "skew", "repeat"),
        )
    ),
    st.integers(0, 1),
    st.integers(0, 11),
)


@settings(max_examples=2_000 if LONG else 60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_OPS, min_size=10, max_size=60))
def test_nothing_that_was_acknowledged_is_lost(ops: list[Op]) -> None:
    run(ops)


def run(ops: Sequence[Op]) -> Pair:
    """Tell a schedule and let all come to rest; what must hold then is checked."""
    pair = Pair.new()
    sent: list[dict[str, Any]] = []
    acknowledged: dict[str, str] = {}
    cut = False

    def send(region: str, request: dict[str, Any]) -> None:
        status, body = pair[region].send(request)
        if status == 200:
            before = acknowledged.setdefault(request["commandId"], body["eventId"])
            assert before == body["eventId"], "one command, two events"

    for name in _ACCOUNTS:
        send(PRIMARY, opening(name, overdraftLimit=20))
    pair.arrive(OTHER)
    for index, (op, which, number) in enumerate(ops):
        region = pair[REGIONS[which]]
        match op:
            case "send":
                amount = 10 if number % 3 else -15
                sent.append(transaction(f"c{index}", amount, _ACCOUNTS[number % 2]))
                send(region.name, sent[-1])
            case "repeat" if sent:
                send(region.name, sent[number % len(sent)])
            case "arrive" if not cut:
                pair.arrive(region.name, _chosen_by(number), most=1 + number)
            case "relay":
                region.relay()
            case "reconcile":
                region.reconcile()
            case "project":
                region.project()
            case "wait":
                pair.pass_time(1 + 4 * number)
            case "cut" | "heal":
                cut = op == "cut"
            case "promote":
                pair.promote(region.name, reach_the_other=True)
            case "promote without fence":
                pair.promote(region.name, reach_the_other=False)
            case "skew":
                region.skew = (number - 6) * 20.0
            case _:
                pass
    pair.quiet()
    check_the_end(pair, acknowledged)
    return pair


def _chosen_by(number: int) -> Callable[[int], int]:
    return lambda waiting: (number * 7) % waiting


@pytest.mark.parametrize("which", [0, 1])
def test_a_schedule_that_is_known_to_be_hard(which: int) -> None:
    """Both sides write over each other's places twice, and each is promoted without the other's knowing."""
    other = 1 - which
    ops: list[Op] = [("cut", 0, 0)]
    ops += [("send", 0, number) for number in (1, 2, 4, 5)]
    ops += [("promote without fence", 1, 0), ("wait", 0, 9), ("skew", which, 11)]
    ops += [("send", 1, number) for number in (1, 2, 4, 5, 7)]
    ops += [("heal", 0, 0), ("arrive", other, 3), ("relay", other, 0), ("reconcile", other, 0)]
    ops += [("promote without fence", 0, 0), ("wait", 0, 9), ("send", 0, 1), ("send", 1, 2), ("arrive", which, 11)]
    pair = run(ops)
    assert pair[PRIMARY].conflicts()

"""Part append: one command on streams of each length, ours beside the others."""

from __future__ import annotations

from itertools import count
from typing import Any

from bench.accounts import LENGTHS, request
from bench.contestants import Contestant, all_contestants
from bench.timings import Timings
from bench.world import World, account_of

WARM_UP = 3
ROUNDS = 40

_names = count(1)


def measure(world: World) -> dict[str, Any]:
    """`{"rows": one per length and contestant, "absent": {title: why}}`."""
    rows = []
    for length in LENGTHS:
        for contestant in _who(world, length):
            world.seed(contestant, length, WARM_UP + 1 + ROUNDS)
        rows += _at(world, length)
    return {
        "rows": rows,
        "absent": {each.title: each.why_not for each in all_contestants() if each.why_not},
    }


def _at(world: World, length: int) -> list[dict[str, Any]]:
    """The contestants take turns, so that what slows the machine for a while slows all of them."""
    costs: dict[str, Any] = {}
    contestants = _who(world, length)
    timings = {contestant.name: Timings(ROUNDS) for contestant in contestants}
    with world.steps.step(f"append at {length:,} events", 1 + WARM_UP + ROUNDS) as advance:
        for number in range(1 + WARM_UP + ROUNDS):
            for contestant in contestants:
                if number == 0:
                    counted = _append(world, contestant, length, number, meter=True)
                    costs[contestant.name] = counted["cost"]
                    timings[contestant.name].counted(counted)
                elif not timings[contestant.name].enough:
                    sample = _append(world, contestant, length, number)
                    if number > WARM_UP:
                        timings[contestant.name].add(sample)
            advance(1)
    return [_row(world, each, length, costs[each.name], timings[each.name]) for each in contestants]


def _who(world: World, length: int) -> list[Contestant]:
    return [each for each in world.contestants if length >= each.shortest]


def _append(world: World, contestant: Contestant, length: int, sample: int, **how: bool) -> dict[str, Any]:
    account = account_of(length, sample)
    command = request(account, length + 1, f"command-{next(_names)}")
    answer = world.process(contestant).ask("append", command=command, length=length, **contestant.task, **how)
    contestant.forget(world.engines, account, length + 1)
    return answer


def _row(world: World, contestant: Contestant, length: int, cost: dict[str, Any], timings: Timings) -> dict[str, Any]:
    units = (cost["read_units"], cost["write_units"]) if world.engines.states_units else (None, None)
    return {
        "subject": contestant.name,
        "title": contestant.title,
        "length": length,
        "operations": cost["operations"],
        "requests": cost["requests"],
        "waits": cost["waits"],
        "readUnits": units[0],
        "writeUnits": units[1],
        **timings.medians(),
    }

"""Part reconstruct: the state at the end, in the middle and as of a time, with snapshots and by the full fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.accounts import LENGTHS, moment
from bench.contestants import OURS
from bench.process import Process
from bench.timings import Timings
from bench.world import World, account_of

ROUNDS = 20
EMPTY_SNAPSHOTS = "snapshots-none"
"""A table of snapshots that nobody fills: with it, the same entry point has to fold the whole stream."""


def measure(world: World) -> dict[str, Any]:
    """`{"rows": one per length, target and way}`, a way being `snapshots` or `fold`."""
    (ours,) = (each for each in world.contestants if each.name == OURS)
    world.copy_snapshots_table(EMPTY_SNAPSHOTS)
    environment = {**world.engines.environment, "SNAPSHOTS_TABLE": EMPTY_SNAPSHOTS}
    rows = []
    with Process(OURS, environment) as folding:
        ways = {"snapshots": world.process(ours), "fold": folding}
        for length in LENGTHS[1:]:
            world.seed(ours, length, 1)
            with world.steps.step(f"reconstruct at {length:,} events", 3 * ROUNDS) as advance:
                for target, place in _targets(length).items():
                    rows += [
                        _row(world, process, length, place, way=way, target=target) for way, process in ways.items()
                    ]
                    advance(ROUNDS)
    return {"rows": rows}


def _targets(length: int) -> Mapping[str, Mapping[str, Any]]:
    """Off the snapshots' places, so that some events are left to fold; at the end as it comes."""
    middle = length // 2 + 3
    return {"end": {}, "middle": {"upToSequence": middle}, "asOf": {"asOf": moment(middle)}}


def _row(
    world: World, process: Process, length: int, place: Mapping[str, Any], *, way: str, target: str
) -> dict[str, Any]:
    query = {"queryType": "reconstructState", "aggregateId": account_of(length, 0), **place}
    counted = process.ask("query", command=query, meter=True)
    cost = counted["cost"]
    timings = Timings(ROUNDS)
    timings.counted(counted)
    while not timings.enough:
        timings.add(process.ask("query", command=query))
    return {
        "way": way,
        "length": length,
        "target": target,
        "requests": cost["requests"],
        "waits": cost["waits"],
        "readUnits": cost["read_units"] if world.engines.states_units else None,
        **timings.medians(),
    }

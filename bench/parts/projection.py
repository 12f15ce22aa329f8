"""Part projection: events a second that one core brings into the read model, by batch and by how events are spread."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count, islice
from typing import Any

from bench.accounts import stream
from bench.contestants import OURS
from bench.process import Process
from bench.world import World
from handlers.sourcing.event import SOURCE, Event
from handlers.sourcing.values import dumps

BATCHES = {1: 150, 10: 40, 100: 10}
"""Batch size to how many batches are measured."""
ACCOUNTS = {"hot": 1, "spread": 100}
WARM_UP = 30
"""Events that come before on each account."""

_messages = count(1)


def measure(world: World) -> dict[str, Any]:
    """`{"rows": one per spread and batch size}`; hot is all events of one account, spread is each of another."""
    (ours,) = (each for each in world.contestants if each.name == OURS)
    process = world.process(ours)
    rows = []
    for spread in ACCOUNTS:
        for size, batches in BATCHES.items():
            with world.steps.step(f"projection, {spread}, batches of {size}", batches) as advance:
                rows.append(_row(world, process, spread, size, batches))
                advance(batches)
    return {"rows": rows}


def _row(world: World, process: Process, spread: str, size: int, batches: int) -> dict[str, Any]:
    number = ACCOUNTS[spread]
    each = WARM_UP + -(-size * (batches + 1) // number)
    streams = [stream(f"projected-{spread}-{size}-{account}", each) for account in range(number)]
    for account in streams:
        process.ask("project", command=queue_batch(islice(account, WARM_UP)))
    events = chain.from_iterable(zip(*streams, strict=True))  # in turns
    cost = process.ask("project", command=queue_batch(islice(events, size)), meter=True)["cost"]
    samples = [process.ask("project", command=queue_batch(islice(events, size))) for _ in range(batches)]
    cpu, wall = (sum(sample[name] for sample in samples) for name in ("cpuMs", "wallMs"))
    return {
        "spread": spread,
        "batch": size,
        "requests": cost["requests"],
        "readUnits": cost["read_units"] if world.engines.states_units else None,
        "writeUnits": cost["write_units"] if world.engines.states_units else None,
        "eventsPerCoreSecond": round(size * batches / cpu * 1e3),
        "eventsPerSecond": round(size * batches / wall * 1e3),
        "cpuMs": round(cpu / batches, 3),
        "samples": batches,
    }


def queue_batch(events: Iterable[Event]) -> dict[str, Any]:
    """Events as the projection queue hands them to the function."""
    return {"Records": [{"messageId": f"message-{next(_messages)}", "body": _delivery(event)} for event in events]}


def _delivery(event: Event) -> str:
    envelope = {"version": "0", "source": SOURCE, "detail-type": event.event_type, "time": event.timestamp}
    return dumps({**envelope, "detail": event.record()})

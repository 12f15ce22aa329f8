"""Part transfers: what a transfer asks of AWS, and how long it takes from its request to its completion.

What it asks is counted in process, between two accounts that their process has not met; how long it takes is seen from
outside, on the embedded AWS in a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median, quantiles
from typing import Any

from bench.accounts import request as command
from bench.contestants import OURS
from bench.parts.projection import queue_batch
from bench.process import Process
from bench.progress import Advance, Steps
from bench.served import serving
from bench.world import World
from handlers.sourcing.event import Event
from handlers.store.items import to_record
from local.client import StackClient
from tests.aws import STORE

COUNTED = 20
"""Transfers that are timed in process, behind the one that is counted."""
SAMPLES = 100
CLIENTS = 8
EACH = 25
"""Transfers that each of the clients at once asks for."""
WARM_UP = 5
LOOK_EVERY = 0.002
PATIENCE = 60.0
"""Seconds after which a transfer that does not end is a failure of the system."""
LAST = 3
"""The sequence of TransferCompleted, of one that needs no approval."""


def measure(world: World) -> dict[str, Any]:
    """`{"request", "process", "poke", "rows"}`: calls of each; `{"completedMs", "visibleMs", "samples", "load"}`."""
    return {**counted(world), **_from_outside(world.steps)}


def counted(world: World) -> dict[str, Any]:
    """Calls of a request, of its process, of a poke when it has ended, and of the projection of its row."""
    (ours,) = (each for each in world.contestants if each.name == OURS)
    process = world.process(ours)
    with world.steps.step("transfers, counted", COUNTED + 1) as advance:
        name = _asked(process, 0)
        requested = process.ask("append", command=_request(name, "counted-0"), meter=True)
        events = _events(world, name)
        carried = process.ask("carry", command=queue_batch(events), meter=True)
        poke = process.ask("carry", command=queue_batch(events), meter=True)
        rows = process.ask("project", command=queue_batch(events), meter=True)
        rest = [process.ask("project", command=queue_batch([each]), meter=True) for each in _events(world, name)[1:]]
        advance(1)
        samples = []
        for number in range(1, COUNTED + 1):
            name = _asked(process, number)
            process.ask("append", command=_request(name, f"counted-{number}"))
            samples.append(process.ask("carry", command=queue_batch(_events(world, name))))
            advance(1)
    known = world.engines.states_units
    return {
        "request": _calls([requested], known),
        "process": {**_calls([carried], known), "cpuMs": round(median(each["cpuMs"] for each in samples), 3)},
        "poke": {**_calls([poke], known), "cpuMs": round(poke["cpuMs"], 3)},
        "rows": _calls([rows, *rest], known),
    }


def _asked(process: Process, number: int) -> str:
    """The name of a transfer that can be asked for: its accounts are there."""
    for side in ("giver", "taker"):
        account = f"counted-{number}-{side}"
        for sequence in (1, 2):
            process.ask("append", command=command(account, sequence, f"{account}-{sequence}"))
    return f"counted-{number}-transfer"


def _events(world: World, name: str) -> list[Event]:
    answer = world.engines.dynamodb.query(
        TableName=STORE,
        KeyConditionExpression="AggregateId = :name",
        ExpressionAttributeValues={":name": {"S": name}},
        ConsistentRead=True,
    )
    return [Event.of(to_record(item)) for item in answer["Items"]]


def _calls(asked: Sequence[dict[str, Any]], known: bool) -> dict[str, Any]:
    costs = [each["cost"] for each in asked]
    return {
        "requests": sum(cost["requests"] for cost in costs),
        "waits": sum(cost["waits"] for cost in costs),
        "readUnits": sum(cost["read_units"] for cost in costs) if known else None,
        "writeUnits": sum(cost["write_units"] for cost in costs) if known else None,
    }


def _request(name: str, accounts: str) -> dict[str, Any]:
    data = {"fromAccount": f"{accounts}-giver", "toAccount": f"{accounts}-taker", "amount": 1, "currency": "USD"}
    return {"aggregateId": name, "eventType": "TransferRequested", "eventData": data, "commandId": f"{name}-request"}


def _from_outside(steps: Steps) -> dict[str, Any]:
    steps.say("serve the stack on the embedded AWS")
    with serving() as (_, client):
        for number in range(CLIENTS):
            for side in ("giver", "taker"):
                account = f"pair-{number}-{side}"
                for sequence in (1, 2):
                    _accepted(client, command(account, sequence, f"{account}-{sequence}"))
        numbers = count()
        for _ in range(WARM_UP):
            _sample(client, next(numbers))
        with steps.step("transfers, one at a time", SAMPLES) as advance:
            samples = []
            for _ in range(SAMPLES):
                samples.append(_sample(client, next(numbers)))
                advance(1)
        with steps.step(f"transfers of {CLIENTS} clients at once", CLIENTS * EACH) as advance_load:
            load = _load(client, advance_load)
    completed, visible = zip(*samples, strict=True)
    told = {"completedMs": _percentiles(completed), "visibleMs": _percentiles(visible), "samples": len(samples)}
    return {**told, "load": load}


def _sample(client: StackClient, number: int) -> tuple[float, float]:
    """Milliseconds from sending a request until the transfer was completed, and until its row said so."""
    name = f"one-{number}"
    sent = time.perf_counter()
    _accepted(client, _request(name, f"pair-{number % CLIENTS}"))
    _await(name, lambda: _is_completed(client, name))
    completed = time.perf_counter()
    _await(name, lambda: (client.row(name, "TransferSummary") or {}).get("Status") == "Completed")
    return (completed - sent) * 1e3, (time.perf_counter() - sent) * 1e3


def _load(client: StackClient, advance: Advance) -> dict[str, Any]:
    """Transfers of all clients as fast as each request is accepted, between accounts of their own."""

    def drive(number: int) -> None:
        names = [f"load-{number}-{turn}" for turn in range(EACH)]
        for name in names:
            _accepted(client, _request(name, f"pair-{number}"))
        for name in names:
            _await(name, lambda name=name: _is_completed(client, name))  # type: ignore[misc]
            advance(1)

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(drive, range(CLIENTS)))
    seconds, transfers = time.monotonic() - began, CLIENTS * EACH
    return {
        "clients": CLIENTS,
        "transfers": transfers,
        "perSecond": round(transfers / seconds, 1),
        "seconds": round(seconds, 1),
    }


def _accepted(client: StackClient, asked: dict[str, Any]) -> None:
    status, answer = client.invoke("commandFunction", asked)
    if status != 200:  # noqa: PLR2004 -- HTTP's OK
        raise RuntimeError(f"{asked['commandId']} was answered {status} {answer}")


def _is_completed(client: StackClient, name: str) -> bool:
    key = {"AggregateId": {"S": name}, "EventSequence": {"N": str(LAST)}}
    answer = client.aws("dynamodb").get_item(TableName=client.outputs["eventStoreTable"], Key=key, ConsistentRead=True)
    found: str = answer["Item"]["EventType"]["S"] if "Item" in answer else ""
    if found not in ("", "TransferCompleted"):
        raise RuntimeError(f"{name} did not go well: {found}")
    return bool(found)


def _await(name: str, there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} has not come to its end after {PATIENCE:g} s")
        time.sleep(LOOK_EVERY)


def _percentiles(samples: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(samples, n=100, method="inclusive")
    told = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(samples)}
    return {name: round(value, 1) for name, value in told.items()}

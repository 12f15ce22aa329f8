"""Part latency: the embedded AWS as a developer has it, in a process of its own: empty, under load, and full.

How long a command takes, and from then on until its event shows in the read model; how many commands a second several
clients get answered at once; what it holds of the machine's memory; what a command writes into logs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import quantiles
from typing import Any

from bench import logged
from bench.accounts import request
from bench.memory import held_by
from bench.progress import Advance, Steps
from bench.served import serving
from local.client import StackClient, eventually
from local.engine.pool import IDLE_SECONDS

ACCOUNTS = 10
COMMANDS = 200
REST = 1.5 * IDLE_SECONDS
"""Seconds without a call until memory counts as at rest: workers that a busy moment began have ended by then."""

LOOK_EVERY = 0.002
PATIENCE = 30.0
"""Seconds after which an event that does not show is a failure of the system."""

CLIENTS = 8
ACCOUNTS_OF_A_CLIENT = 25
STORED = 10_000
"""Events after which the store counts as full."""
LONGEST_LOAD = 200.0
"""Seconds after which the load ends short of that."""
SETTLED = 300.0
"""Seconds that projections may take to catch up with the load."""

FUNCTIONS = ("command", "relay", "projection", "snapshot")

Samples = Sequence[tuple[float, float]]


def measure(steps: Steps, stored: int = STORED) -> dict[str, Any]:
    """`{"acceptedMs", "visibleMs", "samples"}` of the empty store, `"full"` of the full one, `"load"`, `"memoryMb"` and
    `"logs"`.
    """
    steps.say("serve the stack on the embedded AWS")
    with serving() as (process, client):
        sequences = {f"latency-{number}": count(1) for number in range(ACCOUNTS)}
        for account, numbers in sequences.items():  # opens the accounts, and warms everything up
            _sample(client, account, next(numbers))
        with steps.step("accepted to visible, empty store", COMMANDS) as advance_empty:
            empty = _samples(client, sequences, advance_empty)
        steps.say("wait until what the start began has ended")
        time.sleep(REST)
        held = held_by(process.pid)
        logs = {
            **{function: logged.per_invocation(client, function) for function in FUNCTIONS},
            "auditedEventBytes": logged.per_audited_event(client),
        }
        before = ACCOUNTS + COMMANDS
        with steps.step(f"{CLIENTS} clients at once", stored - before) as advance_load:
            load = _load(client, stored - before, advance_load)
        with steps.step("projections catch up", 1) as settled:
            _settle(client)
            settled(1)
        with steps.step(f"accepted to visible, {before + load['commands']:,} events", COMMANDS) as advance_full:
            full = _samples(client, sequences, advance_full)
    return {
        **_told(empty),
        "full": {**_told(full), "events": before + load["commands"]},
        "load": load,
        "memoryMb": {"engine": round(held.engine_mb), "workers": round(held.workers_mb), "processes": held.workers},
        "logs": logs,
    }


def _samples(client: StackClient, sequences: dict[str, count[int]], advance: Advance) -> Samples:
    samples = []
    accounts = list(sequences)
    for number in range(COMMANDS):
        account = accounts[number % len(accounts)]
        samples.append(_sample(client, account, next(sequences[account])))
        advance(1)
    return samples


def _sample(client: StackClient, account: str, sequence: int) -> tuple[float, float]:
    """Milliseconds until a command was accepted, and from then on until its event was visible."""
    sent = time.perf_counter()
    _command(client, account, sequence)
    accepted = time.perf_counter()
    while (client.row(account) or {}).get("LastSequence", 0) < sequence:
        if time.perf_counter() - accepted > PATIENCE:
            raise TimeoutError(f"event {sequence} of {account} is not visible after {PATIENCE:g} s")
        time.sleep(LOOK_EVERY)
    return (accepted - sent) * 1e3, (time.perf_counter() - accepted) * 1e3


def _command(client: StackClient, account: str, sequence: int) -> None:
    status, answer = client.invoke("commandFunction", request(account, sequence, f"{account}-{sequence}"))
    if (status, answer.get("sequence")) != (200, sequence):
        raise RuntimeError(f"command {sequence} of {account} was answered {status} {answer}")


def _load(client: StackClient, commands: int, advance: Advance) -> dict[str, Any]:
    """Commands of all clients as fast as each is answered, on accounts of their own."""
    end = time.monotonic() + LONGEST_LOAD
    each = -(-commands // CLIENTS)

    def drive(number: int) -> int:
        for done in range(each):
            if time.monotonic() > end:
                return done
            _command(client, f"load-{number}-{done % ACCOUNTS_OF_A_CLIENT}", 1 + done // ACCOUNTS_OF_A_CLIENT)
            advance(1)
        return each

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        done = sum(clients.map(drive, range(CLIENTS)))
    seconds = time.monotonic() - began
    return {"clients": CLIENTS, "commands": done, "perSecond": round(done / seconds, 1), "seconds": round(seconds, 1)}


def _settle(client: StackClient) -> None:
    """Wait until the projections have caught up."""
    _command(client, "settle", 1)
    eventually(lambda: client.row("settle"), bool, SETTLED)
    if waiting := eventually(lambda: client.messages("projectionQueueUrl"), lambda left: not left, SETTLED):
        raise TimeoutError(f"{waiting} messages are still in the projection queue after {SETTLED:g} s")


def _told(samples: Samples) -> dict[str, Any]:
    accepted, visible = zip(*samples, strict=True)
    return {"acceptedMs": _percentiles(accepted), "visibleMs": _percentiles(visible), "samples": len(samples)}


def _percentiles(samples: tuple[float, ...]) -> dict[str, float]:
    cuts = quantiles(samples, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "max": round(max(samples), 1)}

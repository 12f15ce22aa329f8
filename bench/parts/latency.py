"""Part latency: from the answer to a command until its event shows in the read model, in the embedded AWS."""

from __future__ import annotations

import time
from statistics import quantiles
from typing import Any

from bench.accounts import request
from bench.process import PROJECT
from bench.progress import Steps
from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine

ACCOUNTS = 10
COMMANDS = 200
STACK = "local"
LOOK_EVERY = 0.002
PATIENCE = 30.0
"""Seconds after which an event that does not show is a failure of the system."""


def measure(steps: Steps) -> dict[str, Any]:
    """`{"acceptedMs", "visibleMs": {"p50", "p99", "max"}, "samples"}`."""
    with Engine() as engine:
        with steps.step("deploy the stack onto the embedded AWS", 1) as advance:
            deployment = deploy(engine.endpoint, STACK, PROJECT, on_progress=lambda _: None)
            advance(1)
        client = StackClient({**deployment.outputs, "endpoint": engine.endpoint})
        for account in range(ACCOUNTS):  # opens the accounts, and warms everything up
            _sample(client, account, 1)
        with steps.step("accepted to visible", COMMANDS) as advance:
            samples = []
            for number in range(COMMANDS):
                samples.append(_sample(client, number % ACCOUNTS, 2 + number // ACCOUNTS))
                advance(1)
    accepted, visible = zip(*samples, strict=True)
    return {"acceptedMs": _percentiles(accepted), "visibleMs": _percentiles(visible), "samples": COMMANDS}


def _sample(client: StackClient, account: int, sequence: int) -> tuple[float, float]:
    """Milliseconds until a command was accepted, and from then on until its event was visible."""
    name = f"latency-{account}"
    command = request(name, sequence, f"{name}-{sequence}")
    sent = time.perf_counter()
    status, answer = client.invoke("commandFunction", command)
    accepted = time.perf_counter()
    if (status, answer.get("sequence")) != (200, sequence):
        raise RuntimeError(f"command {sequence} of {name} was answered {status} {answer}")
    while (client.row(name) or {}).get("LastSequence", 0) < sequence:
        if time.perf_counter() - accepted > PATIENCE:
            raise TimeoutError(f"event {sequence} of {name} is not visible after {PATIENCE:g} s")
        time.sleep(LOOK_EVERY)
    return (accepted - sent) * 1e3, (time.perf_counter() - accepted) * 1e3


def _percentiles(samples: tuple[float, ...]) -> dict[str, float]:
    cuts = quantiles(samples, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "max": round(max(samples), 1)}

"""Counts what a piece of code asks of AWS: requests, how many of them wait for each other, and units."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import boto3

WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
LATENCY = 0.05
"""Seconds by which a metered request is held back, so that calls made side by side are seen to overlap."""


class Call(NamedTuple):
    """One call: when it began and ended, the HTTP requests it took (more than one with retries), and its units."""

    operation: str
    started: float
    ended: float
    requests: int
    units: float


class Cost(NamedTuple):
    """What some calls come to. Units are those that the engine states, which only Amazon's own states rightly."""

    operations: list[str]
    requests: int
    waits: int
    read_units: float
    write_units: float


@dataclass
class Meter:
    """Hears of every call of every client that was made since `listen`, in whatever thread, while it is `on`."""

    on: bool = False
    latency: float = LATENCY
    calls: list[Call] = field(default_factory=list)
    _open: threading.local = field(default_factory=threading.local)

    def listen(self) -> None:
        """Hook into boto3's default session: the clients made of it from now on are heard."""
        boto3.setup_default_session()
        session: Any = boto3.DEFAULT_SESSION
        session.events.register("provide-client-params.dynamodb", self._ask)
        session.events.register("before-call", self._begin)
        session.events.register("before-send", self._send)
        session.events.register("after-call", self._end)

    @contextmanager
    def counting(self) -> Iterator[list[Call]]:
        """The calls made meanwhile."""
        self.calls, self.on = [], True
        try:
            yield self.calls
        finally:
            self.on = False

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.on and "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "TOTAL"

    def _begin(self, **_: Any) -> None:
        if self.on:
            self._open.started, self._open.requests = time.perf_counter(), 0

    def _send(self, **_: Any) -> None:
        if self.on:
            self._open.requests += 1
            time.sleep(self.latency)

    def _end(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if self.on:
            now, opened = time.perf_counter(), self._open
            self.calls.append(Call(model.name, opened.started, now, opened.requests, _units(parsed)))


def cost(calls: Sequence[Call]) -> Cost:
    """Add up calls; operations in the order in which they began."""
    ordered = sorted(calls, key=lambda call: call.started)
    return Cost(
        operations=[call.operation for call in ordered],
        requests=sum(call.requests for call in calls),
        waits=waits(calls),
        read_units=sum(call.units for call in calls if call.operation not in WRITES),
        write_units=sum(call.units for call in calls if call.operation in WRITES),
    )


def waits(calls: Sequence[Call]) -> int:
    """How many round trips a caller waits for one after the other: the most calls of which no two overlap."""
    count, free = 0, float("-inf")
    for call in sorted(calls, key=lambda call: call.ended):
        if call.started >= free:
            count, free = count + 1, call.ended
    return count


def _units(parsed: dict[str, Any]) -> float:
    consumed = parsed.get("ConsumedCapacity", [])
    return sum(float(each.get("CapacityUnits", 0)) for each in (consumed if isinstance(consumed, list) else [consumed]))

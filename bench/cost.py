"""What a million commands cost, ours and the recipe's: quantities that were measured or are assumed, times list prices.

A command is one event of at most 1 KB on an account of 100,000 events, whose length does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

from . import prices
from .results import Results

COMMANDS = 1_000_000
LENGTH = 100_000
WAIT_MS = 5.0
"""Assumed: one round trip from a function to DynamoDB or EventBridge in the same Region."""
FULL_CORE_MB = 1_769
"""Memory at which Lambda gives a function one core; less memory is a share of it."""
LOOK_UP_UNITS = 1.0
"""Assumed for a strongly consistent Query that finds nothing: DynamoDB Local states 0, AWS does not say."""
MEMORY_MB = 512
SNAPSHOT_EVERY = 10
RELAY_MS, SNAPSHOT_MS = 40.0, 60.0
"""Assumed: an invocation of relay with a batch, and of snapshot."""
BATCH = 10
"""Assumed: what relay and projection get at once; snapshot gets one event."""
RECIPE_MEMORY_MB = 128
"""Lambda's default, as the recipe states none."""
TRACED = 0.05
EVENT_BYTES, COMMAND_ENTRY_BYTES, SNAPSHOT_BYTES = 600, 250, 450
"""Of a transaction without much data; with DynamoDB's 100 bytes of each item and index entry."""
IDLE_QUEUE = 5 * 3 * 60 * prices.HOURS_A_MONTH * prices.QUEUE_REQUEST
"""Lambda's five pollers of a queue that is empty, each with long polls of 20 s."""

_PARTS = ("append", "projection")


def can_be_told(results: Results) -> bool:
    """Whether all is there that the sums need: both parts, with the units that only DynamoDB Local states."""
    rows = [row for part in _PARTS if part in results for row in results[part]["rows"]]
    return all(part in results for part in _PARTS) and all(row["writeUnits"] is not None for row in rows)


class Line(NamedTuple):
    """One line of a sum."""

    what: str
    quantity: float
    unit: str
    price: float

    @property
    def usd(self) -> float:
        return self.quantity * self.price


def milliseconds(cpu_ms: float, waits: int, memory_mb: int) -> float:
    """How long an invocation lasts: its CPU time on a share of a core like this machine's, and its waits."""
    return cpu_ms * max(1.0, FULL_CORE_MB / memory_mb) + waits * WAIT_MS


def command_ms(results: Results, subject: str, memory_mb: int) -> float:
    """The command function's duration."""
    row = _append(results, subject)
    return milliseconds(row["cpuMs"], row["waits"], memory_mb)


def busy_ms(results: Results) -> float:
    """Milliseconds of all functions together that one command takes."""
    behind = (RELAY_MS + projection_ms(results)) / BATCH + SNAPSHOT_MS / SNAPSHOT_EVERY
    return command_ms(results, "ours", MEMORY_MB) + behind


def gigabytes_kept(events: float) -> float:
    """What so many events take: each twice (table, type index), its command's entry, its share of a snapshot."""
    return events * (2 * EVENT_BYTES + COMMAND_ENTRY_BYTES + 2 * SNAPSHOT_BYTES / SNAPSHOT_EVERY) / 1e9


def projection_ms(results: Results) -> float:
    """The projection function's duration for a batch of `BATCH` events of as many accounts."""
    row = _projection(results)
    return milliseconds(row["cpuMs"], row["requests"], MEMORY_MB)


def ours(results: Results) -> list[Line]:
    """The sum for this ledger."""
    append, batch = _append(results, "ours"), _projection(results)
    batches = COMMANDS / BATCH
    gigabyte = COMMANDS / 1e9
    return [
        Line(
            "append: PutItem into table, type index and command index",
            _times(append["writeUnits"]),
            "write units",
            prices.WRITE_UNIT,
        ),
        Line(
            "reads before it: snapshot, tail, look-up of the command",
            _times(append["readUnits"] + LOOK_UP_UNITS),
            "read units",
            prices.READ_UNIT,
        ),
        *_function("command", COMMANDS, command_ms(results, "ours", MEMORY_MB), MEMORY_MB, "arm64"),
        *_function("relay, batches of 10, 40 ms (assumed)", batches, RELAY_MS, MEMORY_MB, "arm64"),
        *_function(
            "snapshot, every 10th event, 60 ms (assumed)", COMMANDS / SNAPSHOT_EVERY, SNAPSHOT_MS, MEMORY_MB, "arm64"
        ),
        Line("snapshots: table and time index", COMMANDS / SNAPSHOT_EVERY * 2, "write units", prices.WRITE_UNIT),
        Line(
            "snapshots: the one before, and the events since",
            COMMANDS / SNAPSHOT_EVERY * 2.5,
            "read units",
            prices.READ_UNIT,
        ),
        Line("custom events on the bus", COMMANDS, "events", prices.BUS_EVENT),
        Line("archive: 1 KB an event", gigabyte * 1_000, "GB", prices.ARCHIVE_GB),
        Line(
            "SQS: send each, receive and delete by tens", COMMANDS * (1 + 2 / BATCH), "requests", prices.QUEUE_REQUEST
        ),
        *_function("projection, batches of 10 accounts", batches, projection_ms(results), MEMORY_MB, "arm64"),
        Line("read model: two rows, strongly consistent", batches * batch["readUnits"], "read units", prices.READ_UNIT),
        Line(
            "read model: summary and statement of 20 entries",
            batches * batch["writeUnits"],
            "write units",
            prices.WRITE_UNIT,
        ),
        Line("audit log: 1.2 KB an event", gigabyte * 1_200, "GB", prices.LOG_GB),
        Line("functions' logs: 1 KB a command", gigabyte * 1_000, "GB", prices.LOG_GB),
        Line(
            "X-Ray: 5 % of the invocations",
            TRACED * (COMMANDS + 2 * batches + COMMANDS / SNAPSHOT_EVERY),
            "traces",
            prices.TRACE,
        ),
    ]


def recipe(results: Results) -> list[Line]:
    """The sum for the recipe, were its tables billed on demand and could they take it."""
    append = _append(results, "recipe")
    gigabyte = COMMANDS / 1e9
    return [
        Line(
            "append: PutItem into table and type index", _times(append["writeUnits"]), "write units", prices.WRITE_UNIT
        ),
        Line(
            "read before it: the newest event, eventually consistent",
            _times(append["readUnits"]),
            "read units",
            prices.READ_UNIT,
        ),
        *_function("command", COMMANDS, command_ms(results, "recipe", RECIPE_MEMORY_MB), RECIPE_MEMORY_MB, "x86_64"),
        Line("custom events on the bus", COMMANDS, "events", prices.BUS_EVENT),
        Line("archive: 0.5 KB an event", gigabyte * 500, "GB", prices.ARCHIVE_GB),
        *_function("projection, an event each, 60 ms (assumed)", COMMANDS, 60.0, RECIPE_MEMORY_MB, "x86_64"),
        Line("read model: one row, eventually consistent", _times(0.5), "read units", prices.READ_UNIT),
        Line("read model: one row of up to 1 KB", _times(1), "write units", prices.WRITE_UNIT),
        Line("functions' logs: two invocations, 0.8 KB", gigabyte * 800, "GB", prices.LOG_GB),
    ]


def recipe_idle() -> list[Line]:
    """What the recipe's provisioned tables cost a month, used or not."""
    writes, reads = 10 + 5 + 5, 10 + 5 + 5
    return [
        Line(
            "table 10, type index 5, read model 5",
            writes * prices.HOURS_A_MONTH,
            "write unit hours",
            prices.PROVISIONED_WRITE_UNIT_HOUR,
        ),
        Line(
            "table 10, type index 5, read model 5",
            reads * prices.HOURS_A_MONTH,
            "read unit hours",
            prices.PROVISIONED_READ_UNIT_HOUR,
        ),
    ]


def total(lines: list[Line]) -> float:
    """US$."""
    return sum(line.usd for line in lines)


def _function(what: str, invocations: float, ms: float, memory_mb: int, architecture: str) -> list[Line]:
    gb_seconds = invocations * ms / 1e3 * memory_mb / 1024
    return [
        Line(
            f"function {what}: {memory_mb} MB {architecture}, {ms:.0f} ms",
            gb_seconds,
            "GB s",
            prices.LAMBDA_GB_SECOND[architecture],
        ),
        Line(f"function {what.split(',', maxsplit=1)[0]}: invocations", invocations, "requests", prices.LAMBDA_REQUEST),
    ]


def _times(units: float) -> float:
    return units * COMMANDS


def _append(results: Results, subject: str) -> Results:
    return next(row for row in results["append"]["rows"] if (row["subject"], row["length"]) == (subject, LENGTH))


def _projection(results: Results) -> Results:
    return next(row for row in results["projection"]["rows"] if (row["spread"], row["batch"]) == ("spread", BATCH))

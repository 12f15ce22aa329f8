"""What a million commands cost, ours and the recipe's: quantities that were measured or are assumed, times list prices.

A command is one event of at most 1 KB on an account of 100,000 events, whose length does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from . import prices
from .logged import LINE_BYTES
from .results import Results

COMMANDS = 1_000_000
WARM = "ours_warm"
"""The subject whose process keeps the account's present, as part append names it."""
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
PROJECTION_WAITS = 3
"""Of a batch of any accounts: its rows are read, its entries written, then its rows, side by side."""
BATCH = 10
"""Assumed: what relay and projection get at once; snapshot gets one event."""
RECIPE_MEMORY_MB = 128
"""Lambda's default, as the recipe states none."""
TRACED = 0.05
"""What X-Ray samples of a function's invocations behind the first in each second; Lambda lets nobody set it."""
RATE = 100
"""Assumed: commands a second, by which the first in each second counts. At one a second all would be traced."""
SUMMARY_UNITS = 1.0
"""Of the account summary's row, written or read with strong consistency: it has less than a kilobyte."""
EVENT_BYTES, COMMAND_ENTRY_BYTES, SNAPSHOT_BYTES = 600, 250, 450
"""Of a transaction without much data; with DynamoDB's 100 bytes of each item and index entry."""
EVENT_UNITS = 0.15
"""Read units of such an event in a page, read with strong consistency."""
IDLE_QUEUE = 5 * 3 * 60 * prices.HOURS_A_MONTH * prices.QUEUE_REQUEST
"""Lambda's five pollers of a queue that is empty, each with long polls of 20 s."""

TRANSFER_EVENTS, TRANSFER_EVENTS_ON_ACCOUNTS, TRANSFER_POKES = 6, 3, 3
"""Of a transfer that goes well: all; FundsReserved, and a TransactionProcessed on either side; and those that wake its
process, of which the first finds everything due and the others nothing."""
TRANSFER_LOOK_UPS = 8
"""Its six commands, and two that are asked about beforehand."""
RACED = (0.1, 0.9)
"""Puts a transfer that fail since another message of it was quicker, at least and at most: `python -m bench racing`,
with little and with much else to do."""
BEAT_MINUTES = 5
SWEEP_MS, SWEEP_UNITS = 60.0, 2.0
"""Of a sweep that finds nothing: assumed, and half a unit for each part of the index."""

_PARTS = ("append", "projection")


@dataclass(frozen=True)
class Choice:
    """What a stack has of what can be left out, and what it meets."""

    audit_log: bool = True
    statement: bool = True
    tracing: bool = True
    type_index: bool = True
    reports: bool = True
    """Lambda's own lines around an invocation that went well."""
    snapshot_every: int = SNAPSHOT_EVERY
    """Events of an account from one snapshot to the next. What a cold command reads more of is not in the sum."""
    warm: bool = True
    """Every command meets a process that keeps its account's present; else none does."""


EVERYTHING = Choice()
RECIPES_OWN = Choice(audit_log=False, statement=False, tracing=False, reports=False, snapshot_every=100)
"""What the recipe has, too, as docs/examples/Pulumi.lean.yaml sets it. It has no snapshots, and this ledger a few."""


def can_be_told(results: Results) -> bool:
    """Whether all is there that the sums need: bytes of logs, and the units that only DynamoDB Local states."""
    rows = [row for part in _PARTS if part in results for row in results[part]["rows"]]
    return (
        all(part in results for part in _PARTS)
        and all(row["writeUnits"] is not None for row in rows)
        and "logs" in results.get("latency", {})
    )


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
    """Milliseconds of all functions together that one command takes, of which none meets its account's present."""
    behind = (RELAY_MS + projection_ms(results)) / BATCH + SNAPSHOT_MS / SNAPSHOT_EVERY
    return command_ms(results, "ours", MEMORY_MB) + behind


def gigabytes_kept(events: float) -> float:
    """What so many events take: each twice (table, type index), its command's entry, its share of a snapshot."""
    return events * (2 * EVENT_BYTES + COMMAND_ENTRY_BYTES + 2 * SNAPSHOT_BYTES / SNAPSHOT_EVERY) / 1e9


def projection_ms(results: Results, memory_mb: int = MEMORY_MB) -> float:
    """The projection function's duration for a batch of `BATCH` events of as many accounts."""
    return milliseconds(_projection(results)["cpuMs"], PROJECTION_WAITS, memory_mb)


def ours(results: Results, choice: Choice = EVERYTHING) -> list[Line]:
    """The sum for this ledger."""
    subject = _subject(results, choice)
    append, batch = _append(results, subject), _projection(results)
    batches, snapshots = COMMANDS / BATCH, COMMANDS / choice.snapshot_every
    optional = [
        *([_audit_log(results)] if choice.audit_log else []),
        *([_traces(batches, snapshots)] if choice.tracing else []),
    ]
    return [
        Line(
            "append: PutItem into table, command index" + (" and type index" if choice.type_index else ""),
            _times(append["writeUnits"] - (not choice.type_index)),
            "write units",
            prices.WRITE_UNIT,
        ),
        Line(
            "reads before it: look-up of the command" + ("" if choice.warm else ", snapshot, tail"),
            _times(_reads_before(append)),
            "read units",
            prices.READ_UNIT,
        ),
        *_function("command", COMMANDS, command_ms(results, subject, MEMORY_MB), MEMORY_MB, "arm64"),
        *_function("relay, batches of 10, 40 ms (assumed)", batches, RELAY_MS, MEMORY_MB, "arm64"),
        *_function(
            f"snapshot, every {choice.snapshot_every}th event, 60 ms (assumed)",
            snapshots,
            SNAPSHOT_MS,
            MEMORY_MB,
            "arm64",
        ),
        Line("snapshots: table and time index", snapshots * 2, "write units", prices.WRITE_UNIT),
        Line(
            "snapshots: the one before, and the events since",
            snapshots * (1 + choice.snapshot_every * EVENT_UNITS),
            "read units",
            prices.READ_UNIT,
        ),
        Line("custom events on the bus", COMMANDS, "events", prices.BUS_EVENT),
        _archive(results),
        Line(
            "SQS: send each, receive and delete by tens", COMMANDS * (1 + 2 / BATCH), "requests", prices.QUEUE_REQUEST
        ),
        *_function("projection, batches of 10 accounts", batches, projection_ms(results), MEMORY_MB, "arm64"),
        *_rows("account summary", SUMMARY_UNITS, SUMMARY_UNITS),
        *(
            _rows(
                "account statement",
                batch["readUnits"] / BATCH - SUMMARY_UNITS,
                batch["writeUnits"] / BATCH - SUMMARY_UNITS,
            )
            if choice.statement
            else []
        ),
        Line(
            f"functions' logs: {function_log_bytes(results, choice):.0f} bytes a command",
            COMMANDS * function_log_bytes(results, choice) / 1e9,
            "GB",
            prices.LOG_GB,
        ),
        *optional,
    ]


def transfers_can_be_told(results: Results) -> bool:
    """Whether what a transfer takes was measured, units and all."""
    part = results.get("transfers", {})
    return "process" in part and part["process"]["writeUnits"] is not None


def transfer_ms(results: Results) -> float:
    """The process function's duration, for all the messages of a transfer that goes well."""
    part = results["transfers"]
    first, again = (milliseconds(part[name]["cpuMs"], part[name]["waits"], MEMORY_MB) for name in ("process", "poke"))
    return first + (TRANSFER_POKES - 1) * again


def transfers(results: Results) -> list[Line]:
    """The sum for a million transfers that go well, with everything on, between accounts that no process has met."""
    part, batch = results["transfers"], _projection(results)
    steps = [part["request"], part["process"], *[part["poke"]] * (TRANSFER_POKES - 1)]
    batches = COMMANDS * TRANSFER_EVENTS / BATCH
    snapshots = COMMANDS * TRANSFER_EVENTS_ON_ACCOUNTS / SNAPSHOT_EVERY  # its own stream is too short for any
    per_event = function_log_bytes(results) - _log_bytes(results, "command")
    logged = 2 * _log_bytes(results, "command") + TRANSFER_EVENTS * per_event
    statement = {name: batch[name] / BATCH - SUMMARY_UNITS for name in ("readUnits", "writeUnits")}
    (archive, audit) = (each(results) for each in (_archive, _audit_log))
    return [
        Line(
            f"appends: {TRANSFER_EVENTS} events",
            _times(sum(each["writeUnits"] for each in steps)),
            "write units",
            prices.WRITE_UNIT,
        ),
        Line(
            "reads before them: presents, and look-ups of commands",
            _times(sum(each["readUnits"] for each in steps) + TRANSFER_LOOK_UPS * LOOK_UP_UNITS + 2 * 0.5),
            "read units",
            prices.READ_UNIT,
        ),
        *_function("command", COMMANDS, command_ms(results, "ours", MEMORY_MB), MEMORY_MB, "arm64"),
        Line(
            f"function process: {MEMORY_MB} MB arm64, {transfer_ms(results):.0f} ms for {TRANSFER_POKES} messages",
            COMMANDS * transfer_ms(results) / 1e3 * MEMORY_MB / 1024,
            "GB s",
            prices.LAMBDA_GB_SECOND["arm64"],
        ),
        Line("function process: invocations", COMMANDS * TRANSFER_POKES, "requests", prices.LAMBDA_REQUEST),
        *_function("relay, batches of 10, 40 ms (assumed)", batches, RELAY_MS, MEMORY_MB, "arm64"),
        *_function("snapshot, every 10th event, 60 ms (assumed)", snapshots, SNAPSHOT_MS, MEMORY_MB, "arm64"),
        Line("snapshots: table and time index", snapshots * 2, "write units", prices.WRITE_UNIT),
        Line("snapshots: the one before, and the events since", snapshots * 2.5, "read units", prices.READ_UNIT),
        Line("custom events on the bus", COMMANDS * TRANSFER_EVENTS, "events", prices.BUS_EVENT),
        archive._replace(quantity=archive.quantity * TRANSFER_EVENTS),
        Line(
            "SQS: the projection queue by tens, the process queue one by one",
            COMMANDS * (TRANSFER_EVENTS * (1 + 2 / BATCH) + 3 * TRANSFER_POKES),
            "requests",
            prices.QUEUE_REQUEST,
        ),
        *_function("projection, batches of 10 accounts", batches, projection_ms(results), MEMORY_MB, "arm64"),
        *_rows("the transfer's row and its index", part["rows"]["readUnits"], part["rows"]["writeUnits"]),
        *_rows("account summaries, three events", *[TRANSFER_EVENTS_ON_ACCOUNTS * SUMMARY_UNITS] * 2),
        *_rows("account statements, two entries", 2 * statement["readUnits"], 2 * statement["writeUnits"]),
        Line(
            f"functions' logs: {logged:.0f} bytes a transfer (of process as of command, assumed)",
            COMMANDS * logged / 1e9,
            "GB",
            prices.LOG_GB,
        ),
        audit._replace(quantity=audit.quantity * TRANSFER_EVENTS),
    ]


def sweeping() -> float:
    """US$ a month for a sweep every minute that finds nothing."""
    sweeps = prices.HOURS_A_MONTH * 60
    function = total(_function("sweep", sweeps, SWEEP_MS, MEMORY_MB, "arm64"))
    return function + sweeps * SWEEP_UNITS * prices.READ_UNIT


def heartbeat(results: Results) -> float:
    """US$ a month for a beat every five minutes, and a look each minute: at the heartbeat and at the query function."""
    looks = prices.HOURS_A_MONTH * 60
    functions = total(_function("heartbeat, and query", 2 * looks, SWEEP_MS, MEMORY_MB, "arm64"))
    beats = looks / BEAT_MINUTES
    return functions + looks * 0.5 * prices.READ_UNIT + beats / COMMANDS * total(ours(results))


def _log_bytes(results: Results, function: str) -> float:
    logs = results["latency"]["logs"][function]
    return float(logs["ownBytes"] + logs["platformBytes"])


def function_log_bytes(results: Results, choice: Choice = EVERYTHING) -> float:
    """What all functions log for one command."""
    logs = results["latency"]["logs"]
    share = {"command": 1, "relay": BATCH, "projection": BATCH, "snapshot": choice.snapshot_every}
    lines = ("ownBytes", "platformBytes") if choice.reports else ("ownBytes",)
    return float(sum(logs[name][line] / each for name, each in share.items() for line in lines))


def settings(results: Results) -> list[tuple[str, str, float]]:
    """Each setting that leaves something out, what that is, and what it takes off a million commands."""
    everything = total(ours(results))

    def saved(choice: Choice) -> float:
        return everything - total(ours(results, choice))

    return [
        ("auditLog: false", "the log of everything on the bus", saved(Choice(audit_log=False))),
        ("statement: false", "account statements", saved(Choice(statement=False))),
        ("tracing: false", "X-Ray", saved(Choice(tracing=False))),
        ("typeIndex: false", "getEventsByType", saved(Choice(type_index=False))),
        ("systemLogLevel: WARN", "Lambda's reports of what went well", saved(Choice(reports=False))),
        (
            "snapshotEvery: 100",
            "nine of ten snapshots; cold commands read ten times as much",
            saved(Choice(snapshot_every=100)),
        ),
    ]


def smaller_memory(results: Results, memory_mb: int) -> tuple[float, float]:
    """US$ less for a million commands with functions of that memory, and the command function's milliseconds then."""

    def gb_seconds(size: int) -> float:
        command = command_ms(results, _subject(results, EVERYTHING), size)
        return (command + projection_ms(results, size) / BATCH) * size / 1024 / 1e3

    saved = COMMANDS * (gb_seconds(MEMORY_MB) - gb_seconds(memory_mb)) * prices.LAMBDA_GB_SECOND["arm64"]
    return saved, command_ms(results, _subject(results, EVERYTHING), memory_mb)


def _archive(results: Results) -> Line:
    """The archive keeps an event as the audit log has it."""
    size = results["latency"]["logs"]["auditedEventBytes"] - LINE_BYTES
    return Line(f"archive: {size:.0f} bytes an event", COMMANDS * size / 1e9, "GB", prices.ARCHIVE_GB)


def _audit_log(results: Results) -> Line:
    size = results["latency"]["logs"]["auditedEventBytes"]
    return Line(f"audit log: {size:.0f} bytes an event", COMMANDS * size / 1e9, "GB", prices.LOG_GB)


def _traces(batches: float, snapshots: float) -> Line:
    """Of each function the first invocation in every second, and a share of the rest."""
    seconds = COMMANDS / RATE
    traced = sum(seconds + TRACED * (each - seconds) for each in (COMMANDS, batches, batches, snapshots))
    what = f"X-Ray: at {RATE} commands a second, the first of each and {TRACED:.0%} of the rest"
    return Line(what, traced, "traces", prices.TRACE)


def _rows(what: str, reads: float, writes: float) -> list[Line]:
    """A projection's rows, for each event of an account of its own."""
    return [
        Line(f"read model: {what}, read with strong consistency", _times(reads), "read units", prices.READ_UNIT),
        Line(f"read model: {what}, written", _times(writes), "write units", prices.WRITE_UNIT),
    ]


def _reads_before(append: Results) -> float:
    """A command's read units. DynamoDB Local states none for the look-up, which finds nothing."""
    return float(append["readUnits"]) + LOOK_UP_UNITS


def warm_is_known(results: Results) -> bool:
    """Whether commands on a process that keeps their account's present were measured."""
    return any(row["subject"] == WARM for row in results["append"]["rows"])


def _subject(results: Results, choice: Choice) -> str:
    """Who was measured for this choice: where nobody was measured warm, all commands count as cold."""
    return WARM if choice.warm and warm_is_known(results) else "ours"


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

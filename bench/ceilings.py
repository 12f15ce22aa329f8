"""Where the system's limits are: AWS's quotas divided by what a command was measured to take of each.

Quotas are AWS's published defaults for us-east-1; other Regions have less of some. Rates are commands a second.
"""

from __future__ import annotations

from typing import NamedTuple

from handlers.domain.account import MAX_RESERVATIONS
from handlers.domain.transfer_summary import DUE_BUCKETS

from . import contention
from .cost import (
    BATCH,
    COMMAND_ENTRY_BYTES,
    EVENT_BYTES,
    LOOK_UP_UNITS,
    MEMORY_MB,
    SNAPSHOT_EVERY,
    TRANSFER_EVENTS,
    TRANSFER_EVENTS_ON_ACCOUNTS,
    TRANSFER_POKES,
    WAIT_MS,
    busy_ms,
    command_ms,
    projection_ms,
    transfer_ms,
)
from .results import Results
from .subjects import recipe_tables

# DynamoDB
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
TABLE_WRITES, TABLE_READS = 40_000, 40_000
NEW_TABLE_WRITES = 4_000
COLLECTION_BYTES = 10 * 1024**3
BURST_SECONDS = 300
# EventBridge
PUT_EVENTS, INVOCATIONS = 10_000, 18_750
PUT_EVENTS_ELSEWHERE, INVOCATIONS_ELSEWHERE = 400, 750
# Lambda
CONCURRENCY = 1_000
REQUESTS_PER_CONCURRENCY = 10
QUEUE_CONCURRENCY = 1_000
LANES = 10
"""Batches of one shard at once: relayParallelization, and AWS's limit."""

# This stack's defaults, as Pulumi.yaml sets them.
TYPE_BUCKETS = 4
PROJECTION_CONCURRENCY = 10
TARGETS = 2
"""Rules that every event matches: the projection queue's and the audit log's."""

# An event's share of the 3 write units: one each in the table, its local index (same partition) and the type index.
TABLE_SHARE, COMMAND_INDEX_SHARE, TYPE_INDEX_SHARE = 1, 1, 1
PUT_EVENTS_MS = 20.0
"""Assumed: one PutEvents of ten entries."""
RELAY_ENTRIES = 10
PROCESS_CONCURRENCY = 10
SNAPSHOT_READ = 0.5
"""Read units of the newest snapshot, which lies in a table of its own."""


class Ceiling(NamedTuple):
    """One limit: the sum that leads to it, and what to do about it."""

    what: str
    sum: str
    rate: float
    knob: str


def of_one_account(results: Results) -> list[Ceiling]:
    """What one account can take."""
    writes = TABLE_SHARE + COMMAND_INDEX_SHARE
    reads = _reads(results)
    ms = command_ms(results, "ours", MEMORY_MB)
    batches = PARTITION_WRITES / _row_writes(results)
    crowd = contention.simulate(writers=64, wait=WAIT_MS / 1e3)
    return [
        Ceiling(
            "one writer after the other",
            f"1 s / {ms:.0f} ms: the function's CPU time, and 2 waits of {WAIT_MS:g} ms (assumed)",
            1e3 / ms,
            "nothing: each decision needs the one before it. Split the account, or take many changes as one command",
        ),
        Ceiling(
            "64 writers at once, who lose races",
            f"simulated: {crowd.attempts_per_success:.1f} attempts a success, {crowd.refused:.0%} give up",
            crowd.rate,
            "put a queue in front of the account: its commands then wait instead of racing",
        ),
        Ceiling(
            "writes of its partition",
            f"{PARTITION_WRITES:,} units / ({TABLE_SHARE} table + {COMMAND_INDEX_SHARE} command index)",
            PARTITION_WRITES / writes,
            "split the account",
        ),
        Ceiling(
            "reads of its partition",
            f"{PARTITION_READS:,} units / {reads:g} a command (tail, and {LOOK_UP_UNITS:g} for the look-up, assumed)",
            PARTITION_READS / reads,
            "a smaller tail: snapshotEvery 10 is the smallest",
        ),
        Ceiling(
            "its lanes of relay and snapshot",
            f"1 s / {PUT_EVENTS_MS:g} ms (assumed) × {RELAY_ENTRIES} entries",
            1e3 / PUT_EVENTS_MS * RELAY_ENTRIES,
            "nothing needed: it lies above the writes, and snapshot has a tenth to do",
        ),
        Ceiling(
            "its rows of the read model",
            f"{PARTITION_WRITES:,} units / {_row_writes(results):g} a batch × {BATCH} events a batch",
            batches * BATCH,
            "projectionBatchSize, statement",
        ),
    ]


def of_the_system(results: Results) -> list[Ceiling]:
    """What all accounts together can take."""
    row = _append(results)
    ms, batch_ms, reads = busy_ms(results), projection_ms(results), _reads(results)
    return [
        Ceiling(
            "projection, as configured",
            f"{PROJECTION_CONCURRENCY} invocations × {BATCH} events / {batch_ms:.0f} ms (other accounts each)",
            PROJECTION_CONCURRENCY * BATCH / batch_ms * 1e3,
            f"projectionMaxConcurrency (to {QUEUE_CONCURRENCY:,}), memorySize; the queue holds what is behind",
        ),
        Ceiling(
            "a new table's first minutes",
            f"{NEW_TABLE_WRITES:,} units / ({TABLE_SHARE} table + {COMMAND_INDEX_SHARE} command index)",
            NEW_TABLE_WRITES / (TABLE_SHARE + COMMAND_INDEX_SHARE),
            "a warm throughput set before the rush; DynamoDB doubles by itself within half an hour",
        ),
        Ceiling(
            "one event type in the type index",
            f"{TYPE_BUCKETS} buckets × {PARTITION_WRITES:,} units / {TYPE_INDEX_SHARE}",
            TYPE_BUCKETS * PARTITION_WRITES / TYPE_INDEX_SHARE,
            "typeBuckets (to 100), on a living store",
        ),
        Ceiling(
            "deliveries of the bus",
            f"{INVOCATIONS:,} a second / {TARGETS} targets; {INVOCATIONS_ELSEWHERE:,} in the smallest Regions",
            INVOCATIONS / TARGETS,
            "a quota to raise; beyond it deliveries are late, not lost",
        ),
        Ceiling(
            "events put on the bus",
            f"{PUT_EVENTS:,} a second, each entry counted; {PUT_EVENTS_ELSEWHERE:,} in the smallest Regions",
            PUT_EVENTS,
            "a quota to raise; beyond it the stream waits, up to 24 hours",
        ),
        Ceiling(
            "invocations of command",
            f"{CONCURRENCY:,} at once × {REQUESTS_PER_CONCURRENCY} a second each",
            CONCURRENCY * REQUESTS_PER_CONCURRENCY,
            "the account's concurrency quota",
        ),
        Ceiling(
            "the table's quota of reads",
            f"{TABLE_READS:,} units / {reads:g} a command",
            TABLE_READS / reads,
            "a quota to raise",
        ),
        Ceiling(
            "the table's quota of writes",
            f"{TABLE_WRITES:,} units / {row['writeUnits']:g} a command",
            TABLE_WRITES / row["writeUnits"],
            "a quota to raise",
        ),
        Ceiling(
            "projection, at the queue's limit",
            f"{QUEUE_CONCURRENCY:,} invocations × {BATCH} events / {batch_ms:.0f} ms",
            QUEUE_CONCURRENCY * BATCH / batch_ms * 1e3,
            "projectionBatchSize with a window, memorySize, a queue per projection",
        ),
        Ceiling(
            "concurrency of all functions",
            f"{CONCURRENCY:,} at once / {ms:.0f} ms that one command takes of command, relay, projection and snapshot",
            CONCURRENCY / ms * 1e3,
            "the account's concurrency quota; memorySize",
        ),
        Ceiling(
            "relay",
            f"per {PARTITION_WRITES:,} write units of table: {LANES} lanes × {RELAY_ENTRIES} / {PUT_EVENTS_MS:g} ms, "
            f"of at most {PARTITION_WRITES // (TABLE_SHARE + COMMAND_INDEX_SHARE)} events",
            float("inf"),
            f"nothing needed: it can carry {_relay_margin():.0f} times what a partition takes",
        ),
    ]


def of_transfers(results: Results) -> list[Ceiling]:
    """Transfers a second that go well, all accounts together and from one account."""
    ms, part = transfer_ms(results), results["transfers"]
    writes = sum(part[name]["writeUnits"] for name in ("request", "process"))
    waits = part["process"]["waits"]
    in_the_index = part["rows"]["writeUnits"] - (TRANSFER_EVENTS - TRANSFER_EVENTS_ON_ACCOUNTS)
    return [
        Ceiling(
            "process, as configured",
            f"{PROCESS_CONCURRENCY} invocations / {ms:.0f} ms for a transfer's {TRANSFER_POKES} messages",
            PROCESS_CONCURRENCY / ms * 1e3,
            f"processMaxConcurrency (to {QUEUE_CONCURRENCY:,}), memorySize; the queue holds what is behind",
        ),
        Ceiling(
            "projection, as configured",
            f"the {PROJECTION_CONCURRENCY} invocations of commands, {TRANSFER_EVENTS} events a transfer",
            PROJECTION_CONCURRENCY * BATCH / projection_ms(results) * 1e3 / TRANSFER_EVENTS,
            "projectionMaxConcurrency; it delays the rows and the sweep, and no transfer",
        ),
        Ceiling(
            "the index of what is due",
            f"{len(DUE_BUCKETS)} keys × {PARTITION_WRITES:,} units / {in_the_index:g} a transfer",
            len(DUE_BUCKETS) * PARTITION_WRITES / in_the_index,
            "DUE_BUCKETS in the domain; throttled, it delays the rows",
        ),
        Ceiling(
            "the table's quota of writes",
            f"{TABLE_WRITES:,} units / {writes:g} a transfer",
            TABLE_WRITES / writes,
            "a quota to raise",
        ),
        Ceiling(
            "from one account, set aside at once",
            f"{MAX_RESERVATIONS} transfers under way / {waits} waits of {WAIT_MS:g} ms (assumed)",
            MAX_RESERVATIONS / (waits * WAIT_MS) * 1e3,
            "nothing needed: its appends, which race, are the lower limit, two for each transfer",
        ),
    ]


def of_the_recipe() -> list[Ceiling]:
    """What the recipe's system as it is created can take, all accounts together."""
    table, index = recipe_tables.TABLE_UNITS, recipe_tables.INDEX_UNITS
    return [
        Ceiling(
            "type index, which holds all of every event",
            f"{index} units / 1; DynamoDB throttles the table's writes when its index cannot follow",
            index,
            "provision more, or bill on demand",
        ),
        Ceiling("read model", f"{index} units / 1 a projected event", index, "provision more, or bill on demand"),
        Ceiling("event store's writes", f"{table} units / 1", table, "provision more, or bill on demand"),
        Ceiling("event store's reads", f"{table} units / 0.5 a command", table / 0.5, "provision more"),
        Ceiling(
            "the same on demand: one key per event type",
            f"{PARTITION_WRITES:,} units / 1, for all accounts together",
            PARTITION_WRITES,
            "another key, as the buckets here",
        ),
    ]


def burst() -> int:
    """Events that the recipe's index takes from unused capacity before its ceiling holds."""
    return recipe_tables.INDEX_UNITS * BURST_SECONDS


def events_an_account_holds() -> int:
    """Events until the item collection of an account is full."""
    return COLLECTION_BYTES // (EVENT_BYTES + COMMAND_ENTRY_BYTES)


def snapshot_share() -> float:
    """Write units that snapshots add to a command's."""
    return 2 / SNAPSHOT_EVERY


def _relay_margin() -> float:
    carried = LANES * RELAY_ENTRIES / PUT_EVENTS_MS * 1e3
    return carried / (PARTITION_WRITES / (TABLE_SHARE + COMMAND_INDEX_SHARE))


def _reads(results: Results) -> float:
    """A command's read units in the event store: DynamoDB Local has the snapshot's in, and none for the look-up."""
    units: float = _append(results)["readUnits"]
    return units - SNAPSHOT_READ + LOOK_UP_UNITS


def _append(results: Results) -> Results:
    return next(row for row in results["append"]["rows"] if (row["subject"], row["length"]) == ("ours", 100_000))


def _row_writes(results: Results) -> float:
    rows = results["projection"]["rows"]
    units: float = next(row["writeUnits"] for row in rows if (row["spread"], row["batch"]) == ("hot", BATCH))
    return units

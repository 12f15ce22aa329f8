"""The numbers in the documents are those of the code.

A line of the table names a document, words of it with `{}` where the number stands, and the number as the code has it.
A change of either fails here. Counts of AWS calls and units are asserted where they are made, in
`tests/contract/test_units.py` and `tests/handlers/test_present.py`. What was measured is written by `make bench`
(`tests/bench/test_documents.py`).
"""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import yaml

from bench import cost, results
from components import limits
from components.monitoring import MonitoringArgs
from components.queue_feed import QueueFeedArgs
from components.stream_feed import StreamFeedArgs
from handlers.sourcing.errors import RuleBrokenError
from handlers.sourcing.values import ARITHMETIC
from handlers.store import event_bus, event_store, folding, items, kept, present
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.upkeep.letters.queues import HIDDEN_SECONDS
from local.__main__ import DEFAULT_PORT
from local.engine import async_invoke, invoke, mapping_status, pool, replay, stream_lane, targets
from local.engine.dynamodb_local import installation
from ops import timeline
from ops.bulk import parquet
from tests.contract import test_transfer_races, test_writers
from tests.faults import test_schedules, test_walk
from tests.faults.scenarios import SCENARIOS
from tests.faults.transfer_machine import WAYS_TO_END
from tests.mutants.catalog import MUTANTS

ROOT = Path(__file__).parents[2]
WORDS = dict(enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"), 2))
WORDS |= {20: "twenty", 40: "forty"}
HOUR = 3600

README, ARCHITECTURE, GUARANTEES = "README.md", "docs/architecture.md", "docs/guarantees.md"
LOCAL, OPERATIONS = "docs/local.md", "docs/operations.md"


@cache
def settings() -> Any:
    """What a stack's settings are, read once."""
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8"))["config"]


def setting(name: str) -> Any:
    """The default of a stack's setting."""
    return settings()[name]["default"]


def constant(path: str, name: str) -> Any:
    """A constant of a module that cannot be imported here; products of numbers included."""
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            factors = ast.unparse(node.value).split(" * ")
            product = 1
            for factor in factors:
                product *= ast.literal_eval(factor)
            return product
    raise LookupError(f"{path} has no {name}")


def first(pattern: str, path: str) -> str:
    """What the group of a pattern matches in a file."""
    found = re.search(pattern, (ROOT / path).read_text("utf-8"), re.MULTILINE)
    assert found, f"{pattern} is not in {path}"
    return found[1]


def default_of(option: str, path: str) -> int:
    """The default of an option of a command."""
    return int(first(rf'"{option}",[^)]*?default=(\d+)', path))


def entry_points() -> int:
    texts = [path.read_text("utf-8") for path in (ROOT / "handlers").glob("*.py")]
    return sum(bool(re.search(r"^def lambda_handler", text, re.MULTILINE)) for text in texts)


def kinds_of_outage() -> int:
    """Those of tests/local/test_ledger.py."""
    table = first(r"(?s)^OUTAGES: [^=]*= (\{.*?^\})", "tests/local/test_ledger.py")
    return len(cast("ast.Dict", ast.parse(table, mode="eval").body).keys)


def least_tried() -> tuple[int, int]:
    """Calls and removals that tests/local/test_least_privilege.py asserts."""
    calls, removals = first(r"^LEAST_CALLS, LEAST_REMOVALS = (.*)$", "tests/local/test_least_privilege.py").split(", ")
    return int(calls), int(removals)


class Claim(NamedTuple):
    document: str
    words: str
    numbers: tuple[Any, ...]


def claim(document: str, words: str, *numbers: Any) -> Claim:
    return Claim(document, words, numbers)


CLAIMS = (
    claim(README, '"every {}th event"', setting("snapshotEvery")),
    claim(README, "You need Python {} or newer", first(r'requires-python = ">=([\d.]+)"', "pyproject.toml")),
    claim(README, "With Java {} and Maven", installation.OLDEST_JAVA),
    claim(
        README,
        "{} peers and bare boto3",
        sum(path.is_dir() and path.name[0] != "_" for path in (ROOT / "bench/peers").iterdir()),
    ),
    claim(README, "serve --port {} --outputs", DEFAULT_PORT),
    claim(README, "starts the embedded AWS on 127.0.0.1:{} with", DEFAULT_PORT),
    claim("Makefile", "PORT := {}", DEFAULT_PORT),
    claim(README, "# {} sufficient-funds", RuleBrokenError.status),
    claim(README, "Some {} US$ for a million commands", round(cost.total(cost.ours(results.load())))),
    claim(README, "{} entry points (command, validate", entry_points()),
    claim(
        ARCHITECTURE, "a read unit for the snapshot, one per 4 KB of the newest {} events", 2 * setting("snapshotEvery")
    ),
    claim(ARCHITECTURE, "a multiple of `snapshotEvery` ({})", setting("snapshotEvery")),
    claim(ARCHITECTURE, "DynamoDB keeps {} digits", ARITHMETIC.prec),
    claim(ARCHITECTURE, "`relay` puts them on the bus {} to a call", event_bus.MAX_ENTRIES),
    claim(ARCHITECTURE, "within the stream's {} hours", limits.STREAM_RETENTION_SECONDS / HOUR),
    claim(ARCHITECTURE, "more than {} s off (half a minute on either side", CLOCK_TOLERANCE / 2),
    claim(ARCHITECTURE, "with no more than {} seconds' patience", constant("handlers/command.py", "_PUBLISH_SECONDS")),
    claim(
        ARCHITECTURE,
        "| stream to relay | {} hours or {} retries",
        setting("relayMaxRecordAge") / HOUR,
        setting("relayMaxRetries"),
    ),
    claim(
        ARCHITECTURE,
        "| stream to snapshot | {} hours or {} retries",
        cast("int", StreamFeedArgs.max_record_age) / HOUR,
        constant("stack/feeds.py", "_SNAPSHOT_RETRIES"),
    ),
    claim(
        ARCHITECTURE,
        "bus to audit log | {} hours or {} retries",
        setting("deliveryMaxEventAge") / HOUR,
        setting("deliveryRetryAttempts"),
    ),
    claim(ARCHITECTURE, "| queue to projection | {} receives", setting("projectionMaxReceives")),
    claim(ARCHITECTURE, "| queue to process | {} receives", QueueFeedArgs.max_receives),
    claim(
        ARCHITECTURE,
        "| schedule to sweep | `sweepMinutes` or {} retries",
        constant("components/function_schedule.py", "_RETRIES"),
    ),
    claim(README, "| `transferTimeoutSeconds` | {} |", setting("transferTimeoutSeconds")),
    claim(README, "| `transferApprovalAbove` | {}: never", setting("transferApprovalAbove")),
    claim(README, "| `processMaxConcurrency` | {} |", setting("processMaxConcurrency")),
    claim(README, "| `sweepMinutes` | {} |", setting("sweepMinutes")),
    claim(
        OPERATIONS, "something due for more than {} s (or three", constant("components/alarms.py", "_OVERDUE_SECONDS")
    ),
    claim(OPERATIONS, "messages for transfers wait for more than {} s", MonitoringArgs.process_lag_seconds),
    claim(
        ARCHITECTURE,
        "| asynchronous invocations | {} retries, {} hours",
        constant("components/handler_function.py", "_ASYNC_RETRIES"),
        constant("components/handler_function.py", "_ASYNC_MAX_AGE_SECONDS") / HOUR,
    ),
    claim(ARCHITECTURE, "An event fits an item of {} KB", items.MAX_ITEM_BYTES / 1024),
    claim(ARCHITECTURE, "and a bus entry of {} MB", -(-event_store.MAX_DETAIL_BYTES // 10**6)),
    claim(ARCHITECTURE, "met last: {} at most, in {} MB at most", kept.MOST, kept.MOST_BYTES / 2**20),
    claim(ARCHITECTURE, "has not seen n for {} s", present.CONFIRMED_SECONDS),
    claim(ARCHITECTURE, "After {} minutes a present is read whole", present.WHOLE_SECONDS / 60),
    claim(ARCHITECTURE, "stream has {} readers", (ROOT / "stack/feeds.py").read_text("utf-8").count(" StreamFeed(")),
    claim(GUARANTEES, "no two writers' clocks differ by more than {} s", CLOCK_TOLERANCE),
    claim(GUARANTEES, "a clock that is more than {} s off AWS's", CLOCK_TOLERANCE / 2),
    claim(GUARANTEES, "({} kinds of outage)", kinds_of_outage()),
    claim(GUARANTEES, "by living processes for {} minutes more", present.WHOLE_SECONDS / 60),
    claim(GUARANTEES, "every function in {} scenarios", len(SCENARIOS)),
    claim(GUARANTEES, "| {0}, on one account, on {0} accounts, and {0} duplicates", test_writers.WRITERS),
    claim(GUARANTEES, "at least {} calls, at least {} removals", *least_tried()),
    claim(GUARANTEES, "{} times as many in the long run", first(r"FACTOR = (\d+) if LONG", "tests/fuzz/budget.py")),
    claim(GUARANTEES, "at least {} single faults in each scenario", test_walk.LEAST_SINGLE_FAULTS),
    claim(GUARANTEES, "at least {} pairs in the ordinary run", sum(test_walk.LEAST_PAIRS)),
    claim(
        GUARANTEES,
        "at least {} steps in the ordinary run",
        int(first(r'"FAULTS_STEPS", "(\d+)"', "tests/faults/test_schedules.py")),
    ),
    claim(GUARANTEES, "{} and more in the long one", int(first(r"FAULTS_STEPS=(\d+)", "Makefile"))),
    claim(GUARANTEES, "{} in the long one, which has to come to all {} ways", test_schedules.ENOUGH, len(WAYS_TO_END)),
    claim(
        GUARANTEES,
        "{} races of each in the ordinary run, {} in",
        test_transfer_races.RACES,
        test_transfer_races.LONG_RACES,
    ),
    claim(GUARANTEES, "of transfers' tens of thousands at least {}.", test_walk.LEAST_PAIRS_OF_TRANSFERS),
    claim(GUARANTEES, "plants more than {} defects", min(100, len(MUTANTS) - 1)),
    claim(GUARANTEES, "longer than the stream's {} hours", limits.STREAM_RETENTION_SECONDS / HOUR),
    claim(LOCAL, "asynchronous invocation | {} and {} s", *async_invoke.RETRY_SECONDS),
    claim(LOCAL, "while a function is throttled | {} to {} s", *async_invoke.THROTTLE_SECONDS),
    claim(LOCAL, "attempts of a rule's target | {} to {} s", *targets.RETRY_SECONDS),
    claim(LOCAL, "after a failed batch of a stream | {} to {} s", *stream_lane.BACKOFF_SECONDS),
    claim(LOCAL, "a minute of events in a replay | {} s", replay.MINUTE_SECONDS),
    claim(LOCAL, "{} s for a mapping that was refused", mapping_status.REFUSED_SECONDS),
    claim(LOCAL, "At most {} run at once per function", invoke.MAX_WORKERS),
    claim(LOCAL, "Beside {} of them another one begins", pool.FEW),
    claim(LOCAL, "invocation that has waited for {} s", pool.PATIENCE_SECONDS),
    claim(OPERATIONS, "events reach the relay more than {} s late", MonitoringArgs.relay_lag_seconds),
    claim(OPERATIONS, "the stream forgets after {} hours", limits.STREAM_RETENTION_SECONDS / HOUR),
    claim(OPERATIONS, "snapshots are made more than {} s late", MonitoringArgs.snapshot_lag_seconds),
    claim(OPERATIONS, "what is read lags more than {} s behind", MonitoringArgs.projection_lag_seconds),
    claim(OPERATIONS, "Those younger than `--grace` ({} s)", default_of("--grace", "ops/commands/verify.py")),
    claim(OPERATIONS, "written every {} events, so that each delivery", folding.CHUNK),
    claim(OPERATIONS, "Letters are kept for {} days", limits.DEAD_LETTER_RETENTION_SECONDS / (24 * HOUR)),
    claim(OPERATIONS, "had stays hidden for up to {} s", HIDDEN_SECONDS),
    claim(OPERATIONS, "as many as are held at a time ({})", timeline.MOST),
    claim(OPERATIONS, "one more for every {} events (half a read unit", timeline.PAGE),
    claim(OPERATIONS, "and a PutEvents for every {} events", event_bus.MAX_ENTRIES),
    claim(OPERATIONS, "a parallel Scan (`--segments`, {})", constant("ops/commands/export.py", "_SEGMENTS")),
    claim(OPERATIONS, "one Parquet row group ({} events or {} MB)", parquet.ROWS, parquet.GROUP_BYTES / 2**20),
    claim(OPERATIONS, "with {} threads (`--workers`)", default_of("--workers", "ops/commands/import_.py")),
)


def spellings(number: Any) -> list[str]:
    """2000 as 2,000 or 2000, 2 as 2 or two, 0.05 as 0.05."""
    if isinstance(number, str):
        return [number, *([WORDS[int(number)]] if number.isdigit() and int(number) in WORDS else [])]
    if Fraction(number).denominator != 1:
        return [str(number)]
    whole = int(number)
    return [f"{whole:,}", str(whole), *([WORDS[whole]] if whole in WORDS else [])]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda each: f"{each.document}: {each.words}")
def test_a_number_in_a_document_is_that_of_the_code(claim: Claim) -> None:
    text = " ".join((ROOT / claim.document).read_text("utf-8").split())
    slots = ["(?:" + "|".join(map(re.escape, spellings(number))) + ")" for number in claim.numbers]
    words = re.escape(claim.words).replace(r"\{0\}", "{0}").replace(r"\{\}", "{}")

    assert re.search(r"(?<![\d.,])" + words.format(*slots), text), f"should be {claim.words.format(*claim.numbers)}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda each: f"{each.document}: {each.words}")
def test_another_number_in_its_place_would_be_noticed(claim: Claim) -> None:
    """The words are there once, with whatever number: a claim about a sentence that is gone holds nothing."""
    text = " ".join((ROOT / claim.document).read_text("utf-8").split())
    words = re.escape(claim.words).replace(r"\{0\}", r"[\w.,]+").replace(r"\{\}", r"[\w.,]+")

    assert len(re.findall(words, text)) == 1

"""Part replays: events a second by target and by how many segments are worked on at once; backtests; making a branch.

Everything runs in this process, so that what takes how long is its own work and not that of an emulator's workers: on
Lambda each segment has a function to itself, here they share one interpreter. So what one core does in a second is
what carries over; what is done in a second here says how far waits overlap.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Any

import boto3
from botocore.config import Config

from bench.accounts import put_all, stream
from bench.process import PROJECT
from bench.world import World
from handlers.sourcing import times
from handlers.sourcing.replays import MAX_RATE, ReplaySpec
from handlers.sourcing.selection import Selection
from handlers.store.branches import Branch, Branches
from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.store.replay_branch import ToBranch
from handlers.store.replay_source import ReplaySource, segments_of
from handlers.store.replay_targets import Copier, Targets
from handlers.store.replay_work import Replayer, Work
from handlers.store.replays import Head, Replays
from handlers.store.snapshots import Snapshots
from ops.branches.backtest import Backtest
from ops.branches.refusals import Refusals
from ops.branches.results import Results
from ops.bulk.exporter import Exporter, planned_replay
from ops.bulk.manifest import Format, Replayed, Table
from ops.replays.files import Copies
from ops.replays.pace import Pace
from tests.aws import BRANCHES, BUS, REPLAYS, SNAPSHOTS, STORE, TABLES

ACCOUNTS, EACH = 80, 50
TARGETS = ("projection", "bus", "queue", "file")
AT_ONCE = (1, 4, 16)
"""Segments."""
BRANCHES_MADE = 20
_STORE = "replayed-events"
_PLENTY = 900.0
"""Seconds that a worker has: none is interrupted."""
_NUMBERS = {"TRANSFER_TIMEOUT_SECONDS": "3600", "TRANSFER_APPROVAL_ABOVE": "0"}
_names = count(1)


@dataclass(frozen=True)
class _There:
    """The store that is replayed, and what its copies go to."""

    dynamodb: Any
    sqs: Any
    bus: EventBus

    @contextmanager
    def queue(self) -> Iterator[tuple[str, str]]:
        """The URL and the ARN of a queue that nobody empties: the embedded AWS is the slower the more is in one."""
        url = self.sqs.create_queue(QueueName=f"replayed-{next(_names)}")["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        yield url, told["Attributes"]["QueueArn"]
        self.sqs.delete_queue(QueueUrl=url)

    @property
    def source(self) -> ReplaySource:
        return ReplaySource(self.dynamodb, _STORE)


def measure(world: World) -> dict[str, Any]:
    """`{"rows": one per target and number of segments at once, "backtest", "branch", "events", "accounts"}`."""
    events = ACCOUNTS * EACH
    there = _there(world)
    with world.steps.step(f"{events:,} events of {ACCOUNTS} accounts", events) as advance:
        _fill(there)
        advance(events)
    rows = []
    for target in TARGETS:
        for at_once in AT_ONCE:
            with world.steps.step(f"replay to {target}, {at_once} at once", events) as advance:
                rows.append(_row(there, target, at_once, world))
                advance(events)
    branches = Branches(there.dynamodb, BRANCHES)
    with world.steps.step("make branches", BRANCHES_MADE) as advance:
        made = [_made(branches) for _ in range(BRANCHES_MADE)]
        advance(BRANCHES_MADE)
    with world.steps.step("backtest", events) as advance:
        backtest = _backtest(there, branches)
        advance(events)
    return {
        "rows": rows,
        "backtest": backtest,
        "branch": {"ms": round(median(made), 2), "samples": len(made)},
        "events": events,
        "accounts": ACCOUNTS,
    }


def _there(world: World) -> _There:
    """A store of its own, and what copies go to."""
    environment = world.engines.environment
    settings: dict[str, Any] = {
        "region_name": environment["AWS_DEFAULT_REGION"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "config": Config(max_pool_connections=2 * max(AT_ONCE), read_timeout=60),
    }
    dynamodb: Any = boto3.client("dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL_DYNAMODB"], **settings)
    embedded = environment["AWS_ENDPOINT_URL_EVENTBRIDGE"]
    sqs: Any = boto3.client("sqs", endpoint_url=embedded, **settings)
    (table,) = (each for each in TABLES if each["TableName"] == STORE)
    plain = {name: value for name, value in table.items() if name != "StreamSpecification"}
    dynamodb.create_table(**{**plain, "TableName": _STORE})
    bus = EventBus(boto3.client("events", endpoint_url=embedded, **settings), BUS)
    return _There(dynamodb, sqs, bus)


def _fill(there: _There) -> None:
    store = EventStore(there.dynamodb, _STORE, 4)
    events = (event for number in range(ACCOUNTS) for event in stream(f"replayed-{number:04}", EACH))
    put_all(there.dynamodb, ((_STORE, store.item(event)) for event in events))


def _row(there: _There, target: str, at_once: int, world: World) -> dict[str, Any]:
    if target == "file":
        began, began_cpu = time.perf_counter(), time.process_time()
        _into_files(there, at_once)
        wall, taken = time.perf_counter() - began, time.process_time() - began_cpu
        # With the embedded AWS for a DynamoDB its work would be in it.
        return _told(target, at_once, wall, taken if world.engines.states_units else None)
    with there.queue() as queue:
        began = time.perf_counter()
        cpu = _by_functions(there, target, queue, at_once)
        return _told(target, at_once, time.perf_counter() - began, cpu)


def _told(target: str, at_once: int, wall: float, cpu: float | None) -> dict[str, Any]:
    events = ACCOUNTS * EACH
    return {
        "target": target,
        "atOnce": at_once,
        "eventsPerSecond": round(events / wall),
        "eventsPerCoreSecond": cpu and round(events / cpu),
    }


def _by_functions(there: _There, target: str, queue: tuple[str, str], at_once: int) -> float:
    """Replay everything, so many segments at once; seconds of CPU that the workers took."""
    work: SimpleQueue[Work | None] = SimpleQueue()
    url, arn = queue
    spec = ReplaySpec.of({"target": f"queue:{arn}" if target == "queue" else target, "rate": MAX_RATE})
    replays, name, moment = Replays(there.dynamodb, REPLAYS), f"bench-{next(_names)}", _now()
    run = replays.create(Head(name, spec, moment, moment, queue_url=url), segments_of(Selection()), 0.0)

    def hand_on(again: Work, /, *, after: int = 0) -> None:  # noqa: ARG001 -- nothing here is worth waiting for
        work.put(again)

    replayer = Replayer(
        replays=replays,
        source=there.source,
        targets=Targets(
            bus=lambda: there.bus,
            sqs=lambda: there.sqs,
            projection_queue_url=url if target == "projection" else "",
            replay_queue_url="",
            to_branch=partial(_to_branch, there),
        ),
        hand_on=hand_on,
        now=_now,
        pause=time.sleep,
        rate=MAX_RATE,
        concurrency=at_once,
    )

    def drive(number: int) -> float:
        began, cpu = time.monotonic(), time.thread_time()
        while (each := work.get()) is not None:
            replayer.work(each, f"{name}-{number}", lambda: began + _PLENTY - time.monotonic())
        return time.thread_time() - cpu

    for each in run.unfinished:
        work.put(Work(name, each.number))
    for _ in range(at_once):
        work.put(None)
    with ThreadPoolExecutor(at_once) as pool:
        taken = sum(pool.map(drive, range(at_once)))
    ended = replays.read(name)
    if ended is None or ended.unfinished or ended.counts.selected != ACCOUNTS * EACH or ended.counts.left_out:
        raise RuntimeError(f"the replay to {target} did not send everything: {ended and ended.counts}")
    return taken


def _to_branch(there: _There, name: str, branch_id: str) -> ToBranch:
    branches, store = Branches(there.dynamodb, BRANCHES), EventStore(there.dynamodb, _STORE)
    return ToBranch.of(branches, store, Snapshots(there.dynamodb, SNAPSHOTS), 10, (name, branch_id))


def _into_files(there: _There, at_once: int) -> None:
    """As `replay start --target file` does, with so many threads."""
    with tempfile.TemporaryDirectory() as folder:
        selection = Selection()
        spec = ReplaySpec.of({"target": "file"}).canonical()
        table, parts = Table.of(there.dynamodb, _STORE), len(segments_of(selection))
        manifest = planned_replay(Replayed("bench", spec), Format.JSONL, table, parts, _now())
        copies = Copies(there.source, selection, Copier("bench"), lambda _: None, Pace(None))
        done = Exporter(Path(folder), copies).run(manifest, at_once, lambda _: None)
        if done.events != ACCOUNTS * EACH:
            raise RuntimeError(f"the replay into files wrote {done.events} copies")


def _made(branches: Branches) -> float:
    """Milliseconds that making a branch takes."""
    branch = Branch.new(f"bench-{next(_names)}", None, "r", datetime.now(UTC), timedelta(days=1))
    began = time.perf_counter()
    branches.create(branch)
    return (time.perf_counter() - began) * 1e3


def _backtest(there: _There, branches: Branches) -> dict[str, Any]:
    """Have everything decided again by this checkout's own rules, with one worker, less what its start takes."""
    start = _run(there, branches, Selection.of({"aggregateIds": ["nobody"]}))
    whole = _run(there, branches, Selection())
    wall, cpu = (with_all - alone for with_all, alone in zip(whole, start, strict=True))
    events = ACCOUNTS * EACH
    return {"eventsPerSecond": round(events / wall), "eventsPerWorkerCoreSecond": round(events / cpu)}


def _run(there: _There, branches: Branches, selection: Selection) -> tuple[float, float]:
    """Seconds on the wall, and seconds of CPU that the worker took."""
    branch = Branch.new(f"bench-{next(_names)}", None, "r", datetime.now(UTC), timedelta(days=1))
    branches.create(branch)
    results = Results(branches, branch)
    with tempfile.TemporaryDirectory() as folder, closing(Refusals(Path(folder) / "refusals")) as refusals:
        run = Backtest(
            client=there.dynamodb,
            table=_STORE,
            results=results,
            refusals=refusals,
            selection=selection,
            until=_now(),
            code=PROJECT,
            numbers=_NUMBERS,
            workers=1,
        )
        began, before = time.perf_counter(), _cpu_of_children()
        run.run()
        taken = time.perf_counter() - began, _cpu_of_children() - before
    if differing := [account for account, _ in results.outcomes()]:
        raise RuntimeError(f"the rules decide otherwise than they did: {differing[:3]}")
    return taken


def _cpu_of_children() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _now() -> str:
    return times.to_text(datetime.now(UTC))

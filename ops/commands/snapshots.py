"""`python -m ops snapshots`: make the snapshots that are missing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from handlers.store.event_store import EventStore
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots
from ops import snapshots
from ops.system import OperatorError, System
from tools.numbers import counted

from .common import Rate, add_common, add_walk, aggregates_of, console_for, progress_on, shown

if TYPE_CHECKING:
    from .common import Commands

_DAY = 24 * 60 * 60


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "snapshots",
        help="make the snapshots that are missing",
        description="Make the snapshots that are missing behind each account's newest one, as the snapshot function "
        "does with new events. To be run over an old or imported store, after a change of what the state is, and when "
        "snapshots were deleted. May be broken off and run again.",
    )
    add_walk(command)
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    client, table = system.client("dynamodb"), system.output("eventStoreTable")
    builder = builder_of(system)
    console = console_for(options)
    aggregate_ids = aggregates_of(client, [("events", table, "AggregateId")], options, console)
    count, broken = make(builder, aggregate_ids, options.segments, console)
    if options.json:
        print(json.dumps({"aggregates": len(aggregate_ids), "snapshots": count, "broken": described(broken)}, indent=2))
    else:
        number, broke = counted(len(aggregate_ids), "aggregate"), counted(len(broken), "stream")
        console.print(f"{number}, {counted(count, 'snapshot')} made, {broke} broken")
    return 1 if broken else 0


def builder_of(system: System) -> SnapshotBuilder:
    """What makes snapshots as the deployed function does."""
    return SnapshotBuilder(
        EventStore(system.client("dynamodb"), system.output("eventStoreTable")),
        Snapshots(system.client("dynamodb"), system.output("snapshotsTable")),
        every=system.setting("snapshotFunction", "SNAPSHOT_EVERY"),
        retention_seconds=system.setting("snapshotFunction", "SNAPSHOT_RETENTION_DAYS") * _DAY or None,
    )


def make(
    builder: SnapshotBuilder, aggregate_ids: Sequence[str], threads: int, console: Console
) -> tuple[int, Mapping[str, str]]:
    """Make what is missing, with progress; how many were made and, by aggregate, why a stream's could not be."""
    count = 0
    broken: dict[str, str] = {}
    with progress_on(console, Rate()) as bars:
        aggregates = bars.add_task("aggregates", total=len(aggregate_ids))
        kept = bars.add_task("snapshots", total=None)
        for made in snapshots.make(builder, aggregate_ids, threads):
            if made.broken is not None:
                broken[made.aggregate_id] = made.broken
                console.print(f"{shown(made.aggregate_id)} [bold red]broken[/]: {shown(made.broken)}")
            elif not made.events:
                raise OperatorError(f"{made.aggregate_id} has no events")
            count += made.snapshots
            bars.advance(aggregates)
            bars.advance(kept, made.snapshots)
    return count, broken


def described(broken: Mapping[str, str]) -> list[dict[str, str]]:
    """The streams without all their snapshots, as JSON."""
    return [{"aggregateId": aggregate_id, "detail": detail} for aggregate_id, detail in sorted(broken.items())]

"""`python -m ops replay plan`: what a replay would send, take and cost."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from handlers.sourcing.replays import PROJECTION
from handlers.store.replay_source import ReplaySource
from handlers.store.replay_targets import Copier
from ops.replays.plan import bounded, count
from ops.replays.queues import TargetQueues
from ops.system import System
from tools import numbers

from .common import THREADS, Rate, add_common, console_for, foreign_line, progress_on, shown
from .replay_spec import add_spec, spec_of

if TYPE_CHECKING:
    from .common import Commands


def add_to(actions: Commands) -> None:
    """Add the action."""
    command = actions.add_parser(
        "plan",
        help="what a replay would send, and what that takes",
        description="Count what a replay of the event store would send: it reads what the replay would read, and "
        "touches nothing. Without an option that narrows it, everything is selected.",
    )
    add_spec(command)
    command.add_argument(
        "--segments", type=THREADS, default=8, metavar="N", help="read with so many threads; default: 8"
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0, or 1 where something that is no event would be left out."""
    spec = spec_of(options)
    TargetQueues.of(system).check(spec.target)
    source = ReplaySource(system.client("dynamodb"), system.output("eventStoreTable"))
    selection, is_open = bounded(spec.selection, source.client, source.table)
    console = console_for(options)
    with progress_on(console, Rate()) as bars:
        bar = bars.add_task("count", total=None)
        copier = Copier("plan", spec.transform)
        counted = count(source, selection, options.segments, lambda items: bars.advance(bar, items), copier)
    rate = spec.rate or system.setting("replayerFunction", "REPLAY_RATE")
    described = {
        "events": counted.events,
        "accounts": len(counted.aggregates),
        "copies": counted.copies,
        "readUnits": counted.read_units,
        "seconds": -(-max(counted.events, counted.copies) // rate),
        "to": selection.until,
        "open": is_open,
        "digest": selection.digest(),
        "leftOut": [each.describe() for each in counted.foreign],
    }
    for each in counted.foreign:
        console.print(foreign_line(each))
    if options.json:
        print(json.dumps(described))
    else:
        console.print(
            f"{numbers.counted(counted.events, 'event')} of {numbers.counted(len(counted.aggregates), 'account')}, "
            f"up to {shown(selection.until)}, {numbers.counted(counted.copies, 'copy')}: "
            f"{described['seconds']:,} s at {rate:,} a second, and {counted.read_units:,} read units"
        )
        if spec.target is not None and spec.target.kind == PROJECTION:
            console.print("fewer are sent: of each aggregate the last event of a stretch, which brings up its rows")
        if is_open:
            console.print(
                "[yellow]The last minute is not settled[/]: events that are stored from now on may be stamped within it"
            )
    return 1 if counted.foreign else 0

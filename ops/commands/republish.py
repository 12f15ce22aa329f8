"""`python -m ops republish`: put stored events on the bus once more."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from handlers.sourcing import times
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.upkeep.foreign import Foreign
from ops import republish
from ops.replay import Window
from ops.rules import Rules
from ops.system import System, UsageError
from ops.timeline import Timeline
from tools.numbers import counted, verb

from . import arguments
from .common import Counting, add_common, add_more_types, by_time, console_for, foreign_line, progress_on, shown

if TYPE_CHECKING:
    from .common import Commands


_RUNBOOK = "docs/operations.md#a-rule-that-is-off"


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "republish",
        help="put stored events on the bus once more",
        description="Put events of the store on the bus once more, by time or whole streams: what was never published, "
        "because the relay was down for longer than the stream remembers, is in the store alone. Projections skip what "
        "they have; the audit log and the archive get a second copy of what they had.",
    )
    command.add_argument("start", type=arguments.moment, nargs="?", metavar="START", help="ISO 8601, with offset")
    command.add_argument("end", type=arguments.moment, nargs="?", metavar="END", help="ISO 8601; default: now")
    command.add_argument(
        "--aggregate",
        type=arguments.identifier,
        action="append",
        metavar="ID",
        help="this whole stream instead; repeatable",
    )
    add_more_types(
        command, "events of this type, too, which a newer revision wrote and this one does not know; repeatable"
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    if (options.start is None) == (options.aggregate is None):
        raise UsageError("say either START (and END) or --aggregate ID")
    if options.type and options.aggregate:
        raise UsageError("--type: a whole stream is published whatever its types")
    now = datetime.now(UTC)
    window = Window.of(options.start, options.end, now) if options.aggregate is None else None
    dynamodb, table = system.client("dynamodb"), system.output("eventStoreTable")
    bus = EventBus(system.client("events"), system.output("eventBusName"))
    if window is None:
        steps = republish.of_aggregates(bus, EventStore(dynamodb, table), options.aggregate)
        total = None
        later = 0
    else:
        timeline = by_time(system)
        steps = republish.of_window(bus, timeline, window, options.type)
        # What is found in no order of time says nothing of how far that is.
        total = (window.end - window.start).total_seconds() if isinstance(timeline, Timeline) else None
        later = timeline.later_than(max(window.end, now + timedelta(seconds=CLOCK_TOLERANCE)), options.type)
    console = console_for(options)
    published = 0
    foreign: list[Foreign] = []
    with progress_on(console, Counting("events", "event")) as bars:
        bar = bars.add_task("publish", total=total, events=0)
        for step in steps:
            published = step.events
            foreign += step.foreign
            for item in step.foreign:
                console.print(foreign_line(item))
            if window and total and step.reached:
                bars.update(bar, completed=(step.reached - window.start).total_seconds())
            bars.update(bar, events=published)
    off = _off(system, console)
    if options.json:
        described = [item.describe() for item in foreign]
        told = {"events": published, "foreign": described, "fromTheFuture": later, "rulesOff": off}
        print(json.dumps(told))
    else:
        console.print(
            f"{counted(published, 'event')} published"
            + (f", {counted(len(foreign), 'item')} left out" if foreign else "")
        )
    if later:
        console.print(
            f"{counted(later, 'event')} {verb(later, 'has', 'have')} a Timestamp later than END and than now, whenever "
            f"stored, and {verb(later, 'is', 'are')} not among these: give an END behind them ({times.LAST}), or "
            "--aggregate (`verify`: from-the-future)"
        )
    return 1 if foreign or off else 0


def _off(system: System, console: Console) -> list[str]:
    """What nothing gets to just now that is published, told; and so it is where that cannot be asked."""
    rules, off = Rules.of(system), []
    for feeds in rules.names:
        try:
            wrong = rules.look(feeds).wrong
        except (BotoCoreError, ClientError) as error:
            console.print(f"whether what is published gets to {feeds} cannot be told: {shown(str(error))}")
            continue
        if wrong:
            off.append(feeds)
            console.print(f"[red]nothing of it gets to {feeds}[/]: {shown(wrong)} ({_RUNBOOK})")
    return off

"""`python -m ops replay archive`: send archived events through the rules again."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.progress import TaskProgressColumn

from ops import replay
from ops.system import System

from . import arguments
from .common import add_common, console_for, progress_on, shown

if TYPE_CHECKING:
    from .common import Commands


def add_to(actions: Commands) -> None:
    """Add the action."""
    command = actions.add_parser(
        "archive",
        help="send archived events through the rules again",
        description="Send the archive's events of a time window through the rules again and wait until that is done. "
        "Projections skip what they have, so a replay repairs and never doubles. New events take AWS about 10 minutes "
        "to become replayable.",
    )
    command.add_argument(
        "start", type=arguments.moment, nargs="?", metavar="START", help="ISO 8601; default: an hour before END"
    )
    command.add_argument("end", type=arguments.moment, nargs="?", metavar="END", help="ISO 8601; default: now")
    command.add_argument("--every-rule", action="store_true", help="to all rules of the bus, not just the projections'")
    command.add_argument(
        "--name",
        type=arguments.new_replay_name,
        help="the replay's name; default: financial-events-replay-<milliseconds>",
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    asked = replay.Window.of(options.start, options.end, datetime.now(UTC).replace(microsecond=0))
    window = asked.in_whole_seconds()
    name = replay.start(system, window, every_rule=options.every_rule, name=options.name)
    console = console_for(options)
    if window != asked:
        console.print("EventBridge replays whole seconds; the window is widened to them")
    console.print(
        f"Started replay [bold]{shown(name)}[/] of {window.start:%Y-%m-%dT%H:%M:%SZ} to {window.end:%Y-%m-%dT%H:%M:%SZ}"
    )
    with progress_on(console, TaskProgressColumn()) as bars:
        bar = bars.add_task("STARTING", total=1.0)
        for progress in replay.follow(system, name, window):
            bars.update(bar, completed=progress.done, description=progress.state)
    if options.json:
        print(json.dumps(asdict(progress), default=str))
    else:
        console.print(shown(f"{progress.state} {name} {progress.reason}".rstrip()))
    return 0 if progress.state == "COMPLETED" else 1

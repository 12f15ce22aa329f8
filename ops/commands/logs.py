"""`python -m ops logs`: what a function logged, of one account too, and as it comes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console

from handlers.sourcing.values import dumps
from ops.function_logs import FUNCTIONS, FunctionLog, Line
from ops.system import System

from . import arguments
from .common import add_common, console_for, shown

if TYPE_CHECKING:
    from .common import Commands

FOLLOW_SECONDS = 2.0
_LATE = timedelta(seconds=60)
"""Lines may come so much later than they say."""
_STYLES = {"WARNING": "yellow", "WARN": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
wait = time.sleep


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "logs",
        help="what a function logged",
        description="Show what a function logged, the oldest line first. Lambda's own lines of invocations that went "
        "well, metrics and what AWS's client says of its credentials are left out.",
    )
    command.add_argument(
        "function", type=arguments.OneOf(FUNCTIONS), metavar="FUNCTION", help=f"one of {', '.join(FUNCTIONS)}"
    )
    command.add_argument(
        "--aggregate", type=arguments.identifier, metavar="ID", help="only lines that name this account or transfer"
    )
    command.add_argument(
        "--since",
        type=arguments.since,
        default="1h",
        metavar="WHEN",
        help="from when on: a time, or how long ago, such as 15m, 2h or 3d; default: 1h",
    )
    command.add_argument("--all", action="store_true", help="leave nothing out")
    command.add_argument("--follow", action="store_true", help="go on with what comes; Ctrl-C ends it")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    console, log = console_for(options), FunctionLog.of(system, options.function)
    lines = log.lines(options.since, options.aggregate)
    count = 0
    for line in _following(log, options) if options.follow else lines:
        if options.all or not (line.is_routine or line.is_noise):
            _print(line, console, options)
            count += 1
    if not count:
        console.print(f"nothing was logged since {options.since:%Y-%m-%dT%H:%M:%SZ}")
    return 0


def _following(log: FunctionLog, options: argparse.Namespace) -> Iterator[Line]:
    """Never ends. What comes late is told late, and nothing twice."""
    told: dict[str, datetime] = {}
    since = options.since
    while True:
        for line in log.lines(since, options.aggregate):
            if line.event_id not in told:
                told[line.event_id] = line.at
                yield line
        newest = max(told.values(), default=since)
        since = max(since, min(newest, datetime.now(UTC)) - _LATE)
        told = {event_id: at for event_id, at in told.items() if at >= since - _LATE}
        wait(FOLLOW_SECONDS)


def _print(line: Line, console: Console, options: argparse.Namespace) -> None:
    if options.json:
        print(line.text if line.told is not None else dumps({"message": line.text}), flush=True)
        return
    style = _STYLES.get(line.level, "")
    level = f"[{style}]{shown(line.level)}[/] " if style else f"{shown(line.level)} " if line.level else ""
    more = "".join(f" {shown(name)}={shown(_short(value))}" for name, value in line.more.items())
    at = f"{line.at:%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03}Z"
    console.print(f"[dim]{at}[/] {level}{shown(line.what)}{more}")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)

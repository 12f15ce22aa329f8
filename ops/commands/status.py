"""`python -m ops status`: how the stack is, on one screen, and what needs a person."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from handlers.sourcing import times
from ops.status.points import Point, together
from ops.status.regions import Looked, look_at
from ops.system import System
from tools.lines import wrapped
from tools.numbers import counted, verb

from .common import add_common, console_for, printable, shown
from .tables import Cell, print_table

if TYPE_CHECKING:
    from .common import Commands

WATCH_SECONDS = 10.0
RUNBOOK = "docs/operations.md"
WIDTH = 80
_GIVEN = re.compile("^monitoring-|-[0-9a-f]{7}$")
"""What alarms' names have around those that the runbook has; without it the last column has room."""
wait = time.sleep


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "status",
        help="how everything is, and what needs a person",
        description="Look at queues, mappings, alarms, throttles, the newest event and what follows from it, open "
        "transfers, replays and branches. The exit code is 1 if anything needs a person; each such line says what is "
        "wrong, and where the runbook says what to do. With two Regions the other one is told in short; --region names "
        "one to be told of alone, and whole.",
    )
    command.add_argument("--watch", action="store_true", help="look again every ten seconds; Ctrl-C ends it")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0 if nothing needs a person, in any of the Regions that are asked about."""
    console = console_for(options)
    systems = list(system.regions().values()) if options.region is None else [system]
    while True:
        at, looked = times.to_text(datetime.now(UTC)), look_at(systems)
        if options.watch and console.is_terminal:
            console.clear()
        _print(at, looked, options, console)
        if not options.watch:
            return int(not all(each.is_well for each in looked))
        wait(WATCH_SECONDS)


def _print(at: str, looked: Sequence[Looked], options: argparse.Namespace, console: Console) -> None:
    if options.json:
        first, *others = map(_described, looked)
        beside = {each.region: told for each, told in zip(looked[1:], others, strict=True)}
        told = {"at": at, **first, **({"region": looked[0].region, "regions": beside} if beside else {})}
        print(json.dumps(told, indent=2), flush=True)
        return
    console.print(f"[dim]{at[:19]}Z[/]")
    for each in looked:
        _show(each, console, whole=each is looked[0], named=len(looked) > 1)
    if all(each.is_well for each in looked):
        console.print("[green]nothing needs a person[/]")


def _described(looked: Looked) -> dict[str, Any]:
    return {"well": looked.is_well, "points": [point.describe() for point in looked.points]}


def _show(looked: Looked, console: Console, *, whole: bool, named: bool) -> None:
    """One Region, named where there are others; of another than the first, unless all of it is asked for, what is its
    own affair or needs a person."""
    points, wrong = looked.points, [point for point in looked.points if point.wrong]
    if named:
        console.print(f"\n[bold]{looked.region}[/]" + ("" if looked.answers else " [red]does not answer[/]"))
    if looked.answers:
        told = points if whole else [point for point in points if point.wrong or point.area == "region"]
        print_table(console, ("AREA", "WHAT", "HOW IT IS"), [_cells(point) for point in together(told)])
        if not whole:
            rest = len(points) - len(told)
            console.print(f"{counted(rest, 'other thing')} {verb(rest, 'is', 'are')} well (--region {looked.region})")
    if not wrong:
        return
    console.print(f"\n[red]{counted(len(wrong), 'thing')} that {verb(len(wrong), 'needs', 'need')} a person[/]")
    for each in together(wrong):
        console.print(f"[bold]{shown(f'{each.area}: {each.name}')}[/]")
        for line in wrapped(printable(each.wrong), WIDTH - 2):
            console.print(f"  [red]{shown(line)}[/]")
        console.print(f"  do: {RUNBOOK}#{each.entry}")


def _cells(point: Point) -> list[Cell]:
    mark = "red" if point.wrong else "green"
    name = _GIVEN.sub("", point.name) if point.area == "alarms" else point.name
    return [Cell(point.area, "dim"), Cell(name), Cell(point.told, mark if point.wrong else "")]

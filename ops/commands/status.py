"""`python -m ops status`: how the stack is, on one screen, and what needs a person."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from handlers.sourcing import times
from ops.status.looks import Looks
from ops.status.points import Point, together
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
wait = time.sleep


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "status",
        help="how everything is, and what needs a person",
        description="Look at queues, mappings, alarms, throttles, the newest event and what follows from it, open "
        "transfers, replays and branches. The exit code is 1 if anything needs a person; each such line says what is "
        "wrong, and where the runbook says what to do.",
    )
    command.add_argument("--watch", action="store_true", help="look again every ten seconds; Ctrl-C ends it")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0 if nothing needs a person."""
    console = console_for(options)
    while True:
        looks = Looks.at(system)
        points = looks.points()
        if options.watch and console.is_terminal:
            console.clear()
        _print(looks, points, options, console)
        if not options.watch:
            return int(any(point.wrong for point in points))
        wait(WATCH_SECONDS)


def _print(looks: Looks, points: Sequence[Point], options: argparse.Namespace, console: Console) -> None:
    wrong = [point for point in points if point.wrong]
    at = times.to_text(looks.now)
    if options.json:
        told = {"at": at, "well": not wrong, "points": [point.describe() for point in points]}
        print(json.dumps(told, indent=2), flush=True)
        return
    console.print(f"[dim]{at[:19]}Z[/]")
    print_table(console, ("AREA", "WHAT", "HOW IT IS"), [_cells(point) for point in together(points)])
    if not wrong:
        console.print("[green]nothing needs a person[/]")
        return
    console.print(f"\n[red]{counted(len(wrong), 'thing')} that {verb(len(wrong), 'needs', 'need')} a person[/]")
    for each in together(wrong):
        console.print(f"[bold]{shown(f'{each.area}: {each.name}')}[/]")
        for line in wrapped(printable(each.wrong), WIDTH - 2):
            console.print(f"  [red]{shown(line)}[/]")
        console.print(f"  do: {RUNBOOK}#{each.entry}")


def _cells(point: Point) -> list[Cell]:
    mark = "red" if point.wrong else "green"
    return [Cell(point.area, "dim"), Cell(point.name), Cell(point.told, mark if point.wrong else "")]

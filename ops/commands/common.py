"""What the command lines share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_common(command: argparse.ArgumentParser) -> None:
    """The options of every command: which stack, and in which form to answer."""
    where = command.add_mutually_exclusive_group()
    where.add_argument("--outputs", type=Path, default=Path("out.json"), help="the stack's outputs; default: out.json")
    where.add_argument("--stack", help="the Pulumi stack to ask for its outputs instead")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def console_for(options: argparse.Namespace) -> Console:
    """Where people read: not on the standard output where that carries JSON."""
    return Console(stderr=options.json, highlight=False, soft_wrap=True)


def progress_on(console: Console, *columns: ProgressColumn) -> Progress:
    """Bars on a terminal, nothing in a file or a pipe."""
    shown = TextColumn("{task.description:10}"), BarColumn(), *columns, TimeElapsedColumn()
    return Progress(*shown, console=console, disable=not console.is_terminal)


class Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} ({task.finished_speed or task.speed or 0:,.0f}/s)")


def positive(text: str) -> int:
    """An argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return number

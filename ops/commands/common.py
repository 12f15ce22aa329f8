"""What the command lines share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from handlers.sourcing.values import Value, dumps
from handlers.upkeep.foreign import Foreign
from ops.system import MAX_WORKERS, System, UsageError
from ops.timeline import ByTime, Timeline
from ops.verification.walk import hash_keys
from ops.whole_table import WholeTable
from tools.lines import stretches
from tools.numbers import counted, money

from . import arguments

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


THREADS = arguments.Count(MAX_WORKERS)


def add_common(command: argparse.ArgumentParser) -> None:
    """The options of every command: which stack, and in which form to answer."""
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--outputs", type=arguments.path, default=Path("out.json"), help="the stack's outputs; default: out.json"
    )
    where.add_argument("--stack", type=arguments.stack_name, help="the Pulumi stack to ask for its outputs instead")
    command.add_argument("--region", type=arguments.region, help="which of the stack's Regions; default: its own")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def add_more_types(command: argparse.ArgumentParser, help_text: str) -> None:
    """The option of the commands that ask the index by type for events: which types besides those that are known."""
    command.add_argument(
        "--type", type=arguments.identifier, action="append", default=[], metavar="TYPE", help=help_text
    )


def add_walk(command: argparse.ArgumentParser) -> None:
    """The options of the commands that go through the aggregates: which, and with how many threads."""
    command.add_argument(
        "--aggregate",
        type=arguments.identifier,
        action="append",
        metavar="ID",
        help="only this one; may be repeated; default: all there are",
    )
    command.add_argument(
        "--segments",
        type=THREADS,
        default=8,
        metavar="N",
        help=f"scan and work with so many threads, {MAX_WORKERS} at most; default: 8",
    )


def by_time(system: System) -> ByTime:
    """What finds the store's events by their time: the type index, or a Scan where the stack has none."""
    client, table = system.client("dynamodb"), system.output("eventStoreTable")
    if not system.has_type_index():
        return WholeTable(client, table)
    return Timeline(client, table, system.setting("queryFunction", "TYPE_BUCKETS"))


def aggregates_of(
    client: DynamoDBClient, tables: Iterable[tuple[str, str, str]], options: argparse.Namespace, console: Console
) -> list[str]:
    """The aggregates asked for or, without any, all that occur in tables, sorted.

    A table is a label for people, its name, and its hash key, which is the aggregate's id.
    """
    if options.aggregate is not None:
        return sorted(set(options.aggregate))
    found: set[str] = set()
    with progress_on(console, Rate(), Counting("aggregates", "aggregate")) as bars:
        for label, table, key in tables:
            bar = bars.add_task(label, total=None, aggregates=0)

            def advance(items: int, bar: TaskID = bar) -> None:
                bars.advance(bar, items)

            for keys in hash_keys(client, table, key, options.segments, advance):
                found |= keys
                bars.update(bar, aggregates=len(found))
    return sorted(found)


def console_for(options: argparse.Namespace) -> Console:
    """Where people read: not on the standard output where that carries JSON.

    Texts that others wrote, ids first of all, go there through `shown`.
    """
    return Screen(stderr=options.json, highlight=False, soft_wrap=True, emoji=False)


class Screen(Console):
    """A console whose texts end between words on a terminal, further lines two behind the first; in a pipe they are
    whole."""

    def print(self, *objects: Any, **how: Any) -> None:
        """As a console does it."""
        if not self.is_terminal or [type(each) for each in objects] != [str]:
            super().print(*objects, **how)
            return
        for line in self.render_str(objects[0]).split("\n", allow_blank=True):
            hang = len(line.plain) - len(line.plain.lstrip()) + 2
            for number, (start, end) in enumerate(stretches(line.plain, self.width, hang)):
                super().print(Text(" " * hang if number else "") + line[start:end], **how)


def escape_what_cannot_be_shown(stream: IO[str]) -> None:
    r"""Have a stream write é as \xe9 where its encoding has none, rather than fail half-way through a report."""
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(errors="backslashreplace")


def shown(text: str) -> str:
    """A text that somebody else wrote, for a console: neither markup nor characters that act on the terminal."""
    return escape(printable(text))


def printable(text: str) -> str:
    r"""A text with all that does not print escaped: control and direction characters, halves of characters."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def amount_of(value: Value) -> str:
    """An amount for people; what is stored in its place and is none, as JSON."""
    return money(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else dumps(value)


def foreign_line(item: Foreign) -> str:
    """An item that is no event, for a console."""
    return f"{shown(item.aggregate_id)} #{shown(item.sequence)} [bold red]{item.verdict}[/]: {shown(item.problem)}"


def check_askable(options: argparse.Namespace) -> None:
    """UsageError where a command would ask, and nobody sits there who could be: before anything is asked of AWS."""
    asks = not getattr(options, "yes", True) and not getattr(options, "dry_run", False)
    if asks and not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: --yes says that it is meant")


def confirmed(question: str, options: argparse.Namespace) -> bool:
    """Whether whoever sits there says yes, or said --yes."""
    if options.yes:
        return True
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def add_yes(command: argparse.ArgumentParser) -> None:
    """The option of commands that ask before they do what cannot be undone."""
    command.add_argument("--yes", action="store_true", help="do not ask")


def progress_on(console: Console, *columns: ProgressColumn) -> Progress:
    """Bars on a terminal, nothing in a file or a pipe."""
    shown = TextColumn("{task.description:10}"), BarColumn(), *columns, TimeElapsedColumn()
    return Progress(*shown, console=console, disable=not console.is_terminal)


class Counting(ProgressColumn):
    """How many of something, by a field of the task; `before` stands in front of it."""

    def __init__(self, field: str, what: str, before: str = "") -> None:
        super().__init__()
        self._field, self._what, self._before = field, what, before

    def render(self, task: Task) -> Text:
        number = task.completed if self._field == "completed" else task.fields[self._field]
        return Text(f"{self._before}{counted(int(number), self._what)}")


class Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} ({task.finished_speed or task.speed or 0:,.0f}/s)")

"""Options that commands share, and how a command is added to the parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cli import arguments, web
from cli.context import OUTPUTS, RECEIPT, Context

Commands: TypeAlias = "argparse._SubParsersAction[arguments.Parser]"

Run = Callable[[Context], int | None]
MAX_LISTED = 100_000


def group(commands: Commands, name: str, about: str) -> Commands:
    """A word that other words follow."""
    parser = commands.add_parser(name, help=about, description=f"{about[:1].upper()}{about[1:]}.")
    return parser.add_subparsers(required=True, metavar="COMMAND", parser_class=arguments.Parser)


def command(commands: Commands, name: str, about: str, run: Run, fields: Sequence[str] = ()) -> arguments.Parser:
    """A command that asks the ledger; `fields` are what --json may name."""
    parser = plain(commands, name, about, run, fields)
    where = parser.add_argument_group("where")
    profile_option(where)
    where.add_argument("--region", type=arguments.region, help="which of a ledger's two Regions is asked")
    where.add_argument(
        "--direct", action="store_true", help="invoke the stack's functions with AWS credentials: no API"
    )
    where.add_argument(
        "--outputs",
        type=arguments.path,
        metavar="FILE",
        help=f"with --direct: the stack's outputs; default: {OUTPUTS}",
    )
    where.add_argument("--actor", type=arguments.identifier, help="with --direct: who the events name")
    where.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=web.TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait for an answer; default: {web.TIMEOUT_SECONDS:g}",
    )
    return parser


def plain(commands: Commands, name: str, about: str, run: Run, fields: Sequence[str] = ()) -> arguments.Parser:
    """A command that may do without the ledger."""
    parser = commands.add_parser(name, help=about, description=f"{about[:1].upper()}{about[1:]}.")
    parser.set_defaults(run=run, profile=None, region=None, direct=False, json=None)
    if fields:
        parser.add_argument(
            "--json",
            nargs="?",
            const=(),
            type=arguments.Fields(tuple(fields)),
            metavar="FIELDS",
            help="print JSON, of these fields alone if some are named (with commas between them): " + ", ".join(fields),
        )
    return parser


def profile_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Which ledger, and who is signed in."""
    parser.add_argument(
        "--profile",
        type=arguments.profile,
        metavar="NAME",
        help="the profile; default: LEDGER_PROFILE, else the one signed in to last, else local",
    )


def writing(
    commands: Commands, name: str, about: str, run: Run, *, more: Sequence[str] = (), expects: bool = True
) -> arguments.Parser:
    """A command that writes: with an id under which it counts once."""
    parser = command(commands, name, about, run, [*(each.field for each in RECEIPT), *more, "valid"])
    parser.add_argument(
        "--id",
        type=arguments.identifier,
        help="the id under which it counts once, however often it is sent; made and told where none is given",
    )
    if expects:
        parser.add_argument(
            "--expect", type=arguments.sequence, metavar="SEQUENCE", help="refuse if it has moved on from this sequence"
        )
    parser.add_argument("--dry-run", action="store_true", help="only say whether it would be accepted")
    return parser


def limit_option(parser: argparse.ArgumentParser, default: int) -> None:
    """How many."""
    parser.add_argument(
        "--limit",
        type=arguments.Count(MAX_LISTED),
        default=default,
        metavar="NUMBER",
        help=f"so many at most; default: {default}",
    )


def span_options(parser: argparse.ArgumentParser) -> None:
    """From when to when."""
    parser.add_argument("--from", dest="since", type=arguments.moment, metavar="TIME", help="recorded then or later")
    parser.add_argument("--to", dest="until", type=arguments.moment, metavar="TIME", help="recorded then or earlier")


def tell_of_more(context: Context, page: dict[str, object], shown: int) -> None:
    """On a terminal: that a list was cut."""
    if "nextToken" in page and context.out.is_terminal:
        context.out.tell(f"These are {shown}, and there are more: --limit {min(shown * 10, MAX_LISTED)}")

"""`ledger completion`: what a shell needs to complete the others."""

from __future__ import annotations

from cli.completion import SCRIPTS
from cli.context import Context

from .common import Commands, plain


def add_to(commands: Commands) -> None:
    """The command."""
    parser = plain(commands, "completion", "print what a shell needs to complete commands and options", _print)
    parser.add_argument("shell", choices=sorted(SCRIPTS), help="which shell")


def _print(context: Context) -> None:
    context.out.write(SCRIPTS[context.options.shell].rstrip("\n"))

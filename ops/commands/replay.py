"""`python -m ops replay`: stored events once more, for whoever needs them.

The archive's replay was the whole command once: `replay START END` and `replay` alone still are it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import replay_archive, replay_plan, replay_runs

if TYPE_CHECKING:
    from .common import Commands

NAME = "replay"
_ARCHIVE = "archive"
_MODULES = (replay_plan, replay_runs, replay_archive)


def add_to(commands: Commands) -> None:
    """Add the command and its actions to the command line."""
    group = commands.add_parser(NAME, help="stored events once more: of the event store, or of the archive")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    for module in _MODULES:
        module.add_to(actions)


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """The command line with the action that `replay` alone, or with a time or an option behind it, has always meant."""
    if not arguments or arguments[0] != NAME:
        return list(arguments)
    rest = list(arguments[1:])
    if rest and (rest[0] in ("-h", "--help") or rest[0][:1].isalpha()):  # a word is an action, known or not
        return [NAME, *rest]
    return [NAME, _ARCHIVE, *rest]

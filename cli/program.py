"""The program: a command line in, an exit code out."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from cli.arguments import Parser
from cli.called import advice
from cli.commands import account, completion, events, login, transfer
from cli.completion import ASK, candidates
from cli.context import Context
from cli.errors import INTERRUPTED, CliError, Refused, UsageError
from cli.output import ClosedOutput, Out
from cli.profiles import NAME, Profiles, config_folder
from tools.lines import fitting

ABOUT = "Accounts, transfers and events of the ledger, from a terminal or a script."
CODES = (
    (0, "done"),
    (1, "refused by the ledger, or failed"),
    (2, "the command line makes no sense; nothing was sent"),
    (4, "somebody has to sign in: `ledger login`"),
    (130, "interrupted by Ctrl-C (of `events tail`, that is its end: 0)"),
    (141, "nobody reads the output any more, as in `ledger … | head -1`"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    _streams()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    profiles = Profiles(config_folder())
    try:
        if typed[:1] == [ASK]:
            return _complete(typed[1:], profiles)
        return _run(typed, profiles)
    except SystemExit as ended:  # argparse: help, or what it does not understand
        return ended.code if isinstance(ended.code, int) else 1
    except ClosedOutput as closed:
        _abandon()
        return closed.code
    except CliError as error:
        return _told(error)
    except KeyboardInterrupt:
        with suppress(OSError):
            print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


@cache
def parser() -> Parser:
    """All commands. What it reads is kept in what it returns, so one is enough."""
    codes = "\n".join(f"  {code:<4} {means.replace('`', '')}" for code, means in CODES)
    made = Parser(
        prog="ledger",
        description=ABOUT,
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for each in (account, transfer, events, login, completion):
        each.add_to(commands)
    return made


class _Closed(io.FileIO):
    """Takes a closed output's place, and takes nothing."""

    def write(self, _: Any, /) -> int:
        raise OSError(errno.EBADF, "it is closed")


def _streams() -> None:
    """Have two streams to write to, also where one is closed (`>&-`): the next file opened must not be it.

    What goes to a closed output fails as on a full disk; what goes to closed errors has no other place to be told.
    """
    for name, instead in (("stdout", _Closed), ("stderr", io.FileIO)):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(instead(os.devnull, "w"), write_through=True))
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")


def _run(typed: Sequence[str], profiles: Profiles) -> int:
    options = parser().parse_args(typed)
    if getattr(options, "profile", None) is None and (named := os.environ.get("LEDGER_PROFILE")):
        if not NAME.fullmatch(named):
            raise UsageError(f"LEDGER_PROFILE is {named!r}, which is no profile's name")
        options.profile = named
    out = Out.of_process(options.json)
    context = Context(typed, options, out, profiles)
    try:
        code: int | None = options.run(context)
    except CliError as error:
        error.hint = advice(error.hint, context.where)
        raise
    return code or 0


def _complete(words: Sequence[str], profiles: Profiles) -> int:
    for each in candidates(parser(), words, lambda: [profile.name for profile in profiles.all()]):
        Out.of_process(None).write(each)
    return 0


def _told(error: CliError) -> int:
    head = ""
    if isinstance(error, Refused):
        head = f"{error.error} ({error.rule}): " if error.rule else f"{error.error}: "
    lines = [f"error: {head}{error}", *([error.hint] if error.hint else [])]
    with suppress(OSError):
        print(fitting("\n".join(lines), sys.stderr), file=sys.stderr)
    return error.code


def _abandon() -> None:
    """What is still to be written goes nowhere, so that the interpreter's own last flush says nothing."""
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                os.dup2(nowhere.fileno(), stream.fileno())

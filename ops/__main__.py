"""`python -m ops COMMAND`: operate a deployed stack."""

from __future__ import annotations

import os
import signal


def _interrupted_early(*_: object) -> None:
    """While everything is loaded, which takes a second, there is nothing to clear up: a line, and no traceback."""
    try:
        os.write(2, b"Interrupted.\n")
    finally:
        os._exit(130)


if __name__ == "__main__" and signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # before the rest
    signal.signal(signal.SIGINT, _interrupted_early)

import argparse
import sys
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from handlers.sourcing.errors import LedgerError
from tools.lines import fitting

from .commands import (
    branch,
    dead_letters,
    deploy,
    export,
    feeds,
    import_,
    logs,
    region,
    replay,
    republish,
    restore_event,
    schemas,
    snapshots,
    status,
    transfers,
    verify,
)
from .commands.arguments import Parser
from .commands.common import check_askable, escape_what_cannot_be_shown, printable
from .output import ending
from .system import OperatorError, System, UsageError, is_gone

_GONE = "; if it is the stack's, it was deleted: `pulumi up --refresh` (docs/operations.md#what-was-deleted)"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when not, 2 for a command line that makes no sense."""
    for stream in (sys.stdout, sys.stderr):
        escape_what_cannot_be_shown(stream)
    try:
        options = _parser().parse_args(replay.spelled_out(sys.argv[1:] if arguments is None else arguments))
        check_askable(options)
        system = System.of_stack(options.stack) if options.stack is not None else System.of_file(options.outputs)
        system.is_there()
        return int(options.run(system.in_region(options.region), options))
    except (OperatorError, LedgerError, BotoCoreError, ClientError) as error:
        told = f"error: {printable(str(error))}{_GONE if is_gone(error) else ''}"
        print(fitting(told, sys.stderr, hang=2), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


@cache
def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m ops", description="Operate a deployed stack.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    looking, mending = (
        (status, verify, logs, dead_letters, transfers, schemas),
        (feeds, deploy, region, replay, republish, restore_event, snapshots),
    )
    for module in (*looking, *mending, branch, export, import_):
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) == _interrupted_early:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(ending(main))

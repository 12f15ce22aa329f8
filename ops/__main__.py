"""`python -m ops COMMAND`: operate a deployed stack."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from . import replay
from .system import OperatorError, System


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when not, 2 for a command line that makes no sense."""
    options = _parser().parse_args(arguments)
    try:
        system = System.of_stack(options.stack) if options.stack else System.of_file(options.outputs)
        return int(options.run(system, options))
    except (OperatorError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _replay(system: System, options: argparse.Namespace) -> int:
    window = replay.Window.parse(options.start, options.end, datetime.now(UTC))
    name = replay.start(system, window, every_rule=options.every_rule, name=options.name)
    console = Console(stderr=options.json)
    console.print(
        f"Started replay [bold]{name}[/] of {window.start:%Y-%m-%dT%H:%M:%SZ} to {window.end:%Y-%m-%dT%H:%M:%SZ}"
    )
    columns = TextColumn("{task.description:10}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("STARTING", total=1.0)
        for progress in replay.follow(system, name, window):
            bars.update(bar, completed=progress.done, description=progress.state)
    if options.json:
        print(json.dumps(asdict(progress), default=str))
    else:
        console.print(f"{progress.state} {name} {progress.reason}".rstrip())
    return 0 if progress.state == "COMPLETED" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description="Operate a deployed stack.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "replay",
        help="send archived events through the rules again",
        description="Send the archive's events of a time window through the rules again and wait until that is done. "
        "Projections skip what they have, so a replay repairs and never doubles. New events take AWS about 10 minutes "
        "to become replayable.",
    )
    command.add_argument("start", nargs="?", metavar="START", help="ISO 8601; default: an hour before END")
    command.add_argument("end", nargs="?", metavar="END", help="ISO 8601; default: now")
    command.add_argument("--every-rule", action="store_true", help="to all rules of the bus, not just the projections'")
    command.add_argument("--name", help="the replay's name; default: financial-events-replay-<milliseconds>")
    _common(command)
    command.set_defaults(run=_replay)
    return parser


def _common(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group()
    where.add_argument("--outputs", type=Path, default=Path("out.json"), help="the stack's outputs; default: out.json")
    where.add_argument("--stack", help="the Pulumi stack to ask for its outputs instead")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


if __name__ == "__main__":
    sys.exit(main())

"""`python -m ops deploy`: move callers to the code that the last `up` published, or back."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ops.releases import ORDER, Releases, shown
from ops.system import System
from ops.words import counted

from .common import add_common, add_yes, confirmed, console_for
from .common import shown as printed

if TYPE_CHECKING:
    from .common import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "deploy",
        help="move callers to the code that was published, or back",
        description="With the setting deployment: move the callers of query, validate and command to the version that "
        "the last `up` published, as CodeDeploy does it, or back to the one before. Readers come before writers.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    start = actions.add_parser(
        "start",
        help="move them, and wait until all are there; an alarm brings them back",
        description="Move the callers, and wait. May be broken off and run again: it waits for what is under way.",
    )
    start.add_argument(
        "--at-once", action="store_true", help="all at the same time: where the two versions must not run side by side"
    )
    add_common(start)
    start.set_defaults(run=_start)
    status = actions.add_parser("status", help="show where they are; exit code 1 where not all are at the last version")
    add_common(status)
    status.set_defaults(run=_status)
    rollback = actions.add_parser("rollback", help="move them back to where they were before, at once")
    add_yes(rollback)
    add_common(rollback)
    rollback.set_defaults(run=_roll_back)


def _is_direct(system: System, options: argparse.Namespace) -> bool:
    """Whether there is nothing to move, which is then said: a pipeline need not know the setting."""
    if system.outputs.get("releases") is not None:
        return False
    if options.json:
        print(json.dumps({"functions": {}}))
    console_for(options).print("the setting deployment is direct: all callers are at the code of the last up")
    return True


def _start(system: System, options: argparse.Namespace) -> int:
    if _is_direct(system, options):
        return 0
    releases = _releases(system, options)
    releases.start(at_once=options.at_once)
    return _tell(releases, options)


def _status(system: System, options: argparse.Namespace) -> int:
    if _is_direct(system, options):
        return 0
    return _tell(_releases(system, options), options)


def _roll_back(system: System, options: argparse.Namespace) -> int:
    releases = _releases(system, options)
    releases.standing(ORDER[0][0])  # a stack without releases says so before anybody is asked
    if not confirmed("Move all callers back to the version before?", options):
        return 1
    moved = releases.roll_back()
    _tell(releases, options, {"movedBack": moved})
    if not moved:
        console_for(options).print("nothing was before: nobody was moved")
        return 1
    console_for(options).print(f"{counted(moved, 'function')} moved back")
    return 0


def _releases(system: System, options: argparse.Namespace) -> Releases:
    console = console_for(options)
    return Releases(system, lambda text: console.print(printed(text)))


def _tell(releases: Releases, options: argparse.Namespace, more: dict[str, Any] | None = None) -> int:
    """Exit code 1 where not all callers are at the version that was published last."""
    found = {label: releases.standing(label) for stage in ORDER for label in stage}
    newest = {label: next(iter(releases.deployments(label)), None) for label in found}
    if options.json:
        told = {
            label: {
                "function": each.function,
                "published": each.published,
                "shares": dict(each.shares),
                "settled": each.is_settled,
                "deployment": last and {"id": last.id, "status": last.status, "problem": last.problem},
            }
            for (label, each), last in zip(found.items(), newest.values(), strict=True)
        }
        print(json.dumps({"functions": told, **(more or {})}, indent=2))
    else:
        console = console_for(options)
        for label, each in found.items():
            last = newest[label]
            state = f"; the last deployment, {last.id}: {last.status}" if last else ""
            console.print(printed(f"{label}: {shown(each.shares)}, published {each.published}{state}"))
    return 0 if all(each.is_settled for each in found.values()) else 1

"""`python -m ops deploy`: move callers to the code that the last `up` published, or back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ops.releases import ORDER, Releases, shown
from ops.system import OperatorError, System
from tools.numbers import counted

from . import arguments
from .common import add_common, add_yes, confirmed, console_for
from .common import shown as printed

if TYPE_CHECKING:
    from .common import Commands


_KEPT, _MOST_KEPT = 5, 1_000


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
    prune = actions.add_parser(
        "prune",
        help="delete versions that no caller will come to any more",
        description="Delete old versions of query, validate and command. The newest stay, and those that callers are "
        "at, or come to by start or rollback.",
    )
    prune.add_argument(
        "--keep", type=arguments.Count(_MOST_KEPT), default=_KEPT, metavar="N", help=f"of the newest ones ({_KEPT})"
    )
    add_yes(prune)
    add_common(prune)
    prune.set_defaults(run=_prune)


def _prune(system: System, options: argparse.Namespace) -> int:
    moved, console = _moved(system, options), console_for(options)
    going = {
        (region, label): versions
        for region, releases in moved.items()
        for label in (label for stage in ORDER for label in stage)
        if (versions := releases.prunable(label, options.keep))
    }
    count = sum(map(len, going.values()))
    for (_, label), versions in going.items():
        console.print(f"{label}: {', '.join(versions)} can go")
    if count and not confirmed(f"Delete {counted(count, 'version')}? Nothing brings them back.", options):
        return 1
    for (region, label), versions in going.items():
        moved[region].prune(label, versions)
    if options.json:
        print(json.dumps({"deleted": [{"region": r, "label": x, "versions": v} for (r, x), v in going.items()]}))
    elif not count and moved:
        console.print("there is no version that can go")
    return 0


def _start(system: System, options: argparse.Namespace) -> int:
    moved = _moved(system, options)
    for releases in moved.values():
        releases.start(at_once=options.at_once)
    return _tell(moved, options)


def _status(system: System, options: argparse.Namespace) -> int:
    return _tell(_moved(system, options), options)


def _roll_back(system: System, options: argparse.Namespace) -> int:
    moved = _moved(system, options)
    if not moved:
        raise OperatorError("the setting deployment is direct: check out the revision before, and `pulumi up`")
    if not confirmed("Move all callers back to the version before?", options):
        return 1
    count = sum(releases.roll_back() for releases in moved.values())
    _tell(moved, options, {"movedBack": count})
    console = console_for(options)
    console.print(f"{counted(count, 'function')} moved back" if count else "nothing was before: nobody was moved")
    return 0 if count else 1


def _moved(system: System, options: argparse.Namespace) -> dict[str, Releases]:
    """In the Region that is asked for, or in all that the stack is in, its own first; none where callers are not moved.

    That is said, and no error: a pipeline need not know the setting.
    """
    asked = system.regions() if options.region is None else {system.region: system}
    console = console_for(options)
    if system.outputs.get("releases") is None:
        console.print("the setting deployment is direct: all callers are at the code of the last up")
        return {}

    def telling(region: str) -> Callable[[str], object]:
        where = f"{region}: " if len(asked) > 1 else ""
        return lambda text: console.print(printed(where + text))

    return {region: Releases(each, telling(region)) for region, each in asked.items()}


def _tell(moved: dict[str, Releases], options: argparse.Namespace, more: dict[str, Any] | None = None) -> int:
    """Exit code 1 where not all callers are at the version that was published last."""
    told: dict[str, Any] = {}
    settled = True
    for region, releases in moved.items():
        told[region] = {}
        for label in (label for stage in ORDER for label in stage):
            each, last = releases.standing(label), next(iter(releases.deployments(label)), None)
            settled = settled and each.is_settled
            told[region][label] = {
                "function": each.function,
                "published": each.published,
                "shares": dict(each.shares),
                "settled": each.is_settled,
                "deployment": last and {"id": last.id, "status": last.status, "problem": last.problem},
            }
            if not options.json:
                state = f"; the last deployment, {last.id}: {last.status}" if last else ""
                releases.tell(f"{label}: {shown(each.shares)}, published {each.published}{state}")
    if options.json:
        print(json.dumps({"regions": told, **(more or {})}, indent=2))
    return 0 if settled else 1

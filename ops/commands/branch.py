"""`python -m ops branch`: try something on top of the ledger's history, and change nothing of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from handlers.sourcing import times
from handlers.sourcing.values import dumps
from handlers.store.branches import Branch
from handlers.upkeep.backtests.diff import run_of
from ops.branches.results import Results, branches_of
from ops.processes import invoked
from ops.system import System, UsageError

from . import arguments, branch_diff, branch_run
from .common import add_common, console_for, shown
from .tables import Cell, print_table

if TYPE_CHECKING:
    from .common import Commands

MAX_DAYS = 365
MAX_SHOWN = 1_000_000
_OK = 200


def add_to(commands: Commands) -> None:
    """Add the command and its subcommands to the command line."""
    group = commands.add_parser("branch", help="try commands on a branch of the ledger, which changes nothing of it")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    create = _of_one(actions, "create", "make a branch", "Make a branch on the ledger's history. Nothing is copied.")
    create.add_argument(
        "--at",
        type=arguments.moment,
        metavar="MOMENT",
        help="stand on the history until then; default: on each account as it is when it is first touched",
    )
    create.add_argument(
        "--days",
        type=arguments.Count(MAX_DAYS),
        metavar="N",
        help="how long it lives; default: the stack's setting branchDays",
    )
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="all branches", description="Show all branches that there are.")
    add_common(listing)
    listing.set_defaults(run=_list)
    show = _of_one(actions, "show", "one branch", "Show a branch, and which accounts were touched on it.")
    show.add_argument(
        "--show", type=arguments.Count(MAX_SHOWN), default=100, metavar="N", help="so many at most; default: 100"
    )
    show.set_defaults(run=_show)
    for name, summary, run in (
        ("command", "have a command decided on a branch", _command),
        ("query", "ask something of a branch", _query),
    ):
        action = _of_one(actions, name, summary, f"{summary[:1].upper()}{summary[1:]}, and show the answer.")
        action.add_argument(
            "request",
            type=arguments.json_object,
            metavar="REQUEST",
            help=f"what the function {name} takes, as a JSON object",
        )
        action.set_defaults(run=run)
    carry = _of_one(
        actions,
        "carry",
        "carry a transfer on within a branch",
        "Do what is due for a transfer on a branch. A command that concerns one does so by itself; what waited for its "
        "time, nobody else looks after.",
    )
    carry.add_argument("process", type=arguments.identifier, metavar="ID", help="the transfer's id")
    carry.set_defaults(run=_carry)
    drop = _of_one(actions, "drop", "remove a branch", "Remove a branch and all that was decided on it.")
    drop.set_defaults(run=_drop)
    branch_run.add_to(actions)
    branch_diff.add_to(actions)
    merge = _of_one(actions, "merge", "not to be had: see what it says", "A branch is never merged.")
    merge.set_defaults(run=_merge)


def _of_one(actions: Commands, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary, description=description)
    action.add_argument("branch", type=arguments.branch_name, metavar="NAME", help="the branch's name")
    add_common(action)
    return action


def _create(system: System, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    if options.at is not None and options.at > now:
        raise UsageError(f"--at {times.to_text(options.at)}: nobody knows yet what the ledger will be then")
    days = options.days or system.setting("branchFunction", "BRANCH_DAYS")
    at = None if options.at is None else times.to_text(options.at)
    branch = Branch.new(options.branch, at, system.revision("branchFunction"), now, timedelta(days=days))
    branches_of(system).create(branch)
    return _told(branch, options, "made")


def _list(system: System, options: argparse.Namespace) -> int:
    every = branches_of(system).every()
    if options.json:
        print(dumps({"branches": [branch.describe() for branch in every], "count": len(every)}))
        return 0
    console = console_for(options)
    rows = [[Cell(branch.name, "bold"), *map(Cell, _cells(branch))] for branch in every]
    print_table(console, ("BRANCH", "STANDS ON", "MADE", "UNTIL"), rows)
    console.print(f"{len(every):,} branch{'' if len(every) == 1 else 'es'}")
    return 0


def _cells(branch: Branch) -> tuple[str, str, str]:
    told = branch.describe()
    stands_on = f"the history until {branch.at}" if branch.at else "each account as first touched"
    return stands_on, f"{branch.created_at[:19]}Z", f"{str(told['expiresAt'])[:19]}Z"


def _show(system: System, options: argparse.Namespace) -> int:
    branches = branches_of(system)
    branch = branches.get(options.branch)
    touched = list(islice(branches.touched(branch), options.show + 1))
    more = len(touched) > options.show
    by_this_code = system.revision("branchFunction") == branch.revision
    run = run_of(Results(branches, branch).head())
    accounts = [each.describe() for each in touched[: options.show]]
    if options.json:
        told = {**branch.describe(), "sameCode": by_this_code, "touched": accounts, "more": more}
        print(dumps({**told, "run": run}))
        return 0
    console = console_for(options)
    stands_on, since, until = _cells(branch)
    console.print(f"[bold]{branch.name}[/] stands on {stands_on}; made {since}, gone {until}")
    if not by_this_code:
        console.print("[yellow]what decides on it now is other code than when it was made[/]")
    if run:
        console.print(f"a backtest of {shown(str(run['code']))}: `branch diff {branch.name}`")
    rows = [[Cell(str(each["aggregateId"])), Cell(f"{each['base']:,}", right=True)] for each in accounts]
    print_table(console, ("TOUCHED", "EVENTS OF THE BASE"), rows)
    if more:
        console.print("there are more: --show")
    return 0


def _command(system: System, options: argparse.Namespace) -> int:
    return _asked(system, options, {"command": options.request})


def _query(system: System, options: argparse.Namespace) -> int:
    return _asked(system, options, {"query": options.request})


def _carry(system: System, options: argparse.Namespace) -> int:
    return _asked(system, options, {"carry": options.process})


def _asked(system: System, options: argparse.Namespace, what: Mapping[str, Any]) -> int:
    """Ask the function branch; 0 if it did so, 1 if it refused. Numbers go and come exactly as they stand."""
    request = {"body": dumps({"branch": options.branch, **what})}
    status, answer = invoked(system.hasty("lambda"), system.output("branchFunction"), request)
    if options.json or status == _OK:
        print(dumps(answer))
    else:
        error = answer["error"]
        rule = error.get("details", {}).get("rule")
        console_for(options).print(f"[red]refused[/] ({shown(rule or error['code'])}): {shown(error['message'])}")
    return int(status != _OK)


def _drop(system: System, options: argparse.Namespace) -> int:
    branches = branches_of(system)
    branch = branches.get(options.branch)
    branches.drop(branch)
    Results(branches, branch).clear()
    return _told(branch, options, "dropped")


def _merge(_: System, options: argparse.Namespace) -> int:
    raise UsageError(
        f"{options.branch} cannot be merged: what was decided on a branch never becomes the ledger's. "
        "To have new rules decide for real, deploy them; to have commands carried out, send them"
    )


def _told(branch: Branch, options: argparse.Namespace, what: str) -> int:
    if options.json:
        print(dumps({**branch.describe(), "outcome": what}))
    else:
        stands_on, _, until = _cells(branch)
        console_for(options).print(f"[bold]{branch.name}[/] {what}; it stands on {stands_on}, gone by itself {until}")
    return 0

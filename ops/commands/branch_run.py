"""`python -m ops branch run`: have the rules of another checkout decide again what was really asked."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.sourcing import times
from handlers.sourcing.selection import Selection
from handlers.sourcing.values import dumps
from handlers.upkeep.backtests.diff import Diff
from handlers.upkeep.backtests.tally import Tally
from ops.branches.backtest import PART, Backtest
from ops.branches.candidate import PATIENCE, revision_of
from ops.branches.refusals import Refusals
from ops.branches.results import Results, branches_of
from ops.system import MAX_WORKERS, OperatorError, System, UsageError
from tools.numbers import counted, verb

from . import arguments
from .common import Counting, Rate, add_common, console_for, progress_on
from .replay_spec import add_selection, selection_of

if TYPE_CHECKING:
    from rich.console import Console

    from .common import Commands

MAX_PATIENCE = 24 * 60 * 60
"""Seconds."""


def add_to(actions: Commands) -> None:
    """Add the action."""
    command = actions.add_parser(
        "run",
        help="decide again what was really asked, by the rules of another checkout",
        description="Backtest: account by account and in order, each command behind the ledger's events and each that "
        "was refused is decided again by the rules of a candidate checkout. Nothing of the ledger changes. A run that "
        "is interrupted goes on by the same command. See what came of it by `branch diff`.",
    )
    command.add_argument("branch", type=arguments.branch_name, metavar="NAME", help="the branch's name")
    command.add_argument(
        "--code", type=arguments.path, required=True, metavar="DIR", help="a checkout of this project; it is only read"
    )
    command.add_argument(
        "--workers",
        type=arguments.Count(MAX_WORKERS),
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decide; default: one for each core",
    )
    command.add_argument(
        "--patience",
        type=arguments.Count(MAX_PATIENCE),
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long the rules may take for up to {PART} commands of an account; one that takes longer is told, and "
        f"the others go on; default: {PATIENCE}",
    )
    command.add_argument("--again", action="store_true", help="forget an earlier run of the branch, and begin anew")
    add_selection(command, "the moment that the branch stands on, or when it was made")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0, or 1 where the candidate cannot cope with some account; the others are decided."""
    selection, code = selection_of(options), options.code.resolve()
    branches = branches_of(system)
    results = Results(branches, branches.get(options.branch))
    until, numbers = _begun(results, options, selection, revision_of(code), system.numbers("commandFunction"))
    console, group = console_for(options), system.outputs.get("auditLogGroup")
    columns = Rate(), Counting("aggregates", "account")
    with tempfile.TemporaryDirectory() as folder, progress_on(console, *columns) as bars:
        bar = bars.add_task("decide", total=None, aggregates=0)

        def seen(aggregates: int, events: int) -> None:
            bars.update(bar, advance=events, aggregates=bars.tasks[bar].fields["aggregates"] + aggregates)

        with closing(Refusals(Path(folder) / "refusals")) as refusals:
            try:
                if group is not None:
                    refusals.read(system.client("logs"), str(group), selection.since, until)
                Backtest(
                    client=system.client("dynamodb"),
                    table=system.output("eventStoreTable"),
                    results=results,
                    refusals=refusals,
                    selection=selection,
                    until=until,
                    code=code,
                    numbers=numbers,
                    workers=options.workers,
                    patience=options.patience,
                    seen=seen,
                ).run()
            except KeyboardInterrupt:
                console.print("interrupted: the same command goes on")
                raise
    diff, untold = Diff.of(results), refusals.count.untold
    if diff is None:
        raise OperatorError(f"the branch {options.branch} is gone, dropped or lapsed")
    tally = diff.tally
    if options.json:
        print(dumps({**tally.describe(), "untoldRefusals": untold, "audited": group is not None}))
    else:
        _print(console, options.branch, tally)
        if group is None:
            console.print("[yellow]refusals were not asked again[/]: the stack has no audit log, which alone has them")
        if untold:
            console.print(
                f"[yellow]{counted(untold, 'refusal')} {verb(untold, 'does', 'do')} not say what was asked[/]: "
                f"older code told of {verb(untold, 'it', 'them')}"
            )
    return int(tally.unread > 0)


def _begun(
    results: Results, options: argparse.Namespace, selection: Selection, revision: str, numbers: Mapping[str, str]
) -> tuple[str, Mapping[str, str]]:
    """Until when the run goes, and with which numbers: what was written down when it began, now or before.

    UsageError where that is a run of other rules, or of something else.
    """
    if options.again:
        results.clear()
    branch, before = results.branch, results.head()
    head = {
        "revision": revision,
        "selection": selection.described(),
        "until": min(branch.at or branch.created_at, selection.until),
        "numbers": numbers,
    }
    if before is None:
        results.begin({**head, "code": str(options.code), "startedAt": times.to_text(datetime.now(UTC))})
    elif differing := [name for name in head if dumps(before[name]) != dumps(head[name])]:
        raise UsageError(
            f"the branch {branch.name} has a run with another {', '.join(differing)}: "
            "--again forgets it and begins anew, or make another branch"
        )
    return str(head["until"]), numbers


def _print(console: Console, branch: str, tally: Tally) -> None:
    otherwise = sum(tally.roots.values()) + sum(tally.follows.values())
    console.print(
        f"{counted(tally.decisions, 'command')} of {counted(tally.aggregates, 'account')} decided again, "
        f"{tally.refusals:,} of them refused before; {otherwise:,} {verb(otherwise, 'comes', 'come')} out otherwise, "
        f"on {counted(tally.differing, 'account')}: `branch diff {branch}`"
    )
    if tally.unread:
        console.print(
            f"[red]{counted(tally.unread, 'account')} {verb(tally.unread, 'is', 'are')} beyond the candidate[/]: "
            f"`branch diff {branch}` says why"
        )

"""`python -m ops branch diff`: what other rules would have decided otherwise, why, and what it comes to."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from handlers.sourcing.values import ARITHMETIC, dumps
from handlers.upkeep.backtests.diff import PARTS, Diff
from handlers.upkeep.backtests.tally import Tally
from ops.branches.results import Results, branches_of
from ops.system import System, UsageError
from tools.numbers import counted, money, verb

from . import arguments
from .common import add_common, console_for
from .tables import Cell, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from .common import Commands

MAX_SHOWN = 1_000_000
KINDS = ("accepted-refused", "refused-accepted", "other-events")
_WORDS = {
    "accepted-refused": "accepted, now refused",
    "refused-accepted": "refused, now accepted",
    "other-events": "accepted, with other events",
}
_COLUMNS = ("aggregateId", "at", "sequence", "commandId", "eventType", "kind", "root", "cause", "process", "was", "is")


def add_to(actions: Commands) -> None:
    """Add the action."""
    command = actions.add_parser(
        "diff",
        help="what a backtest decided otherwise, and what that comes to",
        description="Show the decisions that come out otherwise by the rules of the candidate, apart by whether the "
        "rules alone are the cause or what they did before; the balances that differ; the transfers concerned.",
    )
    command.add_argument("branch", type=arguments.branch_name, metavar="NAME", help="the branch's name")
    command.add_argument(
        "--show",
        type=arguments.Count(MAX_SHOWN),
        default=20,
        metavar="N",
        help="so many accounts and transfers at most; default: 20, with --json all",
    )
    command.add_argument("--csv", action="store_true", help="every decision that differs, as CSV, and nothing else")
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    """0 if the run is complete, 1 if it is not, or the candidate cannot cope with some account."""
    if options.csv and options.json:
        raise UsageError("--csv and --json: give one of them")
    branches = branches_of(system)
    results = Results(branches, branches.get(options.branch))
    diff = Diff.of(results)
    if diff is None:
        raise UsageError(f"nothing was decided again on the branch {options.branch} yet: `branch run` does that")
    if options.csv:
        _print_csv(results)
    elif options.json:
        _print_json(results, diff)
    else:
        _print(results, diff.tally, options, console_for(options))
        if not diff.complete:
            console_for(options).print(f"[yellow]not complete[/]: {diff.done} of {PARTS} parts; `branch run` goes on")
    return int(diff.tally.unread > 0 or not diff.complete)


def _print_json(results: Results, diff: Diff) -> None:
    """All of it as one JSON object, written as it is read: there may be more accounts than memory holds."""
    print(dumps(diff.describe())[:-1] + ',"accounts":[', end="")
    for place, (aggregate_id, outcome) in enumerate(results.outcomes()):
        print("," * bool(place) + dumps({"aggregateId": aggregate_id, **outcome}), end="")
    print("]}")


def _print_csv(results: Results) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(_COLUMNS)
    for aggregate_id, outcome in results.outcomes():
        for each in results.differences(aggregate_id) if "problem" not in outcome else ():
            row = {**each, "aggregateId": aggregate_id, "was": dumps(each["was"]), "is": dumps(each["is"])}
            writer.writerow([_plain(row[name]) for name in _COLUMNS])


def _plain(value: Any) -> str:
    """A value of a CSV file; what a spreadsheet would take for a formula is a text there."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return "" if value is None else dumps(value)


def _print(results: Results, tally: Tally, options: argparse.Namespace, console: Console) -> None:
    console.print(
        f"{counted(tally.decisions, 'command')} of {counted(tally.aggregates, 'account')} decided again, "
        f"{tally.refusals:,} of them refused before"
    )
    kinds = [[Cell(_WORDS[kind]), _number(tally.roots[kind]), _number(tally.follows[kind])] for kind in KINDS]
    print_table(console, ("DECISION", "BY THE RULES", "THAT FOLLOW"), kinds)
    causes = [[_number(times), Cell(cause)] for cause, times in tally.causes.most_common(options.show)]
    print_table(console, ("TIMES", "ROOT CAUSE"), causes)
    rows = [
        [Cell(unit), *(_amount(each) for each in (sums["recorded"], sums["candidate"], sums["difference"]))]
        for unit, sums in tally.differences().items()
    ]
    print_table(console, ("ALL ACCOUNTS", "RECORDED", "CANDIDATE", "DIFFERENCE"), rows)
    outcomes = list(islice(results.outcomes(), options.show + 1))
    shown_ones = outcomes[: options.show]
    print_table(
        console,
        ("ACCOUNT", "RECORDED", "CANDIDATE", "DIFFERENCE", "", "DECISIONS", "BY THE RULES"),
        [_cells(*each) for each in shown_ones if "problem" not in each[1]],
    )
    problems = [[Cell(name, "bold"), Cell(told["problem"], "red")] for name, told in shown_ones if "problem" in told]
    print_table(console, ("ACCOUNT", "BEYOND THE CANDIDATE"), problems)
    processes = sorted({each for _, told in shown_ones for each in told.get("processes", ())})
    print_table(console, ("TRANSFERS CONCERNED",), [[Cell(each)] for each in processes[: options.show]])
    if len(outcomes) > options.show:
        differ = verb(tally.differing, "differs", "differ")
        console.print(f"{counted(tally.differing, 'account')} {differ}: --show, --json or --csv")
    elif not outcomes:
        console.print("nothing differs")
    if tally.processes:
        console.print(
            f"{counted(tally.processes, 'time')} a transfer is concerned: what would have followed in its other "
            "streams is not decided again"
        )


def _cells(aggregate_id: str, outcome: Mapping[str, Any]) -> list[Cell]:
    recorded, candidate = outcome["recorded"], outcome["candidate"]
    held = recorded or candidate or {"unit": ""}
    before, after = (Decimal(each["amount"]) if each else Decimal(0) for each in (recorded, candidate))
    roots = sum(int(times) for times in outcome["roots"].values())
    return [
        Cell(aggregate_id, "bold"),
        _amount(before),
        _amount(after),
        _amount(ARITHMETIC.subtract(after, before)),
        Cell(str(held["unit"])),
        _number(int(outcome["differences"])),
        _number(roots),
    ]


def _number(number: int) -> Cell:
    return Cell(f"{number:,}", right=True)


def _amount(amount: Decimal) -> Cell:
    return Cell(money(amount), right=True)

"""`python -m ops verify`: check the event store, the read model and the snapshots against each other."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from handlers.domain import KINDS, PROCESS
from handlers.store.event_store import EventStore
from handlers.upkeep.letters.queues import messages_in
from handlers.upkeep.verification.findings import CONTENTS, UNDER_WAY, Finding, Kind
from ops.regions import seen_to_in, waits_in
from ops.system import System, UsageError
from ops.verification.crossing import Crossing, Parts
from ops.verification.report import Report
from ops.verification.settling import Places, observe
from ops.verification.steps import AWAITED
from ops.verification.verifier import Verdict, Verifier
from ops.verification.walk import in_parallel
from tools.numbers import counted, money

from . import arguments
from .common import Counting, add_common, add_walk, aggregates_of, console_for, progress_on, shown
from .verify_shown import line_of, print_findings

if TYPE_CHECKING:
    from .common import Commands

MAX_SHOWN = 1_000_000
"""Findings are in memory until they are shown."""


UNSETTLED = 3
"""The exit code where nothing is wrong but for rows that may be on their way: verify again."""


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "verify",
        help="check every stream's chain, every row of the read model and every snapshot",
        description="Check that every stream is one unbroken chain, every row of the read model and every snapshot the "
        "fold of its stream, and that the steps of each transfer fit together across streams. Reads everything once "
        "or, without --aggregate, twice. Nothing is ever written to the event store.",
    )
    add_walk(command)
    command.add_argument(
        "--repair-read-model",
        action="store_true",
        help="rebuild the rows that are missing, lag or differ, and the statements' entries; delete entries without an "
        "event, and wrong snapshots",
    )
    command.add_argument(
        "--trust-store",
        action="store_true",
        help="with --repair-read-model: also rebuild rows that contradict their intact stream, and delete entries and "
        "snapshots that stand beyond its end, and whatever has no stream (after restoring it)",
    )
    command.add_argument(
        "--grace",
        type=arguments.grace,
        default=60.0,
        metavar="SECONDS",
        help="younger events may still be on their way to the read model; default: 60",
    )
    command.add_argument(
        "--show", type=arguments.Count(MAX_SHOWN), default=1000, metavar="N", help="findings to show; default: 1000"
    )
    add_common(command)
    command.set_defaults(run=_run)


def _run(system: System, options: argparse.Namespace) -> int:
    if options.trust_store and not options.repair_read_model:
        raise UsageError("--trust-store says how to repair: give --repair-read-model as well")
    client = system.client("dynamodb")
    verifier = Verifier(
        client=client,
        store_table=system.output("eventStoreTable"),
        rows_table=system.output("readModelTable"),
        snapshots_table=system.output("snapshotsTable"),
        projections=KINDS.projections(system.told("projectionFunction")),
        type_buckets=system.setting("commandFunction", "TYPE_BUCKETS"),
        grace=timedelta(seconds=options.grace),
        now=lambda: datetime.now(UTC),
    )
    console = console_for(options)
    tables = (
        ("events", verifier.store_table, "AggregateId"),
        ("rows", verifier.rows_table, "AccountId"),
        ("snapshots", verifier.snapshots_table, "AggregateId"),
    )
    report = Report(options.show)
    try:
        with closing(Parts()) as parts:
            _report(system, replace(verifier, parts=parts), tables, report, options=options, console=console)
    except BaseException:
        if not options.json:
            console.print("[yellow]it did not come to its end; so far:[/]")
            _summarize(report, console, ended=False)
        raise
    if any(report.remaining[kind.value] for kind in AWAITED):
        report.waits = waits_in(system)
    if options.json:
        print(json.dumps(report.describe(), indent=2))
    else:
        _summarize(report, console)
    return UNSETTLED if report.unsettled else int(not report.clean)


def _report(
    system: System,
    verifier: Verifier,
    tables: Iterable[tuple[str, str, str]],
    report: Report,
    *,
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Report on each aggregate by itself, then on what crosses streams."""
    client = verifier.client
    lagging = _verify(verifier, aggregates_of(client, tables, options, console), report, options, console)
    if lagging:
        sqs, url = system.client("sqs"), system.output("projectionQueueUrl")
        _look_again(verifier, lambda: messages_in(sqs, url), lagging, report, options=options, console=console)
    if verifier.parts is not None:
        store = EventStore(client, verifier.store_table)
        _cross(Crossing(verifier.parts, store, options.aggregate is None, seen_to_in(system)), report, console)


def _verify(
    verifier: Verifier, aggregate_ids: Sequence[str], report: Report, options: argparse.Namespace, console: Console
) -> dict[str, Places]:
    """Report on aggregates; where the rows stand of those that do nothing but lag, which are not reported on yet."""

    def examine(aggregate_id: str) -> tuple[Verdict, Verdict]:
        before = verifier.check(aggregate_id)
        if options.aggregate and not before.events and not before.findings:
            absent = Finding(aggregate_id, Kind.ABSENT, "there is neither an event nor a row nor a snapshot")
            before = replace(before, findings=(absent,))
            return before, before
        if options.repair_read_model and before.findings:
            return verifier.repair(before, trust_store=options.trust_store)
        return before, before

    lagging: dict[str, Places] = {}
    with _progress(console) as bars:
        bar = bars.add_task("check", total=len(aggregate_ids), events=0, findings=0)
        for before, after in in_parallel(examine, aggregate_ids, options.segments):
            if not options.repair_read_model and _only_lags(before):
                lagging[before.aggregate_id] = {row.projection.name: row.seen for row in before.rows}
            else:
                _tell(report, before, after, console)
            bars.update(bar, advance=1, events=report.events, findings=report.counts.total())
    return lagging


def _look_again(
    verifier: Verifier,
    queued: Callable[[], int],
    lagging: Mapping[str, Places],
    report: Report,
    *,
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Report on aggregates whose rows lag, now that there was time to see whether anything moves."""
    traffic = observe(verifier, queued, lagging, options.segments)
    with _progress(console) as bars:
        bar = bars.add_task("look again", total=len(lagging), events=0, findings=0)
        for verdict in in_parallel(verifier.check, lagging, options.segments):
            told = verdict
            if traffic.flows and _only_lags(verdict):
                report.on_their_way += len(verdict.findings)
                told = replace(verdict, findings=())
            _tell(report, told, told, console)
            bars.update(bar, advance=1, events=report.events, findings=report.counts.total())
    if report.on_their_way:
        console.print(f"{counted(report.on_their_way, 'row')} may be on their way ({traffic}): verify again")
        console.print("  if that does not change, `status` says whether anything feeds the projection")


def _cross(crossing: Crossing, report: Report, console: Console) -> None:
    """Report on what crosses streams."""
    with _progress(console) as bars:
        bar = bars.add_task("across", total=None, events=report.events, findings=report.counts.total())
        for finding in crossing.findings():
            report.add_across(finding)
            bars.update(bar, completed=crossing.processes, findings=report.counts.total())
    report.processes, report.not_judged, report.sums = crossing.processes, crossing.not_judged, crossing.sums


def _only_lags(verdict: Verdict) -> bool:
    return bool(verdict.findings) and all(finding.kind in UNDER_WAY for finding in verdict.findings)


def _tell(report: Report, before: Verdict, after: Verdict, console: Console) -> None:
    """Count what was found. What a repair took away is told at once: it may be all that is left of it."""
    for finding, repaired in report.add(before, after):
        if _is_gone(finding, repaired):
            console.print(line_of(finding, repaired=repaired))


def _is_gone(finding: Finding, repaired: bool) -> bool:
    return repaired and finding.kind in CONTENTS


def _progress(console: Console) -> Progress:
    counts = Counting("events", "event"), Counting("findings", "finding")
    return progress_on(console, MofNCompleteColumn(), *counts)


def _summarize(report: Report, console: Console, *, ended: bool = True) -> None:
    print_findings(report, console, _is_gone)
    console.print(f"{counted(report.aggregates, 'aggregate')}, {counted(report.events, 'event')}")
    if not ended:
        return
    if report.processes:
        console.print(f"{counted(report.processes, PROCESS.kind)} across streams")
    for unit, total in sorted(report.sums.items()):
        told = {name: money(Decimal(value)) for name, value in total.describe().items()}
        console.print(
            f"  {shown(unit)}: {told['held']} held, {told['aside']} of it set aside; "
            f"{told['moved']} came in and went out, {told['between']} in between"
        )
    for left_open in _left_open(report):
        console.print(left_open)
    console.print(_verdict(report))


def _left_open(report: Report) -> Iterator[str]:
    """What nothing is said of: it is no finding, and may become one."""
    if report.in_flight:
        young = counted(report.in_flight, "event")
        yield f"{young} may still be on the way to the rows: too young to be missed (--grace)"
    if report.not_judged:
        yield f"{counted(report.not_judged, PROCESS.kind)} not judged: they went on meanwhile, or have a broken stream"


def _verdict(report: Report) -> str:
    if report.unsettled:
        return "[yellow]not settled[/]"
    if not report.clean:
        return "[red]not clean[/]"
    return "[green]clean[/], apart from what is too early to tell" if any(_left_open(report)) else "[green]clean[/]"

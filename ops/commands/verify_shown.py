"""What was found, for people: in groups of one kind, the gravest first, with what comes next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import islice

from rich.console import Console

from handlers.upkeep.verification.findings import UNDER_WAY, Finding, Kind
from ops.regions import awaited
from ops.verification.report import Report
from ops.verification.steps import AWAITED, NEXT
from tools.numbers import counted, money

from .common import shown

EXAMPLES = 3
"""Rows that lag are told in numbers, and so many by name."""
CAUSES = 10
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def print_findings(report: Report, console: Console, told: Callable[[Finding, bool], bool]) -> None:
    """A heading, the next step and a line for each finding that is kept; without those that were `told` before."""
    by_kind: dict[Kind, list[tuple[Finding, bool]]] = {}
    for finding, repaired in sorted(report.findings, key=lambda each: each[0].place):
        by_kind.setdefault(finding.kind, []).append((finding, repaired))
    for kind in Kind:
        if number := report.counts[kind.value]:
            left = report.remaining[kind.value]
            rest = f", of which {left:,} remain" if left < number else ""
            console.print(f"[bold]{kind.value}[/]: {counted(number, 'finding')}{rest}")
            waits = _waits(kind, by_kind.get(kind, []), report)
            if left > sum(waits.values()):
                console.print(f"  next: {NEXT[kind]}")
            for aggregate_id in waits:
                console.print(f"  next: {shown(awaited(report.waits[aggregate_id]))}")
            _print_group(kind, by_kind.get(kind, []), report, console, told)


def _waits(kind: Kind, kept: list[tuple[Finding, bool]], report: Report) -> Counter[str]:
    """Of a kind's findings, how many are of which stream that waits: it is put together when the rest has come."""
    if kind not in AWAITED:
        return Counter()
    return Counter(each.aggregate_id for each, repaired in kept if not repaired and each.aggregate_id in report.waits)


def line_of(finding: Finding, *, repaired: bool) -> str:
    """One finding, for a console."""
    place = shown(finding.subject)
    if finding.sequence is not None:
        place += f" #{finding.sequence}"
    state = " [green](repaired)[/]" if repaired else ""
    return f"{shown(finding.aggregate_id)} {place} [bold]{finding.kind}[/]: {shown(_detail(finding))}{state}"


def _detail(finding: Finding) -> str:
    """What is wrong, amounts as people write them. JSON has them as they are stored."""
    text = finding.detail
    for name, (was, wanted) in finding.attributes.items():
        if "." in was + wanted and _NUMBER.fullmatch(was) and _NUMBER.fullmatch(wanted):
            told = f"{name} is {money(Decimal(was))}, not {money(Decimal(wanted))}"
            text = text.replace(f"{name} is {was}, not {wanted}", told)
    return text


def _print_group(
    kind: Kind,
    kept: list[tuple[Finding, bool]],
    report: Report,
    console: Console,
    told: Callable[[Finding, bool], bool],
) -> None:
    lines = [line_of(finding, repaired=repaired) for finding, repaired in kept if not told(finding, repaired)]
    for stretch in islice(report.lacks.stretches(kind), CAUSES):
        console.print(f"  {shown(str(stretch))}: republish {stretch.window}")
    few = lines[:EXAMPLES] if kind in UNDER_WAY else lines
    for line in few:
        console.print(f"  {line}")
    if left_out := report.counts[kind.value] - (len(few) + sum(told(*each) for each in kept)):
        console.print(f"  and {left_out:,} more: --json has those that --show keeps")

"""Dead letters for people: in groups, with what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rich.console import Console

from handlers.upkeep.letters.diagnosis import WAITS_FOR_NOTHING, Case, Cause, Remedy
from handlers.upkeep.letters.groups import Sort, in_order
from ops.dead_letters.errors import LastErrors
from tools.numbers import counted

from .common import shown

ABOUT = 3
"""Accounts of a group that are named."""
_RUNBOOK = "docs/operations.md"
_STEPS: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.CONTRADICTED: f"verify these; they hold what the store may have lost: {_RUNBOOK}#integrity. Else discard",
        Cause.NO_EVENT: "somebody else put it there: discard",
        Cause.FOREIGN_TARGET: "tell whoever made that target; then discard",
        Cause.DAMAGED_ROW: "verify --repair-read-model; then redrive",
        Cause.UNPUBLISHABLE: f"{_RUNBOOK}#an-event-that-the-bus-will-never-take",
        Cause.STREAM_FORGOTTEN: f"{_RUNBOOK}#stretches-that-the-stream-has-forgotten",
        Cause.UNTOLD: "look again",
    }
)


def print_groups(cases: Sequence[Case], errors: LastErrors, console: Console, *, every: bool) -> None:
    """A few lines for each group, the largest first; with `every` also one for each of its letters."""
    by_sort: dict[Sort, list[Case]] = {}
    for case in cases:
        by_sort.setdefault(Sort.of(case), []).append(case)
    for sort in in_order(by_sort):
        members = by_sort[sort]
        oldest = f"{min(case.letter.since for case in members):%Y-%m-%dT%H:%M:%SZ}"
        console.print(f"[bold]{sort.queue}[/]  {sort.cause.value}  {counted(len(members), 'letter')}, oldest {oldest}")
        console.print(f"  about {shown(_about(members))}")
        console.print(f"  why   {shown(members[0].reason)}")
        if error := errors.newest(members):
            console.print(f"  log   {error.at:%Y-%m-%dT%H:%M:%SZ} [red]{shown(error.what)}[/]")
        elif error := errors.newest_of_function(members):
            what = f"[red]{shown(error.what)}[/] (the function's last error, which names none of these)"
            console.print(f"  log   {error.at:%Y-%m-%dT%H:%M:%SZ} {what}")
        console.print(f"  do    {_step(sort)}")
        for case in members if every else ():
            console.print(f"  {line_of(case)}")
            if error := errors.of_case(case):
                console.print(f"    log: {error.at:%Y-%m-%dT%H:%M:%SZ} {shown(error.what)}")
    console.print(counted(len(cases), "letter"))


Outcome = tuple[Case, str, str]
"""A letter, what became of it, and why."""


def print_outcomes(outcomes: Sequence[Outcome], console: Console, *, every: bool) -> None:
    """A line for each group with one outcome for one reason, the largest first; with `every` one for each letter."""
    if every:
        for case, outcome, why in outcomes:
            console.print(f"[bold]{outcome}[/] {line_of(case)} {shown(why)}".rstrip())
        return
    alike: dict[tuple[str, str, str, str], list[Case]] = {}
    for case, outcome, why in outcomes:
        alike.setdefault((outcome, case.letter.queue, case.cause.value, why), []).append(case)
    for (outcome, queue, cause, why), cases in sorted(alike.items(), key=lambda each: -len(each[1])):
        head = f"[bold]{outcome}[/] {queue}  {cause}  {counted(len(cases), 'letter')}"
        console.print(f"{head}, about {shown(_about(cases))} {shown(why)}".rstrip())


def line_of(case: Case) -> str:
    """One letter, for a console."""
    letter = case.letter
    places: Any = [f"{each.aggregate_id} #{each.sequence or '?'}" for each in case.places[:ABOUT]]
    if len(case.places) > len(places):
        places.append(f"and {len(case.places) - len(places)} more")
    about = shown(", ".join(places) or "unknown")
    when = f"{letter.since:%Y-%m-%dT%H:%M:%SZ}"
    return f"{letter.queue} {letter.message_id} {when} {letter.receives}x [bold]{about}[/]: {shown(case.reason)}"


def _about(cases: Sequence[Case]) -> str:
    known = list(dict.fromkeys(place.aggregate_id for case in cases for place in case.places))
    more = f" and {len(known) - ABOUT:,} more" if len(known) > ABOUT else ""
    return ", ".join(known[:ABOUT]) + more or "nothing that is known"


def _step(sort: Sort) -> str:
    redrive = f"dead-letters redrive --queue {sort.queue} --cause {sort.cause.value}"
    discard = f"dead-letters discard --queue {sort.queue} --cause {sort.cause.value} --into FILE"
    if sort.cause in _STEPS:
        return _STEPS[sort.cause].replace("discard", discard, 1).replace("redrive", redrive, 1)
    if sort.hopeless or sort.remedy is Remedy.NONE:
        return discard
    mend = "" if sort.cause is Cause.PROJECTED or sort.why == WAITS_FOR_NOTHING else "mend the cause; then "
    return f"{mend}{redrive}"

"""`python -m ops region`: which of two Regions decides, and what was lost between them."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

from rich.console import Console

from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from handlers.store.clocks import CLOCK_TOLERANCE
from handlers.store.conflicts import UNSETTLED, Conflict, Status
from handlers.store.standings import fenced
from handlers.store.waiting import Wait
from ops import lost
from ops.regions import (
    Change,
    Region,
    Seen,
    UnreachableError,
    awaited,
    described,
    disagreement,
    region_of,
    regions_of,
    seen_in,
    together,
)
from ops.system import OperatorError, System, UsageError
from tools.numbers import counted

from . import arguments
from .common import add_common, add_yes, by_time, confirmed, console_for, shown

if TYPE_CHECKING:
    from .common import Commands

_SHOWN = 100
"""Lost events that are listed: the list can be had again, by --json whole."""
_WAITS = 5
"""Streams that wait which are named."""
MAX_EPOCH = 1_000_000
_WAIT = arguments.Count(86_400)


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "region",
        help="say which of two Regions decides, and settle what was lost between them",
        description="With two Regions: show where each of them stands, have the other one decide, and settle events "
        "that were acknowledged and lost. What it does and why: docs/regions.md.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser("status", help="show who decides, in which epoch, and what is lost and open")
    add_common(status)
    status.set_defaults(run=_status)
    promote = actions.add_parser(
        "promote",
        help="have a Region decide, and fence the other one",
        description="Fence the other Region, wait until its events have come, and open this one in a higher epoch.",
    )
    _add_change(promote)
    promote.add_argument("to", type=arguments.region, metavar="REGION", help="who is to decide")
    promote.add_argument(
        "--accept-loss",
        action="store_true",
        help="promote although the other Region cannot be reached, or its events have not come; those are listed",
    )
    promote.add_argument(
        "--above",
        type=arguments.Count(MAX_EPOCH),
        default=0,
        metavar="EPOCH",
        help="in an epoch above this one: where the ledger had two Regions before, and one since",
    )
    add_yes(promote)
    promote.set_defaults(run=_promote)
    share = actions.add_parser(
        "share", help="behind a failover in the mode home: have both decide again what is at home with them"
    )
    _add_change(share)
    share.set_defaults(run=_share)
    demote = actions.add_parser("demote", help="fence a Region, and open none")
    demote.add_argument("which", type=arguments.region, metavar="REGION", help="who is not to decide any more")
    add_yes(demote)
    add_common(demote)
    demote.set_defaults(run=_demote)
    reconcile = actions.add_parser(
        "reconcile",
        help="settle now what was lost, and list what is open",
        description="Have both Regions settle what is due at once, and list what is open. What needs a person is "
        "decided once more with --retry, or closed with --accept and --why: see docs/regions.md.",
    )
    reconcile.add_argument(
        "--aggregate", type=arguments.identifier, action="append", metavar="ID", help="this stream; repeatable"
    )
    reconcile.add_argument(
        "--give-up",
        action="store_true",
        help="with --aggregate: do not wait any longer for events that have not come, and put together what there is",
    )
    reconcile.add_argument(
        "--accept",
        type=arguments.identifier,
        action="append",
        metavar="HASH",
        help="with --aggregate and --why: close this lost event, so that nobody decides it again; repeatable",
    )
    reconcile.add_argument("--why", type=arguments.identifier, help="with --accept: what becomes of it")
    reconcile.add_argument(
        "--retry",
        type=arguments.identifier,
        action="append",
        metavar="HASH",
        help="with --aggregate: have this lost event decided once more, now; repeatable",
    )
    reconcile.add_argument("--by", type=arguments.identifier, help="who says so; default: your name on this machine")
    reconcile.add_argument(
        "--alone",
        action="store_true",
        help="with --accept or --retry: even where the other Region cannot be reached, and nobody knows what was said "
        "there of the same event; both words may count",
    )
    reconcile.add_argument(
        "--closed",
        action="store_true",
        help="with --aggregate: list what was closed, and each word that a person said; settle nothing",
    )
    add_common(reconcile)
    reconcile.set_defaults(run=_reconcile)


def _add_change(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--since",
        type=arguments.since,
        default="24h",
        help="look among the events since then for those that have not come; default: 24h: longer no replica is kept",
    )
    command.add_argument("--wait", type=_WAIT, default=60, metavar="SECONDS", help="wait so long for them; default: 60")
    add_common(command)


def _status(system: System, options: argparse.Namespace) -> int:
    """Exit code 1 where a Region cannot be reached, something is open, or it is not settled who decides."""
    asked = regions_of(system) if options.region is None else {system.region: region_of(system)}
    seen = seen_in(asked)
    problems = _problems(seen)
    if options.json:
        told = {
            name: each.describe() if isinstance(each, Seen) else {"problem": str(each)} for name, each in seen.items()
        }
        print(json.dumps({"regions": told, "problems": problems}))
    else:
        console = console_for(options)
        for name, each in seen.items():
            _show(console, name, each)
        for problem in problems:
            console.print(f"[bold red]{shown(problem)}[/]")
    return 1 if problems else 0


def _problems(seen: Mapping[str, Seen | UnreachableError]) -> list[str]:
    reached = {name: each for name, each in seen.items() if isinstance(each, Seen)}
    found = [f"{name} does not answer" for name in seen if name not in reached]
    found += [wrong] if (wrong := disagreement(seen)) else []
    most = max((each.open for each in reached.values()), default=0)
    if most:
        found.append(f"{counted(most, 'lost event')} open: `python -m ops region reconcile` lists them")
    for name, each in reached.items():
        found += [f"{name}: {awaited(wait)}" for wait in each.waiting[:_WAITS]]
        if len(each.waiting) > _WAITS:
            found.append(f"{name}: {counted(len(each.waiting) - _WAITS, 'stream')} more waiting")
    return found


def _show(console: Console, name: str, each: Seen | UnreachableError) -> None:
    if not isinstance(each, Seen):
        console.print(f"{name}  [bold red]not reached[/]: {shown(str(each))}")
        return
    standing = each.standing
    covers = f", and what is at home in {', '.join(sorted(standing.covers))}" if standing.covers else ""
    open_ones, waiting = counted(each.open, "open conflict"), counted(len(each.waiting), "stream")
    console.print(
        f"{name}  [bold]{standing.role.value}[/]{covers}, epoch {standing.epoch}, {open_ones}, {waiting} waiting"
    )


def _pair(system: System, name: str) -> tuple[Region, Region]:
    """The Region of that name, and the other one."""
    regions = regions_of(system)
    if name not in regions:
        raise UsageError(f"{name}: the stack is in {', '.join(regions)}")
    (other,) = (each for each in regions if each != name)
    return regions[name], regions[other]


def _change(to: Region, source: Region, console: Console) -> Change:
    fence = int(to.system.output("fenceSeconds"))
    return Change(to, source, fence, lambda line: console.print(shown(line)), by_time)


def _until() -> datetime:
    """Clocks of those that write may be ahead."""
    return datetime.now(UTC) + timedelta(seconds=CLOCK_TOLERANCE)


def _promote(system: System, options: argparse.Namespace) -> int:
    to, source = _pair(system, options.to)
    console = console_for(options)
    if not confirmed(f"{source.name} decides nothing from now on, and {to.name} does. Go on?", options):
        raise OperatorError("nothing was changed")
    done = _change(to, source, console).promote(
        options.since, _until, accept_loss=options.accept_loss, wait_seconds=options.wait, above=options.above
    )
    missing = list(described(done.missing))
    if options.json:
        told = {"region": to.name, "epoch": done.standing.epoch, "reached": done.was_reached, "missing": missing}
        print(json.dumps(told))
        return 0
    if not done.was_reached:
        console.print(f"what {source.name} has not sent is not known; it comes once it is back, and is settled then")
    for each in missing:  # all of them: nobody can ask for this list again
        where = f"{shown(each['aggregateId'])} #{each['sequence']} {shown(each['eventType'])}"
        console.print(f"not here: {where} {each['eventId']}, command {shown(each['commandId'])}")
    if missing:
        console.print(f"{counted(len(missing), 'event')} of {source.name} had not come; they are settled when they do")
    return 0


def _share(system: System, options: argparse.Namespace) -> int:
    active = [each for each in regions_of(system).values() if each.standing().is_active]
    if len(active) != 1:
        raise OperatorError("either both decide already, or none: `python -m ops region status`")
    to, source = _pair(system, active[0].name)
    console = console_for(options)
    done = _change(to, source, console).share(options.since, _until, options.wait)
    if options.json:
        print(json.dumps({"region": source.name, "epoch": done.standing.epoch}))
    return 0


def _demote(system: System, options: argparse.Namespace) -> int:
    region, other = _pair(system, options.which)
    if not confirmed(f"{region.name} decides nothing from now on, and nobody is opened for it. Go on?", options):
        raise OperatorError("nothing was changed")
    standing = region.stand(lambda seen: fenced(seen, other.name))
    if options.json:
        print(json.dumps({"region": region.name, "role": standing.role.value, "epoch": standing.epoch}))
    else:
        seconds = region.system.output("fenceSeconds")
        console_for(options).print(f"{region.name} is fenced; what is under way may still be written for {seconds} s")
    return 0


def _reconcile(system: System, options: argparse.Namespace) -> int:
    """Exit code 1 where something is open, or has to wait."""
    if options.give_up and not options.aggregate:
        raise UsageError("--give-up: say by --aggregate for which streams")
    if bool(options.accept) != bool(options.why):
        raise UsageError("--accept HASH goes with --why, and --why with --accept")
    is_of_one = options.accept or options.retry or options.closed
    if is_of_one and len(options.aggregate or ()) != 1:
        raise UsageError("--accept, --retry and --closed go with one --aggregate")
    if (options.accept or options.retry) and (options.give_up or options.closed):
        raise UsageError("--give-up and --closed are words of their own: say --accept or --retry by itself")
    if options.give_up and options.closed:
        raise UsageError("--closed settles nothing: leave --give-up out")
    if both := sorted(set(options.accept or ()) & set(options.retry or ())):
        raise UsageError(f"{both[0]}: either --accept closes it, or --retry has it decided again")
    regions, console = regions_of(system), console_for(options)
    if options.accept or options.retry:
        return _say(regions, options, console)
    if options.closed:
        return _show_closed(regions, options, console)
    return _settle(regions, options, console)


def _settle(regions: Mapping[str, Region], options: argparse.Namespace, console: Console) -> int:
    """Have both Regions settle, and list what is open."""
    request: dict[str, Any] = {}
    if options.aggregate:
        request = {"aggregateIds": options.aggregate, "giveUp": options.give_up}
    told: dict[str, Any] = {}
    for name, region in regions.items():
        try:
            region.standing()  # whether it answers at all, before somebody waits for its function
        except UnreachableError as error:
            console.print(f"[bold red]nothing is settled there[/]: {shown(str(error))}")
        else:
            told[name] = _settled(region, request)
    found = [regions[name].unsettled() for name in told]  # what came to one of them may not be in the other yet
    open_ones = max(found, key=len, default=[])
    if options.aggregate:
        open_ones = [each for each in open_ones if each.event.aggregate_id in options.aggregate]
    open_ones.sort(key=lambda each: (each.event.aggregate_id, each.event.sequence))
    waiting = sum(each["notYet"] + len(each["waiting"]) for each in told.values())
    if options.json:
        print(dumps({"regions": told, "open": [lost.described(each) for each in open_ones]}))
    else:
        _show_settled(console, told, open_ones, _standing(regions[next(iter(told))], open_ones) if told else {})
    return 1 if open_ones or waiting or len(told) < len(regions) else 0


def _say(regions: Mapping[str, Region], options: argparse.Namespace, console: Console) -> int:
    """Have a person's words taken where the stream is decided; with no Region out of reach, unless it is said that this
    is known: there somebody may have said another word. Where both can be reached, each has to have heard of the
    other's. OperatorError with the reason at the first that is not taken; those before it are. Exit code 1 where what
    was to be decided again was refused again."""
    if not options.alone:
        _require_all(regions)
    by, answers = options.by or getpass.getuser(), list[dict[str, Any]]()
    said = [*(("accept", each) for each in options.accept or ()), *(("retry", each) for each in options.retry or ())]
    for word, own_hash in said:
        _require_heard(regions, options.aggregate[0], own_hash)
        asked = {"aggregateId": options.aggregate[0], "hash": own_hash, "why": options.why, "by": by}
        answer = _taken(regions, {word: asked})
        if refused := answer.get("refused"):
            raise OperatorError(f"{own_hash}: {refused['message']}")
        answers.append(answer["accepted"] if word == "accept" else answer["retried"])
        result = "closed; it stays kept, with your word" if word == "accept" else _became(answers[-1])
        console.print(f"{own_hash}: {shown(result)}")
    if options.json:
        print(dumps({"said": answers}))
    return 1 if any(each["status"] in UNSETTLED for each in answers) else 0


def _became(answer: Mapping[str, Any]) -> str:
    """What became of a lost event that was to be decided once more."""
    known = answer["status"] in frozenset(Status)
    state = Status(answer["status"]) if known else Status.CHECKED  # which is told as `resolved`
    return f"{state.words}: {answer['why']}"


def _require_all(regions: Mapping[str, Region]) -> None:
    """OperatorError where a Region does not answer: a GetItem in each."""
    for region in regions.values():
        try:
            region.standing()
        except UnreachableError as error:
            raise OperatorError(
                f"{error}. Nothing was said: somebody may have said another word of it there, and both would count. "
                "Wait for it, or make sure that nobody did, and add --alone"
            ) from error


def _require_heard(regions: Mapping[str, Region], aggregate_id: str, own_hash: str) -> None:
    """OperatorError where of two Regions that can be reached one has a word of a lost event that the other has not
    heard of: in each a GetItem, and a Query a megabyte of the stream's conflicts."""
    words = {
        name: {(word.since, word.by, word.why) for each in found if each.event.hash == own_hash for word in each.said}
        for name, region in regions.items()
        if (found := _reached(region, aggregate_id)) is not None
    }
    for (name, said), (other, heard) in permutations(words.items(), 2):
        if unheard := said - heard:
            since, by, why = max(unheard)
            raise OperatorError(
                f"{own_hash}: in {name} {by or 'somebody'} said at {since}: {why}. {other} has not heard of it, and "
                "both words would count. Nothing was said: wait until the Regions hear each other (region status)"
            )


def _reached(region: Region, aggregate_id: str) -> list[Conflict] | None:
    """All that was ever lost of a stream; None where the Region does not answer."""
    try:
        region.standing()
    except UnreachableError:
        return None
    return region.conflicts_of(aggregate_id)


def _taken(regions: Mapping[str, Region], request: dict[str, Any]) -> dict[str, Any]:
    """The answer of the Region that decides the stream: of two that take themselves for it, the later one."""
    active: list[tuple[int, Region]] = []
    for region in regions.values():
        try:
            standing = region.standing()
        except UnreachableError:
            continue
        if standing.is_active:
            active.append((standing.epoch, region))
    answer: dict[str, Any] = {}
    for _, region in sorted(active, key=lambda each: -each[0]):
        answer = region.reconcile(request)
        if answer.get("refused", {}).get("code") != "NotHome":
            return answer
    if not answer:
        raise OperatorError("nobody who can be reached decides: promote a Region first")
    return answer


def _show_closed(regions: Mapping[str, Region], options: argparse.Namespace, console: Console) -> int:
    """What was closed of a stream, or of what a person said a word, in all Regions that answer: they may not have heard
    of each other's."""
    kept: list[list[Conflict]] = []
    for region in regions.values():
        try:
            region.standing()
        except UnreachableError as error:
            console.print(f"[bold red]not reached[/]: {shown(str(error))}")
        else:
            kept.append(region.conflicts_of(options.aggregate[0]))
    if not kept:
        raise OperatorError("no Region answers")
    closed = [each for each in together(kept) if each.said or each.status is Status.CLOSED]
    if options.json:
        print(dumps({"closed": [lost.described(each) for each in closed]}))
        return 0
    for each in closed:
        _print(console, each, None)
    if not closed:
        console.print(f"nothing lost of {shown(options.aggregate[0])} was closed")
    return 0


def _standing(region: Region, open_ones: Sequence[Conflict]) -> dict[str, Event | None]:
    """What stands first under the ids of those that are told and ask for it: a GetItem for each id."""
    asking = (each.event.aggregate_id for each in open_ones[:_SHOWN] if lost.asks_who_stands(each))
    return {aggregate_id: region.first_of(aggregate_id) for aggregate_id in dict.fromkeys(asking)}


def _print(console: Console, conflict: Conflict, first: Event | None) -> None:
    for line in lost.lines(conflict, first):
        console.print(line)


def _show_settled(
    console: Console, told: dict[str, Any], open_ones: Sequence[Conflict], standing: Mapping[str, Event | None]
) -> None:
    for name, each in told.items():
        console.print(
            f"{name}  {counted(each['streams'], 'stream')}: {each['putBack']} put back, {each['removed']} removed, "
            f"{each['again']} decided again, {each['notYet']} to wait for"
        )
    for conflict in open_ones[:_SHOWN]:
        first = standing.get(conflict.event.aggregate_id) if lost.asks_who_stands(conflict) else None
        _print(console, conflict, first)
    if len(open_ones) > _SHOWN:
        console.print(f"and {counted(len(open_ones) - _SHOWN, 'lost event')} more: --json has all")
    for name, each in told.items():
        for wait in each["waiting"]:
            waits = awaited(Wait(wait["aggregateId"], wait["since"], tuple(wait["lacks"])))
            console.print(f"{name}: {shown(waits)}")


def _settled(region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Have a Region settle, again and again while there is more to do than one call has time for."""
    told = region.reconcile(request)
    while told["more"] and told["streams"]:
        more = region.reconcile(request)
        sums = {name: told[name] + more[name] for name in ("streams", "putBack", "removed", "again")}
        told = {**more, **sums}
    return told

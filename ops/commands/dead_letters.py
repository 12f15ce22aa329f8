"""`python -m ops dead-letters`: see what lies in the dead letter queues, and move it to where it was going."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import MofNCompleteColumn

from handlers.store.event_bus import EventBus
from handlers.upkeep.letters.diagnosis import Case, Cause, Remedy
from handlers.upkeep.letters.groups import grouped
from handlers.upkeep.letters.queues import OF_TWO_REGIONS, OUTPUTS, Hidden, Holding
from handlers.upkeep.letters.sending import Result, Sender
from ops.dead_letters.discard import is_lost, keep
from ops.dead_letters.errors import LastErrors
from ops.dead_letters.redrive import Redriver
from ops.regions import between_of, has_two_regions
from ops.system import OperatorError, System
from tools.numbers import counted

from . import arguments
from .common import add_common, add_more_types, add_yes, by_time, confirmed, console_for, progress_on, shown
from .letters_held import Unread, described, hidden_in, opened, renew, tell
from .letters_shown import Outcome, print_groups, print_outcomes

if TYPE_CHECKING:
    from .common import Commands


_MAY_SUCCEED = "(it may succeed: redrive)"
_ALL_THAT_IS_LEFT = (
    f"(it may be all that is left of its event: verify its account first, then --cause {Cause.CONTRADICTED.value})"
)
_WITHOUT = {Remedy.NONE: "(no remedy is known)", Remedy.LATER: "(nobody can tell; try again)"}


def add_to(commands: Commands) -> None:
    """Add the command and its three subcommands to the command line."""
    group = commands.add_parser("dead-letters", help="see and redrive what lies in the dead letter queues")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="show what lies there and why",
        description="Show what lies in the dead letter queues and why, in groups, with what helps. Nothing is taken "
        "out; each message's receive count goes up by one, and it is hidden from others while the listing runs.",
    )
    _add_selection(listing)
    listing.add_argument(
        "--no-logs", action="store_true", help="do not look for the last error of each account in the functions' logs"
    )
    listing.set_defaults(run=_list)
    redrive = actions.add_parser(
        "redrive",
        help="move it to where it was going",
        description="Move letters to where they were going. What would only come back is skipped.",
    )
    _add_selection(redrive)
    redrive.add_argument("--dry-run", action="store_true", help="say what would be moved, and move nothing")
    redrive.add_argument(
        "--force",
        action="store_true",
        help="move even what would only come back, and take away what may not have been found whole",
    )
    add_more_types(redrive, "look in the store for events of this type, too, which a newer revision wrote; repeatable")
    redrive.set_defaults(run=_redrive)
    discard = actions.add_parser(
        "discard",
        help="take away what can never succeed, into a file first",
        description="Take letters away that would only come back, or for which no remedy is known. They are written "
        "to a file, which is on the disk before the first of them is deleted. All others are left, and those whose "
        "event the store does not have: they are taken with --cause not-in-the-store alone.",
    )
    _add_selection(discard)
    discard.add_argument("--into", type=arguments.path, required=True, metavar="FILE", help="a file that is not there")
    discard.add_argument("--dry-run", action="store_true", help="say what would be taken away, and take nothing")
    add_yes(discard)
    discard.set_defaults(run=_discard)


def _add_selection(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--queue",
        type=arguments.OneOf((*OUTPUTS, "all")),
        metavar="QUEUE",
        default="all",
        help=f"one of {', '.join(OUTPUTS)}; default: all",
    )
    command.add_argument(
        "--aggregate", type=arguments.identifier, metavar="ID", help="only letters known to be about this aggregate"
    )
    command.add_argument(
        "--cause",
        type=arguments.OneOf(tuple(Cause)),
        metavar="CAUSE",
        help=f"only letters with this one, as `list` says it: {', '.join(Cause)}",
    )
    command.add_argument("--message", type=arguments.message_id, metavar="ID", help="only this message")
    command.add_argument("--all", action="store_true", help="a line for each letter, not only for each group")
    add_common(command)


def _list(system: System, options: argparse.Namespace) -> int:
    """0 if that was all there is."""
    console = console_for(options)
    with opened(system, options, console) as (cases, holdings, unread):
        errors = LastErrors() if options.no_logs else LastErrors.of(system, cases)
        if options.json:
            told = [{**case.describe(), "lastError": errors.describe(case)} for case in cases]
            groups = [_without_letters(group) for group in grouped(cases)]
            hidden = hidden_in(holdings)
            unseen = {"hidden": described(hidden), "unread": [each._asdict() for each in unread]}
            print(json.dumps({"groups": groups, "letters": told, **unseen}, indent=2))
        else:
            print_groups(cases, errors, console, every=options.all)
            hidden = hidden_in(holdings)
    for reason in errors.unread:
        console.print(f"the last errors are not told: {shown(reason)}")
    tell(hidden, unread, console)
    return 1 if hidden or unread else 0


def _without_letters(group: Any) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "letters"}


def _redrive(system: System, options: argparse.Namespace) -> int:
    """0 if everything selected was moved, or would be in a dry run, and nothing was hidden."""
    console = console_for(options)
    results: list[Result] = []
    with opened(system, options, console) as (cases, holdings, unread):
        hidden = [] if options.message is not None else hidden_in(holdings)
        chosen: list[Case] = []
        skipped: list[Case] = []
        for case in cases:
            movable = case.remedy not in _WITHOUT and (options.force or not case.hopeless)
            (chosen if movable else skipped).append(case)
        if not options.dry_run:
            with progress_on(console, MofNCompleteColumn()) as bars:
                bar = bars.add_task("redrive", total=len(chosen))
                for result in _redriver(system, holdings, options).move(chosen):
                    results.append(result)
                    bars.advance(bar)
                    renew(holdings)
    outcomes = [(result.case, "moved" if result.moved else "failed", result.problem) for result in results]
    if options.dry_run:
        outcomes = [(case, _would(case, forced=options.force), "") for case in chosen]
    outcomes += [(case, "skipped", _why_skipped(case)) for case in skipped]
    code = _report(outcomes, hidden, unread, options, console)
    tell(hidden, unread, console)
    return 1 if hidden or unread else code


def _discard(system: System, options: argparse.Namespace) -> int:
    """0 if everything selected was taken away, or would be in a dry run, and nothing was hidden."""
    console = console_for(options)
    with opened(system, options, console) as (cases, holdings, unread):
        hidden = [] if options.message is not None else hidden_in(holdings)
        chosen = [case for case in cases if is_lost(case) and not _may_be_all(case, options)]
        left = [case for case in cases if not is_lost(case) or _may_be_all(case, options)]
        if not options.json:
            print_groups(chosen, LastErrors(), console, every=options.all)
        failed: set[str] = set()
        if chosen and not options.dry_run:
            if not confirmed(f"Take {counted(len(chosen), 'letter')} away, into {options.into}?", options):
                raise OperatorError("nothing was taken away")
            keep(chosen, options.into)
            for queue, holding in holdings.items():
                failed |= holding.delete([case.letter for case in chosen if case.letter.queue == queue])
    told = "would be discarded" if options.dry_run else "discarded"
    outcomes = [
        (case, "failed", "it is still there; the file has it as well")
        if case.letter.message_id in failed
        else (case, told, "")
        for case in chosen
    ]
    outcomes += [(case, "skipped", _ALL_THAT_IS_LEFT if is_lost(case) else _MAY_SUCCEED) for case in left]
    code = _report(outcomes, hidden, unread, options, console)
    tell(hidden, unread, console)
    return 1 if hidden or unread else code


def _may_be_all(case: Case, options: argparse.Namespace) -> bool:
    """Whether a letter holds what the store may have lost, and the command line does not say that it is meant."""
    return case.cause is Cause.CONTRADICTED and options.cause != Cause.CONTRADICTED.value


def _report(
    outcomes: Sequence[Outcome],
    hidden: Sequence[Hidden],
    unread: Sequence[Unread],
    options: argparse.Namespace,
    console: Console,
) -> int:
    counts = Counter(outcome for _, outcome, _ in outcomes)
    if options.json:
        letters = [{**case.describe(), "outcome": outcome, "problem": text} for case, outcome, text in outcomes]
        unseen = {"hidden": described(hidden), "unread": [each._asdict() for each in unread]}
        print(json.dumps({"counts": dict(counts), "letters": letters, **unseen}, indent=2))
    else:
        left = [each for each in outcomes if each[1] not in ("moved", "discarded", "would be discarded")]
        print_outcomes(left, console, every=options.all)
        totals = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
        console.print(totals or "no letters")
    return 1 if counts["failed"] or counts["skipped"] else 0


def _redriver(system: System, holdings: Mapping[str, Holding], options: argparse.Namespace) -> Redriver:
    return Redriver(
        sender=Sender(
            sqs=system.client("sqs"),
            bus=EventBus(system.client("events"), system.output("eventBusName")),
            queues=_to_queues(system),
            holdings=holdings,
            between=between_of(system),
        ),
        logs=system.client("logs"),
        firehose=system.client("firehose"),
        functions=system.client("lambda"),
        timeline=by_time(system),
        called=system.functions(),
        more_types=options.type,
        forced=options.force,
    )


def _to_queues(system: System) -> dict[Remedy, str]:
    """The queue that each remedy sends to."""
    queues = {Remedy.PROJECT: "projection", Remedy.POKE: "process", Remedy.REPLAY: "replay", Remedy.SETTLE: "conflict"}
    return {
        remedy: system.output(f"{queue}QueueUrl")
        for remedy, queue in queues.items()
        if queue not in OF_TWO_REGIONS or has_two_regions(system)
    }


def _would(case: Case, *, forced: bool) -> str:
    return "would be published, and stay" if case.remedy is Remedy.SEARCH and not forced else "would be moved"


def _why_skipped(case: Case) -> str:
    return _WITHOUT.get(case.remedy, "(it would only come back; --force moves it)")

"""`python -m ops dead-letters`: see what lies in the dead letter queues, and move it to where it was going."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn

from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.store.read_model import ReadModel
from handlers.store.replays import Replays
from handlers.upkeep.letters.diagnosis import Case, Diagnosis, Remedy
from handlers.upkeep.letters.queues import OUTPUTS, Hidden, Holding, held
from handlers.upkeep.letters.sending import Result, Sender
from ops.dead_letters.redrive import Redriver
from ops.system import OperatorError, System

from . import arguments
from .common import add_common, add_more_types, by_time, console_for, progress_on, shown

if TYPE_CHECKING:
    from .common import Commands


_WITHOUT = {Remedy.NONE: "(no remedy is known)", Remedy.LATER: "(nobody can tell; try again)"}


def add_to(commands: Commands) -> None:
    """Add the command and its two subcommands to the command line."""
    group = commands.add_parser("dead-letters", help="see and redrive what lies in the dead letter queues")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="show what lies there and why",
        description="Show what lies in the dead letter queues and why. Nothing is taken out; each message's receive "
        "count goes up by one, and it is hidden from others while the listing runs.",
    )
    _add_selection(listing)
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
    command.add_argument("--message", type=arguments.message_id, metavar="ID", help="only this message")
    add_common(command)


def _list(system: System, options: argparse.Namespace) -> int:
    """0 if that was all there is."""
    console = console_for(options)
    with _opened(system, options, console) as (cases, holdings):
        described = [case.describe() for case in cases]
        hidden = _hidden(holdings)
    if options.json:
        print(json.dumps({"letters": described, "hidden": _describe(hidden)}, indent=2))
    else:
        for case in cases:
            console.print(_line(case))
        console.print(f"{len(cases):,} letters")
    _tell(hidden, console)
    return 1 if hidden else 0


def _redrive(system: System, options: argparse.Namespace) -> int:
    """0 if everything selected was moved, or would be in a dry run, and nothing was hidden."""
    console = console_for(options)
    results: list[Result] = []
    with _opened(system, options, console) as (cases, holdings):
        hidden = [] if options.message is not None else _hidden(holdings)
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
                    _renew(holdings)
    outcomes = [(result.case, "moved" if result.moved else "failed", result.problem) for result in results]
    if options.dry_run:
        outcomes = [(case, _would(case, forced=options.force), "") for case in chosen]
    outcomes += [(case, "skipped", _why_skipped(case)) for case in skipped]
    code = _report(outcomes, hidden, options, console)
    _tell(hidden, console)
    return 1 if hidden else code


def _report(
    outcomes: Sequence[tuple[Case, str, str]], hidden: Sequence[Hidden], options: argparse.Namespace, console: Console
) -> int:
    counts = Counter(outcome for _, outcome, _ in outcomes)
    if options.json:
        letters = [{**case.describe(), "outcome": outcome, "problem": text} for case, outcome, text in outcomes]
        print(json.dumps({"counts": dict(counts), "letters": letters, "hidden": _describe(hidden)}, indent=2))
    else:
        for case, outcome, text in outcomes:
            if outcome != "moved":
                console.print(f"[bold]{outcome}[/] {_line(case)} {shown(text)}".rstrip())
        totals = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
        console.print(totals or "no letters")
    return 1 if counts["failed"] or counts["skipped"] else 0


@contextmanager
def _opened(
    system: System, options: argparse.Namespace, console: Console
) -> Iterator[tuple[list[Case], Mapping[str, Holding]]]:
    """The letters that are asked for with their diagnoses, all of the queues being held meanwhile."""
    queues = list(OUTPUTS) if options.queue == "all" else [options.queue]
    diagnosis = _diagnosis(system)
    sqs = system.client("sqs")
    with ExitStack() as stack:
        holdings: dict[str, Holding] = {}
        for queue in queues:
            url = system.output(OUTPUTS[queue])
            holdings[queue] = stack.enter_context(held(sqs, url, queue, meanwhile=lambda: _renew(holdings)))
        letters = [letter for holding in holdings.values() for letter in holding.letters.values()]
        if options.message is not None:
            letters = [letter for letter in letters if letter.message_id == options.message]
            if not letters:
                more = sum(each.number for each in _hidden(holdings))
                unless = f"; or it is among {more:,} that are hidden just now" if more else ""
                raise OperatorError(f"--message {options.message}: not in {' or '.join(queues)}{unless}")
        cases: list[Case] = []
        with progress_on(console, MofNCompleteColumn(), TextColumn("letters")) as bars:
            for letter in bars.track(letters, description="look at"):
                cases.append(diagnosis.of(letter))
                _renew(holdings)
        if options.aggregate is not None:
            cases = [case for case in cases if case.concerns(options.aggregate)]
        yield sorted(cases, key=lambda case: case.order), holdings


def _renew(holdings: Mapping[str, Holding]) -> None:
    for holding in holdings.values():
        holding.renew()


def _hidden(holdings: Mapping[str, Holding]) -> list[Hidden]:
    return [others for holding in holdings.values() if (others := holding.others)]


def _describe(hidden: Sequence[Hidden]) -> list[dict[str, Any]]:
    return [{"queue": each.queue, "count": each.number, "until": f"{each.until:%Y-%m-%dT%H:%M:%SZ}"} for each in hidden]


def _tell(hidden: Sequence[Hidden], console: Console) -> None:
    for each in hidden:
        console.print(
            f"{each.number:,} more in {each.queue} are hidden until {each.until:%H:%M:%S}Z at the latest, "
            "by another run or one that was killed"
        )


def _diagnosis(system: System) -> Diagnosis:
    dynamodb, sqs = system.client("dynamodb"), system.client("sqs")

    def arn(output: str) -> str:
        answer = sqs.get_queue_attributes(QueueUrl=system.output(output), AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    return Diagnosis(
        settings=system.told("projectionFunction"),
        store=EventStore(dynamodb, system.output("eventStoreTable")),
        bus=EventBus(system.client("events"), system.output("eventBusName")),
        read_model=ReadModel(dynamodb, system.output("readModelTable")),
        streams=system.client("dynamodbstreams"),
        rule_arn=system.output("accountRuleArn"),
        queue_arn=arn("projectionQueueUrl"),
        process_queue_arn=arn("processQueueUrl"),
        replays=Replays(dynamodb, system.output("replaysTable")),
        store_table=system.output("eventStoreTable"),
        functions={str(name) for output, name in system.outputs.items() if output.endswith("Function")},
        command_function=system.output("commandFunction"),
    )


def _redriver(system: System, holdings: Mapping[str, Holding], options: argparse.Namespace) -> Redriver:
    return Redriver(
        sender=Sender(
            sqs=system.client("sqs"),
            bus=EventBus(system.client("events"), system.output("eventBusName")),
            queue_url=system.output("projectionQueueUrl"),
            process_queue_url=system.output("processQueueUrl"),
            replay_queue_url=system.output("replayQueueUrl"),
            holdings=holdings,
        ),
        logs=system.client("logs"),
        functions=system.client("lambda"),
        timeline=by_time(system),
        more_types=options.type,
        forced=options.force,
    )


def _line(case: Case) -> str:
    letter = case.letter
    places: Any = [f"{each.aggregate_id} #{each.sequence or '?'}" for each in case.places[:3]]
    if len(case.places) > len(places):
        places.append(f"and {len(case.places) - len(places)} more")
    about = shown(", ".join(places) or "unknown")
    when = f"{letter.since:%Y-%m-%dT%H:%M:%SZ}"
    return f"{letter.queue} {letter.message_id} {when} {letter.receives}x [bold]{about}[/]: {shown(case.reason)}"


def _would(case: Case, *, forced: bool) -> str:
    return "would be published, and stay" if case.remedy is Remedy.SEARCH and not forced else "would be moved"


def _why_skipped(case: Case) -> str:
    return _WITHOUT.get(case.remedy, "(it would only come back; --force moves it)")

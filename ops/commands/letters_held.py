"""The letters that a command line asks for, hidden from everybody else while it works on them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn, TaskID, TextColumn

from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing import times
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event
from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.store.read_model import Key, ReadModel
from handlers.store.replays import Replays
from handlers.upkeep.letters.diagnosis import Case, Diagnosis
from handlers.upkeep.letters.queues import OF_TWO_REGIONS, OUTPUTS, Hidden, Holding, held
from ops.regions import between_of, has_two_regions
from ops.system import OperatorError, System, UsageError, is_gone

from .common import Counting, progress_on, shown

ROLES = "docs/operations.md#what-an-operators-role-needs"
GONE = "docs/operations.md#what-was-deleted"


class Unread(NamedTuple):
    """A queue that cannot be read, and AWS's words for why."""

    queue: str
    why: str
    entry: str = ROLES
    """The place in the runbook."""


class Opened(NamedTuple):
    """The letters that are asked for with their diagnoses, the queues that are held, and those that cannot be read."""

    cases: list[Case]
    holdings: Mapping[str, Holding]
    unread: list[Unread]


@contextmanager
def opened(system: System, options: argparse.Namespace, console: Console) -> Iterator[Opened]:
    """The letters that are asked for, of all queues that can be held meanwhile. AWS's error where none can."""
    queues = _queues(system, options.queue)
    diagnosis = _diagnosis(system)
    sqs = system.client("sqs")
    with ExitStack() as stack:
        holdings: dict[str, Holding] = {}
        unread: list[Unread] = []
        with progress_on(console, Counting("completed", "letter")) as bars:
            for queue in queues:
                bar = bars.add_task(f"receive {queue}", total=None)

                def received(letters: int, bar: TaskID = bar) -> None:
                    bars.update(bar, completed=letters)
                    renew(holdings)

                url = system.output(OUTPUTS[queue])
                try:
                    holdings[queue] = stack.enter_context(held(sqs, url, queue, meanwhile=received))
                except (BotoCoreError, ClientError) as error:
                    if len(unread) + 1 == len(queues):
                        raise
                    gone = is_gone(error)
                    why = f"it is gone: `pulumi up --refresh` ({error})" if gone else str(error)
                    unread.append(Unread(queue, why, GONE if gone else ROLES))
        letters = [letter for holding in holdings.values() for letter in holding.letters.values()]
        if options.message is not None:
            letters = [letter for letter in letters if letter.message_id == options.message]
            if not letters:
                more = sum(each.number for each in hidden_in(holdings))
                unless = f"; or it is among {more:,} that are hidden just now" if more else ""
                unless += "".join(f"; {each.queue} cannot be read: {each.why}" for each in unread)
                raise OperatorError(f"--message {options.message}: not in {' or '.join(queues)}{unless}")
        cases: list[Case] = []
        with progress_on(console, MofNCompleteColumn(), TextColumn("letters")) as bars:
            for letter in bars.track(letters, description="look at"):
                cases.append(diagnosis.of(letter))
                renew(holdings)
        if options.aggregate is not None:
            cases = [case for case in cases if case.concerns(options.aggregate)]
        if options.cause is not None:
            cases = [case for case in cases if case.cause.value == options.cause]
        unseen = unread if options.message is None else []  # the one that was asked for is found
        yield Opened(sorted(cases, key=lambda case: case.order), holdings, unseen)


def _queues(system: System, asked: str) -> list[str]:
    """Those that are asked for. UsageError for one that a stack in one Region has not."""
    is_alone = not has_two_regions(system)
    if asked in OF_TWO_REGIONS and is_alone:
        raise UsageError(f"--queue {asked}: the stack is in one Region, and has no such queue")
    return [name for name in OUTPUTS if asked in (name, "all") and not (name in OF_TWO_REGIONS and is_alone)]


def renew(holdings: Mapping[str, Holding]) -> None:
    for holding in holdings.values():
        holding.renew()


def hidden_in(holdings: Mapping[str, Holding]) -> list[Hidden]:
    return [others for holding in holdings.values() if (others := holding.others)]


def described(hidden: Sequence[Hidden]) -> list[dict[str, Any]]:
    return [{"queue": each.queue, "count": each.number, "until": f"{each.until:%Y-%m-%dT%H:%M:%SZ}"} for each in hidden]


def tell(hidden: Sequence[Hidden], unread: Sequence[Unread], console: Console) -> None:
    """What was not seen."""
    for lost in unread:
        console.print(f"[red]{lost.queue} cannot be read[/]: {shown(lost.why)} ({lost.entry})")
    for each in hidden:
        console.print(
            f"{each.number:,} more in {each.queue} are hidden until {each.until:%H:%M:%S}Z at the latest, "
            "by another run or one that was killed"
        )


def _waits(rows: ReadModel, event: Event) -> bool:
    """Whether an event's process waits for anything, by its row; so it does where nothing tells. A BatchGetItem."""
    try:
        part = OVERSIGHT.part(event)
        key = Key(part[0] if part else event.aggregate_id, OVERSIGHT.projection)
        found = rows.get_many([key]).get(key)
        return found is None or OVERSIGHT.waits(found.row, times.to_text(datetime.now(UTC))) is not None
    except (LedgerError, KeyError, TypeError, ValueError, ArithmeticError):  # damaged, or of newer code
        return True


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
        functions=system.functions().keys(),
        between=between_of(system),
        command_function=system.output("commandFunction").partition(":")[0],
        waits=partial(_waits, ReadModel(dynamodb, system.output("readModelTable"))),
    )

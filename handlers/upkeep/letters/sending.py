"""Moves letters to where they were going: sent first, deleted after, so that a crash repeats and never loses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from handlers.sourcing.event import Event
from handlers.store.event_bus import EventBus, PublishError
from handlers.upkeep.foreign import Foreign
from handlers.upkeep.publishing import put

from .between import Between
from .diagnosis import Case, Remedy
from .queues import BATCH, BATCH_BYTES, Holding

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_FAULTS = (BotoCoreError, ClientError, PublishError, LookupError, TypeError, ValueError, ArithmeticError)
TOLD = 3
"""Of the events that the bus will never take, and of the items that are none, so many are named."""
TO_QUEUES = (Remedy.SETTLE, Remedy.PROJECT, Remedy.POKE, Remedy.REPLAY)
"""Those that send a message: lost events first."""
SENT_ON = frozenset({*TO_QUEUES, Remedy.PUBLISH})
"""What takes no more than to send a message or the letter's own events: the other remedies reach further."""


_Key = tuple[str, int, str]


class Result(NamedTuple):
    """What became of a letter: moved, or why not."""

    case: Case
    moved: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """One letter after the other in the order of (aggregate, sequence).

    The order is a courtesy: the projection closes gaps from the store, so no order of messages makes a row skip one.
    """

    sqs: SQSClient
    bus: EventBus
    queues: Mapping[Remedy, str]
    """The URL of the queue that each of TO_QUEUES sends to. In one Region nothing is sent by SETTLE."""
    holdings: Mapping[str, Holding]
    between: Between | None = None
    """None where the ledger is in one Region."""
    _published: set[_Key] = field(default_factory=set)

    def send(self, cases: Iterable[Case]) -> Iterator[Result]:
        """Move the cases whose remedies are in SENT_ON; a result for each, as soon as it is known."""
        by_remedy = in_order(cases)
        for remedy in TO_QUEUES:
            for batch in _fitting(by_remedy[remedy]):
                yield from self.moved(batch, partial(self._send, batch, remedy))
        for case in by_remedy[Remedy.PUBLISH]:
            yield from self.moved([case], partial(self._publish_events, case, case.events or ()))

    def moved(self, cases: Sequence[Case], act: Callable[[], Mapping[str, str]]) -> Iterator[Result]:
        """Act, then delete the letters of `cases` for which `act` names no problem, by message id."""
        try:
            problems = dict(act())
        except _FAULTS as error:
            problems = {case.letter.message_id: f"not sent: {error!r}" for case in cases}
        for queue in {case.letter.queue for case in cases}:
            sent = [case.letter for case in cases if case.letter.queue == queue]
            sent = [letter for letter in sent if letter.message_id not in problems]
            try:
                left = self.holdings[queue].delete(sent)
            except (BotoCoreError, ClientError):
                left = {letter.message_id for letter in sent}
            problems |= dict.fromkeys(left, "sent, but not deleted here: it will be sent again, which is harmless")
        for case in cases:
            problem = problems.get(case.letter.message_id, "")
            yield Result(case, moved=not problem, problem=problem)

    def _send(self, cases: Sequence[Case], remedy: Remedy) -> dict[str, str]:
        queue_url = self.queues[remedy]
        entries: Any = [{"Id": str(at), "MessageBody": _message(case)} for at, case in enumerate(cases)]
        answer = self.sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        return {
            cases[int(each["Id"])].letter.message_id: f"not sent: {each['Code']}: {each.get('Message', '')}"
            for each in answer.get("Failed", [])
        }

    def _publish_events(self, case: Case, events: Iterable[Event]) -> dict[str, str]:
        if self.between:
            self.between.hand_over(case.lost, case.unsettled)
        kept = tuple(events)
        left_out = self.publish_new(kept)
        if not left_out:
            self._published.update(map(_key, kept))
        return problem_of([case], left_out)

    def publish_new(self, events: Iterable[Event]) -> Sequence[Foreign]:
        """Publish what was not yet. What the bus will never take holds up no other event, and is answered."""
        new = {_key(event): event for event in events}
        # Of two events for one place, as two Regions may have written them, the first comes first.
        places = sorted(new, key=lambda key: key[:2])
        return put(self.bus, (new[place] for place in places if place not in self._published)).left_out


def _key(event: Event) -> _Key:
    return event.aggregate_id, event.sequence, event.hash


def in_order(cases: Iterable[Case]) -> dict[Remedy, list[Case]]:
    """Cases by their remedies, each in the order of aggregates and sequences."""
    by_remedy: dict[Remedy, list[Case]] = {remedy: [] for remedy in Remedy}
    for case in sorted(cases, key=lambda case: case.order):
        by_remedy[case.remedy].append(case)
    return by_remedy


def problem_of(cases: Sequence[Case], left_out: Sequence[Foreign]) -> dict[str, str]:
    """What keeps these letters in their queue; by message id."""
    if not left_out:
        return {}
    told = "; ".join(f"#{each.sequence} of {each.aggregate_id}: {each.problem}" for each in left_out[:TOLD])
    return {case.letter.message_id: f"all sent but {len(left_out)}: {told}" for case in cases}


def _message(case: Case) -> str:
    return case.letter.body if case.message is None else case.message


def _fitting(cases: Sequence[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    size = 0
    for case in cases:
        length = len(_message(case).encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(case)
        size += length
    if batch:
        yield batch

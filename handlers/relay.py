"""Entry point of the outbox: the event store's stream in, EventBridge out.

A crash can delay an event here, or publish it twice, but not lose it: the stream hands a record out again until it is
reported done.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from .regional import Unsettled, this_region, wired_standings
from .runtime import Context, count, log
from .settings import setting
from .sourcing.errors import MalformedError, NotAnEventError
from .sourcing.event import Event
from .store import clients
from .store.event_bus import EventBus, PublishError
from .store.items import to_record
from .store.lost import lost_by
from .store.standings import Standings
from .store.stored_events import event_of
from .store.unpublishable import DeadLetters

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

_bus = EventBus(clients.eventbridge(), setting("EVENT_BUS_NAME"))
_dead_letter_queue = setting("DEAD_LETTER_QUEUE_URL")
_standings = wired_standings(clients.dynamodb()) if this_region() else None
_unsettled = Unsettled()


class _Sending(NamedTuple):
    """An event on its way to the bus, with the number of its record in the stream."""

    number: str
    event: Event
    entry: Entry


class _NotSetAsideError(Exception):
    """An event that the bus will never take could not be left as a dead letter either."""


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of stream records, in order, to the first one that is to be delivered again (with all behind it).

    One PutEvents per 10 events or megabyte. An event that the bus will never take is left as a dead letter (one
    SendMessage) and holds nothing up; where that fails, its record is delivered again. Whatever is not the insertion of
    an event means that somebody wrote to the store behind the ledger's back: counted as IntegrityBreaches, which is
    alarmed, and not passed on. With two Regions one event may take another one's place (`_was_lost`).
    """
    records = event["Records"]
    sendings: list[_Sending] = []
    unsettled: Exception | None = None

    def refused(index: int, reason: str) -> None:
        try:
            _set_aside(sendings[index].event, reason, context)
        except _NotSetAsideError as error:
            raise PublishError(index, str(error)) from error

    for place, record in enumerate(records):
        try:
            sending = _sending(record, context)
        except _NotSetAsideError as error:
            unsettled, first, left = error, _number(record), len(records) - place
            break  # what lies before it can go out; the rest comes again with it
        if sending:
            sendings.append(sending)
    try:
        _bus.publish([sending.entry for sending in sendings], refused)
    except PublishError as error:
        unsettled, first, left = error, sendings[error.index].number, len(sendings) - error.index
    if unsettled is None:
        return {"batchItemFailures": []}
    log.error("not published: %s", unsettled, exc_info=unsettled)
    count("PublishFailures", left, context)
    return {"batchItemFailures": [{"itemIdentifier": first}]}


def _sending(record: Mapping[str, Any], context: Context) -> _Sending | None:
    """What is to be sent for a record; None where that is nothing, or was set aside. Raises _NotSetAsideError."""
    change = record["dynamodb"]
    if _standings is not None and record["eventName"] != "INSERT" and _was_lost(change, context):
        if record["eventName"] == "REMOVE":
            return None
    elif record["eventName"] != "INSERT":
        _report_breach(f"a stored event met a {record['eventName']}", change["Keys"], context)
        return None
    try:
        event = event_of(change.get("NewImage"))
    except NotAnEventError as error:
        _report_breach(f"an item is no event: {error.problem}", change["Keys"], context)
        return None
    if _standings is not None:
        _take_note(event, _standings, context)
    try:
        return _Sending(_number(record), event, _bus.entry(event))
    except (MalformedError, ValueError) as error:
        if event.hash == event.computed_hash():  # as the ledger wrote it: it is the bus that is too small for it
            _set_aside(event, f"{error}", context)
        else:
            _report_breach(f"an event is none that the bus takes: {error}", change["Keys"], context)
        return None


def _was_lost(change: Mapping[str, Any], context: Context) -> bool:
    """Whether a change took an event's place, for another event or for none: then `reconcile` is handed the event, by
    one SendMessage, and tells whether that was right. Any other change is nothing that the ledger does.
    """
    try:
        lost = lost_by(change)
    except NotAnEventError:
        return False
    if lost is None:
        return True
    event = lost.event
    try:
        _unsettled.queue.lost(event.aggregate_id, lost.item, removed=lost.removed)
    except (BotoCoreError, ClientError) as error:
        raise _NotSetAsideError(f"a lost event could not be handed over: {error}") from error
    count("EventsLost", 1, context, aggregateId=event.aggregate_id, sequence=event.sequence)
    return True


def _take_note(event: Event, standings: Standings, context: Context) -> None:
    """What an event of the other Region tells of the two: an event of a higher epoch that this Region is not to decide
    any more (a GetItem and a PutItem); one of a lower epoch that its stream may have been written on here (one
    SendMessage)."""
    if event.stamp.region in ("", standings.initial.region):
        return
    try:
        own = standings.now()
        if own.is_over_by(event.stamp.epoch):
            if standings.give_way(*event.stamp):
                log.critical("fenced: %s decides in epoch %s", *event.stamp)
                count("EpochsOver", 1, context)
        elif event.stamp.epoch < own.epoch:
            _unsettled.queue.poke(event.aggregate_id, event.sequence)
    except (BotoCoreError, ClientError) as error:
        raise _NotSetAsideError(f"what {event.stamp.region} says could not be taken note of: {error}") from error


def _number(record: Mapping[str, Any]) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _set_aside(event: Event, reason: str, context: Context) -> None:
    """Leave an event that the bus will never take as a dead letter: one SendMessage. Raises _NotSetAsideError.

    It is the truth all the same, and stays in the store: only who listens to the bus misses it.
    """
    place = {"aggregateId": event.aggregate_id, "sequence": event.sequence}
    log.error("the bus will never take an event: %s", reason, extra=place)
    try:
        _dead_letters().leave(event, reason)
    except (BotoCoreError, ClientError) as error:
        raise _NotSetAsideError(f"could not be set aside ({reason}): {error}") from error
    count("Unpublishable", 1, context, **place)


@cache
def _dead_letters() -> DeadLetters:
    """Made for the first one, since hardly any process ever leaves one and a client costs time at a cold start."""
    return DeadLetters(clients.sqs(), _dead_letter_queue)


def _report_breach(problem: str, keys: Mapping[str, Any], context: Context) -> None:
    record = to_record(keys)
    sequence = record["EventSequence"]
    # Whoever may put items can put one between two places, too.
    place = {
        "aggregateId": record["AggregateId"],
        "sequence": int(sequence) if sequence == int(sequence) else str(sequence),
    }
    log.critical(problem, extra=place)
    count("IntegrityBreaches", 1, context, **place)

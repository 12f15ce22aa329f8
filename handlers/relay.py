"""Entry point of the outbox: the event store's stream in, EventBridge out.

A crash can delay an event here, or publish it twice, but not lose it: the stream hands a record out again until it is
reported done.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from .domain.errors import MalformedError, NotAnEventError
from .runtime import Context, count, log
from .store import clients
from .store.event_bus import EventBus, PublishError
from .store.items import to_record
from .store.stored_events import event_of

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

_bus = EventBus(clients.eventbridge(), os.environ["EVENT_BUS_NAME"])


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of stream records, in order, to the first one that is to be delivered again (with all behind it).

    One PutEvents per 10 events or megabyte. Whatever is not the insertion of an event means that somebody wrote to the
    store behind the ledger's back: counted as IntegrityBreaches, which is alarmed, and not passed on, so that it cannot
    hold up the events behind it.
    """
    entries: list[Entry] = []
    numbers: list[str] = []
    for record in event["Records"]:
        entry = _entry(record, context)
        if entry:
            entries.append(entry)
            numbers.append(record["dynamodb"]["SequenceNumber"])
    try:
        _bus.publish(entries)
    except PublishError as error:
        return _retry_from(error.index, numbers, error, context)
    except (BotoCoreError, ClientError) as error:
        return _retry_from(0, numbers, error, context)
    return {"batchItemFailures": []}


def _entry(record: Mapping[str, Any], context: Context) -> Entry | None:
    change = record["dynamodb"]
    if record["eventName"] != "INSERT":
        _report_breach(f"a stored event met a {record['eventName']}", change["Keys"], context)
        return None
    try:
        return _bus.entry(event_of(change.get("NewImage")))
    except NotAnEventError as error:
        _report_breach(f"an item is no event: {error.problem}", change["Keys"], context)
    except (MalformedError, ValueError) as error:
        _report_breach(f"an event is none that the bus takes: {error}", change["Keys"], context)
    return None


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


def _retry_from(
    index: int, numbers: Sequence[str], error: Exception, context: Context
) -> dict[str, list[dict[str, str]]]:
    log.error("not published: %s", error, exc_info=error)
    count("PublishFailures", len(numbers) - index, context)
    return {"batchItemFailures": [{"itemIdentifier": numbers[index]}]}

"""Entry point of the read side: a queue of bus events in, read models brought up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .domain import KINDS
from .runtime import Context, log, seconds_left
from .settings import number, setting
from .sourcing.errors import MalformedError
from .sourcing.event import Event
from .store import clients
from .store.event_bus import delivered_event
from .store.event_store import EventStore
from .store.projector import Projector
from .store.read_model import NOTHING, Key, ReadModel, Stored

_dynamodb = clients.dynamodb()
_projector = Projector(
    EventStore(_dynamodb, setting("EVENT_STORE_TABLE")),
    ReadModel(_dynamodb, setting("READ_MODEL_TABLE")),
    KINDS.projections(number),
)


class Poke(NamedTuple):
    """An event that was announced, and the message that did so."""

    message_id: str
    event: Event


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of queue messages, in any order and with duplicates, to the ids of those to deliver again.

    One BatchGetItem for the whole batch, then per aggregate what `Projector.bring_up` takes. What is no event, or
    announces one that the store does not have, fails alone, and one aggregate's failure is only its own; after enough
    receives the queue sets such messages aside. An aggregate that is far behind waits for the others, and gives up
    before the time is over; the next delivery goes on from where it came.
    """
    pokes: dict[str, list[Poke]] = defaultdict(list)
    failed: list[str] = []
    for record in event["Records"]:
        try:
            poke = Poke(record["messageId"], delivered_event(record["body"]))
        except MalformedError as error:
            log.error("not an event: %s", error.message, extra={"messageId": record["messageId"]})
            failed.append(record["messageId"])
        else:
            pokes[poke.event.aggregate_id].append(poke)
    rows = _projector.load({each: [poke.event for poke in announced] for each, announced in pokes.items()})
    for aggregate_id, announced in sorted(pokes.items(), key=lambda each: _behind(each[0], each[1], rows)):
        reached = _bring_up(aggregate_id, [poke.event for poke in announced], rows, context)
        failed += [poke.message_id for poke in announced if poke.event.sequence > reached]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _behind(aggregate_id: str, announced: Sequence[Poke], rows: Mapping[Key, Stored]) -> int:
    """How many events the newest announced one is ahead of the aggregate's hindmost row."""
    concerned = _projector.concerned(poke.event for poke in announced)
    keys = (Key(aggregate_id, projection.name) for projection in concerned)
    hindmost = min(rows.get(key, NOTHING).position.sequence for key in keys)
    return max(poke.event.sequence for poke in announced) - hindmost


def _bring_up(aggregate_id: str, events: Sequence[Event], rows: dict[Key, Stored], context: Context) -> int:
    """Bring one aggregate's rows up to date; the sequence they have reached, 0 where that failed."""
    place = {"aggregateId": aggregate_id, "events": len(events)}
    try:
        progress = _projector.bring_up(aggregate_id, events, rows, seconds_left(context))
    except Exception:  # noqa: BLE001 -- reported as this aggregate's failure, to be delivered again
        log.exception("not projected", extra=place)
        return 0
    log.info("projected", extra={**place, "rowsWritten": progress.written})
    if progress.sequence < max(event.sequence for event in events):
        log.error("announced, but not in the store beyond %s", progress.sequence, extra=place)
    return progress.sequence

"""Entry point of the read side: a queue of bus events in, read models brought up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .domain import KINDS
from .regional import Unsettled, looking_back, this_region
from .runtime import Context, log, seconds_left
from .settings import ENVIRONMENT, setting
from .sourcing.errors import IntegrityError, MalformedError
from .sourcing.event import Event
from .store import clients
from .store.event_bus import delivered_event
from .store.projector import Progress, Projector
from .store.read_model import NOTHING, Key, ReadModel, Stored
from .store.replica import ReplicaStore

SecondsLeft = Callable[[], float]

_dynamodb = clients.dynamodb()
_store = looking_back(_dynamodb)
_REGION = this_region()
_unsettled = Unsettled()
_projector = Projector(
    _store,
    ReadModel(_dynamodb, setting("READ_MODEL_TABLE")),
    KINDS.projections(ENVIRONMENT),
)


class Poke(NamedTuple):
    """An event that was announced, and the message that did so."""

    message_id: str
    event: Event


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of queue messages, in any order and with duplicates, to the ids of those to deliver again.

    Three waits where the batch continues the rows of all its aggregates: one BatchGetItem, and what `Projector.advance`
    takes. Then, one by one, whatever else is due: per aggregate what `Projector.bring_up` takes; with two Regions a
    Query for each aggregate of which events came from the other one. What is no event, or
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
    if pokes:
        announced = {aggregate_id: [poke.event for poke in each] for aggregate_id, each in pokes.items()}
        reached = _bring_up(announced, context)
        failed += [
            poke.message_id
            for each in pokes.values()
            for poke in each
            if not _is_there(poke.event, reached) and not _comes_later(poke.event)
        ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_there(event: Event, reached: Mapping[str, int]) -> bool:
    return event.sequence <= reached[event.aggregate_id]


def _comes_later(event: Event) -> bool:
    """Whether an event lies behind a hole of this replica: then whatever fills the hole is announced as well, and who
    hears of that looks behind it (`_look_behind`). One Query."""
    return isinstance(_store, ReplicaStore) and _store.has(event)


def _bring_up(announced: Mapping[str, Sequence[Event]], context: Context) -> dict[str, int]:
    """Bring aggregates' rows up to date; the sequence that each has reached, 0 where it failed."""
    rows, left = _projector.load(announced), seconds_left(context)
    outcomes = _projector.advance(announced, rows, left)
    others = announced.keys() - outcomes.keys()
    for aggregate_id in sorted(others, key=lambda each: (_behind(each, announced[each], rows), each)):
        try:
            outcomes[aggregate_id] = _projector.bring_up(aggregate_id, announced[aggregate_id], rows, left)
        except Exception as error:  # noqa: BLE001 -- reported as this aggregate's failure, to be delivered again
            outcomes[aggregate_id] = error
    if isinstance(_store, ReplicaStore):
        outcomes |= {name: _look_behind(_store, name, announced[name], each, left) for name, each in outcomes.items()}
    return {
        aggregate_id: _told(aggregate_id, announced[aggregate_id], each, context)
        for aggregate_id, each in outcomes.items()
    }


def _look_behind(
    store: ReplicaStore, aggregate_id: str, events: Sequence[Event], outcome: Progress | Exception, left: SecondsLeft
) -> Progress | Exception:
    """What became of an aggregate, with what stood behind a hole that these events may have filled: nobody hears of
    that once more. A Query where they came from the other Region; where they did not there is no hole before them."""
    if isinstance(outcome, Exception) or all(event.stamp.region in ("", _REGION) for event in events):
        return outcome
    try:
        while behind := store.behind(aggregate_id, outcome.sequence):
            rows = _projector.load({aggregate_id: behind})
            further = _projector.bring_up(aggregate_id, behind, rows, left)
            outcome = Progress(further.sequence, outcome.written + further.written)
    except Exception as error:  # noqa: BLE001 -- reported as this aggregate's failure, to be delivered again
        return error
    return outcome


def _told(aggregate_id: str, events: Sequence[Event], outcome: Progress | Exception, context: Context) -> int:
    """Log what became of an aggregate; the sequence that it has reached.

    Where two Regions wrote a stream, its rows contradict it. Whoever puts it together again makes them again, to its
    end; so what was announced is done with.
    """
    place = {"aggregateId": aggregate_id, "events": len(events)}
    if _REGION and isinstance(outcome, IntegrityError) and _unsettled.hand_over(aggregate_id, context):
        log.error("left to be settled: %s", outcome.message, extra=place)
        return max(event.sequence for event in events)
    if isinstance(outcome, Exception):
        log.error("not projected", exc_info=outcome, extra=place)
        return 0
    log.info("projected", extra={**place, "rowsWritten": outcome.written})
    if outcome.sequence < max(event.sequence for event in events):
        log.error("announced, but not in the store beyond %s", outcome.sequence, extra=place)
    return outcome.sequence


def _behind(aggregate_id: str, events: Sequence[Event], rows: Mapping[Key, Stored]) -> int:
    """How many events the newest announced one is ahead of the aggregate's hindmost row."""
    keys = (Key(aggregate_id, projection.name) for projection in _projector.concerned(events))
    hindmost = min(rows.get(key, NOTHING).position.sequence for key in keys)
    return max(event.sequence for event in events) - hindmost

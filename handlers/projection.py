"""Entry point of the read side: a queue of bus events in, read models brought up to date."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from .domain import all_projections
from .domain.errors import MalformedError
from .domain.event import Event
from .runtime import Context, log
from .store import clients
from .store.event_bus import delivered_event
from .store.event_store import EventStore
from .store.projector import Projector
from .store.read_model import ReadModel

_dynamodb = clients.dynamodb()
_projector = Projector(
    EventStore(_dynamodb, os.environ["EVENT_STORE_TABLE"]),
    ReadModel(_dynamodb, os.environ["READ_MODEL_TABLE"]),
    all_projections(int(os.environ["STATEMENT_ENTRIES"])),
)


def lambda_handler(event: Mapping[str, Any], _context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of queue messages, in any order and with duplicates, to the ids of those to deliver again.

    One BatchGetItem for the whole batch, then per aggregate what `Projector.bring_up` takes. One aggregate's failure,
    or a message that is no event, fails only its own messages; after enough receives the queue sets them aside.
    """
    pokes: dict[str, list[Event]] = defaultdict(list)
    messages: dict[str, list[str]] = defaultdict(list)
    failed: list[str] = []
    for record in event["Records"]:
        try:
            poke = delivered_event(record["body"])
        except MalformedError as error:
            log.error("not an event: %s", error.message, extra={"messageId": record["messageId"]})
            failed.append(record["messageId"])
        else:
            pokes[poke.aggregate_id].append(poke)
            messages[poke.aggregate_id].append(record["messageId"])
    for aggregate_id in _bring_up(pokes):
        failed += messages[aggregate_id]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _bring_up(pokes: Mapping[str, Sequence[Event]]) -> list[str]:
    """Bring every poked aggregate up to date; return those that failed."""
    if not pokes:
        return []
    rows = _projector.load(pokes)
    failed = []
    for aggregate_id, events in pokes.items():
        try:
            written = _projector.bring_up(aggregate_id, events, rows)
        except Exception:  # noqa: BLE001 -- reported as this aggregate's failure, to be delivered again
            log.exception("not projected", extra={"aggregateId": aggregate_id})
            failed.append(aggregate_id)
        else:
            log.info("projected", extra={"aggregateId": aggregate_id, "events": len(events), "rowsWritten": written})
    return failed

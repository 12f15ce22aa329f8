"""Entry point of the write side: a command in, its event's receipt out."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

from .domain import check, times
from .domain.command import Command
from .runtime import Context, answering, log, request_of
from .store import clients
from .store.event_store import EventStore
from .store.ledger import Ledger
from .store.present import PresentReader
from .store.side_by_side import begin
from .store.snapshots import Snapshots

_dynamodb = clients.dynamodb()


def _now() -> str:
    return times.to_text(datetime.now(UTC))


_ledger = Ledger(
    PresentReader(
        EventStore(_dynamodb, os.environ["EVENT_STORE_TABLE"], int(os.environ["TYPE_BUCKETS"])),
        Snapshots(_dynamodb, os.environ["SNAPSHOTS_TABLE"]),
        tail=2 * int(os.environ["SNAPSHOT_EVERY"]),
        now=_now,
        begin=begin,
    ),
    now=_now,
    pause=time.sleep,
)


@answering
def lambda_handler(event: Any, context: Context) -> dict[str, Any]:
    """`{aggregateId, eventType, eventData, ...}`, direct or as `body`, to `{eventId, aggregateId, sequence}`."""
    command = Command.parse(request_of(event), context.aws_request_id, check)
    receipt = _ledger.execute(command, lambda: context.get_remaining_time_in_millis() / 1000)
    log.info(
        "accepted",
        extra={
            "aggregateId": receipt.aggregate_id,
            "sequence": receipt.sequence,
            "eventType": command.event_type,
            "commandId": command.command_id,
            "correlationId": command.correlation_id,
        },
    )
    return {"eventId": receipt.event_id, "aggregateId": receipt.aggregate_id, "sequence": receipt.sequence}

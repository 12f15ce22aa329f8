"""Entry point of the snapshots: fed by the event store's stream, with every so manyth event of an aggregate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .regional import looking_back
from .runtime import Context, count, log
from .settings import number, setting
from .sourcing.errors import IntegrityError, UnreadableEventError
from .sourcing.event import ordinal
from .store import clients
from .store.items import to_record
from .store.snapshot_builder import SnapshotBuilder
from .store.snapshots import Snapshots, UnwrittenError

_dynamodb = clients.dynamodb()
_DAY = 24 * 60 * 60
_builder = SnapshotBuilder(
    looking_back(_dynamodb),
    Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE")),
    every=number("SNAPSHOT_EVERY"),
    retention_seconds=number("SNAPSHOT_RETENTION_DAYS") * _DAY or None,
)


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of stream records, to the first one that is to be delivered again (with all behind it).

    For the cost of each aggregate in it see `SnapshotBuilder.bring_up_to`. A broken chain does not mend by itself: it
    is counted as IntegrityBreaches, which is alarmed, and passed over. So, uncounted, is an event that this code cannot
    read: once newer code is deployed, the aggregate's next snapshot covers it. And so is an item that is no event,
    which the relay counts.
    """
    newest: dict[str, tuple[int, str]] = {}
    for record in event["Records"]:
        keys = to_record(record["dynamodb"]["Keys"])
        aggregate_id, number = keys["AggregateId"], record["dynamodb"]["SequenceNumber"]
        try:
            sequence = ordinal(keys, "EventSequence")
        except ValueError as error:
            log.error("an item is no event: %s", error, extra={"aggregateId": aggregate_id})  # the relay counts it
            continue
        _, first = newest.get(aggregate_id, (0, number))
        newest[aggregate_id] = (sequence, first)
    for aggregate_id, (sequence, number) in newest.items():
        try:
            made = _builder.bring_up_to(aggregate_id, sequence)
        except IntegrityError as error:
            log.critical("no snapshot: %s", error.message, extra={"aggregateId": aggregate_id})
            count("IntegrityBreaches", 1, context, aggregateId=aggregate_id, sequence=sequence)
        except UnreadableEventError as error:
            log.error("no snapshot: %s", error.message, extra={"aggregateId": aggregate_id})
        except (BotoCoreError, ClientError, UnwrittenError) as error:
            log.error("no snapshot: %s", error, exc_info=error, extra={"aggregateId": aggregate_id})
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        else:
            log.info("kept", extra={"aggregateId": aggregate_id, "sequence": sequence, "snapshots": made})
    return {"batchItemFailures": []}

"""Entry point of replays: a queue of segments in, copies of their events out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .runtime import Context, count, log, seconds_left
from .settings import number, setting
from .sourcing.errors import LedgerError
from .store import clients
from .store.branches import Branches
from .store.event_bus import EventBus
from .store.event_store import EventStore
from .store.replay_branch import ToBranch
from .store.replay_source import ReplaySource
from .store.replay_targets import SendError, Targets
from .store.replay_work import OvertakenError, Replayer, Work, message_of, work_of
from .store.replays import Replays
from .store.snapshots import Snapshots
from .wiring import now

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_dynamodb = clients.dynamodb()
_queue_url = setting("REPLAY_QUEUE_URL")
_bus_name = setting("EVENT_BUS_NAME")
_store = EventStore(_dynamodb, setting("EVENT_STORE_TABLE"))
_branches = Branches(_dynamodb, setting("BRANCHES_TABLE"))
_snapshots = Snapshots(_dynamodb, setting("SNAPSHOTS_TABLE"))
_EVERY = number("SNAPSHOT_EVERY")


@cache
def _sqs() -> SQSClient:
    return clients.sqs()


def _hand_on(work: Work, *, after: int = 0) -> None:
    """One SendMessage."""
    _sqs().send_message(QueueUrl=_queue_url, MessageBody=message_of(work), DelaySeconds=after)


@cache
def _bus() -> EventBus:
    return EventBus(clients.eventbridge(), _bus_name)


def _to_branch(name: str, branch_id: str) -> ToBranch:
    """Reads the store and its snapshots; writes to the branches alone."""
    return ToBranch.of(_branches, _store, _snapshots, _EVERY, (name, branch_id))


_replayer = Replayer(
    replays=Replays(_dynamodb, setting("REPLAYS_TABLE")),
    source=ReplaySource(_dynamodb, setting("EVENT_STORE_TABLE")),
    targets=Targets(
        bus=_bus,
        sqs=_sqs,
        projection_queue_url=setting("PROJECTION_QUEUE_URL"),
        replay_queue_url=_queue_url,
        to_branch=_to_branch,
    ),
    hand_on=_hand_on,
    now=now,
    pause=time.sleep,
    rate=number("REPLAY_RATE"),
    concurrency=number("REPLAY_CONCURRENCY"),
)


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """A batch of queue messages to the ids of those to deliver again: what `Replayer.work` takes, of each.

    A message is a segment of a replay. One that says none fails, and one of whose segment the target takes nothing at
    all; after enough receives the queue sets it aside. Copies that went out are counted as ReplayedEvents.
    """
    failed: list[str] = []
    for record in event["Records"]:
        try:
            work = work_of(record["body"])
            done = _replayer.work(work, record["messageId"], seconds_left(context))
        except (LedgerError, OvertakenError, SendError) as error:
            log.error("not replayed: %s", error, extra={"messageId": record["messageId"]})
            failed.append(record["messageId"])
        else:
            log.info("replayed", extra={**work._asdict(), **done._asdict()})
            if done.sent:
                count("ReplayedEvents", done.sent, context)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

"""What a function knows of two Regions, from its environment; where there is one, nothing here is made."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from .runtime import Context, count, log
from .settings import optional, setting
from .sourcing.standing import Mode, Role, Standing
from .store import clients
from .store.conflict_queue import ConflictQueue
from .store.event_store import EventStore
from .store.replica import ReplicaStore
from .store.standings import Standings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def this_region() -> str | None:
    """This Region, where the ledger has two; None where it has one."""
    return optional("REGION")


def wired_standings(client: DynamoDBClient) -> Standings | None:
    """What tells this Region's part; None where the ledger has one Region."""
    region = this_region()
    if region is None:
        return None
    role, decides = Role(setting("REGION_ROLE")), setting("PRIMARY_REGION")
    initial = Standing(region, role, 1, Mode(setting("REGION_MODE")), decides, first=decides)
    return Standings(client, setting("REGION_TABLE"), initial)


def looking_back(client: DynamoDBClient) -> EventStore:
    """The event store, for who only looks back: a replica may have holes for a moment."""
    table = setting("EVENT_STORE_TABLE")
    return EventStore(client, table) if this_region() is None else ReplicaStore(client, table)


class Unsettled:
    """Streams that are no chain here, for `reconcile` to look at. Its client is made for the first one: hardly any
    process ever meets one."""

    @cached_property
    def queue(self) -> ConflictQueue:
        return ConflictQueue(clients.sqs(), setting("CONFLICT_QUEUE_URL"))

    def hand_over(self, aggregate_id: str, context: Context) -> bool:
        """Have a stream looked at: one SendMessage. Whether somebody will."""
        try:
            self.queue.poke(aggregate_id)
        except (BotoCoreError, ClientError) as error:
            log.error("nobody was asked to settle a stream: %s", error, extra={"aggregateId": aggregate_id})
            return False
        count("Unsettled", 1, context, aggregateId=aggregate_id)
        return True

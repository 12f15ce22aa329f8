"""Where events are kept, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from components.branches import Branches
from components.event_store import EventStore, EventStoreArgs
from components.guard_watch import GuardWatch
from components.read_model import ReadModel
from components.replays import Replays
from components.snapshots import Snapshots
from components.table import TableArgs
from stack.shared import Shared


@dataclass(frozen=True)
class Stores:
    event_store: EventStore
    read_model: ReadModel
    snapshots: Snapshots
    branches: Branches
    replays: Replays
    guard_watch: GuardWatch | None
    """None unless asked for."""


def keep(shared: Shared) -> Stores:
    """Declare the tables, and who notices when the event store's guards are taken away."""
    settings = shared.settings
    tables = TableArgs(
        billing_mode=settings.billing_mode,
        read_capacity=settings.read_capacity or None,
        write_capacity=settings.write_capacity or None,
        max_read_capacity=settings.max_read_capacity,
        max_write_capacity=settings.max_write_capacity,
        max_read_units=settings.max_read_units,
        max_write_units=settings.max_write_units,
        recovery_days=settings.recovery_days,
        point_in_time_recovery=settings.point_in_time_recovery,
        kms_key_arn=shared.kms_key_arn,
        deletion_protection=settings.production,
    )
    # AWS charges for each unit of warmth: no burst reaches the other tables.
    warm = replace(tables, warm_read_units=settings.warm_read_units, warm_write_units=settings.warm_write_units)
    event_store = EventStore(
        "event-store",
        EventStoreArgs(**vars(warm), type_index=settings.type_index, correlation_index=settings.correlation_index),
        shared.options,
    )
    return Stores(
        event_store=event_store,
        read_model=ReadModel("read-model", warm, shared.options),
        snapshots=Snapshots("snapshots", tables, shared.options),
        branches=Branches("branches", tables, shared.options),
        replays=Replays("replays", tables, shared.options),
        # Off unless asked for: CloudTrail must record the account's management events. It tells and guards nothing,
        # so it may go as alarms may.
        guard_watch=GuardWatch("guard-watch", event_store) if settings.watch_guards else None,
    )

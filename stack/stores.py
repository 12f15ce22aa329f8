"""Where events are kept, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from components.backups import Backups, BackupsArgs, BackupWatch, Lock
from components.branches import Branches
from components.conflicts import Conflicts, ConflictsArgs, ConflictsReplica, ConflictTable
from components.event_store import EventStore, EventStoreArgs, EventStoreReplica, EventTable
from components.read_model import ReadModel
from components.replays import Replays
from components.snapshots import Snapshots
from components.standings import Standings
from components.table import TableArgs, replica
from stack.shared import Shared, loose


@dataclass(frozen=True)
class Between:
    """What there is for two Regions alone, in one of them."""

    conflicts: ConflictTable
    standings: Standings


@dataclass(frozen=True)
class Stores:
    event_store: EventTable
    read_model: ReadModel
    snapshots: Snapshots
    branches: Branches
    replays: Replays
    between: Between | None = None
    """None where there is one Region."""
    backup_watch: BackupWatch | None = None
    """None where there are no backups."""


def keep(shared: Shared, beside: Shared | None = None) -> Stores:
    """Declare the tables.

    With another Region `beside`, its replicas are declared with the two tables that are replicated.
    """
    settings, tables = shared.settings, _tables(shared)
    replicas = [replica(beside.place.region, _tables(beside))] if beside and beside.place else []
    event_store = EventStore(
        "event-store",
        EventStoreArgs(
            **vars(_warm(shared)),
            type_index=settings.type_index,
            correlation_index=settings.correlation_index,
            replicas=replicas,
        ),
        shared.options,
    )
    between = None
    if replicas:
        conflicts = Conflicts("conflicts", ConflictsArgs(**vars(tables), replicas=replicas), shared.options)
        between = Between(conflicts, Standings("standings", tables, shared.options))
    return _kept(shared, event_store, between)


def keep_beside(shared: Shared, first: Stores) -> Stores:
    """Declare the tables of the second Region; the two that are replicated are the first one's."""
    store, place = first.event_store, shared.place
    replicated = first.between.conflicts if first.between else None
    if place is None or not isinstance(store, EventStore) or not isinstance(replicated, Conflicts):
        raise ValueError("the first Region declares the tables that are replicated")
    event_store = EventStoreReplica("event-store", store, place.region, shared.options)
    conflicts = ConflictsReplica("conflicts", replicated, place.region, shared.options)
    standings = Standings("standings", _tables(shared), shared.options)
    return _kept(shared, event_store, Between(conflicts, standings))


def _tables(shared: Shared) -> TableArgs:
    settings = shared.settings
    return TableArgs(
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


def _warm(shared: Shared) -> TableArgs:
    """AWS charges for each unit of warmth: no burst reaches the other tables."""
    settings = shared.settings
    return replace(
        _tables(shared), warm_read_units=settings.warm_read_units, warm_write_units=settings.warm_write_units
    )


def _kept(shared: Shared, event_store: EventTable, between: Between | None) -> Stores:
    settings, tables = shared.settings, _tables(shared)
    read_model = ReadModel("read-model", _warm(shared), shared.options)
    snapshots = Snapshots("snapshots", tables, shared.options)
    kept = {
        "event-store": event_store.table_arn,
        "read-model": read_model.table_arn,
        "snapshots": snapshots.table_arn,
        **({"conflicts": between.conflicts.table_arn} if between else {}),
    }
    return Stores(
        event_store=event_store,
        read_model=read_model,
        snapshots=snapshots,
        branches=Branches("branches", tables, shared.options),
        replays=Replays("replays", tables, shared.options),
        between=between,
        backup_watch=_back_up(shared, kept) if settings.backup_days else None,
    )


def _back_up(shared: Shared, tables: Mapping[str, pulumi.Output[str]]) -> BackupWatch:
    """Branches and replays are there for a while; a standing of before, put back, would have two Regions decide.

    Of two Regions the first one's backups are copied: the second has the same events.
    """
    settings = shared.settings
    lock = Lock(settings.backup_lock, settings.backup_lock_days, settings.backup_lock_grace_days)
    Backups(
        "backups",
        BackupsArgs(
            tables=tables,
            account_id=shared.account_id,
            region=shared.region,
            partition=shared.partition,
            dns_suffix=shared.dns_suffix,
            days=settings.backup_days,
            schedule=settings.backup_schedule,
            cold_after_days=settings.backup_cold_after_days,
            vault=settings.backup_vault,
            lock=lock if settings.backup_lock else None,
            copy_to=settings.backup_copy_to if shared.place is None or shared.place.is_first else (),
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )
    return BackupWatch("backup-watch", list(tables.values()), loose(shared))

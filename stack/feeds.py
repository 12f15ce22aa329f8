"""What drives the functions: store -> relay -> bus -> projection, process and audit log; store -> snapshot; a clock."""

from __future__ import annotations

from dataclasses import dataclass

from components import limits
from components.audit_log import AuditLog, AuditLogArgs
from components.process_feed import ProcessFeed, just
from components.projection_feed import ProjectionFeed, all_but
from components.queue_feed import QueueFeedArgs
from components.stream_feed import StreamFeed, StreamFeedArgs, multiples_of
from components.sweep_schedule import SweepSchedule, SweepScheduleArgs
from stack.carriers import REJECTION, Carriers
from stack.functions import Functions
from stack.shared import Shared
from stack.stores import Stores

_SOURCE = "event-sourcing.financial"
_SNAPSHOT_RETRIES = 20
"""A snapshot that is not made is no loss: the next one of the account covers its events."""
_PROCESS_VISIBILITY = 6
"""Timeouts of process for which a message that was not finished stays hidden, as AWS advises."""
_POKES = (
    *("TransferRequested", "TransferApproved", "TransferCommitted"),
    *("TransferFailed", "TransferExpired", "TransferCancelled"),
    *("FundsReserved", "ReservationReleased"),
)
"""Events behind which a transfer may have a step due: all but those of its two ends, behind which none is."""


@dataclass(frozen=True)
class Feeds:
    projection: ProjectionFeed
    process: ProcessFeed
    sweep: SweepSchedule
    audit_log: AuditLog | None
    """None where it is left out."""


def feed(shared: Shared, stores: Stores, carriers: Carriers, functions: Functions) -> Feeds:
    """Declare the ways from the store and the bus to the functions."""
    settings = shared.settings
    StreamFeed(
        "relay-feed",
        StreamFeedArgs(
            event_store=stores.event_store,
            function=functions.relay,
            batch_size=settings.relay_batch_size,
            parallelization_factor=settings.relay_parallelization,
            max_record_age=settings.relay_max_record_age,
            max_retries=settings.relay_max_retries,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    StreamFeed(
        "snapshot-feed",
        StreamFeedArgs(
            event_store=stores.event_store,
            function=functions.snapshot,
            pattern=multiples_of(settings.snapshot_every),
            parallelization_factor=limits.SNAPSHOT_PARALLELIZATION,
            max_retries=_SNAPSHOT_RETRIES,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    projection_feed = ProjectionFeed(
        "projection-feed",
        QueueFeedArgs(
            event_bus=carriers.event_bus,
            pattern=all_but(_SOURCE, apart=[REJECTION]),
            description="Account events, to the projections",
            function=functions.projection,
            delivery_dead_letters=carriers.delivery_dead_letters,
            dead_letters=carriers.projection_dead_letters,
            batch_size=settings.projection_batch_size,
            batch_window=settings.projection_batch_window,
            max_concurrency=settings.projection_max_concurrency,
            visibility_timeout=settings.projection_visibility_timeout,
            max_receives=settings.projection_max_receives,
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    process_feed = ProcessFeed(
        "process-feed",
        QueueFeedArgs(
            event_bus=carriers.event_bus,
            pattern=just(_SOURCE, _POKES),
            description="Events of transfers and reservations, to the processes",
            function=functions.process,
            delivery_dead_letters=carriers.delivery_dead_letters,
            dead_letters=carriers.process_dead_letters,
            max_concurrency=settings.process_max_concurrency,
            visibility_timeout=_PROCESS_VISIBILITY * settings.function_timeout,
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    sweep_schedule = SweepSchedule(
        "sweep-schedule",
        SweepScheduleArgs(
            sweep=functions.sweep,
            dead_letters=carriers.invocation_dead_letters,
            account_id=shared.account_id,
            minutes=settings.sweep_minutes,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )
    audit_log = (
        AuditLog(
            "audit-log",
            AuditLogArgs(
                event_bus=carriers.event_bus,
                account_id=shared.account_id,
                dead_letters=carriers.delivery_dead_letters,
                apart=[REJECTION],
                retention_days=settings.audit_log_retention_days,
                retry_attempts=settings.delivery_retry_attempts,
                max_event_age=settings.delivery_max_event_age,
                kms_key_arn=shared.kms_key_arn,
            ),
            shared.options,
        )
        if settings.audit_log
        else None
    )
    return Feeds(projection_feed, process_feed, sweep_schedule, audit_log)

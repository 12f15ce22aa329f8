"""What drives the functions: store -> relay -> bus -> projection, process and audit log; store -> snapshot; a clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from components import limits
from components.audit_files import AuditFiles, AuditFilesArgs
from components.audit_log import AuditLog, AuditLogArgs
from components.function_schedule import FunctionSchedule, FunctionScheduleArgs
from components.process_feed import ProcessFeed, just
from components.projection_feed import ProjectionFeed, all_but
from components.queue_feed import QueueFeedArgs
from components.stream_feed import StreamFeed, StreamFeedArgs, multiples_of
from schemas.processes import pokes
from stack.carriers import COPIES, REJECTION, SOURCE, Carriers
from stack.functions import Functions
from stack.shared import Shared
from stack.stores import Stores

_SNAPSHOT_RETRIES = 20
"""A snapshot that is not made is no loss: the next one of the aggregate covers its events."""
_PROCESS_VISIBILITY = 6
"""Timeouts of process for which a message that was not finished stays hidden, as AWS advises."""
_NO_TYPE = "-"
"""Of no event: a rule must name some type, also where there are no processes."""


@dataclass(frozen=True)
class Feeds:
    projection: ProjectionFeed
    process: ProcessFeed
    sweep: FunctionSchedule
    audit_log: AuditLog | None
    """None where it is left out."""
    audit_files: AuditFiles | None
    """None unless asked for."""


def feed(shared: Shared, stores: Stores, carriers: Carriers, functions: Functions) -> Feeds:
    """Declare the ways from the store and the bus to the functions."""
    _follow_the_store(shared, stores, functions)
    _heartbeat_schedule(shared, carriers, functions)
    return Feeds(
        projection=_projection_feed(shared, carriers, functions),
        process=_process_feed(shared, carriers, functions),
        sweep=_sweep_schedule(shared, carriers, functions),
        audit_log=_audit_log(shared, carriers) if shared.settings.audit_log else None,
        audit_files=_audit_files(shared, carriers) if shared.settings.audit_files_days else None,
    )


def _follow_the_store(shared: Shared, stores: Stores, functions: Functions) -> None:
    settings = shared.settings
    stream = partial(
        StreamFeedArgs,
        event_store=stores.event_store,
        kms_key_arn=shared.kms_key_arn,
        previous_kms_key_arns=settings.previous_kms_key_arns,
    )
    StreamFeed(
        "relay-feed",
        stream(
            function=functions.relay,
            batch_size=settings.relay_batch_size,
            parallelization_factor=settings.relay_parallelization,
            max_record_age=settings.relay_max_record_age,
            max_retries=settings.relay_max_retries,
        ),
        shared.options,
    )
    StreamFeed(
        "snapshot-feed",
        stream(
            function=functions.snapshot,
            pattern=multiples_of(settings.snapshot_every),
            parallelization_factor=limits.SNAPSHOT_PARALLELIZATION,
            max_retries=_SNAPSHOT_RETRIES,
        ),
        shared.options,
    )


def _projection_feed(shared: Shared, carriers: Carriers, functions: Functions) -> ProjectionFeed:
    settings = shared.settings
    return ProjectionFeed(
        "projection-feed",
        _from_the_bus(shared, carriers)(
            pattern=all_but(SOURCE, apart=[REJECTION]),
            description="The ledger's events, to the projections",
            function=functions.projection,
            dead_letters=carriers.projection_dead_letters,
            batch_size=settings.projection_batch_size,
            batch_window=settings.projection_batch_window,
            max_concurrency=settings.projection_max_concurrency,
            visibility_timeout=settings.projection_visibility_timeout,
            max_receives=settings.projection_max_receives,
        ),
        shared.options,
    )


def _process_feed(shared: Shared, carriers: Carriers, functions: Functions) -> ProcessFeed:
    settings = shared.settings
    return ProcessFeed(
        "process-feed",
        _from_the_bus(shared, carriers)(
            pattern=just(SOURCE, pokes() or (_NO_TYPE,)),
            description="Events behind which something may be due, to the processes",
            function=functions.process,
            dead_letters=carriers.process_dead_letters,
            max_concurrency=settings.process_max_concurrency,
            visibility_timeout=_PROCESS_VISIBILITY * settings.function_timeout,
        ),
        shared.options,
    )


def _from_the_bus(shared: Shared, carriers: Carriers) -> partial[QueueFeedArgs]:
    """What is the same for every way over a queue."""
    return partial(
        QueueFeedArgs,
        event_bus=carriers.event_bus,
        delivery_dead_letters=carriers.delivery_dead_letters,
        retry_attempts=shared.settings.delivery_retry_attempts,
        max_event_age=shared.settings.delivery_max_event_age,
        kms_key_arn=shared.kms_key_arn,
        previous_kms_key_arns=shared.settings.previous_kms_key_arns,
    )


def _sweep_schedule(shared: Shared, carriers: Carriers, functions: Functions) -> FunctionSchedule:
    return FunctionSchedule(
        "sweep-schedule",
        FunctionScheduleArgs(
            function=functions.sweep,
            dead_letters=carriers.invocation_dead_letters,
            account_id=shared.account_id,
            minutes=shared.settings.sweep_minutes,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )


def _heartbeat_schedule(shared: Shared, carriers: Carriers, functions: Functions) -> None:
    """Every minute, however seldom a beat is sent: so a stop is seen soon, and a beat that failed is sent again."""
    if functions.heartbeat is None:
        return
    FunctionSchedule(
        "heartbeat-schedule",
        FunctionScheduleArgs(
            function=functions.heartbeat,
            dead_letters=carriers.invocation_dead_letters,
            account_id=shared.account_id,
            description="Sees whether what is written still comes to be read",
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )


def _audit_log(shared: Shared, carriers: Carriers) -> AuditLog:
    settings = shared.settings
    return AuditLog(
        "audit-log",
        AuditLogArgs(
            event_bus=carriers.event_bus,
            account_id=shared.account_id,
            dead_letters=carriers.delivery_dead_letters,
            apart=[REJECTION],
            but_from=[COPIES],
            retention_days=settings.audit_log_retention_days,
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )


def _audit_files(shared: Shared, carriers: Carriers) -> AuditFiles:
    settings = shared.settings
    return AuditFiles(
        "audit-files",
        AuditFilesArgs(
            event_bus=carriers.event_bus,
            account_id=shared.account_id,
            dead_letters=carriers.delivery_dead_letters,
            days=settings.audit_files_days,
            lock=settings.audit_files_lock,
            but_from=[COPIES],
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
            kms_key_arn=shared.kms_key_arn,
            dns_suffix=shared.dns_suffix,
        ),
        shared.options,
    )

"""The composition root: configuration in, components wired, outputs out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import limits
from components.account_limits import check_concurrency
from components.api_operations import read_operations
from components.api_routes import CustomDomain, Throttle
from components.append_guard import AppendGuard, AppendGuardArgs, break_glass
from components.audit_log import AuditLog, AuditLogArgs
from components.console import Alias
from components.customer_key import CustomerKey, CustomerKeyArgs, check_given_keys
from components.dead_letter_queue import DeadLetterQueue, DeadLetterQueueArgs
from components.event_bus import EventBus, EventBusArgs
from components.event_store import EventStore, EventStoreArgs
from components.front_door import ExternalIssuer, FrontDoor, FrontDoorArgs, Pages, UserPool
from components.guard_watch import GuardWatch
from components.handler_function import HandlerFunction, HandlerFunctionArgs
from components.handler_package import HandlerPackage, HandlerPackageArgs
from components.identity_provider import Client, IdentityProvider
from components.monitoring import Monitoring, MonitoringArgs
from components.names import Names
from components.policies import Grant
from components.process_feed import ProcessFeed, just
from components.projection_feed import ProjectionFeed, all_but
from components.queue_feed import QueueFeedArgs
from components.read_model import ReadModel
from components.schema_registry import SchemaRegistry, SchemaRegistryArgs
from components.settings import Settings
from components.snapshots import Snapshots
from components.stream_feed import StreamFeed, StreamFeedArgs, multiples_of
from components.sweep_schedule import SweepSchedule, SweepScheduleArgs
from components.table import TableArgs

ROOT = Path(__file__).resolve().parent
SOURCE = "event-sourcing.financial"
SNAPSHOT_RETRIES = 20
"""A snapshot that is not made is no loss: the next one of the account covers its events."""
PROCESS_VISIBILITY = 6
"""Timeouts of process for which a message that was not finished stays hidden, as AWS advises."""
REJECTION = "CommandRejected"
POKES = (
    *("TransferRequested", "TransferApproved", "TransferCommitted"),
    *("TransferFailed", "TransferExpired", "TransferCancelled"),
    *("FundsReserved", "ReservationReleased"),
)
"""Events behind which a transfer may have a step due: all but those of its two ends, behind which none is."""
TOKEN_SECONDS = 5
"""Cognito waits no longer for what changes a token."""
OPEN = Throttle(rate=10, burst=20)
"""Of operations that are open to everybody, who must not be able to keep the functions from those who sign in."""

settings = Settings.load(pulumi.Config())
check_given_keys(settings.given_keys())
check_concurrency(settings)
account_id = aws.get_caller_identity_output().account_id
region = aws.get_region_output().region
partition = aws.get_partition_output()
names = Names.of(pulumi.get_project(), pulumi.get_stack())
# Every component is declared with these, and what it is made of inherits them, but for what it lets go by name.
guarded = pulumi.ResourceOptions(protect=settings.production)

# What an event may hold. First, since a schema that breaks another one must fail a preview before anything is shown.
schema_registry = SchemaRegistry(
    "schemas",
    SchemaRegistryArgs(
        registry_name=names.registry,
        compatibility=settings.schema_compatibility,
        registry_compatibility=settings.schema_registry_compatibility or None,
    ),
    guarded,
)

kms_key_arn: pulumi.Output[str] | None = None
"""What everything is encrypted with that is kept or carried; None for the keys that AWS owns."""
if settings.kms_key:
    key = CustomerKeyArgs(account_id, region, partition.partition, partition.dns_suffix)
    kms_key_arn = CustomerKey("encryption", key, guarded).arn
elif settings.kms_key_arn:
    kms_key_arn = pulumi.Output.from_input(settings.kms_key_arn)

# Where events are kept and carried.
tables = TableArgs(
    billing_mode=settings.billing_mode,
    read_capacity=settings.read_capacity or None,
    write_capacity=settings.write_capacity or None,
    point_in_time_recovery=settings.point_in_time_recovery,
    kms_key_arn=kms_key_arn,
    deletion_protection=settings.production,
)
event_store = EventStore(
    "event-store",
    EventStoreArgs(**vars(tables), type_index=settings.type_index, correlation_index=settings.correlation_index),
    guarded,
)
read_model = ReadModel("read-model", tables, guarded)
snapshots = Snapshots("snapshots", tables, guarded)
event_bus = EventBus(
    "events",
    EventBusArgs(
        archive_retention_days=settings.archive_retention_days,
        kms_key_arn=kms_key_arn,
    ),
    guarded,
)

# Off unless asked for: CloudTrail must record the account's management events. It tells and guards nothing,
# so it may go as alarms may.
guard_watch = GuardWatch("guard-watch", event_store) if settings.watch_guards else None

# Where things end that went wrong: on the way from the bus, in the projection, in or before a function.
delivery_dead_letters = DeadLetterQueue(
    "delivery-dlq",
    DeadLetterQueueArgs(
        rule_arns=[event_bus.rule_arns, *([guard_watch.rule_arn] if guard_watch else [])], kms_key_arn=kms_key_arn
    ),
    guarded,
)
projection_dead_letters = DeadLetterQueue(
    "projection-dlq", DeadLetterQueueArgs(takes_redrive=True, kms_key_arn=kms_key_arn), guarded
)
process_dead_letters = DeadLetterQueue(
    "process-dlq", DeadLetterQueueArgs(takes_redrive=True, kms_key_arn=kms_key_arn), guarded
)
invocation_dead_letters = DeadLetterQueue("invocation-dlq", DeadLetterQueueArgs(kms_key_arn=kms_key_arn), guarded)

# What runs.
package = HandlerPackage(
    "handlers",
    HandlerPackageArgs(
        source=ROOT / "handlers",
        lock_file=ROOT / "handlers" / "requirements.txt",
        build=ROOT / ".build",
        layer_name=names.layer,
        runtime=settings.runtime,
        architecture=settings.architecture,
    ),
    guarded,
)


def handler(
    name: str,
    description: str,
    *,
    environment: dict[str, pulumi.Input[str]],
    grants: list[Grant],
    concurrency: int,
    timeout: int = settings.function_timeout,
    after: Sequence[HandlerFunction] = (),
) -> HandlerFunction:
    """A function of the handlers' package, by the name of its entry, with what all of them share."""
    return HandlerFunction(
        name,
        HandlerFunctionArgs(
            package=package,
            entry=name.replace("-", "_"),
            description=description,
            dead_letters=invocation_dead_letters,
            environment=environment,
            grants=grants,
            memory_size=settings.memory_size,
            timeout=timeout,
            concurrency=concurrency,
            log_level=settings.log_level,
            system_log_level=settings.system_log_level,
            log_retention_days=settings.log_retention_days,
            tracing=settings.tracing,
            kms_key_arn=kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        pulumi.ResourceOptions.merge(guarded, pulumi.ResourceOptions(depends_on=list(after))),
    )


DECIDING: dict[str, pulumi.Input[str]] = {
    "EVENT_STORE_TABLE": event_store.table_name,
    "SNAPSHOTS_TABLE": snapshots.table_name,
    "SNAPSHOT_EVERY": str(settings.snapshot_every),
    "TYPE_BUCKETS": str(settings.type_buckets),
    "TRANSFER_TIMEOUT_SECONDS": str(settings.transfer_timeout_seconds),
    "TRANSFER_APPROVAL_ABOVE": str(settings.transfer_approval_above),
}
"""What whoever decides commands is told."""
TO_DECIDE = [event_store.grant_read(), event_store.grant_find_command(), snapshots.grant_read()]
TO_APPEND = [*TO_DECIDE, event_store.grant_append()]

query = handler(
    "query",
    "Answers from the read model and from the events",
    environment={
        "EVENT_STORE_TABLE": event_store.table_name,
        "READ_MODEL_TABLE": read_model.table_name,
        "SNAPSHOTS_TABLE": snapshots.table_name,
        "SNAPSHOT_EVERY": str(settings.snapshot_every),
        "TYPE_BUCKETS": str(settings.type_buckets),
        "TYPE_INDEX": json.dumps(settings.type_index),
        "CORRELATION_INDEX": json.dumps(settings.correlation_index),
        "STATEMENT": json.dumps(settings.statement),
        "STATEMENT_ENTRIES": str(settings.statement_entries),
    },
    grants=[
        event_store.grant_read(),
        *([event_store.grant_query_by_type()] if event_store.type_index else []),
        *([event_store.grant_query_by_correlation()] if event_store.correlation_index else []),
        read_model.grant_read(),
        *([read_model.grant_read_entries()] if settings.statement else []),
        read_model.grant_read_due(),
        snapshots.grant_read(),
        snapshots.grant_read_by_time(),
    ],
    concurrency=settings.query_concurrency,
)
# After query: where typeBuckets is raised, whoever reads must know of the new buckets before anybody writes to them.
relay = handler(
    "relay",
    "Publishes stored events on the bus",
    # Its role may leave dead letters there as every function's may: here the function itself does, too.
    environment={"EVENT_BUS_NAME": event_bus.name, "DEAD_LETTER_QUEUE_URL": invocation_dead_letters.url},
    grants=[event_bus.grant_publish()],
    concurrency=settings.relay_concurrency,
)
projection = handler(
    "projection",
    "Brings the read model up to the events",
    environment={
        "EVENT_STORE_TABLE": event_store.table_name,
        "READ_MODEL_TABLE": read_model.table_name,
        "STATEMENT": json.dumps(settings.statement),
    },
    grants=[
        event_store.grant_read(),
        read_model.grant_project(),
        *([read_model.grant_write_entries()] if settings.statement else []),
    ],
    concurrency=settings.projection_concurrency,
    timeout=settings.projection_timeout,
)
snapshot = handler(
    "snapshot",
    "Keeps states along the streams, so that nobody has to read a stream from its beginning",
    environment={
        "EVENT_STORE_TABLE": event_store.table_name,
        "SNAPSHOTS_TABLE": snapshots.table_name,
        "SNAPSHOT_EVERY": str(settings.snapshot_every),
        "SNAPSHOT_RETENTION_DAYS": str(settings.snapshot_retention_days),
    },
    grants=[event_store.grant_read(), snapshots.grant_read(), snapshots.grant_write()],
    concurrency=settings.snapshot_concurrency,
    timeout=settings.projection_timeout,
)
# Last, so that whoever reads events knows a new version of one before the first is written.
command = handler(
    "command",
    "Decides a command and appends its events to the store",
    environment={**DECIDING, "EVENT_BUS_NAME": event_bus.name},
    grants=[*TO_APPEND, event_bus.grant_publish_only(REJECTION)],
    concurrency=settings.command_concurrency,
    after=[query, projection, snapshot],
)
validate = handler(
    "validate",
    "Says what the command function would, and writes nothing",
    environment=DECIDING,
    grants=TO_DECIDE,
    concurrency=settings.validate_concurrency,
    after=[query],
)
# Both append as command does. Neither reserves concurrency: the queue drives no more than processMaxConcurrency of the
# one, and the schedule one a minute of the other.
process = handler(
    "process",
    "Carries transfers on, step by step, when an event says that something may be due",
    environment=DECIDING,
    grants=TO_APPEND,
    concurrency=limits.UNRESERVED,
    after=[query, projection, snapshot],
)
sweep = handler(
    "sweep",
    "Carries on the transfers that are due, and those that nobody woke",
    environment={**DECIDING, "READ_MODEL_TABLE": read_model.table_name},
    grants=[*TO_APPEND, read_model.grant_read_due()],
    concurrency=limits.UNRESERVED,
    after=[query, projection, snapshot],
)

# What may be done to the store, whatever a role allows.
AppendGuard(
    "event-store-guard",
    AppendGuardArgs(
        event_store=event_store,
        writers=[command, process, sweep],
        break_glass_arns=break_glass(settings.break_glass_arns, account_id, partition.partition),
    ),
    guarded,
)

# What drives them: store -> relay -> bus -> projection and audit log; store -> snapshot.
StreamFeed(
    "relay-feed",
    StreamFeedArgs(
        event_store=event_store,
        function=relay,
        batch_size=settings.relay_batch_size,
        parallelization_factor=settings.relay_parallelization,
        max_record_age=settings.relay_max_record_age,
        max_retries=settings.relay_max_retries,
        kms_key_arn=kms_key_arn,
        previous_kms_key_arns=settings.previous_kms_key_arns,
    ),
    guarded,
)
StreamFeed(
    "snapshot-feed",
    StreamFeedArgs(
        event_store=event_store,
        function=snapshot,
        pattern=multiples_of(settings.snapshot_every),
        parallelization_factor=limits.SNAPSHOT_PARALLELIZATION,
        max_retries=SNAPSHOT_RETRIES,
        kms_key_arn=kms_key_arn,
        previous_kms_key_arns=settings.previous_kms_key_arns,
    ),
    guarded,
)
projection_feed = ProjectionFeed(
    "projection-feed",
    QueueFeedArgs(
        event_bus=event_bus,
        pattern=all_but(SOURCE, apart=[REJECTION]),
        description="Account events, to the projections",
        function=projection,
        delivery_dead_letters=delivery_dead_letters,
        dead_letters=projection_dead_letters,
        batch_size=settings.projection_batch_size,
        batch_window=settings.projection_batch_window,
        max_concurrency=settings.projection_max_concurrency,
        visibility_timeout=settings.projection_visibility_timeout,
        max_receives=settings.projection_max_receives,
        retry_attempts=settings.delivery_retry_attempts,
        max_event_age=settings.delivery_max_event_age,
        kms_key_arn=kms_key_arn,
        previous_kms_key_arns=settings.previous_kms_key_arns,
    ),
    guarded,
)
process_feed = ProcessFeed(
    "process-feed",
    QueueFeedArgs(
        event_bus=event_bus,
        pattern=just(SOURCE, POKES),
        description="Events of transfers and reservations, to the processes",
        function=process,
        delivery_dead_letters=delivery_dead_letters,
        dead_letters=process_dead_letters,
        max_concurrency=settings.process_max_concurrency,
        visibility_timeout=PROCESS_VISIBILITY * settings.function_timeout,
        retry_attempts=settings.delivery_retry_attempts,
        max_event_age=settings.delivery_max_event_age,
        kms_key_arn=kms_key_arn,
        previous_kms_key_arns=settings.previous_kms_key_arns,
    ),
    guarded,
)
sweep_schedule = SweepSchedule(
    "sweep-schedule",
    SweepScheduleArgs(
        sweep=sweep,
        dead_letters=invocation_dead_letters,
        account_id=account_id,
        minutes=settings.sweep_minutes,
        kms_key_arn=kms_key_arn,
    ),
    guarded,
)
audit_log = (
    AuditLog(
        "audit-log",
        AuditLogArgs(
            event_bus=event_bus,
            account_id=account_id,
            dead_letters=delivery_dead_letters,
            apart=[REJECTION],
            retention_days=settings.audit_log_retention_days,
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
            kms_key_arn=kms_key_arn,
        ),
        guarded,
    )
    if settings.audit_log
    else None
)


def people() -> UserPool | ExternalIssuer:
    """Who says who somebody is: a pool of the stack's own, or whom the settings name."""
    if settings.oidc_issuer:
        return ExternalIssuer(
            IdentityProvider(
                issuer=settings.oidc_issuer,
                authorize_url=settings.oidc_authorize_url,
                token_url=settings.oidc_token_url,
                logout_url=settings.oidc_logout_url,
            ),
            Client(settings.oidc_client_id, settings.oidc_audience),
        )
    token_scopes = handler(
        "token-scopes",
        "Leaves whoever signs in the scopes of her groups",
        environment={},
        grants=[],
        concurrency=settings.token_scopes_concurrency,
        timeout=TOKEN_SECONDS,
    )
    return UserPool(
        token_scopes=token_scopes,
        domain_prefix=settings.sign_in_prefix or None,
        mfa=settings.sign_in_mfa,
        deletion_protection=settings.production,
    )


def pages() -> Pages | None:
    """The console, where it is wanted."""
    if not settings.console:
        return None
    return Pages(
        files=ROOT / "console",
        alias=(Alias(settings.console_domain, settings.console_certificate_arn) if settings.console_domain else None),
        price_class=settings.console_price_class,
        web_acl_arn=settings.web_acl_arn or None,
        log_bucket=settings.console_log_bucket or None,
        force_destroy=not settings.production,
    )


def domain(name: str) -> CustomDomain | None:
    return CustomDomain(name, settings.api_certificate_arn) if name else None


operations = read_operations(ROOT / "handlers" / "http_api" / "openapi.json") if settings.http_api else []
who = people() if settings.http_api else None
front_door = (
    FrontDoor(
        "front-door",
        FrontDoorArgs(
            operations=operations,
            functions={"command": command, "validate": validate, "query": query},
            people=who,
            pages=pages(),
            region=region,
            partition=partition.partition,
            dns_suffix=partition.dns_suffix,
            throttle=Throttle(settings.api_throttle_rate, settings.api_throttle_burst),
            throttles={each.id: OPEN for each in operations if not each.scopes},
            cors_origins=settings.cors_origins,
            people_domain=domain(settings.api_domain),
            machine_domain=domain(settings.machine_api_domain),
            log_retention_days=settings.access_log_retention_days,
            kms_key_arn=kms_key_arn,
        ),
        guarded,
    )
    if who
    else None
)

monitoring = Monitoring(
    "monitoring",
    MonitoringArgs(
        event_store=event_store,
        read_model=read_model,
        snapshots=snapshots,
        event_bus=event_bus,
        command=command,
        relay=relay,
        projection=projection,
        query=query,
        snapshot=snapshot,
        validate=validate,
        process=process,
        sweep=sweep,
        projection_feed=projection_feed,
        process_feed=process_feed,
        audit_log=audit_log,
        dead_letter_queues={
            "delivery-dlq": delivery_dead_letters,
            "projection-dlq": projection_dead_letters,
            "process-dlq": process_dead_letters,
            "invocation-dlq": invocation_dead_letters,
        },
        account_id=account_id,
        region=region,
        dashboard_name=names.dashboard,
        sweep_minutes=settings.sweep_minutes,
        guard_watch=guard_watch,
        delivery_dead_letters=delivery_dead_letters,
        apis=front_door.apis if front_door else {},
        token_scopes=who.token_scopes if isinstance(who, UserPool) else None,
        emails=settings.alarm_emails,
        kms_key_arn=kms_key_arn,
    ),
    guarded,
)

for output, value in {
    "eventBusName": event_bus.name,
    "eventBusArn": event_bus.arn,
    "archiveName": event_bus.archive_name,
    "archiveArn": event_bus.archive_arn,
    "eventStoreTable": event_store.table_name,
    "readModelTable": read_model.table_name,
    "snapshotsTable": snapshots.table_name,
    "commandFunction": command.name,
    "relayFunction": relay.name,
    "projectionFunction": projection.name,
    "queryFunction": query.name,
    "snapshotFunction": snapshot.name,
    "validateFunction": validate.name,
    "processFunction": process.name,
    "sweepFunction": sweep.name,
    "sweepScheduleName": sweep_schedule.name,
    "projectionQueueUrl": projection_feed.queue_url,
    "processQueueUrl": process_feed.queue_url,
    "deadLetterQueueUrl": projection_dead_letters.url,
    "processDeadLetterQueueUrl": process_dead_letters.url,
    "deliveryDeadLetterQueueUrl": delivery_dead_letters.url,
    "invocationDeadLetterQueueUrl": invocation_dead_letters.url,
    "alarmTopicArn": monitoring.topic_arn,
    "dashboardName": monitoring.dashboard_name,
    "accountRuleArn": projection_feed.rule_arn,
    "schemaRegistryName": schema_registry.registry_name,
    **(front_door.outputs if front_door else {}),
    "region": region,
    "readme": (ROOT / "Pulumi.README.md").read_text("utf-8"),
}.items():
    pulumi.export(output, value)

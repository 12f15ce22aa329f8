"""The composition root: configuration in, parts wired, outputs out. A part is a function in `stack/`."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.account_limits import check_concurrency
from components.conventions import Conventions, follow
from components.customer_key import check_given_keys
from components.names import Names
from components.schema_registry import SchemaRegistry, SchemaRegistryArgs
from components.settings import Settings
from stack.carriers import carry
from stack.entrance import open_to_http
from stack.feeds import feed
from stack.functions import guard, run
from stack.monitoring import watch
from stack.operations import operate
from stack.replays import replay
from stack.shared import protection, share
from stack.stores import keep

ROOT = Path(__file__).resolve().parent

settings = Settings.load(pulumi.Config())
check_given_keys(settings.given_keys())
check_concurrency(settings)
names = Names.of(pulumi.get_project(), pulumi.get_stack())
follow(
    Conventions(
        permissions_boundary=settings.permissions_boundary,
        role_path=settings.role_path,
        data_class=settings.data_class,
        transformation=settings.transformation,
    )
)

# What an event may hold. First, since a schema that breaks another one must fail a preview before anything is shown.
schema_registry = SchemaRegistry(
    "schemas",
    SchemaRegistryArgs(
        registry_name=names.registry,
        compatibility=settings.schema_compatibility,
        registry_compatibility=settings.schema_registry_compatibility or None,
        take_drafts=settings.draft_events,
    ),
    protection(settings),
)
shared = share(settings, names, ROOT)
stores = keep(shared)
carriers = carry(shared, stores)
functions = run(shared, stores, carriers)
guard(shared, stores, functions)
feeds = feed(shared, stores, carriers, functions)
replaying = replay(shared, stores, carriers, functions, feeds)
operations = operate(shared, stores, carriers, functions, feeds=feeds, replaying=replaying)
front_door = open_to_http(shared, functions, operations)
monitoring = watch(
    *(shared, stores, carriers, functions),
    feeds=feeds,
    operations=operations,
    replaying=replaying,
    front_door=front_door,
)

for output, value in {
    "eventBusName": carriers.event_bus.name,
    "eventBusArn": carriers.event_bus.arn,
    "archiveName": carriers.event_bus.archive_name,
    "archiveArn": carriers.event_bus.archive_arn,
    "eventStoreTable": stores.event_store.table_name,
    "readModelTable": stores.read_model.table_name,
    "snapshotsTable": stores.snapshots.table_name,
    "branchesTable": stores.branches.table_name,
    "replaysTable": stores.replays.table_name,
    "commandFunction": functions.command.name,
    "relayFunction": functions.relay.name,
    "projectionFunction": functions.projection.name,
    "queryFunction": functions.query.name,
    "snapshotFunction": functions.snapshot.name,
    "validateFunction": functions.validate.name,
    "processFunction": functions.process.name,
    "sweepFunction": functions.sweep.name,
    "branchFunction": functions.branch.name,
    "replayerFunction": replaying.replayer.name,
    "replayerRoleArn": replaying.replayer.role_arn,
    "sweepScheduleName": feeds.sweep.name,
    "projectionQueueUrl": feeds.projection.queue_url,
    "processQueueUrl": feeds.process.queue_url,
    "replayQueueUrl": replaying.queue.url,
    "deadLetterQueueUrl": carriers.projection_dead_letters.url,
    "processDeadLetterQueueUrl": carriers.process_dead_letters.url,
    "replayDeadLetterQueueUrl": carriers.replay_dead_letters.url,
    "deliveryDeadLetterQueueUrl": carriers.delivery_dead_letters.url,
    "invocationDeadLetterQueueUrl": carriers.invocation_dead_letters.url,
    "alarmTopicArn": monitoring.topic_arn,
    "dashboardName": monitoring.dashboard_name,
    "accountRuleArn": feeds.projection.rule_arn,
    "schemaRegistryName": schema_registry.registry_name,
    **{f"{label}LogGroup": function.log_group_name for label, function in functions.labelled.items()},
    "replayerLogGroup": replaying.replayer.log_group_name,
    **({"operationsLogGroup": operations.log_group_name} if operations else {}),
    **({"operationsFunction": operations.name} if operations else {}),
    **({"auditLogGroup": feeds.audit_log.log_group_name} if feeds.audit_log else {}),
    **(front_door.outputs if front_door else {}),
    "region": shared.region,
    "readme": (ROOT / "Pulumi.README.md").read_text("utf-8"),
}.items():
    pulumi.export(output, value)

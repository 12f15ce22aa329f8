"""All parts of one Region, wired in order."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.append_guard import identities
from components.audit_log import AuditLog
from components.bus_guard import BusGuard, BusGuardArgs
from components.crossing import Crossing
from components.front_door import FrontDoor
from components.handler_function import HandlerFunction
from components.monitoring import Monitoring
from stack.carriers import Carriers, carry
from stack.deployments import shift
from stack.entrance import Entrance
from stack.feeds import Feeds, feed
from stack.functions import Functions, guard, run
from stack.monitoring import watch
from stack.network import connect
from stack.operations import operate
from stack.regions import Settling, settle
from stack.replays import Replaying, replay
from stack.shared import Shared
from stack.stores import Stores
from stack.watches import look_out


@dataclass(frozen=True)
class Declared:
    """A Region's parts that the other one, or the program, asks for."""

    stores: Stores
    carriers: Carriers
    entrance: Entrance | None
    """What is still to be opened; None where nothing is called over HTTP."""
    publishers: tuple[HandlerFunction, ...]
    """The functions that put events on the bus."""
    outputs: dict[str, pulumi.Input[object]]
    """All but the entrance's."""


def declare(shared: Shared, stores: Stores, door: FrontDoor | None, elsewhere: FrontDoor | None = None) -> Declared:
    """Declare all that a Region has, over its tables and behind its door; `elsewhere` is the other Region's."""
    carriers = carry(shared)
    functions = run(shared, stores, carriers, elsewhere)
    guard(shared, stores, functions)
    feeds = feed(shared, stores, carriers, functions)
    settling = settle(shared, stores, carriers, functions)
    replaying = replay(shared, stores, carriers, functions, feeds)
    operations = operate(shared, stores, carriers, functions, feeds=feeds, replaying=replaying)
    connect(shared, stores, carriers, functions, feeds=feeds, replaying=replaying)
    watches = {
        **look_out(
            *(shared, stores, carriers, functions),
            feeds=feeds,
            operations=operations,
            replaying=replaying,
            front_door=door,
        ),
        **({"backup": stores.backup_watch} if stores.backup_watch else {}),
    }
    rules = [each.rule_arn for each in watches.values()]
    carriers.delivery_dead_letters.admit([carriers.event_bus.rule_arns, *rules])
    monitoring = watch(
        *(shared, stores, carriers, functions),
        feeds=feeds,
        operations=operations,
        replaying=replaying,
        front_door=door,
        settling=settling,
        watches=watches,
    )
    outputs = {
        **_of_parts(stores, carriers, functions, feeds, replaying),
        **_of_what_may_be_left_out(feeds, monitoring, operations),
        **(_of_two_regions(carriers, settling) if settling else {}),
        **shift(shared, functions, monitoring),
    }
    entrance = Entrance(shared, door, functions, operations) if door and operations else None
    publishers = (functions.command, functions.relay, replaying.replayer, *([operations] if operations else []))
    return Declared(stores, carriers, entrance, publishers, outputs)


def guard_bus(shared: Shared, declared: Declared, crossing: Crossing | None = None) -> None:
    """Have the bus take events of nobody but who is known to put them; `crossing` comes from the other Region."""
    settings = shared.settings
    if not settings.guard_bus:
        return
    guests = [("busWriterArns", settings.bus_writer_arns), ("breakGlassArns", settings.break_glass_arns)]
    BusGuard(
        "bus-guard",
        BusGuardArgs(
            event_bus=declared.carriers.event_bus,
            writer_arns=[
                *(function.role_arn for function in declared.publishers),
                *([crossing.role_arn] if crossing else []),
                *(arn for setting, arns in guests for arn in identities(setting, arns)),
            ],
        ),
        shared.options,
    )


def _of_parts(
    stores: Stores, carriers: Carriers, functions: Functions, feeds: Feeds, replaying: Replaying
) -> dict[str, pulumi.Input[object]]:
    return {
        "eventBusName": carriers.event_bus.name,
        "eventBusArn": carriers.event_bus.arn,
        "archiveName": carriers.event_bus.archive_name,
        "archiveArn": carriers.event_bus.archive_arn,
        "eventStoreTable": stores.event_store.table_name,
        "readModelTable": stores.read_model.table_name,
        "snapshotsTable": stores.snapshots.table_name,
        "branchesTable": stores.branches.table_name,
        "replaysTable": stores.replays.table_name,
        "commandFunction": functions.command.called_name,
        "relayFunction": functions.relay.name,
        "projectionFunction": functions.projection.name,
        "queryFunction": functions.query.called_name,
        "snapshotFunction": functions.snapshot.name,
        "validateFunction": functions.validate.called_name,
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
        "accountRuleArn": feeds.projection.rule_arn,
        "processRuleName": feeds.process.rule_name,
        **{f"{label}LogGroup": function.log_group_name for label, function in functions.labelled.items()},
        "replayerLogGroup": replaying.replayer.log_group_name,
    }


def _of_what_may_be_left_out(
    feeds: Feeds, monitoring: Monitoring, operations: HandlerFunction | None
) -> dict[str, pulumi.Input[object]]:
    return {
        "alarmTopicArn": monitoring.topic_arn,
        "dashboardName": monitoring.dashboard_name,
        **({"operationsLogGroup": operations.log_group_name} if operations else {}),
        **({"operationsFunction": operations.name} if operations else {}),
        **({"auditFilesBucket": feeds.audit_files.bucket_name} if feeds.audit_files else {}),
        **({"auditFilesRuleName": feeds.audit_files.rule_name} if feeds.audit_files else {}),
        **(_of_the_audit_log(feeds.audit_log) if feeds.audit_log else {}),
    }


def _of_the_audit_log(log: AuditLog) -> dict[str, pulumi.Input[object]]:
    return {
        "auditLogGroup": log.log_group_name,
        "auditRuleName": log.rule_name,
        **({"auditApartRuleName": log.apart_rule_name} if log.apart_rule_name else {}),
    }


def _of_two_regions(carriers: Carriers, settling: Settling) -> dict[str, pulumi.Input[object]]:
    letters = carriers.conflict_dead_letters
    return {
        "conflictsTable": settling.conflicts.table_name,
        "standingsTable": settling.standings.table_name,
        "reconcileFunction": settling.reconcile.name,
        "conflictQueueUrl": settling.queue.url,
        **({"conflictDeadLetterQueueUrl": letters.url} if letters else {}),
        "fenceSeconds": settling.fence_seconds,
        "regionMode": settling.mode,
    }

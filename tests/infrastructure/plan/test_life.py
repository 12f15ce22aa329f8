"""The life of a stack: up, up again, refresh, renames, a move, changes of settings, destroy. Each by name."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace

import pulumi
import pytest

from components import bundle
from tests.infrastructure.plan import provider
from tests.infrastructure.plan.engine import State, destroy, refresh, rename, up
from tests.infrastructure.program import ONCALL, ROOT, Graph, graph, run

ENTRIES = (
    "command",
    "validate",
    "relay",
    "projection",
    "query",
    "snapshot",
    "process",
    "sweep",
    "branch",
    "operations",
    "replayer",
    "token-scopes",
)
FUNCTIONS = {f"{entry}-function" for entry in ENTRIES}
ROLE_POLICIES = {name.replace("-function", "-policy") for name in FUNCTIONS}
TABLES = {"event-store-table", "read-model-table", "snapshots-table", "branches-table", "replays-table"}
LINES = (
    *("delivery-dlq", "projection-dlq", "process-dlq", "replay-dlq", "invocation-dlq"),
    *("projection-feed", "process-feed", "replay"),
)
QUEUES = {f"{name}-queue" for name in LINES}
LOGS = {name.replace("-function", "-logs") for name in FUNCTIONS}
VERSIONS = {
    "schemas-AccountCreated-2",
    "schemas-CommandRejected-2",
    "schemas-TransactionProcessed-2",
    "schemas-TransactionProcessed-3",
}
FEEDS = {
    "relay-feed-policy",
    "snapshot-feed-policy",
    "projection-feed-policy",
    "process-feed-policy",
    "replay-feed-policy",
}
ACCESS_LOGS = {"people-api-access", "machine-api-access"}
WATCHED = ("guard", "evidence", "doors", "writers", "publishers", "roles")
WATCH = {name for label in WATCHED for name in (f"{label}-watch-rule", f"monitoring-{label}-target")}
# What carries nothing, and goes with the operation, file or function that it is of.
COMES_AND_GOES = ("Authorizer", "BucketObjectv2", "Integration", "Permission", "Route")
# What is called after the stack, loses nothing by a new name, and is made before the old one goes.
NAMED_AFTER_THE_STACK = {"handlers-layer", "monitoring-dashboard"}


def custom(declared: Graph) -> set[str]:
    return {resource.name for resource in declared if resource.custom}


def loose(declared: Graph) -> set[str]:
    """All that production lets go."""
    subscriptions = {r.name for r in declared if provider.short(r.type) == "TopicSubscription"}
    watch = {r.name for r in declared if r.name in WATCH}
    routes = {r.name for r in declared if provider.short(r.type) in COMES_AND_GOES} - {"sign-in-admission"}
    return (
        {alarm.name for alarm in declared.of("MetricAlarm")}
        | routes
        | subscriptions
        | watch
        | NAMED_AFTER_THE_STACK
        | VERSIONS
    )


def changed(stack: str, *settings: str) -> Graph:
    """The program of a stack with these settings, `key=value`."""
    return run(stack, {f"event-sourcing:{key}": value for key, value in (text.split("=", 1) for text in settings)})


def test_the_stand_in_knows_every_type_that_the_program_may_declare() -> None:
    sources = [path.read_text() for folder in ("components", "stack") for path in (ROOT / folder).rglob("*.py")]
    named = {tuple(found) for text in sources for found in re.findall(r"\baws\.(\w+)\.(\w+)\(", text)}
    classes = {getattr(importlib.import_module(f"pulumi_aws.{module}"), name) for module, name in named}
    declared = {each for each in classes if isinstance(each, type) and issubclass(each, pulumi.CustomResource)}
    assert len(declared) > 50

    assert {each.__name__ for each in declared if not provider.knows(each)} == set()


def test_the_first_up_creates_all(stack: Graph) -> None:
    plan = up(State(), stack)

    assert plan.created == custom(stack)
    assert (plan.updated, plan.replaced, plan.deleted, plan.refused) == ({}, {}, set(), set())


def test_a_second_up_changes_nothing(stack: Graph, standing: State) -> None:
    assert up(standing, stack).is_empty()


def test_an_up_after_a_refresh_changes_nothing(stack: Graph, standing: State) -> None:
    refreshed = refresh(standing)

    assert refreshed != standing  # the provider reads the newest version of a schema
    assert up(refreshed, stack).is_empty()
    assert up(refresh(up(refreshed, stack).after), stack).is_empty()


def renamed_dev() -> Graph:
    return run("dev", renamed="dev-2")


def test_a_destroy_of_dev_leaves_nothing() -> None:
    dev = graph("dev")

    plan = destroy(up(State(), dev).after)

    assert plan.deleted == custom(dev) - VERSIONS
    assert plan.retained == VERSIONS
    assert (plan.refused, plan.failed, plan.after.resources) == (set(), set(), ())


def test_a_destroy_does_not_stop_at_a_schemas_checkpoint() -> None:
    """A change of the compatibility makes the newest version the checkpoint: Glue deletes it with the schema alone."""
    other = changed("dev", "schemaRegistryCompatibility=NONE")
    plan = up(up(State(), graph("dev")).after, other)
    assert plan.updated == {schema.name: {"compatibility"} for schema in other.of("Schema")}
    assert plan.after.checkpoints == VERSIONS - {"schemas-TransactionProcessed-2"}  # the newest of each

    assert destroy(plan.after).failed == set()


def test_production_refuses_to_be_destroyed() -> None:
    prod = graph("prod")
    standing = up(State(), prod).after

    plan = destroy(standing)

    assert plan.refused == custom(prod) - loose(prod)
    assert (plan.deleted, plan.retained, plan.after) == (set(), set(), standing)


def test_production_destroyed_unseen_keeps_all_that_carries_guards_or_explains_data() -> None:
    """As `pulumi destroy --skip-preview` and the Automation API's `destroy()` do it. The functions keep their layer,
    and the stages of the APIs their routes with all that these need."""
    prod = graph("prod")
    gone = {name for name in loose(prod) if not name.startswith(("people-routes-", "machine-routes-"))}
    gone -= {"handlers-layer"}

    plan = destroy(up(State(), prod).after, preview=False)

    assert plan.deleted == gone - VERSIONS
    assert plan.retained == VERSIONS
    assert {kept.name for kept in plan.after if kept.custom} == custom(prod) - gone


def test_production_taken_back_first_can_be_destroyed() -> None:
    given_up = changed("prod", "production=false")

    plan = up(up(State(), graph("prod")).after, given_up)
    assert plan.updated == {
        **{table: {"deletionProtectionEnabled"} for table in TABLES},
        "sign-in-pool": {"deletionProtection"},
        "console-bucket": {"forceDestroy"},
    }
    assert (plan.created, plan.replaced, plan.deleted, plan.refused) == (set(), {}, set(), set())

    gone = destroy(plan.after)
    assert gone.deleted == custom(given_up) - VERSIONS
    assert gone.after.resources == ()


def test_production_refuses_an_up_that_would_drop_or_replace_what_it_protects() -> None:
    standing = up(State(), graph("prod")).after
    prod = graph("prod")
    without = replace(prod, resources=tuple(r for r in prod if r.name != "event-store-guard-policy"))
    (bus,) = (r for r in prod if r.name == "events-bus")
    renamed = replace(bus, inputs={**bus.inputs, "name": "another"})
    other = replace(prod, resources=tuple(renamed if r is bus else r for r in prod))

    assert up(standing, without).refused == {"event-store-guard-policy"}
    assert up(standing, other).refused > {"events-bus", "events-archive", "projection-feed-rule"}
    assert up(standing, without).after == up(standing, other).after == standing


def test_production_goes_back_to_a_revision_without_the_newest_schema_versions_and_forward_again() -> None:
    """Glue keeps them either way; the way forward registers the same text, and Glue answers with the version it has."""
    prod = graph("prod")
    standing = up(State(), prod).after
    before = replace(prod, resources=tuple(r for r in prod if r.name not in VERSIONS))

    back = up(standing, before)
    assert back.retained == VERSIONS
    assert (back.created, back.updated, back.replaced, back.deleted) == (set(), {}, {}, set())
    assert (back.refused, back.failed) == (set(), set())

    assert up(back.after, prod).created == VERSIONS


def test_a_key_of_the_stacks_own_outlives_the_setting_and_the_stack() -> None:
    """What lies under it (archive, audit log, backups) could not be read any more."""
    keyed = changed("dev", "kmsKey=create")
    standing = up(State(), keyed).after

    for other in (graph("dev"), changed("dev", f"kmsKeyArn={KEY}")):
        left = up(standing, other)
        assert left.retained == {"encryption-key"}
        assert (left.created, left.replaced, left.deleted, left.refused) == (set(), {}, set(), set())
        assert left.updated.keys() == {
            name for settings, names in SETTINGS if "kmsKeyArn" in settings[0] for name in names
        }

    assert "encryption-key" in destroy(standing).retained


def test_a_change_of_the_key_is_one_update_in_place_and_the_old_key_leaves_the_roles_alone() -> None:
    new = KEY.replace("0f0e", "1f1e")
    during = changed("prod", f"kmsKeyArn={new}", f'previousKmsKeyArns=["{KEY}"]')

    change = up(up(State(), changed("prod", f"kmsKeyArn={KEY}")).after, during)
    assert (change.created, change.replaced, change.deleted, change.refused) == (set(), {}, set(), set())
    assert change.updated.keys() >= QUEUES | TABLES | ROLE_POLICIES | FEEDS

    end = up(change.after, changed("prod", f"kmsKeyArn={new}"))
    assert end.updated == {policy: {"policy"} for policy in ROLE_POLICIES | FEEDS}
    assert (end.created, end.replaced, end.deleted, end.refused) == (set(), {}, set(), set())


def test_production_refuses_to_leave_a_key_of_its_own_and_takes_one() -> None:
    keyed = changed("prod", "kmsKey=create")

    taken = up(up(State(), graph("prod")).after, keyed)
    assert taken.created == {"encryption-key"}
    assert (taken.replaced, taken.deleted, taken.refused) == ({}, set(), set())

    assert up(taken.after, graph("prod")).refused == {"encryption", "encryption-key"}


def test_production_lets_addressees_come_and_go() -> None:
    others = changed("prod", 'alarmEmails=["a@example.com", "b@example.com"]')

    plan = up(up(State(), graph("prod")).after, others)

    assert plan.created == {"monitoring-a@example.com", "monitoring-b@example.com"}
    assert plan.deleted == {f"monitoring-{ONCALL}"}
    assert (plan.updated, plan.replaced, plan.refused) == ({}, {}, set())


@pytest.mark.parametrize("project", [None, "ledger"])
def test_a_rename_of_the_stack_or_the_project_replaces_nothing_that_holds_state(
    stack: Graph, standing: State, project: str | None
) -> None:
    name = stack.stack if project else f"{stack.stack}-2"
    other = project or stack.project
    renamed = renamed_dev() if name == "dev-2" else run(stack.stack, renamed=name, project=other)

    plan = up(rename(standing, stack, stack=name, project=project), renamed)

    assert plan.replaced == {"handlers-layer": {"layerName"}, "monitoring-dashboard": {"dashboardName"}}
    assert plan.updated == {function: {"layers"} for function in FUNCTIONS}
    assert (plan.created, plan.deleted, plan.refused, plan.orphaned) == (set(), set(), set(), set())
    assert plan.after.named("schemas-registry").outputs["registryName"] == f"event-sourcing-{stack.stack}-events"
    assert up(plan.after, renamed).is_empty()


def test_a_registry_that_is_replaced_takes_its_schemas_with_it() -> None:
    """The provider takes a schema's other registry for an update, without a call; the old one's end is the schema's."""
    dev, renamed = graph("dev"), renamed_dev()
    (registry,) = renamed.of("Registry")
    following = replace(registry, options=replace(registry.options, ignore_changes=frozenset()))
    forced = replace(renamed, resources=tuple(following if r is registry else r for r in renamed))

    plan = up(rename(up(State(), dev).after, dev, stack="dev-2"), forced)

    schemas = {schema.name for schema in dev.of("Schema")}
    assert plan.replaced.keys() == {"schemas-registry"} | schemas | VERSIONS | NAMED_AFTER_THE_STACK
    assert plan.retained == VERSIONS
    assert plan.orphaned == set()


def test_a_move_to_another_region_begins_dev_anew_and_is_refused_in_production(stack: Graph, standing: State) -> None:
    elsewhere = run(stack.stack, {"aws:region": "eu-west-1"})
    regional = {resource.name for resource in stack if resource.custom and provider.is_regional(resource.type)}

    plan = up(standing, elsewhere)

    assert plan.replaced.keys() == regional
    assert plan.updated == {
        **{policy: {"policy"} for policy in ROLE_POLICIES | FEEDS | {"sweep-schedule-policy"}},
        "sweep-schedule-role": {"assumeRolePolicy"},
        # CloudFront is in no Region, and serves what is.
        "console-distribution": {"origins"},
        "console-headers": {"securityHeadersConfig"},
    }
    assert (plan.created, plan.deleted, plan.orphaned) == (set(), set(), set())
    if stack.stack == "prod":
        assert plan.refused == regional - loose(stack)
        assert plan.after == standing
    else:
        assert plan.refused == set()
        assert up(plan.after, elsewhere).is_empty()


KEY = "arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"

SETTINGS: list[tuple[tuple[str, ...], dict[str, set[str]]]] = [
    (
        ("archiveRetentionDays=400", "auditLogRetentionDays=400", "logRetentionDays=400"),
        {
            "events-archive": {"retentionDays"},
            "audit-log-group": {"retentionInDays"},
            **{group: {"retentionInDays"} for group in LOGS},
        },
    ),
    (
        ("billingMode=PROVISIONED", "readCapacity=10", "writeCapacity=10", "pointInTimeRecovery=false"),
        {
            **{
                table: {"billingMode", "readCapacity", "writeCapacity", "pointInTimeRecovery", "globalSecondaryIndexes"}
                for table in TABLES - {"snapshots-table", "branches-table", "replays-table"}
            },
            **{
                table: {"billingMode", "readCapacity", "writeCapacity", "pointInTimeRecovery"}
                for table in ("snapshots-table", "branches-table", "replays-table")
            },
        },
    ),
    (
        (f"kmsKeyArn={KEY}",),
        {
            **{table: {"serverSideEncryption"} for table in TABLES},
            **{queue: {"kmsMasterKeyId", "sqsManagedSseEnabled"} for queue in QUEUES},
            **{group: {"kmsKeyId"} for group in LOGS | {"audit-log-group", *ACCESS_LOGS}},
            **{policy: {"policy"} for policy in ROLE_POLICIES | FEEDS | {"sweep-schedule-policy"}},
            **{function: {"kmsKeyArn"} for function in FUNCTIONS},
            "events-archive": {"kmsKeyIdentifier"},
            "monitoring-topic": {"kmsMasterKeyId"},
        },
    ),
    (
        (
            "memorySize=2048",
            "functionTimeout=20",
            "projectionTimeout=60",
            "logLevel=TRACE",
            "systemLogLevel=WARN",
            "tracing=false",
        ),
        {
            **{function: {"memorySize", "timeout", "loggingConfig", "tracingConfig"} for function in FUNCTIONS},
            "token-scopes-function": {"memorySize", "loggingConfig", "tracingConfig"},  # Cognito sets its time
            **{policy: {"policy"} for policy in ROLE_POLICIES},
            "process-feed-queue": {"visibilityTimeoutSeconds"},
            "replay-queue": {"visibilityTimeoutSeconds"},
        },
    ),
    (
        ("transferTimeoutSeconds=600", "transferApprovalAbove=50", "processMaxConcurrency=20", "sweepMinutes=5"),
        {
            **{
                f"{function}-function": {"environment"}
                for function in (
                    "command",
                    "validate",
                    "process",
                    "sweep",
                    "branch",
                    "projection",
                    "query",
                    "operations",
                )
            },
            "process-feed-mapping": {"scalingConfig"},
            "sweep-schedule-schedule": {"scheduleExpression", "target"},
            "monitoring-sweep-missed": {"period"},
            "monitoring-transfers-overdue": {"threshold", "alarmDescription"},
        },
    ),
    (
        ("replayRate=50", "replayConcurrency=8"),
        {"replayer-function": {"environment"}, "replay-feed-mapping": {"scalingConfig"}},
    ),
    (
        ("relayBatchSize=50", "relayMaxRetries=50", "projectionBatchSize=5", "projectionVisibilityTimeout=400"),
        {
            "relay-feed-mapping": {"batchSize", "maximumRetryAttempts"},
            "projection-feed-mapping": {"batchSize"},
            "projection-feed-queue": {"visibilityTimeoutSeconds"},
        },
    ),
    (
        ("snapshotEvery=100", "typeBuckets=12", "statementEntries=30", "snapshotRetentionDays=9"),
        {
            **{
                function: {"environment"}
                for function in FUNCTIONS - {"relay-function", "projection-function", "token-scopes-function"}
            },
            "snapshot-feed-mapping": {"filterCriteria"},
        },
    ),
]


@pytest.mark.parametrize(("settings", "updated"), SETTINGS, ids=[settings[0] for settings, _ in SETTINGS])
def test_a_change_of_settings_updates_in_place(settings: tuple[str, ...], updated: dict[str, set[str]]) -> None:
    plan = up(up(State(), graph("dev")).after, changed("dev", *settings))

    assert plan.updated == updated
    assert (plan.created, plan.replaced, plan.deleted, plan.refused, plan.orphaned) == (set(), {}, set(), set(), set())


def test_production_takes_a_change_of_any_of_these_settings() -> None:
    every = changed("prod", *(text for settings, _ in SETTINGS for text in settings if "Recovery" not in text))

    plan = up(up(State(), graph("prod")).after, every)

    assert plan.updated.keys() >= TABLES | QUEUES | LOGS | FUNCTIONS
    assert (plan.created, plan.replaced, plan.deleted, plan.refused, plan.orphaned) == (set(), {}, set(), set(), set())


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("runtime=python3.12", ("compatibleRuntimes", "runtime")),
        ("architecture=x86_64", ("compatibleArchitectures", "architectures")),
    ],
)
def test_another_runtime_or_architecture_replaces_the_layer_and_moves_the_functions_to_it(
    stack: Graph, standing: State, setting: str, changes: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forced, updated = changes
    monkeypatch.setattr(bundle, "layer_zip", lambda *_, **of: ROOT / f"layer-{of['runtime']}-{of['architecture']}.zip")
    other = run(stack.stack, dict([f"event-sourcing:{setting}".split("=")]), anew=True)

    plan = up(standing, other)

    assert plan.replaced == {"handlers-layer": {"code", forced}}
    assert plan.updated == {function: {"layers", updated} for function in FUNCTIONS}
    assert (plan.created, plan.deleted, plan.refused, plan.orphaned) == (set(), set(), set(), set())
    assert up(plan.after, other).is_empty()


def test_another_path_of_the_roles_makes_new_ones_and_production_refuses_it() -> None:
    standing = up(State(), graph("dev")).after
    roles = {role.name for role in graph("dev").of("Role")}

    plan = up(standing, changed("dev", "rolePath=/ledger/"))

    assert {name: because for name, because in plan.replaced.items() if because == {"path"}}.keys() == roles
    assert {name for name in plan.replaced if name not in roles} == {
        name.name for name in graph("dev").of("RolePolicy")
    }
    assert (plan.created, plan.deleted, plan.refused, plan.failed) == (set(), set(), set(), set())
    assert up(up(State(), graph("prod")).after, changed("prod", "rolePath=/ledger/")).refused >= roles


def warm(stack: str, reads: int, writes: int) -> Graph:
    return changed(stack, f"warmReadUnits={reads}", f"warmWriteUnits={writes}")


@pytest.mark.parametrize(("reads", "writes"), [(20_000, 9000), (40_000, 8000), (20_000, 8000)])
def test_a_warm_throughput_that_is_lowered_is_refused_before_a_table_is_replaced(
    stack: Graph, standing: State, reads: int, writes: int
) -> None:
    """DynamoDB does not lower it, and the provider would make an empty table instead."""
    warmed = up(standing, warm(stack.stack, 40_000, 9000))
    less = warm(stack.stack, reads, writes)

    plan = up(warmed.after, less)
    assert plan.refused >= {"event-store-table", "read-model-table"}
    assert plan.after == warmed.after, "nothing is done"
    forgotten = up(warmed.after, stack)
    assert (forgotten.replaced, forgotten.refused) == ({}, set())
    again = up(forgotten.after, less)
    assert again.refused == plan.refused, "the tables are as warm as they were, whatever the program said meanwhile"


def test_a_warm_throughput_is_set_raised_and_forgotten_in_place(stack: Graph, standing: State) -> None:
    warmed = up(standing, warm(stack.stack, 20_000, 8000))
    raised = up(warmed.after, warm(stack.stack, 40_000, 8000))

    for plan in (warmed, raised, up(raised.after, stack)):
        assert plan.updated.keys() == {"event-store-table", "read-model-table"}
        assert all(keys == {"warmThroughput", "globalSecondaryIndexes"} for keys in plan.updated.values())
        assert (plan.created, plan.replaced, plan.deleted, plan.refused) == (set(), {}, set(), set())
    assert destroy(raised.after).refused >= {"event-store-table", "read-model-table"}


CONNECTED = (
    'subnetIds=["subnet-01234567","subnet-12345678"]',
    'securityGroupIds=["sg-01234567"]',
    "vpcEndpoints=create",
    "vpcId=vpc-01234567",
    'routeTableIds=["rtb-01234567"]',
)
PROVISIONED = ("billingMode=PROVISIONED", "readCapacity=5", "writeCapacity=5")


def test_endpoints_of_a_vpc_come_change_and_go_in_place(stack: Graph, standing: State) -> None:
    inside = up(standing, changed(stack.stack, *CONNECTED))
    endpoints = {kept.name for kept in inside.after if provider.short(kept.type) == "VpcEndpoint"}
    assert inside.created >= endpoints > set()
    assert (inside.replaced, inside.deleted, inside.refused) == ({}, set(), set())

    other = (CONNECTED[0].replace("12345678", "87654321"), *CONNECTED[1:])
    moved = up(inside.after, changed(stack.stack, *other))
    assert set() < {name for name, keys in moved.updated.items() if keys == {"subnetIds"}} < endpoints
    assert (moved.created, moved.replaced, moved.deleted, moved.refused) == (set(), {}, set(), set())

    elsewhere = up(inside.after, changed(stack.stack, *(text.replace("vpc-0", "vpc-9") for text in CONNECTED)))
    assert elsewhere.replaced.keys() == endpoints
    assert all(because == {"vpcId"} for because in elsewhere.replaced.values())


def test_what_scales_capacity_changes_in_place() -> None:
    scaled = up(State(), changed("dev", *PROVISIONED, "maxReadCapacity=50"))
    targets = {kept.name for kept in scaled.after if provider.short(kept.type) == "Target"}

    more = up(scaled.after, changed("dev", *PROVISIONED, "maxReadCapacity=60"))
    assert more.updated == {name: {"maxCapacity"} for name in targets}
    assert (more.created, more.replaced, more.deleted, more.refused) == (set(), {}, set(), set())

    fixed = up(scaled.after, changed("dev", *PROVISIONED))
    assert fixed.deleted == targets | {name.removesuffix("scaling") + "use" for name in targets}
    assert (fixed.created, fixed.replaced, fixed.refused) == (set(), {}, set())


def test_a_boundary_and_tags_come_and_go_in_place_in_production_too(stack: Graph, standing: State) -> None:
    bounded = changed(
        stack.stack, "permissionsBoundary=arn:aws:iam::123456789012:policy/ledger", "dataClass=restricted"
    )

    plan = up(standing, bounded)

    assert set().union(*plan.updated.values()) == {"permissionsBoundary", "tags"}
    assert (plan.created, plan.deleted, plan.replaced, plan.refused) == (set(), set(), {}, set())


def test_the_watch_comes_and_goes_in_production_too(stack: Graph, standing: State) -> None:
    """It tells, as alarms do, and guards nothing itself."""
    watched = changed(stack.stack, "watchGuards=true")
    admitted = {"monitoring-topic-policy": {"policy"}, "delivery-dlq-policy": {"policy"}}

    on = up(standing, watched)
    assert on.created == WATCH
    assert on.updated == admitted
    assert (on.replaced, on.deleted, on.refused) == ({}, set(), set())

    off = up(on.after, stack)
    assert off.deleted == WATCH
    assert off.updated == admitted
    assert (off.created, off.replaced, off.refused, off.orphaned) == (set(), {}, set(), set())


AUDIT = {f"audit-log-{part}" for part in ("group", "admission", "rule", "target", "apart-rule", "apart-target")}
OPERATIONS = {"operations-policy", "operations-function"}
QUERY, PROJECTION = {"query-policy", "query-function"}, {"projection-policy", "projection-function"}
LEFT_OUT = [
    ("auditLog", ("audit-log-", "monitoring-audit-"), {"monitoring-dashboard"}),
    (
        "correlationIndex",
        ("monitoring-event-store-by-correlation-",),
        {"event-store-table", "monitoring-dashboard", *QUERY},
    ),
    (
        "typeIndex",
        ("monitoring-event-store-by-type-",),
        {"event-store-table", "monitoring-dashboard", *QUERY, *OPERATIONS},
    ),
    (
        "statement",
        (),
        {
            *QUERY,
            *PROJECTION,
            *(f"{entry}-function" for entry in ("branch", "command", "operations", "process", "sweep", "validate")),
        },
    ),
]
"""Each setting, how the names begin of what it takes along, and what it changes."""


@pytest.mark.parametrize(("setting", "names", "altered"), LEFT_OUT, ids=[setting for setting, *_ in LEFT_OUT])
def test_a_part_that_is_left_out_goes_and_comes_back_alone(
    setting: str, names: tuple[str, ...], altered: set[str]
) -> None:
    """The table is changed in place: its events, its stream and its local index stay."""
    lean, dev = changed("dev", f"{setting}=false"), graph("dev")
    parts = {name for name in custom(dev) if name.startswith(names)}

    off = up(up(State(), dev).after, lean)
    assert (off.deleted, set(off.updated), off.created) == (parts, altered, set())
    on = up(off.after, dev)
    assert (on.created, set(on.updated), on.deleted) == (parts, altered, set())
    for plan in (off, on):
        assert (plan.replaced, plan.refused, plan.orphaned, plan.failed) == ({}, set(), set(), set())
    if setting in ("typeIndex", "correlationIndex"):
        assert off.updated["event-store-table"] == {"attributes", "globalSecondaryIndexes"}


def test_production_refuses_to_drop_its_audit_log_and_lets_the_index_go_and_come() -> None:
    """Ten years of it would go with the group. The index is made of the events again."""
    standing = up(State(), graph("prod")).after

    unaudited = up(standing, changed("prod", "auditLog=false", 'acceptedRisks=["no-audit-log"]'))
    assert unaudited.refused == AUDIT | {"audit-log"}
    assert unaudited.after == standing

    unindexed = up(standing, changed("prod", "typeIndex=false"))
    assert (unindexed.refused, unindexed.replaced) == (set(), {})
    assert up(unindexed.after, graph("prod")).refused == set()


def test_another_role_that_breaks_the_glass_changes_the_stores_policy_alone(stack: Graph, standing: State) -> None:
    glass = 'breakGlassArns=["arn:aws:iam::123456789012:role/ledger-break-glass"]'
    admitted = changed(stack.stack, glass, "breakGlassUntil=2024-01-15T10:00:00Z")

    plan = up(standing, admitted)

    assert plan.updated == {"event-store-guard-policy": {"policy"}}
    assert (plan.created, plan.replaced, plan.deleted, plan.refused) == (set(), {}, set(), set())


def test_a_restored_store_takes_the_place_of_the_lost_one_once_production_is_off() -> None:
    """The runbook's way: the new table is written into the state; what hangs on its ARN and its stream is replaced."""
    off = changed("prod", "production=false")
    standing = up(up(State(), graph("prod")).after, off).after
    lost = standing.named("event-store-table")
    told = {key: lost.outputs[key].replace(lost.outputs["name"], "restored") for key in ("name", "arn", "streamArn")}
    restored = replace(lost, outputs={**lost.outputs, **told})
    edited = replace(standing, resources=tuple(restored if kept is lost else kept for kept in standing))

    assert up(edited, graph("prod")).refused == {
        "event-store-guard-policy",
        "relay-feed-mapping",
        "snapshot-feed-mapping",
    }

    plan = up(edited, off)
    assert plan.replaced == {
        "event-store-guard-policy": {"resourceArn"},
        "relay-feed-mapping": {"eventSourceArn"},
        "snapshot-feed-mapping": {"eventSourceArn"},
    }
    assert plan.updated.keys() == {
        *(FUNCTIONS - {"relay-function", "token-scopes-function"}),
        *(ROLE_POLICIES - {"relay-policy", "token-scopes-policy"}),
        *("relay-feed-policy", "snapshot-feed-policy", "monitoring-dashboard"),
        *(
            f"monitoring-event-store-{index}{kind}-throttles"
            for index in ("", "by-type-", "by-correlation-")
            for kind in ("read", "write")
        ),
    }
    assert (plan.created, plan.deleted, plan.refused, plan.orphaned) == (set(), set(), set(), set())


def test_a_stack_of_before_keeps_the_stores_policy_where_it_was(stack: Graph, standing: State) -> None:
    """The policy has moved from the store's component to one that knows who appends."""
    policy = standing.named("event-store-guard-policy")
    (before,) = policy.options.aliases
    assert before.endswith("index:EventStore$aws:dynamodb/resourcePolicy:ResourcePolicy::event-store-policy")
    older = replace(policy, urn=before, name="event-store-policy", inputs={**policy.inputs, "policy": "{}"})
    state = replace(standing, resources=tuple(older if kept is policy else kept for kept in standing))

    plan = up(state, stack)

    assert plan.updated == {"event-store-guard-policy": {"policy"}}
    assert (plan.created, plan.replaced, plan.deleted, plan.refused) == (set(), {}, set(), set())


def test_the_stand_in_names_what_stands_on_something_that_is_gone() -> None:
    dev = graph("dev")
    queue = dev.named("process-dlq-queue")

    plan = up(up(State(), dev).after, replace(dev, resources=tuple(each for each in dev if each is not queue)))

    assert (plan.deleted, plan.refused) == ({queue.name}, set())
    assert plan.orphaned == {
        *("operations-function", "operations-policy"),
        *("process-dlq-policy", "process-feed-queue", "process-feed-redrive"),
    }

"""Who may do what, and how what is kept and carried is protected."""

from __future__ import annotations

import json
import re
import runpy
from typing import Any

import pytest

from components.customer_key import check_given_keys
from components.settings import SettingsError
from handlers.sourcing.copies import SOURCE as COPIES
from handlers.sourcing.event import SOURCE as LIVE
from local.engine.pattern_matching import matches
from local.engine.policy_documents import ALLOW_ALL, Access, decide
from local.engine.principals import Principal
from tests.infrastructure.policy import as_list, refuses_plain_http, service_may_send
from tests.infrastructure.program import (
    ONCALL,
    ROOT,
    Graph,
    RecordingMonitor,
    Resource,
    configuration,
    declare,
    graph,
    run,
)

KEY = "arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"

# All that each function may do: (action, where). Whatever is added here must be called by the handler.
COMMON = {
    ("logs:CreateLogStream", "own logs"),
    ("logs:PutLogEvents", "own logs"),
    ("sqs:SendMessage", "invocation-dlq-queue"),
    ("xray:PutTelemetryRecords", "*"),
    ("xray:PutTraceSegments", "*"),
}
PRIVILEGES = {
    "command": {
        ("dynamodb:PutItem", "event-store-table"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/CommandId-index"),
        ("dynamodb:Query", "snapshots-table"),
        ("events:PutEvents", "events-bus"),
    },
    "validate": {
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/CommandId-index"),
        ("dynamodb:Query", "snapshots-table"),
    },
    "relay": {
        ("dynamodb:DescribeStream", "event-store-table stream"),
        ("dynamodb:GetRecords", "event-store-table stream"),
        ("dynamodb:GetShardIterator", "event-store-table stream"),
        ("events:PutEvents", "events-bus"),
    },
    "projection": {
        ("dynamodb:BatchGetItem", "read-model-table"),
        ("dynamodb:GetItem", "read-model-table"),
        ("dynamodb:PutItem", "read-model-table"),
        ("dynamodb:BatchWriteItem", "read-model-table"),
        ("dynamodb:Query", "event-store-table"),
        ("sqs:DeleteMessage", "projection-feed-queue"),
        ("sqs:GetQueueAttributes", "projection-feed-queue"),
        ("sqs:ReceiveMessage", "projection-feed-queue"),
    },
    "query": {
        ("dynamodb:BatchGetItem", "read-model-table"),
        ("dynamodb:GetItem", "read-model-table"),
        ("dynamodb:Query", "read-model-table"),
        ("dynamodb:Query", "read-model-table/index/Due-index"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/EventType-Timestamp-index"),
        ("dynamodb:Query", "event-store-table/index/Correlation-Timestamp-index"),
        ("dynamodb:Query", "snapshots-table"),
        ("dynamodb:Query", "snapshots-table/index/TimeKey-index"),
    },
    # It reads the store, writes to its own table and to branches alone, and is on the bus the source of replays alone.
    "replayer": {
        ("dynamodb:GetItem", "branches-table"),
        ("dynamodb:PutItem", "branches-table"),
        ("dynamodb:Query", "branches-table"),
        ("dynamodb:Query", "snapshots-table"),
        ("dynamodb:PutItem", "replays-table"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "replays-table"),
        ("dynamodb:Scan", "event-store-table"),
        ("events:PutEvents", "events-bus"),
        ("sqs:DeleteMessage", "replay-queue"),
        ("sqs:GetQueueAttributes", "replay-queue"),
        ("sqs:ReceiveMessage", "replay-queue"),
        ("sqs:SendMessage", "projection-feed-queue"),
        ("sqs:SendMessage", "replay-queue"),
    },
    "process": {
        ("dynamodb:PutItem", "event-store-table"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/CommandId-index"),
        ("dynamodb:Query", "snapshots-table"),
        ("sqs:DeleteMessage", "process-feed-queue"),
        ("sqs:GetQueueAttributes", "process-feed-queue"),
        ("sqs:ReceiveMessage", "process-feed-queue"),
    },
    "sweep": {
        ("dynamodb:PutItem", "event-store-table"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/CommandId-index"),
        ("dynamodb:Query", "read-model-table/index/Due-index"),
        ("dynamodb:Query", "snapshots-table"),
    },
    # Nothing of it reaches the store or the bus but reads: what is tried on a branch stays there.
    "branch": {
        ("dynamodb:GetItem", "branches-table"),
        ("dynamodb:PutItem", "branches-table"),
        ("dynamodb:Query", "branches-table"),
        ("dynamodb:Query", "branches-table/index/CommandId-index"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/CommandId-index"),
        ("dynamodb:Query", "snapshots-table"),
        ("dynamodb:Query", "snapshots-table/index/TimeKey-index"),
    },
    "token-scopes": set(),
    # It writes to no table but that of replays, and there whether one is to go on.
    "operations": {
        ("dynamodb:DescribeTable", "event-store-table"),
        ("dynamodb:GetItem", "branches-table"),
        ("dynamodb:Query", "branches-table"),
        ("dynamodb:PutItem", "replays-table"),
        ("dynamodb:Query", "replays-table"),
        ("dynamodb:Scan", "replays-table"),
        ("dynamodb:BatchGetItem", "read-model-table"),
        ("dynamodb:GetItem", "read-model-table"),
        ("dynamodb:Query", "read-model-table"),
        ("dynamodb:Query", "read-model-table/index/Due-index"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "event-store-table/index/EventType-Timestamp-index"),
        ("dynamodb:GetRecords", "event-store-table stream"),
        ("dynamodb:GetShardIterator", "event-store-table stream"),
        ("events:PutEvents", "events-bus"),
        *(
            (f"sqs:{action}", queue)
            for action in ("GetQueueAttributes", "SendMessage")
            for queue in ("projection-feed-queue", "process-feed-queue", "replay-queue")
        ),
        *(
            (f"sqs:{action}", f"{name}-dlq-queue")
            for action in ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
            for name in ("projection", "process", "replay", "delivery", "invocation")
        ),
    },
    "snapshot": {
        ("dynamodb:DescribeStream", "event-store-table stream"),
        ("dynamodb:GetRecords", "event-store-table stream"),
        ("dynamodb:GetShardIterator", "event-store-table stream"),
        ("dynamodb:Query", "event-store-table"),
        ("dynamodb:Query", "snapshots-table"),
        ("dynamodb:BatchWriteItem", "snapshots-table"),
    },
}


@pytest.mark.parametrize("entry", PRIVILEGES)
def test_a_function_may_do_what_it_calls_and_no_more(stack: Graph, entry: str) -> None:
    granted = {
        (action, _where(stack, entry, resource))
        for statement in stack.policies_of(_role_of(stack, entry).outputs["name"])
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert granted == PRIVILEGES[entry] | COMMON


def test_the_command_function_can_put_no_event_on_the_bus_but_refusals(stack: Graph) -> None:
    statements = stack.policies_of(_role_of(stack, "command").outputs["name"])
    (publish,) = (statement for statement in statements if "events:PutEvents" in as_list(statement["Action"]))
    assert publish["Condition"] == {"StringEquals": {"events:detail-type": "CommandRejected"}}


def test_every_function_has_a_role_of_its_own_which_lambda_alone_assumes(stack: Graph) -> None:
    functions = stack.of("Function")
    roles = [role for role in stack.of("Role") if role.name != "sweep-schedule-role"]
    assert {function.inputs["role"] for function in functions} == {role.outputs["arn"] for role in roles}
    assert len(functions) == len(roles) == len(PRIVILEGES)
    for role in roles:
        (trust,) = role.statements("assumeRolePolicy")
        assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")


def test_the_schedule_acts_in_a_role_that_calls_the_sweep_and_can_be_had_by_no_other_schedule(stack: Graph) -> None:
    role, group = stack.named("sweep-schedule-role"), stack.named("sweep-schedule-group")
    (trust,) = role.statements("assumeRolePolicy")
    assert (trust["Principal"], trust["Action"]) == ({"Service": "scheduler.amazonaws.com"}, "sts:AssumeRole")
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012", "aws:SourceArn": group.outputs["arn"]}
    }
    granted = {
        (action, stack.by("arn", resource).name)
        for statement in stack.policies_of(role.outputs["name"])
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert granted == {("lambda:InvokeFunction", "sweep-function"), ("sqs:SendMessage", "invocation-dlq-queue")}


def test_no_role_policy_has_a_wildcard_but_for_tracing(stack: Graph) -> None:
    """X-Ray has no resource-level permissions. Log streams have names that Lambda makes up, within a group of ours."""
    log_groups = {group.outputs["arn"] for group in stack.of("LogGroup")}
    for policy in stack.of("RolePolicy"):
        for statement in policy.statements():
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in as_list(statement["Action"])), policy.name
            resources = {r for r in as_list(statement["Resource"]) if r.removesuffix(":*") not in log_groups}
            if statement["Sid"] == "Trace":
                assert {action.split(":")[0] for action in statement["Action"]} == {"xray"}
            else:
                assert not any("*" in resource for resource in resources), policy.name


def test_every_policy_is_one_that_aws_accepts(stack: Graph) -> None:
    """Only known elements; Sids alphanumeric and unique within the document."""
    documents = [
        (resource.name, resource.document(key))
        for resource in stack
        for key in ("policy", "assumeRolePolicy", "policyDocument")
        if key in resource.inputs
    ]
    assert len(documents) > 10
    for name, document in documents:
        assert document["Version"] == "2012-10-17"
        sids = [statement["Sid"] for statement in document["Statement"] if "Sid" in statement]
        assert len(set(sids)) == len(sids), name
        assert all(sid.isalnum() for sid in sids), name
        for statement in document["Statement"]:
            assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, name


def test_a_function_starts_only_once_it_may_do_its_work(stack: Graph) -> None:
    for entry in PRIVILEGES:
        assert stack.named(f"{entry}-policy").urn in stack.named(f"{entry}-function").depends_on
    assert stack.named("sweep-schedule-policy").urn in stack.named("sweep-schedule-schedule").depends_on
    for feed in ("relay-feed", "snapshot-feed", "projection-feed", "process-feed"):
        assert stack.named(f"{feed}-policy").urn in stack.named(f"{feed}-mapping").depends_on


def test_every_queue_is_encrypted_and_refuses_plain_http(stack: Graph) -> None:
    for queue in stack.of("Queue"):
        assert queue.inputs["sqsManagedSseEnabled"] is True, queue.name
        assert refuses_plain_http(_queue_policy(stack, queue), "sqs:*", queue.outputs["arn"]), queue.name


def test_no_queue_admits_a_stranger(stack: Graph) -> None:
    stranger = "arn:aws:events:us-east-1:123456789012:rule/another-bus/a-rule"
    for queue in stack.of("Queue"):
        policy = _queue_policy(stack, queue)
        assert not service_may_send(policy, "events.amazonaws.com", stranger, queue.outputs["arn"]), queue.name
        for statement in policy:
            assert statement["Effect"] == "Deny" or "AWS" not in statement["Principal"]


def test_the_alarm_topic_refuses_plain_http_and_admits_only_this_accounts_alarms(stack: Graph) -> None:
    (topic,), (policy,) = stack.of("Topic"), stack.of("TopicPolicy")
    assert policy.inputs["arn"] == topic.outputs["arn"]
    assert refuses_plain_http(policy.statements(), "sns:Publish", topic.outputs["arn"])
    (allowed,) = (statement for statement in policy.statements() if statement["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


DENIED_TO_ALL = {
    *("dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
    *("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"),
}
BREAK_GLASS = "arn:aws:iam::123456789012:role/four-eyes"
REPLICATION = (
    "arn:aws:iam::123456789012:role/aws-service-role/replication.dynamodb.amazonaws.com/"
    "AWSServiceRoleForDynamoDBReplication"
)
ADMINISTRATOR = "arn:aws:iam::123456789012:role/Administrator"
ROOT_USER = "arn:aws:iam::123456789012:root"


def allowed(stack: Graph, principal_arn: str) -> set[str]:
    """What of all that writes to the event store its policy leaves to somebody whose role allows everything."""
    store = stack.named("event-store-table").outputs["arn"]
    (policy,) = stack.of("ResourcePolicy")
    assert policy.inputs["resourceArn"] == store
    principal = Principal("AWS", principal_arn)
    context = (("aws:principalarn", principal_arn),)
    return {
        action
        for action in (*DENIED_TO_ALL, "dynamodb:PutItem", "dynamodb:Query")
        if decide(Access(action, store, context), principal, {"": ALLOW_ALL}, [policy.inputs["policy"]]).allowed
    }


def test_nobody_can_change_or_delete_a_stored_event_and_only_the_ledger_adds_one(stack: Graph) -> None:
    writers = {_role_of(stack, entry).outputs["arn"] for entry in ("command", "process", "sweep")}
    others = {role.outputs["arn"] for role in stack.of("Role")} - writers

    for writer in writers:
        assert allowed(stack, writer) == {"dynamodb:PutItem", "dynamodb:Query"}
    for other in (*others, ADMINISTRATOR, ROOT_USER, BREAK_GLASS):
        assert allowed(stack, other) == {"dynamodb:Query"}, other


def test_whoever_breaks_the_glass_can_add_an_event_and_nothing_else() -> None:
    stack = run("dev", {"event-sourcing:breakGlassArns": json.dumps([BREAK_GLASS])})

    assert allowed(stack, BREAK_GLASS) == {"dynamodb:PutItem", "dynamodb:Query"}
    assert allowed(stack, ADMINISTRATOR) == {"dynamodb:Query"}


@pytest.mark.parametrize(("until", "still"), [("9999-01-01T00:00:00Z", True), ("2024-01-15T10:00:00Z", False)])
def test_broken_glass_is_whole_again_from_the_said_time_on_for_those_alone_who_broke_it(
    until: str, *, still: bool
) -> None:
    glass = {"event-sourcing:breakGlassArns": json.dumps([BREAK_GLASS]), "event-sourcing:breakGlassUntil": until}
    stack = run("dev", glass)

    assert allowed(stack, BREAK_GLASS) == {*(["dynamodb:PutItem"] if still else []), "dynamodb:Query"}
    assert allowed(stack, _role_of(stack, "command").outputs["arn"]) == {"dynamodb:PutItem", "dynamodb:Query"}
    assert allowed(stack, ADMINISTRATOR) == {"dynamodb:Query"}


def test_replication_to_another_region_is_let_through(stack: Graph) -> None:
    """Denied once, a replica is cut off for good after 20 hours."""
    assert allowed(stack, REPLICATION) == {*DENIED_TO_ALL, "dynamodb:PutItem", "dynamodb:Query"}
    assert allowed(stack, REPLICATION.replace("123456789012", "210987654321")) == {"dynamodb:Query"}


@pytest.fixture(scope="module")
def watched() -> Graph:
    return run("dev", {"event-sourcing:watchGuards": "true"})


def test_a_change_of_the_stores_guards_is_told_where_that_is_asked_for(watched: Graph) -> None:
    rule, target = watched.named("guard-watch-rule"), watched.named("monitoring-guard-target")
    (topic,), (policy,) = watched.of("Topic"), watched.of("TopicPolicy")
    table = watched.named("event-store-table").outputs

    assert "eventBusName" not in rule.inputs  # CloudTrail tells the account's default bus
    by_arn, by_name = rule.document("eventPattern")["detail"]["$or"]
    assert by_arn["eventName"] == ["DeleteResourcePolicy", "PutResourcePolicy"]
    assert by_arn["requestParameters"] == {"resourceArn": [table["arn"]]}
    assert {"DeleteTable", "UpdateTable"} <= set(by_name["eventName"])
    assert by_name["requestParameters"] == {"tableName": [table["name"], table["arn"]]}

    assert (target.inputs["rule"], target.inputs["arn"]) == (rule.outputs["name"], topic.outputs["arn"])
    assert policy.urn in target.depends_on
    (admitted,) = (s for s in policy.statements() if s["Sid"] == "AdmitRules")
    assert admitted["Principal"] == {"Service": "events.amazonaws.com"}
    assert rule.outputs["arn"] in admitted["Condition"]["ArnEquals"]["aws:SourceArn"]
    dead_letters = watched.by("arn", target.inputs["deadLetterConfig"]["arn"])
    assert service_may_send(
        _queue_policy(watched, dead_letters),
        "events.amazonaws.com",
        rule.outputs["arn"],
        dead_letters.outputs["arn"],
    )


def test_every_log_group_has_a_retention(stack: Graph) -> None:
    for group in stack.of("LogGroup"):
        assert group.inputs["retentionInDays"] > 0, group.name


def test_every_function_logs_json_to_its_own_group_and_is_traced(stack: Graph) -> None:
    for entry in PRIVILEGES:
        function = stack.named(f"{entry}-function").inputs
        assert function["loggingConfig"]["logFormat"] == "JSON"
        assert function["loggingConfig"]["logGroup"] == stack.named(f"{entry}-logs").outputs["name"]
        assert function["tracingConfig"] == {"mode": "Active"}


def test_tables_can_be_restored_to_any_second(stack: Graph) -> None:
    for table in stack.of("Table"):
        assert table.inputs["pointInTimeRecovery"] == {"enabled": True}, table.name


def test_production_protects_all_but_what_only_shows_what_is_there_and_dev_nothing() -> None:
    loose = {resource.name for resource in graph("prod") if not resource.protect and resource.custom}
    alarms = {alarm.name for alarm in graph("prod").of("MetricAlarm")}
    comes_and_goes = ("Authorizer", "BucketObjectv2", "Integration", "Permission", "Route")
    routes = {
        resource.name
        for resource in graph("prod")
        if resource.type.rpartition(":")[2] in comes_and_goes and resource.name != "sign-in-admission"
    }
    retained = {resource.name for resource in graph("prod") if resource.options.retain_on_delete}
    assert loose == alarms | routes | retained | {"monitoring-dashboard", "handlers-layer", f"monitoring-{ONCALL}"}
    assert all(resource.protect for resource in graph("prod") if not resource.custom)
    assert all(table.inputs["deletionProtectionEnabled"] is True for table in graph("prod").of("Table"))
    assert not any(resource.protect for resource in graph("dev"))
    assert not any(table.inputs["deletionProtectionEnabled"] for table in graph("dev").of("Table"))


@pytest.fixture(scope="module")
def keyed() -> Graph:
    """A stack with a customer key."""
    return run("dev", {"event-sourcing:kmsKeyArn": KEY})


def test_a_customer_key_encrypts_everything_at_rest(keyed: Graph) -> None:
    for table in keyed.of("Table"):
        assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}, table.name
    for queue in keyed.of("Queue"):
        assert queue.inputs["kmsMasterKeyId"] == KEY, queue.name
        assert "sqsManagedSseEnabled" not in queue.inputs  # SQS takes the one or the other
    for group in keyed.of("LogGroup"):
        assert group.inputs["kmsKeyId"] == KEY, group.name
    assert keyed.named("events-archive").inputs["kmsKeyIdentifier"] == KEY
    assert keyed.named("monitoring-topic").inputs["kmsMasterKeyId"] == KEY


READ = {"kms:Decrypt", "kms:DescribeKey"}
SEND = READ | {"kms:GenerateDataKey"}


@pytest.mark.parametrize(
    ("policy", "uses"),
    [
        ("command-policy", {"dynamodb": SEND | {"kms:Encrypt"}, "sqs": SEND}),
        ("validate-policy", {"dynamodb": READ, "sqs": SEND}),
        ("query-policy", {"dynamodb": READ, "sqs": SEND}),
        ("relay-policy", {"sqs": SEND}),
        ("relay-feed-policy", {"dynamodb": READ}),
        ("projection-feed-policy", {"sqs": READ}),
        ("process-policy", {"dynamodb": SEND | {"kms:Encrypt"}, "sqs": SEND}),
        ("process-feed-policy", {"sqs": READ}),
        ("replayer-policy", {"dynamodb": SEND | {"kms:Encrypt"}, "sqs": SEND}),
        ("replay-feed-policy", {"sqs": READ}),
        ("sweep-schedule-policy", {"sqs": SEND}),
    ],
)
def test_a_role_uses_the_key_only_through_the_services_it_calls_and_a_reader_encrypts_nothing(
    keyed: Graph, policy: str, uses: dict[str, set[str]]
) -> None:
    found: dict[str, set[str]] = {}
    for statement in keyed.named(policy).statements():
        if any(action.startswith("kms:") for action in as_list(statement["Action"])):
            assert statement["Resource"] == KEY
            assert statement["Condition"].keys() == {"StringEquals"}
            for endpoint in statement["Condition"]["StringEquals"]["kms:ViaService"]:
                service, place = endpoint.split(".", 1)
                assert place == "us-east-1.amazonaws.com"
                found.setdefault(service, set()).update(as_list(statement["Action"]))
    assert found == uses


def test_the_functions_environments_lie_under_the_customer_key(keyed: Graph) -> None:
    assert {function.inputs["kmsKeyArn"] for function in keyed.of("Function")} == {KEY}


@pytest.mark.parametrize("key", [KEY.replace("us-east-1", "eu-central-1"), KEY.replace("arn:aws:", "arn:aws-cn:")])
def test_a_key_of_another_region_or_partition_is_refused_by_the_settings_name(key: str) -> None:
    """Once, before anything is declared: where the Region comes from the environment, the settings cannot know it."""
    for setting in ("kmsKeyArn", "previousKmsKeyArns"):
        with pytest.raises(SettingsError, match=rf"event-sourcing:{setting} is '{key}'; allowed: a key of us-east-1"):
            declare(lambda setting=setting: check_given_keys({setting: [KEY, key]}))  # type: ignore[misc]


def test_a_key_of_another_region_stops_the_program_before_it_declares_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = configuration("dev", {"event-sourcing:kmsKeyArn": KEY.replace("us-east-1", "eu-central-1")})
    del values["aws:region"]
    declared: list[str] = []
    register = RecordingMonitor.RegisterResource

    def noted(monitor: RecordingMonitor, request: Any) -> Any:
        declared.append(request.type)
        return register(monitor, request)

    monkeypatch.setattr(RecordingMonitor, "RegisterResource", noted)

    with pytest.raises(ValueError, match="event-sourcing:kmsKeyArn is"):
        declare(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), "dev", values)
    assert set(declared) <= {"pulumi:pulumi:Stack"}


OLD = "arn:aws:kms:us-east-1:123456789012:key/00000000-1111-2222-3333-444455556666"


@pytest.mark.parametrize("settings", [{}, {"event-sourcing:kmsKeyArn": KEY}, {"event-sourcing:kmsKey": "create"}])
def test_what_lies_under_a_previous_key_stays_readable_and_nothing_new_comes_under_it(settings: dict[str, str]) -> None:
    stack = run("dev", {**settings, "event-sourcing:previousKmsKeyArns": f'["{OLD}"]'})

    readers = PRIVILEGES.keys()
    feeds = {"relay-feed", "snapshot-feed", "projection-feed", "process-feed", "replay-feed"}
    found: dict[str, set[str]] = {}
    for policy in stack.of("RolePolicy"):
        for statement in policy.statements():
            if OLD in as_list(statement["Resource"]):
                assert set(statement["Action"]) == READ
                assert statement["Condition"].keys() == {"StringEquals"}
                services = statement["Condition"]["StringEquals"]["kms:ViaService"]
                found.setdefault(policy.name.removesuffix("-policy"), set()).update(services)
    assert found.keys() == readers | feeds
    dynamodb, sqs = "dynamodb.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"
    assert (found["relay"], found["relay-feed"], found["projection-feed"]) == ({sqs}, {dynamodb}, {sqs})
    assert found["command"] == {dynamodb, sqs}
    others = [resource for resource in stack if not resource.type.endswith(":RolePolicy")]
    assert OLD not in json.dumps([dict(resource.inputs) for resource in others], default=str)


@pytest.fixture(scope="module")
def made() -> Graph:
    """A production stack with a key of its own."""
    return run("prod", {"event-sourcing:kmsKey": "create"})


def test_a_key_of_the_stacks_own_encrypts_everything_and_rotates(made: Graph) -> None:
    (key,) = made.of("Key")
    arn = key.outputs["arn"]
    for table in made.of("Table"):
        assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": arn}, table.name
    assert {queue.inputs["kmsMasterKeyId"] for queue in made.of("Queue")} == {arn}
    assert {group.inputs["kmsKeyId"] for group in made.of("LogGroup")} == {arn}
    assert {function.inputs["kmsKeyArn"] for function in made.of("Function")} == {arn}
    assert made.named("events-archive").inputs["kmsKeyIdentifier"] == arn
    assert made.named("monitoring-topic").inputs["kmsMasterKeyId"] == arn
    assert key.inputs["enableKeyRotation"] is True
    assert "deletionWindowInDays" not in key.inputs  # without effect: Pulumi deletes no key that it retains
    assert key.protect
    assert key.options.retain_on_delete


@pytest.mark.parametrize(
    ("service", "actions", "key", "value"),
    [
        (
            "logs.us-east-1.amazonaws.com",
            {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"},
            "kms:EncryptionContext:aws:logs:arn",
            "arn:aws:logs:us-east-1:123456789012:log-group:*",
        ),
        ("cloudwatch.amazonaws.com", {"kms:Decrypt", "kms:GenerateDataKey*"}, "aws:SourceAccount", "123456789012"),
        ("events.amazonaws.com", {"kms:Decrypt", "kms:GenerateDataKey"}, "aws:SourceAccount", "123456789012"),
        (
            "events.amazonaws.com",
            {"kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"},
            "kms:EncryptionContext:aws:events:event-bus:arn",
            "arn:aws:events:us-east-1:123456789012:event-bus/*",
        ),
    ],
)
def test_the_stacks_key_admits_what_writes_by_itself_and_for_this_account_alone(
    made: Graph, service: str, actions: set[str], key: str, value: str
) -> None:
    statements = [
        statement
        for statement in made.of("Key")[0].statements()
        if statement["Principal"] == {"Service": service}
        and actions <= set(statement["Action"])
        and value in [values.get(key) for values in statement.get("Condition", {}).values()]
    ]
    assert len(statements) == 1


def test_no_service_but_for_a_look_uses_the_stacks_key_without_a_condition(made: Graph) -> None:
    for statement in made.of("Key")[0].statements():
        if "Service" in statement["Principal"] and statement["Action"] != ["kms:DescribeKey"]:
            assert statement["Condition"], statement["Sid"]


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_nothing_in_the_graph_takes_another_partition_for_granted(region: str) -> None:
    """Names of services, as principals, are the same everywhere but for those that name their Region."""
    elsewhere = {"aws:region": region, "event-sourcing:kmsKey": "create", "event-sourcing:console": "false"}
    if region.startswith("cn-"):
        elsewhere |= {
            f"event-sourcing:oidc{key}": value
            for key, value in {
                "Issuer": "https://issuer.example.com",
                "ClientId": "client",
                "Audience": "ledger",
                "AuthorizeUrl": "https://issuer.example.com/authorize",
                "TokenUrl": "https://issuer.example.com/token",
            }.items()
        }
    stack = run("prod", elsewhere)
    told = json.dumps([dict(resource.inputs) for resource in stack], default=str)
    assert "arn:aws:" not in told
    assert re.search(r"arn:aws-(cn|us-gov):", told)
    hosts = set(re.findall(r"[\w.*-]*\.amazonaws\.com(?:\.cn)?", told))
    entries = ("apigateway", "cloudwatch", "delivery.logs", "events", "lambda", "scheduler")
    principals = {f"{name}.amazonaws.com" for name in entries}
    if not region.startswith("cn-"):
        principals.add("cognito-idp.amazonaws.com")
    assert principals < hosts
    suffix = ".amazonaws.com.cn" if region.startswith("cn-") else ".amazonaws.com"
    assert all(host.endswith(f".{region}{suffix}") for host in hosts - principals), hosts


def _role_of(stack: Graph, entry: str) -> Resource:
    return stack.by("arn", stack.named(f"{entry}-function").inputs["role"])


def _queue_policy(stack: Graph, queue: Resource) -> list[dict[str, Any]]:
    (policy,) = (policy for policy in stack.of("QueuePolicy") if policy.inputs["queueUrl"] == queue.outputs["url"])
    return policy.statements()


def _where(stack: Graph, entry: str, arn: str) -> str:
    """The ARN as the name of the resource it belongs to."""
    if arn == stack.named(f"{entry}-logs").outputs["arn"] + ":*":
        return "own logs"
    for table in stack.of("Table"):
        if arn == table.outputs["streamArn"]:
            return f"{table.name} stream"
        if arn.startswith(table.outputs["arn"] + "/"):
            return table.name + arn.removeprefix(table.outputs["arn"])
    return arn if arn == "*" else stack.by("arn", arn).name


def test_the_replayer_can_pass_a_copy_off_for_no_event_of_the_ledgers(stack: Graph) -> None:
    """By the source alone: no rule of the stack takes it, nor the archive, and its role may put no other on the bus."""
    (grant,) = (
        statement
        for statement in stack.named("replayer-policy").statements()
        if "events:PutEvents" in as_list(statement["Action"])
    )
    assert grant["Condition"] == {"StringEquals": {"events:source": COPIES}}
    account = "123456789012"
    for detail_type in ("TransactionProcessed", "CommandRejected", "TransferRequested"):
        for source, is_taken in ((COPIES, False), (LIVE, True)):
            event: dict[str, Any] = {"source": source, "detail-type": detail_type, "account": account, "detail": {}}
            patterns = [rule.document("eventPattern") for rule in (*stack.of("EventRule"), *stack.of("EventArchive"))]
            assert any(matches(pattern, event) for pattern in patterns) is is_taken

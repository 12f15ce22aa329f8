"""The watch tells of calls that take evidence away or open a door: of the stack's own things, and of nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import pytest

from components.guard_watch import MAX_PATTERN
from components.limits import SIGN_IN_IN_ONE_REGION
from local.engine.event_patterns import problem
from local.engine.pattern_matching import matches
from tests.infrastructure.policy import service_may_send
from tests.infrastructure.program import ACCOUNT, REGION, Graph, Resource, run

LABELS = ("guard", "evidence", "doors", "writers", "publishers", "roles")
LONGEST_REGION = "ap-southeast-4"
ROOM = 200
"""Characters that are kept free in each pattern."""

OTHERS = "others"
AUDITED = ("audit-log-rule", "audit-log-apart-rule", "audit-files-rule")
LETTERS = ("delivery-dlq", "projection-dlq", "process-dlq", "replay-dlq", "invocation-dlq")
QUEUES = (*LETTERS, "projection-feed", "process-feed", "replay")
WRITERS = ("command", "process", "sweep")
PUBLISHERS = ("relay", "replayer", "operations")
OF_A_RULE, OF_TARGETS = ("DeleteRule", "DisableRule", "PutRule"), ("PutTargets", "RemoveTargets")
OF_A_LOG_GROUP = ("DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy", "DeleteRetentionPolicy")
OF_A_STREAM = ("DeleteDeliveryStream", "UpdateDestination", "StopDeliveryStreamEncryption")
OF_A_BUCKET = (
    *("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
    *("DeleteBucketLifecycle", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"),
    *("DeletePublicAccessBlock", "PutBucketObjectLockConfiguration", "PutBucketVersioning", "DeleteBucket"),
)
OF_A_FUNCTION = (
    *("AddPermission20150331v2", "RemovePermission20150331v2", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"),
    *("CreateEventSourceMapping20150331", "UpdateEventSourceMapping20150331"),
    *("UpdateFunctionConfiguration20150331v2", "PutFunctionCodeSigningConfig", "DeleteFunctionCodeSigningConfig"),
)
OF_A_ROLE = (
    *("UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy"),
    *("CreateRole", "DeleteRole", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"),
)
OF_AN_API = ("CreateRoute", "UpdateRoute", "DeleteRoute", "CreateIntegration", "UpdateIntegration", "DeleteAuthorizer")
OF_A_QUEUE = ("SetQueueAttributes", "AddPermission", "RemovePermission", "DeleteQueue", "PurgeQueue")


def watching(**settings: str) -> Graph:
    given = {"watchGuards": "true", "auditFilesDays": "365", **settings}
    return run("prod", {f"event-sourcing:{key}": value for key, value in given.items()})


@pytest.fixture(scope="module")
def watched() -> Graph:
    return watching()


@pytest.fixture(scope="module")
def two() -> Graph:
    risks = json.dumps([SIGN_IN_IN_ONE_REGION])
    return watching(regions=json.dumps([REGION, "eu-west-1"]), kmsKey="create", acceptedRisks=risks)


def rules(declared: Graph) -> list[Resource]:
    return [each for each in declared.of("EventRule") if each.name in {f"{label}-watch-rule" for label in LABELS}]


def event(service: str, name: str, parameters: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """What EventBridge makes of a call that CloudTrail recorded: the parts of it that a pattern may look at."""
    return {
        "version": "0",
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": ACCOUNT,
        "region": REGION,
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "eventCategory": "Management",
            "readOnly": False,
            "requestParameters": parameters,
            **more,
        },
    }


def told(declared: Graph, sample: Mapping[str, Any]) -> list[str]:
    """The watches that tell of it."""
    return [
        each.name.removesuffix("-watch-rule")
        for each in rules(declared)
        if matches(each.document("eventPattern"), sample)
    ]


def url(name: str, host: str = f"sqs.{REGION}.amazonaws.com") -> str:
    return f"https://{host}/{ACCOUNT}/{name}"


def spellings(function: Resource) -> Iterator[str]:
    """All names of it that Lambda takes without a version; with one, those that are told."""
    name, arn = function.outputs["name"], function.outputs["arn"]
    yield from (name, arn, f"{ACCOUNT}:function:{name}", f"function:{name}")
    yield from (f"{name}:live", f"{name}:7", f"{arn}:live", f"{arn}:$LATEST")


class Call(NamedTuple):
    """One that a watch tells of, as it is asked of the stack's own things and of another's."""

    label: str
    service: str
    name: str
    own: Mapping[str, Any]
    others: Mapping[str, Any]


def outputs(declared: Graph, name: str) -> Mapping[str, Any]:
    return declared.named(name).outputs


def of_evidence(declared: Graph) -> Iterator[Call]:
    by_name: list[tuple[str, str, str, tuple[str, ...]]] = [
        ("events", "archiveName", outputs(declared, "events-archive")["name"], ("DeleteArchive", "UpdateArchive")),
        ("logs", "logGroupName", outputs(declared, "audit-log-group")["name"], OF_A_LOG_GROUP),
        ("s3", "bucketName", outputs(declared, "audit-files-bucket")["bucket"], OF_A_BUCKET),
        ("firehose", "deliveryStreamName", outputs(declared, "audit-files-stream")["name"], OF_A_STREAM),
    ]
    for service, field, value, names in by_name:
        for name in names:
            yield Call("evidence", service, name, {field: value}, {field: f"{value}-2"})
    on_the_bus = {"eventBusName": outputs(declared, "events-bus")["name"]}
    for each in AUDITED:
        rule = outputs(declared, each)["name"]
        for field, names in (("name", OF_A_RULE), ("rule", OF_TARGETS)):
            for name in names:
                yield Call("evidence", "events", name, {field: rule, **on_the_bus}, {field: OTHERS, **on_the_bus})


def of_doors(declared: Graph) -> Iterator[Call]:
    bus = outputs(declared, "events-bus")["name"]
    for name in ("PutPermission", "RemovePermission"):
        yield Call("doors", "events", name, {"eventBusName": bus}, {"eventBusName": "default"})
    for name in ("DeleteEventBus", "UpdateEventBus"):
        yield Call("doors", "events", name, {"name": bus}, {"name": OTHERS})
    for each, name, host in product(QUEUES, OF_A_QUEUE, (f"sqs.{REGION}.amazonaws.com", "queue.amazonaws.com")):
        queue = outputs(declared, f"{each}-queue")["name"]
        yield Call("doors", "sqs", name, {"queueUrl": url(queue, host)}, {"queueUrl": url(f"payroll-{queue}", host)})
    for api, name in product(("people-api-api", "machine-api-api"), OF_AN_API):
        yield Call("doors", "apigateway", name, {"apiId": f"{api}-id"}, {"apiId": OTHERS})


def of_functions(declared: Graph) -> Iterator[Call]:
    other = outputs(declared, "query-function")
    for label, entry in (*product(["writers"], WRITERS), *product(["publishers"], PUBLISHERS)):
        function = declared.named(f"{entry}-function")
        for name, spelled in product(OF_A_FUNCTION, spellings(function)):
            yield Call(label, "lambda", name, {"functionName": spelled}, {"functionName": other["name"]})
        for arn in (function.outputs["arn"], f"{function.outputs['arn']}:live"):
            yield Call(label, "events", "PutTargets", targets(arn), targets(other["arn"]))


def targets(arn: str) -> dict[str, Any]:
    return {"rule": OTHERS, "targets": [{"id": "1", "arn": OTHERS}, {"id": "2", "arn": arn}]}


def of_roles(declared: Graph) -> Iterator[Call]:
    roles = (*(f"{entry}-role" for entry in (*WRITERS, *PUBLISHERS)), "audit-files-writer-role")
    for each, name in product(roles, OF_A_ROLE):
        role = outputs(declared, each)["name"]
        yield Call("roles", "iam", name, {"roleName": role}, {"roleName": f"{role}-of-payroll"})


def test_each_kind_of_call_is_told_once_and_the_same_on_anothers_things_is_not(watched: Graph) -> None:
    calls = [call for of in (of_evidence, of_doors, of_functions, of_roles) for call in of(watched)]
    for each in calls:
        assert told(watched, event(each.service, each.name, each.own)) == [each.label], each
        assert told(watched, event(each.service, each.name, each.others)) == [], each
    assert {each.label for each in calls} == set(LABELS) - {"guard"}


def test_what_a_release_and_the_ledger_itself_do_all_the_time_is_not_told(watched: Graph) -> None:
    function, group = watched.named("command-function").outputs["name"], watched.named("audit-log-group").outputs
    for service, name, asked in (
        ("lambda", "UpdateFunctionCode20150331v2", {"functionName": function}),
        ("lambda", "PublishVersion20150331", {"functionName": function}),
        ("lambda", "UpdateAlias20150331", {"functionName": function, "name": "live"}),
        ("lambda", "TagResource20170331v2", {"resource": function}),
        ("logs", "CreateLogStream", {"logGroupName": group["name"]}),
        ("s3", "PutObject", {"bucketName": watched.named("audit-files-bucket").outputs["bucket"]}),
        ("sqs", "SendMessage", {"queueUrl": url(watched.named("process-feed-queue").outputs["name"])}),
    ):
        assert told(watched, event(service, name, asked)) == [], name
    assert told(watched, event("apigateway", "GetRoute", {"apiId": "people-api-api-id"}, readOnly=True)) == []


def test_every_pattern_is_one_that_eventbridge_takes(watched: Graph, two: Graph) -> None:
    """Also in a Region with a long name, and with some room for AWS's own names in other partitions."""
    assert [len(rules(each)) for each in (watched, two)] == [len(LABELS), 2 * len(LABELS)]
    for rule in (*rules(watched), *rules(two)):
        pattern = rule.inputs["eventPattern"]
        assert problem(pattern) is None, rule.name
        for region in (REGION, "eu-west-1"):
            pattern = pattern.replace(region, LONGEST_REGION)
        assert len(pattern) < MAX_PATTERN - ROOM, rule.name


def test_each_region_tells_of_its_own_functions_and_queues_and_of_what_settles_conflicts(two: Graph) -> None:
    """By the ARN and the URL: to CloudTrail a call is one of the Region where it is made."""
    for region in (REGION, "eu-west-1"):
        here = [each for each in rules(two) if each.outputs["arn"].split(":")[3] == region]
        assert len(here) == len(LABELS)
        patterns = {each.name.removesuffix("-watch-rule"): each.document("eventPattern") for each in here}
        for name in ("command-function", "reconcile-function", "replayer-function"):
            (function,) = (
                each for each in two.of("Function") if each.name == name and f":{region}:" in each.outputs["arn"]
            )
            asked = event("lambda", "AddPermission20150331v2", {"functionName": f"{function.outputs['arn']}:live"})
            label = "publishers" if name == "replayer-function" else "writers"
            assert [each for each, pattern in patterns.items() if matches(pattern, asked)] == [label], name
        for name in ("conflict-queue", "conflict-dlq-queue"):
            (queue,) = (each for each in two.of("Queue") if each.name == name and f":{region}:" in each.outputs["arn"])
            asked = event("sqs", "SetQueueAttributes", {"queueUrl": url(queue.outputs["name"])})
            assert [each for each, pattern in patterns.items() if matches(pattern, asked)] == ["doors"], name


def test_every_watch_reaches_the_alarm_topic_and_leaves_what_it_cannot_tell(watched: Graph) -> None:
    (topic,), (policy,) = watched.of("Topic"), watched.of("TopicPolicy")
    arns = [watched.named(f"{label}-watch-rule").outputs["arn"] for label in LABELS]
    (admitted,) = (each for each in policy.statements() if each["Sid"] == "AdmitRules")
    assert admitted["Condition"] == {"ArnEquals": {"aws:SourceArn": arns}}
    letters = watched.named("delivery-dlq-queue").outputs
    left = watched.named("delivery-dlq-policy").statements()
    for label in LABELS:
        rule, target = watched.named(f"{label}-watch-rule"), watched.named(f"monitoring-{label}-target")
        assert "eventBusName" not in rule.inputs
        assert (target.inputs["rule"], target.inputs["arn"]) == (rule.outputs["name"], topic.outputs["arn"])
        assert policy.urn in target.depends_on
        assert target.inputs["deadLetterConfig"] == {"arn": letters["arn"]}
        assert service_may_send(left, "events.amazonaws.com", rule.outputs["arn"], letters["arn"])
        assert not rule.protect


def test_the_watch_of_the_store_keeps_its_name(watched: Graph) -> None:
    """Stacks have had it for longer than the others: no `up` may make it anew."""
    component = "event-sourcing:index:GuardWatch$aws:cloudwatch/eventRule:EventRule"
    assert watched.named("guard-watch-rule").urn == f"urn:pulumi:prod::event-sourcing::{component}::guard-watch-rule"


def test_what_is_left_out_is_not_watched() -> None:
    left_out = {"watchGuards": "true", "auditLog": "false", "httpApi": "false"}
    lean = run("dev", {f"event-sourcing:{key}": value for key, value in left_out.items()})
    (evidence,) = (each for each in rules(lean) if each.name == "evidence-watch-rule")
    assert evidence.document("eventPattern") == {
        "source": ["aws.events"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventName": ["DeleteArchive", "UpdateArchive"],
            "requestParameters": {"archiveName": [lean.named("events-archive").outputs["name"]]},
        },
    }
    (doors,) = (each for each in rules(lean) if each.name == "doors-watch-rule")
    assert doors.document("eventPattern")["source"] == ["aws.events", "aws.sqs"]
    assert rules(run("dev")) == []

"""The rules of the policy pack hold for every stack, and each finds what it is there to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies import rules
from policies.rules import RULES, STACK_RULES, Declared
from tests.infrastructure.program import Graph, Resource, graph, run

REGIONS = {"event-sourcing:regions": '["us-east-1", "eu-west-1"]'}
KEYED = {
    "event-sourcing:kmsKey": "create",
    "event-sourcing:deployment": "Canary10Percent5Minutes",
    "event-sourcing:auditFilesDays": "365",
    "event-sourcing:backupDays": "365",
    "event-sourcing:subnetIds": '["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]',
    "event-sourcing:securityGroupIds": '["sg-0123456789abcdef0"]',
    "event-sourcing:backupCopyTo": '["arn:aws:backup:eu-west-1:123456789012:backup-vault:far"]',
}


def known(resource: Resource) -> dict[str, Any]:
    return {**resource.inputs, **resource.outputs}


def complaints(resources: list[Declared]) -> Iterator[tuple[str, str]]:
    """The rules that complain, and of which resource."""
    for declared in resources:
        for rule in RULES:
            if rule.type == declared.type:
                yield from ((rule.name, declared.urn) for _ in rule.check(declared.properties))
    for stack_rule in STACK_RULES:
        yield from ((stack_rule.name, urn) for urn, _ in stack_rule.check(resources))


def declared_of(stack: Graph) -> list[Declared]:
    return [Declared(each.type, each.urn, known(each)) for each in stack if each.custom]


@pytest.mark.parametrize("stack", ["dev", "prod", "keyed", "two Regions"])
def test_the_stack_keeps_to_every_rule(stack: str) -> None:
    changed = {"keyed": KEYED, "two Regions": REGIONS}.get(stack)
    assert list(complaints(declared_of(run("dev", changed) if changed else graph(stack)))) == []


Change = Callable[[dict[str, Any]], None]


def without(name: str) -> Change:
    return having(**{name: None})


def having(**properties: Any) -> Change:
    return lambda given: given.update(properties)


def with_statement(member: str, **statement: Any) -> Change:
    """Adds a statement to a policy."""

    def change(properties: dict[str, Any]) -> None:
        document = json.loads(properties[member])
        properties[member] = json.dumps({**document, "Statement": [*document["Statement"], statement]})

    return change


def allowing(**statement: Any) -> Change:
    return with_statement("policy", Effect="Allow", **statement)


def denying(**members: Any) -> Change:
    """A policy whose denials have these members in place of their own."""

    def change(properties: dict[str, Any]) -> None:
        document = json.loads(properties["policy"])
        for each in document["Statement"]:
            if each["Effect"] == "Deny":
                each.update(members)
        properties["policy"] = json.dumps(document)

    return change


def in_target(name: str) -> Change:
    """A schedule whose target lacks something."""
    return lambda properties: properties.update(target={**properties["target"], name: None})


ANYBODY = {"Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
NEVER = {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/nobody"}}
NOBODY_ELSE = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
ANY_ACCOUNT = [
    ("ArnLike", "aws:SourceArn", "*"),
    ("ArnLike", "aws:SourceArn", "arn:*"),
    ("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
    ("ArnLike", "aws:SourceArn", "arn:aws:events:us-east-1:*:rule/a"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*"),
    ("StringLike", "aws:PrincipalOrgID", "o-*"),
    ("StringLike", "aws:PrincipalAccount", ["123456789012", "*"]),
    ("StringEqualsIfExists", "aws:PrincipalAccount", "123456789012"),
    ("StringNotEquals", "aws:PrincipalAccount", "123456789012"),
    ("Bool", "aws:SecureTransport", "true"),
]
"""Conditions that hold for whom nobody names."""
ONE_ACCOUNT = [
    ("ArnLike", "aws:SourceArn", "arn:aws:s3:::a-bucket"),
    ("ArnEquals", "AWS:SourceArn", ["arn:aws:events:us-east-1:123456789012:rule/*"]),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*"),
    ("StringEquals", "AWS:SourceOwner", "123456789012"),
    ("StringEquals", "kms:CallerAccount", "123456789012"),
    ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a/r-b/ou-c/"),
]
SOMEBODY = {"AWS": "arn:aws:iam::123456789012:role/somebody"}

BROKEN: list[tuple[str, str, Change]] = [
    ("queue-encrypted", rules.QUEUE, without("sqsManagedSseEnabled")),
    ("table-restorable", rules.TABLE, without("pointInTimeRecovery")),
    ("log-retention", rules.LOG_GROUP, without("retentionInDays")),
    (
        "role-of-a-service",
        rules.ROLE,
        with_statement("assumeRolePolicy", Effect="Allow", Principal={"AWS": "*"}, Action="sts:AssumeRole"),
    ),
    ("role-own-policies", rules.ROLE, having(managedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])),
    ("role-own-policies", rules.ROLE, having(inlinePolicies=[{"name": "all", "policy": "{}"}])),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="s3:Put", Resource="*")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="s3:*", Resource="a")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="dynamodb:PutIte?", Resource="a")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(NotAction="s3:PutObject", Resource="a")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="s3:PutObject", NotResource="a")),
    *(
        ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="a:Put", Resource=["a", wide]))
        for wide in (
            "*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::b*",
            "arn:aws:sqs:us-east-1:123456789012:*",
            "arn:aws:dynamodb:us-east-1:123456789012:table/*",
            "arn:aws:dynamodb:us-east-1:123456789012:table/a?",
            "arn:aws:dynamodb:*:*:table/a",
            "arn:aws:logs:us-east-1:123456789012:log-group:*",
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/*",
            "arn:aws:iam::123456789012:role/ledger/*",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/*",
            "arn:aws:ssm:us-east-1:123456789012:parameter/prod/*",
            "arn:aws:apigateway:us-east-1::/*",
            "arn:aws:apigateway:us-east-1::/apis/*",
            "arn:aws:*",
        )
    ),
    ("function-logs", rules.FUNCTION, without("loggingConfig")),
    ("target-bounded", rules.TARGET, without("deadLetterConfig")),
    ("target-bounded", rules.TARGET, without("retryPolicy")),
    ("schedule-bounded", rules.SCHEDULE, in_target("deadLetterConfig")),
    ("schedule-bounded", rules.SCHEDULE, in_target("retryPolicy")),
    ("mapping-bounded", rules.MAPPING, without("maximumRetryAttempts")),
    ("mapping-bounded", rules.MAPPING, without("destinationConfig")),
    ("bucket-private", rules.BUCKET_ACCESS, without("blockPublicPolicy")),
    ("bucket-blocked", rules.BUCKET_ACCESS, having(bucket="another")),
    *(
        (rule, type_, denying(**members))
        for rule, type_ in (
            ("queue-tls", rules.QUEUE_POLICY),
            ("bucket-tls", rules.BUCKET_POLICY),
            ("topic-tls", rules.TOPIC_POLICY),
        )
        for members in (
            {"Action": "a:One"},
            {"Principal": SOMEBODY},
            {"Condition": NEVER},
            {"Resource": "arn:aws:a:::b"},
        )
    ),
    ("nothing-public", rules.QUEUE_POLICY, allowing(**ANYBODY)),
    ("nothing-public", rules.BUCKET_POLICY, allowing(**{**ANYBODY, "Principal": {"AWS": ["*"]}})),
    ("nothing-public", rules.TOPIC_POLICY, allowing(NotPrincipal=SOMEBODY, Action="sns:Publish", Resource="*")),
    *(
        ("nothing-public", rules.QUEUE_POLICY, allowing(**ANYBODY, Condition={operator: {key: value}}))
        for operator, key, value in ANY_ACCOUNT
    ),
    *(
        ("nothing-public", rules.TABLE_POLICY, allowing(**{**ANYBODY, "Principal": principal}))
        for principal in ({"AWS": ["*", SOMEBODY["AWS"]]}, {"AWS": "*", "Service": "events.amazonaws.com"})
    ),
    ("nothing-public", rules.LOG_POLICY, with_statement("policyDocument", Effect="Allow", **ANYBODY)),
    ("nothing-public", rules.QUEUE, having(policy=json.dumps({"Statement": [{"Effect": "Allow", **ANYBODY}]}))),
    ("nothing-public", rules.PERMISSION, having(principal="*")),
    ("nothing-public", rules.PERMISSION, having(principal="*", functionUrlAuthType="NONE", principalOrgId="o-a")),
    ("nothing-public", rules.PERMISSION, without("sourceArn")),
    ("nothing-public", rules.PERMISSION, having(sourceArn="*")),
    ("nothing-public", rules.PERMISSION, having(sourceArn="arn:aws:execute-api:*")),
    ("nothing-public", rules.API, having(target="arn:aws:lambda:us-east-1:123456789012:function:a")),
    ("nothing-public", rules.API, having(body="{}")),
    ("nothing-public", rules.ROUTE, having(routeKey="POST /health", authorizationType="NONE")),
    ("nothing-public", rules.ROUTE, having(routeKey="$default", authorizationType=None)),
    ("nothing-public", rules.ROUTE, having(routeKey="$connect", authorizationType="NONE")),
    ("invocation-dead-letters", rules.ASYNC, without("destinationConfig")),
    ("events-immutable", rules.TABLE_POLICY, denying(Principal=SOMEBODY)),
    ("events-immutable", rules.TABLE_POLICY, denying(Condition=NEVER)),
    ("events-immutable", rules.TABLE_POLICY, denying(Condition=NOBODY_ELSE)),
    *(
        ("events-immutable", rules.TABLE_POLICY, denying(Condition={"ArnNotLike": {"aws:PrincipalArn": [excepted]}}))
        for excepted in (
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/somebody",
            "arn:aws:iam::210987654321:role/somebody",
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*",
        )
    ),
    ("events-immutable", rules.TABLE_POLICY, denying(Resource="arn:aws:dynamodb:us-east-1:123456789012:table/a")),
    ("events-immutable", rules.TABLE_POLICY, denying(Action=["dynamodb:DeleteItem", "dynamodb:UpdateItem"])),
]


def broken(type_: str, break_it: Change, name: str = "") -> list[Declared]:
    """The development stack with one of its resources changed: the first of the type, and with `name` in its URN."""
    resources = declared_of(graph("dev"))
    place = next(
        place
        for place, each in enumerate(resources)
        if each.type == type_ and name in each.urn and ":sqs:" not in str(each.properties.get("eventSourceArn"))
    )
    changed = dict(resources[place].properties)
    break_it(changed)
    resources[place] = resources[place]._replace(properties=changed)
    return resources


@pytest.mark.parametrize(("rule", "type_", "break_it"), BROKEN)
def test_a_rule_finds_what_breaks_it(rule: str, type_: str, break_it: Change) -> None:
    assert {name for name, _ in complaints(broken(type_, break_it))} == {rule}


@pytest.mark.parametrize("left", [None, "{}", json.dumps({"deadLetterTargetArn": "arn:aws:sqs:a:1:dead"})])
@pytest.mark.parametrize("name", ["projection-feed-queue", "process-feed-queue", "replay-queue"])
def test_a_queue_that_is_worked_on_gives_up_into_another(name: str, left: str | None) -> None:
    assert ("queue-dead-letters", name) in [
        (rule, urn.rpartition("::")[2])
        for rule, urn in complaints(broken(rules.QUEUE, having(redrivePolicy=left), name))
    ]


def test_plain_http_is_refused_for_a_buckets_objects_too() -> None:
    found = complaints(broken(rules.BUCKET_POLICY, of_the_bucket_alone))
    assert [rule for rule, _ in found] == ["bucket-tls"]


def of_the_bucket_alone(properties: dict[str, Any]) -> None:
    arn = f"arn:aws:s3:::{properties['bucket']}"
    refusal = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": arn, "Condition": INSECURE}
    properties["policy"] = json.dumps({"Statement": [refusal]})


def test_a_queue_may_be_told_apart_where_it_gives_up() -> None:
    queue = next(each for each in declared_of(graph("dev")) if each.urn.endswith("::replay-queue"))
    apart = {"queueUrl": queue.properties["url"], "redrivePolicy": queue.properties["redrivePolicy"]}
    resources = broken(rules.QUEUE, having(redrivePolicy=None), "replay-queue")
    assert queue.urn in [urn for _, urn in complaints(resources)]
    assert list(complaints([*resources, Declared(rules.REDRIVE, "urn:apart", apart)])) == []


@pytest.mark.parametrize("name", ["command-async", "command-live-async"])
def test_what_is_invoked_by_an_alias_ends_in_a_queue_too(name: str) -> None:
    resources = [
        each._replace(properties={**each.properties, "destinationConfig": None})
        if each.type == rules.ASYNC and each.urn.endswith(f"::{name}")
        else each
        for each in declared_of(run("dev", KEYED))
    ]
    assert [rule for rule, _ in complaints(resources)] == ["invocation-dead-letters"]


def test_events_are_given_no_time_after_which_they_go() -> None:
    found = complaints(broken(rules.TABLE, having(ttl={"enabled": True, "attributeName": "Until"}), "event-store"))
    assert [rule for rule, _ in found] == ["events-immutable"]


@pytest.mark.parametrize("kind", ["rolePolicyAttachment:RolePolicyAttachment", "policyAttachment:PolicyAttachment"])
def test_a_role_is_attached_nothing(kind: str) -> None:
    admin = {"role": "command-role", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    attached = Declared(f"aws:iam/{kind}", "urn:attached", admin)
    assert list(complaints([*declared_of(graph("dev")), attached])) == [("role-nothing-attached", "urn:attached")]


def open_to(operator: str, key: str, value: object) -> dict[str, object]:
    return {"Effect": "Allow", **ANYBODY, "Condition": {operator: {key: value}}}


GIVES_UP = {"destinationConfig": {"onFailure": {"destinationArn": "arn:aws:sqs:us-east-1:123456789012:a"}}}


@pytest.mark.parametrize(
    ("type_", "properties", "found"),
    [
        (rules.FUNCTION_URL, {"authorizationType": "NONE"}, True),
        (rules.FUNCTION_URL, {"authorizationType": "AWS_IAM"}, False),
        (rules.BUS_PERMISSION, {"principal": "*"}, True),
        (rules.BUS_PERMISSION, {"principal": "*", "condition": {"key": "aws:PrincipalOrgID", "value": "o-a"}}, False),
        (rules.BUS_PERMISSION, {"principal": "*", "condition": {"key": "aws:PrincipalOrgID", "value": "o-*"}}, True),
        (rules.BUS_PERMISSION, {"principal": "*", "condition": {"key": "aws:RequestedRegion", "value": "a"}}, True),
        (rules.BUS_PERMISSION, {"principal": "123456789012"}, False),
        (rules.MAPPING, {"maximumRetryAttempts": 1, "maximumRecordAgeInSeconds": 60, **GIVES_UP}, False),
        (
            rules.BUCKET_POLICY,
            {"bucket": "a", "policy": json.dumps({"Statement": [{"Effect": "Allow", **ANYBODY}]})},
            True,
        ),
        *(
            (rules.BUCKET_POLICY, {"bucket": "a", "policy": {"Statement": [open_to(operator, key, value)]}}, False)
            for operator, key, value in ONE_ACCOUNT
        ),
        (rules.PERMISSION, {"principal": "*", "principalOrgId": "o-a"}, False),
        (rules.PERMISSION, {"principal": "123456789012"}, False),
        (rules.PERMISSION, {"principal": "alexa-appkit.amazon.com"}, True),
        (rules.PERMISSION, {"principal": "alexa-appkit.amazon.com", "eventSourceToken": "a-skill"}, False),
        (rules.ROUTE, {"routeKey": "sendMessage"}, False),
        (rules.PERMISSION, {"principal": "s3.amazonaws.com", "sourceAccount": "123456789012"}, False),
    ],
)
def test_what_opens_a_door_is_found_and_nothing_else(type_: str, properties: dict[str, Any], found: bool) -> None:
    """Of other stacks: this one declares none of these."""
    complained = list(complaints([*declared_of(graph("dev")), Declared(type_, "urn:door", properties)]))
    assert complained == ([("nothing-public", "urn:door")] if found else [])


def test_every_rule_is_broken_above() -> None:
    besides = {"queue-dead-letters", "role-nothing-attached"}
    assert {name for name, _, _ in BROKEN} | besides == {each.name for each in (*RULES, *STACK_RULES)}


def test_no_rule_is_about_what_nobody_declares() -> None:
    """It would hold for ever."""
    assert {rule.type for rule in RULES} <= {each.type for each in graph("dev")}

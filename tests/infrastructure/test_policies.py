"""The rules of the policy pack hold for every stack, and each finds what it is there to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies import rules
from policies.rules import RULES, STACK_RULES, Declared
from tests.infrastructure.program import Graph, Resource, graph, run

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


@pytest.mark.parametrize("stack", ["dev", "prod", "keyed"])
def test_the_stack_keeps_to_every_rule(stack: str) -> None:
    assert list(complaints(declared_of(run("dev", KEYED) if stack == "keyed" else graph(stack)))) == []


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda properties: properties.update({name: None})


def with_statement(member: str, **statement: Any) -> Callable[[dict[str, Any]], None]:
    """Adds a statement to a policy."""

    def change(properties: dict[str, Any]) -> None:
        document = json.loads(properties[member])
        properties[member] = json.dumps({**document, "Statement": [*document["Statement"], statement]})

    return change


def allowing(**statement: Any) -> Callable[[dict[str, Any]], None]:
    return with_statement("policy", Effect="Allow", **statement)


def empty(properties: dict[str, Any]) -> None:
    """A policy that denies nothing."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    properties["policy"] = json.dumps({"Statement": [allow]})


BROKEN: list[tuple[str, str, Callable[[dict[str, Any]], None]]] = [
    ("queue-encrypted", rules.QUEUE, without("sqsManagedSseEnabled")),
    ("table-restorable", rules.TABLE, without("pointInTimeRecovery")),
    ("log-retention", rules.LOG_GROUP, without("retentionInDays")),
    (
        "role-of-a-service",
        rules.ROLE,
        with_statement("assumeRolePolicy", Effect="Allow", Principal={"AWS": "*"}, Action="sts:AssumeRole"),
    ),
    (
        "role-least-privilege",
        rules.ROLE_POLICY,
        with_statement("policy", Effect="Allow", Action="s3:Put", Resource="*"),
    ),
    (
        "role-least-privilege",
        rules.ROLE_POLICY,
        with_statement("policy", Effect="Allow", NotAction="s3:X", Resource="a"),
    ),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="s3:*", Resource="a")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(Action="s3:PutObject", Resource="*")),
    ("role-least-privilege", rules.ROLE_POLICY, allowing(NotAction="s3:PutObject", Resource="a")),
    ("function-logs", rules.FUNCTION, without("loggingConfig")),
    ("target-bounded", rules.TARGET, without("deadLetterConfig")),
    ("target-bounded", rules.TARGET, without("retryPolicy")),
    ("mapping-bounded", rules.MAPPING, without("maximumRetryAttempts")),
    ("mapping-bounded", rules.MAPPING, without("destinationConfig")),
    ("bucket-private", rules.BUCKET_ACCESS, without("blockPublicPolicy")),
    ("queue-tls", rules.QUEUE_POLICY, empty),
    ("invocation-dead-letters", rules.ASYNC, without("destinationConfig")),
    ("events-immutable", rules.TABLE_POLICY, empty),
]


@pytest.mark.parametrize(("rule", "type_", "break_it"), BROKEN)
def test_a_rule_finds_what_breaks_it(rule: str, type_: str, break_it: Callable[[dict[str, Any]], None]) -> None:
    resources = declared_of(graph("dev"))
    place = next(
        place
        for place, each in enumerate(resources)
        if each.type == type_ and ":sqs:" not in str(each.properties.get("eventSourceArn"))
    )
    broken = dict(resources[place].properties)
    break_it(broken)
    resources[place] = resources[place]._replace(properties=broken)

    assert {name for name, _ in complaints(resources)} == {rule}


def test_every_rule_is_broken_above() -> None:
    assert {name for name, _, _ in BROKEN} == {each.name for each in (*RULES, *STACK_RULES)}


def test_no_rule_is_about_what_nobody_declares() -> None:
    """It would hold for ever."""
    assert {rule.type for rule in RULES} <= {each.type for each in graph("dev")}

"""Where a rule hands its events to: tried for as long as it is told, and what cannot be handed over is left aside."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.policies import Grant, assume_role_policy, role_policy


@dataclass(frozen=True)
class Delivery:
    """How hard a rule tries, and where what it cannot hand over is left."""

    event_bus: EventBus | None
    """None for the account's default bus."""
    dead_letters: DeadLetterQueue
    retry_attempts: Input[int]
    max_event_age: Input[int]
    """Seconds."""


def rule_target(
    name: str,
    rule_name: Input[str],
    target_arn: Input[str],
    delivery: Delivery,
    opts: pulumi.ResourceOptions,
    *,
    role_arn: Input[str] | None = None,
) -> aws.cloudwatch.EventTarget:
    """Have a rule hand everything to the target, which admits it, or in that role."""
    return aws.cloudwatch.EventTarget(
        name,
        rule=rule_name,
        event_bus_name=None if delivery.event_bus is None else delivery.event_bus.name,
        arn=target_arn,
        role_arn=role_arn,
        dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=delivery.dead_letters.arn),
        retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
            maximum_retry_attempts=delivery.retry_attempts, maximum_event_age_in_seconds=delivery.max_event_age
        ),
        opts=opts,
    )


def target_in_a_role(
    name: str,
    rule: aws.cloudwatch.EventRule,
    target_arn: Input[str],
    delivery: Delivery,
    *,
    role_name: str,
    description: str,
    grant: Grant,
    owner: pulumi.Resource,
) -> aws.iam.Role:
    """Have a rule hand everything to the target, in a role (named `role_name`-role) that may do just that."""
    child = pulumi.ResourceOptions(parent=owner)
    role = aws.iam.Role(
        f"{role_name}-role",
        description=description,
        assume_role_policy=assume_role_policy("events.amazonaws.com", {"ArnEquals": {"aws:SourceArn": rule.arn}}),
        opts=child,
    )
    policy = aws.iam.RolePolicy(f"{role_name}-policy", role=role.name, policy=role_policy([grant]), opts=child)
    opts = pulumi.ResourceOptions(parent=owner, depends_on=[policy])
    rule_target(f"{name}-target", rule.name, target_arn, delivery, opts, role_arn=role.arn)
    return role

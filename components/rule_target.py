"""A target of a rule that EventBridge reaches in a role of its own."""

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

    event_bus: EventBus
    dead_letters: DeadLetterQueue
    retry_attempts: Input[int]
    max_event_age: Input[int]


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
    aws.cloudwatch.EventTarget(
        f"{name}-target",
        rule=rule.name,
        event_bus_name=delivery.event_bus.name,
        arn=target_arn,
        role_arn=role.arn,
        dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=delivery.dead_letters.arn),
        retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
            maximum_retry_attempts=delivery.retry_attempts, maximum_event_age_in_seconds=delivery.max_event_age
        ),
        opts=pulumi.ResourceOptions(parent=owner, depends_on=[policy]),
    )
    return role

"""The way to another Region's bus, for what no stored event tells there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.policies import Grant
from components.rule_target import Delivery, target_in_a_role


@dataclass(frozen=True)
class CrossingArgs:
    event_bus: EventBus
    region: str
    """Of the bus: what was put on it elsewhere does not cross again, so nothing goes in circles."""
    to_bus_arn: Input[str]
    source: str
    detail_types: Sequence[str]
    delivery_dead_letters: DeadLetterQueue
    """Takes what could not be delivered; must admit the rules of the bus."""
    retry_attempts: Input[int] = 185
    max_event_age: Input[int] = 86_400
    """Seconds."""


class Crossing(pulumi.ComponentResource):
    """One rule. EventBridge leaves an event the Region in which it was put, which is the mark by which it is told."""

    rule_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    """In which it puts events on the other bus."""

    def __init__(self, name: str, args: CrossingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Crossing", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description="What no stored event tells, to the other Region's bus",
            event_bus_name=args.event_bus.name,
            event_pattern=Output.json_dumps(
                {"source": [args.source], "detail-type": list(args.detail_types), "region": [args.region]}
            ),
            state="ENABLED",
            opts=child,
        )
        role = target_in_a_role(
            name,
            rule,
            args.to_bus_arn,
            Delivery(args.event_bus, args.delivery_dead_letters, args.retry_attempts, args.max_event_age),
            role_name=name,
            description="What the rule to the other Region's bus may do",
            grant=Grant("CrossToBus", ("events:PutEvents",), (args.to_bus_arn,)),
            owner=self,
        )
        self.rule_name = rule.name
        self.role_arn = role.arn
        self.register_outputs({"ruleName": self.rule_name})

"""Who may put events on the bus: the bus's own policy, which holds whatever the roles of the account allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.event_bus import EventBus
from components.policies import guarded_bus_policy


@dataclass(frozen=True)
class BusGuardArgs:
    event_bus: EventBus
    writer_arns: Sequence[Input[str]]
    """The roles (users, the root user) that put events; who is not among them may not, whatever its role allows."""


class BusGuard(pulumi.ComponentResource):
    """The bus's policy. It comes after all that puts events, since it names their roles."""

    def __init__(self, name: str, args: BusGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:BusGuard", name, None, opts)
        aws.cloudwatch.EventBusPolicy(
            f"{name}-policy",
            event_bus_name=args.event_bus.name,
            policy=guarded_bus_policy(args.event_bus.arn, args.writer_arns),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

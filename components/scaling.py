"""Capacity of tables that is provisioned and follows the load, by Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
from pulumi import Output

if TYPE_CHECKING:
    from components.table import TableArgs

USED_PERCENT = 70
"""Of the capacity: above it, more is provisioned within minutes; below it, after a quarter of an hour, less."""


def scale(
    owner: pulumi.ComponentResource, name: str, table: aws.dynamodb.Table, args: TableArgs, indexes: Iterable[str]
) -> None:
    """Have the table and its global indexes scale by themselves, as far as `args` lets them."""
    places = {"table": Output.concat("table/", table.name)}
    places |= {f"index:{index}": Output.concat("table/", table.name, "/index/", index) for index in indexes}
    for what, least, most in (
        ("Read", args.read_capacity, args.max_read_capacity),
        ("Write", args.write_capacity, args.max_write_capacity),
    ):
        if not most or least is None:
            continue
        for place, resource in places.items():
            kind, _, index = place.partition(":")
            target = aws.appautoscaling.Target(
                "-".join(filter(None, (name, index, what.lower(), "scaling"))),
                service_namespace="dynamodb",
                scalable_dimension=f"dynamodb:{kind}:{what}CapacityUnits",
                resource_id=resource,
                min_capacity=least,
                max_capacity=most,
                opts=pulumi.ResourceOptions(parent=owner),
            )
            _follow(owner, "-".join(filter(None, (name, index, what.lower(), "use"))), target, what)


def _follow(owner: pulumi.ComponentResource, name: str, target: aws.appautoscaling.Target, what: str) -> None:
    aws.appautoscaling.Policy(
        name,
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": USED_PERCENT,
            "predefined_metric_specification": {"predefined_metric_type": f"DynamoDB{what}CapacityUtilization"},
        },
        opts=pulumi.ResourceOptions(parent=owner),
    )

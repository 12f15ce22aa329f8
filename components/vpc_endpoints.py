"""Ways out of a VPC without the internet: an endpoint for each service that functions call, for the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.policies import endpoint_policy

DYNAMODB = "dynamodb"
"""The one that is a gateway: a route instead of addresses, and free of charge."""
_ACTED_ON_AS = {"dynamodb-streams": "dynamodb"}
"""What IAM calls the service of an endpoint, where that is another name."""


@dataclass(frozen=True)
class VpcEndpointsArgs:
    vpc_id: str
    subnet_ids: Sequence[str]
    """Those of the functions: each gets an address of every endpoint but the gateway."""
    security_group_ids: Sequence[str]
    """Those of the functions, too; they must let each other in on port 443."""
    route_table_ids: Sequence[str]
    """Of the subnets: the way to DynamoDB is a route in them."""
    region: Input[str]
    account_id: Input[str]
    reached: Mapping[str, Sequence[Input[str]]]
    """By service, the ARNs of what is reached through its endpoint."""


class VpcEndpoints(pulumi.ComponentResource):
    """Takes over how the VPC resolves the services' names: whatever else is in it reaches the ledger alone by them."""

    def __init__(self, name: str, args: VpcEndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:VpcEndpoints", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for service, arns in args.reached.items():
            called = Output.concat("com.amazonaws.", args.region, ".", service)
            policy = endpoint_policy(_ACTED_ON_AS.get(service, service), arns, args.account_id)
            if service == DYNAMODB:
                aws.ec2.VpcEndpoint(
                    f"{name}-{service}",
                    vpc_id=args.vpc_id,
                    service_name=called,
                    vpc_endpoint_type="Gateway",
                    route_table_ids=args.route_table_ids,
                    policy=policy,
                    opts=child,
                )
                continue
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=args.vpc_id,
                service_name=called,
                vpc_endpoint_type="Interface",
                subnet_ids=args.subnet_ids,
                security_group_ids=args.security_group_ids,
                private_dns_enabled=True,
                policy=policy,
                opts=child,
            )
        self.register_outputs({})

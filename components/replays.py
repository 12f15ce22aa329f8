"""The table of replays: what each was asked to do, and how far it is."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.policies import Grant
from components.table import TableArgs


class Replays(pulumi.ComponentResource):
    """Keyed by ReplayId and Part: an item per replay, and one for each of its segments."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Replays", name, None, opts)
        args.check(name)
        table = aws.dynamodb.Table(
            f"{name}-table",
            attributes=[
                aws.dynamodb.TableAttributeArgs(name="ReplayId", type="S"),
                aws.dynamodb.TableAttributeArgs(name="Part", type="S"),
            ],
            hash_key="ReplayId",
            range_key="Part",
            billing_mode=args.billing_mode,
            read_capacity=args.read_capacity,
            write_capacity=args.write_capacity,
            point_in_time_recovery=args.recovery(),
            server_side_encryption=args.encryption(),
            deletion_protection_enabled=args.deletion_protection,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_work(self) -> Grant:
        """Leave to read replays and to move their segments on."""
        return Grant("WorkOnReplays", ("dynamodb:PutItem", "dynamodb:Query"), (self.table_arn,))

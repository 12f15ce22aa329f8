"""The table of replays: what each was asked to do, and how far it is."""

from __future__ import annotations

import pulumi

from components.policies import Grant
from components.table import TableArgs, table_of


class Replays(pulumi.ComponentResource):
    """Keyed by ReplayId and Part: an item per replay, and one for each of its segments."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Replays", name, None, opts)
        table = table_of(self, name, args, ("ReplayId", "Part"))
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_oversee(self) -> Grant:
        """Leave to list and read replays, and to have them pause, go on or end."""
        return Grant("OverseeReplays", ("dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"), (self.table_arn,))

    def grant_work(self) -> Grant:
        """Leave to read replays and to move their segments on."""
        return Grant("WorkOnReplays", ("dynamodb:PutItem", "dynamodb:Query"), (self.table_arn,))

"""The table of branches: what is tried on top of the ledger's history. It has no stream, and every item expires."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.policies import Grant
from components.table import TableArgs, table_of

COMMAND_INDEX = "CommandId-index"
"""By Part and CommandId, strongly consistent: what became of a command on a branch."""


class Branches(pulumi.ComponentResource):
    """Keyed by Part (heads, or a part of one branch) and Place; every item carries a Unix time to expire at."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Branches", name, None, opts)
        table = table_of(
            self,
            name,
            args,
            ("Part", "Place"),
            ["CommandId"],
            local_secondary_indexes=[
                aws.dynamodb.TableLocalSecondaryIndexArgs(
                    name=COMMAND_INDEX, range_key="CommandId", projection_type="KEYS_ONLY"
                )
            ],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name="ExpiresAt", enabled=True),
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_look(self) -> Grant:
        """Leave to read branches, and what was decided again on them."""
        return Grant("LookAtBranches", ("dynamodb:GetItem", "dynamodb:Query"), (self.table_arn,))

    def grant_use(self) -> Grant:
        """Leave to find a branch, and to read and write what is decided on it."""
        actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
        return Grant("UseBranches", actions, (self.table_arn,))

    def grant_find_command(self) -> Grant:
        """Leave to look up what became of a command on a branch."""
        return Grant(
            "FindCommandOnBranch", ("dynamodb:Query",), (Output.concat(self.table_arn, "/index/", COMMAND_INDEX),)
        )

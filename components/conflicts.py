"""The table of events that were acknowledged in one Region and lost to another's; replicated like the event store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.policies import Grant
from components.table import TableArgs, global_index, replica_output, table_of

DUE_INDEX = "Due-KeptAt-index"
"""By Due and KeptAt: what is not closed yet. Only those have the key."""
_DUE_KEY = ("Due", "KeptAt")


@dataclass(frozen=True)
class ConflictsArgs(TableArgs):
    replicas: Sequence[aws.dynamodb.TableReplicaArgs] = ()
    """The table in other Regions."""


class ConflictTable(pulumi.ComponentResource):
    """The table in one Region, and what of it may be left to whom.

    Keyed by AggregateId and Place, which is an event's sequence and hash: one event has the same key in any Region.
    """

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def grant_settle(self) -> Grant:
        """Leave to keep lost events, and to note what became of them."""
        return Grant("SettleConflicts", ("dynamodb:PutItem", "dynamodb:Query"), (self.table_arn,))

    def grant_look(self) -> Grant:
        """Leave to look whether a lost event is kept."""
        return Grant("LookIntoConflicts", ("dynamodb:Query",), (self.table_arn,))

    def grant_find_due(self) -> Grant:
        """Leave to find what is not closed."""
        return Grant("FindConflicts", ("dynamodb:Query",), (Output.concat(self.table_arn, "/index/", DUE_INDEX),))


class Conflicts(ConflictTable):
    """The table itself, which the first Region declares."""

    table: aws.dynamodb.Table

    def __init__(self, name: str, args: ConflictsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Conflicts", name, None, opts)
        self.table = table_of(
            self,
            name,
            args,
            ("AggregateId", "Place"),
            _DUE_KEY,
            global_secondary_indexes=[global_index(DUE_INDEX, _DUE_KEY, args)],
            stream_enabled=True,  # by which DynamoDB replicates
            stream_view_type="NEW_AND_OLD_IMAGES",
            replicas=list(args.replicas) or None,
        )
        self.table_name = self.table.name
        self.table_arn = self.table.arn
        self.register_outputs({"tableName": self.table_name})


class ConflictsReplica(ConflictTable):
    """The same table in another Region."""

    def __init__(self, name: str, of: Conflicts, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ConflictsReplica", name, None, opts)
        self.table_name = of.table.name
        self.table_arn = replica_output(of.table, region, "arn")
        self.register_outputs({"tableName": self.table_name})

"""The table of events that were acknowledged in one Region and lost to another's; replicated like the event store."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.policies import Grant
from components.table import TableArgs, global_index, table_of

DUE_INDEX = "Due-KeptAt-index"
"""By Due and KeptAt: what is not closed yet. Only those have the key."""
_DUE_KEY = ("Due", "KeptAt")


class Conflicts(pulumi.ComponentResource):
    """Keyed by AggregateId and Place, which is an event's sequence and hash: the same event has the same key anywhere."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: TableArgs,
        opts: pulumi.ResourceOptions | None = None,
        replicas: Sequence[aws.dynamodb.TableReplicaArgs] = (),
    ) -> None:
        super().__init__("event-sourcing:index:Conflicts", name, None, opts)
        table = table_of(
            self,
            name,
            args,
            ("AggregateId", "Place"),
            _DUE_KEY,
            global_secondary_indexes=[global_index(DUE_INDEX, _DUE_KEY, args)],
            stream_enabled=True,  # which DynamoDB replicates by
            stream_view_type="NEW_AND_OLD_IMAGES",
            replicas=list(replicas) or None,
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_settle(self) -> Grant:
        """Leave to keep lost events, and to note what became of them."""
        return Grant("SettleConflicts", ("dynamodb:PutItem", "dynamodb:Query"), (self.table_arn,))

    def grant_find_due(self) -> Grant:
        """Leave to find what is not closed."""
        return Grant("FindConflicts", ("dynamodb:Query",), (Output.concat(self.table_arn, "/index/", DUE_INDEX),))

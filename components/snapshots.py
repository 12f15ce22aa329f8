"""The table of snapshots: states kept along the streams. It can be thrown away and made anew at any time."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.policies import Grant
from components.table import TableArgs, table_of

TIME_INDEX = "TimeKey-index"
"""By AggregateId and TimeKey: the newest snapshot at or before a time."""


class Snapshots(pulumi.ComponentResource):
    """Keyed by AggregateId and SnapshotKey (state version and sequence); items may carry a Unix time to expire at."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Snapshots", name, None, opts)
        table = table_of(
            self,
            name,
            args,
            ("AggregateId", "SnapshotKey"),
            ["TimeKey"],
            local_secondary_indexes=[
                aws.dynamodb.TableLocalSecondaryIndexArgs(name=TIME_INDEX, range_key="TimeKey", projection_type="ALL")
            ],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name="ExpiresAt", enabled=True),
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_read(self) -> Grant:
        """Leave to find an aggregate's snapshot by sequence."""
        return Grant("ReadSnapshots", ("dynamodb:Query",), (self.table_arn,))

    def grant_read_by_time(self) -> Grant:
        """Leave to find an aggregate's snapshot by time."""
        return Grant(
            "ReadSnapshotsByTime", ("dynamodb:Query",), (Output.concat(self.table_arn, "/index/", TIME_INDEX),)
        )

    def grant_write(self) -> Grant:
        """Leave to keep snapshots."""
        return Grant("KeepSnapshots", ("dynamodb:BatchWriteItem",), (self.table_arn,))

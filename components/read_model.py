"""The table of projections: what queries read. It can be rebuilt from the event store at any time."""

from __future__ import annotations

import pulumi
from pulumi import Output

from components.policies import Grant
from components.table import TableArgs, global_index, table_of

DUE_INDEX = "Due-index"
"""By DueBucket and DueAt: the rows that say when something is due for them, and no other."""
DUE_KEY = ("DueBucket", "DueAt")


class ReadModel(pulumi.ComponentResource):
    """Keyed by AccountId and ProjectionType: one item for each projection of an aggregate, and one for each entry that
    stands beside its row."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ReadModel", name, None, opts)
        table = table_of(
            self,
            name,
            args,
            ("AccountId", "ProjectionType"),
            DUE_KEY,
            global_secondary_indexes=[global_index(DUE_INDEX, DUE_KEY, args)],
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_project(self) -> Grant:
        """Leave to read projections and write them whole, under a condition."""
        actions = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem")
        return Grant("Project", actions, (self.table_arn,))

    def grant_write_entries(self) -> Grant:
        """Leave to write the entries of statements, by batches."""
        return Grant("WriteEntries", ("dynamodb:BatchWriteItem",), (self.table_arn,))

    def grant_mend(self) -> Grant:
        """Leave to make rows again, and their entries: to read and write them, and to delete entries."""
        actions = ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query")
        return Grant("MendProjections", tuple(f"dynamodb:{each}" for each in actions), (self.table_arn,))

    def grant_read(self) -> Grant:
        """Leave to read a projection by its key."""
        return Grant("ReadProjections", ("dynamodb:GetItem",), (self.table_arn,))

    def grant_read_many(self) -> Grant:
        """Leave to read projections by their keys, many at once."""
        return Grant("ReadManyProjections", ("dynamodb:BatchGetItem",), (self.table_arn,))

    def grant_read_due(self) -> Grant:
        """Leave to find what is due, or will be."""
        return Grant("ReadDue", ("dynamodb:Query",), (Output.concat(self.table_arn, "/index/", DUE_INDEX),))

    def grant_read_entries(self) -> Grant:
        """Leave to read the entries of a statement."""
        return Grant("ReadEntries", ("dynamodb:Query",), (self.table_arn,))

    def grant_inspect(self) -> Grant:
        """Leave to read all that there is of an aggregate."""
        actions = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
        return Grant("InspectProjections", actions, (self.table_arn,))

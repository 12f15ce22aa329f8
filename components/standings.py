"""The table in which a Region keeps its own standing: its role and epoch. Never replicated, or one Region could be told
by another's word that it decides."""

from __future__ import annotations

import pulumi

from components.policies import Grant
from components.table import TableArgs, table_of


class Standings(pulumi.ComponentResource):
    """Keyed by Part and Place: one item is the standing, once an operator has changed what the program gave; the others
    are notes of streams that wait for something of the other Region's, and of copies that are to be looked at again."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Standings", name, None, opts)
        table = table_of(self, name, args, ("Part", "Place"))
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"tableName": self.table_name})

    def grant_read(self) -> Grant:
        """Leave to read where the Region stands."""
        return Grant("ReadStanding", ("dynamodb:GetItem",), (self.table_arn,))

    def grant_note_waiting(self) -> Grant:
        """Leave to keep notes of streams that wait."""
        return Grant("NoteWaiting", ("dynamodb:DeleteItem", "dynamodb:Query"), (self.table_arn,))

    def grant_give_way(self) -> Grant:
        """Leave to read where the Region stands, and to fence it."""
        return Grant("GiveWay", ("dynamodb:GetItem", "dynamodb:PutItem"), (self.table_arn,))

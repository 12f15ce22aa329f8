"""The append-only table of events: the one source of truth, and through its stream the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pulumi
import pulumi_aws as aws
from pulumi import Output

from components.policies import Grant
from components.scaling import scale
from components.table import TableArgs, global_index, replica_output

TYPE_INDEX = "EventType-Timestamp-index"
"""By TypeBucket and Timestamp: events of one type, spread over the buckets."""
TYPE_KEY = ("TypeBucket", "Timestamp")
CORRELATION_INDEX = "Correlation-Timestamp-index"
"""By Correlation and Timestamp: events that belong together. Only those have the key that say of another command."""
CORRELATION_KEY = ("Correlation", "Timestamp")
COMMAND_INDEX = "CommandId-index"
"""By AggregateId and CommandId, strongly consistent: what became of a command.

A local index cannot be added to a table later, and having one keeps each account in one partition of at most 10 GB.
"""


@dataclass(frozen=True)
class EventStoreArgs(TableArgs):
    type_index: bool = True
    """Have the index by type. Events carry its key either way: DynamoDB fills an index that is made later by itself."""
    correlation_index: bool = True
    """Have the index by correlation. Events carry its key either way."""
    replicas: Sequence[aws.dynamodb.TableReplicaArgs] = ()
    """The table in other Regions: `replica` makes them."""


class EventTable(pulumi.ComponentResource):
    """The table in one Region, and what of it may be left to whom."""

    table_name: pulumi.Output[str]
    table_arn: pulumi.Output[str]
    stream_arn: pulumi.Output[str]
    type_index: str | None
    """The name of the index by type; None where it is left out."""
    correlation_index: str | None
    """The name of the index by correlation; None where it is left out."""

    def grant_append(self) -> Grant:
        """Leave to put items, singly or in a transaction."""
        return Grant("AppendEvents", ("dynamodb:PutItem",), (self.table_arn,))

    def grant_read(self) -> Grant:
        """Leave to read an aggregate's events."""
        return Grant("ReadEvents", ("dynamodb:Query",), (self.table_arn,))

    def grant_scan(self) -> Grant:
        """Leave to read all events there are."""
        return Grant("ScanEvents", ("dynamodb:Scan",), (self.table_arn,))

    def grant_describe(self) -> Grant:
        """Leave to ask how many events there are, about."""
        return Grant("CountEvents", ("dynamodb:DescribeTable",), (self.table_arn,))

    def grant_put_together(self) -> Grant:
        """Leave to put back what stands in a stream that two Regions wrote, and to remove what does not."""
        return Grant("PutStreamsTogether", ("dynamodb:DeleteItem",), (self.table_arn,))

    def grant_find_command(self) -> Grant:
        """Leave to look up what became of a command."""
        return Grant("FindCommand", ("dynamodb:Query",), (self._index_arn(COMMAND_INDEX),))

    def grant_query_by_type(self) -> Grant:
        """Leave to read events by their type."""
        if self.type_index is None:
            raise ValueError("the event store has no index by type")
        return Grant("QueryByType", ("dynamodb:Query",), (self._index_arn(self.type_index),))

    def grant_query_by_correlation(self) -> Grant:
        """Leave to read events by what they belong to."""
        if self.correlation_index is None:
            raise ValueError("the event store has no index by correlation")
        return Grant("QueryByCorrelation", ("dynamodb:Query",), (self._index_arn(self.correlation_index),))

    def grant_read_stream(self) -> Grant:
        """Leave to follow the table's stream."""
        actions = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
        return Grant("ReadStream", actions, (self.stream_arn,))

    def grant_reread_stream(self) -> Grant:
        """Leave to read a part of the table's stream again, by the places that somebody noted."""
        return Grant("RereadStream", ("dynamodb:GetRecords", "dynamodb:GetShardIterator"), (self.stream_arn,))

    def _index_arn(self, index: str) -> Output[str]:
        return Output.concat(self.table_arn, "/index/", index)


class EventStore(EventTable):
    """Keyed by AggregateId and EventSequence (1..n without a gap). That it is only appended to, AppendGuard sees to."""

    table: aws.dynamodb.Table

    def __init__(self, name: str, args: EventStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:EventStore", name, None, opts)
        args.check(name)
        attribute = aws.dynamodb.TableAttributeArgs
        indexes = {TYPE_INDEX: TYPE_KEY} if args.type_index else {}
        indexes |= {CORRELATION_INDEX: CORRELATION_KEY} if args.correlation_index else {}
        table = aws.dynamodb.Table(
            f"{name}-table",
            attributes=[
                attribute(name="AggregateId", type="S"),
                attribute(name="EventSequence", type="N"),
                attribute(name="CommandId", type="S"),
                # DynamoDB takes no attribute here that is in no key.
                *(attribute(name=each, type="S") for each in dict.fromkeys(chain.from_iterable(indexes.values()))),
            ],
            hash_key="AggregateId",
            range_key="EventSequence",
            global_secondary_indexes=[global_index(name, key, args) for name, key in indexes.items()],
            local_secondary_indexes=[
                aws.dynamodb.TableLocalSecondaryIndexArgs(
                    name=COMMAND_INDEX, range_key="CommandId", projection_type="KEYS_ONLY"
                )
            ],
            # Old images as well: a change or a deletion is reported with what was there before.
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
            replicas=list(args.replicas) or None,
            opts=args.options(self),
            **args.common(),
        )
        scale(self, name, table, args, indexes)
        self.table = table
        self.table_name = table.name
        self.table_arn = table.arn
        self.stream_arn = table.stream_arn
        self.type_index = TYPE_INDEX if args.type_index else None
        self.correlation_index = CORRELATION_INDEX if args.correlation_index else None
        self.register_outputs({"tableName": self.table_name, "streamArn": self.stream_arn})


class EventStoreReplica(EventTable):
    """The same table in another Region, with a stream of its own. The table itself is the first Region's to declare."""

    def __init__(self, name: str, store: EventStore, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:EventStoreReplica", name, None, opts)
        self.table_name = store.table.name
        self.table_arn = replica_output(store.table, region, "arn")
        self.stream_arn = replica_output(store.table, region, "stream_arn")
        self.type_index = store.type_index
        self.correlation_index = store.correlation_index
        self.register_outputs({"tableName": self.table_name, "streamArn": self.stream_arn})

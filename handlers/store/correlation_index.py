"""Events that belong together, across aggregates, in the order of their times: a sparse index on what correlates them.

An event stands in it if its CorrelationId is another one than its CommandId. So a command that says nothing of it, as
most do, costs no unit more, and what it caused is found in its own stream alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing.event import Event

from .event_store import CORRELATION
from .stored_events import Unreadable, events_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "Correlation-Timestamp-index"


class CorrelatedPlace(NamedTuple):
    """An event's place among those of its correlation; the reading goes on behind it."""

    timestamp: str
    aggregate_id: str
    sequence: int


class CorrelatedPage(NamedTuple):
    """Some events, the earliest first, and the place of the last item read where there may be more."""

    events: list[Event]
    rest: CorrelatedPlace | None


@dataclass(frozen=True, slots=True)
class CorrelationIndex:
    """Reads the index; eventually consistent, as every global index."""

    client: DynamoDBClient
    table: str

    def page(
        self,
        correlation_id: str,
        *,
        limit: int,
        after: CorrelatedPlace | None = None,
        unreadable: Unreadable | None = None,
    ) -> CorrelatedPage:
        """At most `limit` items and 1 MB behind `after`: one Query, half a read unit for each 4 KB.

        An item that is no event raises NotAnEventError or, where somebody listens, is told and left out.
        """
        start: Any = {"ExclusiveStartKey": _key(correlation_id, after)} if after else {}
        answer = self.client.query(
            TableName=self.table,
            IndexName=INDEX,
            KeyConditionExpression=f"{CORRELATION} = :id",
            ExpressionAttributeValues={":id": {"S": correlation_id}},
            Limit=limit,
            **start,
        )
        last: Any = answer.get("LastEvaluatedKey")
        return CorrelatedPage(events_of(answer["Items"], unreadable), _place(last) if last else None)


def place_of_event(event: Event) -> CorrelatedPlace:
    """Where an event stands among those of its correlation."""
    return CorrelatedPlace(event.timestamp, event.aggregate_id, event.sequence)


def _place(key: Mapping[str, Mapping[str, str]]) -> CorrelatedPlace:
    return CorrelatedPlace(key["Timestamp"]["S"], key["AggregateId"]["S"], int(key["EventSequence"]["N"]))


def _key(correlation_id: str, place: CorrelatedPlace) -> dict[str, dict[str, str]]:
    return {
        CORRELATION: {"S": correlation_id},
        "Timestamp": {"S": place.timestamp},
        "AggregateId": {"S": place.aggregate_id},
        "EventSequence": {"N": str(place.sequence)},
    }

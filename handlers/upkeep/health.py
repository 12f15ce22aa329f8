"""How far everything that follows the events is behind them, as far as it can be told without asking for much.

SQS tells how many messages a queue holds, but the age of the oldest only by CloudWatch, a minute later; DynamoDB does
not tell how far a stream was read at all. So it is measured where it counts: the newest events of each type are looked
for in the rows that they are to change. What is missing there is behind, wherever on the way it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.domain import EVENT_TYPES, KINDS
from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.values import Value
from handlers.store.due_index import AT, DueIndex
from handlers.store.read_model import NOTHING, Key, ReadModel
from handlers.store.type_index import TypeIndex

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NEWEST = 5
"""Events of each type that are looked for."""
DUE_ROWS = 100
"""Rows of each bucket of the due index that are looked at, those first that have been due for longest."""
_COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "inWork": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


def depth(client: SQSClient, url: str) -> dict[str, int]:
    """About how many messages a queue holds: those that wait, those that somebody works on, and those that wait to be
    seen. One request."""
    names: Any = list(_COUNTS.values())
    told: Any = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return {short: int(told[name]) for short, name in _COUNTS.items()}


@dataclass(frozen=True, slots=True)
class Lags:
    """Looks for the newest events in the rows."""

    types: TypeIndex
    read_model: ReadModel
    projections: Sequence[OfKind]

    def of(self, now: str) -> list[Value]:
        """How far each projection is behind, by the newest five events of each type.

        One Query for each type and bucket of the type index, and a BatchGetItem for each 100 rows. A sample: of older
        events that are not in their rows it knows nothing, and a row may be there before the index has its event.
        """
        return self.behind(self.newest(), now)

    def newest(self) -> list[Event]:
        """The newest five events of each type: a Query for each type and bucket of the index."""
        pages = (
            self.types.page(each, limit=NEWEST, unreadable=lambda _: None)
            for each in EVENT_TYPES
            if KINDS.of_type(each)
        )
        return [event for page in pages for event in page.events]

    def behind(self, events: Iterable[Event], now: str) -> list[Value]:
        """How far each projection is behind these events: a BatchGetItem for each 100 rows."""
        by_kind: dict[str, dict[str, list[Event]]] = {}
        for event in events:
            if kind := KINDS.of_type(event.event_type):
                by_kind.setdefault(kind.name, {}).setdefault(event.aggregate_id, []).append(event)
        keys = [Key(id_, each.name) for each in self.projections for id_ in by_kind.get(each.kind.name, {})]
        rows = self.read_model.get_many(keys)
        return [self._lag(each, by_kind.get(each.kind.name, {}), rows, now) for each in self.projections]

    def _lag(
        self, projection: OfKind, newest: Mapping[str, Sequence[Event]], rows: Mapping[Key, Any], now: str
    ) -> Value:
        missing: list[str] = []
        behind = 0
        for aggregate_id, events in newest.items():
            reached = rows.get(Key(aggregate_id, projection.name), NOTHING).position.sequence
            late = [event.timestamp for event in events if event.sequence > reached]
            missing += late
            behind += bool(late)
        oldest = min(missing, default=None)
        return {
            "projection": projection.name,
            "kind": projection.kind.name,
            "lookedAt": len(newest),
            "behind": behind,
            "oldestMissing": oldest,
            "secondsBehind": 0 if oldest is None else seconds_between(oldest, now),
        }


class Due(NamedTuple):
    """Processes that are under way, and those of them that are due; `whole`: whether that is all there are."""

    under_way: int
    overdue: int
    since: str | None
    whole: bool


def due(index: DueIndex, buckets: Iterable[str], now: str) -> Due:
    """Count the processes: one Query for each bucket, of at most 100 rows."""
    under_way, moments, whole = 0, list[str](), True
    for bucket in buckets:
        page = index.page(bucket, times.LAST, DUE_ROWS)
        under_way += len(page.records)
        moments += [record[AT] for record in page.records if record[AT] <= now]
        whole = whole and page.rest is None
    return Due(under_way, len(moments), min(moments, default=None), whole)


def seconds_between(earlier: str, later: str) -> int:
    """Whole seconds from one of the ledger's times to another; 0 where it is not later."""
    return max(0, int((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()))

"""The events that were decided on a branch, behind the ledger's own: a stream for each aggregate, in a table apart.

As in the event store an event takes the next place on the condition that it is free. It says which branch it is of, and
its hash covers that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.event import Event

from .branches import COMMAND_INDEX, EXPIRES_AT, PART, PLACE, Branch, Branches
from .clocks import time_of
from .event_store import put_new
from .items import Item, to_item
from .stored_events import Unreadable, event_of, events_of
from .streams import LookUp, Page, Tail

_DIGITS = len(str(MAX_SEQUENCE))
_COPY_OF = "CopyOf"
"""Of which event of the ledger's an item's is a copy."""


class There(NamedTuple):
    """What a branch's own events of an aggregate are."""

    ids: set[str]
    copied: set[str]
    """The ids of the ledger's events of which copies are there."""
    decided: set[str]
    """The commands that the branch has carried out itself."""


@dataclass(frozen=True, slots=True)
class BranchEvents:
    """One branch's own events. Reads are strongly consistent."""

    branches: Branches
    branch: Branch

    def append(self, events: Sequence[Event], copy_of: str = "") -> None:
        """Write events that follow each other in one stream, all or none; those that a replay made of an event of the
        ledger's say which, beside what their hash covers.

        One event: one PutItem, 2 write units up to 1 KB (table, command index). Several: one TransactWriteItems, twice
        the units. Raises ConcurrentAppendError where the place is taken.
        """
        items = [self._item(event, copy_of) for event in events]
        put_new(self.branches.client, self.branches.table, items, PART)

    def page(
        self, aggregate_id: str, after: int, up_to: int, limit: int | None, unreadable: Unreadable | None = None
    ) -> Page:
        """One Query: at most 1 MB or `limit` events behind `after`, up to `up_to`. One read unit for each 4 KB."""
        bound: Any = {} if limit is None else {"Limit": limit}
        answer = self._query(aggregate_id, after + 1, up_to, **bound)
        last: Any = answer.get("LastEvaluatedKey")
        events = events_of(answer["Items"], unreadable, self.branch.id)
        return Page(events, int(last[PLACE]["S"]) if last else None, time_of(answer))

    def tail(self, aggregate_id: str, limit: int) -> Tail:
        """At most the newest `limit` of them, and no more than 1 MB: one Query, one read unit for each 4 KB."""
        answer = self._query(aggregate_id, 0, MAX_SEQUENCE, ScanIndexForward=False, Limit=limit)
        return Tail(events_of(reversed(answer["Items"]), branch=self.branch.id), time_of(answer))

    def find(self, aggregate_id: str, command_id: str) -> LookUp:
        """Look a command up among them: one Query, one read unit; more if it answers in pages."""
        place: dict[str, Any] = {}
        found: list[int] = []
        while True:
            answer = self.branches.client.query(
                TableName=self.branches.table,
                IndexName=COMMAND_INDEX,
                KeyConditionExpression=f"{PART} = :part AND CommandId = :command",
                ExpressionAttributeValues={":part": {"S": self._part(aggregate_id)}, ":command": {"S": command_id}},
                ConsistentRead=True,
                **place,
            )
            found += [int(item[PLACE]["S"]) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return LookUp(max(found, default=None), time_of(answer))
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def there(self, aggregate_id: str) -> There:
        """What is among them: one Query a megabyte, one read unit for each 4 KB."""
        ids: set[str] = set()
        copied: set[str] = set()
        decided: set[str] = set()
        for item in self.branches.items(self._part(aggregate_id)):
            event = event_of(item, self.branch.id)
            ids.add(event.event_id)
            if _COPY_OF in item:
                copied.add(item[_COPY_OF]["S"])
            else:
                decided.add(event.command_id)
        return There(ids, copied, decided)

    def _query(self, aggregate_id: str, first: int, last: int, **how: Any) -> Any:
        return self.branches.client.query(
            TableName=self.branches.table,
            KeyConditionExpression=f"{PART} = :part AND {PLACE} BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":part": {"S": self._part(aggregate_id)},
                ":first": {"S": _place(first)},
                ":last": {"S": _place(last)},
            },
            ConsistentRead=True,
            **how,
        )

    def _part(self, aggregate_id: str) -> str:
        return self.branch.part(f"events/{aggregate_id}")

    def _item(self, event: Event, copy_of: str) -> Item:
        keys = {PART: self._part(event.aggregate_id), PLACE: _place(event.sequence)}
        mark = {_COPY_OF: copy_of} if copy_of else {}
        return to_item({**event.record(), **keys, **mark, EXPIRES_AT: self.branch.expires_at})


def _place(sequence: int) -> str:
    return f"{sequence:0{_DIGITS}}"

"""The event store as a replica of it shows a stream: its items come one by one, so for a moment one may be missing.

Whoever looks back waits for it, within bounds, and then takes the stream to end before the hole: what is behind it has
not come yet, as far as anybody can tell by this replica. So nothing is ever folded across a hole. Whoever decides does
not read by this: to decide before a hole would be to write into it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from handlers.sourcing.event import Event

from .event_store import EventStore
from .stored_events import Unreadable
from .streams import Page, Tail

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between looks at a hole; an item comes within one, mostly."""

_BEHIND = 100


class ReplicaStore(EventStore):
    """Streams up to their first hole. Each look at a hole is the same Query again."""

    def __init__(self, client: Any, table: str, type_buckets: int = 1, pause: Callable[[float], None] = time.sleep):
        super().__init__(client, table, type_buckets)
        self._pause = pause

    def page(
        self,
        aggregate_id: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int | None = None,
        unreadable: Unreadable | None = None,
    ) -> Page:
        """As the store's own, to the first hole. Who wants to hear of what is no event sees holes, and all behind."""
        page = super().page(aggregate_id, after=after, up_to=up_to, limit=limit, unreadable=unreadable)
        if unreadable is not None:
            return page
        for pause in PAUSES:
            if _whole(page.events, after) == len(page.events):
                return page
            self._pause(pause)
            page = super().page(aggregate_id, after=after, up_to=up_to, limit=limit)
        whole = _whole(page.events, after)
        return page if whole == len(page.events) else Page(page.events[:whole], None, page.told)

    def tail(self, aggregate_id: str, limit: int) -> Tail:
        """As the store's own, to the first hole in it."""
        tail = super().tail(aggregate_id, limit)
        for pause in PAUSES:
            if _whole(tail.events, tail.before) == len(tail.events):
                return tail
            self._pause(pause)
            tail = super().tail(aggregate_id, limit)
        return Tail(tail.events[: _whole(tail.events, tail.before)], tail.told)

    def behind(self, aggregate_id: str, sequence: int) -> list[Event]:
        """What stands behind a place, a hundred events at most, to the first hole, which is not waited for: one
        Query."""
        events = super().page(aggregate_id, after=sequence, limit=_BEHIND).events
        return events[: _whole(events, sequence)]

    def has(self, event: Event) -> bool:
        """Whether an event is there, with or without those before it: one Query."""
        found = super().page(event.aggregate_id, after=event.sequence - 1, up_to=event.sequence).events
        return [each.hash for each in found] == [event.hash]


def _whole(events: list[Event], after: int) -> int:
    """How many of the events follow each other from behind a place on."""
    for count, event in enumerate(events):
        if event.sequence != after + count + 1:
            return count
    return len(events)

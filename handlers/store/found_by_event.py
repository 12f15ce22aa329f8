"""Rows of a projection that are found by an event of their aggregate: the newest event first, over the type index.

The index follows the events, as the rows do, each for itself. So a row that does not hold the event yet is left out:
it does not say what was asked for. A place among the events is a place among the rows, and pages stay in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handlers.sourcing.errors import NotAnEventError

from .deadline import Deadline
from .read_model import BATCH_KEYS, Key, ReadModel
from .type_index import Place, TypeIndex

MOST_LOOKED_AT = 1_000
"""Events that one reading goes through, where few of their rows are meant: what comes behind is another page's."""


@dataclass(slots=True)
class Found:
    """Rows, and behind which event there may be more; `unreadable` are items on the way that are no events."""

    records: list[dict[str, Any]] = field(default_factory=list)
    rest: Place | None = None
    unreadable: list[NotAnEventError] = field(default_factory=list)


def found_by_event(
    types: TypeIndex,
    read_model: ReadModel,
    event_type: str,
    projection: str,
    matches: Callable[[dict[str, Any]], bool],
    *,
    limit: int,
    sieved: bool,
    after: Place | None,
    deadline: Deadline,
) -> Found:
    """At most `limit` rows that match, none where the first 1,000 events have none; `rest` says where to go on.

    For each hundred events that are looked at, one Query per bucket of the index side by side and one BatchGetItem:
    half a read unit for 4 KB of events, and one for each row. `sieved` says that fewer rows may match than there are
    events: without it no more of them are read than rows are asked for. OutOfTimeError where that takes too long.
    """
    found, looked, place = Found(rest=after), 0, after
    while looked < MOST_LOOKED_AT:
        wanted = BATCH_KEYS if sieved else min(BATCH_KEYS, limit - len(found.records))
        page = types.page(event_type, limit=wanted, after=place, unreadable=found.unreadable.append, deadline=deadline)
        keys = [Key(event.aggregate_id, projection) for event in page.events]
        rows = read_model.records(keys)
        for number, key in enumerate(keys, 1):
            record = rows.get(key)
            if record is not None and matches(record):
                found.records.append(record)
                if len(found.records) == limit:
                    found.rest = page.behind(number)
                    return found
        found.rest = place = page.behind(len(page.events)) if page.events else None
        if place is None:
            break
        looked += len(page.events)
    return found

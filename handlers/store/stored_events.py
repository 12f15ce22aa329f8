"""Stored items as events: the one place where an item of the event store, or of its stream, is read.

Whoever may put items can put anything. What is no event there is named, by aggregate and sequence and in words, and
costs those who ask for its own aggregate a fault; whoever reads across aggregates leaves it out and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event, place_of

from .items import to_record

Unreadable = Callable[[NotAnEventError], None]
"""Hears of an item that is no event."""


def event_of(item: Any, branch: str = "") -> Event:
    """The event in an item. NotAnEventError where there is none, or none of that branch."""
    return Event.of(record_of(item), branch)


def record_of(item: Any) -> dict[str, Any]:
    """An item's record, whatever it says. NotAnEventError where its attributes are not even DynamoDB's."""
    if not isinstance(item, Mapping):
        raise NotAnEventError("there is no item")
    try:
        return to_record(item)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise NotAnEventError("its attributes cannot be read", *place_of(_keys(item))) from error


def events_of(items: Iterable[Any], unreadable: Unreadable | None = None, branch: str = "") -> list[Event]:
    """The events in items. What is none is told to `unreadable` and left out, or ends this by NotAnEventError."""
    events: list[Event] = []
    for item in items:
        try:
            events.append(event_of(item, branch))
        except NotAnEventError as error:
            if unreadable is None:
                raise
            unreadable(error)
    return events


def _keys(item: Mapping[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name in ("AggregateId", "EventSequence"):
        try:
            keys |= to_record({name: item[name]})
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
    return keys

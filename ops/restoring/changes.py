"""What somebody made of an event: what stands in its place against the event, member by member, in one notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.values import dumps
from handlers.store.stored_events import record_of
from handlers.upkeep.verification.differences import Differing, differing, text_of

from .standing import Item


def readable(item: Item) -> dict[str, Any] | str:
    """What stands there as JSON; a text where it is none."""
    try:
        record = record_of(item)
        dumps(record)
    except (NotAnEventError, TypeError, ArithmeticError):
        return text_of(dict(item))
    return record


def changes(item: Item, original: Item) -> Differing:
    """The members that differ, also within EventData: what stands there, and what the event has. None where what stands
    there cannot be read."""
    found = readable(item)
    return {} if isinstance(found, str) else differing(_flat(found), _flat(record_of(original)), ())


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_members(record, ""))


def _members(record: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _members(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value

"""Events that a change of the event store took away, as its stream tells them: by the old image alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event

from .items import Item
from .stored_events import event_of


class Lost(NamedTuple):
    """An event that is not in its place any more, with the item that held it; `removed`: nothing is there instead."""

    event: Event
    item: Item
    removed: bool


def lost_by(change: Mapping[str, Any]) -> Lost | None:
    """The event that a MODIFY or REMOVE took from its place; None where the same event is still there.

    With two Regions DynamoDB does that, where both wrote one place, and so does who puts their stream together. Raises
    NotAnEventError where the change is nothing of the kind: what was there, or is there now, is no event as the ledger
    wrote it.
    """
    old, new = change.get("OldImage"), change.get("NewImage")
    before = _sound(old)
    after = None if new is None else _sound(new)
    if after and after.hash == before.hash:
        if after != before:
            raise NotAnEventError("it was changed under its hash", before.aggregate_id, before.sequence)
        return None
    return Lost(before, dict(old or {}), after is None)


def _sound(image: Any) -> Event:
    event = event_of(image)
    if event.computed_hash() != event.hash:
        raise NotAnEventError("its Hash is not that of its content", event.aggregate_id, event.sequence)
    return event

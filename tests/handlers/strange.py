"""Streams that end in an event which this code does not know, or not like that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore

from ..domain.builders import story
from .conftest import STORE

NEWER: dict[str, Any] = {"version": 99}
UNKNOWN: dict[str, Any] = {"event_type": "AccountPainted", "data": {"colour": "red"}}
UNFIT: dict[str, Any] = {"data": {"amount": "much", "type": "deposit"}}
EXTRA: dict[str, Any] = {"data": {"amount": 1, "type": "deposit", "note": {"deep": [1, None, "é"]}}}
OLDER: dict[str, Any] = {"version": 1, "data": {"amount": 1, "type": "deposit"}}


def stream(aws: Any, change: dict[str, Any], account: str = "a", amounts: Sequence[int] = (5, 7)) -> list[Event]:
    """A stored stream whose last event is changed like that, its hash and all."""
    *before, last = story(account, amounts)
    last = replace(last, **change)
    events = [*before, replace(last, hash=last.computed_hash())]
    for event in events:
        EventStore(aws, STORE, 3).append([event])
    return events

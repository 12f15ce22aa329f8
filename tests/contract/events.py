"""Chained events of any data, without a domain's opinion of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handlers.sourcing.command import Command
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.values import exact

from ..domain.builders import NOW

TYPE = "TransactionProcessed"


def command(aggregate_id: str = "a", command_id: str = "c", correlation_id: str | None = None, **data: Any) -> Command:
    """A command for an event of TYPE; what of its data cannot be stored exactly is refused as the handlers do."""
    ids = {"aggregateId": aggregate_id, "commandId": command_id, "correlationId": correlation_id}
    return Command.parse({**ids, "eventType": TYPE, "eventData": data}, "request")


def events(
    aggregate_id: str = "a",
    count: int = 1,
    *,
    behind: Event | None = None,
    command_id: str = "c",
    correlation_id: str | None = None,
    now: str = NOW,
    data: dict[str, Any] | None = None,
) -> list[Event]:
    """`count` events of one command, all with the same data, at the start of a stream or behind an event of it."""
    position = Position(behind.sequence, behind.hash, behind.timestamp) if behind else Position()
    made = NewEvent(TYPE, exact(data or {"amount": 1}, "data"))
    return chain(position, [made] * count, command(aggregate_id, command_id, correlation_id), now)


def event(aggregate_id: str = "a", **more: Any) -> Event:
    """One event, by default the first of its stream."""
    (made,) = events(aggregate_id, **more)
    return made


def assert_chained(stream: Sequence[Event]) -> None:
    """Sequences 1..n without a gap, each event with the hash of the one before and a true hash of its own."""
    position = Position()
    for each in stream:
        assert each.follows(position.sequence, position.hash)
        assert each.hash == each.computed_hash()
        position = position.advance(each)

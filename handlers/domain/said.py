"""What was asked by the command behind events.

A command is not stored. Its event is, with the digest of what it said. An event says more than its command did: the
ledger fills in what goes without saying. So a field that the ledger may have filled in is left out as long as the
digest is still the command's: who decides it again may fill in something else. Where no digest fits (of code before
there was one as today's) the event's data is taken for what was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from handlers.sourcing.command import Command, digest_of
from handlers.sourcing.event import Event
from handlers.sourcing.values import Value

from .facts import FACTS
from .registry import MEANINGS


def request_of(events: Sequence[Event]) -> dict[str, Value]:
    """The request of the command that caused these events."""
    event, data = next(filter(None, map(_said_by, events)), (events[0], events[0].data))
    return {
        "aggregateId": event.aggregate_id,
        "eventType": event.event_type,
        "eventData": dict(data),
        "commandId": event.command_id,
        "correlationId": event.correlation_id,
        "causationId": event.causation_id,
        "actor": event.actor,
    }


def command_of(event: Event) -> Command:
    """The command that caused an event, as it was carried out: nothing of it is checked again before it is decided."""
    said = request_of([event])["eventData"]
    return Command(
        aggregate_id=event.aggregate_id,
        event_type=event.event_type,
        event_data=dict(said) if isinstance(said, dict) else {},
        command_id=event.command_id,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        actor=event.actor,
        digest=event.command_digest,
    )


def _said_by(event: Event) -> tuple[Event, Mapping[str, Value]] | None:
    """The event, and what its command said: the least that has the command's digest; None where nothing has."""
    filled = [name for name in FACTS.derived.get(event.event_type, ()) if name in event.data]
    for count in range(len(filled), -1, -1):
        for left_out in combinations(filled, count):
            data = {name: value for name, value in event.data.items() if name not in left_out}
            said = MEANINGS.of(event.aggregate_id, event.event_type, data)
            if digest_of(event.event_type, said) == event.command_digest:
                return event, data
    return None

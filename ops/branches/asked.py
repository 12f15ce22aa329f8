"""What was asked: the commands behind an aggregate's events, and those that were refused, in the order of their times.

A command is not stored. Its event is, with the digest of what it said. An event says more than its command did: the
ledger fills in what goes without saying. So a field that the ledger may have filled in is left out as long as the
digest is still the command's: other rules may fill in something else. Where no digest fits (of code before there was
one as today's) the event's data is taken for what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from handlers.domain import meaning
from handlers.domain.facts import FACTS
from handlers.sourcing.command import digest_of
from handlers.sourcing.event import Event
from handlers.sourcing.values import Value

from .refusals import Refusal


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that was asked, and what came of it: events, or a refusal."""

    at: str
    request: Mapping[str, Any] | None
    """None for what is not decided again: it stays what it was."""
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None

    def line(self) -> dict[str, Value]:
        """It as JSON."""
        return {
            "at": self.at,
            "request": self.request,
            "events": [event.record() for event in self.events],
            **({"refused": self.refusal.told} if self.refusal else {}),
        }


def asks(events: Iterable[Event], refusals: Sequence[Refusal]) -> Iterator[Ask]:
    """The asks of one aggregate: a refusal goes before the first event that was recorded later."""
    waiting = list(refusals)
    for _, group in groupby(events, key=lambda event: event.command_id):
        caused = tuple(group)
        while waiting and waiting[0].at < caused[0].timestamp:
            yield _of_refusal(waiting.pop(0))
        yield Ask(caused[0].timestamp, request_of(caused), caused)
    yield from map(_of_refusal, waiting)


def _of_refusal(refusal: Refusal) -> Ask:
    return Ask(refusal.at, refusal.request, refusal=refusal)


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


def _said_by(event: Event) -> tuple[Event, Mapping[str, Value]] | None:
    """The event, and what its command said: the least that has the command's digest; None where nothing has."""
    filled = [name for name in FACTS.derived.get(event.event_type, ()) if name in event.data]
    for count in range(len(filled), -1, -1):
        for left_out in combinations(filled, count):
            data = {name: value for name, value in event.data.items() if name not in left_out}
            if digest_of(event.event_type, meaning(event.aggregate_id, event.event_type, data)) == event.command_digest:
                return event, data
    return None

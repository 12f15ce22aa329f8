"""What was asked: the commands behind an aggregate's events, and those that were refused, in the order of their times.

What a command said is told by its events (`handlers.domain.said`): other rules may fill in something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from handlers.domain.said import request_of
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

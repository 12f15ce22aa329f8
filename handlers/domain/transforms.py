"""What replays can make of this ledger's events: pure functions, each with its version, never changed once it ran.

One that is to do something else is another one, with the next version: a copy says by name what was done to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.transforms import Transform, Transforms

from .facts import FACTS


def _newest_shape(event: Event) -> Sequence[NewEvent]:
    """Who reads copies then knows one version of each type. A type that is unknown here stays as it is."""
    if event.event_type not in FACTS.streams:
        return [NewEvent(event.event_type, event.data, event.version)]
    return [NewEvent(event.event_type, dict(FACTS.taken_up(event)), FACTS.newest[event.event_type])]


def _without_data(event: Event) -> Sequence[NewEvent]:
    """For whoever has to know that something happened, and not what."""
    return [NewEvent(event.event_type, {}, event.version)]


TRANSFORMS = Transforms(
    [
        Transform("newest-shape@1", "data in the newest version of its type", _newest_shape),
        Transform("without-data@1", "no data: that it happened, and not what", _without_data),
    ]
)

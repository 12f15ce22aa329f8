"""The way of every event that stands in a stream to the projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from components.queue_feed import QueueFeed


class ProjectionFeed(QueueFeed):
    """Feeds the projections."""

    component: ClassVar[str] = "event-sourcing:index:ProjectionFeed"


def all_but(source: str, apart: Sequence[str]) -> dict[str, object]:
    """The pattern of a source's events, but for the detail-types that stand in no stream.

    All others are delivered, known here or not: an event of a type that only newer code knows moves the rows' places
    on, or they would seem to lag behind their streams.
    """
    return {"source": [source], "detail-type": [{"anything-but": list(apart)}]}

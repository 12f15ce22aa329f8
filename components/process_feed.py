"""The way to the processes of the events that may leave them something to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from components.queue_feed import QueueFeed


class ProcessFeed(QueueFeed):
    """Feeds the processes. What is lost on this way costs time alone: the sweep finds what nobody woke."""

    component: ClassVar[str] = "event-sourcing:index:ProcessFeed"


def just(source: str, types: Sequence[str]) -> dict[str, object]:
    """The pattern of a source's events of these detail-types."""
    return {"source": [source], "detail-type": list(types)}

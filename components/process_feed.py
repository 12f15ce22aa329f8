"""The way to the processes of the events that may leave them something to do."""

from __future__ import annotations

from typing import ClassVar

from components.queue_feed import QueueFeed

POKES = (
    *("TransferRequested", "TransferApproved", "TransferCommitted"),
    *("TransferFailed", "TransferExpired", "TransferCancelled"),
    *("FundsReserved", "ReservationReleased"),
)
"""Detail-types behind which a transfer may have a step due: all but those of its two ends, behind which none is."""


class ProcessFeed(QueueFeed):
    """Feeds the processes. What is lost on this way costs time alone: the sweep finds what nobody woke."""

    component: ClassVar[str] = "event-sourcing:index:ProcessFeed"


def pokes(source: str) -> dict[str, object]:
    """The pattern of a source's events that wake a process."""
    return {"source": [source], "detail-type": list(POKES)}

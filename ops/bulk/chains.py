"""Puts exported events into the order of their streams, and checks that each stream is one unbroken chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from handlers.sourcing.errors import IntegrityError
from handlers.sourcing.event import Event, Position
from ops.system import OperatorError

_START = Position()
_SHOWN = 5


class Placed(NamedTuple):
    """An event, and the place in the export where it stands: which file, and as which of its events, from 1 on."""

    event: Event
    file: int
    place: int


class Chains:
    """Takes events in any order and gives them out in their streams' order.

    Keeps each stream's last position, and the events that came before their predecessors. Of those there is none where
    a Scan returns a stream's events in their order, which is what DynamoDB does but does not document.
    """

    def __init__(self) -> None:
        self._ends: dict[str, Position] = {}
        self._early: dict[str, dict[int, Placed]] = {}

    def take(self, placed: Placed) -> Iterator[Placed]:
        """The events whose turn it is with this one: it and the early ones behind it, or none.

        OperatorError for an event whose Hash is not its content's, that does not continue its chain, or comes twice.
        """
        event = placed.event
        if event.computed_hash() != event.hash:
            raise OperatorError(f"event {event.sequence} of {event.aggregate_id}: its content does not have its Hash")
        end = self._ends.get(event.aggregate_id, _START)
        if event.sequence > end.sequence + 1:
            early = self._early.setdefault(event.aggregate_id, {})
            if early.setdefault(event.sequence, placed) is not placed:
                raise OperatorError(f"event {event.sequence} of {event.aggregate_id} is there twice")
            return
        while True:
            end = self._advance(end, placed.event)
            yield placed
            early = self._early.get(event.aggregate_id, {})
            following = early.pop(end.sequence + 1, None)
            if following is None:
                break
            placed = following
        if not early:
            self._early.pop(event.aggregate_id, None)

    def lengths(self) -> dict[str, int]:
        """By aggregate, how long its stream is so far."""
        return {aggregate_id: end.sequence for aggregate_id, end in self._ends.items()}

    def finish(self) -> None:
        """OperatorError if an event never came that others stand behind."""
        gaps = [f"{each} #{self._ends.get(each, _START).sequence + 1}" for each in sorted(self._early)]
        if gaps:
            more = f" and in {len(gaps) - _SHOWN:,} more streams" if len(gaps) > _SHOWN else ""
            raise OperatorError(
                f"events are missing in front of others: {', '.join(gaps[:_SHOWN])}{more}. If these streams were "
                "written to during the export, export once more with --to a minute ago"
            )

    def _advance(self, end: Position, event: Event) -> Position:
        try:
            end = end.advance(event)
        except IntegrityError as error:
            raise OperatorError(error.message) from error
        self._ends[event.aggregate_id] = end
        return end

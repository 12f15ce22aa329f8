"""Copies of events, as a replay sends them: never taken for the events themselves.

By construction, and at every step of the way: a copy goes out under a source of its own, which no rule for live events
matches and which alone the replayer's role may use; and its record lacks the hashes without which nothing here reads an
event (`Event.of`). Its id follows from the replay, the event and its place among the event's copies: sent twice, it is
the same copy, and a consumer can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from .event import GENESIS, Event, NewEvent, Position
from .values import Value, dumps

SOURCE = "event-sourcing.financial.replay"
MARK = "Replay"
"""The member of a copy's record that says what it is a copy of."""
_IDS = UUID("0c4be1f6-6a0d-5f0e-8b53-9d1a2f7c6e30")
_OF_A_STREAM = ("PreviousHash", "Hash")
"""What makes a record an event of a stream."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an event, on its way."""

    copy_id: str
    event_type: str
    timestamp: str
    """The event's."""
    aggregate_id: str
    sequence: int
    record: dict[str, Value]

    @classmethod
    def of(cls, event: Event, replay_id: str) -> Copy:
        """The copy that a replay sends of an event as it is."""
        return cls._made(event, replay_id, 0, NewEvent(event.event_type, event.data, event.version), {})

    @classmethod
    def transformed(cls, event: Event, replay_id: str, transform: str, place: int, made: NewEvent) -> Copy:
        """One of those that a transform made of an event, by its place among them."""
        return cls._made(event, replay_id, place, made, {"transform": transform, "place": place})

    @classmethod
    def _made(cls, event: Event, replay_id: str, place: int, made: NewEvent, more: dict[str, Value]) -> Copy:
        copy_id = str(uuid5(_IDS, dumps([replay_id, event.event_id, place])))
        record = {name: value for name, value in event.record().items() if name not in _OF_A_STREAM}
        about = {"EventId": copy_id, "EventType": made.event_type, "EventData": made.data, "Version": made.version}
        mark: dict[str, Any] = {"id": replay_id, "eventId": event.event_id, "hash": event.hash, **more}
        return cls(
            copy_id=copy_id,
            event_type=made.event_type,
            timestamp=event.timestamp,
            aggregate_id=event.aggregate_id,
            sequence=event.sequence,
            record={**record, **about, MARK: mark},
        )

    def envelope(self) -> dict[str, Value]:
        """As a rule of the bus would hand it to a queue, as far as that is known without one."""
        return envelope(self.copy_id, SOURCE, self.event_type, self.timestamp, self.record)


def on_branch(copies: Iterable[Copy], position: Position, branch: str) -> list[Event]:
    """Copies as events of a branch, behind `position`: of the ledger's stream they are none, and cannot become any.

    They keep who asked for what and when, but for a time before that of the event in front of them: along a stream
    times never go back.
    """
    events: list[Event] = []
    for copy in copies:
        place = {"EventSequence": position.sequence + 1, "PreviousHash": position.hash, "Hash": GENESIS}
        stamp = {"Timestamp": max(copy.timestamp, position.timestamp), "Branch": branch}
        unsealed = Event.of({**copy.record, **place, **stamp}, branch)
        event = replace(unsealed, hash=unsealed.computed_hash())
        events.append(event)
        position = position.advance(event)
    return events


def envelope(event_id: str, source: str, event_type: str, timestamp: str, detail: dict[str, Value]) -> dict[str, Value]:
    """What a rule hands to a queue, without the AWS account, Region and resources."""
    return {
        "version": "0",
        "id": event_id,
        "source": source,
        "detail-type": event_type,
        "time": timestamp,
        "detail": detail,
    }

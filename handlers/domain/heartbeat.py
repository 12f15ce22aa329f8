"""The heartbeat: by its events the ledger sees whether what is written still comes to be read. The same for any domain.

A kind of its own, so that no list, sum or row of the business has it; it has no place in the HTTP API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError, Violation
from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.kinds import Kind
from handlers.sourcing.projection import Projection, Row, RowQuery
from handlers.sourcing.restoring import Shape, counted, restorer, text
from handlers.sourcing.settling import Settling
from handlers.sourcing.told import Settings
from handlers.sourcing.values import Value

from .facts import NEWEST, asked, fact_of, misspelt
from .generated.classes import HeartbeatSent

STATE_VERSION = 1
"""As the account's."""
_SENT = "HeartbeatSent"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How many beats there were, and the number of the last one."""

    beats: int = 0
    beat: int = 0

    def describe(self) -> dict[str, Value]:
        return self.snapshot()

    def snapshot(self) -> dict[str, Value]:
        return {"beats": self.beats, "beat": self.beat}

    @classmethod
    def restore(cls, snapshot: Any) -> Heartbeat:
        return _restored(snapshot)

    def fits(self, sequence: int) -> bool:
        return self.beats <= sequence


_restored = restorer(Heartbeat)


def check(_: str, event_type: str, data: Mapping[str, Value]) -> list[Violation]:
    return misspelt(event_type, data) + asked(event_type, data)[1]


def decide(_: Heartbeat, command: Command) -> list[NewEvent]:
    if found := check(command.aggregate_id, command.event_type, command.event_data):
        raise MalformedError(*found[0], *found[1:])
    return [NewEvent(command.event_type, asked(command.event_type, command.event_data)[0], NEWEST[command.event_type])]


def evolve(heartbeat: Heartbeat, event: Event) -> Heartbeat:
    match fact_of(event):
        case HeartbeatSent() as sent:
            return replace(heartbeat, beats=heartbeat.beats + 1, beat=sent.beat)
        case _:
            return heartbeat


@dataclass(frozen=True, slots=True)
class LastHeartbeat:
    """The newest beat that came through, and when it was sent."""

    name: str = "LastHeartbeat"
    entries: None = None
    queries: tuple[RowQuery, ...] = (RowQuery(name="getHeartbeat", argument="heartbeatId"),)

    def apply(self, row: Row, event: Event) -> Row:
        match fact_of(event):
            case HeartbeatSent() as sent:
                return {"Beats": row.get("Beats", 0) + 1, "Beat": sent.beat, "LastUpdated": event.timestamp}
            case _:
                return row

    def knows(self, row: Row, sequence: int) -> bool:
        return not self.damage(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        return _SHAPE.damage(row) or ["Beats"] * (row["Beats"] > sequence)


_SHAPE = Shape({"Beats": counted, "Beat": counted, "LastUpdated": text})


def projections(_: Settings) -> tuple[Projection, ...]:
    return (LastHeartbeat(),)


KIND = Kind(
    name="heartbeat",
    state=Heartbeat,
    state_version=STATE_VERSION,
    snapshots="heartbeat.",
    commands=(_SENT,),
    check=check,
    opens=lambda _: False,  # each beat is like the first
    decide=decide,
    evolve=evolve,
    unsaid=lambda *_: {},
    shown_by=lambda _: Heartbeat(),
    projections=projections,
    reserved="ledger-heartbeat-",
    settles=lambda _: Settling.REDECIDE,  # nothing forbids a beat, and none is worth a person's time
)

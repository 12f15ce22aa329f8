"""An event: a fact about one aggregate, chained to the fact before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from .command import MAX_SEQUENCE, Command
from .errors import IntegrityError, NotAnEventError
from .times import is_text
from .values import Value, check_holdable, dumps, is_holdable

SOURCE = "event-sourcing.financial"
GENESIS = "0" * 64
"""PreviousHash of an aggregate's first event."""

_EVENT_IDS = UUID("6f1d3c2e-58a4-5a53-9c6b-0e2f4a7d9b11")


class Stamp(NamedTuple):
    """Where an event was decided, with two Regions: in which, and in which of its epochs; "" and 0 with one."""

    region: str = ""
    epoch: int = 0


UNSTAMPED = Stamp()
"""Of what is decided where there is one Region."""


class NewEvent(NamedTuple):
    """What `decide` answers: an event that has no place in a stream yet."""

    event_type: str
    data: dict[str, Value]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. Attribute names in records are those of the table, the bus and the query answers."""

    aggregate_id: str
    sequence: int
    event_id: str
    event_type: str
    data: dict[str, Value]
    timestamp: str
    version: int
    command_id: str
    command_digest: str
    correlation_id: str
    causation_id: str
    actor: str
    previous_hash: str
    hash: str
    branch: str = ""
    """The branch that it was decided on, which its hash covers; "" for what the ledger itself stored."""
    stamp: Stamp = UNSTAMPED
    """Where it was decided, which its hash covers; UNSTAMPED where there was one Region."""

    def record(self) -> dict[str, Value]:
        """The event as an object of JSON values, as it is stored, published and answered."""
        return {
            "AggregateId": self.aggregate_id,
            "EventSequence": self.sequence,
            "EventId": self.event_id,
            "EventType": self.event_type,
            "EventData": self.data,
            "Timestamp": self.timestamp,
            "Version": self.version,
            "CommandId": self.command_id,
            "CommandDigest": self.command_digest,
            "CorrelationId": self.correlation_id,
            "CausationId": self.causation_id,
            "Actor": self.actor,
            "PreviousHash": self.previous_hash,
            "Hash": self.hash,
            **({"Branch": self.branch} if self.branch else {}),
            **({"Region": self.stamp.region, "Epoch": self.stamp.epoch} if self.stamp.region else {}),
        }

    @classmethod
    def of(cls, record: Any, branch: str = "") -> Event:
        """Read a record. NotAnEventError where it is none, so that whoever has an event can hash, fold and send it.

        An event of another branch than is asked for is none here: what was tried on a branch must never be taken for
        something that happened, and without its Branch it does not have its hash.
        """
        if not isinstance(record, Mapping):
            raise NotAnEventError("it is not an object")
        if record.get("Branch", "") != branch:
            problem = "it is not of this branch" if branch else "it was decided on a branch of the ledger"
            raise NotAnEventError(problem, *place_of(record))
        try:
            return cls(
                aggregate_id=_text(record, "AggregateId"),
                sequence=ordinal(record, "EventSequence"),
                event_id=_text(record, "EventId"),
                event_type=_text(record, "EventType"),
                data=_data(record),
                timestamp=_time(record, "Timestamp"),
                version=ordinal(record, "Version"),
                command_id=_text(record, "CommandId"),
                command_digest=_text(record, "CommandDigest"),
                correlation_id=_text(record, "CorrelationId"),
                causation_id=_text(record, "CausationId"),
                actor=_text(record, "Actor"),
                previous_hash=_text(record, "PreviousHash"),
                hash=_text(record, "Hash"),
                branch=branch,
                stamp=_stamp(record),
            )
        except ValueError as error:
            raise NotAnEventError(str(error), *place_of(record)) from None

    def computed_hash(self) -> str:
        """What `hash` must be: SHA-256 over the canonical JSON of everything else, PreviousHash included."""
        record = self.record()
        del record["Hash"]
        return sha256(dumps(record).encode()).hexdigest()

    def follows(self, sequence: int, previous_hash: str) -> bool:
        """Whether this event's place is right behind the event of that sequence and hash."""
        return self.sequence == sequence + 1 and self.previous_hash == previous_hash


class Position(NamedTuple):
    """How far a stream is known: the newest event's sequence, hash and timestamp."""

    sequence: int = 0
    hash: str = GENESIS
    timestamp: str = ""

    def advance(self, event: Event) -> Position:
        """The position after `event`, which must be the very next one of the chain."""
        if not event.follows(self.sequence, self.hash):
            raise IntegrityError(
                f"event {event.sequence} of {event.aggregate_id} does not continue the chain at {self.sequence}",
                aggregateId=event.aggregate_id,
                sequence=event.sequence,
            )
        return Position(event.sequence, event.hash, event.timestamp)


def chain(
    position: Position,
    new_events: Iterable[NewEvent],
    command: Command,
    now: str,
    branch: str = "",
    *,
    stamp: Stamp = UNSTAMPED,
) -> list[Event]:
    """Give new events their places behind `position`, on a `branch` where one is named, under a Region's `stamp`.

    Event ids follow from the command, so that a retry after a lost answer writes the very same event. The timestamp is
    `now`, or the previous event's where this machine's clock is behind the one that wrote it.
    """
    events: list[Event] = []
    timestamp = max(now, position.timestamp)
    for index, new in enumerate(new_events):
        unsealed = Event(
            aggregate_id=command.aggregate_id,
            sequence=position.sequence + 1,
            event_id=str(uuid5(_EVENT_IDS, dumps([command.aggregate_id, command.command_id, index]))),
            event_type=new.event_type,
            data=new.data,
            timestamp=timestamp,
            version=new.version,
            command_id=command.command_id,
            command_digest=command.digest,
            correlation_id=command.correlation_id,
            causation_id=command.causation_id,
            actor=command.actor,
            previous_hash=position.hash,
            hash="",
            branch=branch,
            stamp=stamp,
        )
        event = replace(unsealed, hash=unsealed.computed_hash())
        events.append(event)
        position = position.advance(event)
    return events


def place_of(record: Mapping[str, Any]) -> tuple[str | None, int | str | None]:
    """The aggregate and the number that a record names, however damaged the rest is; None where it names none.

    A number that is not whole, or endless, is told as a text.
    """
    aggregate_id, sequence = record.get("AggregateId"), record.get("EventSequence")
    named = aggregate_id if isinstance(aggregate_id, str) and is_holdable(aggregate_id) else None
    if isinstance(sequence, bool) or not isinstance(sequence, int | Decimal) or not is_holdable(sequence):
        return named, None
    is_whole = 0 <= sequence <= MAX_SEQUENCE and sequence == int(sequence)
    return named, int(sequence) if is_whole else str(sequence)


def _present(record: Mapping[str, Any], name: str) -> Any:
    if name not in record:
        raise ValueError(f"{name} is missing")
    return record[name]


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if isinstance(value, str):
        if not value.isascii():
            check_holdable(value, name)
        return value
    _present(record, name)
    raise ValueError(f"{name} must be a text")


def _stamp(record: Mapping[str, Any]) -> Stamp:
    """Both of its members or none."""
    if "Region" not in record and "Epoch" not in record:
        return UNSTAMPED
    region = _text(record, "Region")
    if not region:
        raise ValueError("Region must be a text that names one")
    return Stamp(region, ordinal(record, "Epoch"))


def _time(record: Mapping[str, Any], name: str) -> str:
    value = _text(record, name)
    if not is_text(value):
        raise ValueError(f"{name} must be a time as the ledger writes it, such as 2024-01-15T10:30:00.000000Z")
    return value


def _data(record: Mapping[str, Any]) -> dict[str, Value]:
    value = _present(record, "EventData")
    if not isinstance(value, dict):
        raise ValueError("EventData must be an object")  # noqa: TRY004 -- one error for all that is wrong
    check_holdable(value, "EventData")
    return value


def ordinal(record: Mapping[str, Any], name: str) -> int:
    """A place or a version: a whole number from 1 on. ValueError, in words, where it is none."""
    value = _present(record, name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{name} must be a number")  # noqa: TRY004 -- one error for all that is wrong with a record
    # The range first: int() takes a minute for 1E+1000000, and days for more; a message may hold any number.
    if not Decimal(value).is_finite() or not 1 <= value <= MAX_SEQUENCE or value != int(value):
        raise ValueError(f"{name} must be a whole number from 1 to {MAX_SEQUENCE}")
    return int(value)

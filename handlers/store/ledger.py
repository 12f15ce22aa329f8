"""The write side: a command becomes events exactly once, in order, whoever else is writing.

Why this is exact. Read the whole stream strongly consistent up to its end n; decide; write n+1 on the condition that it
does not exist. A duplicate of the command at or below n is in what was read and is answered as the first time; one
above n has taken the place, so the write fails, and the next round reads it. A lost answer looks the same as a
duplicate: the repeated write fails, and the round after finds its own event.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from handlers.domain import State, decide, evolve
from handlers.domain.command import Command
from handlers.domain.errors import CommandReusedError, ContentionError, SequenceConflictError
from handlers.domain.event import Event, Position, chain

from .event_store import ConcurrentAppendError, EventStore

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.5


class Receipt(NamedTuple):
    """What a caller gets for a command: its (last) event."""

    event_id: str
    aggregate_id: str
    sequence: int

    @classmethod
    def of(cls, event: Event) -> Receipt:
        return cls(event.event_id, event.aggregate_id, event.sequence)


@dataclass(slots=True)
class _Stream:
    """What is known of an aggregate so far; a lost race only needs the events that were added since."""

    command_id: str
    position: Position = field(default_factory=Position)
    state: State = field(default_factory=State)
    own: Event | None = None

    def take(self, event: Event) -> None:
        self.position = self.position.advance(event)
        self.state = evolve(self.state, event)
        if event.command_id == self.command_id:
            self.own = event


@dataclass(frozen=True, slots=True)
class Ledger:
    """Executes commands against an event store.

    `now` gives the ledger's UTC text; `pause` waits some seconds; `attempts` bounds the races one command may lose.
    """

    store: EventStore
    now: Callable[[], str]
    pause: Callable[[float], None]
    attempts: int = 40

    def execute(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        """Append what `command` causes, or answer for the time it already did.

        Uncontended: two AWS calls in sequence, one Query (a read unit per 4 KB of stream; more Queries past each 1 MB)
        and one PutItem (3 write units up to 1 KB). Each race lost adds a Query of the new events and a PutItem.
        Raises MalformedError, RuleBrokenError, SequenceConflictError, CommandReusedError, TooLargeError, and
        ContentionError when `attempts` or the time is used up; in every such case nothing was stored.
        """
        stream = _Stream(command.command_id)
        for attempt in range(self.attempts):
            for event in self.store.read(command.aggregate_id, after=stream.position.sequence):
                stream.take(event)
            if stream.own is not None:
                return _answer_again(stream.own, command)
            _check_expectation(command, stream.position.sequence)
            events = chain(stream.position, decide(stream.state, command), command, self.now())
            try:
                self.store.append(events)
                return Receipt.of(events[-1])
            except ConcurrentAppendError:
                longest = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                if seconds_left() < 2 * longest + 1:
                    break
                self.pause(random.uniform(0, longest))  # noqa: S311 -- spreads writers, hides nothing
        raise ContentionError(
            "others kept writing to this aggregate; nothing was stored, send the command again",
            aggregateId=command.aggregate_id,
        )


def _answer_again(own: Event, command: Command) -> Receipt:
    if own.command_digest != command.digest:
        raise CommandReusedError(
            "this commandId stands for another command", commandId=command.command_id, sequence=own.sequence
        )
    return Receipt.of(own)


def _check_expectation(command: Command, sequence: int) -> None:
    expected = command.expected_sequence
    if expected is not None and expected != sequence:
        raise SequenceConflictError(
            f"the aggregate is at sequence {sequence}, not at the expected {expected}",
            expectedSequence=expected,
            actualSequence=sequence,
        )

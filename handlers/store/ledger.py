"""The write side: a command becomes events exactly once, in order, whoever else is writing.

Why this is exact. Read the aggregate's present, up to the end n of its stream; decide; write n+1 on the condition that
it does not exist. A duplicate of the command at or below n is known to the present (see `present`) and is answered as
the first time; one above n has taken the place, so the write fails, and the next round reads it. A lost answer looks
the same as a duplicate: the repeated write fails, and the round after finds its own event. A present that this process
kept of the aggregate may be out of date: then the write fails, and what speaks against the command is decided anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from handlers.domain import KINDS, decide, opens, repeats
from handlers.sourcing.command import Command
from handlers.sourcing.errors import (
    CommandReusedError,
    ContentionError,
    IntegrityError,
    LedgerError,
    RuleBrokenError,
    SequenceConflictError,
    UnsettledError,
)
from handlers.sourcing.event import UNSTAMPED, Event, Stamp, chain
from handlers.sourcing.kinds import RULE, Complete, as_it_is
from handlers.sourcing.restoring import UNFOLDABLE
from handlers.sourcing.standing import Standing
from handlers.sourcing.values import Value

from .clocks import Sighting
from .deadline import Deadline
from .present import Present, PresentReader
from .streams import ConcurrentAppendError

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.5
_RANDOM = random.SystemRandom()
"""Of the machine: an environment that begins from a snapshot has the state of every other one that does."""
ADVICE = "nothing was stored; have its missing snapshots made, then send it again: `python -m ops snapshots`"


class Receipt(NamedTuple):
    """What a caller gets for a command: its (last) event."""

    event_id: str
    aggregate_id: str
    sequence: int
    command_id: str

    @classmethod
    def of(cls, event: Event) -> Receipt:
        return cls(event.event_id, event.aggregate_id, event.sequence, event.command_id)

    def describe(self) -> dict[str, Value]:
        """The receipt under the names of the answers."""
        return {
            "eventId": self.event_id,
            "aggregateId": self.aggregate_id,
            "sequence": self.sequence,
            "commandId": self.command_id,
        }


class Repeated(Receipt):
    """The same, of a command that had been carried out before. Equal to the first one: callers need not tell."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Executes commands against the event store of `reader`.

    `pause` waits some seconds; `check_clock` raises where this process's clock must not stamp an event; `complete`
    fills commands in by clock and settings; `attempts` bounds the races one command may lose. `branch` is hashed into
    the events of a ledger that decides on one. `standing` tells what this Region may decide, where there are two.
    """

    reader: PresentReader
    pause: Callable[[float], None]
    check_clock: Callable[[Sighting], None]
    complete: Complete = as_it_is
    attempts: int = 40
    branch: str = ""
    standing: Callable[[], Standing] | None = None

    def execute(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        """Append what `command` causes, or answer for the time it already did.

        Uncontended, however long the stream: two waits, the first for at most three Queries (`PresentReader.read`), the
        second for one PutItem (3 write units up to 1 KB). A new aggregate takes one Query and the PutItem, and so does
        one that this process has met and nobody else writes: the look-up alone, whatever the length. Each race lost
        adds a Query of the new events and a PutItem, and a refusal decided on what was kept a Query. A command that is
        malformed is only looked up (`_recall`).
        Raises MalformedError, RuleBrokenError, SequenceConflictError, CommandReusedError, TooLargeError,
        ContentionError when `attempts` or the time is used up, OutOfTimeError where it does not suffice to read what
        there is, ClockSkewError, and NotHomeError where another Region decides; in every such case nothing was stored.
        """
        with self._between_regions(command.aggregate_id):
            return self._execute(command, seconds_left)

    def _execute(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        if command.violations:
            return self._recall(command)
        present = self._present(command, Deadline(seconds_left, ADVICE), to_write=True)
        if not present.is_current:
            with suppress(LedgerError, *UNFOLDABLE):  # told only if it is so at the stream's end
                if receipt := self._attempt(present, command):
                    return receipt
            present = self.reader.catch_up(present)
        for attempt in range(self.attempts):
            if receipt := self._attempt(present, command):
                return receipt
            longest = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
            in_time = seconds_left() >= 2 * longest + 1
            if in_time:
                self.pause(_RANDOM.uniform(0, longest))
            present = self.reader.catch_up(present)
            if not in_time:
                break
        # The race that was lost may have been lost to this very command, in a write whose answer never came.
        if receipt := _receipt_of_before(present.own, command):
            return receipt
        raise ContentionError(
            "others kept writing to this aggregate; nothing was stored, send the command again",
            aggregateId=command.aggregate_id,
        )

    def _attempt(self, present: Present, command: Command) -> Receipt | None:
        """The command's receipt, of before or by one write now; None where another took its place."""
        if receipt := _receipt_of_before(present.own, command):
            return receipt
        events = self._decide(present, command, self._stamp(present))
        try:
            self.reader.store.append(events)
        except ConcurrentAppendError:
            return None
        self.reader.remember(present, events)
        return Receipt.of(events[-1])

    def foresee(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        """What `execute` would answer if nobody else wrote, or the same refusal; nothing is written.

        One wait for at most three Queries (`PresentReader.read`); of a malformed command, those of `_recall`. Of an
        aggregate that is at home elsewhere it tells by what has come from there.
        """
        with self._between_regions(command.aggregate_id):
            return self._foresee(command, seconds_left)

    def _foresee(self, command: Command, seconds_left: Callable[[], float]) -> Receipt:
        if command.violations:
            return self._recall(command)
        present = self._present(command, Deadline(seconds_left, ADVICE))
        if receipt := _receipt_of_before(present.own, command):
            return receipt
        events = self._decide(present, command, UNSTAMPED if self.standing is None else self.standing().stamp)
        self.reader.store.check(events)
        return Receipt.of(events[-1])

    def _recall(self, command: Command) -> Receipt:
        """What a command that is malformed by now was answered when it was carried out, under the rules of that time.

        One Query of the command index (one read unit), for most of them in vain, and one for the event that it finds.
        Raises MalformedError where the command was not carried out, CommandReusedError where another one was.
        """
        store = self.reader.store
        found = store.find(command.aggregate_id, command.command_id).sequence
        event = store.event(command.aggregate_id, found) if found else None
        if receipt := _receipt_of_before(event, command):
            return receipt
        raise command.refusal()

    def _present(self, command: Command, deadline: Deadline, *, to_write: bool = False) -> Present:
        expected = 0 if opens(command) else command.expected_sequence
        kind = KINDS.of_command(command.event_type)
        return self.reader.read(command.aggregate_id, command.command_id, expected, deadline, kind, to_write=to_write)

    @contextmanager
    def _between_regions(self, aggregate_id: str) -> Iterator[None]:
        """Hold what is done to this Region's part. Raises NotHomeError before anything is read, where that is nothing.

        Where two Regions wrote one stream, it is no chain until it is put together again: UnsettledError.
        """
        if self.standing is None:
            yield
            return
        self.standing().require_active()
        try:
            yield
        except IntegrityError as error:
            raise UnsettledError(error.message, aggregateId=aggregate_id) from error

    def _stamp(self, present: Present) -> Stamp:
        """Of what is decided behind the present, right before it is written. Raises NotHomeError."""
        if self.standing is None:
            return UNSTAMPED
        standing = self.standing()
        standing.require_own(present.stamp if present.position.sequence else None)
        return standing.stamp

    def _decide(self, present: Present, command: Command, stamp: Stamp) -> list[Event]:
        """The events to append at the present, or why there are none. By a clock that is off, nothing is decided: the
        present may lack the command's own event (see `present`). The time that was checked is the one that is stamped.
        """
        self.check_clock(present.sighting)
        _check_expectation(command, present.position.sequence)
        _check_kind(present)
        now = present.sighting.after
        decided = decide(present.state, self.complete(command.sound(), now))
        return chain(present.position, decided, command, now, self.branch, stamp=stamp)


def _receipt_of_before(own: Event | None, command: Command) -> Receipt | None:
    """What the command was answered when it caused its `own` event; None without one. Raises CommandReusedError."""
    if own is None:
        return None
    if not repeats(command, own):
        raise CommandReusedError(own.event_type, commandId=command.command_id, sequence=own.sequence)
    return Repeated.of(own)


def _check_expectation(command: Command, sequence: int) -> None:
    expected = command.expected_sequence
    if expected is not None and expected != sequence:
        raise SequenceConflictError(
            f"the aggregate is at sequence {sequence}, not at the expected {expected}",
            expectedSequence=expected,
            actualSequence=sequence,
        )


def _check_kind(present: Present) -> None:
    """Refuse what belongs to newer code: an aggregate all of whose events are of types that nobody here knows."""
    if present.position.sequence and present.state is None:
        raise RuleBrokenError(RULE, "the id is in use by a kind of aggregate that this code does not know")

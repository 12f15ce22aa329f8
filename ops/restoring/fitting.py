"""Whether a copy of an event is the one that stood in a place.

A copy's own hash says that it is whole. That it stood there is said by its neighbours: it names the hash of the event
before it, and the event behind it names its own. So nobody can pass off another event for it who cannot make events
with given hashes. Where the next event is wrong or missing as well, its copy stands in for it, and so on, until a
stored event or, at the stream's end, a row names the hash that these copies lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from handlers.sourcing.event import GENESIS, Event
from ops.system import OperatorError

MOST = 1000
"""Copies in a row that stand in for events which are wrong as well."""


_NEVER = "; if none ever stood there, what stands there or behind it was put out of turn, and is to be taken away: "
_NEVER += "docs/operations.md#an-event-out-of-turn"


class UnfitError(OperatorError):
    """No copy is the event that stood there; the message says why of each."""


class Stream(Protocol):
    """What stands in the store."""

    def event(self, sequence: int) -> Event | None:
        """The event at a place; None where there is none, or one that does not have its hash."""
        ...

    def ends_before(self, sequence: int) -> bool:
        """Whether nothing stands there or behind it."""
        ...

    def witnessed(self, sequence: int) -> str | None:
        """The hash of the event at a place, as a row that stands there tells it."""
        ...


Copies = Callable[[int], Sequence[Event]]
"""Whatever somebody has for a place."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A copy that is the event, and who says so: `by` in words, empty where nobody does."""

    event: Event
    by: str


def fitting(sequence: int, stream: Stream, copies: Copies) -> Fit:
    """The copy that stood at a place. UnfitError where there is none."""
    found = copies(sequence)
    if not found:
        raise UnfitError(f"there is no event {sequence}{_NEVER}")
    before = stream.event(sequence - 1) if sequence > 1 else None
    if before is None and sequence > 1:
        raise UnfitError(f"event {sequence - 1} in front of it is missing or changed as well: put that one back first")
    reasons: list[str] = []
    for copy in found:
        wrong = _unsound(copy, before.hash if before else GENESIS)
        if wrong is None:
            by, wrong = _confirmed(copy, stream, copies)
        if wrong is None:
            return Fit(copy, by)
        reasons.append(f"the event with the Hash {copy.hash[:12]}… does not fit: {wrong}")
    raise UnfitError("; ".join(dict.fromkeys(reasons)))


def _unsound(copy: Event, previous_hash: str) -> str | None:
    if copy.computed_hash() != copy.hash:
        return f"the content of event {copy.sequence} does not have its Hash"
    if copy.previous_hash != previous_hash:
        return f"its PreviousHash is not the Hash of event {copy.sequence - 1}"
    return None


def _confirmed(copy: Event, stream: Stream, copies: Copies) -> tuple[str, str | None]:
    """Who says that the copy stood there, and else what speaks against it."""
    last = copy
    for sequence in range(copy.sequence + 1, copy.sequence + 1 + MOST):
        if witness := stream.witnessed(last.sequence):
            if witness == last.hash:
                return f"a row that stands at event {last.sequence}", None
            if stream.ends_before(sequence):
                return "", f"a row has seen another event {last.sequence}"
        stored = stream.event(sequence)
        if stored is not None and stored.previous_hash == last.hash:
            return f"event {sequence}", None
        following = [each for each in copies(sequence) if _unsound(each, last.hash) is None]
        if not following:
            if stream.ends_before(sequence):
                return "", None
            what = "is missing or changed" if stored is None else "names another PreviousHash"
            return "", f"event {sequence} behind it {what}, and there is no copy that follows"
        last = following[0]
    return "", f"{MOST:,} events behind it are wrong as well: restore the table"

"""The ledger as a branch sees it: each stream up to where its base ends, and behind that what the branch decided.

Why nothing of the ledger's changes what a branch sees. Where an aggregate's base ends is written down at the first
touch, on the condition that it is not yet, and is never written again; the ledger only appends. So what is at or below
that place is the same for ever, and what is above it is never read. An event of the branch takes a place above it, on
the condition that it is free *in the branch's table*: what the ledger appends meanwhile takes no place from it.

Writes go to the branch's table alone: there is no way from here to the store, and the function's role has none either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import Kind
from handlers.sourcing.values import Value

from .branch_events import BranchEvents
from .branches import MAX_PLACE_BYTES, Branch, Branches
from .snapshots import Snapshot
from .stored_events import Unreadable
from .streams import AppendableStreams, KeptStates, LookUp, Page, Streams, Tail


def end_of(base: Streams, aggregate_id: str, moment: str | None) -> Position:
    """Where a stream ends, or ended at a `moment`: behind its last event recorded until then.

    One Query for a stream whose newest event was recorded by then; else one more for each binary digit of its length,
    since times never go back along a stream.
    """
    newest = base.tail(aggregate_id, 1).events
    if not newest:
        return Position()
    if moment is None or newest[-1].timestamp <= moment:
        return _position_of(newest[-1])
    low, high, end = 0, newest[-1].sequence - 1, Position()
    while low < high:
        middle = (low + high + 1) // 2
        event = base.event(aggregate_id, middle)
        if event.timestamp <= moment:
            low, end = middle, _position_of(event)
        else:
            high = middle - 1
    if low and end.sequence != low:
        end = _position_of(base.event(aggregate_id, low))
    return end if end.timestamp <= moment else Position()


def _position_of(event: Event) -> Position:
    return Position(event.sequence, event.hash, event.timestamp)


@dataclass(frozen=True, slots=True)
class Bases:
    """Where the bases of a branch's aggregates end, as far as this process has asked; several threads may ask."""

    branches: Branches
    branch: Branch
    base: Streams
    _known: dict[str, int] = field(default_factory=dict)
    _lock: Any = field(default_factory=RLock)

    def end(self, aggregate_id: str) -> int:
        """How many of the ledger's events an aggregate has on the branch: `Branches.base`, once for each aggregate.

        MalformedError for an id that the branch's table cannot hold.
        """
        if len(aggregate_id.encode(errors="surrogatepass")) > MAX_PLACE_BYTES:
            raise MalformedError("aggregateId", f"on a branch must not be longer than {MAX_PLACE_BYTES} bytes")
        with self._lock:
            if aggregate_id not in self._known:
                end = self.branches.base(
                    self.branch, aggregate_id, lambda: end_of(self.base, aggregate_id, self.branch.at)
                )
                self._known[aggregate_id] = end.sequence
            return self._known[aggregate_id]


@dataclass(frozen=True, slots=True)
class OverlayStore(AppendableStreams):
    """Streams as a branch sees them. Reads are strongly consistent. Each method costs, at an aggregate's first use,
    what `Bases.end` does."""

    base: AppendableStreams
    own: BranchEvents
    bases: Bases

    @classmethod
    def of(cls, base: AppendableStreams, branches: Branches, branch: Branch) -> OverlayStore:
        """The overlay of a branch over the ledger's own streams."""
        return cls(base, BranchEvents(branches, branch), Bases(branches, branch, base))

    def append(self, events: Sequence[Event]) -> None:
        """Write events behind what the branch has: `BranchEvents.append`. ConcurrentAppendError, TooLargeError."""
        self.check(events)
        self.own.append(events)

    def check(self, events: Sequence[Event]) -> list[dict[str, Value]]:
        """The records of events that can be appended together, by the ledger's own bounds. TooLargeError."""
        return self.base.check(events)

    def page(
        self,
        aggregate_id: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int | None = None,
        unreadable: Unreadable | None = None,
    ) -> Page:
        """A Query of the base, where some of it is asked for, and one of the branch, where that is reached: so much is
        in the page, 1 MB of each at most."""
        end = self.bases.end(aggregate_id)
        last = MAX_SEQUENCE if up_to is None else up_to
        below = Page([], None)
        if after < min(end, last):
            below = self.base.page(aggregate_id, after=after, up_to=min(end, last), limit=limit, unreadable=unreadable)
            after = min(end, last)
        rest = None if limit is None else limit - len(below.events)
        if below.next_after is not None or last <= end:
            return below
        if rest is not None and rest <= 0:
            return below._replace(next_after=end)
        above = self.own.page(aggregate_id, max(after, end), last, rest, unreadable)
        return Page([*below.events, *above.events], above.next_after, above.told)

    def tail(self, aggregate_id: str, limit: int) -> Tail:
        """One Query of the branch's own events, and where these are fewer than `limit`, one of the base's newest."""
        end = self.bases.end(aggregate_id)
        own = self.own.tail(aggregate_id, limit)
        missing = limit - len(own.events)
        if missing <= 0 or own.before > end or not end:
            return own
        below = list(self.base.read(aggregate_id, after=max(0, end - missing), up_to=end))
        return Tail([*below, *own.events], own.told)

    def find(self, aggregate_id: str, command_id: str) -> LookUp:
        """One Query of the branch's command index, and where it has none such, one of the ledger's. What the ledger
        carried out above the base did not happen here."""
        found = self.own.find(aggregate_id, command_id)
        if found.sequence is not None:
            return found
        below = self.base.find(aggregate_id, command_id).sequence
        is_here = below is not None and below <= self.bases.end(aggregate_id)
        return LookUp(below if is_here else None, found.told)


@dataclass(frozen=True, slots=True)
class OverlayStates:
    """The ledger's snapshots as a branch sees them: those at or below where an aggregate's base ends. None are made of
    what is decided on a branch."""

    base: KeptStates
    end: Callable[[str], int]

    def nearest(self, aggregate_id: str, up_to: int | None = None, kind: Kind[Any] | None = None) -> Snapshot | None:
        """As `KeptStates.nearest`; no request where there is no base."""
        end = self.end(aggregate_id)
        bound = end if up_to is None else min(up_to, end)
        return self.base.nearest(aggregate_id, bound, kind) if bound else None

    def nearest_in_time(self, aggregate_id: str, as_of: str) -> Snapshot | None:
        """As `KeptStates.nearest_in_time`; one request more where that is of behind the base."""
        end, found = self.end(aggregate_id), self.base.nearest_in_time(aggregate_id, as_of)
        return found if found is None or found.position.sequence <= end else self.nearest(aggregate_id)

"""Streams of events as whoever decides and whoever looks back reads and appends them, wherever they are kept.

The event store is one place (`event_store`). Nothing that rests on these ports knows of a table, so that the rules of
reading, deciding and writing are the same over any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from handlers.domain import KINDS
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import Kind
from handlers.sourcing.values import Value

from .deadline import Deadline
from .stored_events import Unreadable

if TYPE_CHECKING:
    from .snapshots import Snapshot


class ConcurrentAppendError(Exception):
    """Another writer took the sequence that this append was for. Nothing was written."""


class Page(NamedTuple):
    """Some consecutive events of a stream, where to go on (None at the end), and what AWS's clock said."""

    events: list[Event]
    next_after: int | None
    told: datetime | None = None


class LookUp(NamedTuple):
    """The sequence of the last event that a command caused, if any, and what AWS's clock said at the answer."""

    sequence: int | None
    told: datetime | None = None


class Tail(NamedTuple):
    """The newest events of a stream, in order, and what AWS's clock said when it answered with them."""

    events: list[Event]
    told: datetime | None = None

    @property
    def before(self) -> int:
        """How many events of the stream came before these."""
        return self.events[0].sequence - 1 if self.events else 0

    @property
    def end(self) -> int:
        """The stream's length."""
        return self.events[-1].sequence if self.events else 0


class Streams(Protocol):
    """Reads streams; strongly consistent. What cannot be read raises NotAnEventError."""

    def page(
        self,
        aggregate_id: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int | None = None,
        unreadable: Unreadable | None = None,
    ) -> Page:
        """At most 1 MB or `limit` items behind `after`, and none behind `up_to`.

        An item that is no event raises, or is told to `unreadable` and left out.
        """
        ...

    def read(
        self,
        aggregate_id: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int | None = None,
        unreadable: Unreadable | None = None,
        deadline: Deadline | None = None,
    ) -> Iterator[Event]:
        """The events in order, from `after` (exclusive) to `up_to` (inclusive).

        One page a megabyte, the first one of `limit` events only, for who will probably stop soon. OutOfTimeError
        where the `deadline` does not allow for another page.
        """
        next_after: int | None = after
        while next_after is not None:
            if deadline:
                deadline.allow()
            page = self.page(aggregate_id, after=next_after, up_to=up_to, limit=limit, unreadable=unreadable)
            next_after, limit = page.next_after, None
            yield from page.events

    def tail(self, aggregate_id: str, limit: int) -> Tail:
        """At most the newest `limit` events."""
        ...

    def find(self, aggregate_id: str, command_id: str) -> LookUp:
        """Look a command up among all events of an aggregate."""
        ...

    def event(self, aggregate_id: str, sequence: int) -> Event:
        """The event of that sequence, which must be there: one page."""
        return next(self.read(aggregate_id, after=sequence - 1, up_to=sequence))


class AppendableStreams(Streams, Protocol):
    """Reads streams and appends to them."""

    def append(self, events: Sequence[Event]) -> None:
        """Write events that follow each other in one stream, all or none. ConcurrentAppendError, TooLargeError."""
        ...

    def check(self, events: Sequence[Event]) -> list[dict[str, Value]]:
        """The records of events that can be appended together. TooLargeError."""
        ...


class KeptStates(Protocol):
    """Finds states that were kept along a stream: each a copy, which may be missing."""

    def nearest(self, aggregate_id: str, up_to: int | None = None, kind: Kind[Any] | None = None) -> Snapshot | None:
        """The newest one at or before sequence `up_to` (None: of all)."""
        ...

    def nearest_in_time(self, aggregate_id: str, as_of: str) -> Snapshot | None:
        """The newest one of an event at or before `as_of`."""
        ...


def kind_of(store: Streams, aggregate_id: str, events: Sequence[Event]) -> Kind[Any] | None:
    """The kind of an aggregate as some of its events tell it, or else its stream; None where no event does.

    One Query in the second case, and more only where the first event is of a type that nobody here knows.
    """
    return KINDS.of_events(events) or KINDS.of_events(store.read(aggregate_id, limit=1))

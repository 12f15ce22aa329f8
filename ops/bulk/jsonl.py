"""Events as JSON Lines: each event's record in the canonical JSON that its hash is computed over, with its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handlers.sourcing.errors import MalformedError, NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps, loads


def strictly(record: Mapping[str, Any]) -> Event:
    """The event that a record is, and that is all that it is. NotAnEventError otherwise."""
    event = Event.of(record)
    if unknown := sorted(record.keys() - event.record().keys()):
        raise NotAnEventError(f"{', '.join(unknown)} is no attribute of an event", event.aggregate_id, event.sequence)
    return event


def line(event: Event) -> bytes:
    """One line with its end. A line end inside a text is escaped there, as JSON demands."""
    return f"{dumps(event.record())}\n".encode()


def read(path: Path) -> Iterator[tuple[Event, int]]:
    """The events of a file and the length of each one's line. ValueError at the first line that is no event."""
    with path.open("rb") as file:  # in bytes: lines end with \n alone, not with all that Unicode calls a line's end
        for number, text in enumerate(file, 1):
            try:
                yield strictly(loads(text, f"line {number}")), len(text)
            except MalformedError as error:
                raise ValueError(error.message) from error
            except NotAnEventError as error:
                raise ValueError(f"line {number}: {error.message}") from error

"""Streams that cannot be put together yet, since something of them has not come: a note for each, until it is.

The notes are in the Region's own table, under a part of their own. They keep what an operator must know (which stream,
since when, what is missing), and have `reconcile` look again when no message is left that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers.sourcing.values import Value

from .region_notes import RegionNotes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = "waiting"
_SPANS = 5
"""So many are named."""


class Wait(NamedTuple):
    """A stream that waits; `lacks` are places without which it is no chain, none where the other Region decides it."""

    aggregate_id: str
    since: str
    lacks: tuple[int, ...] = ()

    def describe(self) -> dict[str, Value]:
        """It as operators see it."""
        return {"aggregateId": self.aggregate_id, "since": self.since, "lacks": list(self.lacks)}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The notes of one Region."""

    client: DynamoDBClient
    table: str

    def every(self) -> Iterator[Wait]:
        """All that wait, by their ids: one Query a megabyte, strongly consistent."""
        return map(_wait_of, self._notes.every())

    def note(self, aggregate_id: str, now: str, lacks: Sequence[int]) -> None:
        """Note that a stream waits; since when it did already, if it did. One GetItem, and a PutItem of what is new."""
        found = self._notes.of(aggregate_id)
        before = _wait_of(found) if found else None
        wait = Wait(aggregate_id, before.since if before else now, tuple(lacks))
        if wait != before:
            self._notes.note(aggregate_id, {"Since": wait.since, "Lacks": list(wait.lacks)})

    def forget(self, aggregate_id: str) -> None:
        """Note that it does not: one DeleteItem."""
        self._notes.forget(aggregate_id)

    @property
    def _notes(self) -> RegionNotes:
        return RegionNotes(self.client, self.table, PART)


def _wait_of(record: Any) -> Wait:
    return Wait(record["Place"], record["Since"], tuple(int(each) for each in record["Lacks"]))


def spans(places: Sequence[int]) -> str:
    """Places in words, where they are in order: `2, 4 to 6, 8`; of very many spans the first ones."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    named = ", ".join(str(start) if start == end else f"{start} to {end}" for start, end in found[:_SPANS])
    more = sum(end - start + 1 for start, end in found[_SPANS:])
    return f"{named} and {more:,} more" if more else named

"""Copies to be looked at once more: rows and entries of streams that two Regions wrote, in the Region where they lie.

Somebody may have read a stream, or a row, before it was made right, and write what follows from a lost event after
that. So copies are looked at again, when all have ended who can have read them before, until nothing is found. The
notes of that lie in the table of standings, which is not replicated: each Region's copies are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .region_notes import RegionNotes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = "look"


class Look(NamedTuple):
    """What is due: the copies of a stream from event `first` on, which were made right at `since`."""

    aggregate_id: str
    since: str
    first: int


@dataclass(frozen=True, slots=True)
class Looks:
    """The notes of one Region."""

    client: DynamoDBClient
    table: str

    def every(self) -> Iterator[Look]:
        """All that are due or will be, by their ids: one Query a megabyte, strongly consistent."""
        return map(_look_of, self._notes.every())

    def of(self, aggregate_id: str) -> Look | None:
        """What is due of one stream: a GetItem."""
        found = self._notes.of(aggregate_id)
        return _look_of(found) if found else None

    def note(self, look: Look) -> None:
        """Have somebody look: a PutItem."""
        self._notes.note(look.aggregate_id, {"Since": look.since, "First": look.first})

    def forget(self, aggregate_id: str) -> None:
        """Nothing more is due: a DeleteItem."""
        self._notes.forget(aggregate_id)

    @property
    def _notes(self) -> RegionNotes:
        return RegionNotes(self.client, self.table, PART)


def _look_of(record: Any) -> Look:
    return Look(record["Place"], record["Since"], int(record["First"]))

"""The target `file`: copies into files on the operator's machine, by what writes exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.sourcing.selection import Selection
from handlers.sourcing.values import dumps, loads
from handlers.store.replay_source import Place, ReplaySource, segments_of
from handlers.store.replay_targets import Copier
from handlers.store.stored_events import events_of
from handlers.upkeep.foreign import Foreign
from ops.bulk import parquet
from ops.bulk.exporter import Lines
from ops.bulk.manifest import Manifest
from ops.bulk.pages import Page

from .pace import Pace


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of what is selected, a file for each segment of the replay."""

    source: ReplaySource
    selection: Selection
    copier: Copier
    left_out: Callable[[Foreign], None]
    """Hears, from several threads, of each item that is no event, and of events that the transform fails on."""
    pace: Pace

    def pages(self, _: Manifest, part: int, after: Mapping[str, Any] | None) -> Iterator[Page]:
        """The pages of a segment, strongly consistent: a read unit per 4 KB."""
        segment = segments_of(self.selection)[part]
        place = Place.of(after) if after else None
        while True:
            page = self.source.page(self.selection, segment, place, self.pace.page)
            place = page.after
            yield Page(page.items, place.key() if place else None)
            if place is None:
                return

    def lines(self, items: Sequence[Mapping[str, Any]]) -> Lines:
        """Each copy's record as canonical JSON, when it is its turn."""
        met: list[NotAnEventError] = []
        selected: list[Event] = [event for event in events_of(items, met.append) if self.selection.takes(event)]
        copies, failed = self.copier.copies(selected)
        self.pace.wait(len(copies))
        for error in met:
            self.left_out(Foreign.of(error))
        for each in failed:
            self.left_out(Foreign(f"{each.aggregate_id}", f"{each.sequence}", each.reason, "not sent"))
        return Lines([f"{dumps(copy.record)}\n".encode() for copy in copies], len(met) + len(failed))

    def as_parquet(self, spool: Path, target: Path) -> None:
        """With a column for each attribute of a copy."""
        parquet.write_copies(target, _records(spool))


def _records(spool: Path) -> Iterator[tuple[dict[str, Any], int]]:
    with spool.open("rb") as file:
        for number, text in enumerate(file, 1):
            yield loads(text, f"line {number}"), len(text)

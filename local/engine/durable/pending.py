"""Deliveries and asynchronous invocations that were accepted: they go on after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.engine.durable.database import Database


class KeptPending:
    """In the data folder. Work that was done in the very moment of a kill may be done again: at least once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._left_behind = database.value("SELECT max(place) FROM pending") or 0

    def add(self, kind: str, content: Callable[[], str]) -> int:
        return self._database.write("INSERT INTO pending (kind, content) VALUES (?, ?)", kind, content())

    def change(self, place: int, content: Callable[[], str]) -> None:
        self._database.write("UPDATE pending SET content = ? WHERE place = ?", content(), place)

    def done(self, place: int) -> None:
        self._database.write("DELETE FROM pending WHERE place = ?", place)

    def of(self, kind: str) -> Sequence[tuple[int, str]]:
        rows = self._database.read(
            "SELECT place, content FROM pending WHERE kind = ? AND place <= ? ORDER BY place", kind, self._left_behind
        )
        return [(int(place), str(content)) for place, content in rows]

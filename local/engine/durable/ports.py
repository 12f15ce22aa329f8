"""Which place among the ports each origin has: an address that somebody wrote down is good after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.engine.durable.database import Database

_KIND = "port of "


class FilePorts:
    """By the origin's name. None is ever forgotten: what is gone may come back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> dict[str, int]:
        rows = self._database.read("SELECT name, value FROM setting WHERE name LIKE ?", f"{_KIND}%")
        return {name.removeprefix(_KIND): int(value) for name, value in rows}

    def keep(self, name: str, place: int) -> None:
        self._database.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", f"{_KIND}{name}", str(place))

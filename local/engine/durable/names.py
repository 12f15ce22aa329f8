"""The physical names of a stack: what was made up once is taken again, so that a restart makes the same stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.durable.database import Database


class FileNames:
    """By the resource's URN and the property that holds the name. None is ever forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> Mapping[tuple[str, str], str]:
        return {(urn, prop): name for urn, prop, name in self._database.read("SELECT urn, property, name FROM name")}

    def keep(self, urn: str, prop: str, name: str) -> None:
        self._database.write("INSERT OR REPLACE INTO name VALUES (?, ?, ?)", urn, prop, name)

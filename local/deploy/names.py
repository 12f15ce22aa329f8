"""The physical names of a stack that was there before: what was made up once is taken again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Name:
    """What the property `prop` of the resource `urn` was made to be."""

    urn: str
    prop: str
    name: str


class NameKeeper(Protocol):
    """Where names outlive a deployment."""

    def known(self) -> Mapping[tuple[str, str], str]:
        """All names, by URN and property."""

    def keep(self, urn: str, prop: str, name: str) -> None:
        """Returns when the name is kept; the resource is made after that."""


class Names:
    """As they are known, and made up where they are not."""

    def __init__(self, known: Mapping[tuple[str, str], str], keep: Callable[[Name], None]) -> None:
        self._known = known
        self._keep = keep

    def of(self, urn: str, prop: str, beginning: str, make: Callable[[], str]) -> str:
        """The name from before, unless it is to begin otherwise by now; else what `make` makes."""
        known = self._known.get((urn, prop))
        if known is not None and known.startswith(beginning):
            return known
        made = make()
        self._keep(Name(urn, prop, made))
        return made

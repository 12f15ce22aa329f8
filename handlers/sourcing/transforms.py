"""Transforms: what a replay makes of an event before it sends it. Named, pure and versioned, as upcasters are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .copies import Copy
from .event import Event, NewEvent

Make = Callable[[Event], Sequence[NewEvent]]
"""From an event to what is sent in its place: nothing, one or several."""


@dataclass(frozen=True, slots=True)
class Transform:
    """Never changed once it ran: what does something else has another version."""

    name: str
    """With its version, such as `newest-shape@1`."""
    says: str
    make: Make


class Transforms:
    """Those of a domain, by their names."""

    def __init__(self, transforms: Iterable[Transform]) -> None:
        self._by_name = {each.name: each for each in transforms}

    @property
    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self._by_name)

    def says(self, name: str) -> str:
        """What one does, in words."""
        return self._by_name[name].says

    def copies(self, event: Event, replay_id: str, name: str | None) -> list[Copy]:
        """What a replay sends of an event, by a transform or as it is. Raises whatever the transform does.

        LookupError where there is no such transform: a replay of newer code.
        """
        if name is None:
            return [Copy.of(event, replay_id)]
        made = self._by_name[name].make(event)
        return [Copy.transformed(event, replay_id, name, place, each) for place, each in enumerate(made)]

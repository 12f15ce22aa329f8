"""Read models as pure folds: a row, and how an event changes it.

A row is an object of JSON values without its keys; `None` is the row that is not there yet. What makes a projection
converge (order, duplicates, gaps, crashes) is not here: see `handlers.store.projector`.
"""

from __future__ import annotations

from typing import Protocol

from .event import Event
from .values import Value

Row = dict[str, Value]


class Projection(Protocol):
    """One read model per aggregate, stored under `name` as its ProjectionType."""

    @property
    def name(self) -> str: ...

    def apply(self, row: Row, event: Event) -> Row:
        """The row after `event`; `row` is empty before the first one and must not be changed."""
        ...

    def knows(self, row: Row, sequence: int) -> bool:
        """Whether `apply` can go on from `row`, which stands at `sequence`: not where it is damaged, nor where code
        before this wrote it, without what rows have today."""
        ...

    def damage(self, row: Row, sequence: int) -> list[str]:
        """The attributes of `row`, which stands at `sequence`, that are missing or something else than `apply` makes of
        so many events: nothing to show to anybody."""
        ...

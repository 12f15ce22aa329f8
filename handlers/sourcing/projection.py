"""Read models as pure folds: a row, and how an event changes it.

A row is an object of JSON values without its keys; `None` is the row that is not there yet. What makes a projection
converge (order, duplicates, gaps, crashes) is not here: see `handlers.store.projector`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .event import Event
from .values import Value

Row = dict[str, Value]


class Entries(Protocol):
    """What some events leave beside a projection's row for good, each in an item of its own that is written once."""

    @property
    def name(self) -> str:
        """The items stand under `<name>#<sequence>`, and so before the row: its name sorts behind this one."""
        ...

    def entry(self, row: Row, event: Event) -> Row | None:
        """What `event` leaves, None for nothing; `row` is the projection's row after the event."""
        ...

    def damage(self, entry: Row, sequence: int) -> list[str]:
        """The attributes of the entry of event `sequence` that are missing or nothing that `entry` makes."""
        ...

    def time(self, entry: Row) -> str:
        """When the event of an undamaged entry was recorded."""
        ...

    def follows(self, entry: Row, older: Row | None) -> bool:
        """Whether an undamaged entry can be the next one behind `older`, None being the aggregate's beginning."""
        ...

    def ends(self, newest: Row | None, row: Row) -> bool:
        """Whether the entries of a row can end with `newest`, None being that there is none."""
        ...

    def row_of(self, state: Any) -> Row:
        """As much of the projection's row as `entry` and `apply` need to go on from an aggregate's state."""
        ...


class Projection(Protocol):
    """One read model per aggregate, stored under `name` as its ProjectionType."""

    @property
    def name(self) -> str: ...

    @property
    def entries(self) -> Entries | None:
        """What is written beside the row, and before it: with a row at n are all entries of events 1 to n."""
        ...

    @property
    def queries(self) -> tuple[RowQuery | DueQuery, ...]:
        """What can be asked of its rows, and of the entries beside them."""
        ...

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowQuery:
    """A query of one aggregate's row of a projection, or of the entries beside it: `handlers.query` answers it."""

    name: str
    """Its queryType."""
    argument: str
    """What its request calls the aggregate's id, such as `parcelId`; its answer does, with a capital."""
    head: tuple[str, ...] | None = None
    """Of a query of entries: the attributes of the row that are shown above them. None where the row is shown."""
    below: str = ""
    """Where the HTTP API has it, below the aggregate's own place: `journey` is /parcels/{id}/journey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """An optional member of a request that says which rows are meant."""

    description: str
    form: Literal["id", "time", "word"]
    meant: Callable[[Value], Callable[[Row], bool]]
    """What the member says, to whether a row is meant. MalformedError."""
    words: tuple[str, ...] = ()
    """What it may say, where it is a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByEvent:
    """Which rows of a list need not be due: those with an event of a certain type, found by it, the newest first."""

    member: str
    """One of the query's filters."""
    types: Mapping[str, str]
    """By what it says: the type of the event. An aggregate has one such event at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueQuery:
    """A query of those rows of a projection for which something is or will be due, by pages; see `handlers.query`."""

    name: str
    """Its queryType."""
    argument: str
    """What its answer calls an aggregate's id, with a capital, as `RowQuery.argument`."""
    rows: str
    """What its answer calls them."""
    buckets: tuple[str, ...]
    """The keys under which they stand in the index."""
    filters: Mapping[str, Filter]
    """By an optional member of the request."""
    by_event: ByEvent | None = None
    """Where rows are listed by what they came to, too."""

"""Items in the order of the keys of a table or an index, kept so from one query to the next.

The items of a query are a slice of one list, found by bisection, whatever else the table holds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Key = tuple[Any, ...]
"""Of a partition: its type and value. Of a place in it: the values of the attributes that it is sorted by."""


class Unordered(Exception):  # noqa: N818 - reads as what it says of the items
    """The values do not compare, or what is asked for is no slice: it takes a look at every item."""


def key_of(value: Any) -> Key:
    """Of a partition with this value, which is an attribute as moto keeps it."""
    return value.type, value.cast_value


@dataclass(frozen=True)
class Place:
    """The attributes that tell the partition of an item in an index, and where in it the item is."""

    partition: str
    sort: tuple[str, ...]

    def of(self, attributes: Mapping[str, Any]) -> tuple[Key, Key] | None:
        """Partition and position; None for an item that lacks an attribute, which the index does not hold."""
        if any(name not in attributes for name in (self.partition, *self.sort)):
            return None
        return key_of(attributes[self.partition]), tuple(attributes[name].cast_value for name in self.sort)


class _Entry(NamedTuple):
    position: Key
    item: Any


def _position(entry: _Entry) -> Key:
    return entry.position


def _first(entry: _Entry) -> Any:
    return entry.position[0]


@dataclass(frozen=True)
class Condition:
    """What a query says of the first of the attributes sorted by: a comparison as moto names it, and its values."""

    comparison: str
    values: Sequence[Any]

    def bounds(self, entries: Sequence[_Entry]) -> tuple[int, int]:
        """From where to where the entries meet it. Raises: Unordered; TypeError for values that do not compare."""
        find = _BOUNDS.get(self.comparison.upper())
        if find is None:
            raise Unordered(f"what is {self.comparison} something is no slice")
        return find(entries, *self.values)


class Order:
    """The items of one index, or of one partition of it. It is the same whatever order they are given in."""

    def __init__(self, place: Place, items: Iterable[Any]) -> None:
        """Raises: Unordered."""
        self._place = place
        self._partitions: dict[Key, list[_Entry]] = {}
        try:
            for item in items:
                found = place.of(item.attrs)
                if found is not None:
                    self._partitions.setdefault(found[0], []).append(_Entry(found[1], item))
            for entries in self._partitions.values():
                entries.sort(key=_position)
        except TypeError as error:
            raise Unordered(str(error)) from error

    def replace(self, old: Any, new: Any) -> bool:
        """Takes out `old`, which is as it was when it came, and puts in `new`; either may be None.

        False if it cannot: the order is of no use from then on.
        """
        try:
            return (old is None or self._remove(old)) and (new is None or self._add(new))
        except TypeError:
            return False

    def slice(self, partition: Key, condition: Condition | None, start: Key | None, *, forward: bool) -> Iterator[Any]:
        """The items of the partition that meet the condition, from behind `start` on, and one more if there is one.

        By that one moto sees that a page which its limit ends is not the last. Raises: Unordered.
        """
        entries = self._partitions.get(partition, [])
        try:
            low, high = (0, len(entries)) if condition is None else condition.bounds(entries)
            if start is not None and forward:
                low = max(low, bisect_right(entries, start, key=_position))
            elif start is not None:
                high = min(high, bisect_left(entries, start, key=_position))
        except TypeError as error:
            raise Unordered(str(error)) from error
        places = range(low, max(low, high) + 1) if forward else range(high - 1, min(low, high) - 2, -1)
        return (entries[at].item for at in places if 0 <= at < len(entries))

    def _add(self, item: Any) -> bool:
        found = self._place.of(item.attrs)
        if found is not None:
            insort(self._partitions.setdefault(found[0], []), _Entry(found[1], item), key=_position)
        return True

    def _remove(self, item: Any) -> bool:
        found = self._place.of(item.attrs)
        if found is None:
            return True
        entries = self._partitions.get(found[0], [])
        at = bisect_left(entries, found[1], key=_position)
        if at == len(entries) or entries[at].item is not item:
            return False
        del entries[at]
        if not entries:
            del self._partitions[found[0]]
        return True


def _below(entries: Sequence[_Entry], value: Any) -> int:
    return bisect_left(entries, value, key=_first)


def _up_to(entries: Sequence[_Entry], value: Any) -> int:
    return bisect_right(entries, value, key=_first)


def _beginning(entries: Sequence[_Entry], value: Any) -> tuple[int, int]:
    if not isinstance(value, str):
        raise Unordered("only texts begin with something")
    low = high = _below(entries, value)
    while high < len(entries) and entries[high].position[0].startswith(value):
        high += 1
    return low, high


_BOUNDS: Mapping[str, Callable[..., tuple[int, int]]] = {
    "=": lambda entries, value: (_below(entries, value), _up_to(entries, value)),
    "<": lambda entries, value: (0, _below(entries, value)),
    "<=": lambda entries, value: (0, _up_to(entries, value)),
    ">": lambda entries, value: (_up_to(entries, value), len(entries)),
    ">=": lambda entries, value: (_below(entries, value), len(entries)),
    "BETWEEN": lambda entries, low, high: (_below(entries, low), _up_to(entries, high)),
    "BEGINS_WITH": _beginning,
}

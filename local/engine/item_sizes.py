"""The size of an item, computed once where moto adds it up with each attribute, and with each look at the item.

Moto measures all attributes so far whenever it adds one, and a query measures each of its items three times. An item
changes only where it lies, in an update, which is told here.
"""

from __future__ import annotations

from typing import Any

from local.engine.backends import DynamoType, Item, ItemSizeTooLarge, LimitedSizeDict

MAX_SIZE = 405_000
"""Bytes of an item, where moto has its limit."""

_SIZE = "size_of_the_engine"
_MOST_NAMES = 10_000
_names: dict[str, str] = {}
"""Of attributes: each item comes with texts of its own, which are the same in every item of a table."""

_plain_make, _measured = Item.__init__, Item.size


def install() -> None:
    """From here on moto's items know their size. Calling it again changes nothing."""
    Item.__init__ = _make
    Item.size = _known


def forget(item: Any) -> None:
    """To be called when an item was changed in its place."""
    vars(item).pop(_SIZE, None)


def _make(item: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """As moto makes an item. Raises: ItemSizeTooLarge."""
    item.hash_key = hash_key
    item.range_key = range_key
    item.attrs = LimitedSizeDict()
    size = 0
    for name, value in attrs.items():
        made = DynamoType(value)
        size += len(name.encode()) + made.size()
        if size > MAX_SIZE:
            raise ItemSizeTooLarge
        dict.__setitem__(item.attrs, _shared(name), made)  # moto's own would measure all of it again
    setattr(item, _SIZE, size)


def _shared(name: str) -> str:
    return _names.setdefault(name, name) if len(_names) < _MOST_NAMES else _names.get(name, name)


def _known(item: Any) -> int:
    size = vars(item).get(_SIZE)
    if size is None:
        size = _measured(item)
        setattr(item, _SIZE, size)
    return int(size)

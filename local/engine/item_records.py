"""What a change of an item leaves in the stream of its table: one record of the whole change, if there is any.

Moto writes two for an update that makes an item, the first with its key alone, and one where nothing changed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.engine.backends import DynamoType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def withheld(table: Any) -> Iterator[Callable[[Any, Any], None]]:
    """While it lasts moto writes no record. To be called afterwards with the item before and after, of which one may be
    None; `before` is to be another object than the one that was changed."""
    shard, table.stream_shard = table.stream_shard, None

    def write(before: Any, after: Any) -> None:
        if shard is not None and not (before is not None and after is not None and _same_item(before, after)):
            shard.add(before, after)

    try:
        yield write
    finally:
        table.stream_shard = shard


def _same_item(one: Any, other: Any) -> bool:
    return one.attrs.keys() == other.attrs.keys() and all(
        _same(value, other.attrs[name]) for name, value in one.attrs.items()
    )


def _same(one: Any, other: Any) -> bool:
    """Of attributes as moto keeps them, in which a value may be a plain one again."""
    one, other = DynamoType(one), DynamoType(other)
    if one.type != other.type:
        return False
    if one.type == "L":
        return len(one.value) == len(other.value) and all(map(_same, one.value, other.value))
    if one.type == "M":
        return one.value.keys() == other.value.keys() and all(
            _same(value, other.value[name]) for name, value in one.value.items()
        )
    return bool(one.cast_value == other.cast_value)

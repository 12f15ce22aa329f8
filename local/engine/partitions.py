"""DynamoDB's queries at a price that grows neither with the table nor with the partition.

For each Query, of an index too, moto sorts all items of the table before it looks for those of the partition, in the
lock that all of AWS waits for: 200 ms at 10,000 items. It is enough to hand it the items of the answer, which it checks
and sorts itself. They come out of orders that are made when an index is first asked, and kept through every way in
which moto changes items. Where no order helps, moto gets the partition or, of a global index, every item.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.engine import item_records, item_sizes
from local.engine.backends import RESULT_SIZE_LIMIT, DynamoDBBackend, DynamoType, Item, Table
from local.engine.orders import Condition, Key, Order, Place, Unordered, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_ORDERS = "orders_of_the_engine"
"""The attribute of a table that its orders are kept in."""

_MALFORMED = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What moto's attributes raise for values that are none; moto's own answer to those comes later."""

_query_of_the_whole_table, _plain_get = Table.query, Table.get_item
_plain_put, _plain_delete = Table.put_item, Table.delete_item
_plain_update = DynamoDBBackend.update_item


def install() -> None:
    """From here on moto's queries look at what they answer. Calling it again changes nothing."""
    Table.query = _query
    Table.get_item = _get
    Table.put_item = _put
    Table.delete_item = _delete
    DynamoDBBackend.update_item = _update
    item_sizes.install()


def forget(table: Any) -> None:
    """Drops the orders of a table whose items were exchanged. The next queries make them again."""
    vars(table).pop(_ORDERS, None)


class _Orders:
    """Those of a table that were asked for so far, by the index's name ("" for the table itself) and by partition.

    The partitions of the table and of its local indexes have orders of their own, so that nobody sorts all items; a
    global index has one, under None.
    """

    def __init__(self) -> None:
        self._of: dict[str, dict[Key | None, Order | None]] = {}
        self._places: dict[str, Place] = {}

    def get(self, name: str, place: Place, partition: Key | None, items: Callable[[], Iterable[Any]]) -> Order:
        """Raises: Unordered."""
        if self._places.get(name) != place:  # a new index, perhaps with the name of one that is gone
            self._places[name] = place
            self._of[name] = {}
        orders = self._of[name]
        if partition not in orders:
            orders[partition] = None  # so that it is not tried again with every query
            orders[partition] = Order(place, items())
        order = orders[partition]
        if order is None:
            raise Unordered("the items did not compare")
        return order

    def replace(self, old: Any, new: Any) -> None:
        """Tells all orders. Either may be None; both have the same key."""
        own = key_of((new if old is None else old).hash_key)
        for orders in self._of.values():
            for partition in (own, None):
                order = orders.get(partition)
                if order is not None and not order.replace(old, new):
                    orders[partition] = None

    def __deepcopy__(self, _: Any) -> _Orders:
        """The copy of a table has other items."""
        return _Orders()


@dataclass(frozen=True)
class _Index:
    """The table itself, or one of its indexes. `sort` is the attribute that a query may set a condition on."""

    name: str
    is_global: bool
    place: Place
    sort: str | None

    @classmethod
    def of(cls, table: Any, name: str | None) -> _Index | None:
        """None where there is no such index, or its key has more parts than an order knows."""
        own = (table.hash_key_attr, table.range_key_attr) if table.has_range_key else (table.hash_key_attr,)
        if name is None:
            return cls("", is_global=False, place=Place(own[0], own[1:]), sort=table.range_key_attr)
        found = next((index for index in table.all_indexes() if index.name == name), None)
        if found is None:
            return None
        hashes = [key["AttributeName"] for key in found.schema if key["KeyType"] == "HASH"]
        ranges = [key["AttributeName"] for key in found.schema if key["KeyType"] == "RANGE"]
        if len(hashes) != 1 or len(ranges) > 1:
            return None
        # Without a sort key of its own, moto sorts an index by the table's.
        sorted_by = dict.fromkeys((*ranges, *own) if ranges else reversed(own))
        place = Place(hashes[0], tuple(sorted_by))
        return cls(name, is_global=found in table.global_indexes, place=place, sort=ranges[0] if ranges else None)

    def items(self, table: Any, hash_key: Any) -> list[Any]:
        """All that can be in the partition, in no order."""
        if self.is_global or hash_key is None:
            return [
                item for each in table.items.values() for item in (each.values() if table.has_range_key else [each])
            ]
        partition = table.items.get(hash_key, {})
        return list(partition.values()) if table.has_range_key else [partition] if partition else []

    def position(self, attributes: Mapping[str, Any], partition: Key) -> Key:
        """Where a page starts that begins behind these attributes. Raises: Unordered."""
        try:
            found = self.place.of({name: DynamoType(value) for name, value in attributes.items()})
        except _MALFORMED as error:
            raise Unordered(str(error)) from error
        if found is None or found[0] != partition:
            raise Unordered("it starts at no place of the partition")
        return found[1]


@dataclass(frozen=True)
class _Question:
    """What a query asks of the keys. `start` is the key that the page before ended with."""

    partition: Any
    condition: Condition | None
    start: Mapping[str, Any] | None
    forward: bool

    def slice(self, table: Any, index: _Index) -> Iterator[Any]:
        """The items that answer it, in their order. Raises: Unordered."""
        partition = key_of(self.partition)
        start = None if self.start is None else index.position(self.start, partition)
        if not index.is_global and self.partition not in table.items:
            return iter(())  # and no order is made for it
        orders: _Orders = vars(table).setdefault(_ORDERS, _Orders())
        scope = None if index.is_global else partition
        order = orders.get(index.name, index.place, scope, lambda: index.items(table, self.partition))
        return order.slice(partition, self.condition, start, forward=self.forward)


def _query(
    table: Any, *given: Any, hash_key_conditions: Any = None, range_key_conditions: Any = None, **fields: Any
) -> Any:
    """`given` are moto's arguments, which it has no names for; `fields` are conditions of the old kind."""
    hash_key, comparison, values, limit, start, forward, _, index_name, *_ = given
    seen, index = table, _Index.of(table, index_name)
    if index is not None:
        if index_name is not None:
            hash_key = dict(hash_key_conditions or ()).get(index.place.partition)
        other = bool(fields) or bool(range_key_conditions and range_key_conditions[-1][0] != index.sort)
        condition = Condition(comparison, [value.cast_value for value in values]) if comparison else None
        question = None if other or hash_key is None else _Question(hash_key, condition, start, forward)
        items = [_lent(item) for item in _candidates(table, index, hash_key, question, limit)]
        seen = copy.copy(table)
        seen.all_items = lambda: items
    conditions = {"hash_key_conditions": hash_key_conditions, "range_key_conditions": range_key_conditions}
    return _query_of_the_whole_table(seen, hash_key, *given[1:], **conditions, **fields)


def _candidates(table: Any, index: _Index, hash_key: Any, question: _Question | None, limit: int | None) -> list[Any]:
    """The items that moto is to look at: those of the page, if the question is one for an order."""
    if question is not None:
        with contextlib.suppress(Unordered):
            return list(_page(question.slice(table, index), limit))
    return index.items(table, hash_key)


class _Lent(Item):  # type: ignore[misc] # moto is untyped
    """An item on its way into an answer, which moto would copy with all that is in it, and only reads."""

    def __deepcopy__(self, _: Any) -> _Lent:
        return self


def _lent(item: Any) -> Any:
    lent: Any = object.__new__(_Lent)
    vars(lent).update(vars(item))  # its size as well
    return lent


def _page(items: Iterator[Any], limit: int | None) -> Iterator[Any]:
    """As many as moto looks at: those of the page, and one by which it sees that there are more."""
    size = 0
    for number, item in enumerate(items):
        yield item
        size += item.size()
        if size > RESULT_SIZE_LIMIT or number == limit:
            return


def _get(table: Any, hash_key: Any, range_key: Any = None, *arguments: Any, **more: Any) -> Any:
    """Moto's own leaves an empty partition behind for each key that it looks for in vain."""
    if range_key and hash_key not in table.items:
        return None
    return _plain_get(table, hash_key, range_key, *arguments, **more)


def _put(table: Any, item_attrs: Mapping[str, Any], *arguments: Any, **more: Any) -> Any:
    old = _held(table, item_attrs)
    with item_records.withheld(table) as record:
        new = _plain_put(table, item_attrs, *arguments, **more)
    record(old, new)
    orders = vars(table).get(_ORDERS)
    if orders is not None:
        orders.replace(old, new)
    return new


def _delete(table: Any, hash_key: Any, *arguments: Any, **more: Any) -> Any:
    item = _plain_delete(table, hash_key, *arguments, **more)
    if table.has_range_key and not table.items.get(hash_key, True):
        del table.items[hash_key]
    orders = vars(table).get(_ORDERS)
    if item is not None and orders is not None:
        orders.replace(item, None)
    return item


def _update(backend: Any, table_name: str, key: Mapping[str, Any], *arguments: Any, **more: Any) -> Any:
    """An update changes the item in its place: it is out of the orders meanwhile, and its size is another.

    Where moto stops half way, the item is as it was.
    """
    table = backend.tables.get(table_name.rsplit("/", 1)[-1])
    if table is None:
        return _plain_update(backend, table_name, key, *arguments, **more)
    orders: _Orders = vars(table).setdefault(_ORDERS, _Orders())
    old = _held(table, key)
    if old is not None:
        orders.replace(old, None)
    forget(table)  # or the put of a new item would tell them of one that is about to change
    before = copy.deepcopy(old)
    try:
        with item_records.withheld(table) as record:
            item = _plain_update(backend, table_name, key, *arguments, **more)
        record(before, item)
    except BaseException:
        if old is None:
            _take_back(table, key)
        else:
            old.attrs = before.attrs
        raise
    else:
        return item
    finally:
        new = _held(table, key)
        if new is not None:
            item_sizes.forget(new)
            orders.replace(None, new)
        setattr(table, _ORDERS, orders)


def _take_back(table: Any, key: Mapping[str, Any]) -> None:
    """The item that an update made, if it came so far."""
    made = _held(table, key)
    if made is not None and table.has_range_key:
        del table.items[made.hash_key][made.range_key]
    elif made is not None:
        del table.items[made.hash_key]
    if made is not None and not table.items.get(made.hash_key, True):
        del table.items[made.hash_key]


def _held(table: Any, attributes: Mapping[str, Any]) -> Any:
    """The item under the key in these attributes; None if there is none, or they have no key."""
    try:
        found = table.items.get(DynamoType(attributes[table.hash_key_attr]))
        if found is None or not table.has_range_key:
            return found
        return found.get(DynamoType(attributes[table.range_key_attr]))
    except _MALFORMED:
        return None

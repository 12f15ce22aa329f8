"""DynamoDB's queries at a price that does not grow with the table.

For each Query, of an index too, moto sorts all items of the table before it looks for those of the partition, in the
lock that all of AWS waits for: some 30 ms at 5,000 items. It is enough to hand it the partition, which it sorts itself.
Only a global index has no partitions in moto: there every item is looked at, but not sorted.
"""

from __future__ import annotations

import copy
from typing import Any

from local.engine.backends import Table

_of_the_whole_table = Table.query
_INDEX_NAME = 6
"""The place of index_name among the arguments behind the hash key."""


def install() -> None:
    """From here on moto's queries look at their partition. Calling it again changes nothing."""
    Table.query = _query


def _query(table: Any, hash_key: Any, *arguments: Any, hash_key_conditions: Any = None, **more: Any) -> Any:
    index_name = arguments[_INDEX_NAME] if len(arguments) > _INDEX_NAME else more.get("index_name")
    if index_name is not None:
        hash_key = dict(hash_key_conditions or ()).get(table.hash_key_attr)
    if index_name is None or (hash_key is not None and index_name in {index.name for index in table.indexes}):
        partition = table.items.get(hash_key, {})
        items = list(partition.values()) if table.has_range_key else [partition] if partition else []
    else:
        partitions = table.items.values()
        items = [item for each in partitions for item in each.values()] if table.has_range_key else list(partitions)
    seen = copy.copy(table)
    seen.all_items = lambda: items
    return _of_the_whole_table(seen, hash_key, *arguments, hash_key_conditions=hash_key_conditions, **more)

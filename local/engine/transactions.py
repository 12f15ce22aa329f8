"""TransactWriteItems at a price that does not grow with the table.

To be able to roll back, moto copies the whole table, every item and every stream record of it: half a second for a
thousand items. It is enough to copy what a transaction can change: the collections, and the items it updates in place.
"""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.idempotency import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.engine.api import ApiRequest, Response
    from local.engine.gateway import Gateway


class Transactions:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tokens = Tokens()
        gateway.seam("dynamodb", "TransactWriteItems", self._write)

    def _write(self, request: ApiRequest) -> Response:
        operations = request.json().get("TransactItems") or []
        updates = [operation["Update"] for operation in operations if "Update" in operation]
        with self._gateway.lock, _backups_of(updates):
            return self._tokens.once(request, lambda: self._gateway.moto(request))


@contextlib.contextmanager
def _backups_of(updates: Sequence[dict[str, Any]]) -> Iterator[None]:
    """While it lasts, `copy.deepcopy` of a table gives what a transaction with these updates needs to roll back."""

    def backup(table: Any, _memo: dict[int, Any]) -> Any:
        saved = copy.copy(table)
        saved.items = copy.copy(table.items)
        if table.has_range_key:
            for key, items in table.items.items():
                saved.items[key] = dict(items)
        for update in updates:
            if update["TableName"].rsplit("/", 1)[-1] == table.name:
                backends.copy_item(saved, update["Key"])
        if table.stream_shard is not None:
            saved.stream_shard = copy.copy(table.stream_shard)
            saved.stream_shard.items = list(table.stream_shard.items)
            saved.stream_shard.table = saved
        return saved

    backends.Table.__deepcopy__ = backup
    try:
        yield
    finally:
        del backends.Table.__deepcopy__

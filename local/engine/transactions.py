"""TransactWriteItems at a price that does not grow with the table.

To be able to roll back, moto copies the whole table, every item and every stream record of it: half a second for a
thousand items. It is enough to copy what the transaction can change: the partitions that it names, and the items that
it updates in place.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Self

from local.engine import backends, partitions, table_names
from local.engine.idempotency import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.engine.api import ApiRequest, Response
    from local.engine.gateway import Gateway

_Operation = tuple[str, dict[str, Any]]
"""Its kind, such as "Put", and what it says."""


class Transactions:
    """All or nothing, also where moto leaves a half: of tables that are named by ARN, or where an operation is none."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tokens = Tokens()
        gateway.seam("dynamodb", "TransactWriteItems", self._write)

    def _write(self, request: ApiRequest) -> Response:
        asked = request.json()  # of its own, to be changed
        operations = list(_operations(asked))
        for _, operation in operations:
            operation["TableName"] = table_names.named(request.region, operation["TableName"])
        named = request.with_body(json.dumps(asked).encode())
        with self._gateway.lock, _Backups(operations) as backups:
            return self._tokens.once(request, lambda: self._all_or_nothing(named, backups))

    def _all_or_nothing(self, request: ApiRequest, backups: _Backups) -> Response:
        try:
            response = self._gateway.moto(request)
        except Exception:
            backups.restore(request.region)
            raise
        if response.status != 200:  # noqa: PLR2004 - not a success
            backups.restore(request.region)
        return response


class _Backups:
    """While it lasts, `copy.deepcopy` of a table gives what a transaction of these operations needs to roll back."""

    def __init__(self, operations: Sequence[_Operation]) -> None:
        self._operations = operations
        self._made: dict[str, Any] = {}  # one of each table, though moto asks for one with each operation

    def __enter__(self) -> Self:
        backends.Table.__deepcopy__ = lambda table, _memo: self._of(table)
        return self

    def __exit__(self, *_: object) -> None:
        del backends.Table.__deepcopy__

    def restore(self, region: str) -> None:
        """Has the tables as they were."""
        for table in self._made.values():
            backends.replace_table(region, table)

    def _of(self, table: Any) -> Any:
        if table.name not in self._made:
            self._made[table.name] = self._backup(table)
        return self._made[table.name]

    def _backup(self, table: Any) -> Any:
        saved = copy.copy(table)
        partitions.forget(saved)
        saved.items = copy.copy(table.items)
        for kind, operation in self._operations:
            if operation["TableName"] == table.name:
                backends.copy_partition(saved, operation.get("Item") or operation.get("Key") or {})
                if kind == "Update":
                    backends.copy_item(saved, operation.get("Key") or {})
        if table.stream_shard is not None:
            saved.stream_shard = copy.copy(table.stream_shard)
            saved.stream_shard.items = list(table.stream_shard.items)
            saved.stream_shard.table = saved
        return saved


def _operations(asked: Mapping[str, Any]) -> Iterator[_Operation]:
    """Those that can have an effect. What moto says of the others is its own business."""
    for item in asked.get("TransactItems") or ():
        for kind, operation in item.items():
            if isinstance(operation, dict) and isinstance(operation.get("TableName"), str):
                yield kind, operation

"""What DynamoDB refuses of a call about items, and moto takes: keys, batches, and expressions that say too much.

Values by themselves are checked before (`inputs`, `attribute_values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from local.engine import backends, table_names
from local.engine.api import ApiError, ApiRequest
from local.engine.attribute_values import number

if TYPE_CHECKING:
    from local.engine.gateway import Gateway

MAX_WRITES = 25
"""Of a BatchWriteItem."""

_Part = Mapping[str, Any]
"""A call, or one operation of a transaction."""

_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
_PLACEHOLDER = re.compile(r"[#:]\w+")
_NAME = re.compile(r"(?<![.\w:#])#?[A-Za-z]\w*(?!\w|\s*\()")


class ItemLimits:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        checks: Mapping[Callable[[ApiRequest], None], Iterable[str]] = {
            self._check_batch: ("BatchWriteItem",),
            self._check_key: ("DeleteItem", "GetItem", "UpdateItem"),
            self._check_filter: ("Query",),
            self._check_indexed: ("BatchWriteItem", "PutItem", "TransactWriteItems"),
            _check_use: ("DeleteItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"),
        }
        for check, operations in checks.items():
            for operation in operations:
                gateway.before("dynamodb", operation, _well_formed(check))

    def _check_key(self, request: ApiRequest) -> None:
        asked = request.parameters
        key, kinds = asked.get("Key"), self._key_kinds(request.region, asked.get("TableName"))
        if kinds and isinstance(key, dict) and {name: next(iter(value), None) for name, value in key.items()} != kinds:
            raise _invalid("The provided key element does not match the schema")

    def _check_batch(self, request: ApiRequest) -> None:
        asked = request.parameters.get("RequestItems") or {}
        if sum(map(len, asked.values())) > MAX_WRITES:
            raise _invalid(f"Too many items requested for the BatchWriteItem call: at most {MAX_WRITES}")
        for table, writes in asked.items():
            names = self._key_kinds(request.region, table)
            keys = [_key_in(write, names) for write in writes]
            if len(set(keys)) < len(keys):
                raise _invalid("Provided list of item keys contains duplicates")

    def _check_indexed(self, request: ApiRequest) -> None:
        """An index of moto's cannot be read any more once the types of a key are mixed."""
        for name, item in _puts(request.parameters):
            for attribute, kind in self._index_kinds(request.region, name).items():
                actual = next(iter(item.get(attribute) or {}), kind)
                if actual != kind:
                    mismatch = f"Type mismatch for Index Key {attribute} Expected: {kind} Actual: {actual}"
                    raise _invalid(f"One or more parameter values were invalid: {mismatch}")

    def _check_filter(self, request: ApiRequest) -> None:
        if b"FilterExpression" not in request.body and b"\\u" not in request.body:
            return
        asked = request.parameters
        names = asked.get("ExpressionAttributeNames") or {}
        found = {names.get(name, name) for name in _NAME.findall(asked.get("FilterExpression") or "")}
        for key in self._sorted_by(request.region, asked):
            if key in found:
                reason = f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
                raise _invalid(reason)

    def _index_kinds(self, region: str, named: Any) -> dict[str, str]:
        """The attributes of the keys of its indexes and their types, without the table's own: of those moto says so."""
        with self._gateway.lock:
            table = _table(region, named)
            if table is None:
                return {}
            own = (table.hash_key_attr, table.range_key_attr)
            return {
                each["AttributeName"]: each["AttributeType"] for each in table.attr if each["AttributeName"] not in own
            }

    def _key_kinds(self, region: str, named: Any) -> dict[str, str]:
        """The attributes of the table's key and their types; {} if there is no such table."""
        with self._gateway.lock:
            table = _table(region, named)
            if table is None:
                return {}
            kinds = {table.hash_key_attr: table.hash_key_type}
            return {**kinds, table.range_key_attr: table.range_key_type} if table.has_range_key else kinds

    def _sorted_by(self, region: str, asked: _Part) -> Iterable[str]:
        """The attributes of the key of the table, or of the index that is asked."""
        index = asked.get("IndexName")
        if index is None:
            return self._key_kinds(region, asked.get("TableName"))
        with self._gateway.lock:
            table = _table(region, asked.get("TableName"))
            indexes = table.all_indexes() if table is not None else ()
            return [key["AttributeName"] for each in indexes if each.name == index for key in each.schema]


def _table(region: str, named: Any) -> Any:
    """Needs the gateway's lock."""
    return backends.table(region, table_names.named(region, str(named)))


def _well_formed(check: Callable[[ApiRequest], None]) -> Callable[[ApiRequest], None]:
    def checked(request: ApiRequest) -> None:
        try:
            check(request)
        except (AttributeError, KeyError, TypeError) as error:
            reason = f"The call is not as its description has it: {error}"
            raise ApiError("SerializationException", reason) from error

    return checked


def _puts(asked: _Part) -> Iterator[tuple[Any, _Part]]:
    """The items that a call puts as they are, and their tables."""
    if "Item" in asked:
        yield asked.get("TableName"), asked["Item"]
    for table, writes in (asked.get("RequestItems") or {}).items():
        yield from ((table, write["PutRequest"]["Item"]) for write in writes if write.get("PutRequest"))
    for write in asked.get("TransactItems") or ():
        if put := write.get("Put"):
            yield put.get("TableName"), put["Item"]


def _key_in(write: Mapping[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    """The key of a put or deletion, comparable."""
    put, delete = write.get("PutRequest"), write.get("DeleteRequest")
    attributes = put["Item"] if put else (delete or {})["Key"]
    return tuple(_comparable(attributes.get(name) or {}) for name in names) if names else (id(write),)


def _comparable(value: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((kind, number(each) if kind == "N" else str(each)) for kind, each in value.items())


def _check_use(request: ApiRequest) -> None:
    if b"ExpressionAttribute" in request.body or b"\\u" in request.body:
        for part in table_names.places(request.parameters):
            text = " ".join(str(part.get(name) or "") for name in _EXPRESSIONS)
            used = set(_PLACEHOLDER.findall(text))
            for kind in ("Names", "Values"):
                unused = (part.get(f"ExpressionAttribute{kind}") or {}).keys() - used
                if unused:
                    reason = f"unused in expressions: keys: {{{', '.join(sorted(unused))}}}"
                    raise _invalid(f"Value provided in ExpressionAttribute{kind} {reason}")


def _invalid(reason: str) -> ApiError:
    return ApiError("ValidationException", reason)

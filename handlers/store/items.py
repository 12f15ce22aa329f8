"""Between JSON values and DynamoDB's typed attributes, exactly, and how large an item is to DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from handlers.sourcing.values import Value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, "AttributeValueTypeDef"]

MAX_ITEM_BYTES = 400 * 1024

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(record: Mapping[str, Value]) -> Item:
    """A record as a DynamoDB item; numbers must be int or Decimal."""
    return {name: _serialize(value) for name, value in record.items()}


def to_record(item: Mapping[str, Any]) -> dict[str, Value]:
    """A DynamoDB item as a record; every number comes back as a Decimal."""
    return {name: _deserialize(value) for name, value in item.items()}


def item_bytes(record: Mapping[str, Value]) -> int:
    """The size of a record as DynamoDB reckons it, rounded up where its documentation is vague (numbers)."""
    return sum(_text_bytes(name) + _value_bytes(value) for name, value in record.items())


def _value_bytes(value: Value) -> int:
    if isinstance(value, str):
        return _text_bytes(value)
    if isinstance(value, dict):
        return 3 + sum(1 + _text_bytes(name) + _value_bytes(each) for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + _value_bytes(each) for each in value)
    if value is None or isinstance(value, bool):
        return 1
    return 21  # no number takes more


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())

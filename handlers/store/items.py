"""Between JSON values and DynamoDB's typed attributes, exactly, and how large an item is to DynamoDB.

boto3's own serializer asks a dozen questions of each value, and finds its method by a name put together anew. What
events and rows are made of is told by its class here, in a quarter and half of the time; all the rest, and all errors,
are left to boto3, so that both come to the same. But for a number that DynamoDB tells with more than 38 digits, the
last of them zeros (1E+125): boto3 does not read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, Rounded
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer, TypeSerializer

from handlers.sourcing.values import Value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, "AttributeValueTypeDef"]

MAX_ITEM_BYTES = 400 * 1024

_number = DYNAMODB_CONTEXT.create_decimal
_reading = DYNAMODB_CONTEXT.copy()
_reading.traps[Rounded] = False  # of zeros alone: any other digit that is lost is Inexact
_read = _reading.create_decimal


class _Deserializer(TypeDeserializer):
    def _deserialize_n(self, value: str) -> Decimal:
        return _read(value)


_serialize = TypeSerializer().serialize
_deserialize = _Deserializer().deserialize


def to_item(record: Mapping[str, Value]) -> Item:
    """A record as a DynamoDB item; numbers must be int or Decimal."""
    return {name: _attribute(value) for name, value in record.items()}


def to_record(item: Mapping[str, Any]) -> dict[str, Value]:
    """A DynamoDB item as a record; every number comes back as a Decimal."""
    return {name: _value(attribute) for name, attribute in item.items()}


def _attribute(value: Value) -> Any:
    """What `TypeSerializer` makes of a value."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int or (kind is Decimal and value.is_finite()):
        return {"N": str(_number(value))}
    if kind is dict:
        return {"M": {name: _attribute(each) for name, each in value.items()}}
    if kind is list:
        return {"L": [_attribute(each) for each in value]}
    return _serialize(value)


def _value(attribute: Any) -> Value:
    """What `TypeDeserializer` makes of an attribute, or would if it took all zeros of a number."""
    if type(attribute) is dict and len(attribute) == 1:
        ((kind, held),) = attribute.items()
        if kind == "S":
            return held
        if kind == "N":
            return _read(held)
        if kind == "M" and type(held) is dict:
            return {name: _value(each) for name, each in held.items()}
        if kind == "L" and type(held) is list:
            return [_value(each) for each in held]
    return _deserialize(attribute)


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

"""What AWS refuses and moto takes: without it, a request that would fail in an account would pass here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from handlers.store.items import MAX_ITEM_BYTES, item_bytes, to_record
from local.engine import bus

from ..aws import refusal

_KEYS = {"AggregateId": 2048, "EventSequence": 0, "AccountId": 2048, "ProjectionType": 1024, "CommandId": 1024}
_KEYS |= {"TypeBucket": 2048, "Correlation": 2048, "Timestamp": 1024}
_DIGITS = 38
_MAX_LEVELS = 32
_EXPRESSION_BYTES = 4_096
_NO_CHARACTERS = ("\ufffe", "\uffff")
"""Of what JSON does not escape, those that no queue takes: an event's way ends in one."""


def check(operation: str, arguments: Mapping[str, Any]) -> None:
    """Raise what AWS answers to these arguments where it would not take them."""
    for text in _texts(arguments):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refusal("SerializationException", operation) from None
    checks = {"PutEvents": _put_events, "PutItem": _put_item, "BatchGetItem": _batch_get_item}
    try:
        if operation in checks:
            checks[operation](arguments)
        for name in arguments:
            assert not name.endswith("Expression") or len(arguments[name].encode()) <= _EXPRESSION_BYTES, "too long"
        for name in ("Item", "Key", "ExclusiveStartKey", "ExpressionAttributeValues"):
            _attributes(arguments.get(name, {}))
    except AssertionError as error:
        raise refusal("ValidationException", operation) from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for each in value:
            yield from _texts(each)


def _attributes(attributes: Mapping[str, Mapping[str, Any]]) -> None:
    for name, value in attributes.items():
        assert name, "a name is empty"
        if name in _KEYS or name.startswith(":"):
            for text in _texts(value.get("S", ())):
                assert 1 <= len(text.encode()) <= _KEYS.get(name, 2048), f"{name} is no key"
        _value(value, 1)


def _value(value: Mapping[str, Any], level: int) -> None:
    assert level <= _MAX_LEVELS, "nested too deeply"
    ((kind, content),) = value.items()
    if kind == "N":
        _number(Decimal(content))
    elif kind == "L":
        for each in content:
            _value(each, level + 1)
    elif kind == "M":
        for name, each in content.items():
            assert name, "a name is empty"
            _value(each, level + 1)


def _number(number: Decimal) -> None:
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "not finite"
    assert len("".join(map(str, digits)).strip("0")) <= _DIGITS, "too many digits"
    assert not number or -130 <= number.adjusted() <= 125, "beyond range"


def _put_item(arguments: Mapping[str, Any]) -> None:
    assert item_bytes(to_record(arguments["Item"])) <= MAX_ITEM_BYTES, "the item is too large"


def _batch_get_item(arguments: Mapping[str, Any]) -> None:
    (request,) = arguments["RequestItems"].values()
    keys = [json.dumps(key, sort_keys=True) for key in request["Keys"]]
    assert 1 <= len(keys) <= 100, "too many keys"
    assert len(set(keys)) == len(keys), "a key twice"
    for key in request["Keys"]:
        _attributes(key)


def _put_events(arguments: Mapping[str, Any]) -> None:
    entries = arguments["Entries"]
    assert 1 <= len(entries) <= 10, "too many entries"
    sizes = [14 + sum(len(entry[part].encode()) for part in ("Source", "DetailType", "Detail")) for entry in entries]
    assert sum(sizes) <= bus.MAX_REQUEST, "too large"
    for entry in entries:
        failure = bus.entry_failure(entry)
        assert failure is None, failure
        assert not any(each in entry["Detail"] for each in _NO_CHARACTERS), "no queue takes it"

"""DynamoDB's answers as JSON at the speed of the JSON encoder.

Moto walks every answer along the service's model, attribute by attribute: 0.8 s for a page of 900 events, while it
holds the lock that all of AWS waits for. An answer of items is JSON already: the encoder gives the same in 25 ms. And
it asks of every value in them what kind of thing it may be, though nearly all are texts.
"""

from __future__ import annotations

import json
from typing import Any

from local.engine.backends import DynamoType
from local.engine.moto_app import ActionResult, DynamoHandler, dynamodb_responses

_plain = dynamodb_responses.dynamo_to_dict
_by_the_model = DynamoHandler.serialized
_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}
_AS_THEY_ARE = frozenset({str, bool, int, float, type(None)})
_BINARY = frozenset({"B", "BS"})


def install() -> None:
    """From here on moto's DynamoDB answers quickly. Calling it again changes nothing."""
    DynamoHandler.serialized = _serialized
    dynamodb_responses.dynamo_to_dict = _quickly_plain


def _quickly_plain(value: Any) -> Any:
    """What moto's `dynamo_to_dict` makes of it, with the usual kinds first."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is DynamoType and value.type not in _BINARY:
        return {value.type: _quickly_plain(value.value)}
    if kind is dict:
        return {name: _quickly_plain(each) for name, each in value.items()}
    if kind is list:
        return [_quickly_plain(each) for each in value]
    if isinstance(value, dict) and not hasattr(value, "to_json"):  # an item's attributes, which moto keeps in its own
        return {name: _quickly_plain(each) for name, each in value.items()}
    return _plain(value)


def _serialized(handler: Any, action: ActionResult) -> Any:
    if isinstance(action.result, dict):
        try:
            body = json.dumps(action.result)
        except TypeError:  # bytes or times, which the model says how to write
            return _by_the_model(handler, action)
        return 200, {**_HEADERS, **handler.response_headers}, body
    return _by_the_model(handler, action)

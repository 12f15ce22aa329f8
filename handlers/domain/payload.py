"""What a function is handed, and the caller's request in it: read and rewritten in this one place."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from .errors import MalformedError
from .values import Value, dumps, loads


def request_of(event: Any) -> Mapping[str, Value]:
    """The caller's object: the event itself, or its `body` (JSON text, perhaps base64). Raises MalformedError."""
    if not isinstance(event, dict):
        raise MalformedError("request", "must be an object")
    request = loads(_body(event), "body") if _has_body(event) else event
    if not isinstance(request, dict):
        raise MalformedError("body", "must hold a JSON object")
    return request


def carrying(event: Mapping[str, Any], request: Mapping[str, Value]) -> dict[str, Any]:
    """The same event with another request, in the form in which it carried its own.

    ArithmeticError, TypeError or RecursionError for a request in a body that JSON cannot hold exactly.
    """
    if not _has_body(event):
        return dict(request)
    body = dumps(request)
    if event.get("isBase64Encoded"):
        body = base64.b64encode(body.encode()).decode()
    return {**event, "body": body}


def _has_body(event: Mapping[str, Any]) -> bool:
    return event.get("body") is not None


def _body(event: Mapping[str, Any]) -> str | bytes:
    body = event["body"]
    if not isinstance(body, str):
        raise MalformedError("body", "must be text holding a JSON object")
    if not event.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("body", "is not valid base64") from None

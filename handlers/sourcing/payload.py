"""What a function is handed, and the caller's request in it: read and rewritten in this one place."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

from .errors import MalformedError, Violation
from .fields import MAX_UNKNOWN, nearest, tellable
from .values import Value, dumps, loads

_OF_A_BODY = ("body", "isBase64Encoded")
OF_HTTP = frozenset(
    {
        *_OF_A_BODY,
        *("cookies", "headers", "multiValueHeaders", "httpMethod", "method", "path", "rawPath", "resource", "routeKey"),
        *("pathParameters", "queryStringParameters", "multiValueQueryStringParameters", "rawQueryString"),
        *("requestContext", "stageVariables", "version"),
    }
)
"""The members of what API Gateway, function URLs, load balancers and VPC Lattice make of an HTTP request."""


def request_of(event: Any) -> Mapping[str, Value]:
    """The caller's object: the event itself, or its `body` (JSON text, perhaps base64). Raises MalformedError."""
    if not isinstance(event, dict):
        raise MalformedError("request", "must be an object")
    if not _has_body(event):
        if "requestContext" in event:
            raise MalformedError("body", "is required and must hold a JSON object")
        return {name: value for name, value in event.items() if name not in _OF_A_BODY}
    request = loads(_body(event), "body")
    if not isinstance(request, dict):
        raise MalformedError("body", "must hold a JSON object")
    return request


def beside_body(event: Mapping[str, Any], members: Collection[str]) -> list[Violation]:
    """What stands beside a body, where nobody reads it: the request's `members`, names near to one, and unknown ones.

    What HTTP services say of their requests is none of these. With a requestContext, which they make, an unknown name
    may be one that they have come to use since, and is left alone.
    """
    if not _has_body(event):
        return []
    found = [Violation(name, "stands beside `body`; it belongs into it") for name in members if name in event]
    over_http = "requestContext" in event
    unknown: list[Violation] = []
    for name in event:
        if name in members or name in OF_HTTP or len(unknown) == MAX_UNKNOWN:
            continue
        meant = nearest(name, members)
        if meant or not over_http:
            hint = f"; did you mean {meant}, in the body?" if meant else ""
            unknown.append(Violation(tellable(name), f"stands beside `body`, where nobody reads it{hint}"))
    return found + unknown


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


def direct(event: Mapping[str, Any]) -> dict[str, Any]:
    """The same request as a direct invocation, a fault of which fails: of a body and what HTTP says, the body."""
    return {name: event[name] for name in _OF_A_BODY if name in event} if _has_body(event) else dict(event)


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

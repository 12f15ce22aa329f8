"""JSON as somebody else writes it, and the shapes in which it reaches a function."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Event = Any
"""What Lambda hands to a handler."""


class Literal(str):
    """JSON text that is written as it is, such as a number that Python would not write like that."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """An object as a list of names and values, so that a name can stand in it twice."""


def text_of(value: Any, *, ascii_only: bool = True) -> str:
    """JSON text; names in the order in which they stand."""
    if isinstance(value, Literal | Decimal):
        return str(value)
    if isinstance(value, Members | dict):
        pairs = value.items() if isinstance(value, dict) else value
        members = (
            f"{text_of(name, ascii_only=ascii_only)}: {text_of(each, ascii_only=ascii_only)}" for name, each in pairs
        )
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(text_of(each, ascii_only=ascii_only) for each in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


def nested(levels: int, *, objects: bool = False) -> Literal:
    """So many lists or objects in each other."""
    opening, closing = ('{"a":', "}") if objects else ("[", "]")
    return Literal(opening * levels + "1" + closing * levels)


def invoked(payload: str) -> Event:
    """A direct invocation: Lambda's runtime has parsed the payload. ValueError or RecursionError where it cannot."""
    return json.loads(payload)


def encoded(text: str, encoding: str = "utf-8") -> str:
    """A body in base64."""
    return base64.b64encode(text.encode(encoding, "surrogatepass")).decode()


def http_api(body: Any, *, is_base64: Any = False) -> Event:
    """An event of an HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "POST /commands",
        "rawPath": "/commands",
        "rawQueryString": "aggregateId=other",
        "headers": {"content-type": "application/json", "host": "example.com", "x-amzn-trace-id": "Root=1-2-3"},
        "queryStringParameters": {"aggregateId": "other"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "http": {"method": "POST", "path": "/commands", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /commands",
            "stage": "$default",
            "timeEpoch": 1705312800000,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def rest_api(body: Any, *, is_base64: Any = False) -> Event:
    """An event of a REST API with proxy integration, payload format 1.0."""
    return {
        "resource": "/commands",
        "path": "/commands",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"accountId": "123456789012", "httpMethod": "POST", "requestId": "c6af9ac6", "stage": "prod"},
        "body": body,
        "isBase64Encoded": is_base64,
    }


def bodies(text: str) -> Sequence[Event]:
    """One request text in every shape that carries it as a body."""
    return (
        {"body": text},
        {"body": text, "isBase64Encoded": False},
        {"body": encoded(text), "isBase64Encoded": True},
        http_api(text),
        http_api(encoded(text), is_base64=True),
        rest_api(text),
        rest_api(encoded(text), is_base64=True),
    )

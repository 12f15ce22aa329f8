"""What API Gateway makes of a function's answer, format 2.0, and what it answers itself."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from local.engine import exact_json
from local.engine.api import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_ITS_OWN = frozenset(
    {"connection", "content-length", "date", "keep-alive", "set-cookie", "transfer-encoding", "upgrade"}
)
"""Headers of the connection, which no function sets."""
_STATUSES = range(100, 600)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class BadAnswer(Exception):  # noqa: N818 - reads as what it is
    """The function's answer is none that API Gateway understands. Who asked learns nothing of it."""


def own(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of API Gateway itself."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return Response(status, body, {"content-type": JSON, **(headers or {})})


def of_function(payload: bytes) -> Response:
    """Without a statusCode, what the function returned is the body of a 200. Raises: BadAnswer."""
    try:
        given = exact_json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("it is no JSON") from error
    if not isinstance(given, dict) or "statusCode" not in given:
        body = given.encode() if isinstance(given, str) else payload
        return Response(200, body, {"content-type": JSON})
    headers = _headers(given.get("headers"))
    headers.setdefault("content-type", _TEXT)
    return Response(_status(given["statusCode"]), _body(given), headers, _cookies(given.get("cookies")))


def _status(given: Any) -> int:
    status = int(given) if isinstance(given, str) and given.isdecimal() else given
    if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
        raise BadAnswer(f"the statusCode {json.dumps(given, default=str)}")
    return status


def _headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(map(_NAME.fullmatch, given)):
        raise BadAnswer("headers that are none")
    return {
        str(name).lower(): _line(value)
        for name, value in given.items()
        if value is not None and str(name).lower() not in _ITS_OWN
    }


def _cookies(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise BadAnswer("cookies that are no list")
    return tuple(_line(each) for each in given)


def _line(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, dict | list) or "\r" in text or "\n" in text:
        raise BadAnswer("a header that is no text of one line")
    return text


def _body(given: Mapping[str, Any]) -> bytes:
    body = given.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadAnswer("a body that is no text")
    if not given.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise BadAnswer("a body that is no base64") from error

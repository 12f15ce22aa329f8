"""The opaque nextToken: where a reading stopped, bound to what was being read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import Value, dumps, loads

Place = TypeVar("Place")


def encode(subject: Value, place: Value) -> str:
    """A token for going on behind `place` in the reading of `subject` (the query's own arguments)."""
    return base64.urlsafe_b64encode(dumps([subject, place]).encode()).decode().rstrip("=")


def decode(token: Any, subject: Value, read: Callable[[Value], Place]) -> Place | None:
    """The place in `token` as `read` understands it, None where there is no token.

    MalformedError unless it is a token given out for this `subject`: `read` refuses by any error a conversion raises,
    or by MalformedError, whose words speak of what no caller wrote.
    """
    if token is None:
        return None
    if not isinstance(token, str):
        raise MalformedError("nextToken", "must be a text")
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        found, place = loads(text, "nextToken")
        if dumps(found) == dumps(subject):
            return read(place)
    except (MalformedError, binascii.Error, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        raise MalformedError("nextToken", "is not a token that was given out") from None
    raise MalformedError("nextToken", "belongs to another query")

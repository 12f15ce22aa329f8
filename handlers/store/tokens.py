"""The opaque nextToken: where a reading stopped, bound to what was being read."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from handlers.domain.errors import MalformedError
from handlers.domain.values import Value, dumps, loads


def encode(subject: Value, place: Value) -> str:
    """A token for going on behind `place` in the reading of `subject` (the query's own arguments)."""
    return base64.urlsafe_b64encode(dumps([subject, place]).encode()).decode().rstrip("=")


def decode(token: Any, subject: Value) -> Value:
    """The place in `token`, None where there is none. MalformedError unless it was given out for this `subject`."""
    if token is None:
        return None
    if not isinstance(token, str):
        raise MalformedError("nextToken", "must be a text")
    try:
        content = loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True), "nextToken")
        found, place = content
    except (binascii.Error, ValueError, TypeError):
        raise MalformedError("nextToken", "is not a token that was given out") from None
    if dumps(found) != dumps(subject):
        raise MalformedError("nextToken", "belongs to another query")
    return place

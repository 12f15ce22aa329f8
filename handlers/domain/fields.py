"""Reading typed fields from a caller's object; every refusal names the field by its path."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .errors import MalformedError

MAX_ID_BYTES = 256
"""DynamoDB allows 2,048 bytes in a partition key and 1,024 in a sort key; ids have no need to come near."""


def identifier(source: Mapping[str, Any], name: str) -> str:
    """A required id: 1 to 256 bytes of text without control characters or spaces at its ends."""
    value = source.get(name)
    if value is None:
        raise MalformedError(name, "is required")
    return check_identifier(value, name)


def optional_identifier(source: Mapping[str, Any], name: str, default: str) -> str:
    """An id that may be absent or null."""
    value = source.get(name)
    return default if value is None else check_identifier(value, name)


def check_identifier(value: object, name: str) -> str:
    """`value` as an id, or MalformedError."""
    if not isinstance(value, str) or not value:
        raise MalformedError(name, "must be a non-empty text")
    if not value.isprintable() or value != value.strip():
        raise MalformedError(name, "must not hold control characters, line breaks or spaces at its ends")
    if len(value.encode(errors="surrogatepass")) > MAX_ID_BYTES:
        raise MalformedError(name, f"must not be longer than {MAX_ID_BYTES} bytes")
    return value


def whole(source: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None) -> int | None:
    """A whole number from `low` to `high`, or `default` where the field is absent or null."""
    value = source.get(name)
    return default if value is None else check_whole(value, name, low, high)


def check_whole(value: object, name: str, low: int, high: int) -> int:
    """`value` as a whole number from `low` to `high`, or MalformedError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise MalformedError(name, "must be a whole number")
    if not low <= value <= high:  # before int(), which takes a minute for 1E+1000000
        raise MalformedError(name, f"must lie between {low} and {high}")
    if value != int(value):
        raise MalformedError(name, "must be a whole number")
    return int(value)

"""JSON in which numbers keep their text: 100.10 stays 100.10, and 17 digits stay 17 digits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


class ExactNumber(float):
    """A number with a fraction or an exponent. It compares as a float, and is written as it was read."""

    text: str

    def __new__(cls, text: str) -> ExactNumber:
        number = super().__new__(cls, text)
        number.text = text
        return number


def loads(text: str | bytes) -> Any:
    """Raises: ValueError, also for NaN and Infinity, which JSON does not have."""
    return json.loads(text, parse_float=ExactNumber, parse_constant=_not_json)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dumps(value: Any) -> str:
    """Compact, as AWS services write it."""
    return _by_hand(value) if _has_exact(value) else _COMPACT.encode(value)


def _has_exact(value: Any) -> bool:
    """Whether a number in it has a text of its own, which the encoder does not ask for."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
        elif isinstance(each, ExactNumber):
            return True
    return False


def _by_hand(value: Any) -> str:
    if isinstance(value, ExactNumber):
        return value.text
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}:{_by_hand(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_by_hand(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, as in the records of Lambda."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

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


class _Written(str):
    """A piece of the text."""

    __slots__ = ()


def _by_hand(value: Any) -> str:
    """Without calling itself: what could be read can be written, however deep it is."""
    pieces: list[str] = []
    left: list[Any] = [value]
    while left:
        each = left.pop()
        if isinstance(each, _Written):
            pieces.append(each)
        elif isinstance(each, ExactNumber):
            pieces.append(each.text)
        elif isinstance(each, dict | list):
            pieces.append("{" if isinstance(each, dict) else "[")
            inside = _inside(each)
            left.extend(reversed([*inside[1:], _Written("}" if isinstance(each, dict) else "]")]))
        else:
            pieces.append(json.dumps(each, ensure_ascii=False))
    return "".join(pieces)


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    """What stands between the brackets, each value behind a comma, and in an object behind its name."""
    comma = _Written(",")
    if isinstance(value, list):
        return [part for item in value for part in (comma, item)]
    named = ((_Written(f"{json.dumps(key, ensure_ascii=False)}:"), item) for key, item in value.items())
    return [part for name, item in named for part in (comma, name, item)]


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, as in the records of Lambda."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

"""What the bus and its queues carry, of all that an event's data may hold in the store.

EventBridge documents of PutEvents that a JSON integer lies between -9223372036854775808 and 9223372036854775807. Our
JSON writes every whole number as an integer, however it was spelled; for one with a fraction no limit is documented.

A queue takes the characters of XML 1.0, and so neither U+FFFE nor U+FFFF. Control characters are no trouble: JSON can
only write them escaped. These two it may write either way, and which way EventBridge does is not documented.

An event with such a value would be stored, and never arrive. What is nested too deeply `values.exact` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from .errors import Violation
from .values import Value

LOWEST, HIGHEST = -(2**63), 2**63 - 1
MAX_TOLD = 3
"""Of a long list of such values so many are told of: an answer must not be long."""

_TOO_LARGE = (
    f"a whole number must lie between {LOWEST} and {HIGHEST}, beyond which no event bus carries it; send it as text"
)
_UNCARRIED = re.compile("[\ufffe\uffff]")
_BAD_TEXT = "must not hold U+FFFE or U+FFFF, which are no characters and which no queue takes"


def uncarried(value: Value, path: str) -> list[Violation]:
    """What in a value, exact as of `values.exact`, would never arrive; the first few, by their paths."""
    return list(islice(_found(value, path), MAX_TOLD))


def carried(value: Value) -> Value:
    """The same value in a form that arrives: a number beyond the bounds as its text, what is no character as U+FFFD."""
    if isinstance(value, str):
        return _UNCARRIED.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {carried(name): carried(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [carried(each) for each in value]
    return format(Decimal(value), "f") if _is_too_large(value) else value


def _found(value: Value, path: str) -> Iterator[Violation]:
    if isinstance(value, str):
        if _UNCARRIED.search(value):
            yield Violation(path, _BAD_TEXT)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if _UNCARRIED.search(name):
                yield Violation(f"{path}.{carried(name)}", f"its name {_BAD_TEXT}")
            yield from _found(each, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _found(each, f"{path}[{index}]")
    elif _is_too_large(value):
        yield Violation(path, _TOO_LARGE)


def _is_too_large(value: Any) -> bool:
    """Whether it is a whole number beyond the bounds, asked in an order that writes out no exponent."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or LOWEST <= value <= HIGHEST:
        return False
    return value == value.to_integral_value() if isinstance(value, Decimal) else True

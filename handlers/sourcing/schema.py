"""Checking values against the events' schemas: compiled once, then a few microseconds a time, exact numbers only.

Of JSON Schema as much as `schemas/vocabulary.py` lets into a schema, and two keywords of ours: `x-scale`, the digits
that a number may have after its point, and `x-max-bytes`, how long a text may be in UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from .errors import Violation
from .values import Value

Test = Callable[[Value], str | None]
"""What is wrong with a value, None where nothing is."""
Check = Callable[[Value, str, list[Violation]], None]
"""Adds to the list what is wrong with the value at this path."""


class _Member(NamedTuple):
    """A property of an object: a test where it is a scalar, a check where it holds values itself."""

    name: str
    test: Test | None
    check: Check | None


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """The check for values of this schema."""
    test = _scalar_test(schema)
    inner: list[tuple[type, Check]] = []
    types = _types(schema)
    if "object" in types and ("properties" in schema or schema.get("additionalProperties") is False):
        inner.append((dict, _object_check(schema)))
    if "array" in types:
        inner.append((list, _array_check(schema)))

    def check(value: Value, path: str, found: list[Violation]) -> None:
        problem = test(value)
        if problem is not None:
            found.append(Violation(path, problem))
            return
        for kind, check_inner in inner:
            if isinstance(value, kind):
                check_inner(value, path, found)

    return check


def _object_check(schema: Mapping[str, Any]) -> Check:
    properties: Mapping[str, Any] = schema.get("properties", {})
    members = [_member(name, each) for name, each in properties.items()]
    required = tuple(schema.get("required", ()))
    closed = schema.get("additionalProperties") is False

    def check(value: Value, path: str, found: list[Violation]) -> None:
        found += [Violation(f"{path}.{name}", "is required") for name in required if name not in value]
        for name, test, check_inner in members:
            if name not in value:
                continue
            if test is not None:
                problem = test(value[name])
                if problem is not None:
                    found.append(Violation(f"{path}.{name}", problem))
            elif check_inner is not None:
                check_inner(value[name], f"{path}.{name}", found)
        if closed:
            found.extend(Violation(f"{path}.{name}", "is unknown") for name in sorted(value.keys() - properties.keys()))

    return check


def _member(name: str, schema: Mapping[str, Any]) -> _Member:
    holds_values = not {"object", "array"}.isdisjoint(_types(schema))
    return _Member(name, None, compile_schema(schema)) if holds_values else _Member(name, _scalar_test(schema), None)


def _array_check(schema: Mapping[str, Any]) -> Check:
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    check_item = compile_schema(schema["items"]) if "items" in schema else None

    def check(value: Value, path: str, found: list[Violation]) -> None:
        if len(value) < low or (high is not None and len(value) > high):
            found.append(Violation(path, f"must have {_range(low, high)} items"))
        if check_item is not None:
            for index, each in enumerate(value):
                check_item(each, f"{path}[{index}]", found)

    return check


def _scalar_test(schema: Mapping[str, Any]) -> Test:
    types = _types(schema)
    # Values are of exactly these classes: they come from JSON or DynamoDB.
    kinds = frozenset(kind for each in types for kind in _KINDS[each])
    whole = "integer" in types and "number" not in types
    wanted = "must be " + " or ".join(_TYPE_NAMES[each] for each in types)
    of_text, of_number = _text_tests(schema), _number_tests(schema)
    allowed = schema.get("enum")
    choice = wanted if allowed is None else f"must be {' or '.join(map(str, allowed))}"

    def test(value: Value) -> str | None:
        kind = type(value)
        if kind not in kinds or (whole and kind is Decimal and not _is_whole(value)):
            return choice
        if allowed is not None and value not in allowed:
            return choice
        if kind is str:
            applicable = of_text
        elif kind is Decimal or kind is int:
            applicable = of_number
        else:
            return None
        for each in applicable:
            problem = each(value)
            if problem is not None:
                return problem
        return None

    return test


def _text_tests(schema: Mapping[str, Any]) -> list[Test]:
    tests: list[Test] = []
    if "minLength" in schema or "maxLength" in schema:
        tests.append(partial(_length, schema.get("minLength", 0), schema.get("maxLength")))
    if "x-max-bytes" in schema:
        tests.append(partial(_max_bytes, schema["x-max-bytes"]))
    if "pattern" in schema:
        tests.append(partial(_pattern, re.compile(schema["pattern"].removeprefix("^").removesuffix("$"), re.ASCII)))
    return tests


def _number_tests(schema: Mapping[str, Any]) -> list[Test]:
    tests: list[Test] = [
        partial(_bound, schema[keyword], holds, wording)
        for keyword, (holds, wording) in _BOUNDS.items()
        if keyword in schema
    ]
    if "x-scale" in schema:
        tests.append(partial(_scale, schema["x-scale"]))
    return tests


def _length(low: int, high: int | None, value: str) -> str | None:
    if len(value) < low:
        return "must be a non-empty text" if low == 1 else f"must not be shorter than {low} characters"
    return f"must not be longer than {high} characters" if high is not None and len(value) > high else None


def _max_bytes(limit: int, value: str) -> str | None:
    fits = len(value) * 4 <= limit or (len(value) <= limit and len(value.encode()) <= limit)
    return None if fits else f"must not be longer than {limit} bytes"


def _pattern(pattern: re.Pattern[str], value: str) -> str | None:
    return None if pattern.fullmatch(value) else f"must match {pattern.pattern}"


def _bound(limit: Decimal, holds: Callable[[Any, Any], bool], wording: str, value: Decimal) -> str | None:
    return None if holds(value, limit) else f"must be {wording} {limit}"


def _scale(scale: int, value: Decimal | int) -> str | None:
    if isinstance(value, int):
        return None
    exponent = value.as_tuple().exponent
    fits = isinstance(exponent, int) and (-exponent <= scale or value == round(value, scale))
    return None if fits else f"must have at most {scale} digits after the point"


def _range(low: int, high: int | None) -> str:
    return f"at least {low}" if high is None else f"{low} to {high}"


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    named = schema["type"]
    return (named,) if isinstance(named, str) else tuple(named)


def _is_whole(value: Decimal) -> bool:
    # The size first: it takes a minute to make an int of 1E+1000000.
    return value.is_finite() and value.adjusted() < _WHOLE_DIGITS and value == value.to_integral_value()


_WHOLE_DIGITS = 38
_KINDS: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int, Decimal),
    "null": (type(None),),
    "number": (int, Decimal),
    "object": (dict,),
    "string": (str,),
}
_TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
_BOUNDS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lambda value, limit: value >= limit, "at least"),
    "exclusiveMinimum": (lambda value, limit: value > limit, "more than"),
    "maximum": (lambda value, limit: value <= limit, "at most"),
    "exclusiveMaximum": (lambda value, limit: value < limit, "less than"),
}

"""The keywords that the handlers enforce, by the types of value that they are for, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from schemas.files import Schema

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
KEYWORDS: Mapping[str, frozenset[str]] = {
    "array": frozenset({"items", "minItems", "maxItems"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "x-scale"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "string": frozenset({"pattern", "minLength", "maxLength", "x-max-bytes"}),
}
_ANYWHERE = frozenset({"description", "type", "default", "enum", "examples", "title", "x-derived", "x-internal"})


def types_of(schema: Schema) -> frozenset[str]:
    """The types that a value may have; none where the schema names them in a way that means nothing."""
    named = schema.get("type", ())
    if isinstance(named, str):
        return frozenset([named])
    return frozenset(named if _is_list_of_text(named) else ())


def unknown(schema: Schema) -> list[str]:
    """The keywords that mean nothing for values of the schema's types."""
    known = _ANYWHERE.union(*(KEYWORDS.get(each, frozenset()) for each in types_of(schema)))
    return sorted(schema.keys() - known)


def meaningless(schema: Schema) -> Iterator[tuple[str, str]]:
    """Each keyword whose value means nothing to the handlers, and what it must be."""
    for keyword in sorted(schema.keys() & _VALUES.keys()):
        means_something, must_be = _VALUES[keyword]
        if not means_something(schema[keyword]):
            yield keyword, must_be


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_choice(value: object) -> bool:
    # Of other values, the generated class would not be told, or not exactly.
    return isinstance(value, list) and bool(value) and all(each is None or isinstance(each, str) for each in value)


_NUMBER = (_is_number, "a number")
_SIZE = (_is_size, "a whole number, 0 or more")
# By keyword: whether it means something to the handlers, and what it must be.
_VALUES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "additionalProperties": (lambda value: isinstance(value, bool), "true or false: no schema of theirs is enforced"),
    "description": (_is_text, "a text"),
    "enum": (_is_choice, "a list of texts, with null where the field may be null"),
    "examples": (lambda value: isinstance(value, list), "a list"),
    "exclusiveMaximum": _NUMBER,
    "exclusiveMinimum": _NUMBER,
    "format": (lambda value: value == "decimal", "decimal"),
    "items": (lambda value: isinstance(value, Mapping), "one schema for all items, no list of them"),
    "maxItems": _SIZE,
    "maxLength": _SIZE,
    "maximum": _NUMBER,
    "minItems": _SIZE,
    "minLength": _SIZE,
    "minimum": _NUMBER,
    "pattern": (_is_text, "a text"),
    "properties": (lambda value: isinstance(value, Mapping), "an object of schemas"),
    "required": (_is_list_of_text, "a list of names"),
    "x-derived": (_is_text, "a text"),
    "x-internal": (lambda value: value is True, "true, or left out"),
    "x-max-bytes": _SIZE,
    "x-scale": _SIZE,
}

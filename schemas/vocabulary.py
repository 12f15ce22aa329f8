"""What a schema file may say: JSON Schema draft-07 as far as the handlers enforce it, and keywords of our own.

Whatever is not enforced is refused here, so that no schema promises more than the code holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.files import Problem, Schema, Versions, each_version, file_of

DRAFT = "http://json-schema.org/draft-07/schema#"

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ANYWHERE = frozenset({"description", "type", "default", "enum", "examples", "title", "x-derived"})
KEYWORDS: Mapping[str, frozenset[str]] = {
    "array": frozenset({"items", "minItems", "maxItems"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "x-scale"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "string": frozenset({"pattern", "minLength", "maxLength", "x-max-bytes"}),
}
_TOP = frozenset({"$schema", "x-stream"})
_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


def problems_in(schemas: Mapping[str, Versions]) -> Iterator[Problem]:
    """Everything that is wrong with the schemas taken each by itself, and gaps between versions."""
    for event_type, versions in schemas.items():
        if not _TYPE_NAME.fullmatch(event_type):
            yield Problem(f"schemas/{event_type}", "", "type-name", "must be letters and digits, the first a capital")
        if sorted(versions) != list(range(1, len(versions) + 1)):
            text = f"versions must be 1, 2, 3 and so on; there are {', '.join(map(str, versions)) or 'none'}"
            yield Problem(f"schemas/{event_type}", "", "versions-without-gap", text)
    for event_type, version, schema in each_version(schemas):
        file = file_of(event_type, version)
        if schema.get("$schema") != DRAFT:
            yield Problem(file, "$schema", "draft", f"must be {DRAFT}")
        if schema.get("title") != event_type:
            yield Problem(file, "title", "title", f"must be {event_type}")
        if schema.get("type") != "object":
            yield Problem(file, "type", "object", "an event's data is an object")
        if not schema.get("examples"):
            yield Problem(file, "examples", "examples", "an event needs one at least")
        yield from _problems(file, "", {name: each for name, each in schema.items() if name not in _TOP})


def _problems(file: str, field: str, schema: Schema) -> Iterator[Problem]:
    types = types_of(schema)
    if not types or not types <= _TYPES:
        yield Problem(file, field, "type", f"must have a type or a list of types out of {', '.join(sorted(_TYPES))}")
        return
    if not schema.get("description"):
        yield Problem(file, field, "description", "must say what it means")
    known = _ANYWHERE.union(*(KEYWORDS.get(each, frozenset()) for each in types))
    for keyword in sorted(schema.keys() - known):
        yield Problem(file, field, "known-keywords", f"{keyword} is not enforced for this type: leave it out")
    yield from _value_problems(file, field, schema)
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in sorted(set(schema.get("required", ())) - properties.keys()):
        yield Problem(file, _inside(field, name), "required-described", "is required but not among the properties")
    for name, inner in properties.items():
        if not _NAME.fullmatch(name):
            yield Problem(file, _inside(field, name), "field-name", "must be in camelCase, letters and digits")
        yield from _problems(file, _inside(field, name), inner)
    if "items" in schema:
        yield from _problems(file, f"{field}[]", schema["items"])


def _value_problems(file: str, field: str, schema: Schema) -> Iterator[Problem]:
    pattern = schema.get("pattern", "^$")
    if not (pattern.startswith("^") and pattern.endswith("$")):
        yield Problem(file, field, "anchored-pattern", "a pattern starts with ^ and ends with $")
    if ("number" in types_of(schema)) != (schema.get("format") == "decimal" and "x-scale" in schema):
        yield Problem(file, field, "decimal", "a number needs format decimal and x-scale, its digits after the point")
    if "." in field and "x-derived" in schema:
        yield Problem(file, field, "derived-at-the-top", "only fields of the data itself are filled in")


def types_of(schema: Schema) -> frozenset[str]:
    """The types that a value may have."""
    named = schema.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _inside(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name

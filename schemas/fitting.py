"""Whether a value in a schema, such as a default, fits that schema: by the standard library, as every preview needs it.

The handlers have a check of their own, compiled and with all that it can say of a caller's data; the tests hold the two
against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from schemas.files import Schema

_CLASSES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, Decimal),
    "object": (dict,),
    "string": (str,),
}


def misfit(value: object, schema: Schema) -> str | None:
    """What the schema of a sound field has against the value, in words; None where it fits."""
    return next(_misfits(value, schema), None)


def _misfits(value: object, schema: Schema) -> Iterator[str]:
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(_is(value, each) for each in types):
        yield f"is not {' or '.join(types)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        yield from _misfits_of_text(value, schema)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield from _misfits_of_number(Decimal(value), schema)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield "has too few or too many items"
        if "items" in schema:
            yield from (f"has an item that {problem}" for each in value for problem in _misfits(each, schema["items"]))


def _misfits_of_text(value: str, schema: Schema) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield "is too short or too long"
    if len(value.encode()) > schema.get("x-max-bytes", len(value.encode())):
        yield "has too many bytes"
    pattern = schema.get("pattern", "")
    if pattern and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value, re.ASCII):
        yield f"does not match {pattern}"


def _misfits_of_number(value: Decimal, schema: Schema) -> Iterator[str]:
    if value < schema.get("minimum", value) or ("exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]):
        yield "is too small"
    if value > schema.get("maximum", value) or ("exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]):
        yield "is too large"
    if "x-scale" in schema and len(f"{value:f}".partition(".")[2].rstrip("0")) > schema["x-scale"]:
        yield f"has more than {schema['x-scale']} digits after the point"


def _is(value: object, named: str) -> bool:
    if named == "integer":
        return _is(value, "number") and value == int(value)  # type: ignore[call-overload]
    return isinstance(value, _CLASSES[named]) and (named == "boolean" or not isinstance(value, bool))

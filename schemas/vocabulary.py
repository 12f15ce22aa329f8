"""What a schema file may say: JSON Schema draft-07 as far as the handlers enforce it, and keywords of our own.

Whatever is not enforced is refused here, so that no schema promises more than the code holds.
"""

from __future__ import annotations

import keyword as python
import re
from collections.abc import Iterator, Mapping

from schemas.files import INTERNAL, STREAM, Problem, Schema, Versions, each_version, file_of
from schemas.fitting import misfit
from schemas.keywords import TYPES, meaningless, types_of, unknown

DRAFT = "http://json-schema.org/draft-07/schema#"

_TOP = frozenset({"$schema", INTERNAL, STREAM})
_KIND = re.compile(r"[a-z][a-z0-9]*")
# The name of its attribute is made of a field's humps, by the generator and by the handlers; of accountID each makes
# another one.
_NAME = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]+)*")
_TOP_FIELD = re.compile(r"[^.\[]+")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_OF_THE_DATA = (("x-derived", "filled in"), ("default", "given defaults"), ("x-internal", "refused to callers"))
"""Keywords that say something of the fields of the data itself, and of none that lies deeper."""
_TAKEN = frozenset({"Any", "Decimal", "False", "Literal", "Model", "None", "True", "TypeAlias"})
"""Names that the module of the generated classes needs for itself."""


def problems_in(schemas: Mapping[str, Versions]) -> Iterator[Problem]:
    """Everything that is wrong with the schemas taken each by itself, and gaps between versions."""
    for event_type, versions in schemas.items():
        folder = f"schemas/{event_type}"
        if not _TYPE_NAME.fullmatch(event_type):
            yield Problem(folder, "", "type-name", "must be letters and digits, the first a capital")
        if event_type in _TAKEN:
            yield Problem(folder, "", "type-name", "is a name that the generated code needs for itself")
        if sorted(versions) != list(range(1, len(versions) + 1)):
            text = f"versions must be 1, 2, 3 and so on; there are {', '.join(map(str, versions)) or 'none'}"
            yield Problem(folder, "", "versions-without-gap", text)
        if len({repr(schema.get(STREAM)) for schema in versions.values()}) > 1:
            text = "all versions of a type stand in the streams of one kind of aggregate, or none does in any"
            yield Problem(folder, STREAM, "one-kind", text)
    for event_type, version, schema in each_version(schemas):
        yield from _document_problems(event_type, file_of(event_type, version), schema)


def _document_problems(event_type: str, file: str, schema: Schema) -> Iterator[Problem]:
    if schema.get("$schema") != DRAFT:
        yield Problem(file, "$schema", "draft", f"must be {DRAFT}")
    if schema.get("title") != event_type:
        yield Problem(file, "title", "title", f"must be {event_type}")
    if schema.get("type") != "object":
        yield Problem(file, "type", "object", "an event's data is an object")
    if "properties" not in schema:
        yield Problem(file, "properties", "properties", "an event says which fields it has, if none: {}")
    if not schema.get("examples"):
        yield Problem(file, "examples", "examples", "an event needs one at least")
    if STREAM in schema and not (isinstance(schema[STREAM], str) and _KIND.fullmatch(schema[STREAM])):
        text = "must name a kind of aggregate in small letters and digits: account"
        yield Problem(file, STREAM, "kind-name", text)
    if schema.get(INTERNAL, True) is not True or (INTERNAL in schema and STREAM not in schema):
        yield Problem(file, INTERNAL, "internal", "must be true or left out, and of a type that stands in streams")
    yield from _problems(file, "", {name: each for name, each in schema.items() if name not in _TOP})


def _problems(file: str, field: str, schema: object) -> Iterator[Problem]:
    if not isinstance(schema, Mapping):
        yield Problem(file, field, "one-schema", "must be one schema, an object")
        return
    if not types_of(schema) or not types_of(schema) <= TYPES:
        yield Problem(file, field, "type", f"must have a type or a list of types out of {', '.join(sorted(TYPES))}")
        return
    if not schema.get("description"):
        yield Problem(file, field, "description", "must say what it means")
    for keyword in unknown(schema):
        yield Problem(file, field, "known-keywords", f"{keyword} is not enforced for this type: leave it out")
    without_meaning = list(meaningless(schema))
    for keyword, must_be in without_meaning:
        yield Problem(file, field, "keyword-value", f"{keyword} must be {must_be}")
    if not without_meaning:
        yield from _place_problems(file, field, schema)
        yield from _field_problems(file, field, schema)
        yield from _value_problems(file, field, schema)


def _place_problems(file: str, field: str, schema: Schema) -> Iterator[Problem]:
    """What is enforced, but not in this place."""
    if not _TOP_FIELD.fullmatch(field):
        for keyword, what in _OF_THE_DATA:
            if keyword in schema:
                rule = f"{keyword.removeprefix('x-')}-at-the-top"
                yield Problem(file, field, rule, f"only fields of the data itself are {what}")
    if field:
        # fact() makes an object of the data alone: what lies inside stays a dict, whatever class were made for it.
        for keyword in sorted({"properties", "required"} & schema.keys()):
            text = f"{keyword} of an object inside the data is not enforced: make its members fields of the data itself"
            yield Problem(file, field, "flat", text)
        if schema.get("additionalProperties") is False:
            yield Problem(file, field, "flat", "an object inside the data cannot be closed: its members have no schema")


def _field_problems(file: str, field: str, schema: Schema) -> Iterator[Problem]:
    properties: Schema = schema.get("properties", {})
    for name in sorted(set(schema.get("required", ())) - properties.keys()):
        yield Problem(file, _inside(field, name), "required-described", "is required but not among the properties")
    for name, inner in properties.items():
        if not _NAME.fullmatch(name):
            text = "must be in camelCase, letters and digits, no two capitals in a row: accountId"
            yield Problem(file, _inside(field, name), "field-name", text)
        if python.iskeyword(name):
            text = "is a word of Python, which no attribute of the event's class can have for a name"
            yield Problem(file, _inside(field, name), "field-name", text)
        yield from _problems(file, _inside(field, name), inner)


def _value_problems(file: str, field: str, schema: Schema) -> Iterator[Problem]:
    found = list(_problems(file, f"{field}[]", schema["items"])) if "items" in schema else []
    pattern = schema.get("pattern", "^$")
    if not (pattern.startswith("^") and pattern.endswith("$")):
        found.append(Problem(file, field, "anchored-pattern", "a pattern starts with ^ and ends with $"))
    elif fault := _fault_of(pattern):
        found.append(Problem(file, field, "pattern", f"{pattern} is no regular expression: {fault}"))
    if ("number" in types_of(schema)) != (schema.get("format") == "decimal" and "x-scale" in schema):
        text = "a number needs format decimal and x-scale, its digits after the point"
        found.append(Problem(file, field, "decimal", text))
    for each in schema.get("enum", ()):
        if unfit := misfit(each, {"type": schema["type"]}):
            found.append(Problem(file, field, "enum", f"{each}, one of the enum, {unfit}"))
    # Only what is sound by itself can say whether its default fits.
    if "default" in schema and not found and (unfit := misfit(schema["default"], schema)):
        found.append(Problem(file, field, "default", f"the default, {schema['default']}, {unfit}"))
    yield from found


def _fault_of(pattern: str) -> str | None:
    try:
        re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)  # as the handlers do
    except re.error as error:
        return str(error)
    return None


def _inside(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name

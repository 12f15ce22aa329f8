"""Whether what one version of a schema allows, another one takes: the meaning of Glue's compatibility modes.

A reader takes what a writer wrote if nothing that the writer's schema allows breaks the reader's. As Glue documents its
modes, adding and deleting an optional field is compatible either way, though in an open object an older event may have
used its name for something else: see docs/events.md on upcasters. A rule of our own keeps defaults as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.files import Problem, Schema, Versions, file_of
from schemas.keywords import KEYWORDS, types_of

MODES = ("NONE", "DISABLED", "BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL")
DEFAULT_MODE = "BACKWARD"
_NUMBER = (int, Decimal)


class Break(NamedTuple):
    """Where a reader refuses what a writer may write: the field, the rule, and what stands against what."""

    field: str
    rule: str
    text: str


def problems_between(schemas: Mapping[str, Versions], mode: str) -> Iterator[Problem]:
    """Every version that `mode` forbids after those before it; problems name the later version's file.

    The modes without _ALL look at the version just before, those with it at every earlier one. Whatever the mode, NONE
    excepted, a field's default stays what it was in the last version that had the field.
    """
    direction, _, all_ = mode.partition("_")
    for event_type, versions in schemas.items():
        for version, schema in versions.items():
            file = file_of(event_type, version)
            earlier = [each for each in sorted(versions) if each < version]
            if mode == "DISABLED" and earlier:
                yield Problem(file, "", "disabled", "the compatibility mode DISABLED forbids any second version")
            for other in earlier if all_ else earlier[-1:]:
                if direction in ("BACKWARD", "FULL"):
                    reads = f"version {version} cannot read what version {other} wrote, which {mode} demands"
                    yield from _told(file, reads, breaks(reader=schema, writer=versions[other]))
                if direction in ("FORWARD", "FULL"):
                    reads = f"version {other} cannot read what version {version} writes, which {mode} demands"
                    yield from _told(file, reads, breaks(reader=versions[other], writer=schema))
            if direction in ("BACKWARD", "FORWARD", "FULL"):
                yield from _changed_defaults(file, schema, [versions[other] for other in earlier], mode)


def _changed_defaults(file: str, schema: Schema, earlier: Sequence[Schema], mode: str) -> Iterator[Problem]:
    """The fields whose default is another one than before, or that had none and get one.

    An older event that leaves a field out is read with the newest default. To change that is to change what the event
    said, which Glue sees nothing wrong with.
    """
    for name, now in schema.get("properties", {}).items():
        before = [each for each in earlier if name in each.get("properties", {})]
        if not before or name in before[-1].get("required", ()):
            continue
        was = before[-1]["properties"][name]
        if was.get("default") != now.get("default"):
            text = (
                f"default is {_default(now)} where it was {_default(was)}: older events without the field would be "
                f"read as another one, which {mode} forbids"
            )
            yield Problem(file, name, "default-changed", text)


def _default(field: Schema) -> object:
    # Without a default the event's class has None, which is what null is.
    return "nothing" if field.get("default") is None else field["default"]


def breaks(reader: Schema, writer: Schema, field: str = "") -> Iterator[Break]:
    """Every place where `reader` refuses something that `writer` allows."""
    refused = _widened(types_of(writer)) - _widened(types_of(reader))
    if refused:
        yield Break(field, "type-narrowed", f"does not take {' or '.join(sorted(refused))}")
        return
    written = {"enum"}.union(*(KEYWORDS.get(each, ()) for each in types_of(writer)))
    for keyword, rule in _RULES.items():
        if keyword in reader.keys() & written and not rule(reader[keyword], writer.get(keyword)):
            was = f"{writer[keyword]}" if keyword in writer else "not there"
            yield Break(field, f"{keyword}-narrowed", f"{keyword} is {reader[keyword]} where it was {was}")
    yield from _breaks_inside(reader, writer, field)
    if "items" in reader:
        yield from breaks(reader["items"], writer.get("items", _ANYTHING), f"{field}[]")


def _breaks_inside(reader: Schema, writer: Schema, field: str) -> Iterator[Break]:
    ours, theirs = reader.get("properties", {}), writer.get("properties", {})
    for name in sorted(set(reader.get("required", ())) - set(writer.get("required", ()))):
        yield Break(_inside(field, name), "required-added", "is required but was not")
    if reader.get("additionalProperties") is False:
        if writer.get("additionalProperties", True) is not False:
            yield Break(field, "additional-properties-closed", "refuses unknown fields, which were allowed")
        for name in sorted(theirs.keys() - ours.keys()):
            yield Break(_inside(field, name), "field-removed-from-closed", "is unknown and refused")
    for name in sorted(ours.keys() & theirs.keys()):
        yield from breaks(ours[name], theirs[name], _inside(field, name))


def changes(was: Schema, now: Schema, field: str = "") -> Iterator[Break]:
    """Every difference between a published schema and its file today."""
    old, new = was.get("properties", {}), now.get("properties", {})
    for name in sorted(set(now.get("required", ())) ^ set(was.get("required", ()))):
        text = "is required but was not" if name in now.get("required", ()) else "is no longer required"
        yield Break(_inside(field, name), "required", text)
    for name in sorted(new.keys() ^ old.keys()):
        yield Break(_inside(field, name), "properties", "was added" if name in new else "was removed")
    for keyword in sorted((was.keys() | now.keys()) - {"properties", "required", "items"}):
        if was.get(keyword) != now.get(keyword):
            yield Break(field, keyword, f"{keyword} was changed")
    for name in sorted(new.keys() & old.keys()):
        yield from changes(old[name], new[name], _inside(field, name))
    if was.get("items") != now.get("items"):
        yield from changes(was.get("items", {}), now.get("items", {}), f"{field}[]")


def _told(file: str, reads: str, found: Iterable[Break]) -> Iterator[Problem]:
    for each in found:
        yield Problem(file, each.field, each.rule, f"{each.text}: {reads}")


def _at_least(reader: object, writer: object) -> bool:
    return isinstance(reader, _NUMBER) and isinstance(writer, _NUMBER) and reader >= writer


def _at_most(reader: object, writer: object) -> bool:
    return isinstance(reader, _NUMBER) and isinstance(writer, _NUMBER) and reader <= writer


def _same(reader: object, writer: object) -> bool:
    return reader == writer


def _holds(reader: object, writer: object) -> bool:
    return isinstance(reader, list) and isinstance(writer, list) and all(each in reader for each in writer)


# By keyword: whether the reader's value lets through all that the writer's (None: without one) does.
_RULES: Mapping[str, Callable[[object, object], bool]] = {
    "enum": _holds,
    "pattern": _same,
    "format": _same,
    "minLength": _at_most,
    "minItems": _at_most,
    "minimum": _at_most,
    "exclusiveMinimum": _at_most,
    "maxLength": _at_least,
    "maxItems": _at_least,
    "maximum": _at_least,
    "exclusiveMaximum": _at_least,
    "x-max-bytes": _at_least,
    "x-scale": _at_least,
}
_ANYTHING: Schema = {"type": ["array", "boolean", "integer", "null", "number", "object", "string"]}


def _widened(types: frozenset[str]) -> frozenset[str]:
    """With the types that a named one takes besides: every integer is a number."""
    return types | {"integer"} if "number" in types else types


def _inside(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name

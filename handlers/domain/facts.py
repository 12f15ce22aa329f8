"""Facts: stored events in the newest shape of their type, which is the only one that the rest of the domain knows.

A stored event is checked against the schema of the version it was written in, then taken up from version to version by
`upcasters`, then checked again as what it has become, then made an object of its generated class. The event itself
stays as it is, and so does its hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from itertools import islice
from typing import Any

from handlers.sourcing import times
from handlers.sourcing.carriage import uncarried
from handlers.sourcing.errors import MalformedError, UnreadableEventError, Violation
from handlers.sourcing.event import Event
from handlers.sourcing.fields import MAX_UNKNOWN, folded
from handlers.sourcing.rejection import EVENT_TYPE as REJECTION
from handlers.sourcing.schema import compile_schema
from handlers.sourcing.values import Value, number

from . import money
from .generated.classes import CLASSES
from .generated.tables import ASKED, DERIVED, SCHEMAS, STREAMS
from .upcasters import UPCASTERS

Fact = Any
"""An object of one of the generated classes."""

EVENT_TYPES = tuple(STREAMS)
NEWEST: Mapping[str, int] = {name: max(version for each, version in SCHEMAS if each == name) for name, _ in SCHEMAS}
"""By type, the version that is written today."""
REJECTION_VERSION = NEWEST[REJECTION]

_CHECKS = {key: compile_schema(schema) for key, schema in SCHEMAS.items()}
_GAINED = {
    (event_type, version): {
        name: compile_schema(each)
        for name, each in SCHEMAS[event_type, version + 1]["properties"].items()
        if name not in schema["properties"]
    }
    for (event_type, version), schema in SCHEMAS.items()
    if version < NEWEST[event_type]
}
"""By type and version, the fields that the next version knows and this one does not."""
_HUMPS = re.compile(r"(?<!^)(?=[A-Z])")


def _attribute(name: str) -> str:
    return _HUMPS.sub("_", name).lower()


_ATTRIBUTES = {
    event_type: [(name, _attribute(name)) for name in SCHEMAS[event_type, version]["properties"]]
    for event_type, version in NEWEST.items()
}
_DECIMALS = {
    event_type: [
        name for name, each in SCHEMAS[event_type, version]["properties"].items() if each.get("format") == "decimal"
    ]
    for event_type, version in NEWEST.items()
}
_SCALES: Mapping[str, Mapping[str, int]] = {
    event_type: {
        name: each["x-scale"] for name, each in SCHEMAS[event_type, version]["properties"].items() if "x-scale" in each
    }
    for event_type, version in NEWEST.items()
}
_NOTHING: Mapping[str, frozenset[str]] = {
    event_type: frozenset(
        name
        for name, each in SCHEMAS[event_type, version]["properties"].items()
        if "null" not in each["type"]
        and (name in DERIVED[event_type] or name not in SCHEMAS[event_type, version]["required"])
    )
    for event_type, version in NEWEST.items()
}
"""By type, the fields whose null a command may give and no event holds."""
_KINDS: Mapping[str, Callable[[str, str], object]] = {"currency": money.check_opening, "date-time": times.normalize}
"""By kind, what checks the texts that new commands must give (`ASKED`)."""
_KNOWN = {event_type: {name for name, _ in attributes} for event_type, attributes in _ATTRIBUTES.items()}
_BY_FOLDED = {event_type: {folded(name): name for name in names} for event_type, names in _KNOWN.items()}
IDENTIFIERS: Mapping[str, tuple[str, ...]] = {
    event_type: tuple(name for name, _ in attributes if name.endswith("Id"))
    for event_type, attributes in _ATTRIBUTES.items()
}
"""By type, the fields that name something."""
_DEFAULTS: Mapping[str, Mapping[str, Value]] = {
    event_type: {
        name: each.default
        for name, attribute in attributes
        for each in fields(CLASSES[event_type])
        if each.name == attribute and name in DERIVED[event_type] and each.default is not MISSING
    }
    for event_type, attributes in _ATTRIBUTES.items()
}


def fact_of(event: Event) -> Fact | None:
    """The event in its newest shape; None for a type that has no schema here, which changes nothing.

    Raises UnreadableEventError for a version newer than this code and for data that its schema does not allow: to go on
    without such an event would be to answer with a wrong balance.
    """
    event_type, version = event.event_type, event.version
    if event_type not in STREAMS:
        return None
    newest = NEWEST[event_type]
    if version > newest:
        raise _unreadable(event, f"is of version {version}; this code knows {newest} at most")
    data: Mapping[str, Value] = event.data
    if found := violations(event_type, version, data, ""):
        raise _unreadable(event, f"does not fit its schema: {found[0].path.lstrip('.')} {found[0].message}")
    if version < newest:
        data = _taken_up(event)
    return fact(event_type, data)


def _taken_up(event: Event) -> Mapping[str, Value]:
    """An older event's data in the newest shape, or UnreadableEventError.

    Older versions are open: they kept any field, so that a name which the next one gives a meaning may stand for
    something else. Such a field is taken where it is well-formed and left out where it is not, and it is done here
    rather than in each upcaster, since a step that forgot it would put a number where its class says text, or make an
    account unreadable for what was somebody's extra field. What a step itself gets wrong is found by the check at the
    end; the newest version's own events, which are most of what is read, pay for neither.
    """
    event_type, newest = event.event_type, NEWEST[event.event_type]
    data: Mapping[str, Value] = event.data
    for version in range(event.version, newest):
        for name, check in _GAINED[event_type, version].items():
            unusable: list[Violation] = []
            if name in data:
                check(data[name], name, unusable)
            if unusable:
                data = {other: value for other, value in data.items() if other != name}
        data = UPCASTERS[event_type, version](data)
    if found := violations(event_type, newest, data, ""):
        raise _unreadable(event, f"became no version {newest}: {found[0].path.lstrip('.')} {found[0].message}")
    return data


def fact(event_type: str, data: Mapping[str, Value]) -> Fact:
    """The object for data of the newest version; defaults stand in for what it does not say."""
    return CLASSES[event_type](**{attribute: data[name] for name, attribute in _ATTRIBUTES[event_type] if name in data})


def violations(event_type: str, version: int, data: Mapping[str, Value], path: str) -> list[Violation]:
    """Everything in data that the schema does not allow, under paths that begin with `path`."""
    found: list[Violation] = []
    _CHECKS[event_type, version](data, path, found)
    return found


def asked(event_type: str, data: Mapping[str, Value]) -> tuple[dict[str, Value], list[Violation]]:
    """A command's data as that of the newest event, and all that is wrong with it, what would never arrive included.

    More lenient than the event's own schema in three ways: a decimal may be text, where digits matter, what the ledger
    fills in may be missing, and null says nothing wherever nothing has to be said. Stricter in one: a text of a kind
    (`ASKED`) must be of that kind, which older events need not be.
    """
    derived, nothing = DERIVED[event_type], _NOTHING[event_type]
    read = {name: value for name, value in data.items() if value is not None or name not in nothing}
    unread: list[Violation] = []
    for name in _DECIMALS[event_type]:
        if isinstance(read.get(name), str):
            try:
                read[name] = number(read[name], f"eventData.{name}")
            except MalformedError as error:
                unread += error.violations
                read[name] = Decimal(0)
    missing = {f"eventData.{name}" for name in derived if name not in read} | {each.path for each in unread}
    found = [each for each in violations(event_type, NEWEST[event_type], read, "eventData") if each.path not in missing]
    told = {each.path for each in found}
    found += _of_no_kind(event_type, read, told)
    return read, unread + found + [each for each in uncarried(read, "eventData") if each.path not in told]


def _of_no_kind(event_type: str, data: Mapping[str, Value], told: set[str]) -> list[Violation]:
    """The texts that are not of the kind that commands must give, apart from those whose paths were told."""
    found: list[Violation] = []
    for name, kind in ASKED[event_type].items():
        path = f"eventData.{name}"
        if path not in told and isinstance(text := data.get(name), str):
            try:
                _KINDS[kind](text, path)
            except MalformedError as error:
                found += error.violations
    return found


def scales(event_type: str) -> Mapping[str, int]:
    """The numbers with a scale among a type's fields: how many digits each may have after its point."""
    return _SCALES.get(event_type, {})


def misspelt(event_type: str, data: Mapping[str, Value]) -> list[Violation]:
    """Extra fields that a known one was meant by: its name but for case, hyphens and underscores."""
    meant = _BY_FOLDED[event_type]
    extra = (name for name in data if name not in _KNOWN[event_type] and folded(name) in meant)
    return [
        Violation(f"eventData.{name}", f"is unknown; did you mean {meant[folded(name)]}?")
        for name in islice(extra, MAX_UNKNOWN)
    ]


def extra(event: Event) -> set[str]:
    """The fields of an event that its version does not know; none for a type that has no schema here."""
    if event.event_type not in NEWEST:
        return set()
    version = min(event.version, NEWEST[event.event_type])
    return set(event.data) - set(SCHEMAS[event.event_type, version]["properties"])


def plain(event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
    """Data with its decimals as numbers where they are written in texts, and without the nulls of known fields.

    For data of any kind, sound or not: what cannot be read stays as it is.
    """
    return {
        name: _plain_number(value) if isinstance(value, str) and name in _DECIMALS.get(event_type, ()) else value
        for name, value in data.items()
        if value is not None or name not in _KNOWN.get(event_type, ())
    }


def punctual(event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
    """Data with its times in the ledger's one form, for a comparison; what is no such time stays as it is."""
    kinds = ASKED.get(event_type, {})
    return {
        name: times.in_one_form(value) if isinstance(value, str) and kinds.get(name) == "date-time" else value
        for name, value in data.items()
    }


def _plain_number(text: str) -> Value:
    try:
        return number(text, "")
    except MalformedError:
        return text


def defaults(event_type: str) -> dict[str, Value]:
    """What the ledger fills in where data leaves it out, whatever else is known."""
    return dict(_DEFAULTS.get(event_type, {}))


def _unreadable(event: Event, problem: str) -> UnreadableEventError:
    place = f"event {event.sequence} of {event.aggregate_id}, {event.event_type},"
    return UnreadableEventError(
        f"{place} {problem}",
        aggregateId=event.aggregate_id,
        sequence=event.sequence,
        eventType=event.event_type,
        version=event.version,
    )

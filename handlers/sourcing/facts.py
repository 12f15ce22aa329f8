"""Facts: stored events in the newest shape of their type, which is the only one that the domain knows.

A stored event is checked against the schema of the version it was written in, then taken up from version to version by
upcasters, then checked again as what it has become, then made an object of its generated class. The event itself stays
as it is, and so does its hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any

from . import times
from .carriage import uncarried
from .errors import MalformedError, UnreadableEventError, Violation
from .event import Event
from .fields import MAX_UNKNOWN, folded
from .schema import compile_schema
from .values import Value, number

Fact = Any
"""An object of one of the generated classes."""
Data = Mapping[str, Value]
Upcaster = Callable[[Data], Data]
"""From one version of a type's data to the next."""

_DATE_TIME = "date-time"
_HUMPS = re.compile(r"(?<!^)(?=[A-Z])")


class Facts:
    """The facts of a domain, over the tables that are generated from its schemas.

    `schemas` are by type and version, `classes` by type; `streams` says by type which kind of aggregate it belongs to;
    `derived` names by type the fields that the ledger fills in where a command leaves them out; `asked` says by type
    and field of which kind a command's text must be, and `kinds` what checks such a text beside the times: its text and
    path. `upcasters` are by type and version. `internal` are the types, and `internal_fields` by type the fields, that
    the ledger alone causes.
    """

    def __init__(
        self,
        *,
        schemas: Mapping[tuple[str, int], Mapping[str, Any]],
        classes: Mapping[str, type[Any]],
        streams: Mapping[str, str],
        derived: Mapping[str, tuple[str, ...]],
        asked: Mapping[str, Mapping[str, str]],
        kinds: Mapping[str, Callable[[str, str], object]],
        upcasters: Mapping[tuple[str, int], Upcaster],
        internal: Collection[str] = (),
        internal_fields: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self.streams = streams
        self.upcasters = upcasters
        self.newest: Mapping[str, int] = {
            name: max(version for each, version in schemas if each == name) for name, _ in schemas
        }
        """By type, the version that is written today."""
        self.internal = frozenset(internal)
        """The types that no caller may ask for."""
        self._internal_fields = internal_fields
        self._schemas = schemas
        self._classes = classes
        self.derived = derived
        """By type, what the ledger fills in where a command leaves it out."""
        self._asked = asked
        self._kinds = {_DATE_TIME: times.normalize, **kinds}
        properties = {name: schemas[name, version]["properties"] for name, version in self.newest.items()}
        self._checks = {key: compile_schema(schema) for key, schema in schemas.items()}
        self._gained = {
            (event_type, version): {
                name: compile_schema(each)
                for name, each in schemas[event_type, version + 1]["properties"].items()
                if name not in schema["properties"]
            }
            for (event_type, version), schema in schemas.items()
            if version < self.newest[event_type]
        }
        """By type and version, the fields that the next version knows and this one does not."""
        self._attributes = {
            event_type: [(name, attribute(name)) for name in known] for event_type, known in properties.items()
        }
        self._decimals = {
            event_type: [name for name, each in known.items() if each.get("format") == "decimal"]
            for event_type, known in properties.items()
        }
        self._scales = {
            event_type: {name: each["x-scale"] for name, each in known.items() if "x-scale" in each}
            for event_type, known in properties.items()
        }
        self._nothing = {
            event_type: frozenset(
                name
                for name, each in known.items()
                if "null" not in each["type"]
                and (name in derived[event_type] or name not in schemas[event_type, version]["required"])
            )
            for (event_type, version), known in zip(self.newest.items(), properties.values(), strict=True)
        }
        """By type, the fields whose null a command may give and no event holds."""
        self._known = {event_type: frozenset(known) for event_type, known in properties.items()}
        self._by_folded = {
            event_type: {folded(name): name for name in known} for event_type, known in properties.items()
        }
        self.identifiers: Mapping[str, tuple[str, ...]] = {
            event_type: tuple(name for name in known if name.endswith("Id")) for event_type, known in properties.items()
        }
        """By type, the fields that name something."""
        self._defaults: Mapping[str, Data] = {
            event_type: {
                name: each.default
                for name, attribute in attributes
                for each in fields(classes[event_type])
                if each.name == attribute and name in derived[event_type] and each.default is not MISSING
            }
            for event_type, attributes in self._attributes.items()
        }

    def of(self, event: Event) -> Fact | None:
        """The event in its newest shape; None for a type that has no schema here, which changes nothing.

        Raises UnreadableEventError for a version newer than this code and for data that its schema does not allow: to
        go on without such an event would be to answer with a wrong state.
        """
        if event.event_type not in self.streams:
            return None
        return self.fact(event.event_type, self.taken_up(event))

    def taken_up(self, event: Event) -> Data:
        """The data of an event of a known type in the newest shape, or UnreadableEventError."""
        event_type, version, newest = event.event_type, event.version, self.newest[event.event_type]
        if version > newest:
            raise _unreadable(event, f"is of version {version}; this code knows {newest} at most")
        if found := self.violations(event_type, version, event.data, ""):
            raise _unreadable(event, f"does not fit its schema: {found[0].path.lstrip('.')} {found[0].message}")
        return self._taken_up(event) if version < newest else event.data

    def _taken_up(self, event: Event) -> Data:
        """An older event's data in the newest shape, or UnreadableEventError.

        Older versions are open: they kept any field, so that a name which the next one gives a meaning may stand for
        something else. Such a field is taken where it is well-formed and left out where it is not, and it is done here
        rather than in each upcaster, since a step that forgot it would put a number where its class says text, or make
        an aggregate unreadable for what was somebody's extra field. What a step itself gets wrong is found by the check
        at the end; the newest version's own events, which are most of what is read, pay for neither.
        """
        event_type, newest = event.event_type, self.newest[event.event_type]
        data: Data = event.data
        for version in range(event.version, newest):
            for name, check in self._gained[event_type, version].items():
                unusable: list[Violation] = []
                if name in data:
                    check(data[name], name, unusable)
                if unusable:
                    data = {other: value for other, value in data.items() if other != name}
            data = self.upcasters[event_type, version](data)
        if found := self.violations(event_type, newest, data, ""):
            raise _unreadable(event, f"became no version {newest}: {found[0].path.lstrip('.')} {found[0].message}")
        return data

    def fact(self, event_type: str, data: Data) -> Fact:
        """The object for data of the newest version; defaults stand in for what it does not say."""
        attributes = self._attributes[event_type]
        return self._classes[event_type](**{attribute: data[name] for name, attribute in attributes if name in data})

    def violations(self, event_type: str, version: int, data: Data, path: str) -> list[Violation]:
        """Everything in data that the schema does not allow, under paths that begin with `path`."""
        found: list[Violation] = []
        self._checks[event_type, version](data, path, found)
        return found

    def asked(self, event_type: str, data: Data) -> tuple[dict[str, Value], list[Violation]]:
        """A command's data as that of the newest event, and all that is wrong with it, and what would never arrive.

        More lenient than the event's own schema in three ways: a decimal may be text, where digits matter, what the
        ledger fills in may be missing, and null says nothing wherever nothing has to be said. Stricter in one: a text
        of a kind (`asked` of the domain) must be of that kind, which older events need not be.
        """
        derived, nothing, newest = self.derived[event_type], self._nothing[event_type], self.newest[event_type]
        read = {name: value for name, value in data.items() if value is not None or name not in nothing}
        unread: list[Violation] = []
        for name in self._decimals[event_type]:
            if isinstance(read.get(name), str):
                try:
                    read[name] = number(read[name], f"eventData.{name}")
                except MalformedError as error:
                    unread += error.violations
                    read[name] = Decimal(0)
        missing = {f"eventData.{name}" for name in derived if name not in read} | {each.path for each in unread}
        found = [each for each in self.violations(event_type, newest, read, "eventData") if each.path not in missing]
        told = {each.path for each in found}
        found += self._of_no_kind(event_type, read, told)
        return read, unread + found + [each for each in uncarried(read, "eventData") if each.path not in told]

    def _of_no_kind(self, event_type: str, data: Data, told: set[str]) -> list[Violation]:
        """The texts that are not of the kind that commands must give, apart from those whose paths were told."""
        found: list[Violation] = []
        for name, kind in self._asked[event_type].items():
            path = f"eventData.{name}"
            if path not in told and isinstance(text := data.get(name), str):
                try:
                    self._kinds[kind](text, path)
                except MalformedError as error:
                    found += error.violations
        return found

    def scales(self, event_type: str) -> Mapping[str, int]:
        """The numbers with a scale among a type's fields: how many digits each may have after its point."""
        return self._scales.get(event_type, {})

    def misspelt(self, event_type: str, data: Data) -> list[Violation]:
        """Extra fields that a known one was meant by: its name but for case, hyphens and underscores."""
        meant = self._by_folded[event_type]
        extra = (name for name in data if name not in self._known[event_type] and folded(name) in meant)
        return [
            Violation(f"eventData.{name}", f"is unknown; did you mean {meant[folded(name)]}?")
            for name in islice(extra, MAX_UNKNOWN)
        ]

    def forbidden(self, event_type: str, data: Data) -> list[Violation]:
        """What a caller's command says that the ledger alone may say."""
        if event_type in self.internal:
            return [Violation("eventType", f"{event_type} is internal: the ledger alone causes it")]
        return [
            Violation(f"eventData.{name}", "is internal: the ledger alone gives it")
            for name in self._internal_fields.get(event_type, ())
            if data.get(name) is not None
        ]

    def extra_fields(self, event: Event) -> set[str]:
        """The fields of an event that its version does not know; none for a type that has no schema here."""
        if event.event_type not in self.newest:
            return set()
        version = min(event.version, self.newest[event.event_type])
        return set(event.data) - set(self._schemas[event.event_type, version]["properties"])

    def plain(self, event_type: str, data: Data) -> dict[str, Value]:
        """Data with its decimals as numbers where they are written in texts, and without the nulls of known fields.

        For data of any kind, sound or not: what cannot be read stays as it is.
        """
        decimals, known = self._decimals.get(event_type, ()), self._known.get(event_type, ())
        return {
            name: _plain_number(value) if isinstance(value, str) and name in decimals else value
            for name, value in data.items()
            if value is not None or name not in known
        }

    def punctual(self, event_type: str, data: Data) -> dict[str, Value]:
        """Data with its times in the ledger's one form, for a comparison; what is no such time stays as it is."""
        kinds = self._asked.get(event_type, {})
        return {
            name: times.in_one_form(value) if isinstance(value, str) and kinds.get(name) == _DATE_TIME else value
            for name, value in data.items()
        }

    def defaults(self, event_type: str) -> dict[str, Value]:
        """What the ledger fills in where data leaves it out, whatever else is known."""
        return dict(self._defaults.get(event_type, {}))


def attribute(name: str) -> str:
    """The attribute that the class of an event has for a field."""
    return _HUMPS.sub("_", name).lower()


def _plain_number(text: str) -> Value:
    try:
        return number(text, "")
    except MalformedError:
        return text


def _unreadable(event: Event, problem: str) -> UnreadableEventError:
    place = f"event {event.sequence} of {event.aggregate_id}, {event.event_type},"
    return UnreadableEventError(
        f"{place} {problem}",
        aggregateId=event.aggregate_id,
        sequence=event.sequence,
        eventType=event.event_type,
        version=event.version,
    )

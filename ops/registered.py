"""Whether the schema registry has every version of every schema as this revision has it, and accepted it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass
from typing import Any

from schemas.files import Versions, text_of

RENUMBERED = "renumbered"
"""The kind of what is registered and accepted, but not under the number that its file has."""
_ACCEPTED = "AVAILABLE"


@dataclass(frozen=True)
class Finding:
    """What is wrong with a version; `version` 0 is the whole schema."""

    event_type: str
    version: int
    kind: str
    detail: str

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


def findings(glue: Any, registry: str, schemas: Mapping[str, Versions]) -> Iterator[Finding]:
    """Compare the registry with the schemas. One request per schema and one per version, one after the other.

    Glue takes a version that breaks its compatibility, and keeps it with the status FAILURE: whoever registers it is
    told nothing, and neither is Pulumi, since the resource's properties have no status.
    """
    for event_type, versions in schemas.items():
        schema_id = {"RegistryName": registry, "SchemaName": event_type}
        try:
            numbers = glue.get_schema(SchemaId=schema_id)["NextSchemaVersion"]
        except glue.exceptions.EntityNotFoundException:
            yield Finding(event_type, 0, "schema-missing", f"the registry {registry} has no such schema")
            continue
        found = {n: _version(glue, schema_id, n) for n in range(1, max(numbers, max(versions) + 1))}
        for number, kind, detail in _problems({n: each for n, each in found.items() if each is not None}, versions):
            yield Finding(event_type, number, kind, detail)


def _problems(registered: Mapping[int, Mapping[str, Any]], wanted: Versions) -> Iterator[tuple[int, str, str]]:
    """What is wrong, as number, kind and detail. Texts come first: a number that Glue skipped shifts the rest."""
    texts = {number: json.loads(each["SchemaDefinition"]) for number, each in registered.items()}
    accepted = {number for number, each in registered.items() if each["Status"] == _ACCEPTED}
    at = {version: _place(version, json.loads(text_of(schema)), texts, accepted) for version, schema in wanted.items()}
    taken = set(at.values())
    for number in sorted({*registered, *wanted}):
        place, named = at.get(number), False
        if number in registered and number not in accepted:
            status = registered[number]["Status"]
            yield number, "not-accepted", f"its status is {status}: clients of the registry cannot use it"
            named = True
        elif number in registered and number not in taken:
            known = number in wanted
            detail = "the registry has another text under this number" if known else "this revision has no such version"
            yield number, "differs" if known else "version-unknown", detail
            named = True
        if number not in wanted or place == number:
            continue
        if place is not None:
            yield number, RENUMBERED, f"Glue has it as number {place}: whoever asks by number has to ask for that one"
        elif not named:
            yield number, "version-missing", "was never registered: run pulumi up"


def _place(version: int, text: Any, texts: Mapping[int, Any], accepted: Set[int]) -> int | None:
    """The number of an accepted version with that text, its own if that is one."""
    same = [number for number in sorted(accepted) if texts[number] == text]
    return version if version in same else next(iter(same), None)


def _version(glue: Any, schema_id: Mapping[str, str], number: int) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = glue.get_schema_version(
            SchemaId=schema_id, SchemaVersionNumber={"VersionNumber": number}
        )
    except glue.exceptions.EntityNotFoundException:
        return None
    return found

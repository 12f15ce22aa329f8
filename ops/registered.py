"""Whether the schema registry has every version of every schema as this revision has it, and accepted it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from schemas.files import Schema, Versions, text_of

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
        for number in range(1, max(numbers, max(versions) + 1)):
            if problem := _problem(_version(glue, schema_id, number), versions.get(number)):
                yield Finding(event_type, number, *problem)


def _problem(registered: Mapping[str, Any] | None, wanted: Schema | None) -> tuple[str, str] | None:
    """What is wrong with one number, as kind and detail."""
    if registered is None:
        return None if wanted is None else ("version-missing", "was never registered: run pulumi up")
    if registered["Status"] != _ACCEPTED:
        return "not-accepted", f"its status is {registered['Status']}: clients of the registry cannot use it"
    if wanted is None:
        return "version-unknown", "this revision has no such version"
    if json.loads(registered["SchemaDefinition"]) != json.loads(text_of(wanted)):
        return "differs", "the registry has another text under this number"
    return None


def _version(glue: Any, schema_id: Mapping[str, str], number: int) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = glue.get_schema_version(
            SchemaId=schema_id, SchemaVersionNumber={"VersionNumber": number}
        )
    except glue.exceptions.EntityNotFoundException:
        return None
    return found

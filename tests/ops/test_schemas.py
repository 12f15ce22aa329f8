"""`ops schemas`: the registry is compared with the schemas of this revision, version by version."""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.glue.models import glue_backends

from schemas.files import each_version, load, text_of

from .conftest import ACCOUNT, Run

REGISTRY = "ledger-events"


@pytest.fixture
def glue(outputs: Path) -> Any:
    """A registry with all schemas in it, named in the stack's outputs."""
    content = json.loads(outputs.read_text())
    outputs.write_text(json.dumps({**content, "schemaRegistryName": REGISTRY}))
    client = boto3.client("glue")
    client.create_registry(RegistryName=REGISTRY)
    for event_type, version, schema in each_version(load()):
        if version == 1:
            client.create_schema(
                RegistryId={"RegistryName": REGISTRY},
                SchemaName=event_type,
                DataFormat="JSON",
                Compatibility="NONE",
                SchemaDefinition=text_of(schema),
            )
        else:
            register(client, event_type, text_of(schema))
    return client


def register(client: Any, event_type: str, text: str) -> int:
    registered = client.register_schema_version(
        SchemaId={"RegistryName": REGISTRY, "SchemaName": event_type}, SchemaDefinition=text
    )
    number: int = registered["VersionNumber"]
    return number


def refuse(event_type: str, number: int) -> None:
    """Give a version the status that Glue gives to one that breaks its compatibility; moto accepts all."""
    schema = glue_backends[ACCOUNT]["us-east-1"].registries[REGISTRY].schemas[event_type]
    (version,) = (each for each in schema.schema_versions.values() if each.version_number == number)
    version.schema_version_status = "FAILURE"


def test_a_registry_with_every_version_is_well(glue: Any, run: Run) -> None:
    result = run("schemas")

    assert (result.code, result.out.split(", ")[1].strip()) == (0, "0 findings")


def test_a_version_that_glue_did_not_accept_is_named(glue: Any, run: Run) -> None:
    refuse("AccountCreated", 2)

    result = run("schemas", "--json")

    (finding,) = result.json["findings"]
    assert (result.code, finding["event_type"], finding["version"]) == (1, "AccountCreated", 2)
    assert finding["kind"] == "not-accepted"
    assert "FAILURE" in finding["detail"]


def test_a_refused_version_beyond_those_of_this_revision_is_named_too(glue: Any, run: Run) -> None:
    number = register(glue, "AccountClosed", json.dumps({"type": "object", "title": "another"}))
    refuse("AccountClosed", number)

    assert [f["kind"] for f in run("schemas", "--json").json["findings"]] == ["not-accepted"]


def test_a_version_that_this_revision_does_not_know_is_named(glue: Any, run: Run) -> None:
    number = register(glue, "AccountClosed", json.dumps({"type": "object", "title": "another"}))

    (finding,) = run("schemas", "--json").json["findings"]

    assert (finding["event_type"], finding["version"], finding["kind"]) == ("AccountClosed", number, "version-unknown")


def test_another_text_under_a_number_is_named(glue: Any, run: Run) -> None:
    schema = glue_backends[ACCOUNT]["us-east-1"].registries[REGISTRY].schemas["AccountClosed"]
    (first,) = schema.schema_versions.values()
    first.schema_definition = '{"type": "object"}'

    (finding,) = run("schemas", "--json").json["findings"]

    assert (finding["event_type"], finding["version"], finding["kind"]) == ("AccountClosed", 1, "differs")


def test_what_was_never_registered_is_named(glue: Any, run: Run) -> None:
    schemas = glue_backends[ACCOUNT]["us-east-1"].registries[REGISTRY].schemas
    del schemas["CommandRejected"]
    versions = schemas["TransactionProcessed"].schema_versions
    (second,) = (key for key, each in versions.items() if each.version_number == 2)
    del versions[second]

    result = run("schemas")

    assert result.code == 1
    assert "CommandRejected schema-missing: the registry ledger-events has no such schema" in result.out
    assert "TransactionProcessed 2 version-missing: was never registered: run pulumi up" in result.out


def renumber(event_type: str, numbers: dict[int, int]) -> None:
    """Have versions stand under other numbers, as they do once Glue has skipped one."""
    schema = glue_backends[ACCOUNT]["us-east-1"].registries[REGISTRY].schemas[event_type]
    versions = {each.version_number: each for each in schema.schema_versions.values()}
    for number, other in numbers.items():
        versions[number].version_number = other
    schema.next_schema_version = max({**versions, **dict.fromkeys(numbers.values())}) + 1


def test_a_version_that_stands_under_another_number_is_told_of_and_is_no_failure(glue: Any, run: Run) -> None:
    renumber("AccountCreated", {2: 3})

    result = run("schemas", "--json")

    (finding,) = result.json["findings"]
    assert (result.code, finding["event_type"], finding["version"], finding["kind"]) == (
        0,
        "AccountCreated",
        2,
        "renumbered",
    )
    assert finding["detail"].startswith("Glue has it as number 3: ")


def test_versions_that_changed_places_are_told_of_by_their_texts(glue: Any, run: Run) -> None:
    renumber("AccountCreated", {1: 2, 2: 1})

    found = run("schemas", "--json").json["findings"]

    assert [(each["version"], each["kind"]) for each in found] == [(1, "renumbered"), (2, "renumbered")]


def test_a_refused_version_is_named_beside_the_accepted_one_of_the_same_text(glue: Any, run: Run) -> None:
    renumber("AccountCreated", {2: 3})
    again = glue_backends[ACCOUNT]["us-east-1"].registries[REGISTRY].schemas["AccountCreated"].schema_versions
    (third,) = (each for each in again.values() if each.version_number == 3)
    refused = copy(third)
    refused.version_number, refused.schema_version_status = 2, "FAILURE"
    again["refused"] = refused

    result = run("schemas", "--json")

    assert result.code == 1
    assert [(each["version"], each["kind"]) for each in result.json["findings"]] == [
        (2, "not-accepted"),
        (2, "renumbered"),
    ]

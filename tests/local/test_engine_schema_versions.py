"""A version that breaks its schema's compatibility is kept and not accepted, as Glue does it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.engine.schema_versions import SchemaVersions
from tests.local.in_process import aws, refusal

_numbers = itertools.count(1)

TEXT = {"type": "string"}
A_TEXT = {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}
MORE = {**A_TEXT, "properties": {"a": TEXT, "b": {"type": "number"}}}
"""Reads what was written by A_TEXT, which does not read what is written by it."""
OTHER = {**A_TEXT, "properties": {"a": {"type": "integer"}}}


@pytest.fixture
def glue() -> Iterator[Any]:
    with aws(SchemaVersions) as client:
        made = client("glue")
        made.create_registry(RegistryName="registry")
        yield made


def statuses(glue: Any, mode: str, *versions: Any) -> list[str]:
    """What becomes of versions of a new schema, the first one included; asked for afterwards."""
    name = f"schema-{next(_numbers)}"
    identity = {"RegistryName": "registry", "SchemaName": name}
    first, *later = map(json.dumps, versions)
    arguments = {"RegistryId": {"RegistryName": "registry"}, "DataFormat": "JSON", "SchemaDefinition": first}
    glue.create_schema(SchemaName=name, Compatibility=mode, **arguments)
    told = [glue.register_schema_version(SchemaId=identity, SchemaDefinition=each)["Status"] for each in later]
    found = [
        glue.get_schema_version(SchemaId=identity, SchemaVersionNumber={"VersionNumber": number})["Status"]
        for number in range(1, len(versions) + 1)
    ]
    assert found[1:] == told
    return found


@pytest.fixture
def identity(glue: Any) -> dict[str, str]:
    """Of a schema with one version."""
    arguments = {"RegistryId": {"RegistryName": "registry"}, "DataFormat": "JSON"}
    glue.create_schema(SchemaName="one", Compatibility="FULL", SchemaDefinition=json.dumps(A_TEXT), **arguments)
    return {"RegistryName": "registry", "SchemaName": "one"}


@pytest.mark.parametrize(
    ("mode", "after_more", "after_less"),
    [
        ("NONE", "AVAILABLE", "AVAILABLE"),
        ("BACKWARD", "AVAILABLE", "FAILURE"),
        ("FORWARD", "FAILURE", "AVAILABLE"),
        ("FULL", "FAILURE", "FAILURE"),
        ("BACKWARD_ALL", "AVAILABLE", "FAILURE"),
    ],
)
def test_a_version_is_accepted_if_the_compatibility_allows_it(
    glue: Any, mode: str, after_more: str, after_less: str
) -> None:
    assert statuses(glue, mode, A_TEXT, MORE) == ["AVAILABLE", after_more]
    assert statuses(glue, mode, MORE, A_TEXT) == ["AVAILABLE", after_less]


def test_a_version_is_compared_with_accepted_ones_alone_and_by_all_with_each(glue: Any) -> None:
    open_ = {"type": "object", "properties": {"a": TEXT}}
    assert statuses(glue, "BACKWARD", A_TEXT, OTHER, MORE) == ["AVAILABLE", "FAILURE", "AVAILABLE"]
    without = {"type": "object", "properties": {}}
    again = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert statuses(glue, "BACKWARD", open_, without, again)[2] == "AVAILABLE"
    assert statuses(glue, "BACKWARD_ALL", open_, without, again)[2] == "FAILURE"


def test_the_same_text_is_the_same_version(glue: Any, identity: dict[str, str]) -> None:
    again = glue.register_schema_version(SchemaId=identity, SchemaDefinition=json.dumps(A_TEXT))
    assert (again["VersionNumber"], again["Status"]) == (1, "AVAILABLE")


def test_what_is_no_schema_or_of_none_is_refused_as_before(glue: Any, identity: dict[str, str]) -> None:
    register = glue.register_schema_version
    assert refusal(register, SchemaId=identity, SchemaDefinition="no JSON")[0] == "InvalidInputException"
    nobodys = {"SchemaArn": "arn:aws:glue:us-east-1:123456789012:schema/registry/none"}
    assert refusal(register, SchemaId=nobodys, SchemaDefinition="{}")[0] == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("strange", "name"),
    [
        ({"oneOf": [TEXT]}, "oneOf"),
        ({"type": "object", "properties": {"a": {"$ref": "#/b"}}}, "$ref"),
        ({"type": "object", "additionalProperties": TEXT}, "additionalProperties"),
    ],
)
def test_a_keyword_whose_meaning_is_not_known_is_refused_by_name(
    glue: Any, identity: dict[str, str], strange: Any, name: str
) -> None:
    asked = {"SchemaId": identity, "SchemaDefinition": json.dumps(strange)}
    code, message = refusal(glue.register_schema_version, **asked)
    assert code == "NotImplemented"
    assert name in message
    assert glue.get_schema(SchemaId=identity)["LatestSchemaVersion"] == 1

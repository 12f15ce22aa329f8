"""What the plugin answers in a preview: as the real provider does, or the engine would plan what nobody meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from tests.infrastructure.plan.plugin import Plugin, World

URN = "urn:pulumi:dev::event-sourcing::aws:sqs/queue:Queue::waiting"
INPUTS = {"namePrefix": "waiting-", "visibilityTimeoutSeconds": 30}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return tmp_path / "world.json"


@pytest.fixture
def plugin(world: Path) -> Plugin:
    made = Plugin(World(world))
    assert made.Configure(provider_pb2.ConfigureRequest(), None).supportsPreview
    return made


def struct(properties: dict[str, Any]) -> Any:
    return json_format.ParseDict(properties, struct_pb2.Struct())


def plain(message: Any) -> dict[str, Any]:
    properties: dict[str, Any] = json_format.MessageToDict(message)
    return properties


def test_a_previewed_creation_has_nothing_of_what_aws_computes_and_makes_nothing(plugin: Plugin, world: Path) -> None:
    answer = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS), preview=True), None)

    outputs = plain(answer.properties)
    assert (answer.id, {key: outputs[key] for key in INPUTS}) == ("", INPUTS)
    assert outputs["arn"] == outputs["name"] == rpc.UNKNOWN
    assert not world.exists()


def test_a_previewed_update_keeps_what_aws_computed(plugin: Plugin, world: Path) -> None:
    made = plain(plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS)), None).properties)
    assert json.loads(world.read_text())["created"] == {URN: 1}
    longer = {**INPUTS, "visibilityTimeoutSeconds": 60}

    answer = plugin.Update(
        provider_pb2.UpdateRequest(urn=URN, olds=struct(made), news=struct(longer), preview=True), None
    )

    assert plain(answer.properties) == {**made, "visibilityTimeoutSeconds": 60}
    assert made["arn"].startswith("arn:aws:sqs:")

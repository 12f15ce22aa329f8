"""Every version of every schema is in the registry; what breaks one is refused before anything is created."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.schema_registry import SchemaRegistry, SchemaRegistryArgs
from components.settings import SettingsError
from schemas.checking import publish
from schemas.files import ROOT, SchemaError, each_version, load

from .program import Graph, declare, run


def test_every_version_of_every_schema_is_registered_in_order(stack: Graph) -> None:
    (registry,) = stack.of("Registry")
    for event_type, version, schema in each_version(load()):
        name = f"schemas-{event_type}" if version == 1 else f"schemas-{event_type}-{version}"
        resource = stack.named(name)
        first = stack.named(f"schemas-{event_type}")
        definition = resource.inputs.get("schemaDefinition")
        if version == 1:
            assert resource.inputs["registryArn"] == registry.outputs["arn"]
            assert (resource.inputs["dataFormat"], resource.inputs["compatibility"]) == ("JSON", "BACKWARD")
        else:
            assert resource.inputs["typeName"] == "AWS::Glue::SchemaVersion"
            state = json.loads(resource.inputs["desiredState"])
            assert state["Schema"] == {"SchemaArn": first.outputs["arn"]}
            definition = state["SchemaDefinition"]
            before = first if version == 2 else stack.named(f"schemas-{event_type}-{version - 1}")
            assert before.urn in resource.depends_on
        assert json.loads(str(definition)) == json.loads(json.dumps(schema, default=float))


def test_the_compatibility_mode_is_the_stacks() -> None:
    free = run("dev", {"event-sourcing:schemaCompatibility": "NONE"})

    assert {schema.inputs["compatibility"] for schema in free.of("Schema")} == {"NONE"}


def test_glue_may_be_told_to_check_less_than_a_preview_does() -> None:
    modes = {"event-sourcing:schemaCompatibility": "FULL_ALL", "event-sourcing:schemaRegistryCompatibility": "NONE"}
    strict = {**modes, "event-sourcing:schemaCompatibility": "DISABLED"}

    assert {schema.inputs["compatibility"] for schema in run("dev", modes).of("Schema")} == {"NONE"}
    with pytest.raises(SchemaError, match=r"\[disabled\]"):
        run("dev", strict, is_preview=True)


def test_a_preview_is_refused_under_a_mode_that_the_schemas_break() -> None:
    with pytest.raises(SchemaError, match=r"schemas/TransactionProcessed/2\.json: .* \[disabled\]"):
        run("dev", {"event-sourcing:schemaCompatibility": "DISABLED"}, is_preview=True)


@pytest.mark.parametrize(
    ("step", "refusal"),
    [
        (0, r"{file}: branch: .*published version never changes.* \[published-stays/required\]"),
        (1, r"{file}: branch: .*cannot read what version {newest} wrote.* \[required-added\]"),
    ],
)
def test_a_preview_names_schema_field_and_rule_of_what_breaks(tmp_path: Path, step: int, refusal: str) -> None:
    root = tmp_path / "schemas"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    newest = max(load(root)["AccountCreated"])
    schema: dict[str, Any] = json.loads((root / "AccountCreated" / f"{newest}.json").read_text("utf-8"))
    schema["required"] = ["branch"]
    schema["properties"]["branch"] = {"description": "Where.", "type": "string"}
    (root / "AccountCreated" / f"{newest + step}.json").write_text(json.dumps(schema), "utf-8")
    if step:
        publish(root, "NONE")

    expected = refusal.format(file=rf"schemas/AccountCreated/{newest + step}\.json", newest=newest)
    with pytest.raises(SchemaError, match=expected):
        declare(lambda: SchemaRegistry("it", SchemaRegistryArgs("registry", root=root)), is_preview=True)


@pytest.fixture
def drafted(tmp_path: Path) -> Path:
    """The schemas, and a type that is not published yet."""
    root = tmp_path / "schemas"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    publish(root)
    schema = {**json.loads((root / "TransferSettled" / "1.json").read_text("utf-8")), "title": "ThingDrafted"}
    (root / "ThingDrafted").mkdir()
    (root / "ThingDrafted" / "1.json").write_text(json.dumps(schema), "utf-8")
    return root


def test_a_draft_is_refused_before_anything_is_created(drafted: Path) -> None:
    refusal = r"schemas/ThingDrafted/1\.json: is a draft, which only a stack with draftEvents takes: .* \[published\]"
    with pytest.raises(SchemaError, match=refusal):
        declare(lambda: SchemaRegistry("it", SchemaRegistryArgs("registry", root=drafted)), is_preview=True)


def test_a_stack_that_takes_drafts_registers_them_and_says_so(drafted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)

    graph = declare(lambda: SchemaRegistry("it", SchemaRegistryArgs("registry", take_drafts=True, root=drafted)))

    assert [each.name for each in graph.of("Schema") if each.name == "it-ThingDrafted"] == ["it-ThingDrafted"]
    assert said == [
        "schemas/ThingDrafted/1.json is a draft: once it changes, nothing reads the events of it that are stored here"
    ]


def test_of_the_stacks_the_local_one_alone_takes_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class AskedError(Exception):
        """The program goes on no further."""

    def checked(*_: object, take_drafts: bool) -> None:
        asked.append(take_drafts)
        raise AskedError

    monkeypatch.setattr("components.schema_registry.checked", checked)
    for stack in ("dev", "prod", "local"):
        with pytest.raises(AskedError):
            run(stack, {"event-sourcing:replayRate": "7"}, is_preview=True)  # as nobody else runs it: runs are kept

    assert asked == [False, False, True]


@pytest.mark.parametrize(
    ("stack", "more"),
    [
        ("dev", {}),
        ("prod", {}),
        ("dev", {"aws:endpoints": json.dumps([{"dynamodb": "http://127.0.0.1:4566", "s3": "https://s3.example.com"}])}),
        ("local", {"event-sourcing:production": "true"}),
    ],
    ids=["on AWS", "in production on AWS", "one service elsewhere", "in production here"],
)
def test_no_stack_on_aws_and_none_in_production_can_be_told_to_take_drafts(stack: str, more: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"draftEvents is 'true'; allowed: false, except where every"):
        run(stack, {"event-sourcing:draftEvents": "true", **more}, is_preview=True)

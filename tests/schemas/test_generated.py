"""What is made from the schemas is what they say today."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from decimal import Decimal
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import yaml

from handlers.domain import KINDS
from handlers.domain.facts import EVENT_TYPES, NEWEST, fact, violations
from handlers.domain.generated.classes import CLASSES
from handlers.domain.upcasters import UPCASTERS
from handlers.sourcing.facts import attribute
from handlers.sourcing.values import exact
from schemas import checking
from schemas.__main__ import main
from schemas.checking import checked
from schemas.files import Problem, SchemaError, Versions, each_version, load
from schemas.generation import PROJECT, TARGET, generated
from schemas.vocabulary import DRAFT

SCHEMAS = load()
VERSIONS = [(name, version) for name, version, _ in each_version(SCHEMAS)]
STACKS = sorted(path.name for path in PROJECT.glob("Pulumi.*.yaml"))


def mode_of(stack: str) -> str:
    """The compatibility mode that a stack is configured with: its own, or the project's default."""
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text("utf-8"))
    own = yaml.safe_load((PROJECT / stack).read_text("utf-8"))["config"]
    mode = own.get("event-sourcing:schemaCompatibility", project["config"]["schemaCompatibility"]["default"])
    return str(mode)


@pytest.mark.parametrize("stack", STACKS)
def test_the_schemas_keep_the_compatibility_that_each_stack_asks_for(stack: str) -> None:
    assert checked(mode_of(stack), take_drafts=True) == SCHEMAS


def test_the_generated_code_and_the_catalog_are_what_the_schemas_say(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", "--drafts", "--json", "--compatibility", mode_of(STACKS[0])])

    assert json.loads(capsys.readouterr().out)["stale"] == []
    assert status == 0


@pytest.mark.parametrize(("event_type", "version"), VERSIONS)
def test_the_examples_of_a_schema_fit_it_and_what_is_made_of_it(event_type: str, version: int) -> None:
    schema = SCHEMAS[event_type][version]
    plain = json.loads(json.dumps(schema, default=float))
    jsonschema.Draft7Validator.check_schema(plain)

    for example in plain["examples"]:
        jsonschema.validate(example, plain, cls=jsonschema.Draft7Validator)
        assert violations(event_type, version, exact(example, "example"), "") == []
        if version == NEWEST[event_type]:
            assert fact(event_type, exact(example, "example"))


@pytest.mark.parametrize(("event_type", "version"), VERSIONS)
def test_the_examples_of_a_field_fit_it(event_type: str, version: int) -> None:
    for name, field in SCHEMAS[event_type][version]["properties"].items():
        assert field["examples"], name
        for example in field["examples"]:
            found = violations(event_type, version, {name: exact(example, name)}, "")
            assert [each for each in found if each.path == f".{name}"] == []


@pytest.mark.parametrize("event_type", sorted(NEWEST))
def test_every_field_has_its_attribute(event_type: str) -> None:
    attributes = {field.name.replace("_", "") for field in fields(CLASSES[event_type])}
    properties = {name.lower() for name in SCHEMAS[event_type][NEWEST[event_type]]["properties"]}

    assert attributes == properties


def test_every_stored_version_but_the_newest_has_the_step_to_the_next_and_nothing_else_has() -> None:
    stored = [(name, version) for name, version in VERSIONS if name in EVENT_TYPES]
    assert set(UPCASTERS) == {(name, version) for name, version in stored if version < NEWEST[name]}


def test_every_event_that_a_command_can_cause_has_a_schema_and_the_other_way_round() -> None:
    assert {event_type for kind in KINDS.all for event_type in kind.commands} == set(EVENT_TYPES)
    assert set(EVENT_TYPES) <= set(NEWEST) == set(CLASSES)


def test_the_classes_hold_exact_defaults_under_the_names_that_the_handlers_look_for() -> None:
    kinds: dict[str, dict[str, Any]] = {
        "amount": {"type": "number", "format": "decimal", "x-scale": 2, "default": Decimal("0.10")},
        "line2Text": {"type": "string", "default": "none"},
        "type": {"type": "string", "default": "none"},
    }
    properties = {name: {"description": "Some.", **each} for name, each in kinds.items()}
    schema = {"description": "Done.", "type": "object", "properties": properties, "examples": [{}]}
    code = generated({"ThingDone": {1: {"$schema": DRAFT, "title": "ThingDone", **schema}}})
    module = ModuleType("classes")
    sys.modules[module.__name__] = module

    exec(code[TARGET / "classes.py"], module.__dict__)  # noqa: S102 - the code that was generated just now
    made = module.__dict__["CLASSES"]["ThingDone"]()

    del sys.modules[module.__name__]
    assert {attribute(name): getattr(made, attribute(name)) for name in properties} == {
        "amount": Decimal("0.1"),
        "line2_text": "none",
        "type": "none",
    }
    assert isinstance(made.amount, Decimal)


def test_the_check_says_what_is_stale_beside_other_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem("schemas/AccountClosed/1.json", "reason", "a-rule", "in words")

    def refuse(*_: object, **__: object) -> dict[str, Versions]:
        raise SchemaError([problem])

    monkeypatch.setattr(checking, "checked", refuse)
    assert main(["check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"problems": [vars(problem)], "stale": []}

    # What cannot be read says nothing of what is made from it.
    monkeypatch.setattr(checking, "readable", refuse)
    assert main(["check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"problems": [vars(problem)], "stale": None}

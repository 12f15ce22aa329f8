"""No schema changes what was published, and no version breaks the ones before it, without somebody being told where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.checking import checked, publish
from schemas.files import SchemaError, stored_types

from .conftest import FROZEN, Change

BRANCH = {"description": "Where.", "type": "string"}
Spoil = Callable[[dict[str, Any]], object]


def refused(root: Path, mode: str = "BACKWARD") -> list[tuple[str, str, str]]:
    """File, field and rule of every problem that is found."""
    with pytest.raises(SchemaError) as caught:
        checked(mode, root)
    for problem in caught.value.problems:
        assert all(part in str(caught.value) for part in (problem.file, problem.field, problem.rule))
    return [(problem.file, problem.field, problem.rule) for problem in caught.value.problems]


def add_required(schema: dict[str, Any]) -> None:
    schema["properties"]["branch"] = BRANCH
    schema["required"].append("branch")


@pytest.mark.parametrize("mode", ["BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL", "NONE"])
def test_a_version_that_adds_optional_fields_passes_in_every_mode_that_allows_versions(copy: Path, mode: str) -> None:
    schemas = checked(mode, copy)

    assert {name: list(versions) for name, versions in schemas.items()} == {
        "AccountClosed": [1],
        "CommandRejected": [1],
        "TransactionProcessed": [1, 2],
    }
    assert stored_types(schemas) == ("AccountClosed", "TransactionProcessed")


def test_a_required_field_without_a_new_version_is_refused_by_schema_field_and_rule(copy: Path, change: Change) -> None:
    change("TransactionProcessed", 1, add_required)

    assert ("schemas/TransactionProcessed/1.json", "branch", "published-stays/required") in refused(copy)
    assert ("schemas/TransactionProcessed/1.json", "branch", "published-stays/properties") in refused(copy, "NONE")


@pytest.mark.parametrize(
    ("spoil", "field", "rule"),
    [
        (lambda schema: schema["properties"]["amount"].update({"x-scale": 9}), "amount", "x-scale"),
        (lambda schema: schema["properties"]["amount"].update(description="other words"), "amount", "description"),
        (lambda schema: schema["properties"].pop("timestamp"), "timestamp", "properties"),
        (lambda schema: schema["required"].remove("type"), "type", "required"),
        (lambda schema: schema.update(additionalProperties=False), "", "additionalProperties"),
    ],
)
def test_whatever_else_changes_in_a_published_version_is_refused(
    copy: Path, change: Change, spoil: Spoil, field: str, rule: str
) -> None:
    change("TransactionProcessed", 1, spoil)

    assert ("schemas/TransactionProcessed/1.json", field, f"published-stays/{rule}") in refused(copy, "NONE")


def test_a_published_version_that_is_gone_is_missed(copy: Path) -> None:
    (copy / "TransactionProcessed" / "2.json").unlink()

    assert refused(copy) == [("schemas/TransactionProcessed/2.json", "", "published-stays")]


def test_a_new_version_has_to_be_published(copy: Path, change: Change) -> None:
    change("AccountClosed", 2, lambda schema: schema["properties"].update(branch=BRANCH))
    assert refused(copy) == [("schemas/AccountClosed/2.json", "", "published")]

    assert publish(copy) == ["schemas/AccountClosed/2.json"]

    assert max(checked("FULL_ALL", copy)["AccountClosed"]) == 2
    assert publish(copy) == []


def _set(field: str, **keywords: Any) -> Spoil:
    named = {name.replace("_", "-"): value for name, value in keywords.items()}
    return lambda schema: schema["properties"][field].update(named)


BACKWARD_BREAKS = [
    (add_required, "branch", "required-added"),
    (lambda schema: schema["required"].append("transactionId"), "transactionId", "required-added"),
    (_set("transactionId", type="string"), "transactionId", "type-narrowed"),
    (_set("amount", type="integer"), "amount", "type-narrowed"),
    (_set("amount", x_scale=2), "amount", "x-scale-narrowed"),
    (_set("amount", exclusiveMaximum=100), "amount", "exclusiveMaximum-narrowed"),
    (_set("amount", minimum=0), "amount", "minimum-narrowed"),
    (_set("type", enum=["deposit"]), "type", "enum-narrowed"),
    (_set("transactionId", x_max_bytes=10), "transactionId", "x-max-bytes-narrowed"),
    (_set("transactionId", maxLength=10), "transactionId", "maxLength-narrowed"),
    (_set("transactionId", minLength=10), "transactionId", "minLength-narrowed"),
    (_set("category", pattern="^[a-z]$"), "category", "pattern-narrowed"),
    (lambda schema: schema.update(additionalProperties=False), "", "additional-properties-closed"),
]


@pytest.mark.parametrize(("spoil", "field", "rule"), BACKWARD_BREAKS)
def test_a_version_that_cannot_read_the_one_before_is_refused_by_schema_field_and_rule(
    copy: Path, change: Change, spoil: Spoil, field: str, rule: str
) -> None:
    def spoil_soundly(schema: dict[str, Any]) -> None:
        spoil(schema)
        if schema["properties"]["amount"]["type"] == "integer":
            for keyword in ("format", "x-scale"):
                del schema["properties"]["amount"][keyword]

    change("TransactionProcessed", 3, spoil_soundly)
    publish(copy)

    for mode in ("BACKWARD", "BACKWARD_ALL", "FULL", "FULL_ALL"):
        assert ("schemas/TransactionProcessed/3.json", field, rule) in refused(copy, mode)
    assert checked("NONE", copy)
    if rule != "pattern-narrowed":  # whether one pattern holds the other, nobody can tell
        assert checked("FORWARD", copy)


WIDENINGS: list[Spoil] = [
    lambda schema: schema["properties"].update(branch=BRANCH),
    lambda schema: schema["properties"].pop("category"),
    lambda schema: schema["required"].remove("type"),
    _set("amount", **{"x-scale": 10}),
    _set("type", enum=["deposit", "withdrawal", "reversal"]),
    _set("category", type=["string", "null"]),
]


@pytest.mark.parametrize("widen", WIDENINGS)
def test_a_version_that_only_allows_more_is_backward_compatible(copy: Path, change: Change, widen: Spoil) -> None:
    change("TransactionProcessed", 3, widen)
    publish(copy)

    assert checked("BACKWARD_ALL", copy)


@pytest.mark.parametrize(
    ("widen", "field", "rule"),
    [
        (WIDENINGS[2], "type", "required-added"),
        (WIDENINGS[3], "amount", "x-scale-narrowed"),
        (WIDENINGS[4], "type", "enum-narrowed"),
        (WIDENINGS[5], "category", "type-narrowed"),
    ],
)
def test_what_the_version_before_cannot_read_is_refused_where_forward_is_asked_for(
    copy: Path, change: Change, widen: Spoil, field: str, rule: str
) -> None:
    change("TransactionProcessed", 3, widen)
    publish(copy)

    for mode in ("FORWARD", "FORWARD_ALL", "FULL"):
        assert set(refused(copy, mode)) == {("schemas/TransactionProcessed/3.json", field, rule)}


def test_only_the_modes_for_all_look_further_back_than_one_version(copy: Path, change: Change) -> None:
    # A field that version 1 did not have is required by 4, and already was by 3: only 1 and 2 stand against it.
    change("AccountClosed", 2, lambda schema: None)
    change("AccountClosed", 3, add_required)
    change("AccountClosed", 4, lambda schema: None)
    publish(copy)

    assert ("schemas/AccountClosed/4.json", "branch", "required-added") not in refused(copy, "BACKWARD")
    assert ("schemas/AccountClosed/4.json", "branch", "required-added") in refused(copy, "BACKWARD_ALL")


def test_nested_fields_are_told_by_their_path(copy: Path, change: Change) -> None:
    address: dict[str, Any] = {
        "description": "Where to.",
        "type": "object",
        "required": [],
        "properties": {"lines": {"description": "Its lines.", "type": "array", "items": BRANCH}},
    }
    change("AccountClosed", 2, lambda schema: schema["properties"].update(address=address))
    narrower = {**BRANCH, "maxLength": 5}
    change(
        "AccountClosed",
        3,
        lambda schema: schema["properties"]["address"]["properties"]["lines"].update(items=narrower),
    )
    publish(copy)

    assert refused(copy) == [("schemas/AccountClosed/3.json", "address.lines[]", "maxLength-narrowed")]


@pytest.mark.parametrize(
    ("spoil", "field", "rule"),
    [
        (lambda schema: schema.update({"$schema": "https://json-schema.org/draft/2020-12/schema"}), "$schema", "draft"),
        (lambda schema: schema.update(title="Other"), "title", "title"),
        (lambda schema: schema.update(examples=[]), "examples", "examples"),
        (_set("reason", oneOf=[]), "reason", "known-keywords"),
        (_set("reason", format="email"), "reason", "known-keywords"),
        (_set("reason", pattern="a+"), "reason", "anchored-pattern"),
        (_set("reason", type="text"), "reason", "type"),
        (_set("reason", type="number"), "reason", "decimal"),
        (_set("reason", description=""), "reason", "description"),
        (lambda schema: schema["required"].append("nothing"), "nothing", "required-described"),
        (lambda schema: schema["properties"].update(Wrong_Name=BRANCH), "Wrong_Name", "field-name"),
    ],
)
def test_a_schema_may_only_say_what_is_enforced(
    copy: Path, change: Change, spoil: Spoil, field: str, rule: str
) -> None:
    change("AccountClosed", 2, spoil)

    assert ("schemas/AccountClosed/2.json", field, rule) in refused(copy, "NONE")


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [("two.json", "{}", "file-name"), ("2.json", "{", "json"), ("2.json", "[]", "json"), ("3.json", "", "json")],
)
def test_a_file_that_is_no_schema_is_named(copy: Path, file: str, text: str, rule: str) -> None:
    (copy / "AccountClosed" / file).write_text(text, "utf-8")

    assert refused(copy) == [(f"schemas/AccountClosed/{file}", "", rule)]


def test_versions_have_no_gap(copy: Path) -> None:
    (copy / "AccountClosed" / "1.json").rename(copy / "AccountClosed" / "2.json")

    assert refused(copy) == [("schemas/AccountClosed", "", "versions-without-gap")]


def test_a_mode_that_glue_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="SIDEWAYS"):
        checked("SIDEWAYS", FROZEN)

"""No schema changes what was published, and no version breaks the ones before it, without somebody being told where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.checking import checked, publish
from schemas.files import SchemaError, streams

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
    assert streams(schemas) == {"AccountClosed": "account", "TransactionProcessed": "account"}


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
    (_set("category", pattern="^[a-z]+$"), "category", "pattern-narrowed"),
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
    publish(copy, "NONE")

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
    publish(copy, "NONE")

    assert ("schemas/AccountClosed/4.json", "branch", "required-added") not in refused(copy, "BACKWARD")
    assert ("schemas/AccountClosed/4.json", "branch", "required-added") in refused(copy, "BACKWARD_ALL")


def test_items_are_told_by_their_path(copy: Path, change: Change) -> None:
    lines: dict[str, Any] = {"description": "Where to.", "type": "array", "items": {**BRANCH, "maxLength": 9}}
    change("AccountClosed", 2, lambda schema: schema["properties"].update(lines=lines))
    change("AccountClosed", 3, lambda schema: schema["properties"]["lines"]["items"].update(maxLength=5))
    publish(copy, "NONE")

    assert refused(copy) == [("schemas/AccountClosed/3.json", "lines[]", "maxLength-narrowed")]


@pytest.mark.parametrize(
    ("spoil", "field", "told"),
    [
        (_set("currency", default="EUR"), "currency", "EUR where it was USD"),
        (lambda schema: schema["properties"]["currency"].pop("default"), "currency", "nothing where it was USD"),
        (_set("transactionId", default="none"), "transactionId", "none where it was nothing"),
    ],
)
def test_a_default_that_would_change_what_older_events_said_is_refused(
    copy: Path, change: Change, spoil: Spoil, field: str, told: str
) -> None:
    change("TransactionProcessed", 3, spoil)
    publish(copy, "NONE")

    for mode in ("BACKWARD", "BACKWARD_ALL", "FORWARD", "FULL_ALL"):
        assert refused(copy, mode) == [("schemas/TransactionProcessed/3.json", field, "default-changed")]
    with pytest.raises(SchemaError, match=f"{field}: default is {told}"):
        checked("BACKWARD", copy)


def test_a_field_that_was_away_for_a_version_comes_back_with_its_old_default(copy: Path, change: Change) -> None:
    def come_back(default: str) -> None:
        field = {"description": "What for.", "type": "string", "default": default}
        change("TransactionProcessed", 4, lambda schema: schema["properties"].update(category=field))

    change("TransactionProcessed", 3, lambda schema: schema["properties"].pop("category"))
    come_back("other")
    with pytest.raises(SchemaError, match=r"TransactionProcessed/4\.json: category: .*\[default-changed\]"):
        publish(copy)

    come_back("uncategorized")
    assert publish(copy) == ["schemas/TransactionProcessed/3.json", "schemas/TransactionProcessed/4.json"]


def test_what_every_older_event_says_may_get_a_default(copy: Path, change: Change) -> None:
    def no_longer_required(schema: dict[str, Any]) -> None:
        schema["required"].remove("type")
        schema["properties"]["type"]["default"] = "deposit"

    change("TransactionProcessed", 3, no_longer_required)
    publish(copy)

    assert checked("BACKWARD", copy)


@pytest.mark.parametrize(
    ("spoil", "rule", "mode"),
    [
        (add_required, "required-added", "BACKWARD"),
        (_set("reason", oneOf=[]), "known-keywords", "NONE"),
        (_set("reason", type=["string", "null", "boolean"]), "type-narrowed", "FULL"),
    ],
)
def test_what_the_check_refuses_is_not_published(
    copy: Path, change: Change, spoil: Spoil, rule: str, mode: str
) -> None:
    change("AccountClosed", 2, spoil)
    before = (copy / "published.json").read_bytes()

    with pytest.raises(SchemaError, match=rf"schemas/AccountClosed/2\.json: .*\[{rule}\]"):
        publish(copy, mode)

    assert (copy / "published.json").read_bytes() == before


def test_a_spoilt_published_version_keeps_new_ones_from_being_published(copy: Path, change: Change) -> None:
    change("AccountClosed", 2, lambda schema: None)
    change("AccountClosed", 1, add_required)

    with pytest.raises(SchemaError, match="published version never changes"):
        publish(copy)


@pytest.mark.parametrize(
    ("spoil", "field", "rule"),
    [
        (lambda schema: schema.update({"$schema": "https://json-schema.org/draft/2020-12/schema"}), "$schema", "draft"),
        (lambda schema: schema.update(title="Other"), "title", "title"),
        (lambda schema: schema.update({"x-stream": True}), "x-stream", "kind-name"),
        (lambda schema: schema.update({"x-stream": "Big account"}), "x-stream", "kind-name"),
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


LIST = {"description": "Some.", "type": "array"}
OBJECT = {"description": "One.", "type": "object"}
NUMBER = {"description": "Much.", "type": "number", "format": "decimal", "x-scale": 2}


def _add(field: object, name: str = "added") -> Spoil:
    return lambda schema: schema["properties"].update({name: field})


@pytest.mark.parametrize(
    ("spoil", "place", "words"),
    [
        (lambda schema: schema.update(additionalProperties={"type": "string"}), ("", "keyword-value"), "true or false"),
        (lambda schema: schema.pop("properties"), ("properties", "properties"), "which fields it has"),
        (lambda schema: schema.update(properties=[]), ("", "keyword-value"), "properties must be an object"),
        (lambda schema: schema.update(required="reason"), ("", "keyword-value"), "required must be a list of names"),
        (lambda schema: schema.update(default={}), ("", "default-at-the-top"), "given defaults"),
        (_add({**OBJECT, "properties": {"a": BRANCH}}), ("added", "flat"), "properties of an object inside"),
        (_add({**OBJECT, "required": ["a"]}), ("added", "flat"), "required of an object inside"),
        (_add({**OBJECT, "additionalProperties": False}), ("added", "flat"), "cannot be closed"),
        (_add({**LIST, "items": {**OBJECT, "properties": {}}}), ("added[]", "flat"), "properties of an object inside"),
        (_add({**LIST, "items": [BRANCH]}), ("added", "keyword-value"), "items must be one schema"),
        (_add({**LIST, "items": {**BRANCH, "default": ""}}), ("added[]", "default-at-the-top"), "given defaults"),
        (_add({**LIST, "items": {**BRANCH, "x-derived": ""}}), ("added[]", "derived-at-the-top"), "filled in"),
        (_add({**LIST, "minItems": "1"}), ("added", "keyword-value"), "minItems must be a whole number, 0 or more"),
        (_add("text"), ("added", "one-schema"), "must be one schema"),
        (_add(BRANCH, "from"), ("from", "field-name"), "a word of Python"),
        (_add(BRANCH, "accountID"), ("accountID", "field-name"), "no two capitals in a row"),
        (_add({**BRANCH, "pattern": "^[a-z$"}), ("added", "pattern"), "no regular expression"),
        (_add({**BRANCH, "pattern": 5}), ("added", "keyword-value"), "pattern must be a text"),
        (_add({**BRANCH, "maxLength": -1}), ("added", "keyword-value"), "maxLength must be a whole number, 0 or more"),
        (_add({**BRANCH, "enum": []}), ("added", "keyword-value"), "enum must be a list of texts"),
        (_add({**BRANCH, "enum": ["a", 1]}), ("added", "keyword-value"), "enum must be a list of texts"),
        (_add({**BRANCH, "enum": ["a", None]}), ("added", "enum"), "None, one of the enum, is not string"),
        (_add({**BRANCH, "type": [["string"]]}), ("added", "type"), "must have a type"),
        (_add({**NUMBER, "minimum": "5"}), ("added", "keyword-value"), "minimum must be a number"),
        (_add({**NUMBER, "minimum": True}), ("added", "keyword-value"), "minimum must be a number"),
        (_add({**NUMBER, "x-scale": 0.5}), ("added", "keyword-value"), "x-scale must be a whole number"),
        (_add({**NUMBER, "default": "5"}), ("added", "default"), "the default, 5, is not number"),
        (_add({**NUMBER, "default": 0.125}), ("added", "default"), "more than 2 digits after the point"),
        (_add({**NUMBER, "minimum": 1, "default": 0}), ("added", "default"), "is too small"),
        (_add({**BRANCH, "pattern": "^[A-Z]{3}$", "default": "euro"}), ("added", "default"), "does not match"),
        (_add({**BRANCH, "enum": ["a"], "default": "b"}), ("added", "default"), "is none of a"),
        (_add({**LIST, "items": BRANCH, "default": [5]}), ("added", "default"), "has an item that is not string"),
        (_add({**LIST, "items": {"type": "?"}, "default": [5]}), ("added[]", "type"), "must have a type"),
    ],
)
def test_what_the_handlers_would_not_hold_is_refused_by_schema_field_and_rule(
    copy: Path, change: Change, spoil: Spoil, place: tuple[str, str], words: str
) -> None:
    change("AccountClosed", 2, spoil)

    with pytest.raises(SchemaError) as caught:
        checked("NONE", copy)

    told = [each for each in caught.value.problems if (each.field, each.rule) == place]
    assert [each.file for each in told] == ["schemas/AccountClosed/2.json"]
    assert words in str(told[0])


@pytest.mark.parametrize(
    "field",
    [
        {**OBJECT, "additionalProperties": True, "default": {}},
        {**LIST, "items": {**LIST, "items": NUMBER}, "maxItems": 2, "default": [[0.25], []]},
        {**NUMBER, "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 10, "default": None},
        {**NUMBER, "exclusiveMinimum": 0, "maximum": 10, "default": 9.75},
        {**BRANCH, "enum": ["a", "b"], "minLength": 1, "default": "a"},
        {**BRANCH, "type": ["string", "null"], "enum": ["a", None]},
        {"description": "Whether.", "type": "boolean", "default": False},
    ],
)
def test_what_the_handlers_hold_may_be_said(copy: Path, change: Change, field: dict[str, Any]) -> None:
    change("AccountClosed", 2, _add(field, "line2Text"))

    assert publish(copy) == ["schemas/AccountClosed/2.json"]


@pytest.mark.parametrize("name", ["accountFrozen", "account-frozen", "Decimal", "None"])
def test_a_folder_that_is_no_event_type_is_told_of_not_passed_over(copy: Path, name: str) -> None:
    shutil.copytree(copy / "AccountClosed", copy / name)

    assert (f"schemas/{name}", "", "type-name") in refused(copy)


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [("two.json", "{}", "file-name"), ("2.json", "{", "json"), ("2.json", "[]", "json"), ("3.json", "", "json")],
)
def test_a_file_that_is_no_schema_is_named(copy: Path, file: str, text: str, rule: str) -> None:
    (copy / "AccountClosed" / file).write_text(text, "utf-8")

    assert refused(copy) == [(f"schemas/AccountClosed/{file}", "", rule)]


@pytest.mark.parametrize("stream", ["transfer", None])
def test_a_type_stays_with_its_kind_of_aggregate(copy: Path, change: Change, stream: str | None) -> None:
    def move(schema: dict[str, Any]) -> None:
        schema.pop("x-stream")
        schema.update({"x-stream": stream} if stream else {})

    change("AccountClosed", 2, move)

    assert ("schemas/AccountClosed", "x-stream", "one-kind") in refused(copy, "NONE")


def test_versions_have_no_gap(copy: Path) -> None:
    (copy / "AccountClosed" / "1.json").rename(copy / "AccountClosed" / "2.json")

    assert refused(copy) == [("schemas/AccountClosed", "", "versions-without-gap")]


def test_a_mode_that_glue_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="SIDEWAYS"):
        checked("SIDEWAYS", FROZEN)

"""What is asked of commands beside the schemas, and the kept list of currencies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.asked import FILE
from schemas.checking import checked
from schemas.currencies import currencies, problems_in_currencies
from schemas.files import SchemaError

from .conftest import Change


@pytest.mark.parametrize(
    ("kinds", "field", "rule"),
    [
        ({"TransactionProcessed": {"timestamp": "date"}}, "TransactionProcessed.timestamp", "kind"),
        ({"TransactionProcessed": {"amount": "currency"}}, "TransactionProcessed.amount", "field"),
        ({"TransactionProcessed": {"moment": "date-time"}}, "TransactionProcessed.moment", "field"),
        ({"AccountPainted": {"paintedAt": "date-time"}}, "AccountPainted.paintedAt", "field"),
        ({"TransactionProcessed": {}}, "TransactionProcessed.timestamp", "times"),
        ({}, "AccountClosed.closedAt", "times"),
    ],
)
def test_what_no_command_can_be_asked_is_refused_and_a_time_that_is_not_asked_for(
    copy: Path, kinds: dict[str, Any], field: str, rule: str
) -> None:
    (copy / FILE).write_text(
        json.dumps({"AccountClosed": {"closedAt": "date-time"}, **kinds} if kinds else {}), "utf-8"
    )

    with pytest.raises(SchemaError) as caught:
        checked("BACKWARD", copy)

    assert (f"schemas/{FILE}", field, rule) in [(each.file, each.field, each.rule) for each in caught.value.problems]


def test_a_new_field_that_says_when_has_to_be_asked_for_as_a_time(copy: Path, change: Change) -> None:
    def add(schema: dict[str, Any]) -> None:
        booked = {"description": "When.", "type": "string", "examples": ["2024-01-15T10:00:00Z"]}
        schema["properties"]["bookedAt"] = booked

    change("TransactionProcessed", 3, add)

    with pytest.raises(SchemaError, match=r"commands\.json: TransactionProcessed\.bookedAt: its examples are times"):
        checked("BACKWARD", copy)


def test_the_kept_list_of_currencies_is_sound() -> None:
    assert list(problems_in_currencies(currencies())) == []


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"active": {"Euro": 2}}, "Euro", "code"),
        ({"active": {"EUR": 9}}, "EUR", "digits"),
        ({"active": {"EUR": "2"}}, "EUR", "digits"),
        ({"active": {"EUR": True}}, "EUR", "digits"),
        ({"active": {"HRK": 2}, "withdrawn": {"HRK": 2}}, "HRK", "status"),
    ],
)
def test_a_list_of_currencies_that_cannot_be_is_refused(change: dict[str, Any], field: str, rule: str) -> None:
    found = problems_in_currencies({"active": {}, "withdrawn": {}, **change})

    assert [(each.field, each.rule) for each in found] == [(field, rule)]

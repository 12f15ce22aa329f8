"""What answers of items are made of is what moto makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from local.engine import dynamodb_json
from local.engine.backends import DynamoType, Item

VALUES: dict[str, dict[str, Any]] = {
    "text": {"S": "é"},
    "number": {"N": "1.50"},
    "binary": {"B": "AAEC"},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "binaries": {"BS": ["AA==", b"\x01"]},
    "nothing": {"NULL": True},
    "no": {"BOOL": False},
    "list": {"L": [{"S": "a"}, {"B": "AA=="}, {"L": []}]},
    "object": {"M": {"a": {"M": {"b": {"BS": ["AA=="]}}}, "B": {"S": "c"}}},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_what_moto_makes_of_it(name: str) -> None:
    made = DynamoType(VALUES[name])
    assert dynamodb_json._quickly_plain(made) == dynamodb_json._plain(made)


def test_the_attributes_of_an_item_are_not_left_to_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks of each value what kind of thing it may be."""
    monkeypatch.setattr(dynamodb_json, "_plain", lambda value: pytest.fail(f"moto was asked for {value}"))
    attributes = {"Key": {"S": "a"}, "Texts": VALUES["texts"]}
    item = Item(DynamoType({"S": "a"}), None, attributes)
    assert dynamodb_json._quickly_plain({"Items": [item.attrs]}) == {"Items": [attributes]}


def test_so_is_an_answer_whatever_is_in_it() -> None:
    key = DynamoType({"S": "a"})
    item = Item(key, None, {"Key": {"S": "a"}, **VALUES})
    answer = {
        "Items": [item.attrs, item, {"plain": [1, 2.5, None, True]}],
        "LastEvaluatedKey": {"Key": key},
        "Time": datetime(2024, 1, 1, tzinfo=UTC),
        "Exact": Decimal("1.0"),
        "Pair": (1, 2),
    }
    assert dynamodb_json._quickly_plain(answer) == dynamodb_json._plain(answer)

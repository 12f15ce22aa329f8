"""A schema lets through what it says, as other validators do, and tells everything that it does not."""

from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.facts import violations
from handlers.domain.generated.tables import SCHEMAS
from handlers.sourcing.errors import Violation
from handlers.sourcing.schema import compile_schema

ADDRESS = {
    "type": "object",
    "required": ["city"],
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "lines": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": ["string", "null"]}},
        "floor": {"type": "integer", "minimum": -3, "maximum": 99},
        "lift": {"type": "boolean"},
    },
    "additionalProperties": False,
}


def found(schema: dict[str, Any], value: Any) -> list[Violation]:
    all_found: list[Violation] = []
    compile_schema(schema)(value, "data", all_found)
    return all_found


def test_every_violation_is_told_with_its_path() -> None:
    value = {"lines": ["a", 5, "b"], "floor": Decimal("1.5"), "lift": "yes", "roof": 1}

    assert found(ADDRESS, value) == [
        ("data.city", "is required"),
        ("data.lines", "must have 1 to 2 items"),
        ("data.lines[1]", "must be a text or null"),
        ("data.floor", "must be a whole number"),
        ("data.lift", "must be true or false"),
        ("data.roof", "is unknown"),
    ]


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "number"}, [0, Decimal("0.1")], [True, "1", None]),
        ({"type": "integer"}, [0, Decimal("7.00")], [True, Decimal("7.5"), Decimal("1E+1000000"), Decimal("NaN")]),
        ({"type": ["object", "null"]}, [{}, {"any": 1}, None], [[], "x"]),
        ({"type": "string", "x-max-bytes": 4}, ["éé", "abcd", ""], ["ééé", "abcde"]),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ["éé", "abc"], ["a", "abcd"]),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, ["EUR"], ["eur", "EURO", "EUR\n", " EUR", "\u0410\u0412\u0421"]),
        ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c", 1, None]),
        ({"type": "number", "x-scale": 2}, [1, Decimal("1.25"), Decimal("1.250")], [Decimal("1.255"), Decimal("1E-9")]),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 10}, [0, Decimal("9.9")], [-1, 10, Decimal("1E+99999")]),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 10}, [10, Decimal("0.1")], [0, 11]),
    ],
)
def test_a_keyword_draws_its_line(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert found(schema, value) == []
    for value in bad:
        assert len(found(schema, value)) == 1, value


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**19), 10**19),
    st.sampled_from(["", "EUR", "eur", "deposit", "salary", "x" * 256, "x" * 257, "account-123"]),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(), max_size=2),
)


@given(st.data())
def test_what_fits_is_what_another_validator_takes(data: st.DataObject) -> None:
    (event_type, version), schema = data.draw(st.sampled_from(sorted(SCHEMAS.items(), key=lambda item: item[0])))
    names = st.sampled_from([*schema["properties"], "other"])
    value = data.draw(st.dictionaries(names, values, max_size=6))
    others = {
        ".".join(map(str, error.absolute_path)) for error in jsonschema.Draft7Validator(schema).iter_errors(value)
    }

    ours = violations(event_type, version, value, "")

    missing = {each.path for each in ours if each.message == "is required"}
    assert {each.path.lstrip(".") for each in ours if each.path not in missing} == others - {""}
    assert bool(missing) is ("" in others)

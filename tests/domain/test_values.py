"""Numbers and texts survive the way in and out, and what cannot survive is refused by name."""

import json
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.values import MAX_DEPTH, dumps, exact, loads, number

DIGITS = "12345678901234567890123456789012345678"
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=9)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_a_value_survives_text_and_dynamodb_unchanged(value: object) -> None:
    read = exact(loads(dumps(value), "body"), "body")
    stored = TypeDeserializer().deserialize(TypeSerializer().serialize(read))

    assert read == value
    assert stored == value
    assert dumps(stored) == dumps(value)


@given(values)
def test_what_is_written_is_plain_json(value: object) -> None:
    assert json.loads(dumps(value), parse_float=Decimal, parse_int=Decimal) == value


@pytest.mark.parametrize(
    ("spelling", "written"),
    [("100.50", "100.5"), ("1e2", "100"), ("-0", "0"), ("0.10", "0.1"), ("1E-8", "0.00000001"), ("7", "7")],
)
def test_one_number_has_one_text(spelling: str, written: str) -> None:
    assert dumps(exact(loads(spelling, "body"), "body")) == written


def test_names_stand_in_code_point_order() -> None:
    assert dumps({"b": 1, "a": [], "Z": {}}) == '{"Z":{},"a":[],"b":1}'


@pytest.mark.parametrize("as_double", [100.5, 0.1, 123456789.12, 1e20, -3.0])
def test_a_float_that_stands_for_one_decimal_becomes_it(as_double: float) -> None:
    assert exact(as_double, "amount") == Decimal(repr(as_double))


@pytest.mark.parametrize("as_double", [0.1 + 0.2, 1234567890123456.7, float("nan"), float("inf"), 1e300])
def test_a_float_that_may_not_be_what_was_sent_is_refused(as_double: float) -> None:
    with pytest.raises(MalformedError, match="amount"):
        exact(as_double, "amount")


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', "NaN", "[Infinity]", "{", "", '{"a": 1} x', "[" * 100_000, "1e9999999999999999999"],
)
def test_text_that_is_not_one_clear_json_value_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="body"):
        exact(loads(text, "body"), "body")


@pytest.mark.parametrize(
    "value",
    [
        {"a": [{"b": Decimal("1" * 39)}]},
        {"a": [{"b": Decimal("1e126")}]},
        {"a": [{"b": Decimal("1e-131")}]},
        {"a": [{"b": Decimal(f"{DIGITS}E-166")}]},
        {"a": [{"b": "\ud800"}]},
        {"a": [{"b": b"bytes"}]},
    ],
)
def test_what_dynamodb_would_not_store_is_refused_by_its_path(value: object) -> None:
    with pytest.raises(MalformedError) as caught:
        exact(value, "eventData")

    assert caught.value.details["field"] == "eventData.a[0].b"


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(MalformedError, match="eventData"):
        exact({"": 1}, "eventData")


@pytest.mark.parametrize("longest", ["n" * 65_535, "é" * 32_767])
def test_a_name_is_no_longer_than_an_item_can_hold(longest: str) -> None:
    assert exact({longest: 1}, "eventData")
    with pytest.raises(MalformedError, match="65535 bytes"):
        exact({"a": {f"{longest}é": 1}}, "eventData")


def test_nesting_ends_where_an_item_could_not_hold_it() -> None:
    def nested(levels: int) -> list[object]:
        inner: list[object] = []
        for _ in range(levels):
            inner = [inner]
        return inner

    assert exact(nested(MAX_DEPTH), "eventData")
    with pytest.raises(MalformedError, match="nested deeper"):
        exact(nested(MAX_DEPTH + 1), "eventData")


@pytest.mark.parametrize(
    "text", ["ten", "", " 1", "1\n", "+1", "1_000", "1,5", ".5", "5.", "01", "\u0661", "0x10", "NaN", "Infinity", "-"]
)
def test_a_text_that_is_no_number_in_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="amount: not a number"):
        number(text, "amount")


def test_the_finest_number_is_carried_to_dynamodb() -> None:
    finest = Decimal(f"-{DIGITS}E-165")

    stored = TypeDeserializer().deserialize(TypeSerializer().serialize(number(finest, "amount")))

    assert stored == finest


@pytest.mark.parametrize("value", [{"n" * 60_000: {"m" * 60_000: Decimal("1e999")}}, {"n" * 70_000: 1}])
def test_a_refusal_is_short_whatever_the_names(value: object) -> None:
    with pytest.raises(MalformedError) as caught:
        exact(value, "eventData")

    assert caught.value.details["field"].startswith("eventData")
    assert len(caught.value.message) < 500


def test_a_name_that_stands_twice_is_told_in_short() -> None:
    with pytest.raises(MalformedError) as caught:
        loads(f'{{"{"n" * 60_000}": 1, "{"n" * 60_000}": 2}}', "body")

    assert "'nnn" in caught.value.message
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), 0.1, {1, 2}])
def test_what_json_cannot_say_exactly_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="no exact JSON form"):
        dumps({"amount": value})

"""Values and attributes as boto3 would turn them into each other, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, Inexact, Rounded
from typing import Any

import pytest
from boto3.dynamodb import types
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.sourcing.values import Encoded
from handlers.store.items import to_item, to_record

texts = st.text(max_size=5)
spellings = st.one_of(
    st.from_regex(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["1_000", " 1", "1 ", "٣", "NaN", "sNaN", "Infinity", "-Infinity", "-0", "0E-130", "1E+126", ".5", ""]
    ),
    st.sampled_from(["9" * 38, "9" * 39, "1E-130", "1E-165", "1E-166", "9.9E+125", "1e1000000"]),
    texts,
)
numbers = st.one_of(
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([Decimal("1E-165"), Decimal("1E-166"), Decimal("9" * 38), Decimal("9" * 39), Decimal("-0.00")]),
)
binaries = st.one_of(st.binary(max_size=4), st.binary(max_size=4).map(bytearray), st.binary(max_size=4).map(Binary))
scalars = st.one_of(st.none(), st.booleans(), texts, texts.map(Encoded), numbers, binaries)
sets = st.one_of(
    st.sets(texts, max_size=3), st.sets(st.integers(), max_size=3), st.frozensets(st.binary(max_size=3), max_size=3)
)
strange = st.one_of(st.floats(), st.complex_numbers(), st.just(object()), st.tuples(texts), st.just({1: "a key"}))
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(scalars, sets, strange),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
held = st.one_of(
    spellings, st.none(), st.booleans(), st.integers(), st.binary(max_size=3), st.lists(spellings, max_size=3)
)
kinds = st.sampled_from(["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL", "s", "n", "m", "X", ""])
attributes: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.dictionaries(kinds, held, max_size=2),
        spellings.map(lambda text: {"N": text}),
        texts.map(lambda text: {"S": text}),
        st.just({}),
        st.none(),
        st.just("S"),
        st.lists(texts, max_size=2),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: {"L": items}),
        st.dictionaries(texts, inner, max_size=3).map(lambda names: {"M": names}),
        st.dictionaries(kinds, inner, max_size=2),
    ),
    max_leaves=8,
)


def outcome(make: Callable[[], Any]) -> Any:
    """What is made, with the class of each part and the spelling of each number; or the error's class."""
    try:
        return repr(_exact(make()))
    except Exception as error:  # noqa: BLE001 -- it is what is compared
        return type(error)


def _exact(value: Any) -> Any:
    match value:
        case dict():
            return [(name, _exact(each)) for name, each in value.items()]
        case list() | tuple():
            return [type(value), *map(_exact, value)]
        case set() | frozenset():
            return type(value), sorted(map(repr, value))
    return type(value), value


@settings(max_examples=400)
@given(value=values)
def test_a_value_becomes_the_attribute_that_boto3_makes_of_it(value: Any) -> None:
    assert outcome(lambda: to_item({"it": value})) == outcome(lambda: {"it": TypeSerializer().serialize(value)})


@settings(max_examples=400)
@given(attribute=attributes)
def test_an_attribute_becomes_the_value_that_boto3_makes_of_it(attribute: Any) -> None:
    with_all_zeros = types.DYNAMODB_CONTEXT.copy()
    with_all_zeros.traps[Rounded] = False
    ours = outcome(lambda: to_record({"it": attribute}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(types, "DYNAMODB_CONTEXT", with_all_zeros)
        theirs = outcome(lambda: {"it": TypeDeserializer().deserialize(attribute)})

    assert ours == theirs


@pytest.mark.parametrize("text", ["1" + "0" * 125, "-" + "9" * 38 + "0" * 88, "0." + "0" * 129 + "1", "1." + "0" * 60])
def test_a_number_is_read_however_many_zeros_it_is_told_with(text: str) -> None:
    assert to_record({"one": {"N": text}, "set": {"NS": [text]}}) == {"one": Decimal(text), "set": {Decimal(text)}}
    with pytest.raises(Inexact):
        to_record({"one": {"N": text.replace("0", "5")}} if "." in text else {"one": {"N": text[:-1] + "5"}})


@given(
    value=st.recursive(
        st.one_of(st.none(), st.booleans(), texts, st.integers(-(10**37), 10**37)), st.lists, max_leaves=5
    )
)
def test_what_was_stored_comes_back(value: Any) -> None:
    assert to_record(to_item({"it": value})) == {"it": value}

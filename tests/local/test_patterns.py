"""Event patterns over records: the same verdict as a rule, and every fault told by its place."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.sourcing.errors import MalformedError
from handlers.sourcing.patterns import MAX_LENGTH, Pattern
from handlers.sourcing.values import exact, loads
from local.engine import exact_json, pattern_matching
from local.engine.event_patterns import problem
from tests.domain.builders import create, run, transact
from tests.local.test_engine_event_patterns import FITS, WRONG


def of(pattern: Any) -> Pattern:
    return Pattern.of(exact(pattern, "pattern"), "pattern")


def places(pattern: Any) -> list[str]:
    with pytest.raises(MalformedError) as refused:
        of(pattern)
    return [each.path for each in refused.value.violations]


@pytest.mark.parametrize(("wanted", "value", "fits"), FITS, ids=str)
def test_a_value_fits_as_in_a_rule(wanted: Any, value: Any, fits: bool) -> None:
    assert of({"EventData": {"a": wanted}}).matches({"EventData": {"a": exact(value, "value")}}) is fits


@pytest.mark.parametrize("pattern", WRONG, ids=str)
def test_what_a_rule_would_not_take_is_refused(pattern: Any) -> None:
    assert places(pattern)


def test_an_event_of_the_store_is_matched_by_its_record() -> None:
    _, (opened, deposited) = run(create(customerId="c-1"), transact("100.50"))
    over_100 = of({"EventType": ["TransactionProcessed"], "EventData": {"amount": [{"numeric": [">", 100]}]}})
    assert [over_100.matches(each.record()) for each in (opened, deposited)] == [False, True]
    assert of({"EventSequence": [1], "Version": [{"numeric": [">=", 1]}]}).matches(opened.record())


def test_every_fault_is_told_by_its_place() -> None:
    assert places({"a": "x", "b": [{"begins-with": "x"}], "c": {"d": [{"numeric": ["<"]}, {"prefix": 1}]}}) == [
        "pattern.a",
        "pattern.b[0].begins-with",
        "pattern.c.d[0].numeric",
        "pattern.c.d[1].prefix",
    ]
    assert places({"$or": [{"a": [{"exists": "yes"}]}, {"b": []}]}) == [
        "pattern.$or[0].a[0].exists",
        "pattern.$or[1].b",
    ]
    assert places({"$or": [{"a": [1]}, "b"]}) == ["pattern.$or[1]"]
    assert places([]) == ["pattern"]
    assert places({"a": ["x" * MAX_LENGTH]}) == ["pattern"]


def test_numbers_are_compared_with_all_their_digits() -> None:
    """A rule reads them as doubles, to which these two are one."""
    exactly = of({"a": [{"numeric": ["=", Decimal("0.12345678901234567891")]}]})
    assert exactly.matches({"a": Decimal("0.12345678901234567891")})
    assert not exactly.matches({"a": Decimal("0.12345678901234567892")})


def test_a_wildcard_of_many_asterisks_takes_no_time_to_speak_of() -> None:
    pattern = of({"a": [{"wildcard": "*a" * 200 + "*b"}]})
    assert not pattern.matches({"a": "a" * 200_000})


def test_two_spellings_of_a_pattern_are_equal() -> None:
    one, other = of({"a": [1], "b": ["x"]}), of({"b": ["x"], "a": [Decimal("1.0")]})
    assert one == other
    assert of(one.value()) == one


NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "a", "A", "ab", "Ab", "aab", "b*", "10.0.0.1", "::1", "\\", "ß", "SS"])
NUMBERS = st.sampled_from([0, 1, -1, 5, 10, 100.5, 301.8, 1e9])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
OPERATORS = st.one_of(
    st.builds(lambda kind, text: {kind: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), TEXTS),
    st.builds(lambda text: {"prefix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"suffix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda parts: {"wildcard": "*".join(parts)}, st.lists(st.sampled_from(["a", "b", "\\*"]), max_size=3)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
    st.builds(lambda sign, bound: {"numeric": [sign, bound]}, st.sampled_from(["<", "<=", "=", ">=", ">"]), NUMBERS),
    st.just({"numeric": [">", 0, "<=", 100.5]}),
    st.sampled_from([{"cidr": "10.0.0.0/24"}, {"cidr": "::/0"}]),
    st.builds(lambda values: {"anything-but": values}, st.lists(TEXTS, min_size=1) | st.lists(NUMBERS, min_size=1)),
    st.builds(
        lambda kind, texts: {"anything-but": {kind: texts}},
        st.sampled_from(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
        st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=2),
    ),
)
MATCHES = st.lists(SCALARS | OPERATORS, min_size=1, max_size=3)
PATTERNS = st.recursive(
    st.dictionaries(NAMES, MATCHES, min_size=1, max_size=2),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner | MATCHES, min_size=1, max_size=2),
        st.builds(lambda ways: {"$or": ways}, st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)
RECORDS = st.dictionaries(
    NAMES,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)),
    max_size=3,
)


@given(PATTERNS, RECORDS)
@example({"a": {"b": [{"exists": False}]}}, {"a": [{"b": 1}, {"c": 1}]})
@example({"a": [{"anything-but": {"wildcard": ["a", "*b"]}}]}, {"a": ["ab", "b"]})
def test_the_verdict_is_that_of_the_embedded_aws(pattern: Any, record: Any) -> None:
    """Both read the same texts: ours with exact numbers, a rule with doubles."""
    text, event = json.dumps(pattern), json.dumps(record)
    assert problem(text) is None
    expected = pattern_matching.matches(json.loads(text), exact_json.loads(event))
    ours = Pattern.of(exact(loads(text, "pattern"), "pattern"), "pattern")
    assert ours.matches(exact(loads(event, "event"), "event")) is expected


JUNK = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["a", "$or", "prefix", "numeric", "exists", "anything-but", "cidr", "wildcard"]), inner, max_size=2
), max_leaves=8)  # fmt: skip


@given(st.dictionaries(NAMES | st.just("$or"), JUNK, max_size=2))
def test_what_is_refused_is_what_the_embedded_aws_refuses(pattern: Any) -> None:
    wrong = problem(json.dumps(pattern))
    try:
        of(pattern)
    except MalformedError:
        assert wrong is not None
    else:
        assert wrong is None


def test_the_parts_of_a_wildcard_do_not_overlap() -> None:
    pattern = of({"a": [{"wildcard": "ab*ba"}]})
    assert [pattern.matches({"a": text}) for text in ("aba", "abba", "abxba", "ab")] == [False, True, True, False]

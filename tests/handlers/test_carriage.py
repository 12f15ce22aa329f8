"""What is accepted arrives: nothing is stored that the bus or a queue would refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain import check
from handlers.domain.facts import NEWEST
from handlers.domain.generated.tables import SCHEMAS
from handlers.sourcing.carriage import HIGHEST, LOWEST, MAX_TOLD, carried, uncarried
from handlers.sourcing.errors import Violation
from handlers.sourcing.values import dumps, exact, loads
from local.engine.bus import entry_failure

ARRIVES = [*("9223372036854775807", "-9223372036854775808", "9223372036854775807.5", "12345678901234567890123.5")]
ARRIVES += ["0", "1E18", "1E-130", "9.22337203685477580E18", "-0.5", "true", "null"]
NEVER = [*("9223372036854775808", "-9223372036854775809", "1E20", "1E+30", "12345678901234567890123")]
NEVER += ["12345678901234567890123.0", "9.9E125", "-1E19", "12345678901234567890123456789012345678"]


def paths(found: list[Violation]) -> list[str]:
    return [each.path for each in found]


def parsed(text: str) -> Any:
    return exact(loads(text, "text"), "text")


def is_taken(value: Any) -> bool:
    """Whether the embedded bus takes it, and a queue what the bus makes of it, in whatever way it writes texts."""
    text = dumps({"value": value})
    return entry_failure({"Source": "s", "DetailType": "t", "Detail": text}) is None and not {*text} & {*"\ufffe\uffff"}


@pytest.mark.parametrize("text", ARRIVES)
def test_what_is_documented_to_arrive_is_accepted(text: str) -> None:
    assert uncarried(parsed(text), "value") == []
    assert is_taken(parsed(text))


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("wrap", ['{"n": %s}', '{"deep": [1, {"n": %s}]}', '{"deep": [[%s]]}'])
def test_a_whole_number_beyond_the_bounds_is_named_wherever_it_stands(text: str, wrap: str) -> None:
    value = parsed(wrap % text)

    (told,) = uncarried(value, "eventData")

    assert told.path in ("eventData.n", "eventData.deep[1].n", "eventData.deep[0][0]")
    assert "between -9223372036854775808 and 9223372036854775807" in told.message
    assert "send it as text" in told.message
    assert not is_taken(value)


@pytest.mark.parametrize("text", ["\ufffe", "a\uffffb"])
def test_what_is_no_character_is_named_in_values_and_in_names(text: str) -> None:
    assert paths(uncarried({"a": [text]}, "eventData")) == ["eventData.a[0]"]
    (told,) = uncarried({text: 1}, "eventData")
    assert told.path == f"eventData.{text}".replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def test_control_characters_and_all_other_text_arrives() -> None:
    assert uncarried("\x00\x1f\x7f\ud7ff\ue000\ufffd\U0001ffff\U0010ffff", "value") == []


def test_of_many_only_the_first_are_told() -> None:
    assert len(uncarried([2**63] * 100_000, "value")) == MAX_TOLD


@given(
    st.recursive(
        st.one_of(
            st.integers(LOWEST - 2, LOWEST + 2),
            st.integers(HIGHEST - 2, HIGHEST + 2),
            st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**30), max_value=10**30),
            st.text(st.sampled_from("a\x00\ufffd\ufffe\uffff😀"), max_size=2),
        ),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "\uffff"]), inner),
        max_leaves=4,
    )
)
def test_it_is_exactly_what_would_not_be_taken(value: Any) -> None:
    value = exact(value, "value")
    assert (uncarried(value, "value") == []) == is_taken(value)
    assert is_taken(carried(value))
    assert is_taken(value) == (carried(value) == value)


def test_numbers_that_do_not_arrive_are_told_as_text() -> None:
    assert carried({"balance": Decimal("9.9E18"), "more": [Decimal("1E19"), 5]}) == {
        "balance": "9900000000000000000",
        "more": ["10000000000000000000", 5],
    }


@pytest.mark.parametrize("event_type", ["AccountCreated", "TransactionProcessed", "AccountClosed"])
def test_a_command_with_either_is_malformed(event_type: str) -> None:
    data: dict[str, Any] = {"amount": Decimal(1)} if event_type == "TransactionProcessed" else {}
    data |= {"invoice": Decimal("1E20"), "note": {"deep": ["\uffff"]}, "text": "12345678901234567890123"}

    assert paths(check("a", event_type, data)) == ["eventData.invoice", "eventData.note.deep[0]"]


def test_money_is_within_the_bounds_by_its_schema_also_where_it_is_sent_as_text() -> None:
    decimals = [
        (event_type, name, schema)
        for event_type, version in NEWEST.items()
        for name, schema in SCHEMAS[event_type, version]["properties"].items()
        if schema.get("format") == "decimal"
    ]
    assert {name for _, name, _ in decimals} >= {"amount", "overdraftLimit"}
    for event_type, name, schema in decimals:
        assert schema.get("minimum", schema.get("exclusiveMinimum")) >= LOWEST, (event_type, name)
        assert schema.get("maximum", schema.get("exclusiveMaximum")) <= HIGHEST, (event_type, name)
        for number in ("1E20", "-12345678901234567890123"):
            assert f"eventData.{name}" in paths(check("a", event_type, {name: number}))

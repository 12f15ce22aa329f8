"""A caller's fields are read as what they must be, or refused by name."""

from decimal import Decimal

import pytest

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.fields import as_seen, check_identifier, whole


@pytest.mark.parametrize("value", [0, 7, 7.0, Decimal("7.00"), Decimal("1E+1"), Decimal("0E+999999999"), 10])
def test_a_whole_number_may_be_spelled_in_any_way(value: object) -> None:
    assert whole({"limit": value}, "limit", 0, 10) == value


def test_no_two_whole_numbers_of_a_callers_are_one_float() -> None:
    """So a whole number may come as a binary float, as Lambda's runtime reads 5.0."""
    assert MAX_SEQUENCE < 2**53


@pytest.mark.parametrize("value", [Decimal("7.5"), 7.5, Decimal("1E-400"), "7", True, [7], {}])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(MalformedError, match="limit: must be a whole number"):
        whole({"limit": value}, "limit", 0, 10)


OUT_OF_RANGE = [11, -1, 1e300, float("inf"), float("nan"), 10**40]
FAR_OUT = ["1E+28", "1E+400", "-1E+400", "1E+600000", "-1E+600000", "9" * 40]


@pytest.mark.timeout(8)  # to make an int of 1E+600000 takes longer
@pytest.mark.parametrize("value", [*OUT_OF_RANGE, *map(Decimal, FAR_OUT)])
def test_a_number_out_of_range_is_refused_at_once(value: object) -> None:
    with pytest.raises(MalformedError, match="limit: must lie between 0 and 10"):
        whole({"limit": value}, "limit", 0, 10)


NO_SHAPES = [
    "a\nb",
    "a\x00",
    "a\u200bb",
    "a\ud800",
    "a\u3000b",
    "a\u00a0b",
    "a\u2028b",
    "a\ue000",
    "\ufeffa",
    " a",
    "a ",
]


@pytest.mark.parametrize("value", NO_SHAPES)
def test_what_an_id_must_not_hold_is_said_in_full(value: str) -> None:
    with pytest.raises(MalformedError) as caught:
        check_identifier(value, "commandId")

    assert caught.value.message == (
        "commandId: must hold visible characters and plain spaces only, and no space at its ends: no control or "
        "invisible characters, other spaces, lone surrogates, or characters that are not assigned"
    )


@pytest.mark.parametrize("value", ["a b", "\u00e9", "\u8d26\u6237", "a-1_2.3:4/5"])
def test_an_id_may_hold_what_can_be_seen(value: str) -> None:
    assert check_identifier(value, "commandId") == value


def test_a_text_as_it_is_seen_has_nothing_that_is_not_displayed() -> None:
    unseen = [chr(point) for point in (0xAD, 0x34F, 0x1160, 0x17B5, 0x180F, 0x200B, 0x206F, 0x3164, 0xFE0F, 0xE01EF)]

    assert as_seen("".join(f"a{each}" for each in unseen)) == "a" * len(unseen)
    assert as_seen("jose\u0301 x") == "jos\u00e9 x"
    assert as_seen("\u0430nn") != as_seen("ann"), "another script's letter is another letter"

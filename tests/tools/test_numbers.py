"""Numbers in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tools.numbers import counted, money


@pytest.mark.parametrize(
    ("number", "what", "said"),
    [
        (0, "event", "0 events"),
        (1, "event", "1 event"),
        (2, "dead letter", "2 dead letters"),
        (1, "dead letter", "1 dead letter"),
        (1_000, "copy", "1,000 copies"),
        (1, "copy", "1 copy"),
        (3, "branch", "3 branches"),
    ],
)
def test_so_many_of_something(number: int, what: str, said: str) -> None:
    assert counted(number, what) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("30100.5", "30,100.50"),
        ("-0.5", "-0.50"),
        ("7", "7"),
        ("1E+3", "1,000"),
        ("-1234567.5", "-1,234,567.50"),
        ("999999999999999999.99999999", "999,999,999,999,999,999.99999999"),
        ("123456789012345678901234567890123456789.5", "123,456,789,012,345,678,901,234,567,890,123,456,789.50"),
        ("0.12345678", "0.12345678"),
        ("NaN", "NaN"),
    ],
)
def test_a_fraction_of_money_has_two_places_at_least_and_no_digit_is_lost(amount: str, said: str) -> None:
    assert money(Decimal(amount)) == said

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
        ("7", "7.00"),
        ("1E+3", "1,000.00"),
        ("0.12345678", "0.12345678"),
        ("NaN", "NaN"),
    ],
)
def test_money_has_two_places_at_least_and_loses_none(amount: str, said: str) -> None:
    assert money(Decimal(amount)) == said

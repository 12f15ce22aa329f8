"""What stored money can be at all: the bounds of the schemas, what follows for sums, and what is read back by them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.restoring import amount

from .generated.tables import SCHEMAS, STREAMS
from .money import is_whole

_AMOUNTS = [
    each
    for (event_type, _), schema in SCHEMAS.items()
    if STREAMS.get(event_type) == "account"
    for each in schema["properties"].values()
    if each.get("format") == "decimal"
]
_LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")

SCALE: int = max(each["x-scale"] for each in _AMOUNTS)
"""Digits after the point that money in an event has at most, and so every sum of it."""
LARGEST = Decimal(max(abs(each[limit]) for each in _AMOUNTS for limit in _LIMITS if limit in each))
"""No amount in an event, of whatever version, is larger."""


def sum_of_money(value: Any) -> Decimal:
    """A number that amounts of events can add up to, or ValueError: anything else would trap the next addition."""
    number = amount(value)
    if abs(number) >= LARGEST * MAX_SEQUENCE or not is_whole(number, SCALE):
        raise ValueError("not money")
    return number


def money(value: Any) -> Decimal:
    """A number that an event can have as an amount, or ValueError."""
    number = sum_of_money(value)
    if abs(number) > LARGEST:
        raise ValueError("not an amount")
    return number


def limit(value: Any) -> Decimal:
    """An amount that is not below zero, or ValueError."""
    number = money(value)
    if number < 0:
        raise ValueError("not a limit")
    return number

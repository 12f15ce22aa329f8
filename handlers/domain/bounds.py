"""What stored money can be at all: the bounds of the schemas, and what follows from them for sums."""

from __future__ import annotations

from decimal import Decimal

from .generated.tables import SCHEMAS

_AMOUNTS = [
    each for schema in SCHEMAS.values() for each in schema["properties"].values() if each.get("format") == "decimal"
]
_LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")

SCALE: int = max(each["x-scale"] for each in _AMOUNTS)
"""Digits after the point that money in an event has at most, and so every sum of it."""
LARGEST = Decimal(max(abs(each[limit]) for each in _AMOUNTS for limit in _LIMITS if limit in each))
"""No amount in an event, of whatever version, is larger."""

"""A default fits where the handlers, who will meet it, say so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handlers.sourcing.schema import compile_schema
from schemas.fitting import misfit

FIELDS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 1, "maxLength": 3, "x-max-bytes": 5},
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    {"type": "string", "pattern": r"^\d*$"},
    {"type": ["string", "null"], "enum": ["EUR", None]},
    {"type": "number", "format": "decimal", "x-scale": 1, "minimum": -2, "exclusiveMaximum": 2},
    {"type": ["number", "boolean"], "format": "decimal", "x-scale": 2, "exclusiveMinimum": -2, "maximum": 2},
    {"type": "integer", "minimum": 0, "maximum": 3},
    {"type": "boolean"},
    {"type": "object"},
    {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": ["integer", "array"], "maximum": 1}},
]
NUMBERS = ["-2.01", "-2", "-1.99", "-0.5", "0", "1", "1.00", "1.5", "1.55", "1.555", "2", "2.00", "2.01", "3", "4"]
VALUES: list[Any] = [
    *(None, True, False, -3, -2, 0, 1, 2, 3, 4, {}, {"a": 1}),
    *map(Decimal, NUMBERS),
    *("", "E", "EUR", "eur", "EURO", "EUR\n", "éé", "ééé", "12", "\u0663"),
    *([], [1], [1, 0], [1, 0, 1], [2], ["1"], [[]], [Decimal("0.5")], [None]),
]


@pytest.mark.parametrize("schema", FIELDS)
def test_a_default_fits_where_the_handlers_take_it(schema: dict[str, Any]) -> None:
    check = compile_schema(schema)
    taken = 0
    for value in VALUES:
        found: list[Any] = []
        check(value, "", found)
        taken += not found
        assert (misfit(value, schema) is None) == (found == []), value
    assert 0 < taken < len(VALUES)

"""What is stored against what the fold gives, attribute by attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.sourcing.values import Value, dumps

Differing = Mapping[str, tuple[str, str]]
"""By attribute: what is stored and what the fold gives, as JSON."""

_SHOWN = 80
"""Characters of a value in a finding's text; its attributes have all."""


def differing(stored: Mapping[str, Any], folded: Mapping[str, Any], apart_from: tuple[str, ...]) -> Differing:
    """The attributes in which two records differ, in the order of their names."""
    names = sorted((set(stored) | set(folded)) - set(apart_from))
    pairs = {name: (attribute(stored, name), attribute(folded, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def describe(attributes: Differing) -> str:
    """Them in one line."""
    return "; ".join(f"{name} is {_short(was)}, not {_short(is_)}" for name, (was, is_) in attributes.items())


def attribute(record: Mapping[str, Any], name: str) -> str:
    """One attribute as JSON, or `absent`."""
    return text_of(record[name]) if name in record else "absent"


def text_of(value: Value) -> str:
    """A stored value as JSON, or as Python shows what JSON does not have."""
    try:
        return dumps(value)
    except (TypeError, ArithmeticError):
        return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."

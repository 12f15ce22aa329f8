"""Damage to stored items: any attribute gone, or of any type that DynamoDB has."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

VALUES: tuple[dict[str, Any] | None, ...] = (
    None,
    *({"S": text} for text in ("", "x", "4", "Active", "é" * 300)),
    *({"N": number} for number in ("0", "-1", "2.5", "7", "99", "1E+125", "-1E-130", "9" + "0" * 60)),
    *({"B": b"x"}, {"BOOL": True}, {"BOOL": False}, {"NULL": True}),
    *({"SS": ["a", "b"]}, {"NS": ["1", "2"]}, {"BS": [b"a"]}),
    *({"L": []}, {"L": [{"M": {"Balance": {"S": "1"}}}]}, {"M": {}}, {"M": {"x": {"SS": ["a"]}}}),
)
"""None is for an attribute that is missing."""

FEW: tuple[dict[str, Any] | None, ...] = (None, {"S": "x"}, {"N": "7"}, {"NULL": True}, {"SS": ["a"]}, {"M": {}})
"""For where each try is dear."""

Path = tuple[str, ...]


def paths(item: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Path]:
    """Every attribute of an item but its keys, and those in its objects, one level down."""
    for name, value in sorted(item.items()):
        if name not in keys:
            yield (name,)
            yield from ((name, inner) for inner in sorted(value.get("M", {})))


def damaged(item: dict[str, Any], path: Path, value: dict[str, Any] | None) -> dict[str, Any]:
    """A copy of an item with another value at a path."""
    copy = deepcopy(item)
    inside = copy
    for name in path[:-1]:
        inside = inside[name]["M"]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = deepcopy(value)
    return copy

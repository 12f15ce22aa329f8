"""What a look at one part of a stack comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tools.numbers import counted

_KINDS = {"queue": "queue", "dead letters": "queue", "mapping": "feed"}
"""What points of an area are about, where there are several of them."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at, in words, and in `facts` for programs.

    With `wrong` it needs a person: what is wrong with it, in words; `entry` is the anchor in the runbook. Those with
    the same `alike` are wrong for one reason, and people are told them in one line.
    """

    area: str
    name: str
    told: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""
    entry: str = ""
    alike: str = ""

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        told = {"area": self.area, "name": self.name, "told": self.told, **self.facts}
        return told | ({"wrong": self.wrong, "runbook": self.entry} if self.wrong else {})


def together(points: Iterable[Point]) -> list[Point]:
    """The points as people are told them: those that are alike as one, in the place of the first."""
    groups: dict[object, list[Point]] = {}
    for number, point in enumerate(points):
        groups.setdefault((point.alike, point.entry) if point.alike else number, []).append(point)
    return [_one(group) for group in groups.values()]


def _one(group: list[Point]) -> Point:
    first, *others = group
    if not others:
        return first
    kinds = {_KINDS.get(point.area, "look") for point in group}
    what = counted(len(group), kinds.pop() if len(kinds) == 1 else "look")
    names = ", ".join(dict.fromkeys(point.name for point in group))
    return replace(first, name=what, told=f"{first.told}: {first.alike}", wrong=f"{names}: {first.wrong}")

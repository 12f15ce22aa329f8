"""What a look at one part of a stack comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at, in words, and in `facts` for programs.

    With `wrong` it needs a person: what is wrong with it, in words; `entry` is the anchor in the runbook.
    """

    area: str
    name: str
    told: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""
    entry: str = ""

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        told = {"area": self.area, "name": self.name, "told": self.told, **self.facts}
        return told | ({"wrong": self.wrong, "runbook": self.entry} if self.wrong else {})

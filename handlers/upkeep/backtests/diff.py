"""What a backtest comes to in all: how far it is, how many decisions differ and why, and what all aggregates hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.sourcing.values import Value

from .results import KeptResults
from .tally import Tally

SEGMENTS = 16
"""Of the store that a backtest goes through; then comes what only refusals are about, which no stream tells of."""
PARTS = SEGMENTS + 1
_TOLD = ("code", "revision", "startedAt", "until")


@dataclass(frozen=True, slots=True)
class Diff:
    """The sum of a run's segments, as far as it is."""

    head: Mapping[str, Any]
    tally: Tally
    done: int
    """Segments that are gone through."""

    @classmethod
    def of(cls, results: KeptResults) -> Diff | None:
        """That of a branch; None where nothing was decided again on it. What `KeptResults.run` takes."""
        head, positions = results.run()
        if head is None:
            return None
        tally = Tally()
        for position in positions:
            tally.add(Tally.of(position["tally"]))
        return cls(head, tally, sum(bool(position["done"]) for position in positions))

    @property
    def complete(self) -> bool:
        """Whether the run has come to its end."""
        return self.done == PARTS

    def describe(self) -> dict[str, Value]:
        """It as JSON."""
        return {
            "complete": self.complete,
            "parts": PARTS,
            "partsDone": self.done,
            "until": self.head["until"],
            "revision": self.head["revision"],
            "selection": self.head["selection"],
            **self.tally.describe(),
            "difference": {unit: dict(sums) for unit, sums in self.tally.differences().items()},
        }


def run_of(head: Mapping[str, Any] | None) -> dict[str, Value] | None:
    """What is told of a branch's run where its diff is not asked for."""
    return None if head is None else {name: head[name] for name in _TOLD}

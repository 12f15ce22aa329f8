"""What lies in the event store and is no event: named, and left out of what is done with the events."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from handlers.sourcing.errors import NotAnEventError


class Foreign(NamedTuple):
    """An item that is no event: by its key, as far as that can be told, and why in words."""

    aggregate_id: str
    sequence: str
    problem: str
    verdict: str = "no event"

    @classmethod
    def of(cls, error: NotAnEventError) -> Self:
        """What was met."""
        sequence = "?" if error.sequence is None else str(error.sequence)
        return cls(error.aggregate_id or "?", sequence, error.problem)

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        return {"aggregateId": self.aggregate_id, "sequence": self.sequence, "problem": self.problem}

"""What a replay is asked to do: a JSON object, from a file or made of an operator's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import MalformedError, Violation
from .fields import check_whole
from .selection import Selection
from .values import Value

MAX_RATE = 10_000
MEMBERS = ("rate",)


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """Which events, and how fast."""

    selection: Selection
    rate: int | None = None
    """Events a second, at most; None is as the stack is set up."""

    @classmethod
    def of(cls, given: Value, path: str = "") -> ReplaySpec:
        """A spec as JSON. MalformedError with the path of every member that is wrong, below `path`."""
        found: list[Violation] = []
        selection, rate = Selection(), None
        try:
            selection = Selection.of(given, path, beside=MEMBERS)
        except MalformedError as error:
            found += error.violations
        if isinstance(given, Mapping) and given.get("rate") is not None:
            try:
                rate = check_whole(given["rate"], f"{path}.rate" if path else "rate", 1, MAX_RATE)
            except MalformedError as error:
                found += error.violations
        if found:
            (first, problem), *more = found
            raise MalformedError(first, problem, *more)
        return cls(selection, rate)

    def described(self) -> dict[str, Value]:
        """As JSON, and no member that says nothing."""
        return {**self.selection.described(), **({} if self.rate is None else {"rate": self.rate})}

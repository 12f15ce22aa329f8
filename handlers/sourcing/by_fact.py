"""One small function for each class of facts, registered where it is written: what grows with the types of events.

    RULES: ByFact[Lamp, None] = ByFact()

    @RULES.on(LampLit)
    def _light(lamp: Lamp, lit: LampLit) -> None: ...

The checker of types holds each function to its own class of facts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, TypeVarTuple

S = TypeVar("S")
F = TypeVar("F")
R = TypeVar("R")
More = TypeVarTuple("More")


class ByFact(Generic[S, R, *More]):
    """Functions of a state or row, a fact and whatever is asked `More`, to an `R`."""

    def __init__(self) -> None:
        self._functions: dict[type[Any], Callable[[S, Any, *More], R]] = {}

    def on(self, fact: type[F]) -> Callable[[Callable[[S, F, *More], R]], Callable[[S, F, *More], R]]:
        """Make the function that follows the one for facts of this class. ValueError where there is one."""

        def register(function: Callable[[S, F, *More], R]) -> Callable[[S, F, *More], R]:
            if fact in self._functions:
                raise ValueError(f"there is a function for {fact.__name__} already")
            self._functions[fact] = function
            return function

        return register

    def get(self, fact: object) -> Callable[[S, Any, *More], R] | None:
        """The function for a fact; None where there is none for its class, as for None."""
        return self._functions.get(type(fact))

    def __call__(self, state: S, fact: Any, *more: *More) -> R:
        """What the function for this fact makes of it. KeyError where there is none."""
        return self._functions[type(fact)](state, fact, *more)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types of events whose facts have a function, in the order in which these are written."""
        return tuple(each.__name__ for each in self._functions)

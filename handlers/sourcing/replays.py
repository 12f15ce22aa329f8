"""What a replay is asked to do: a JSON object, from a file or made of an operator's options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from .errors import MalformedError, Violation
from .fields import BRANCH_NAME, check_whole
from .selection import Selection
from .values import Value, dumps

MAX_RATE = 10_000
MEMBERS = ("rate", "target", "transform")
PROJECTION, BUS, QUEUE, FILE, BRANCH = "projection", "bus", "queue", "file", "branch"
_QUEUE_ARN = re.compile(r"arn:[a-z0-9-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}@[1-9][0-9]{0,3}")
_TARGETS = f"{PROJECTION}, {BUS}, {FILE}, {BRANCH}:NAME, or {QUEUE}:ARN with the ARN of an SQS queue"
_NAMED = {QUEUE: _QUEUE_ARN, BRANCH: BRANCH_NAME}
"""The kinds of places of which there are several, and what a name of one looks like."""

T = TypeVar("T")


class Target(NamedTuple):
    """Where copies go: the kind of place, and which."""

    kind: str
    name: str = ""

    @classmethod
    def of(cls, given: object, path: str) -> Target:
        """A target's text. MalformedError where it is none."""
        if isinstance(given, str):
            kind, colon, name = given.partition(":")
            if given in (PROJECTION, BUS, FILE) or (colon and kind in _NAMED and _NAMED[kind].fullmatch(name)):
                return cls(kind, name)
        raise MalformedError(path, f"must be {_TARGETS}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """Which events, where to, and how fast."""

    selection: Selection
    target: Target | None = None
    """None of a plan, which sends nothing."""
    transform: str | None = None
    """What is made of each event before it goes out, by its name; None for the event as it is."""
    rate: int | None = None
    """Copies a second, at most; None is as the stack is set up."""

    @classmethod
    def of(cls, given: Value, path: str = "") -> ReplaySpec:
        """A spec as JSON. MalformedError with the path of every member that is wrong, below `path`."""
        found: list[Violation] = []

        def read(make: Callable[[], T], otherwise: T) -> T:
            try:
                return make()
            except MalformedError as error:
                found.extend(error.violations)
                return otherwise

        def member(name: str, make: Callable[[Any, str], T]) -> T | None:
            value = given.get(name) if isinstance(given, Mapping) else None
            return None if value is None else read(lambda: make(value, f"{path}.{name}" if path else name), None)

        spec = cls(
            selection=read(lambda: Selection.of(given, path, beside=MEMBERS), Selection()),
            target=member("target", Target.of),
            transform=member("transform", _transform),
            rate=member("rate", lambda value, where: check_whole(value, where, 1, MAX_RATE)),
        )
        if spec.transform is not None and spec.target is not None and spec.target.kind == PROJECTION:
            where = f"{path}.transform" if path else "transform"
            found.append(Violation(where, "goes with no projection: its rows are made of the events themselves"))
        if found:
            (first, problem), *more = found
            raise MalformedError(first, problem, *more)
        return spec

    def described(self) -> dict[str, Value]:
        """As JSON, and no member that says nothing."""
        target = self.target and str(self.target)
        own: dict[str, Value] = {"rate": self.rate, "target": target, "transform": self.transform}
        return {**self.selection.described(), **{name: value for name, value in own.items() if value is not None}}

    def canonical(self) -> str:
        """The one text of specs that say the same."""
        return dumps(self.described())

    def digest(self) -> str:
        """SHA-256 of the canonical text."""
        return sha256(self.canonical().encode()).hexdigest()


def _transform(given: object, path: str) -> str:
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise MalformedError(path, "must be the name of a transform with its version, such as newest-shape@1")
    return given

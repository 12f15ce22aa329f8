"""What hands events and messages to the functions: the event source mappings, by the name of the function."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from .system import OperatorError, System

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

FED = ("relay", "snapshot", "projection", "process", "replayer", "reconcile")
"""The functions that a mapping feeds."""
ON, OFF, MISSING = "Enabled", "Disabled", "missing"
_LOOK_SECONDS, _LOOKS = 2.0, 60


@dataclass(frozen=True, slots=True)
class Feed:
    """One mapping, or that there is none: its state is MISSING then. `result` is what its last poll came to, `reason`
    why its state is what it is; as Lambda says it."""

    name: str
    source: str
    uuid: str | None
    state: str
    result: str | None
    reason: str | None

    @classmethod
    def of(cls, name: str, mapping: Any) -> Self:
        """As Lambda describes it."""
        source = "stream" if "/stream/" in mapping["EventSourceArn"] else "queue"
        last, reason = mapping.get("LastProcessingResult"), mapping.get("StateTransitionReason")
        return cls(name, source, str(mapping["UUID"]), str(mapping["State"]), last, reason)

    @classmethod
    def none(cls, name: str) -> Self:
        """A function that must be fed, and that no mapping feeds."""
        return cls(name, "", None, MISSING, None, "no mapping feeds it: `pulumi up --refresh`")

    def describe(self) -> dict[str, Any]:
        """It as JSON."""
        told = {"feed": self.name, "source": self.source, "state": self.state, "lastResult": self.result}
        return told | {"reason": self.reason, "uuid": self.uuid}


@dataclass(frozen=True, slots=True)
class Feeds:
    """Of one stack. `functions` are those that are fed, by their short names."""

    client: LambdaClient
    functions: dict[str, str]
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, system: System) -> Self:
        """Those of a deployed stack, as far as it has the functions."""
        named = {name: system.function(f"{name}Function") for name in FED}
        return cls(system.client("lambda"), {name: function for name, function in named.items() if function})

    def all(self) -> list[Feed]:
        """All of them, with one that says so for each function that has none: a request for each function and hundred
        mappings."""
        return [feed for name in self.functions for feed in self.standing(name)]

    def standing(self, name: str) -> list[Feed]:
        """Those of one function, or that there is none. OperatorError where the stack does not have it."""
        return list(self.named(name)) or [Feed.none(name)]

    def named(self, name: str) -> Iterator[Feed]:
        """Those of one function. OperatorError where the stack does not have it."""
        if name not in self.functions:
            raise OperatorError(f"the stack has no function {name}; it has {', '.join(self.functions)}")
        pages = self.client.get_paginator("list_event_source_mappings").paginate(FunctionName=self.functions[name])
        for page in pages:
            yield from (Feed.of(name, each) for each in page["EventSourceMappings"])

    def switch(self, name: str, *, on: bool) -> list[Feed]:
        """Switch those of one function, wait until they are, and tell how they stand. OperatorError where there is
        none, where one goes back to what it was, and where it takes more than two minutes."""
        wanted = ON if on else OFF
        found = list(self.named(name))
        if not found:
            raise OperatorError(f"nothing is set up to feed {name}: `pulumi up --refresh`")
        for feed in found:
            self.client.update_event_source_mapping(UUID=feed.uuid or "", Enabled=on)
        for _ in range(_LOOKS):
            found = list(self.named(name))
            if all(feed.state == wanted for feed in found):
                return found
            self.wait(_LOOK_SECONDS)
        why = "; ".join(feed.reason for feed in found if feed.reason) or "Lambda does not say why"
        states = ", ".join(sorted({feed.state for feed in found}))
        raise OperatorError(f"the feed of {name} is not {wanted.lower()} yet, but {states}: {why}")

"""A process: what leads one aggregate's story through others, step by step, and never half.

Its state is an aggregate of its own, and its steps are commands. What is due follows from the state alone, and a step's
commandId from the process and the step's name: whoever takes it a second time is answered as the first one was. So
nothing has to be written down about progress, and anybody may go on at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import LedgerError, Violation
from .event import Event
from .kinds import State
from .values import Value

POKE = "poke"
"""The name of no step: under it a process's own state is read, for no command."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command that is due, to one of the aggregates that take part."""

    name: str
    aggregate_id: str
    event_type: str
    data: Mapping[str, Value]
    dry: bool = False
    """Only asked whether it would be accepted. Such steps, one behind the other, are asked side by side."""
    doubts: bool = False
    """Taken only by who finds the process in this state, or goes on from steps that somebody else took. Who has taken
    it there alone, in the same call, saw what it rests on."""
    ends: bool = False
    """Whether nothing is due any more behind it."""
    command: str = ""
    """By whose name its commandId is made; "" is its own."""

    def request(self, process_id: str, correlation_id: str, causation_id: str) -> dict[str, Value]:
        """The request of its command."""
        return {
            "aggregateId": self.aggregate_id,
            "eventType": self.event_type,
            "eventData": dict(self.data),
            "commandId": command_id(process_id, self.command or self.name),
            "correlationId": correlation_id,
            "causationId": causation_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A kind of process. All functions are pure."""

    kind: str
    """Of the aggregates that are its state."""
    steps: tuple[str, ...]
    """The names by which commandIds are made."""
    certain: frozenset[str]
    """The names of steps that no aggregate refuses, whatever its state: where one is, and nothing takes its place,
    somebody has to look."""
    buckets: tuple[str, ...]
    """The keys under which the index of what is due has the rows of those that are under way."""
    concerned: Callable[[Event], str | None]
    """Which process an event may have left something to do for; None for none."""
    due: Callable[[State, str], tuple[Step, ...]]
    """What is to be done, in order, by the state and the ledger's text of now; nothing where it waits or has ended."""
    after: Callable[[State, Step, LedgerError], tuple[Step, ...] | None]
    """What is due in place of the rest when a step was refused; nothing where nothing is, None where the state must
    have changed."""
    traced: Callable[[State], tuple[str, str]]
    """The correlationId and the causationId of its steps."""

    def claims(self, command_id: Any) -> list[Violation]:
        """What is wrong with a caller's commandId: one that a step may have, whatever the process is called."""
        if not isinstance(command_id, str):
            return []
        name = command_id.rpartition("/")
        if not self.steps or not name[1] or name[2] not in (*self.steps, POKE):
            return []
        return [Violation("commandId", f"must not end in /{name[2]}: such ids name the steps of a {self.kind}")]


NO_PROCESS = Process(
    kind="",
    steps=(),
    certain=frozenset(),
    buckets=(),
    concerned=lambda _: None,
    due=lambda *_: (),
    after=lambda *_: None,
    traced=lambda _: ("", ""),
)
"""The process of a domain that has none: no event concerns it, nothing is ever due, callers may take any commandId."""


def command_id(process_id: str, name: str) -> str:
    """The commandId of a process's step."""
    return f"{process_id}/{name}"

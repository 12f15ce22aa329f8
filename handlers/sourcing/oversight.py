"""What operators see of processes across streams: whether their parts fit together, and what one waits for.

No function that decides or tells asks this; with two Regions the one does that puts streams together. A part is an
event as far as a process is concerned: one of its own, or one in the stream of somebody who takes part. Parts are
judged by themselves, so that whoever gathers them may keep them anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from .event import Event
from .kinds import State
from .process import NO_PROCESS, Process
from .projection import Row
from .values import Value


class Part(NamedTuple):
    """One event's part in a process; of its data, what is judged."""

    aggregate_id: str
    sequence: int
    event_type: str
    command_id: str
    data: Mapping[str, Value]
    foreign: bool = False
    """Whether it is somebody else's, and only has the commandId of one of the process's steps."""


class Misfit(StrEnum):
    """How parts of a process may not fit together."""

    ORPHANED = "step-orphaned"
    """A step of a process that no stream began."""
    MISSING = "step-missing"
    """What came behind it is there, and the step is not."""
    REPEATED = "step-repeated"
    """The step was taken before."""
    DIFFERS = "step-differs"
    """The step is not the one that the process asked for."""
    CONTRADICTS = "step-contradicts"
    """The step belongs to another outcome than the one that the process had, or its rules forbid it at its place."""
    OPEN = "step-open"
    """The process has ended, and what it set aside still is."""
    FOREIGN = "step-foreign"
    """Somebody else's command has the commandId of the step."""


class Flaw(NamedTuple):
    """Something that no history of the ledger's has; `sequence` is None where it is about what is not there."""

    misfit: Misfit
    aggregate_id: str
    sequence: int | None
    detail: str


class Judged(NamedTuple):
    """What is wrong with a process's parts, and by how much they changed the sum of all that is held, by unit."""

    flaws: tuple[Flaw, ...]
    net: Mapping[str, Decimal]


class Held(NamedTuple):
    """What an aggregate holds of something whose sum is conserved; `aside` is the part that is set aside."""

    unit: str
    amount: Decimal
    aside: Decimal


class Waits(NamedTuple):
    """What a process waits for, in words, and until when at the latest somebody looks after it."""

    why: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversight:
    """Of one kind of process. All functions are pure."""

    process: Process
    projection: str
    """The name of the rows in which a process's state stands."""
    statuses: tuple[str, ...]
    """All that a row's Status can be."""
    cancel: str
    """The type of the command that calls a process off."""
    part: Callable[[Event], tuple[str, Part] | None]
    """The process that an event is a part of, and that part; None for none. UnreadableEventError."""
    claimed: Callable[[Event], tuple[str, Part] | None]
    """Of an event that is no part of any: the process that might have such a step, if there is one, and that part."""
    step: Callable[[Event], str]
    """The step that an event of the process's own commands is; its commandId may stand for others."""
    places: Callable[[str, Sequence[Part]], Sequence[tuple[str, str]]]
    """Where else a process's parts may be, by its id and what is known of them: aggregates and commandIds, in an order
    in which an event that is seen at one place has those that it rests on at later ones."""
    judge: Callable[[str, Sequence[Part]], Judged]
    """Whether the parts of a process fit together, by its id. They must be all there are, as of one moment, but for
    those that may come later at any moment."""
    undo: Callable[[Event], str]
    """What a person does to undo a step that contradicts its process."""
    has_ended: Callable[[Sequence[Part]], bool]
    """Whether, by its parts, it has come to an end, of whatever kind."""
    moved: Callable[[Event], Decimal]
    """By how much an event that is part of no process changes what its aggregate holds."""
    held: Callable[[State], Held | None]
    """What an aggregate in this state holds; None for one that is no holder."""
    takes_part: Callable[[Row], tuple[str, ...]]
    """The aggregates that take part, by a process's row."""
    waits: Callable[[Row, str], Waits | None]
    """What a process waits for, by its row and the ledger's text of now; None where it has ended."""


NO_OVERSIGHT = Oversight(
    process=NO_PROCESS,
    projection="",
    statuses=(),
    cancel="",
    part=lambda _: None,
    claimed=lambda _: None,
    step=lambda _: "",
    places=lambda *_: (),
    judge=lambda *_: Judged((), {}),
    undo=lambda _: "",
    has_ended=lambda _: False,
    moved=lambda _: Decimal(0),
    held=lambda _: None,
    takes_part=lambda _: (),
    waits=lambda *_: None,
)
"""Of a domain that has no process: nothing is a part of any, and nothing is summed up."""

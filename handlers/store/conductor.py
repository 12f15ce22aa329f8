"""Carries processes on: reads what a process's own stream says, does what is due, and goes on until nothing is.

Whoever is told "something may be due" begins with the present of the process, which is read strongly consistent; what
the message said is forgotten. So messages may come in any order, twice, late or made up. Several conductors may carry
one process at once: each step is one command with one commandId, and each event of the process takes the next place of
its stream, where one wins. One that loses reads again. One that ends between any two calls is gone on from by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from handlers.domain import KINDS, meaning
from handlers.sourcing.command import Command
from handlers.sourcing.errors import ContentionError, LedgerError, NotHomeError, OutOfTimeError
from handlers.sourcing.kinds import State
from handlers.sourcing.process import POKE, Process, Step, command_id

from . import side_by_side
from .deadline import Deadline
from .ledger import Ledger, Receipt, Repeated

log = logging.getLogger("ledger")

STEP_SECONDS = 5.0
"""No step begins with less time than that left: its answer would not be heard, and it is done by whoever comes next."""
ROUNDS = 10
"""So often at most the present is read again: each time the process has gone on by an event of its own."""
ACTOR = "ledger"
"""Who does the steps, in their events."""
_ADVICE = "the next message, or the next sweep, goes on"
_REFUSALS = 500
"""What a step is answered below it is a refusal, for good; from it on the step is to be tried again."""


class Carried(NamedTuple):
    """How far a process came: its state, and how many steps were taken."""

    state: State
    steps: int


class _Taken(NamedTuple):
    """How many steps were taken, whether all of them by us, and whether nothing is due behind them."""

    steps: int
    alone: bool
    ends: bool = False


class StepRefusedError(Exception):
    """A step was refused that no aggregate ever refuses: what was begun cannot be ended, and somebody has to look."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """Carries processes of one kind, with the commands of `ledger`; `now` gives the ledger's UTC text."""

    ledger: Ledger
    process: Process
    now: Callable[[], str]
    begin: side_by_side.Begin = side_by_side.begin

    def carry(self, process_id: str, seconds_left: Callable[[], float]) -> Carried | None:
        """Do everything that is due for a process; None where the store has none under that id.

        One Query where nothing is due; two more where it came to nothing and its domain still looks for something. Else
        that, and per round what its steps take (`Ledger.execute`: for an aggregate that this process has met a Query of
        one read unit and a PutItem of four write units) and a Query of the process's own present. Steps that only ask
        go side by side: one wait. One of five steps that go well, first to last: two rounds, four reads of presents,
        five appends behind the request's own; 13 waits, 18 requests at most, 20 write units, 12 read units. Who goes on
        from what somebody else did asks, in one wait more, whether a step that must not be refused would be.
        Raises StepRefusedError, OutOfTimeError where the time does not suffice for the next step, NotHomeError where
        another Region takes it, and whatever a step fails with: all that was done until then stays done, and whoever
        comes next goes on.
        """
        taken, alone = 0, True
        for _ in range(ROUNDS):
            state = self._state(process_id, seconds_left)
            if state is None:
                return None
            due = self.process.due(state, self.now())
            steps = tuple(step for step in due if not (taken and alone and step.doubts))
            if not steps:
                return Carried(state, taken)
            done = self._take(process_id, state, steps, seconds_left)
            taken, alone = taken + done.steps, alone and done.alone
            if done.ends:
                return Carried(state, taken)
        raise ContentionError("others kept carrying this process on", aggregateId=process_id)

    def _state(self, process_id: str, seconds_left: Callable[[], float]) -> State:
        """The present of a process; None where there is no such process."""
        kind = next(each for each in KINDS.all if each.name == self.process.kind)
        deadline = Deadline(seconds_left, _ADVICE)
        present = self.ledger.reader.read(process_id, command_id(process_id, POKE), 1, deadline, kind)
        return present.state if KINDS.of_state(present.state) is kind else None

    def _take(
        self, process_id: str, state: State, steps: tuple[Step, ...], seconds_left: Callable[[], float]
    ) -> _Taken:
        """Take steps until one says that the process has gone on without us, or all are done."""
        taken, alone = 0, True
        while steps:
            if seconds_left() < STEP_SECONDS:
                raise OutOfTimeError(f"too little time is left for the step {steps[0].name}; {_ADVICE}")
            asked = tuple(takewhile(lambda step: step.dry, steps)) or steps[:1]
            step, answer = self._answered(process_id, state, asked, seconds_left)
            if not isinstance(answer, LedgerError):
                if not step.dry:
                    taken, alone = taken + 1, alone and not isinstance(answer, Repeated)
                if step.ends:
                    return _Taken(taken, alone, ends=True)
                steps = steps[len(asked) :]
                continue
            log.info("refused: %s", answer.message, extra={"processId": process_id, "step": step.name})
            following = self.process.after(state, step, answer)
            if following is None:
                if step.name in self.process.certain and self._stands(process_id, state, seconds_left):
                    raise StepRefusedError(f"{step.name} of {process_id} was refused: {answer.message}") from answer
                return _Taken(taken, alone)
            if not following:
                return _Taken(taken, alone, ends=True)
            steps = following
        return _Taken(taken, alone)

    def _stands(self, process_id: str, state: State, seconds_left: Callable[[], float]) -> bool:
        """Whether the process is still where it was; if not, what was refused may well have been."""
        return bool(self._state(process_id, seconds_left) == state)

    def _answered(
        self, process_id: str, state: State, steps: tuple[Step, ...], seconds_left: Callable[[], float]
    ) -> tuple[Step, LedgerError | Receipt]:
        """The first of these steps that is refused, and how; where none is, the last one and its receipt."""
        calls = [partial(self._do, process_id, state, step, seconds_left) for step in steps]
        begun = [self.begin(call) for call in calls[1:]]
        answers = [calls[0](), *(each() for each in begun)]
        pairs = list(zip(steps, answers, strict=True))
        return next((pair for pair in pairs if isinstance(pair[1], LedgerError)), pairs[-1])

    def _do(
        self, process_id: str, state: State, step: Step, seconds_left: Callable[[], float]
    ) -> LedgerError | Receipt:
        correlation_id, causation_id = self.process.traced(state)
        request = {**step.request(process_id, correlation_id, causation_id), "actor": ACTOR}
        try:
            command = Command.parse(request, process_id, meaning=meaning)
            return (self.ledger.foresee if step.dry else self.ledger.execute)(command, seconds_left)
        except NotHomeError:
            raise  # no word on the step: another Region takes it
        except LedgerError as error:
            if error.status >= _REFUSALS:
                raise
            return error

"""Run by the Python of a candidate checkout, apart from the package it lies in: decides again what was asked.

A line comes in and a line goes out, each one JSON value. The first line in holds the numbers of the functions'
environment. Each further one is a part of an aggregate's history: what was asked, in order, with what came of it. The
line out names the decisions that come out otherwise, and at the aggregate's end what it holds then.

Two states go along. The *recorded* one is folded from the events that there are, the *candidate's* from the events that
its rules cause. A decision is made on the candidate's state. Where it differs, and would be the same on the recorded
state, the rules alone make the difference: that is a root cause. Otherwise it follows from differences before it.

The lines go through two pipes whose descriptors are the arguments. The standard input and output are left to the
candidate: what it prints is no answer. Nothing here imports but the candidate's own `handlers`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handlers.domain import KINDS, check, decide, evolve, meaning, scales
from handlers.domain.facts import FACTS
from handlers.domain.oversight import OVERSIGHT
from handlers.sourcing.command import Command
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import GENESIS, Event, NewEvent, Position, chain
from handlers.sourcing.told import Given
from handlers.sourcing.values import dumps, exact, loads

_FAULTS = 500
"""From this status on an error is no refusal: the candidate cannot cope with what there is."""
_SHOWN = 500
_CARRIED_OUT = "CarriedOut"


class _Outcome(NamedTuple):
    """What a decision is: new events, or the refusal in place of them."""

    events: tuple[NewEvent, ...]
    refusal: Mapping[str, Any] | None = None

    def told(self) -> Any:
        """It as JSON."""
        if self.refusal is not None:
            return dict(self.refusal)
        return [{"eventType": each.event_type, "eventData": each.data} for each in self.events]

    def is_the_same_as(self, other: _Outcome) -> bool:
        """Whether both come to the same by the same rule."""
        if self.refusal is not None and other.refusal is not None:
            return all(self.refusal.get(name) == other.refusal.get(name) for name in ("code", "rule"))
        return self == other


@dataclass
class Aggregate:
    """One aggregate on its way through what was asked of it."""

    aggregate_id: str
    complete: Callable[[Command, str], Command]
    recorded: Any = None
    candidate: Any = None
    sequence: int = 0
    differs: bool = False
    cause: str | None = None
    """The command of its first root cause."""
    carried_out: set[str] = field(default_factory=set)
    """Commands that the candidate accepted where the ledger had refused them: such a one happens once, too."""

    def take(self, ask: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Decide again; the difference, if there is one."""
        events = [Event.of(exact(each, "event", depth=-1)) for each in ask["events"]]
        refused = ask.get("refused")
        if ask.get("request") is None:
            self._go_on(events, events)
            return None
        command, now = self._decided(self.candidate, ask)
        if _came(events, refused, now):
            self._go_on(events, events)
            return None
        is_root = command.command_id not in self.carried_out and (
            not self.differs or self._decided(self.recorded, ask)[1].is_the_same_as(now)
        )
        if is_root and self.cause is None:
            self.cause = command.command_id
        if refused and now.refusal is None:
            self.carried_out.add(command.command_id)
        self.differs = True
        others = chain(Position(self.sequence, GENESIS, ask["at"]), now.events, command, ask["at"])
        was = _Outcome(tuple(NewEvent(each.event_type, each.data, each.version) for each in events), refused)
        difference = {
            "kind": _kind(was, now),
            "root": is_root,
            "cause": None if is_root else self.cause,
            "commandId": command.command_id,
            "eventType": command.event_type,
            "sequence": events[0].sequence if events else None,
            "at": ask["at"],
            "was": was.told(),
            "is": now.told(),
            "process": next((found[0] for event in (*events, *others) if (found := OVERSIGHT.part(event))), None),
        }
        self._go_on(events, others)
        return difference

    def held(self) -> Mapping[str, Any] | None:
        """What it holds by the candidate's rules."""
        held = OVERSIGHT.held(self.candidate)
        return None if held is None else {"unit": held.unit, "amount": held.amount, "aside": held.aside}

    def _go_on(self, recorded: Sequence[Event], others: Sequence[Event]) -> None:
        """Fold what there is, and what the candidate has in its place; once, while that is the same."""
        for event in recorded:
            self.recorded = evolve(self.recorded, event)
        if not self.differs:
            self.candidate = self.recorded
        else:
            for event in others:
                self.candidate = evolve(self.candidate, event)
        self.sequence += len(others)

    def _decided(self, state: Any, ask: Mapping[str, Any]) -> tuple[Command, _Outcome]:
        request = exact(ask["request"], "request", depth=-1)
        # What only the ledger may ask for is no difference; and of what it carried out, nothing else is to be checked.
        is_sound = check if ask.get("refused") else (lambda *_: ())
        command = Command.read(request, request["commandId"], is_sound, meaning, scales=scales)
        if command.command_id in self.carried_out:
            text = "the candidate carried it out when it was asked for the first time"
            return command, _Outcome((), {"code": _CARRIED_OUT, "message": text})
        try:
            return command, _Outcome(tuple(decide(state, self.complete(command.sound(), ask["at"]))))
        except LedgerError as error:
            if error.status >= _FAULTS:
                raise
            rule = error.details.get("rule")
            told = {"code": error.code, "message": error.message[:_SHOWN], **({"rule": rule} if rule else {})}
            return command, _Outcome((), told)


def _came(events: Sequence[Event], refused: object, now: _Outcome) -> bool:
    """Whether a decision comes to what there is: the same facts, in whatever version they were told, or a refusal."""
    if (now.refusal is None) == bool(refused) or len(events) != len(now.events):
        return False
    return all(map(_is_told_by, now.events, events))


def _is_told_by(new: NewEvent, event: Event) -> bool:
    if new.event_type != event.event_type or new.version == event.version:
        return new == (event.event_type, event.data, event.version)
    return bool(FACTS.fact(new.event_type, new.data) == FACTS.of(event))


def _kind(was: _Outcome, now: _Outcome) -> str:
    if was.refusal is None and now.refusal is not None:
        return "other-events" if now.refusal["code"] == _CARRIED_OUT else "accepted-refused"
    return "refused-accepted" if was.refusal is not None else "other-events"


class Worker:
    """Takes the lines."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self._complete = KINDS.completion(Given(numbers))
        self._at: Aggregate | None = None
        self._problem: str | None = None

    def answer(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """What comes of a part of an aggregate's history."""
        if part["first"] or self._at is None:
            self._at, self._problem = Aggregate(part["aggregateId"], self._complete), None
        differences: list[Mapping[str, Any]] = []
        try:
            asks = part["asks"] if self._problem is None else ()
            differences.extend(found for ask in asks if (found := self._at.take(ask)) is not None)
            held = self._at.held() if part["last"] else None
        except Exception as error:  # noqa: BLE001 -- whatever the candidate raises is about this aggregate alone
            self._problem, held = f"{type(error).__name__}: {error}", None
        told = {"differences": differences, "held": held}
        return told if self._problem is None else {**told, "problem": self._problem[:_SHOWN]}


def main() -> None:
    """Answer line by line until there is none."""
    worker: Worker | None = None
    asked, answers = map(int, sys.argv[1:])
    with (
        os.fdopen(asked, encoding="utf-8", errors="surrogatepass") as lines,
        os.fdopen(answers, "w", encoding="utf-8") as out,
    ):
        for line in lines:
            told = loads(line, "line")
            if worker is None:
                worker, answer = Worker(told["numbers"]), {"kinds": [kind.name for kind in KINDS.all]}
            else:
                answer = dict(worker.answer(told))
            out.write(f"{dumps(answer)}\n")
            out.flush()


if __name__ == "__main__":
    main()

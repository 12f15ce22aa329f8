"""Short ways to say transfers in tests, and two accounts and a transfer that are carried on without any AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from handlers.domain import KINDS, PROCESS, decide
from handlers.domain.account import Account
from handlers.domain.transfer import Transfer
from handlers.sourcing.command import Command
from handlers.sourcing.errors import CommandReusedError, LedgerError, RuleBrokenError
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.process import Step

from .builders import NOW, But, command

LATE = "2024-01-15T11:00:00.000000Z"
"""When the deadline is over, of a transfer that was requested at NOW."""
SETTINGS = But({"TRANSFER_TIMEOUT_SECONDS": 3600, "TRANSFER_APPROVAL_ABOVE": 1000})
complete = KINDS.completion(SETTINGS)


def by(actor: str, event_type: str, **data: Any) -> Command:
    """Somebody's command to the transfer t."""
    return replace(command(event_type, "t", **data), actor=actor)


def request(amount: Any = 10, **data: Any) -> Command:
    """That so much go from a to b."""
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD"}
    return by("ann", "TransferRequested", **{**sides, "amount": amount, **data})


def own(event_type: str, **data: Any) -> Command:
    """A command of the ledger's own."""
    return by("ledger", event_type, **data)


def approve(actor: str = "bob") -> Command:
    return by(actor, "TransferApproved")


def expire(at: str = LATE) -> tuple[Command, str]:
    """That it expired, found at that moment."""
    return own("TransferExpired"), at


def fail(step: str = "credit") -> Command:
    return own("TransferFailed", step=step, code="RuleBroken", rule="account-active")


Given = Command | tuple[Command, str]


def events_of(*given: Given) -> list[Event]:
    """What these commands cause in a transfer, one after the other."""
    state, position, events = None, Position(), []
    for each in given:
        asked, now = each if isinstance(each, tuple) else (each, NOW)
        for event in chain(position, decide(state, complete(asked, now)), asked, now):
            state, position = KINDS.evolve(state, event), position.advance(event)
            events.append(event)
    return events


def transfer(*given: Given) -> Transfer:
    """The transfer that these commands lead to."""
    state = Transfer()
    for event in events_of(*given):
        state = KINDS.evolve(state, event)
    return state


def broken_rule(*given: Given) -> str:
    """The rule that the last command breaks after the others were accepted."""
    events_of(*given[:-1])
    try:
        events_of(*given)
    except RuleBrokenError as error:
        return error.rule
    raise AssertionError("no rule is broken")


def due(*given: Given, now: str = NOW) -> list[str]:
    """The names of the steps that are due behind these commands; of those that only ask, with a question mark."""
    return [f"{step.name}{'?' * step.dry}" for step in PROCESS.due(transfer(*given), now)]


@dataclass
class Ledger:
    """Streams in memory, with the commandIds that they know: as exact as the store, and without its races."""

    streams: dict[str, list[Event]] = field(default_factory=dict)
    now: str = NOW

    def state(self, aggregate_id: str) -> Any:
        state = None
        for event in self.streams.get(aggregate_id, []):
            state = KINDS.evolve(state, event)
        return state

    def account(self, aggregate_id: str) -> Account:
        state: Account = self.state(aggregate_id) or Account()
        return state

    def send(self, asked: Command, *, dry: bool = False) -> bool:
        """Append what a command causes, once; whether it did now. LedgerError where it is refused."""
        stream = self.streams.get(asked.aggregate_id, [])
        for event in stream:
            if event.command_id == asked.command_id:
                if event.command_digest != asked.digest:
                    raise CommandReusedError(event.event_type)
                return False
        position = Position()
        for event in stream:
            position = position.advance(event)
        state = self.state(asked.aggregate_id)
        events = chain(position, decide(state, complete(asked, self.now)), asked, self.now)
        if not dry:
            self.streams[asked.aggregate_id] = [*stream, *events]
        return not dry

    def take(self, process_id: str, step: Step) -> LedgerError | bool:
        """Take a step: whether it was taken now, or how it was refused."""
        asked = Command.parse(step.request(process_id, "c", "c"), "r")
        try:
            return self.send(asked, dry=step.dry)
        except LedgerError as error:
            return error

    def carry(self, process_id: str = "t") -> Iterator[str]:
        """Carry the transfer on, with a pause behind each step: what may happen in between is the caller's."""
        taken, alone = False, True
        while True:
            state = self.state(process_id)
            steps = tuple(step for step in PROCESS.due(state, self.now) if not (taken and alone and step.doubts))
            if not steps:
                return
            while steps:
                step, steps = steps[0], steps[1:]
                answer = self.take(process_id, step)
                refusal = answer if isinstance(answer, LedgerError) else None
                if refusal is None and not step.dry:
                    taken, alone = True, alone and answer is True
                yield f"{step.name}{'?' * step.doubts}"
                if refusal is None and step.ends:
                    return
                if refusal is not None:
                    following = PROCESS.after(state, step, refusal)
                    stands = self.state(process_id) == state
                    refused = following is None and step.name in PROCESS.certain and stands
                    assert not refused, f"{step.name} was refused: {refusal}"
                    if following == ():
                        return
                    steps = following or ()

    def money(self) -> Decimal:
        """All that there is, on accounts; of a transfer that was credited and not posted, once."""
        accounts = [each for name in self.streams if isinstance(each := self.state(name), Account)]
        total = sum((each.balance for each in accounts), Decimal(0))
        for name in self.streams:
            state = self.state(name)
            if isinstance(state, Transfer):
                moved = {
                    event.aggregate_id: event.data["amount"]
                    for stream in self.streams.values()
                    for event in stream
                    if event.event_type == "TransactionProcessed" and event.data.get("transferId") == name
                }
                total -= sum(moved.values(), Decimal(0))
        return total

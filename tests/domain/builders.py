"""Short ways to say commands and events in tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any

from handlers.domain import KINDS, decide, evolve
from handlers.domain.account import Account
from handlers.domain.facts import NEWEST
from handlers.sourcing.command import Command
from handlers.sourcing.event import GENESIS, Event, NewEvent, Position, chain
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.projection import Projection, Row
from handlers.sourcing.told import WHATEVER
from handlers.store.snapshots import Snapshot

_ids = count(1)
NOW = "2024-01-15T10:00:00.000000Z"


def command(event_type: str, aggregate_id: str = "account-1", **data: Any) -> Command:
    """A command as a client would send it, under an id of its own: no request to a function has it."""
    request = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": data}
    return Command.parse(request, f"builder-{next(_ids)}")


def create(**data: Any) -> Command:
    return command("AccountCreated", **data)


def transact(amount: Any, **data: Any) -> Command:
    return command("TransactionProcessed", amount=amount, **data)


def close(**data: Any) -> Command:
    return command("AccountClosed", **data)


def run(*commands: Command) -> tuple[Account, list[Event]]:
    """The state and the events that accepted commands lead to."""
    state, position, events = Account(), Position(), []
    for each in commands:
        for event in chain(position, decide(state, each), each, NOW):
            state, position = evolve(state, event), position.advance(event)
            events.append(event)
    return state, events


def story(aggregate_id: str, amounts: Sequence[Decimal | int], now: str = NOW, **data: Any) -> list[Event]:
    """The events of an account with a large overdraft and these transactions, second by second after `now`.

    `data` goes into every transaction besides its amount.
    """
    events: list[Event] = []
    position, state = Position(), Account()
    commands = [command("AccountCreated", aggregate_id, overdraftLimit=10**12)]
    commands += [command("TransactionProcessed", aggregate_id, amount=amount, **data) for amount in amounts]
    for index, each in enumerate(commands):
        moment = f"{now[:14]}{index // 60 % 60:02d}:{index % 60:02d}.000000Z"
        (event,) = chain(position, decide(state, each), each, moment)
        state, position = evolve(state, event), position.advance(event)
        events.append(event)
    return events


def older(events: Sequence[Event], amount: Decimal | int, **data: Any) -> Event:
    """One more transaction of a stream, as code without some of today's checks stored it: sound, whatever it holds."""
    position = Position()
    for event in events:
        position = position.advance(event)
    of = command("TransactionProcessed", events[0].aggregate_id, amount=amount, **data)
    told = {"amount": Decimal(amount), "type": "deposit", "currency": "USD", "category": "uncategorized", **data}
    (event,) = chain(position, [NewEvent("TransactionProcessed", told, NEWEST["TransactionProcessed"])], of, NOW)
    return event


def stamped(event: Event, moment: str) -> Event:
    """The event as it would be, had it been recorded then."""
    moved = replace(event, timestamp=moment)
    return replace(moved, hash=moved.computed_hash())


Items = dict[tuple[str, str], dict[str, Any]]
"""Of the read model, under (AccountId, ProjectionType)."""


def folded(events: Sequence[Event], projections: Iterable[Projection] | None = None) -> Items:
    """What the read model must hold of one aggregate: its rows, and all that its events leave beside them."""
    expected: Items = {}
    kind = KINDS.of_events(events)
    for projection in projections or [each for each in KINDS.projections(WHATEVER) if each.kind is kind]:
        row: dict[str, Any] = {}
        for event in events:
            row = projection.apply(row, event)
            if projection.entries and (entry := projection.entries.entry(row, event)):
                name = f"{projection.entries.name}#{event.sequence:016d}"
                expected[event.aggregate_id, name] = {
                    **entry,
                    "AccountId": event.aggregate_id,
                    "ProjectionType": name,
                }
        last = events[-1]
        expected[last.aggregate_id, projection.name] = {
            **row,
            "AccountId": last.aggregate_id,
            "ProjectionType": projection.name,
            "LastSequence": last.sequence,
            "LastHash": last.hash,
            **({"EntriesSequence": last.sequence} if projection.entries else {}),
        }
    return expected


def of_rows(items: Items) -> Items:
    """The rows among them, without the entries."""
    return {key: item for key, item in items.items() if "#" not in key[1]}


def summaries(*, statement: bool = True) -> tuple[OfKind, ...]:
    """The summary of accounts, with or without a statement beside it; not what else there may be of them."""
    return tuple(each for each in KINDS.projections(But({"STATEMENT": statement})) if each.name == "AccountSummary")


@dataclass(frozen=True, slots=True)
class But:
    """Whatever settings, but for these."""

    others: Mapping[str, int]

    def flag(self, name: str) -> bool:
        return bool(self.others.get(name, WHATEVER.flag(name)))

    def number(self, name: str) -> int:
        return self.others.get(name, WHATEVER.number(name))


def with_tally() -> Sequence[OfKind]:
    """Them, and one more of accounts."""
    (summary,) = summaries()
    return summary, replace(summary, projection=Tally())


class Tally:
    """How many events there were of each type: a row, and nothing beside it."""

    name = "Tally"
    entries = None
    queries = ()

    def apply(self, row: Row, event: Event) -> Row:
        return {**row, event.event_type: row.get(event.event_type, 0) + 1}

    def knows(self, row: Row, sequence: int) -> bool:
        return bool(row) and not self.damage(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        sound = all(isinstance(count, int | Decimal) for count in row.values())
        return [] if sound and sum(row.values()) == sequence else ["counts"]


def end_of_a_stream(length: int, kept: int, aggregate_id: str = "account-1") -> list[Event]:
    """The newest events of an account with deposits of 1, second by second; the others need not exist."""
    events: list[Event] = []
    position = Position(length - kept, GENESIS if length == kept else f"{length:064x}", NOW)
    for index in range(kept):
        new = NewEvent("TransactionProcessed", {"amount": 1, "type": "deposit"})
        if position.sequence == 0:
            new = NewEvent("AccountCreated", {})
        moment = f"{NOW[:17]}{index:02d}.000000Z"
        events += chain(position, [new], command(new.event_type, aggregate_id, **new.data), moment)
        position = position.advance(events[-1])
    return events


def snapshot_at(events: Sequence[Event], sequence: int) -> Snapshot:
    """The snapshot of such an account."""
    (event,) = (each for each in events if each.sequence == sequence)
    state = Account(
        status="Active",
        balance=Decimal(sequence - 1),
        transaction_count=sequence - 1,
        created_at=events[0].timestamp,
        currency="USD",
    )
    return Snapshot(state, Position(event.sequence, event.hash, event.timestamp))


def moved(events: Sequence[Event], aggregate_id: str) -> list[Event]:
    """The same story in another stream, whatever its id: as somebody else could have stored it."""
    position, stream = Position(), []
    for event in events:
        unsealed = replace(event, aggregate_id=aggregate_id, previous_hash=position.hash, hash="")
        stream.append(replace(unsealed, hash=unsealed.computed_hash()))
        position = position.advance(stream[-1])
    return stream

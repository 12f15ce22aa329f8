"""What the store holds, what follows from it, and the checks that nothing else is the case."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from handlers.domain import PROCESS, evolve
from handlers.domain.account import Account
from handlers.domain.transfer import COME_TO_NOTHING, Transfer
from handlers.sourcing.copies import Copy
from handlers.sourcing.event import GENESIS, Event
from handlers.sourcing.process import command_id
from handlers.sourcing.values import dumps
from handlers.store.items import to_record
from handlers.store.replays import Run

from ..aws import ROWS, SNAPSHOTS, STORE
from ..domain.builders import folded
from .client import Sent
from .world import World

Rows = dict[tuple[str, str], dict[str, Any]]
ENDS = ("TransferCompleted", "TransferFailed", "TransferExpired", "TransferCancelled")


def streams(world: World) -> Mapping[str, list[Event]]:
    """Every aggregate's events as they are stored, in order."""
    found: dict[str, list[Event]] = defaultdict(list)
    items = world.dynamodb.tables[STORE].items
    for key in sorted(items):
        found[key[0]].append(_event(world, items[key]))
    return found


def _event(world: World, item: dict[str, Any]) -> Event:
    """Decoded once: what is stored is replaced, never changed."""
    if id(item) not in world.decoded:
        world.decoded[id(item)] = item, Event.of(to_record(item))
    return world.decoded[id(item)][1]


def states(world: World) -> dict[str, Any]:
    """Every aggregate's state."""
    return _states(streams(world))


def _states(stored: Mapping[str, Sequence[Event]]) -> dict[str, Any]:
    return {name: reduce(evolve, events, None) for name, events in stored.items()}


def rows(world: World) -> Rows:
    """The read model as it stands, under (AccountId, ProjectionType)."""
    return {key: to_record(item) for key, item in world.dynamodb.tables[ROWS].items.items()}


def check_always(world: World) -> None:
    """What holds at every moment: unbroken streams, append only, rows and snapshots that equal the fold up to them."""
    stored = streams(world)
    for events in stored.values():
        check_stream(events)
    check_rows(rows(world), stored)
    for item in world.dynamodb.tables[SNAPSHOTS].items.values():
        check_snapshot(to_record(item), stored)
    assert {record["eventName"] for record in world.stream} <= {"INSERT"}, "a stored event was touched"


def check_rows(items: Rows, stored: Mapping[str, Sequence[Event]]) -> None:
    """Every row is the fold of its stream up to its place, with every entry up to there, if it says so.

    Every entry, of whatever place, is the one that its stream makes. A row of the entries' name says how far they were
    filled in.
    """
    truths = {aggregate_id: folded(events) for aggregate_id, events in stored.items() if events}
    for (aggregate_id, projection), item in items.items():
        if "#" in projection:
            assert item == truths[aggregate_id][aggregate_id, projection]
            continue
        reached = int(item["LastSequence"])
        assert reached <= len(stored[aggregate_id]), f"{projection} of {aggregate_id} is ahead of the store"
        expected = folded(stored[aggregate_id][:reached])
        row = next(row for key, row in expected.items() if "#" not in key[1])
        whole = {**row, "ProjectionType": projection}
        if "EntriesSequence" not in item:
            assert item == {name: value for name, value in whole.items() if name != "EntriesSequence"}
            continue
        assert item == whole
        assert expected.keys() <= items.keys(), f"entries of {aggregate_id} up to {reached} are missing"


def check_snapshot(record: Mapping[str, Any], stored: Mapping[str, Sequence[Event]]) -> None:
    """A snapshot is the fold of its stream up to its sequence, and of no other."""
    events = stored[record["AggregateId"]][: int(record["EventSequence"])]
    last, state = events[-1], reduce(evolve, events, None)
    assert (last.sequence, last.hash, last.timestamp) == (
        record["EventSequence"],
        record["Hash"],
        record["Timestamp"],
    )
    assert dumps(state.snapshot()) == dumps(record["State"])


def check_stream(events: Sequence[Event]) -> None:
    """One aggregate's events: contiguous, chained, in the order of time, each one once."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.previous_hash for event in events] == [GENESIS, *(event.hash for event in events)][: len(events)]
    assert all(event.hash == event.computed_hash() for event in events)
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
    assert len({event.event_id for event in events}) == len(events)


def check_drained(world: World, commands: Sequence[Sent]) -> None:
    """What holds when everything was delivered and every command answered."""
    check_always(world)
    stored = streams(world)
    for command in commands:
        check_command(command, stored[command.aggregate_id])
    known = {command.command_id for command in commands}
    known |= {command_id(name, step) for name in stored for step in PROCESS.steps}
    assert {event.command_id for events in stored.values() for event in events} <= known
    expected: Rows = {}
    for events in stored.values():
        if events:
            expected |= folded(events)
    pieces = {key for key in rows(world) if key[1] == "AccountStatement"}
    assert {key: item for key, item in rows(world).items() if key not in pieces} == expected
    check_published(world, stored)
    check_refusals(world, commands)


def check_replayed(world: World, run: Run) -> None:
    """What holds of a replay that has come to its end: each event that was selected went out under one id."""
    assert run.unfinished == []
    selected = [event for events in streams(world).values() for event in events if run.head.spec.selection.takes(event)]
    expected = {(each.event_id, Copy.of(each, run.head.replay_id).copy_id) for each in selected}
    assert {(each["Replay"]["eventId"], each["EventId"]) for each in world.bus.copies} == expected
    assert run.counts.selected == run.counts.sent == len(selected), "a place was saved twice, or never"


def check_command(command: Sent, events: Sequence[Event]) -> None:
    """What was said of a command is what is stored, and once it is stored, nobody who begins to ask is refused.

    An attempt that read before another one wrote may be refused after it: both were right when they read.
    """
    mine = [event for event in events if event.command_id == command.command_id]
    assert command.settled, f"{command.request} was never answered"
    assert all(
        body["error"]["code"] != "IntegrityBreach" for status, body in filter(None, command.answers) if status != 200
    )
    if not command.accepted:
        assert not mine, f"{command.request} was refused with {command.settled} and stored"
        return
    parts = command.request["eventData"].get("parts", [command.request["eventData"]])
    assert len(mine) == len(parts), f"{command.request} was accepted and stored {len(mine)} times"
    receipt = {
        "eventId": mine[-1].event_id,
        "aggregateId": command.aggregate_id,
        "sequence": mine[-1].sequence,
        "commandId": command.command_id,
    }
    accepted = [answer for answer in command.settled if answer[0] == 200]
    assert accepted == [(200, receipt)] * len(accepted)
    assert not command.taken_back, f"{command.request} was stored, then refused with {command.taken_back}"


def check_money(world: World) -> None:
    """What holds after every event, whoever has done half of what: no money is made, lost, or in two places.

    A transfer's credit is on both accounts until the other one's part is posted, and is set aside there so long.
    """
    stored = streams(world)
    current = _states(stored)
    accounts = {name: state for name, state in current.items() if isinstance(state, Account)}
    moves: dict[str, dict[str, Event]] = defaultdict(dict)
    paid: dict[str | None, Decimal] = defaultdict(Decimal)
    for name, account in accounts.items():
        paid[account.currency] -= account.balance
        assert account.available >= 0
        for event in stored[name]:
            transfer = event.data.get("transferId")
            if transfer is not None:
                assert event.command_id == command_id(transfer, event.command_id.rpartition("/")[2])
                moves[transfer][event.command_id.rpartition("/")[2]] = event
            elif event.event_type == "TransactionProcessed":
                paid[account.currency] += event.data["amount"]
    for name, transfer in current.items():
        if isinstance(transfer, Transfer):
            check_ends(transfer, stored[name])
    for name, moved in moves.items():
        transfer = current[name]
        assert isinstance(transfer, Transfer)
        assert transfer.from_account
        aside = accounts[transfer.from_account].reservations.get(name)
        assert "credit" not in moved or transfer.was_committed, "credited before the commitment"
        assert not {"post", "release"} <= moved.keys(), "posted and released"
        assert "post" not in moved or "credit" in moved, "posted and not credited"
        assert not {"credit", "release"} <= moved.keys(), "credited and released"
        assert "release" not in moved or transfer.status in COME_TO_NOTHING
        assert transfer.status != "Completed" or {"credit", "post"} <= moved.keys()
        if "credit" in moved and "post" not in moved:
            assert aside == transfer.amount
            paid[transfer.currency] += transfer.amount or 0
        assert not transfer.settled or aside is None or _opened_behind(world, transfer.from_account, name)
    assert not any(paid.values()), f"money was made or lost: {dict(paid)}"


def _opened_behind(world: World, account: str, transfer: str) -> bool:
    """Whether a transfer was settled before its account was opened: then a slow process may still set money aside."""
    types = [
        (record["dynamodb"]["Keys"]["AggregateId"]["S"], record["dynamodb"]["NewImage"]["EventType"]["S"])
        for record in world.stream
    ]
    return types.index((transfer, "TransferSettled")) < types.index((account, "AccountCreated"))


def check_ends(transfer: Transfer, events: Sequence[Event]) -> None:
    """A transfer ends one way at most, behind its end only the settling stands, and none of its rules was passed by."""
    types = [event.event_type for event in events]
    ends = [place for place, each in enumerate(types) if each in ENDS]
    assert len(ends) <= 1, f"ended twice: {types}"
    assert not ends or types[ends[0] + 1 :] in ([], ["TransferSettled"]), types
    assert types.count("TransferCommitted") <= 1
    assert "TransferCommitted" not in types or not {"TransferExpired", "TransferCancelled"} & set(types), types
    if "TransferCommitted" in types and transfer.needs_approval:
        assert transfer.approved_by not in (None, transfer.requested_by), "committed without a second person"


def check_transfers_ended(world: World) -> None:
    """Every transfer has ended one way, and nothing is set aside."""
    for name, state in states(world).items():
        if isinstance(state, Transfer):
            assert state.status == "Completed" or (state.status in COME_TO_NOTHING and state.settled), (name, state)
        elif isinstance(state, Account):
            assert not state.reservations, (name, state)


def check_published(world: World, stored: Mapping[str, Sequence[Event]]) -> None:
    """The bus delivered every stored event at least once, and nothing else."""
    details = {dumps(json.loads(body, parse_float=Decimal)["detail"]) for body in world.bus.delivered}
    assert details == {dumps(event.record()) for events in stored.values() for event in events}


def check_refusals(world: World, commands: Sequence[Sent]) -> None:
    """An auditor sees refusals that were made, each told once for each request, whatever became of its answer."""
    sent = {(command.aggregate_id, command.command_id): command for command in commands}
    for refusal in world.bus.refusals:
        command = sent[refusal["AggregateId"], refusal["CommandId"]]
        told = (refusal["EventData"]["status"], refusal["EventData"]["code"])
        answered = [(status, body["error"]["code"]) for status, body in filter(None, command.answers) if status != 200]
        assert told in answered or None in command.answers, f"{command.request} was never refused with {told}"


def check_all_refusals_published(world: World, commands: Sequence[Sent]) -> None:
    """What holds where nothing went wrong: every refusal that was answered is on the bus."""
    published = {(refusal["CommandId"], refusal["EventData"]["status"]) for refusal in world.bus.refusals}
    answered = {(command.command_id, status) for command in commands for status, _ in command.settled if status != 200}
    assert published == answered

"""The present of an aggregate: always right, at a cost that the stream's length does not change."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from handlers.sourcing.command import Command
from handlers.sourcing.errors import ContentionError, UnreadableEventError
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.event import NewEvent as New
from handlers.store.event_store import COMMAND_INDEX, EventStore
from handlers.store.ledger import Ledger, Receipt
from handlers.store.present import PresentReader
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshot, Snapshots
from handlers.store.streams import ConcurrentAppendError

from ..domain.builders import command, end_of_a_stream, run, snapshot_at, story
from ..faults.world import at_once
from .conftest import SNAPSHOTS, STORE, Calls, Invoke

ID = "account-1"
LATER = "2024-02-01T00:00:00.000000Z"
TAIL = 4

SNAPSHOT, TAIL_END, LOOK_UP = "snapshot", "tail", "look-up"


@pytest.fixture
def store(aws: Any) -> EventStore:
    return EventStore(aws, STORE)


@pytest.fixture
def snapshots(aws: Any) -> Snapshots:
    return Snapshots(aws, SNAPSHOTS)


@pytest.fixture
def ledger(store: EventStore, snapshots: Snapshots) -> Ledger:
    """A ledger in a process that has just begun, a month after the streams of these tests."""
    return new_ledger(store, snapshots)


def new_ledger(store: EventStore, snapshots: Snapshots, now: str = LATER, tail: int = TAIL) -> Ledger:
    reader = PresentReader(store, snapshots, tail=tail, now=lambda: now, begin=at_once, is_off=lambda _: False)
    return Ledger(reader, pause=lambda _: None, check_clock=lambda _: None)


def keep(store: EventStore, events: Sequence[Event]) -> Sequence[Event]:
    for event in events:
        store.append([event])
    return events


def deposit() -> Command:
    return command("TransactionProcessed", ID, amount=1)


def execute(ledger: Ledger, each: Command) -> Receipt:
    return ledger.execute(each, lambda: 30)


def reads(calls: Calls) -> list[str]:
    """What the calls since the last look asked for."""
    asked = []
    for operation, arguments in calls.made:
        kind = "events" if arguments.get("ScanIndexForward", True) else TAIL_END
        if arguments.get("TableName") == SNAPSHOTS:
            kind = SNAPSHOT
        elif arguments.get("IndexName") == COMMAND_INDEX:
            kind = LOOK_UP
        asked.append(kind if operation == "Query" else operation)
    calls.made.clear()
    return asked


def test_the_reads_go_side_by_side(send: Invoke, aws: Any, calls: Calls) -> None:
    all_three = Barrier(3, timeout=20)

    def meet(operation: str, _: Any) -> None:
        if operation == "Query":
            all_three.wait()

    calls.before = meet

    assert send("TransactionProcessed", {"amount": 1}, aggregateId="nobody knows it yet")[0] == 422
    assert calls.names.count("Query") == 3


def test_an_account_is_opened_by_one_read_and_a_write(ledger: Ledger, calls: Calls) -> None:
    execute(ledger, command("AccountCreated", ID))

    assert reads(calls) == [TAIL_END, "PutItem"]


def test_a_stream_that_its_caller_knows_to_be_short_is_one_read(
    ledger: Ledger, store: EventStore, calls: Calls
) -> None:
    keep(store, story(ID, [1]))
    reads(calls)

    assert execute(ledger, replace(deposit(), expected_sequence=2)).sequence == 3
    assert reads(calls) == [TAIL_END, "PutItem"]


def test_a_stream_that_should_be_short_and_is_long_takes_one_wait_more(
    ledger: Ledger, store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    opening, *_ = keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)
    again = replace(command("AccountCreated", ID, overdraftLimit=10**12), command_id=opening.command_id)
    reads(calls)

    assert execute(ledger, again) == Receipt.of(opening)
    assert reads(calls) == [TAIL_END, LOOK_UP, SNAPSHOT, TAIL_END, "events"]


@pytest.mark.parametrize("expected", [TAIL // 2 + 1, None])
def test_a_stream_of_which_nobody_knows_that_it_is_short_is_one_wait(
    ledger: Ledger, store: EventStore, calls: Calls, expected: int | None
) -> None:
    keep(store, story(ID, [1, 1]))
    reads(calls)

    execute(ledger, replace(deposit(), expected_sequence=expected))

    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]


def test_a_short_stream_that_the_process_has_met_is_one_read(ledger: Ledger, calls: Calls) -> None:
    """Where nothing is written, so that no condition tells whether what was kept is the present."""
    execute(ledger, command("AccountCreated", ID))
    reads(calls)

    ledger.foresee(deposit(), lambda: 30)

    assert reads(calls) == [TAIL_END]


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_long_stream_is_one_wait_and_a_write(
    ledger: Ledger, store: EventStore, snapshots: Snapshots, calls: Calls, length: int
) -> None:
    kept = keep(store, end_of_a_stream(length, TAIL))
    snapshots.write(ID, [snapshot_at(kept, length - 2)])
    reads(calls)

    assert execute(ledger, deposit()).sequence == length + 1

    of_events = [arguments for arguments in calls.to("Query") if arguments["TableName"] == STORE]
    assert [arguments["ConsistentRead"] for arguments in of_events] == [True, True]
    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]


def test_the_state_of_a_long_stream_is_that_of_its_snapshot_and_its_end(
    ledger: Ledger, store: EventStore, snapshots: Snapshots
) -> None:
    kept = keep(store, end_of_a_stream(100, TAIL))
    snapshots.write(ID, [snapshot_at(kept, 98)])

    present = ledger.reader.read(ID, "any")

    assert present.position.sequence == 100
    assert present.state.balance == present.state.transaction_count == 99


def test_a_command_of_long_ago_is_found_below_the_tail(
    ledger: Ledger, store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    events = keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)
    first = Command.parse({"aggregateId": ID, "eventType": "TransactionProcessed", "eventData": {"amount": 1}}, "x")
    again = replace(first, command_id=events[2].command_id)
    reads(calls)

    assert execute(ledger, again) == Receipt.of(events[2])
    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "events"]


def test_a_command_of_several_events_is_answered_by_its_last(
    store: EventStore, snapshots: Snapshots, ledger: Ledger
) -> None:
    created, payment = command("AccountCreated", ID), deposit()
    _, events = run(created)
    parts = [New("TransactionProcessed", {"amount": 1, "type": "deposit"})] * 3
    stored = chain(ledger.reader.read(ID, "x").fold(events).position, parts, payment, LATER)
    keep(store, [*events, *stored])
    for _ in range(TAIL):
        execute(ledger, deposit())

    assert execute(new_ledger(store, snapshots), payment) == Receipt.of(stored[-1])


def test_a_look_up_that_answers_in_pages_finds_the_last_event(store: EventStore, calls: Calls) -> None:
    payment = deposit()
    parts = [New("TransactionProcessed", {"amount": 1, "type": "deposit"})] * 3
    keep(store, chain(Position(), parts, payment, LATER))

    def short_pages(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query":
            arguments["Limit"] = 1

    calls.before = short_pages

    assert store.find(ID, payment.command_id).sequence == 3


@pytest.mark.parametrize("others", [0, TAIL, 3 * TAIL])
def test_a_twin_between_look_up_and_tail_is_seen_however_much_follows_it(
    store: EventStore, snapshots: Snapshots, calls: Calls, others: int
) -> None:
    """The look-up finds nothing; then the command's other execution writes, and others until the tail is full."""
    keep(store, story(ID, [1] * 9))
    now = "2024-01-15T10:00:10.000000Z"
    payment = deposit()
    twins: list[Receipt] = []

    def overtake(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and not arguments.get("ScanIndexForward", True) and "IndexName" not in arguments:
            calls.before = None
            twins.append(execute(new_ledger(store, snapshots, now), payment))
            for _ in range(others):
                execute(new_ledger(store, snapshots, now), deposit())

    slow = new_ledger(store, snapshots, now)
    calls.before = overtake

    assert execute(slow, payment) == twins[0]
    assert [event.command_id for event in store.read(ID)].count(payment.command_id) == 1


def test_the_look_up_is_repeated_only_where_the_whole_tail_is_young(
    store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)
    reads(calls)

    for now, expected in (("2024-01-15T10:00:30.000000Z", 2), ("2024-01-15T10:02:00.000000Z", 1)):
        new_ledger(store, snapshots, now).reader.read(ID, "another")
        assert reads(calls).count(LOOK_UP) == expected


def test_a_new_process_on_31_events_of_one_minute_makes_five_requests_in_three_waits(
    store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    """The look-up once more, behind the tail. From then on the process has met them: two in two."""
    keep(store, story(ID, [1] * 30))
    SnapshotBuilder(store, snapshots, every=10).bring_up_to(ID, 30)
    cold = new_ledger(store, snapshots, "2024-01-15T10:00:40.000000Z", tail=20)
    reads(calls)

    assert execute(cold, deposit()).sequence == 32
    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, LOOK_UP, "PutItem"]
    assert execute(cold, deposit()).sequence == 33
    assert reads(calls) == [LOOK_UP, "PutItem"]


def test_events_of_one_transaction_do_not_vouch_for_each_other(
    store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    """All of them may have been written after the look-up by a command that was decided long before."""
    _, events = run(command("AccountCreated", ID))
    together = [New("TransactionProcessed", {"amount": 1, "type": "deposit"})] * 5
    ledger = new_ledger(store, snapshots)
    keep(
        store,
        [*events, *chain(ledger.reader.read(ID, "x").fold(events).position, together, deposit(), events[0].timestamp)],
    )
    reads(calls)

    new_ledger(store, snapshots).reader.read(ID, "another")

    assert reads(calls).count(LOOK_UP) == 2


def test_a_process_vouches_for_what_it_has_seen(store: EventStore, snapshots: Snapshots, calls: Calls) -> None:
    keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)
    busy = new_ledger(store, snapshots, "2024-01-15T10:00:30.000000Z")
    execute(busy, deposit())
    for _ in range(TAIL):
        execute(new_ledger(store, snapshots, "2024-01-15T10:00:30.000000Z"), deposit())
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 14)
    busy.reader._kept.forget(ID)
    reads(calls)

    execute(busy, deposit())

    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]


@pytest.mark.parametrize("length", [9, 10, 10 + TAIL, 10 + TAIL + 1])
def test_a_process_does_not_vouch_for_a_stream_by_what_it_has_seen_of_another(
    aws: Any, store: EventStore, snapshots: Snapshots, calls: Calls, length: int
) -> None:
    """Of a store that was replaced: the process has seen more events than lie below the tail, but not these."""
    for event in keep(store, story(ID, [1] * 9)):
        key = {"AggregateId": {"S": ID}, "EventSequence": {"N": str(event.sequence)}}
        if event.sequence == 1:
            busy = new_ledger(store, snapshots, "2024-01-15T10:00:30.000000Z")
            busy.foresee(deposit(), lambda: 30)
            assert busy.reader._seen[ID].sequence == 10
            busy.reader._kept.forget(ID)
        aws.delete_item(TableName=STORE, Key=key)
    keep(store, story(ID, [2] * (length - 1)))
    reads(calls)

    busy.foresee(deposit(), lambda: 30)

    assert reads(calls).count(LOOK_UP) == 2


def test_snapshots_that_lag_behind_the_tail_cost_a_read_and_nothing_else(
    ledger: Ledger, store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    keep(store, story(ID, [1] * 19))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 6)
    reads(calls)

    assert ledger.reader.read(ID, "any").state.balance == 19

    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "events"]


def replaced(snapshot: Snapshot, **position: Any) -> Snapshot:
    return Snapshot(snapshot.state, snapshot.position._replace(**position))


@pytest.mark.parametrize("at", [2, 8, 10, 14], ids=lambda at: f"at {at} of 10")
def test_a_snapshot_of_another_stream_is_passed_over(
    ledger: Ledger, store: EventStore, snapshots: Snapshots, at: int
) -> None:
    """As after the store was restored to an earlier moment, from where it went on otherwise."""
    keep(store, story(ID, [2] * 9))
    elsewhere = end_of_a_stream(20, 20)
    snapshots.write(ID, [snapshot_at(elsewhere, at)])

    assert ledger.reader.read(ID, "any").state.balance == 18


def test_a_lapsed_snapshot_is_not_used(ledger: Ledger, store: EventStore, snapshots: Snapshots) -> None:
    keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=10).bring_up_to(ID, 10)
    newest = snapshots.nearest(ID)
    assert newest
    snapshots.write(ID, [newest], expires_at=snapshots.seconds() - 1)

    assert snapshots.nearest(ID) is None
    assert ledger.reader.read(ID, "any").state.balance == 9


def test_lapsed_snapshots_do_not_hide_one_before_them(store: EventStore, snapshots: Snapshots, calls: Calls) -> None:
    """As where a retention is set for the first time: what was kept before it lapses never."""
    events = keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)
    for sequence in (6, 8):
        lapsing = snapshots.nearest(ID, sequence)
        assert lapsing
        snapshots.write(ID, [lapsing], expires_at=snapshots.seconds() - 1)
    reads(calls)

    by_sequence = snapshots.nearest(ID, 9)
    by_time = snapshots.nearest_in_time(ID, events[8].timestamp)

    assert by_sequence == by_time
    assert by_sequence
    assert by_sequence.position.sequence == 4
    assert reads(calls) == [SNAPSHOT] * 4


Damage = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "damage",
    [
        lambda item: item.pop("State"),
        lambda item: item.update(State={"M": {}}),
        lambda item: item.update(EventSequence={"S": "many"}),
        lambda item: item.pop("Hash"),
    ],
    ids=["no state", "empty state", "no number", "no hash"],
)
def test_a_damaged_snapshot_is_none(
    aws: Any, ledger: Ledger, store: EventStore, snapshots: Snapshots, damage: Damage
) -> None:
    keep(store, story(ID, [1] * 9))
    SnapshotBuilder(store, snapshots, every=10).bring_up_to(ID, 10)
    (item,) = aws.scan(TableName=SNAPSHOTS)["Items"]
    damage(item)
    aws.put_item(TableName=SNAPSHOTS, Item=item)

    assert ledger.reader.read(ID, "any").state.balance == 9


def test_a_twin_that_writes_behind_the_tail_is_answered_for_by_the_repeated_look_up(
    store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    """The tail is read; then the command's other execution writes; the look-up that is made once more finds it."""
    now = "2024-01-15T10:00:10.000000Z"
    keep(store, story(ID, [1] * 9))
    payment = deposit()
    twins: list[Receipt] = []

    def overtake(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and not arguments.get("ScanIndexForward", True) and "IndexName" not in arguments:
            calls.after = None
            twins.append(execute(new_ledger(store, snapshots, now), payment))

    slow = new_ledger(store, snapshots, now)
    calls.after = overtake

    assert execute(slow, payment) == twins[0]
    assert [event.command_id for event in store.read(ID)].count(payment.command_id) == 1


def unfoldable(events: Sequence[Event]) -> Event:
    """One more event of a stream that today's code cannot fold: written by newer code."""
    position = Position()
    for event in events:
        position = position.advance(event)
    (event,) = chain(position, [New("TransactionProcessed", {"amount": 1, "type": "deposit"}, 99)], deposit(), LATER)
    return event


@pytest.mark.parametrize("length", [TAIL - 2, 3 * TAIL])
def test_a_command_that_was_carried_out_is_answered_beside_an_event_that_cannot_be_folded(
    store: EventStore, ledger: Ledger, length: int
) -> None:
    events = [*keep(store, story(ID, [1] * (length - 1)))]
    first = deposit()
    receipt = execute(ledger, first)
    events = list(store.read(ID))
    keep(store, [unfoldable(events)])

    assert execute(ledger, first) == receipt
    assert ledger.foresee(first, lambda: 30) == receipt
    with pytest.raises(UnreadableEventError):
        execute(ledger, deposit())


def test_a_race_that_the_commands_own_event_won_is_answered_beside_an_event_that_cannot_be_folded(
    store: EventStore, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, story(ID, [1]))
    mine = deposit()
    append = EventStore.append

    def beaten(self: EventStore, events: Sequence[Event]) -> None:
        monkeypatch.setattr(EventStore, "append", append)
        append(self, events)
        append(self, [unfoldable(list(self.read(ID)))])
        append(self, events)

    monkeypatch.setattr(EventStore, "append", beaten)

    assert execute(new_ledger(store, snapshots), mine).sequence == 3
    assert len(list(store.read(ID))) == 4


def pauses(store: EventStore, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long a writer pauses that loses every race, in an environment that begins from a certain snapshot."""

    def lose(_store: EventStore, _events: Sequence[Event]) -> None:
        raise ConcurrentAppendError

    random.seed(1)
    waited: list[float] = []
    ledger = replace(new_ledger(store, snapshots), pause=waited.append)
    monkeypatch.setattr(EventStore, "append", lose)
    with pytest.raises(ContentionError):
        execute(ledger, deposit())
    return waited


def test_writers_that_begin_from_one_snapshot_do_not_pause_alike(
    store: EventStore, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would meet again in every round. SnapStart begins each environment with the memory of one."""
    keep(store, story(ID, [1]))

    first, second = (pauses(store, snapshots, monkeypatch) for _ in range(2))

    assert len(first) == len(second) > 0
    assert first != second

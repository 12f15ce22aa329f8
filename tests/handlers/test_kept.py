"""What a process keeps of an aggregate makes its commands cheaper, and never wrong."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from handlers.domain import account
from handlers.domain.account import Account as State
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.errors import (
    ClockSkewError,
    IntegrityError,
    LedgerError,
    RuleBrokenError,
    SequenceConflictError,
    TooLargeError,
    UnreadableEventError,
)
from handlers.sourcing.event import Event, Position
from handlers.store import ledger as module
from handlers.store import present
from handlers.store.event_store import EventStore
from handlers.store.kept import Kept, KeptPresents
from handlers.store.ledger import Ledger, Receipt
from handlers.store.present import CONFIRMED_SECONDS, WHOLE_SECONDS, PresentReader
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots

from ..domain.builders import close, create, story, transact
from ..faults.world import at_once
from .conftest import SNAPSHOTS, STORE, Calls, refusing
from .test_present import ID, LATER, LOOK_UP, SNAPSHOT, TAIL, TAIL_END, deposit, execute, keep, new_ledger, reads

LENGTH = 10


@pytest.fixture
def store(aws: Any) -> EventStore:
    return EventStore(aws, STORE)


@pytest.fixture
def snapshots(aws: Any) -> Snapshots:
    return Snapshots(aws, SNAPSHOTS)


@pytest.fixture
def met(store: EventStore, snapshots: Snapshots, calls: Calls) -> Ledger:
    """A ledger in a process that has met an account of 10 events and a balance of 9, and wrote the last one."""
    keep(store, story(ID, [1] * (LENGTH - 2)))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, LENGTH - 2)
    ledger = new_ledger(store, snapshots)
    execute(ledger, deposit())
    reads(calls)
    return ledger


@pytest.fixture
def other(store: EventStore, snapshots: Snapshots) -> Ledger:
    """A ledger in another process."""
    return new_ledger(store, snapshots)


def after(ledger: Ledger, seconds: float) -> Ledger:
    """The same process, so much later."""
    now = times.to_text(datetime.fromisoformat(LATER) + timedelta(seconds=seconds))
    return replace(ledger, now=lambda: now, reader=replace(ledger.reader, now=lambda: now))


def kept(ledger: Ledger) -> Kept | None:
    return ledger.reader._kept.get(ID)


def balance(store: EventStore, snapshots: Snapshots) -> Any:
    return new_ledger(store, snapshots).reader.read(ID, "any").state.balance


def test_a_command_on_an_aggregate_that_was_met_is_a_look_up_and_a_write(met: Ledger, calls: Calls) -> None:
    for sequence in (LENGTH + 1, LENGTH + 2):
        assert execute(met, deposit()).sequence == sequence
        assert reads(calls) == [LOOK_UP, "PutItem"]


def test_the_look_up_is_strongly_consistent(met: Ledger, calls: Calls) -> None:
    execute(met, deposit())

    assert [arguments["ConsistentRead"] for arguments in calls.to("Query")] == [True]


def test_an_account_is_met_by_opening_it(store: EventStore, snapshots: Snapshots, calls: Calls) -> None:
    ledger = new_ledger(store, snapshots)
    execute(ledger, create())
    reads(calls)

    assert execute(ledger, deposit()).sequence == 2
    assert reads(calls) == [LOOK_UP, "PutItem"]


def test_a_refusal_is_decided_on_the_streams_end(met: Ledger, other: Ledger, calls: Calls) -> None:
    """What was kept has a balance of 9, the stream one of 109."""
    execute(other, transact(100))
    reads(calls)

    overdrawn = transact(-(10**12) - 50)
    assert execute(met, overdrawn).sequence == LENGTH + 2
    assert reads(calls) == [LOOK_UP, "events", "PutItem"]


def test_a_refusal_tells_of_the_streams_end(met: Ledger, other: Ledger, calls: Calls) -> None:
    execute(other, transact(100))
    reads(calls)

    with pytest.raises(RuleBrokenError) as refused:
        execute(met, transact(-(10**13)))

    assert refused.value.details["balance"] == 109
    assert reads(calls) == [LOOK_UP, "events"]


def test_an_account_that_another_process_closed_is_closed(met: Ledger, other: Ledger) -> None:
    execute(other, transact(-9))
    execute(other, close())

    with pytest.raises(RuleBrokenError, match="closed"):
        execute(met, deposit())


def test_an_event_too_large_by_what_was_kept_is_measured_at_the_streams_end(
    met: Ledger, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = EventStore.append

    def refuse_once(self: EventStore, events: list[Event]) -> None:
        monkeypatch.setattr(EventStore, "append", append)
        raise TooLargeError("as it would be of a state of before")

    monkeypatch.setattr(EventStore, "append", refuse_once)

    assert execute(met, deposit()).sequence == LENGTH + 1
    assert reads(calls) == [LOOK_UP, "events", "PutItem"]


def test_a_command_that_another_process_made_impossible_is_refused_after_the_lost_race(
    store: EventStore, snapshots: Snapshots, met: Ledger, other: Ledger, calls: Calls
) -> None:
    execute(other, transact(-(10**12)))
    reads(calls)

    with pytest.raises(RuleBrokenError, match="overdraft"):
        execute(met, transact(-10))

    assert reads(calls) == [LOOK_UP, "PutItem", "events"]
    assert balance(store, snapshots) == 9 - 10**12


def test_who_lost_a_race_reads_first_until_nobody_else_writes(met: Ledger, other: Ledger, calls: Calls) -> None:
    execute(other, deposit())
    reads(calls)

    execute(met, deposit())
    assert reads(calls) == [LOOK_UP, "PutItem", "events", "PutItem"]
    execute(met, deposit())
    assert reads(calls) == [LOOK_UP, "events", "PutItem"]
    execute(met, deposit())
    assert reads(calls) == [LOOK_UP, "PutItem"]


def test_two_that_share_an_aggregate_soon_lose_no_races(met: Ledger, other: Ledger, calls: Calls) -> None:
    execute(other, deposit())
    execute(met, deposit())
    execute(other, deposit())
    reads(calls)

    for number in range(6):
        execute((met, other)[number % 2], deposit())
        assert reads(calls) == [LOOK_UP, "events", "PutItem"]


def test_a_command_of_long_ago_and_of_just_now_gets_its_receipt_again(met: Ledger, calls: Calls) -> None:
    first = deposit()
    receipt = execute(met, first)
    execute(met, deposit())
    reads(calls)

    assert execute(met, first) == receipt
    assert reads(calls) == [LOOK_UP, "events"]
    assert execute(met, deposit()).sequence == LENGTH + 3


def test_a_command_that_another_process_carried_out_gets_its_receipt(met: Ledger, other: Ledger, calls: Calls) -> None:
    first = deposit()
    receipt = execute(other, first)
    reads(calls)

    assert execute(met, first) == receipt
    assert reads(calls) == [LOOK_UP, "events"]


@pytest.mark.parametrize("others", [0, 1, 3 * TAIL])
def test_a_twin_behind_the_look_up_takes_the_place(
    store: EventStore, met: Ledger, other: Ledger, calls: Calls, others: int
) -> None:
    payment = deposit()
    twins: list[Receipt] = []

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            twins.append(execute(other, payment))
            for _ in range(others):
                execute(other, deposit())

    calls.before = overtake

    assert execute(met, payment) == twins[0]
    assert [event.command_id for event in store.read(ID)].count(payment.command_id) == 1


def test_a_write_whose_answer_was_lost_is_found(met: Ledger, calls: Calls) -> None:
    payment = deposit()

    def lose(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.after = None
            raise ReadTimeoutError(endpoint_url="dynamodb")

    calls.after = lose
    with pytest.raises(ReadTimeoutError):
        execute(met, payment)

    assert kept(met) is not None
    assert execute(met, payment).sequence == LENGTH + 1
    assert execute(met, deposit()).sequence == LENGTH + 2


def test_a_write_that_did_not_happen_is_not_kept(met: Ledger, calls: Calls) -> None:
    before = kept(met)
    calls.before = refusing("PutItem", "ValidationException")
    with pytest.raises(Exception, match="told to"):
        execute(met, deposit())
    calls.before = None

    assert kept(met) == before
    assert execute(met, deposit()).sequence == LENGTH + 1


def test_a_kept_state_never_changes(met: Ledger, other: Ledger) -> None:
    before = kept(met)
    copy = deepcopy(before)

    execute(met, deposit())
    execute(other, deposit())
    execute(met, deposit())
    with pytest.raises(RuleBrokenError):
        execute(met, transact(-(10**13)))
    met.foresee(deposit(), lambda: 30)

    assert before == copy
    assert kept(met) != before


def test_an_expectation_that_goes_with_what_was_kept_is_held_to_the_streams_end(
    met: Ledger, other: Ledger, calls: Calls
) -> None:
    assert execute(met, replace(deposit(), expected_sequence=LENGTH)).sequence == LENGTH + 1
    execute(other, deposit())
    reads(calls)

    with pytest.raises(SequenceConflictError) as refused:
        execute(met, replace(deposit(), expected_sequence=LENGTH + 1))

    assert refused.value.details["actualSequence"] == LENGTH + 2
    assert reads(calls) == [LOOK_UP, "PutItem", "events"]


@pytest.mark.parametrize(("expected", "accepted"), [(LENGTH + 1, True), (LENGTH, False), (1, False)])
def test_a_caller_who_expects_something_else_than_what_was_kept_is_asked_for_at_once(
    met: Ledger, other: Ledger, calls: Calls, expected: int, accepted: bool
) -> None:
    execute(other, deposit())
    if expected == LENGTH:
        execute(met, deposit())
    reads(calls)

    each = replace(deposit(), expected_sequence=expected)
    if accepted:
        assert execute(met, each).sequence == LENGTH + 2
        assert reads(calls) == [LOOK_UP, "events", "PutItem"]
    else:
        with pytest.raises(SequenceConflictError):
            execute(met, each)
        assert reads(calls) == [LOOK_UP, "events"]


def test_what_is_foreseen_is_foreseen_at_the_streams_end(met: Ledger, other: Ledger, calls: Calls) -> None:
    execute(other, deposit())
    reads(calls)

    assert met.foresee(deposit(), lambda: 30).sequence == LENGTH + 2
    assert reads(calls) == [LOOK_UP, "events"]
    execute(other, transact(-(10**12) - 10))
    with pytest.raises(RuleBrokenError, match="overdraft"):
        met.foresee(transact(-10), lambda: 30)


@pytest.mark.parametrize(
    ("seconds", "made"),
    [
        (CONFIRMED_SECONDS, [LOOK_UP, "PutItem"]),
        (CONFIRMED_SECONDS + 1, [LOOK_UP, "events", "PutItem"]),
        (WHOLE_SECONDS, [LOOK_UP, "events", "PutItem"]),
        (WHOLE_SECONDS + 1, [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]),
        (-1, [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]),  # a clock that was set back measures nothing
    ],
)
def test_what_was_kept_for_long_is_confirmed_and_at_last_read_whole(
    met: Ledger, calls: Calls, seconds: float, made: list[str]
) -> None:
    later = after(met, seconds)

    assert execute(later, deposit()).sequence == LENGTH + 1
    assert reads(calls) == made
    assert execute(later, deposit()).sequence == LENGTH + 2
    assert reads(calls) == [LOOK_UP, "PutItem"]


def test_what_is_confirmed_again_and_again_is_read_whole_at_last(met: Ledger, calls: Calls) -> None:
    made = []
    for minutes in range(1, 18):
        execute(after(met, minutes * 60.0), deposit())
        made.append(SNAPSHOT in reads(calls))

    assert made == [minutes == 16 for minutes in range(1, 18)]


@pytest.mark.parametrize(
    ("seconds", "first"), [(0, [LOOK_UP, "PutItem", "events"]), (CONFIRMED_SECONDS + 1, [LOOK_UP, "events"])]
)
def test_a_process_that_slept_through_more_than_a_tail_reads_the_present_whole(
    met: Ledger, other: Ledger, calls: Calls, seconds: float, first: list[str]
) -> None:
    for _ in range(3 * TAIL):
        execute(other, deposit())
    reader = other.reader
    SnapshotBuilder(reader.store, reader.snapshots, every=2).bring_up_to(ID, LENGTH + 3 * TAIL)
    reads(calls)

    assert execute(after(met, seconds), deposit()).sequence == LENGTH + 3 * TAIL + 1
    made = reads(calls)
    again = [] if seconds else [LOOK_UP]  # the whole tail is young
    assert made == [*first, LOOK_UP, SNAPSHOT, TAIL_END, *again, "PutItem"]
    assert balance(reader.store, reader.snapshots) == LENGTH + 3 * TAIL


Replace = Callable[[Any, EventStore], int]


def cut_off(aws: Any, _: EventStore) -> int:
    """The store of some events before: it lacks the newest."""
    for sequence in range(LENGTH - 1, LENGTH + 1):
        key = {"AggregateId": {"S": ID}, "EventSequence": {"N": str(sequence)}}
        aws.delete_item(TableName=STORE, Key=key)
    return LENGTH - 2


def emptied(aws: Any, _: EventStore) -> int:
    for sequence in range(1, LENGTH + 1):
        aws.delete_item(TableName=STORE, Key={"AggregateId": {"S": ID}, "EventSequence": {"N": str(sequence)}})
    return 0


def gone_on_otherwise(aws: Any, store: EventStore) -> int:
    emptied(aws, store)
    keep(store, story(ID, [2] * (LENGTH - 1)))
    return LENGTH


def longer(aws: Any, store: EventStore) -> int:
    emptied(aws, store)
    keep(store, story(ID, [2] * LENGTH))
    return LENGTH + 1


@pytest.mark.parametrize("replace_it", [cut_off, gone_on_otherwise, longer])
def test_a_store_that_was_replaced_under_a_living_process_is_read_anew(
    aws: Any, store: EventStore, met: Ledger, replace_it: Replace
) -> None:
    length = replace_it(aws, store)

    assert execute(after(met, CONFIRMED_SECONDS + 1), deposit()).sequence == length + 1
    position = Position()
    for event in store.read(ID):
        position = position.advance(event)


def test_a_store_that_was_emptied_under_a_living_process_has_no_account(
    aws: Any, store: EventStore, met: Ledger
) -> None:
    emptied(aws, store)

    with pytest.raises(RuleBrokenError, match="no account"):
        execute(after(met, CONFIRMED_SECONDS + 1), deposit())


def test_what_cannot_be_gone_on_from_is_read_anew(store: EventStore, snapshots: Snapshots, met: Ledger) -> None:
    """The place was taken by an event of another chain than was kept."""
    found = kept(met)
    assert found
    met.reader._kept.keep(ID, found._replace(position=found.position._replace(sequence=LENGTH - 1)))

    assert execute(met, deposit()).sequence == LENGTH + 1
    assert balance(store, snapshots) == LENGTH


def test_a_clock_that_is_off_writes_nothing_and_refuses_nothing_by_what_was_kept(met: Ledger, calls: Calls) -> None:
    def refuse(sighting: Any) -> None:
        assert sighting.aws is not None
        raise ClockSkewError("off")

    off = replace(met, check_clock=refuse)

    for each in (deposit(), transact(-(10**13))):
        with pytest.raises(ClockSkewError):
            execute(off, each)
        assert "PutItem" not in reads(calls)


def test_an_event_that_was_stored_is_acknowledged_though_it_cannot_be_folded(
    met: Ledger, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: Any) -> State:
        raise UnreadableEventError("of a version that nobody knows")

    with monkeypatch.context() as patch:
        patch.setattr(present, "evolve", unreadable)
        assert execute(met, deposit()).sequence == LENGTH + 1
    assert kept(met) is None
    reads(calls)

    assert execute(met, deposit()).sequence == LENGTH + 2
    assert reads(calls) == [LOOK_UP, SNAPSHOT, TAIL_END, "PutItem"]


@pytest.mark.parametrize("length", [2, LENGTH])
def test_what_was_not_folded_is_not_kept(store: EventStore, snapshots: Snapshots, length: int) -> None:
    """Of a command that was carried out before, neither state nor place is known."""
    keep(store, story(ID, [1] * (length - 2)))
    first = deposit()
    execute(new_ledger(store, snapshots), first)

    ledger = new_ledger(store, snapshots)
    for _ in range(2):
        execute(ledger, first)
        assert kept(ledger) is None


def test_a_broken_chain_is_a_fault_to_a_process_that_had_met_the_stream_whole(
    aws: Any, store: EventStore, met: Ledger
) -> None:
    forged = replace(story(ID, [1] * LENGTH)[-1], previous_hash="f" * 64)
    store.append([forged])

    with pytest.raises(IntegrityError):
        execute(met, deposit())
    with pytest.raises(LedgerError):
        met.foresee(deposit(), lambda: 30)


def test_several_events_are_kept_as_one(
    store: EventStore, snapshots: Snapshots, met: Ledger, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = account.decide

    def thrice(state: State, each: Command) -> Any:
        return decide(state, each) * 3

    with monkeypatch.context() as patch:
        patch.setattr(module, "decide", thrice)
        assert execute(met, deposit()).sequence == LENGTH + 3
    reads(calls)

    assert execute(met, deposit()).sequence == LENGTH + 4
    assert reads(calls) == [LOOK_UP, "PutItem"]
    assert balance(store, snapshots) == LENGTH + 3


def one(text: str = "2024-01-15T10:00:00Z") -> Kept:
    state = State(status="Active", balance=Decimal("1.25"), created_at=text, currency="USD", transaction_count=1)
    return Kept(state, Position(2, "0" * 64, LATER), LATER, LATER, shared=False)


def test_so_many_presents_are_kept() -> None:
    presents = KeptPresents(most=2)
    for name in ("a", "b", "a", "c"):
        presents.keep(name, one())

    assert [name for name in "abc" if presents.get(name)] == ["a", "c"]
    assert presents.held_bytes == one().bytes_in("a") + one().bytes_in("c")


def test_presents_of_so_many_bytes_are_kept() -> None:
    presents = KeptPresents(most_bytes=3 * one().bytes_in("a"))
    for name in "abcd":
        presents.keep(name, one())
    assert [name for name in "abcd" if presents.get(name)] == ["b", "c", "d"]

    presents.keep("e", one("x" * 10_000))
    assert len(presents) == 0
    assert presents.held_bytes == 0


@pytest.mark.parametrize("text", ["2024-01-15T10:00:00Z", "ж" * 500, "😀" + "x" * 500])
def test_kept_presents_take_no_more_memory_than_is_reckoned(text: str) -> None:
    presents = KeptPresents()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(500):
            each = one("".join([text, str(number)]))
            position = Position(number, f"{number:064x}", f"{LATER[:-7]}{number:06d}Z")
            presents.keep(f"account-{number}-{text}"[:256], each._replace(position=position))
        after_all, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(presents) == 500
    assert after_all - before <= presents.held_bytes


def test_a_reader_of_its_own_keeps_its_own(store: EventStore, snapshots: Snapshots) -> None:
    readers = [PresentReader(store, snapshots, tail=4, now=lambda: LATER, begin=at_once) for _ in range(2)]

    assert readers[0]._kept is not readers[1]._kept

"""What a process keeps of an aggregate makes its commands cheaper, and never wrong."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers.domain import account
from handlers.domain.account import Account as State
from handlers.sourcing import times
from handlers.sourcing.command import Command
from handlers.sourcing.errors import (
    ClockSkewError,
    IntegrityError,
    LedgerError,
    NotAnEventError,
    RuleBrokenError,
    SequenceConflictError,
    TooLargeError,
    UnreadableEventError,
)
from handlers.sourcing.event import Event, Position
from handlers.store import ledger as module
from handlers.store import present
from handlers.store.clocks import ClockCheck
from handlers.store.event_store import EventStore
from handlers.store.kept import Kept, KeptPresents
from handlers.store.ledger import Ledger, Receipt
from handlers.store.present import CONFIRMED_SECONDS, WHOLE_SECONDS, PresentReader
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots

from ..aws import TABLES
from ..domain.builders import close, command, create, story, transact
from ..faults.world import at_once
from ..foreign import put_foreign
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
    return replace(ledger, reader=replace(ledger.reader, now=lambda: now))


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
    met: Ledger, aws: Any, calls: Calls, seconds: float, first: list[str]
) -> None:
    store, snapshots = EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS)
    other = new_ledger(store, snapshots)
    for _ in range(3 * TAIL):
        execute(other, deposit())
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, LENGTH + 3 * TAIL)
    reads(calls)

    assert execute(after(met, seconds), deposit()).sequence == LENGTH + 3 * TAIL + 1
    made = reads(calls)
    again = [] if seconds else [LOOK_UP]  # the whole tail is young
    assert made == [*first, LOOK_UP, SNAPSHOT, TAIL_END, *again, "PutItem"]
    assert balance(store, snapshots) == LENGTH + 3 * TAIL


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


def enrich(aws: Any, sequence: int) -> dict[str, Any]:
    """Edit a stored event's amount and leave its Hash; the value is the item as it was."""
    key = {"AggregateId": {"S": ID}, "EventSequence": {"N": str(sequence)}}
    item: dict[str, Any] = aws.get_item(TableName=STORE, Key=key)["Item"]
    edited = deepcopy(item)
    edited["EventData"]["M"]["amount"] = {"N": str(10**13)}
    aws.put_item(TableName=STORE, Item=edited)
    return item


@pytest.mark.parametrize("length", [3, LENGTH])
@pytest.mark.parametrize("met_before", [True, False])
@pytest.mark.parametrize("writes", [True, False])
def test_what_was_read_of_an_edited_event_is_not_kept(
    aws: Any, store: EventStore, snapshots: Snapshots, *, length: int, met_before: bool, writes: bool
) -> None:
    """So the event need only be put back: nobody goes on from what it was for a while."""
    keep(store, story(ID, [1] * (length - 2)))
    ledger = new_ledger(store, snapshots)
    if met_before:
        ledger.foresee(deposit(), lambda: 30)
    execute(new_ledger(store, snapshots), deposit())
    was = enrich(aws, length)
    ledger.foresee(deposit(), lambda: 30)
    if writes:
        execute(ledger, deposit())
    assert kept(ledger) is None

    aws.put_item(TableName=STORE, Item=was)
    with pytest.raises(RuleBrokenError) as refused:
        execute(ledger, transact(-(10**12) - 10**6))
    assert refused.value.details["balance"] == length - 1 + writes


def test_an_edited_event_of_before_is_nothing_to_who_had_folded_it(aws: Any, met: Ledger, calls: Calls) -> None:
    enrich(aws, LENGTH)

    with pytest.raises(RuleBrokenError) as refused:
        execute(met, transact(-(10**13)))
    assert refused.value.details["balance"] == LENGTH - 1


def by_its_clock(store: EventStore, snapshots: Snapshots, off: list[float]) -> Ledger:
    """A ledger whose clock is so many seconds off, and compared with that of AWS's answers."""

    def now() -> str:
        return times.to_text(datetime.now(UTC) + timedelta(seconds=off[0]))

    reader = PresentReader(store, snapshots, tail=TAIL, now=now, begin=at_once)
    return Ledger(reader, pause=lambda _: None, check_clock=ClockCheck(lambda: pytest.fail("no Date in the answers")))


@pytest.mark.parametrize("seconds", [-3600, 3600])
@pytest.mark.parametrize("met_before", [True, False])
@pytest.mark.parametrize("length", [3, LENGTH])
def test_nothing_is_kept_by_a_clock_that_is_off(
    store: EventStore, snapshots: Snapshots, length: int, met_before: bool, seconds: float
) -> None:
    """Once it is right again, what it took for the present would be believed as long as it was ahead."""
    keep(store, story(ID, [1] * (length - 1)))
    off = [0.0]
    ledger = by_its_clock(store, snapshots, off)
    if met_before:
        execute(ledger, deposit())
    off[0] = seconds

    for _ in range(2):
        with pytest.raises(ClockSkewError):
            ledger.foresee(deposit(), lambda: 30)
        with pytest.raises(ClockSkewError):
            execute(ledger, deposit())
        assert kept(ledger) is None


def test_what_was_confirmed_in_the_future_is_not_confirmed(met: Ledger, calls: Calls) -> None:
    found = kept(met)
    assert found
    met.reader._kept.keep(ID, found._replace(confirmed=f"2025{LATER[4:]}"))

    execute(met, deposit())

    assert reads(calls) == [LOOK_UP, "events", "PutItem"]


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_moves_during_a_lost_race_writes_nothing(
    store: EventStore, snapshots: Snapshots, calls: Calls, seconds: float
) -> None:
    off = [0.0]
    ledger, other = by_its_clock(store, snapshots, off), by_its_clock(store, snapshots, [0.0])
    execute(ledger, create())

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            execute(other, deposit())
            off[0] = seconds

    calls.before = overtake

    with pytest.raises(ClockSkewError):
        execute(ledger, deposit())
    assert len(list(store.read(ID))) == 2


def test_the_time_by_which_a_look_up_is_believed_is_checked(
    store: EventStore, snapshots: Snapshots, calls: Calls
) -> None:
    """A clock that was ahead as the look-up began would take the whole tail for old, and is right at the tail."""
    keep(store, story(ID, [1] * (LENGTH - 1)))
    off = [3600.0]
    ledger = by_its_clock(store, snapshots, off)

    def put_right(_: str, arguments: Any) -> None:
        if "IndexName" in arguments:
            off[0] = 0.0

    calls.before = put_right

    with pytest.raises(ClockSkewError):
        execute(ledger, deposit())


def test_what_is_stamped_is_the_time_that_was_checked(store: EventStore, snapshots: Snapshots, calls: Calls) -> None:
    """The clock moves behind the reading that it was compared by."""
    keep(store, story(ID, [1] * (LENGTH - 1)))
    off = [0.0]
    ledger = by_its_clock(store, snapshots, off)

    def move(operation: str, arguments: Any) -> None:
        if operation == "Query" and "ScanIndexForward" not in arguments and "IndexName" not in arguments:
            calls.before = None
            off[0] = 3600  # at the read of what lies between the beginning and the tail

    calls.before = move
    execute(ledger, deposit())

    assert off[0]
    (*_, stored) = store.read(ID)
    assert abs(datetime.fromisoformat(stored.timestamp) - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_process_that_finds_no_table_forgets_what_it_met_in_it(
    aws: Any, store: EventStore, met: Ledger, calls: Calls
) -> None:
    aws.delete_table(TableName=STORE)
    with pytest.raises(ClientError):
        execute(met, command("AccountCreated", "another"))
    aws.create_table(**next(each for each in TABLES if each["TableName"] == STORE))

    with pytest.raises(RuleBrokenError, match="no account"):
        execute(met, deposit())


def test_who_found_another_stream_goes_on_from_the_old_one_no_more_though_the_new_one_cannot_be_read(
    aws: Any, store: EventStore, met: Ledger, calls: Calls
) -> None:
    cut_off(aws, store)

    def refuse(_: str, arguments: Any) -> None:
        if not arguments.get("ScanIndexForward", True):
            raise ReadTimeoutError(endpoint_url="dynamodb")

    calls.before = refuse
    with pytest.raises(ReadTimeoutError):
        execute(met, transact(-(10**13)))
    calls.before = None

    assert execute(met, deposit()).sequence == LENGTH - 1


Answer = Callable[[Ledger, Command], Receipt]
ANSWERS: dict[str, Answer] = {"command": execute, "validate": lambda ledger, each: ledger.foresee(each, lambda: 30)}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("sequence", [LENGTH + 1, LENGTH + 2, LENGTH + 4])
@pytest.mark.parametrize("length", [3, LENGTH])
def test_a_command_that_was_carried_out_is_answered_whatever_stands_at_the_streams_end(
    aws: Any, store: EventStore, snapshots: Snapshots, *, length: int, sequence: int, answer: str
) -> None:
    """By who had met the account and by who had not; and a new one fails by both."""
    stream = keep(store, story(ID, [1] * (length - 1)))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, length)
    met, other = new_ledger(store, snapshots), new_ledger(store, snapshots)
    met.foresee(deposit(), lambda: 30)
    put_foreign(aws, ID, str(sequence - LENGTH + length), {"EventData": None})

    for event in (stream[1], stream[-1]):
        done = replace(deposit(), command_id=event.command_id)
        for ledger in (met, other):
            assert ANSWERS[answer](ledger, done) == Receipt.of(event)
    for ledger in (met, other):
        with pytest.raises(NotAnEventError):
            ledger.foresee(deposit(), lambda: 30)


def test_a_race_that_was_lost_to_the_commands_own_twin_is_answered_whatever_came_behind(
    aws: Any, met: Ledger, other: Ledger, calls: Calls
) -> None:
    payment = deposit()
    twins: list[Receipt] = []

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            twins.append(execute(other, payment))
            put_foreign(aws, ID, str(LENGTH + 2), {"EventData": None})

    calls.before = overtake

    assert execute(met, payment) == twins[0]


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

"""Snapshots: made off the commands' way, and worth exactly the events that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.domain import KINDS, decide, evolve
from handlers.domain.account import Account
from handlers.sourcing.event import Event, Position, chain
from handlers.sourcing.kinds import Kind
from handlers.sourcing.times import earlier
from handlers.store.event_store import EventStore
from handlers.store.history import History
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots, UnwrittenError

from ..aws import TABLES
from ..domain.builders import NOW, command, end_of_a_stream, snapshot_at, story
from ..faults.dynamodb import DynamoDB
from .conftest import SNAPSHOTS, STORE, Calls, Context, kept, record, refusal

ID = "account-1"


def keep(aws: Any, events: Sequence[Event]) -> Sequence[Event]:
    for event in events:
        EventStore(aws, STORE).append([event])
    return events


def builder(aws: Any, every: int = 2, retention_seconds: int | None = None, **snapshots: Any) -> SnapshotBuilder:
    table = Snapshots(aws, SNAPSHOTS, **snapshots)
    return SnapshotBuilder(EventStore(aws, STORE), table, every, retention_seconds)


class InMemory:
    """The little of a client that stores use, over the tests' own DynamoDB: thousands of examples a minute."""

    def __init__(self) -> None:
        self.engine = DynamoDB(TABLES)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = "".join(part.title() for part in name.split("_"))
        return lambda **request: self.engine.call(operation, request)


@given(
    length=st.integers(0, 30),
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 3600]), min_size=30, max_size=30),
    every=st.sampled_from([1, 2, 5, 10]),
    built=st.integers(0, 30),
    up_to=st.none() | st.integers(0, 32),
    at=st.none() | st.integers(0, 30),
    early=st.sampled_from([0, 0.000001]),
)
@settings(deadline=None, max_examples=150)
def test_snapshot_and_tail_are_the_full_fold(
    *, length: int, gaps: list[int], every: int, built: int, up_to: int | None, at: int | None, early: float
) -> None:
    aws: Any = InMemory()
    events = stream(length, gaps)
    keep(aws, events)
    builder(aws, every).bring_up_to(ID, min(built, length))
    as_of = earlier(events[min(at, length - 1)].timestamp, early) if at is not None and events else None
    told = [event for event in events if event.sequence <= (length if up_to is None else up_to)]
    told = [event for event in told if as_of is None or event.timestamp <= as_of]

    moment = History(EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS), every).reconstruct(ID, up_to=up_to, as_of=as_of)

    if not events:
        assert moment is None
        return
    assert moment is not None
    assert (moment.events, moment.state) == (len(told), reduce(evolve, told, Account()))


def stream(length: int, gaps: Sequence[int]) -> list[Event]:
    """A stream whose events come so many seconds after each other."""
    events: list[Event] = []
    position, state, second = Position(), Account(), 0
    for gap in gaps[:length]:
        second += gap
        kind = command("TransactionProcessed", ID, amount=1) if events else command("AccountCreated", ID)
        moment = earlier(NOW, -second)
        events += chain(position, decide(state, kind), kind, moment)
        position, state = position.advance(events[-1]), evolve(state, events[-1])
    return events


def test_a_snapshot_is_kept_at_each_multiple(aws: Any) -> None:
    events = keep(aws, story(ID, [1] * 9))

    assert builder(aws, every=3).bring_up_to(ID, 10) == 3

    assert {place: each["Hash"] for place, each in kept(aws).items()} == {
        (ID, sequence): events[sequence - 1].hash for sequence in (3, 6, 9)
    }
    assert [each["State"]["balance"] for _, each in sorted(kept(aws).items())] == [2, 5, 8]


def test_what_is_kept_already_is_not_made_again(aws: Any, calls: Calls) -> None:
    keep(aws, story(ID, [1] * 9))
    builder(aws).bring_up_to(ID, 10)
    calls.made.clear()

    assert builder(aws).bring_up_to(ID, 11) == 0

    assert calls.names == ["Query", "Query"]  # the snapshot, and its event, to see that it still is of this stream


def test_a_long_stretch_is_written_as_it_is_folded(aws: Any, calls: Calls) -> None:
    """Whoever goes on after a crash begins where this got to."""
    keep(aws, story(ID, [1] * 119))

    def fail_the_second(operation: str, _: Any) -> None:
        if calls.names.count("BatchWriteItem") == 2:
            raise refusal("InternalServerError", operation)

    calls.before = fail_the_second
    with pytest.raises(Exception, match="InternalServerError"):
        builder(aws).bring_up_to(ID, 120)
    calls.before = None

    assert len(kept(aws)) == 25
    assert builder(aws).bring_up_to(ID, 120) == 35
    assert sorted(sequence for _, sequence in kept(aws)) == list(range(2, 121, 2))


def test_a_replaced_snapshot_lapses_and_the_newest_never(aws: Any) -> None:
    keep(aws, story(ID, [1] * 11))
    for now, sequence in ((1000, 4), (2000, 8), (3000, 10)):
        builder(aws, retention_seconds=500, seconds=lambda now=now: now).bring_up_to(ID, sequence)

    assert {sequence: each.get("ExpiresAt") for (_, sequence), each in kept(aws).items()} == {
        2: 1500,
        4: 2500,
        6: 2500,
        8: 3500,
        10: None,
    }


def test_without_a_retention_all_stay(aws: Any) -> None:
    keep(aws, story(ID, [1] * 9))
    builder(aws).bring_up_to(ID, 10)

    assert not any("ExpiresAt" in each for each in kept(aws).values())


def test_a_crash_before_the_older_ones_are_marked_leaves_all_of_them(aws: Any, calls: Calls) -> None:
    keep(aws, story(ID, [1] * 9))

    def fail_the_second(operation: str, _: Any) -> None:
        if calls.names.count("BatchWriteItem") == 2:
            raise refusal("InternalServerError", operation)

    calls.before = fail_the_second
    with pytest.raises(Exception, match="InternalServerError"):
        builder(aws, retention_seconds=500).bring_up_to(ID, 10)
    calls.before = None

    assert {sequence: "ExpiresAt" in each for (_, sequence), each in kept(aws).items()} == {10: False}


def test_what_dynamodb_leaves_unwritten_is_sent_again_after_a_pause(aws: Any, monkeypatch: Any) -> None:
    keep(aws, story(ID, [1] * 9))
    original, pauses = aws.batch_write_item, list[float]()

    def only_one(RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 -- boto3's name
        ((table, writes),) = RequestItems.items()
        original(RequestItems={table: writes[:1]})
        return {"UnprocessedItems": {table: writes[1:]} if writes[1:] else {}}

    monkeypatch.setattr(aws, "batch_write_item", only_one)
    builder(aws, pause=pauses.append).bring_up_to(ID, 10)

    assert len(kept(aws)) == 5
    assert len(pauses) == 4
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 4


def test_a_table_that_writes_nothing_is_given_up(aws: Any, monkeypatch: Any) -> None:
    keep(aws, story(ID, [1] * 9))
    monkeypatch.setattr(aws, "batch_write_item", lambda **request: {"UnprocessedItems": request["RequestItems"]})

    with pytest.raises(UnwrittenError):
        builder(aws, pause=lambda _: None).bring_up_to(ID, 10)


@pytest.mark.parametrize("at", [4, 10])
def test_snapshots_of_another_stream_are_made_anew(aws: Any, at: int) -> None:
    keep(aws, story(ID, [2] * 9))
    Snapshots(aws, SNAPSHOTS).write(ID, [snapshot_at(end_of_a_stream(20, 20), at)])

    builder(aws).bring_up_to(ID, 10)

    assert kept(aws)[ID, at]["State"]["balance"] == 2 * (at - 1)


@pytest.mark.parametrize("at", [4, 10, 14], ids=lambda at: f"at {at} of 10")
@pytest.mark.parametrize("asked", [{}, {"up_to": 20}, {"as_of": "9999-01-01T00:00:00.000000Z"}], ids=str)
def test_no_past_is_told_from_a_snapshot_of_another_stream(aws: Any, at: int, asked: dict[str, Any]) -> None:
    """As after the store was restored to an earlier moment."""
    keep(aws, story(ID, [2] * 9))
    Snapshots(aws, SNAPSHOTS).write(ID, [snapshot_at(end_of_a_stream(20, 20), at)])

    moment = History(EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS), every=2).reconstruct(ID, **asked)

    assert moment is not None
    assert moment.events == 10
    assert moment.state.balance == 18


def test_another_version_of_the_state_has_snapshots_of_its_own(aws: Any, monkeypatch: Any) -> None:
    keep(aws, story(ID, [1] * 9))
    monkeypatch.setattr(Kind, "key_prefix", "000099#")
    builder(aws).bring_up_to(ID, 10)
    monkeypatch.undo()

    assert Snapshots(aws, SNAPSHOTS).nearest(ID) is None
    assert Snapshots(aws, SNAPSHOTS).nearest_in_time(ID, "2024-12-31T00:00:00.000000Z") is None
    assert builder(aws).bring_up_to(ID, 10) == 5
    assert len(aws.scan(TableName=SNAPSHOTS)["Items"]) == 10


Deliver = Callable[..., list[str]]


@pytest.fixture
def deliver(aws: Any, handlers: Callable[[str], ModuleType]) -> Deliver:
    """Stream records to the snapshot handler; the sequence numbers that are to come again."""

    def call(*events: Event) -> list[str]:
        records = [record(event, number=number) for number, event in enumerate(events, 1)]
        answer = handlers("snapshot").lambda_handler({"Records": records}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


def test_a_batch_is_one_fold_for_each_aggregate(aws: Any, deliver: Deliver, calls: Calls) -> None:
    first, second = keep(aws, story("a", [1] * 5)), keep(aws, story("b", [1] * 3))
    calls.made.clear()

    assert deliver(first[1], second[1], first[3], second[3], first[5]) == []

    # A look for a snapshot of each kind, which are not there yet, and one for the events.
    assert calls.names == [*["Query"] * (len(KINDS.all) + 1), "BatchWriteItem"] * 2
    assert sorted(kept(aws)) == [("a", 2), ("a", 4), ("a", 6), ("b", 2), ("b", 4)]


def test_what_failed_comes_again_with_all_behind_it(aws: Any, deliver: Deliver, calls: Calls) -> None:
    first, second = keep(aws, story("a", [1] * 5)), keep(aws, story("b", [1] * 3))

    def refuse_b(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and arguments["ExpressionAttributeValues"][":id"] == {"S": "b"}:
            raise refusal("ProvisionedThroughputExceededException")

    calls.before = refuse_b
    assert deliver(first[1], second[1], first[3], second[3]) == ["2"]
    calls.before = None
    assert deliver(second[1], first[3], second[3]) == []

    assert sorted(kept(aws)) == [("a", 2), ("a", 4), ("b", 2), ("b", 4)]


def test_a_broken_chain_is_reported_and_holds_nothing_up(aws: Any, deliver: Deliver, capsys: Any) -> None:
    broken, whole = keep(aws, story("a", [1] * 5)), keep(aws, story("b", [1] * 3))
    aws.delete_item(TableName=STORE, Key={"AggregateId": {"S": "a"}, "EventSequence": {"N": "3"}})

    assert deliver(broken[3], whole[3]) == []

    assert {aggregate for aggregate, _ in kept(aws)} == {"b"}
    assert '"IntegrityBreaches": 1' in capsys.readouterr().out


def test_an_event_between_two_multiples_makes_those_before_it(aws: Any, deliver: Deliver) -> None:
    events = keep(aws, story("a", [1] * 4))

    assert deliver(events[4]) == []

    assert sorted(kept(aws)) == [("a", 2), ("a", 4)]

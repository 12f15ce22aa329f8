"""What each access costs, in the engine's own words: a dearer path fails here, not on a bill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pytest

from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError, RuleBrokenError, Violation
from handlers.sourcing.event import GENESIS, Event, Position
from handlers.store.branches import Branches
from handlers.store.correlation_index import CorrelationIndex
from handlers.store.deadline import Deadline
from handlers.store.event_store import EventStore
from handlers.store.found_by_event import found_by_event
from handlers.store.history import History
from handlers.store.ledger import Ledger
from handlers.store.present import PresentReader
from handlers.store.projector import Projector
from handlers.store.read_model import Key, ReadModel, Stored
from handlers.store.replays import Replays, State
from handlers.store.side_by_side import begin
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots
from handlers.store.statement import Statements, Stretch
from handlers.store.type_index import TypeIndex
from handlers.upkeep.branch_answers import BranchAnswers
from handlers.upkeep.replay_answers import ReplayAnswers
from handlers.upkeep.replays import Runs

from ..aws import BRANCHES, REPLAYS, STORE
from ..domain.builders import NOW, command, end_of_a_stream, snapshot_at, story, summaries
from ..http_api import trials
from .events import TYPE, event, events
from .meter import Charge, Meter

COMMANDS = "CommandId-index"
CORRELATIONS = "Correlation-Timestamp-index"
TYPES = "EventType-Timestamp-index"
TIMES = "TimeKey-index"

T = TypeVar("T")

moto_differs = pytest.mark.differs("moto", reason="counts one unit for a call of any size, half for GetItem, no index")


@pytest.fixture
def account(store: EventStore, meter: Meter) -> list[Event]:
    """An account of 21 events in the store, 11 KB in all."""
    stream = story("account-1", range(1, 21))
    for each in stream:
        store.append([each])
    meter.charges.clear()
    return stream


def in_turn(call: Callable[[], T]) -> Callable[[], T]:
    """Calls side by side, made one by one."""
    result = call()
    return lambda: result


def costs(meter: Meter) -> list[tuple[str, dict[str, float]]]:
    return [(charge.operation, charge.units) for charge in meter.charges]


@moto_differs
def test_appending_an_event_of_up_to_a_kilobyte(store: EventStore, meter: Meter) -> None:
    store.append([event()])

    assert costs(meter) == [("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1})]


@moto_differs
def test_each_further_kilobyte_costs_in_the_table_and_the_type_index(store: EventStore, meter: Meter) -> None:
    store.append([event(data={"note": "x" * 2_000})])

    assert costs(meter) == [("PutItem", {"table": 3, COMMANDS: 1, TYPES: 3})]


@moto_differs
def test_only_an_event_that_belongs_to_another_command_costs_a_unit_in_the_index_of_those(
    store: EventStore, meter: Meter
) -> None:
    itself = event()
    store.append([itself])
    store.append([event("account-2", correlation_id="saga-1")])

    assert costs(meter) == [
        ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1}),
        ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1, CORRELATIONS: 1}),
    ]


@moto_differs
def test_a_page_of_what_belongs_together_costs_half_a_unit_for_each_four_kilobytes(
    client: Any, store: EventStore, meter: Meter
) -> None:
    for number in range(10):
        store.append([event(f"account-{number}", correlation_id="saga-1", data={"note": "x" * 500})])
    meter.charges.clear()

    assert len(CorrelationIndex(client, STORE).page("saga-1", limit=100).events) == 10

    assert costs(meter) == [("Query", {CORRELATIONS: 1.5})]


@moto_differs
@pytest.mark.differs("dynamodb-local", reason="counts one of the items, however many there are")
def test_appending_several_events_costs_twice_as_much_each(store: EventStore, meter: Meter) -> None:
    store.append(events(count=3))

    assert costs(meter) == [("TransactWriteItems", {"table": 6, COMMANDS: 6, TYPES: 6})]


@moto_differs
def test_reading_a_stream_costs_a_unit_for_each_four_kilobytes(
    store: EventStore, account: list[Event], meter: Meter
) -> None:
    assert len(list(store.read("account-1"))) == len(account)

    assert costs(meter) == [("Query", {"table": 3})]


@pytest.fixture
def of_one_type(store: EventStore, meter: Meter) -> None:
    """One event of the type on each of 20 accounts, second by second, in all of the 3 buckets."""
    for number in range(20):
        store.append([event(f"account-{number:02d}", now=f"{NOW[:17]}{number:02d}{NOW[19:]}")])
    meter.charges.clear()


@moto_differs
def test_a_page_of_a_type_costs_half_a_unit_a_bucket(type_index: TypeIndex, of_one_type: None, meter: Meter) -> None:
    type_index.page(TYPE, limit=5)

    assert costs(meter) == [("Query", {TYPES: 0.5})] * 3


def test_a_page_of_a_type_reads_little_more_than_it_shows(
    type_index: TypeIndex, of_one_type: None, meter: Meter
) -> None:
    assert len(type_index.page(TYPE, limit=5).events) == 5

    assert [charge.items for charge in meter.charges] == [3, 3, 3]


@moto_differs
def test_rows_that_are_found_by_an_event_cost_a_unit_each_beside_the_page_of_the_type(
    type_index: TypeIndex, read_model: ReadModel, of_one_type: None, meter: Meter
) -> None:
    for number in range(20):
        read_model.put(Key(f"account-{number:02d}", "Row"), Stored({}, Position(1, GENESIS)), Position())
    meter.charges.clear()

    deadline = Deadline(lambda: 30.0, "")
    found = found_by_event(
        type_index, read_model, TYPE, "Row", lambda _: True, limit=5, sieved=False, after=None, deadline=deadline
    )

    assert [each["AccountId"] for each in found.records] == [f"account-{number}" for number in range(19, 14, -1)]
    assert costs(meter) == [*[("Query", {TYPES: 0.5})] * 3, ("BatchGetItem", {"table": 5})]


def keep_the_end(store: EventStore, snapshots: Snapshots, meter: Meter, length: int) -> Sequence[Event]:
    """The last ten events of a stream, with a snapshot among them: no more of it exists than may be read."""
    kept = end_of_a_stream(length, 10)
    for each in kept:
        store.append([each])
    snapshots.write("account-1", [snapshot_at(kept, length - 5)])
    meter.charges.clear()
    return kept


@moto_differs
@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_a_command_costs_the_same_however_long_the_stream(
    store: EventStore, snapshots: Snapshots, meter: Meter, length: int
) -> None:
    """Two waits: three Queries side by side, then the write."""
    keep_the_end(store, snapshots, meter, length)
    reader = PresentReader(
        store, snapshots, tail=10, now=lambda: "2024-02-01T00:00:00.000000Z", begin=begin, is_off=lambda _: False
    )

    ledger = Ledger(reader, pause=lambda _: pytest.fail("nobody competes"), check_clock=lambda _: None)

    receipt = ledger.execute(command("TransactionProcessed", amount=5), lambda: 30)

    assert receipt.sequence == length + 1
    assert sorted(costs(meter)[:-1], key=str) == [
        ("Query", {"table": 0.5}),
        ("Query", {"table": 2}),
        ("Query", {}),  # the look-up finds nothing: free in DynamoDB Local, one unit on AWS
    ]
    assert costs(meter)[-1] == ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1})


@moto_differs
@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_a_command_on_an_account_that_its_process_has_met_costs_a_look_up_and_the_write(
    store: EventStore, snapshots: Snapshots, meter: Meter, length: int
) -> None:
    keep_the_end(store, snapshots, meter, length)
    now = ["2024-02-01T00:00:00.000000Z"]
    reader = PresentReader(store, snapshots, tail=10, now=lambda: now[0], begin=begin, is_off=lambda _: False)
    ledger = Ledger(reader, pause=lambda _: pytest.fail("nobody competes"), check_clock=lambda _: None)
    ledger.execute(command("TransactionProcessed", amount=5), lambda: 30)
    put = ("PutItem", {"table": 1, COMMANDS: 1, TYPES: 1})
    look_up: tuple[str, dict[str, float]] = ("Query", {})  # finds nothing: free in DynamoDB Local, one unit on AWS
    what_came = ("Query", {"table": 1})
    meter.charges.clear()

    ledger.execute(command("TransactionProcessed", amount=5), lambda: 30)
    assert costs(meter) == [look_up, put]

    meter.charges.clear()
    with pytest.raises(RuleBrokenError):
        ledger.execute(command("TransactionProcessed", amount=-1_000_000), lambda: 30)
    assert costs(meter) == [look_up, what_came]

    meter.charges.clear()
    now[0] = "2024-02-01T00:02:00.000000Z"
    ledger.execute(command("TransactionProcessed", amount=5), lambda: 30)
    assert sorted(costs(meter)[:-1], key=str) == [what_came, look_up]
    assert costs(meter)[-1] == put


@moto_differs
def test_a_malformed_command_costs_a_look_up(
    store: EventStore, snapshots: Snapshots, account: list[Event], meter: Meter
) -> None:
    """However long the stream; one Query more where it was carried out before it was refused."""
    ledger = Ledger(
        PresentReader(store, snapshots, tail=10, now=lambda: NOW, begin=begin, is_off=lambda _: False),
        pause=lambda _: pytest.fail("nobody competes"),
        check_clock=lambda _: None,
    )
    refused = replace(command("TransactionProcessed", amount=1), violations=(Violation("eventData.amount", "is odd"),))
    known = replace(refused, command_id=account[1].command_id)
    meter.charges.clear()

    assert ledger.execute(known, lambda: 30).sequence == 2
    with pytest.raises(MalformedError):
        ledger.execute(refused, lambda: 30)

    assert costs(meter) == [
        ("Query", {COMMANDS: 1}),
        ("Query", {"table": 1}),
        ("Query", {}),  # nothing found: free in DynamoDB Local, one unit on AWS
    ]


@moto_differs
@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_any_state_costs_the_same_however_long_the_stream(
    store: EventStore, snapshots: Snapshots, meter: Meter, length: int
) -> None:
    kept = keep_the_end(store, snapshots, meter, length)
    history = History(store, snapshots, every=5)

    asked: tuple[dict[str, Any], ...] = {"up_to": length - 2}, {"as_of": kept[-3].timestamp}, {}
    moments = [history.reconstruct("account-1", **question) for question in asked]
    reached = [moment.position.sequence for moment in moments if moment is not None]

    assert reached == [length - 2, length - 2, length]
    assert costs(meter) == [
        *[("Query", {"table": 0.5}), ("Query", {"table": 1})],
        *[("Query", {TIMES: 0.5}), ("Query", {"table": 1})],
        *[("Query", {"table": 0.5}), ("Query", {"table": 1})],
    ]


@moto_differs
def test_keeping_a_snapshot(store: EventStore, snapshots: Snapshots, account: list[Event], meter: Meter) -> None:
    builder = SnapshotBuilder(store, snapshots, every=10)
    builder.bring_up_to("account-1", 10)
    meter.charges.clear()

    assert builder.bring_up_to("account-1", 20) == 1

    assert costs(meter) == [
        ("Query", {"table": 0.5}),
        ("Query", {"table": 2}),
        ("BatchWriteItem", {"table": 1, TIMES: 1}),
    ]


@moto_differs
def test_projecting_the_next_event(
    store: EventStore, read_model: ReadModel, account: list[Event], meter: Meter
) -> None:
    """A row read, an entry and the row written, however many entries there are; the store is not asked."""
    projector = Projector(store, read_model, summaries(), begin=in_turn)
    projector.bring_up("account-1", account[:-1], {})
    meter.charges.clear()

    outcomes = projector.advance({"account-1": account[-1:]}, projector.load({"account-1": account[-1:]}))

    assert outcomes == {"account-1": (21, 1)}
    assert costs(meter) == [("BatchGetItem", {"table": 1}), ("BatchWriteItem", {"table": 1}), ("PutItem", {"table": 1})]


@moto_differs
def test_projecting_an_event_without_a_statement(
    store: EventStore, read_model: ReadModel, account: list[Event], meter: Meter
) -> None:
    projector = Projector(store, read_model, summaries(statement=False), begin=in_turn)
    projector.bring_up("account-1", account[:-1], {})
    meter.charges.clear()

    projector.advance({"account-1": account[-1:]}, projector.load({"account-1": account[-1:]}))

    assert costs(meter) == [("BatchGetItem", {"table": 1}), ("PutItem", {"table": 1})]


@moto_differs
def test_projecting_a_batch_of_ten_accounts(store: EventStore, read_model: ReadModel, meter: Meter) -> None:
    """Three waits, twelve requests: two write units an event, and one read unit an account."""
    streams = {f"account-{number}": story(f"account-{number}", [1, 2]) for number in range(10)}
    projector = Projector(store, read_model, summaries(), begin=in_turn)
    projector.advance({name: stream[:2] for name, stream in streams.items()}, projector.load(streams))
    meter.charges.clear()

    outcomes = projector.advance({name: stream[2:] for name, stream in streams.items()}, projector.load(streams))

    assert outcomes == dict.fromkeys(streams, (3, 1))
    assert costs(meter) == [
        ("BatchGetItem", {"table": 10}),
        ("BatchWriteItem", {"table": 10}),
        *[("PutItem", {"table": 1})] * 10,
    ]


@moto_differs
def test_projecting_over_a_gap_reads_what_is_missing_from_the_store(
    store: EventStore, read_model: ReadModel, account: list[Event], meter: Meter
) -> None:
    projector = Projector(store, read_model, summaries())
    projector.bring_up("account-1", account[:10], {})
    meter.charges.clear()

    projector.bring_up("account-1", account[-1:], projector.load({"account-1": account[-1:]}))

    assert [(charge.operation, charge.units) for charge in meter.charges[:2]] == [
        ("BatchGetItem", {"table": 1}),
        ("Query", {"table": 2}),
    ]


def test_a_duplicate_writes_nothing(
    store: EventStore, read_model: ReadModel, account: list[Event], meter: Meter
) -> None:
    projector = Projector(store, read_model, summaries())
    projector.bring_up("account-1", account, {})
    meter.charges.clear()

    projector.bring_up("account-1", account[-3:], projector.load({"account-1": account[-3:]}))

    assert meter.operations == ["BatchGetItem"]


@moto_differs
def test_reading_a_row(store: EventStore, read_model: ReadModel, account: list[Event], meter: Meter) -> None:
    Projector(store, read_model, summaries()).bring_up("account-1", account, {})
    meter.charges.clear()

    read_model.record(Key("account-1", "AccountSummary"))

    assert meter.charges == [Charge("GetItem", {"table": 1}, items=0, undone=0)]


@moto_differs
def test_a_page_of_a_statement_costs_a_unit_for_each_four_kilobytes(
    store: EventStore, read_model: ReadModel, snapshots: Snapshots, account: list[Event], meter: Meter
) -> None:
    """However long the statement; a search for the end of a stretch of time, a unit a step, and one that proves it."""
    (projection,) = summaries()
    assert projection.entries
    projector = Projector(store, read_model, [projection])
    projector.bring_up("account-1", account, {})
    row = read_model.get(Key("account-1", projection.name))
    statements = Statements(read_model, store, History(store, snapshots, every=10), projection, projection.entries)
    deadline = Deadline(lambda: 30, "")
    meter.charges.clear()

    page = statements.page("account-1", row, Stretch(times.FIRST, times.LAST, None), 20, deadline)
    old = statements.page("account-1", row, Stretch(times.FIRST, account[1].timestamp, None), 20, deadline)

    assert [len(each.entries) for each in (page, old)] == [20, 1]
    assert costs(meter)[0] == ("Query", {"table": 2})
    assert costs(meter)[1:] == [("Query", {"table": 1})] * 7


@moto_differs
def test_looking_at_replays_and_having_one_pause(client: Any, meter: Meter) -> None:
    """Whatever the store holds: of it a count is asked for, which costs nothing."""
    replays = Replays(client, REPLAYS)
    answers = ReplayAnswers(Runs(replays, client, ""), STORE)
    for name in ("one", "two"):
        trials.replay(name, among=replays)

    def of(answer: Callable[[dict[str, Any], Callable[[], float]], Any], **request: Any) -> list[Any]:
        meter.charges.clear()
        answer(request, lambda: 30.0)
        return costs(meter)

    assert of(answers.one, replayId="one") == [("Query", {"table": 1}), ("DescribeTable", {})]
    assert of(answers.every) == [("Scan", {"table": 2}), ("DescribeTable", {})]
    pause = partial(answers.changed, State.PAUSED)
    assert of(pause, replayId="one") == [("Query", {"table": 1}), ("PutItem", {"table": 1}), ("DescribeTable", {})]


@moto_differs
def test_looking_at_branches_and_what_other_rules_would_have_decided(client: Any, meter: Meter) -> None:
    branches, on = trials.branch("trial", among=Branches(client, BRANCHES))
    answers = BranchAnswers(branches)
    trials.touch(branches, on, "account-1")
    every = [trials.decision(number, root=True) for number in range(1_000)]
    trials.backtest(branches, on, {"account-1": every, "account-2": every[:1]})

    def of(answer: Callable[[dict[str, Any], Callable[[], float]], Any], **request: Any) -> list[Any]:
        meter.charges.clear()
        answer(request, lambda: 30.0)
        return costs(meter)

    head = ("GetItem", {"table": 1})
    assert of(answers.every) == [("Query", {"table": 1})]
    assert of(answers.one, branch="trial") == [head, ("Query", {"table": 1}), ("GetItem", {"table": 1})]
    assert of(answers.diff, branch="trial") == [head, ("Query", {"table": 2}), ("Query", {"table": 1})]
    asked = {"branch": "trial", "aggregateId": "account-1"}
    assert of(answers.decisions, **asked, limit=50) == [head, ("Query", {"table": 17})]
    assert of(answers.decisions, **asked, limit=100) == [head, ("Query", {"table": 33})]

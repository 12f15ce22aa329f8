"""A damaged snapshot, whatever is damaged in it, costs reading and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

import pytest

from handlers.domain import evolve
from handlers.domain.account import Account
from handlers.sourcing.event import Event, Position
from handlers.sourcing.kinds import State
from handlers.sourcing.restoring import restorer
from handlers.store.event_store import EventStore
from handlers.store.history import History
from handlers.store.items import to_item
from handlers.store.present import PresentReader
from handlers.store.side_by_side import begin
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshot, Snapshots, events_behind, fold_from, record_of

from ..aws import SNAPSHOTS, STORE
from ..damage import VALUES, Path, damaged, paths
from ..domain.builders import NOW, close, create, run, snapshot_at, story, transact
from .conftest import Invoke
from .test_snapshots import InMemory

ID = "account-1"
EVENTS = story(ID, [1] * 7)
SNAPSHOT = record_of(ID, snapshot_at(EVENTS, 8))
KEYS = ("AggregateId", "SnapshotKey")
EDGES = tuple({"N": number} for number in ("1E+125", "-1E+125", "1E-125", "-1E-130", "0.000000001", "1E+33"))
"""Numbers that DynamoDB holds and no events add up to."""
EDITS: dict[Path, tuple[str, ...]] = {
    ("State", "balance"): ("N",),
    ("State", "overdraft_limit"): ("N",),
    ("State", "created_at"): ("S",),
    ("State", "currency"): ("S",),
}
"""By attribute, the type that another value may have without being told from a sound one: that is an edit, which
`verify` finds, and no damage that shows."""


class Ledger(NamedTuple):
    """Readers of one stream of eight events, over the tests' own DynamoDB; snapshots stand at 4 and 8."""

    client: Any
    snapshots: Snapshots
    item: dict[str, Any]

    def state_from_every_reader(self) -> list[Account | None]:
        """What history (to the end, by time, by sequence and time) and the present make of it."""
        store = EventStore(self.client, STORE)
        history = History(store, self.snapshots, every=4)
        last = EVENTS[-1].timestamp
        reader = PresentReader(store, self.snapshots, tail=2, now=lambda: NOW, begin=begin)
        moments = (
            history.reconstruct(ID),
            history.reconstruct(ID, as_of=last),
            history.reconstruct(ID, up_to=8, as_of=last),
        )
        states = [moment.state if moment else None for moment in moments]
        return [*states, reader.read(ID, "no such command").state]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    client: Any = InMemory()
    for event in EVENTS:
        EventStore(client, STORE).append([event])
    snapshots = Snapshots(client, SNAPSHOTS)
    SnapshotBuilder(EventStore(client, STORE), snapshots, every=4).bring_up_to(ID, 8)
    item = client.query(
        TableName=SNAPSHOTS,
        KeyConditionExpression="AggregateId = :id AND SnapshotKey BETWEEN :first AND :last",
        ExpressionAttributeValues={
            ":id": {"S": ID},
            ":first": {"S": SNAPSHOT["SnapshotKey"]},
            ":last": {"S": SNAPSHOT["SnapshotKey"]},
        },
    )["Items"][0]
    return Ledger(client, snapshots, item)


TRUTH = reduce(evolve, EVENTS, Account())


def put(ledger: Ledger, item: dict[str, Any]) -> None:
    ledger.client.batch_write_item(RequestItems={SNAPSHOTS: [{"PutRequest": {"Item": item}}]})


def damages(item: dict[str, Any]) -> list[tuple[Path, Any]]:
    """Every damage of one attribute that shows; the key of the index by time is a text, or DynamoDB refuses it."""
    return [
        (path, value)
        for path in paths(item, KEYS)
        for value in (*VALUES, *EDGES)
        if value is None or next(iter(value)) not in EDITS.get(path, ()) or value in EDGES
        if path != ("TimeKey",) or (value and value.get("S"))
        if path != ("State", "transaction_count") or value != {"N": "7"}  # which it is
        if not (value and "BOOL" in value and "BOOL" in at(item, path))  # another word, and as sound
    ]


def at(item: dict[str, Any], path: Path) -> dict[str, Any]:
    """What an item has under a path."""
    value = item[path[0]]
    for each in path[1:]:
        value = value["M"][each]
    return dict(value)


def test_a_snapshot_filed_under_an_earlier_time_is_not_the_state_of_that_time(ledger: Ledger) -> None:
    assert EVENTS[4].timestamp < EVENTS[5].timestamp < EVENTS[7].timestamp
    earlier = SNAPSHOT["TimeKey"].replace(EVENTS[7].timestamp, EVENTS[4].timestamp)
    put(ledger, {**ledger.item, "TimeKey": {"S": earlier}})

    moment = History(EventStore(ledger.client, STORE), ledger.snapshots, every=4).reconstruct(
        ID, as_of=EVENTS[5].timestamp
    )

    put(ledger, ledger.item)
    assert moment
    assert moment.state == reduce(evolve, EVENTS[:6], Account())


def test_every_reader_passes_over_a_snapshot_damaged_in_any_attribute(ledger: Ledger) -> None:
    tried = 0
    for path, value in damages(ledger.item):
        put(ledger, damaged(ledger.item, path, value))
        assert ledger.state_from_every_reader() == [TRUTH] * 4, (path, value)
        tried += 1
    assert tried > 200


def test_every_reader_passes_over_an_item_with_only_keys(ledger: Ledger) -> None:
    put(ledger, {name: ledger.item[name] for name in KEYS})

    assert ledger.state_from_every_reader() == [TRUTH] * 4


def test_a_builder_makes_a_damaged_snapshot_anew(ledger: Ledger) -> None:
    builder = SnapshotBuilder(EventStore(ledger.client, STORE), ledger.snapshots, every=4)
    for value in VALUES:
        put(ledger, damaged(ledger.item, ("State",), value))
        assert builder.bring_up_to(ID, 8) == 1, value
        nearest = ledger.snapshots.nearest(ID)
        assert nearest is not None
        assert nearest.state == TRUTH


def test_a_command_is_decided_though_the_newest_snapshot_holds_no_money(aws: Any, send: Invoke) -> None:
    events: list[Event] = story(ID, [1] * 59)
    for event in events:
        EventStore(aws, STORE, 3).append([event])
    for path in [("State", name) for name in ("balance", "overdraft_limit", "transaction_count")]:
        for edge in EDGES:
            command_id = f"{path[1]} {edge}"
            item = dict(to_item(record_of(ID, snapshot_at(events, 60))))
            aws.put_item(TableName=SNAPSHOTS, Item=damaged(item, path, edge))

            status, answer = send("TransactionProcessed", {"amount": -(10**13)}, aggregateId=ID, commandId=command_id)

            assert (status, answer["error"]["details"]["balance"]) == (422, 59), (path, edge)


@pytest.mark.parametrize("wrong", [Decimal("1E+125"), Decimal("1E-125"), "much", None])
def test_what_no_check_foresaw_in_a_snapshot_is_folded_from_the_beginning(ledger: Ledger, wrong: Any) -> None:
    snapshot = snapshot_at(EVENTS, 4)
    snapshot = snapshot._replace(state=replace(snapshot.state, balance=wrong))

    def fold(start: Snapshot) -> State:
        return reduce(evolve, events_behind(EventStore(ledger.client, STORE), ID, start), start.state)

    assert fold_from(snapshot, fold) == TRUTH


def test_a_time_that_is_damaged_with_its_key_is_not_handed_on_to_the_next_event(aws: Any, send: Invoke) -> None:
    """The snapshot stands at the very end, so that the next event's Timestamp would follow from it."""
    events: list[Event] = story(ID, [1] * 59)
    store = EventStore(aws, STORE, 3)
    for event in events:
        store.append([event])
    late = "2999-01-15T10:00:00.000000Z"
    snapshots = Snapshots(aws, SNAPSHOTS)
    state = reduce(evolve, events, Account())
    snapshots.write(ID, [snapshot_at(events, 60)._replace(state=state, position=Position(60, events[-1].hash, late))])

    assert send("TransactionProcessed", {"amount": 1}, aggregateId=ID)[0] == 200

    assert store.tail(ID, 1).events[0].timestamp < late


@pytest.mark.parametrize(
    "state",
    [
        Account(),
        run(create())[0],
        run(create(), transact(5))[0],
        run(create(), close())[0],
    ],
)
def test_a_state_that_events_made_is_restored(state: Account) -> None:
    assert Account.restore(state.snapshot()) == state


@pytest.mark.parametrize("kept", [None, "text", [], 5, set(), b"x", {}, {**Account().snapshot(), "more": 1}])
def test_what_is_no_state_is_refused_as_a_value(kept: Any) -> None:
    with pytest.raises(ValueError, match="not the fields"):
        Account.restore(kept)


def test_a_field_that_nobody_can_check_is_refused_when_the_code_is_loaded() -> None:
    """So a new field of the state is checked, or does not even start."""
    with pytest.raises(TypeError, match="add it to the readers"):
        restorer(_WithASet)


@dataclass
class _WithASet:
    tags: set[str]


def test_a_count_is_not_made_an_int_before_its_size_is_known() -> None:
    with pytest.raises(ValueError, match="count"):
        Account.restore({**Account().snapshot(), "transaction_count": Decimal("1E+125")})

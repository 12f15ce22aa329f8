"""The read model: a row moves only from where it was read, and any number of rows is read."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.event import GENESIS, Event, Position
from handlers.sourcing.projection import Projection
from handlers.store.event_store import EventStore
from handlers.store.projector import Projector
from handlers.store.read_model import NOTHING, Entry, Key, ReadModel, StaleRowError, Stored

from ..aws import ROWS, STORE
from ..domain.builders import story, summaries
from .conftest import BUCKETS, Engine
from .crowd import at_once
from .meter import Meter

KEY = Key("a", "AccountSummary")


def stored(sequence: int, **row: object) -> Stored:
    return Stored(row, Position(sequence, GENESIS))


def test_a_row_is_read_back_as_it_was_written(read_model: ReadModel) -> None:
    written = stored(1, Balance=10, Status="Active", Entries=[{"Note": None}])

    read_model.put(KEY, written, Position())

    assert read_model.get(KEY) == written
    assert read_model.get_many([KEY]) == {KEY: written}


def test_no_row_is_nothing(read_model: ReadModel) -> None:
    assert read_model.record(KEY) is None
    assert read_model.get(KEY) == NOTHING
    assert read_model.get_many([KEY]) == {}


def test_a_row_moves_on_from_where_it_was_read(read_model: ReadModel) -> None:
    read_model.put(KEY, stored(1, Old=1), Position())

    read_model.put(KEY, stored(3, Balance=3), read_model.get(KEY).position)

    assert read_model.get(KEY) == stored(3, Balance=3)


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_a_row_that_moved_since_it_was_read_is_not_written_over(read_model: ReadModel, seen: int) -> None:
    read_model.put(KEY, stored(2, Balance=2), Position())

    with pytest.raises(StaleRowError):
        read_model.put(KEY, stored(4, Balance=4), Position(seen, GENESIS))

    assert read_model.get(KEY) == stored(2, Balance=2)


@pytest.mark.parametrize(
    "odd",
    [{"NULL": True}, {"S": "3"}, {"N": "2.5"}, {"B": b"3"}, {"BOOL": True}, {"NS": ["3", "1"]}, {"L": []}, {"M": {}}],
)
def test_a_row_at_no_place_is_replaced_while_it_is_at_none(
    engine: Engine, read_model: ReadModel, odd: dict[str, Any]
) -> None:
    engine.client().put_item(TableName=ROWS, Item={**KEY.item(), "LastSequence": odd})
    damaged = read_model.get(KEY)

    read_model.put(KEY, stored(4, Balance=4), damaged.position, damaged.odd_place)

    assert read_model.get(KEY) == stored(4, Balance=4)
    with pytest.raises(StaleRowError):
        read_model.put(KEY, stored(5, Balance=5), damaged.position, damaged.odd_place)


def test_a_row_that_is_gone_does_not_come_back_from_its_middle(read_model: ReadModel) -> None:
    with pytest.raises(StaleRowError):
        read_model.put(KEY, stored(4, Balance=4), Position(3, GENESIS))

    assert read_model.get(KEY) == NOTHING


def test_another_fault_is_not_a_stale_row(read_model: ReadModel) -> None:
    with pytest.raises(ClientError) as caught:
        read_model.put(Key("", "AccountSummary"), stored(1), Position())

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_more_rows_are_read_than_one_call_may_name(read_model: ReadModel, meter: Meter) -> None:
    keys = [Key(f"account-{number}", "AccountSummary") for number in range(230)]
    there = keys[::2]
    for key in there:
        read_model.put(key, stored(1, Of=key.aggregate_id), Position())
    meter.charges.clear()

    found = read_model.get_many(keys)

    assert found == {key: stored(1, Of=key.aggregate_id) for key in there}
    assert meter.operations == ["BatchGetItem"] * 3


def test_more_is_read_than_one_answer_holds(read_model: ReadModel, meter: Meter) -> None:
    """18 MB of rows; the engine answers at most 16 MB and leaves the other keys undone."""
    written = {Key(f"account-{n}", "AccountSummary"): stored(1, Note="x" * 390_000) for n in range(48)}
    for key, row in written.items():
        read_model.put(key, row, Position())
    meter.charges.clear()

    assert read_model.get_many(written) == written

    assert meter.operations == ["BatchGetItem"] * 2
    first, second = meter.charges
    assert first.undone == second.items > 0
    assert first.items + second.items == len(written)


@pytest.fixture
def account() -> list[Event]:
    """An account of 21 events, the last one's balance being 210."""
    return story("account-1", range(1, 21))


def projector(engine: Engine) -> Projector:
    client = engine.client()
    return Projector(EventStore(client, STORE, BUCKETS), ReadModel(client, ROWS), summaries())


def folded(projection: Projection, stream: list[Event]) -> Stored:
    row, position = NOTHING[:2]
    for event in stream:
        row, position = projection.apply(row, event), position.advance(event)
    return Stored(row, Position(position.sequence, position.hash), entries=position.sequence)


def test_projectors_at_odds_leave_the_fold_of_the_stream(
    engine: Engine, store: EventStore, read_model: ReadModel, account: list[Event]
) -> None:
    """21 of them at once, each told of another event, and none of them in order."""
    for event in account:
        store.append([event])
    crowd = [projector(engine) for _ in account]

    def bring_up(mine: Projector, poke: Event) -> None:
        mine.bring_up("account-1", [poke], mine.load({"account-1": [poke]}))

    at_once(partial(bring_up, mine, poke) for mine, poke in zip(crowd, reversed(account), strict=True))

    for projection in summaries():
        assert read_model.get(Key("account-1", projection.name)) == folded(projection, account)


def entry(sequence: int, aggregate_id: str = "a", **content: object) -> Entry:
    return Entry(aggregate_id, "AccountStatement", sequence, {"EventSequence": sequence, **content})


def test_entries_come_back_newest_first_and_none_above_a_place(read_model: ReadModel) -> None:
    written = [entry(sequence, Amount=sequence) for sequence in (2, 3, 9, 10, 11, 100, 10**15)]
    read_model.put_entries([*written, entry(4, "b")])
    read_model.put(KEY, stored(100), Position())

    assert read_model.entries("a", "AccountStatement", up_to=100, limit=10) == (written[5::-1], 0)
    assert read_model.entries("a", "AccountStatement", up_to=99, limit=2) == ([written[4], written[3]], 9)
    assert read_model.entries("a", "AccountStatement", up_to=9, limit=1) == ([written[2]], 8)
    assert read_model.entries("a", "AccountStatement", up_to=1, limit=1) == ([], 0)
    assert read_model.entries("a", "AccountStatement", up_to=10**15, limit=1).newest_first == [written[-1]]


def test_more_entries_are_written_than_one_call_takes(read_model: ReadModel, meter: Meter) -> None:
    written = [entry(sequence, "ab"[sequence % 2]) for sequence in range(1, 61)]

    read_model.put_entries(written)
    read_model.put_entries(written[:1])

    assert meter.operations == ["BatchWriteItem"] * 4
    found = [read_model.entries(name, "AccountStatement", up_to=60, limit=100).newest_first for name in "ab"]
    assert sorted(each.sequence for each in [*found[0], *found[1]]) == list(range(1, 61))


def test_no_entries_are_no_call(read_model: ReadModel, meter: Meter) -> None:
    read_model.put_entries([])

    assert meter.operations == []

"""Any damage to any attribute of a row or a snapshot is named by `verify`, and put right by its repair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from handlers.sourcing.event import Event
from handlers.store.items import to_item
from handlers.store.snapshots import record_of

from ..damage import FEW, VALUES, damaged, paths
from ..domain.builders import folded, snapshot_at, story
from ..effort import LONG
from ..handlers.conftest import ROWS, SNAPSHOTS, STORE, kept, rows
from .conftest import BATCH, Run, keep

Item = dict[str, Any]
AMOUNTS = (1, 1, 1)


def put_all(aws: Any, table: str, items: Sequence[Item]) -> None:
    puts = [{"PutRequest": {"Item": item}} for item in items]
    for start in range(0, len(puts), BATCH):
        assert not aws.batch_write_item(RequestItems={table: puts[start : start + BATCH]})["UnprocessedItems"]


def row_of(events: Sequence[Event], projection: str) -> Item:
    return dict(to_item(folded(events)[events[0].aggregate_id, projection]))


def damaged_accounts(
    aws: Any, table: str, keys: tuple[str, ...], item_of: Callable[[list[Event]], Item]
) -> list[list[Event]]:
    """An account for every damage of the item that it has in a table; everything else about them is sound."""
    numbers = count()
    accounts: list[list[Event]] = []
    items: list[Item] = []
    for path in paths(item_of(story("example", AMOUNTS)), keys):
        for value in VALUES if LONG else FEW:
            events = story(f"account-{next(numbers):04}", AMOUNTS)
            sound = item_of(events)
            item = damaged(sound, path, value)
            if item != sound and (path != ("TimeKey",) or (value and value.get("S"))):
                accounts.append(events)
                items.append(item)
    keep(aws, [event for events in accounts for event in events])
    put_all(aws, ROWS, [dict(to_item(item)) for events in accounts for item in folded(events).values()])
    put_all(aws, table, items)
    return accounts


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("projection", "kind"),
    [("AccountSummary", "row-differs"), ("AccountStatement#0000000000000003", "entry-differs")],
)
def test_every_damage_of_a_row_or_an_entry_is_named_and_repaired(
    aws: Any, run: Run, projection: str, kind: str
) -> None:
    accounts = damaged_accounts(aws, ROWS, ("AccountId", "ProjectionType"), lambda events: row_of(events, projection))
    assert len(accounts) > 15

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["counts"]) == (0, {kind: len(accounts)})
    assert rows(aws) == {key: row for events in accounts for key, row in folded(events).items()}


@pytest.mark.timeout(240)
def test_every_damage_of_a_snapshot_is_named_and_the_snapshot_removed(aws: Any, run: Run) -> None:
    def snapshot_of(events: list[Event]) -> Item:
        return dict(to_item(record_of(events[0].aggregate_id, made(events))))

    def made(events: list[Event]) -> Any:
        snapshot = snapshot_at(events, 4)
        return snapshot._replace(state=type(snapshot.state)(**{**snapshot.state.snapshot(), "overdraft_limit": 10**12}))

    accounts = damaged_accounts(aws, SNAPSHOTS, ("AggregateId", "SnapshotKey"), snapshot_of)
    assert len(accounts) > 50

    shown = run("verify", "--json", "--show", "10000").json
    assert shown["counts"] == {"snapshot-differs": len(accounts)}
    made_anew = run("snapshots", "--json")
    assert made_anew.code == 0
    result = run("verify", "--repair-read-model", "--json")

    assert result.code == 0
    assert run("verify").code == 0
    assert all(sequence in (2, 4) for _, sequence in kept(aws))


@pytest.mark.parametrize("damage", [None, {"S": "x"}, {"NULL": True}])
@pytest.mark.parametrize("place", ["3", "999", "1000000000000000"])
def test_a_row_without_a_sound_hash_is_damaged_wherever_it_says_that_it_stands(
    aws: Any, run: Run, *, damage: Item | None, place: str
) -> None:
    """It is no witness: it does not tell of an end that was removed, and a repair needs no leave."""
    events = keep(aws, story("a", AMOUNTS))
    put_all(aws, ROWS, [dict(to_item(item)) for item in folded(events).values()])
    row = {**row_of(events, "AccountSummary"), "LastSequence": {"N": place}}
    aws.put_item(TableName=ROWS, Item=damaged(row, ("LastHash",), damage))

    result = run("verify", "--repair-read-model", "--json")

    assert (result.code, result.json["counts"]) == (0, {"row-differs": 1})
    attributes = result.json["findings"][0]["attributes"]
    assert attributes["LastHash"]["folded"] == f'"{events[int(place) - 1 if place == "3" else -1].hash}"'
    assert ("LastSequence" in attributes) == (place != "3")
    assert rows(aws) == folded(events)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "sequence", ["1E+100", "1E+125", "1E-125", "-1E+125", "2.5", "9.9999999999999999999999999999999999999E+125"]
)
def test_an_item_at_a_place_beyond_all_numbers_is_named_and_nobody_else_notices(
    aws: Any, run: Run, sequence: str
) -> None:
    keep(aws, story("a", AMOUNTS))
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "odd"}, "EventSequence": {"N": sequence}})

    result = run("verify", "--json")

    assert result.code == 1
    assert [
        (each["kind"], each["aggregateId"]) for each in result.json["findings"] if each["aggregateId"] == "odd"
    ] == [("unreadable", "odd")]
    assert result.json["events"] == 5

"""A damaged row is made again by the account's next event, whatever is damaged, and shown to nobody until then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from handlers.domain import all_projections
from handlers.domain.event import Event
from handlers.failure import InvocationError
from handlers.store.event_store import EventStore
from handlers.store.items import to_item, to_record
from handlers.store.projector import Projector
from handlers.store.read_model import MECHANICS, Key, ReadModel, StaleRowError, stored_in

from ..aws import ROWS, STORE
from ..damage import VALUES, Path, damaged, paths
from ..domain.builders import folded, story
from .conftest import Invoke, rows
from .test_projection import Deliver, deliver  # noqa: F401 -- a fixture
from .test_snapshots import InMemory

ID = "a"
EVENTS = story(ID, [1, 2, 3])
KEYS = ("AccountId", "ProjectionType")
PROJECTIONS = [projection.name for projection in all_projections(5)]
BEFORE = folded(EVENTS[:3])
TEXTS = ("Currency", "CreatedAt", "LastUpdated", "LastTransactionAt")
NUMBERS = ("Balance", "OverdraftLimit")


def shows(path: Path, value: Any) -> bool:
    """Whether a damage can be told from a sound value; one that cannot is an edit, which `verify` finds."""
    if path == ("LastSequence",):
        return value is None or value.get("N") not in ("7", "99")  # a place like any other: the row is a witness of it
    if path == ("TransactionCount",) and value and value.get("N") in ("0", "7", "99"):
        return False
    if path == ("Entries",) and value == {"L": []}:
        return False
    if path == ("LastTransactionAt",) and value is None:
        return False  # as of an account without transactions
    kind = next(iter(value or {}), "")
    return (
        not (path[0] in TEXTS and kind == "S")
        and not (path[0] in NUMBERS and kind == "N")
        and (path != ("Status",) or value != {"S": "Active"})
    )


def item_of(projection: str) -> dict[str, Any]:
    return dict(to_item(BEFORE[ID, projection]))


@pytest.fixture(scope="module")
def client() -> Any:
    made: Any = InMemory()
    for event in EVENTS:
        EventStore(made, STORE).append([event])
    return made


def row(client: Any, projection: str) -> dict[str, Any]:
    answer = client.get_item(TableName=ROWS, Key=Key(ID, projection).item(), ConsistentRead=True)
    return to_record(answer["Item"])


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_the_next_event_makes_a_row_again_that_is_damaged_in_any_attribute(client: Any, projection: str) -> None:
    projector = Projector(EventStore(client, STORE), ReadModel(client, ROWS), all_projections(5))
    tried = 0
    for path in paths(item_of(projection), KEYS):
        for value in VALUES:
            for name in PROJECTIONS:
                sound = item_of(name)
                client.put_item(TableName=ROWS, Item=damaged(sound, path, value) if name == projection else sound)
            if not shows(path, value):
                continue
            tried += 1

            reached = projector.bring_up(ID, EVENTS[3:], projector.load([ID])).sequence

            assert reached == 4, (path, value)
            assert row(client, projection) == folded(EVENTS)[ID, projection], (path, value)
    assert tried > 50


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_what_a_damage_does_to_an_entry_or_an_extra_attribute_is_found(projection: str) -> None:
    (judge,) = (each for each in all_projections(5) if each.name == projection)
    sound = {name: value for name, value in BEFORE[ID, projection].items() if name not in MECHANICS}
    assert judge.knows(sound)
    assert judge.knows({})
    assert judge.damage(sound) == []
    assert judge.damage({**sound, "Note": {"a"}}) == ["Note"]
    assert judge.knows({**sound, "Note": "of newer code"})
    for entry in sound.get("Entries", []):
        for name in entry:
            assert not judge.knows({**sound, "Entries": [{**entry, name: {"a"}}]})
            assert not judge.knows({**sound, "Entries": [{key: entry[key] for key in entry if key != name}]})


@pytest.mark.parametrize("damage", [{"NULL": True}, {"S": "3"}, {"N": "2.5"}, {"N": "-1"}, {"SS": ["3"]}, {"L": []}])
def test_a_damaged_place_is_replaced_only_while_it_is_there(aws: Any, damage: dict[str, Any]) -> None:
    """On the very value, to the type: so of two who read the damage one writes, and the other reads again."""
    read_model, key = ReadModel(aws, ROWS), Key(ID, "AccountSummary")
    item = {**item_of("AccountSummary"), "LastSequence": damage}
    aws.put_item(TableName=ROWS, Item=item)
    seen = read_model.get(key)
    assert seen == stored_in(item)
    sound = stored_in(item_of("AccountSummary"))

    read_model.put(key, sound, seen.position, seen.odd_place)

    assert read_model.get(key) == sound
    with pytest.raises(StaleRowError):
        read_model.put(key, sound, seen.position, seen.odd_place)


def test_a_row_that_lost_its_hash_is_still_a_witness_of_its_place(aws: Any, deliver: Deliver) -> None:  # noqa: F811
    """The store ends before what the row has seen: nobody may make the row again and forget that."""
    for event in EVENTS[:2]:
        EventStore(aws, STORE, 3).append([event])
    item = {**to_item(folded(EVENTS)[ID, "AccountSummary"]), "LastHash": {"NULL": True}}
    aws.put_item(TableName=ROWS, Item=item)

    deliver(EVENTS[1])

    assert rows(aws)[ID, "AccountSummary"] == to_record(item)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Balance",), {"S": "6"}),
        (("Balance",), {"B": b"6"}),
        (("Status",), {"N": "1"}),
        (("LastSequence",), {"NULL": True}),
        (("LastHash",), None),
        (("Note",), {"SS": ["a"]}),
    ],
)
def test_a_damaged_row_is_shown_to_nobody(
    aws: Any,
    ask: Invoke,
    deliver: Deliver,  # noqa: F811
    *,
    path: Path,
    value: Any,
) -> None:
    for event in EVENTS:
        EventStore(aws, STORE, 3).append([event])
    item = {**item_of("AccountSummary"), "Note": {"S": ""}}
    aws.put_item(TableName=ROWS, Item=damaged(item, path, value))

    with pytest.raises(InvocationError, match=f"AccountSummary of a is damaged .{path[0]}."):
        ask("getAccountSummary", accountId=ID)

    assert deliver(EVENTS[3]) == []
    status, body = ask("getAccountSummary", accountId=ID)
    assert (status, body["Balance"], body["LastSequence"]) == (200, 6, 4)


def test_messages_of_a_damaged_row_do_not_come_back_for_ever(aws: Any, deliver: Deliver) -> None:  # noqa: F811
    others: list[Event] = story("b", [1])
    for event in [*EVENTS, *others]:
        EventStore(aws, STORE, 3).append([event])
    damages: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda item: {**item, "LastSequence": {"NULL": True}},
        lambda item: {**item, "LastHash": {"S": "x"}},
        lambda item: {**item, "Balance": {"S": "x"}},
    ]
    for damage in damages:
        for name in PROJECTIONS:
            aws.put_item(TableName=ROWS, Item=damage(item_of(name)))

        assert deliver(EVENTS[3], *others) == []

        assert rows(aws) == {**folded(EVENTS), **folded(others)}

"""A damaged row is made again by the account's next event, whatever is damaged, and shown to nobody until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from handlers.domain import KINDS, account
from handlers.domain.projections import AccountSummary
from handlers.failure import InvocationError
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import OfKind
from handlers.sourcing.projection import Row
from handlers.store.event_store import EventStore
from handlers.store.items import to_item, to_record
from handlers.store.projector import Projector
from handlers.store.read_model import MECHANICS, Key, ReadModel, StaleRowError, stored_in

from ..aws import ROWS, STORE
from ..damage import VALUES, Path, damaged, paths
from ..domain.builders import folded, of_rows, story, summaries, with_tally
from .conftest import Calls, Invoke, rows
from .test_projection import Deliver, deliver, keep  # noqa: F401 -- a fixture
from .test_snapshots import InMemory

ID = "a"
EVENTS = story(ID, [1, 2, 3])
KEYS = ("AccountId", "ProjectionType")
TWO = with_tally()
"""So that the rows of an account can stand at different places."""
PROJECTIONS = [projection.name for projection in TWO]
BEFORE = folded(EVENTS[:3], TWO)
TEXTS = ("Currency", "CreatedAt", "LastUpdated", "LastTransactionAt")
NUMBERS = {"Balance": ("0", "-1", "2.5", "7", "99"), "OverdraftLimit": ("0", "2.5", "7", "99")}
LONGER = story(ID, [1, 2, 3, 4])
HASH_OF = {str(event.sequence): {"S": event.hash} for event in LONGER}
NOWHERE = {"S": "f" * 64}
EDGES = tuple({"N": number} for number in ("1E+125", "-1E+125", "1E-125", "0.000000001", "1E+33"))
"""Numbers that DynamoDB holds and no events add up to."""


def shows(path: Path, value: Any) -> bool:
    """Whether a damage can be told from a sound value; one that cannot is an edit, which `verify` finds."""
    kind, content = next(iter((value or {"": None}).items()))
    return not (
        (path[0] in TEXTS and kind == "S")
        or (path[0] in NUMBERS and kind == "N" and content in NUMBERS[path[0]])
        or (path, value) == (("Status",), {"S": "Active"})
    )


@pytest.fixture(autouse=True)
def _two(handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """The projection function keeps both rows."""
    module = handlers("projection")
    monkeypatch.setattr(module, "_projector", replace(module._projector, projections=TWO))


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
    projector = Projector(EventStore(client, STORE), ReadModel(client, ROWS), TWO)
    tried = 0
    for path in paths(item_of(projection), KEYS):
        for value in VALUES:
            for name in PROJECTIONS:
                sound = item_of(name)
                client.put_item(TableName=ROWS, Item=damaged(sound, path, value) if name == projection else sound)
            if not shows(path, value):
                continue
            tried += 1

            reached = projector.bring_up(ID, EVENTS[3:], projector.load({ID: EVENTS[3:]})).sequence

            assert reached == 4, (path, value)
            assert row(client, projection) == folded(EVENTS, TWO)[ID, projection], (path, value)
    assert tried > 30


def test_an_extra_attribute_that_json_does_not_have_is_found() -> None:
    (judge,) = summaries()
    sound = {name: value for name, value in BEFORE[ID, judge.name].items() if name not in MECHANICS}
    assert judge.knows(sound, 3)
    assert judge.damage(sound, 3) == []
    assert judge.damage({**sound, "Note": {"a"}}, 3) == ["Note"]
    assert judge.knows({**sound, "Note": "of newer code"}, 3)


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


@pytest.mark.parametrize("damage", [{"NULL": True}, {"S": "x"}, None])
@pytest.mark.parametrize("place", ["2", "3", "4", "999", "1000000000000000"])
@pytest.mark.parametrize("both", [False, True])
def test_a_row_that_lost_its_hash_is_no_witness_of_its_place(
    aws: Any,
    deliver: Deliver,  # noqa: F811
    *,
    damage: dict[str, Any] | None,
    place: str,
    both: bool,
) -> None:
    """Nobody can tell then which events it holds, so what it says of them holds up nothing."""
    keep(aws, EVENTS)
    for name in PROJECTIONS:
        item = damaged({**item_of(name), "LastSequence": {"N": place}}, ("LastHash",), damage)
        aws.put_item(TableName=ROWS, Item=item if both or name == "AccountSummary" else item_of(name))

    assert deliver(EVENTS[3]) == []

    assert rows(aws) == folded(EVENTS, TWO)


@pytest.mark.parametrize(
    ("place", "hash_of"), [("2", "4"), ("4", "3"), ("1", "4"), ("4", "1"), ("5", "4"), ("50", "3")]
)
@pytest.mark.parametrize("both", [False, True])
def test_a_row_with_the_hash_of_another_place_is_made_again(
    aws: Any,
    deliver: Deliver,  # noqa: F811
    *,
    place: str,
    hash_of: str,
    both: bool,
) -> None:
    """No projection wrote such a row. Where all rows say one place beyond the end, only verify tells."""
    if both and place == "50":
        return
    keep(aws, LONGER)
    for (_, name), row in folded(LONGER[:4], TWO).items():
        if "#" in name:
            aws.put_item(TableName=ROWS, Item=to_item(row))
            continue
        item = {**to_item(row), "LastSequence": {"N": place}, "LastHash": HASH_OF[hash_of]}
        aws.put_item(TableName=ROWS, Item=item if both or name == "AccountSummary" else to_item(row))

    assert deliver(LONGER[4]) == []

    assert rows(aws) == folded(LONGER, TWO)


def test_an_event_that_comes_again_heals_a_row_that_has_another_hash_at_its_place(aws: Any, deliver: Deliver) -> None:  # noqa: F811
    keep(aws, EVENTS)
    for row in of_rows(folded(EVENTS, TWO)).values():
        aws.put_item(TableName=ROWS, Item={**to_item(row), "LastHash": {"S": EVENTS[1].hash}})

    assert deliver(EVENTS[3]) == []

    assert rows(aws) == folded(EVENTS, TWO)


@pytest.mark.parametrize("place", ["2", "4", "50"])
def test_a_hash_that_the_stream_has_nowhere_still_speaks_against_it(aws: Any, deliver: Deliver, place: str) -> None:  # noqa: F811
    keep(aws, LONGER)
    for row in folded(LONGER[:4], TWO).values():
        aws.put_item(TableName=ROWS, Item=to_item(row))
    witness = {**to_item(folded(LONGER[:4])[ID, "AccountSummary"]), "LastSequence": {"N": place}, "LastHash": NOWHERE}
    witness["TransactionCount"] = {"N": "1"}
    aws.put_item(TableName=ROWS, Item=witness)

    failed = deliver(LONGER[4])

    assert rows(aws)[ID, "AccountSummary"] == to_record(witness)
    if place == "50":  # the stream may have been cut off: the other row goes on
        assert failed == []
        assert rows(aws)[ID, "Tally"] == folded(LONGER, TWO)[ID, "Tally"]
    else:
        assert failed == ["m0"]


def test_a_row_without_its_hash_and_without_a_stream_stays(aws: Any, deliver: Deliver) -> None:  # noqa: F811
    item = damaged(item_of("AccountSummary"), ("LastHash",), None)
    aws.put_item(TableName=ROWS, Item=item)

    assert deliver(EVENTS[3]) == ["m0"]

    assert rows(aws) == {(ID, "AccountSummary"): to_record(item)}


def test_a_straggler_behind_rows_at_different_places_costs_one_query(
    aws: Any,
    deliver: Deliver,  # noqa: F811
    calls: Calls,
) -> None:
    keep(aws, LONGER)
    behind, ahead = folded(LONGER[:4], TWO), folded(LONGER, TWO)
    for name, of in zip(PROJECTIONS, (behind, ahead), strict=True):
        aws.put_item(TableName=ROWS, Item=to_item(of[ID, name]))
    calls.made.clear()

    assert deliver(LONGER[2]) == []

    assert calls.names == ["BatchGetItem", "Query", "Query"]


@pytest.mark.parametrize("query", ["getAccountSummary", "getAccountStatement"])
def test_a_row_that_lacks_what_rows_always_have_is_shown_to_nobody(
    aws: Any,
    ask: Invoke,
    deliver: Deliver,  # noqa: F811
    query: str,
) -> None:
    keep(aws, EVENTS)
    sound = item_of("AccountSummary")
    lost = [[name] for name in sound if name not in (*KEYS, "Currency", "EntriesSequence")]
    lost.append([name for name in sound if name not in MECHANICS])
    for names in lost:
        for name in PROJECTIONS:
            aws.put_item(TableName=ROWS, Item=item_of(name))
        aws.put_item(TableName=ROWS, Item={name: value for name, value in sound.items() if name not in names})

        with pytest.raises(InvocationError, match="is damaged"):
            ask(query, accountId=ID)

        assert deliver(EVENTS[3]) == []
        assert rows(aws) == folded(EVENTS, TWO)


@pytest.mark.parametrize("query", ["getAccountSummary", "getAccountStatement"])
def test_a_number_that_no_events_add_up_to_is_damage(
    aws: Any,
    ask: Invoke,
    deliver: Deliver,  # noqa: F811
    query: str,
) -> None:
    keep(aws, EVENTS)
    sound = item_of("AccountSummary")
    for path in [(name,) for name, value in sound.items() if "N" in value and name != "EntriesSequence"]:
        for edge in EDGES:
            for name in PROJECTIONS:
                aws.put_item(TableName=ROWS, Item=item_of(name))
            aws.put_item(TableName=ROWS, Item=damaged(sound, path, edge))

            with pytest.raises(InvocationError, match="is damaged"):
                ask(query, accountId=ID)

            assert deliver(EVENTS[3]) == [], (path, edge)
            assert rows(aws) == folded(EVENTS, TWO), (path, edge)


@pytest.mark.parametrize(
    "change",
    [
        {"TransactionCount": Decimal(4)},
        {"TransactionCount": Decimal(2), "Balance": Decimal(10) ** 19},
        {"Status": "Closed"},
        {"ClosedAt": "2024-01-15T10:00:00.000000Z"},
        {"Balance": Decimal(0), "TransactionCount": Decimal(0)},
    ],
)
def test_what_so_many_events_cannot_make_is_damage(change: dict[str, Any]) -> None:
    (judge,) = summaries()
    sound = {name: value for name, value in BEFORE[ID, judge.name].items() if name not in MECHANICS}

    assert judge.damage({**sound, **change}, 3)


def test_what_no_check_foresaw_in_a_row_is_folded_from_the_beginning(client: Any) -> None:
    class Credulous(AccountSummary):
        def knows(self, row: Row, sequence: int) -> bool:
            return bool(row and sequence)

    projector = Projector(
        EventStore(client, STORE), ReadModel(client, ROWS), [OfKind(account.KIND, Credulous(), KINDS)]
    )
    for value in ({"N": "1E+125"}, {"S": "much"}, None):
        client.put_item(TableName=ROWS, Item=damaged(item_of("AccountSummary"), ("Balance",), value))

        assert projector.bring_up(ID, EVENTS[3:], projector.load({ID: EVENTS[3:]})) == (4, 1)

        assert row(client, "AccountSummary") == folded(EVENTS, [Credulous()])[ID, "AccountSummary"]


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

        assert rows(aws) == {**folded(EVENTS, TWO), **folded(others, TWO)}

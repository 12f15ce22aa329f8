"""Stored items of every table, damaged in any way, fed to every reader: the functions and the operator's commands.

What is damaged in a copy costs reading, or is not shown; what is damaged in a stream is a fault of its own account,
which names it and tells nothing of our inside. Everybody else is answered as if nothing had happened, and no command
ends in a traceback.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import ModuleType
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.domain import evolve
from handlers.domain.account import Account
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from handlers.store.event_store import EventStore
from handlers.store.items import to_item
from handlers.store.read_model import MECHANICS, stored_in
from handlers.store.snapshots import record_of

from ..aws import ROWS, SNAPSHOTS, STORE
from ..damage import VALUES, damaged, paths
from ..domain.builders import folded, snapshot_at, story
from ..handlers.conftest import Context, message, over_http, record, rows
from ..ops.conftest import Run, _no_waiting, keep, outputs, run  # noqa: F401 -- fixtures
from .budget import PATIENCE, examples
from .system import INNARDS

pytestmark = PATIENCE

KEYS = {
    STORE: ("AggregateId", "EventSequence"),
    ROWS: ("AccountId", "ProjectionType"),
    SNAPSHOTS: ("AggregateId", "SnapshotKey"),
}
INDEXED = {STORE: {"CommandId", "Correlation", "TypeBucket", "Timestamp"}, SNAPSHOTS: {"TimeKey"}, ROWS: set()}
"""Keys of indexes: DynamoDB takes no other type for them than text, and none that is empty."""
_numbers = count()

Item = dict[str, Any]
_SPELLED_OUT = ("9" + "0" * 60, "1" + "0" * 125, "-1" + "0" * 125)
EDGES = tuple(
    {"N": number} for number in ("1E+125", "-1E+125", "1E-125", "-1E-130", "0.000000001", "1E+33", *_SPELLED_OUT)
)
"""Numbers that DynamoDB holds and no events add up to, as they are put and as they are told."""
content = st.recursive(
    st.sampled_from([value for value in VALUES if value] + list(EDGES)),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda each: {"L": each})
        | st.dictionaries(st.text("abA\u00e9", min_size=1, max_size=3), inner, max_size=2).map(lambda each: {"M": each})
    ),
    max_leaves=3,
)


class Damaged(NamedTuple):
    """An account with damage in some tables; another one, which is sound, lies beside it."""

    events: list[Event]
    tables: set[str]
    beside: list[Event]


@st.composite
def changed(draw: st.DrawFn, table: str, item: Item) -> Item:
    """An item with one to three attributes gone, of another type or other content; or with its keys only."""
    if draw(st.integers(0, 9)) == 0:
        return {name: item[name] for name in KEYS[table]}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*paths(item, KEYS[table]), ("Note",)]))
        value = draw(st.none() | content) if path != ("Note",) else draw(content)
        if path[0] in INDEXED[table] and value is not None and not value.get("S"):
            continue
        item = damaged(item, path, value)
    return item


def stored_beside(aws: Any, name: str) -> tuple[list[Event], dict[str, list[Item]]]:
    """An account of five events, with its rows and a snapshot, everything as the ledger would have made it."""
    events = story(name, [1, 2, 3, 4])
    keep(aws, events[:4])
    state = Account()
    for event in events[:4]:
        state = evolve(state, event)
    snapshot = record_of(name, snapshot_at(events, 4)._replace(state=state))
    items = {
        STORE: [dict(EventStore(aws, STORE, 3).item(event)) for event in events[:4]],
        ROWS: [dict(to_item(row)) for row in folded(events[:4]).values()],
        SNAPSHOTS: [dict(to_item(snapshot))],
    }
    for table in (ROWS, SNAPSHOTS):
        for item in items[table]:
            aws.put_item(TableName=table, Item=item)
    return events, items


class Functions:
    """The functions over HTTP: an answer, or a fault that is not one of those that nobody foresaw."""

    def __init__(self, handlers: Callable[[str], ModuleType]) -> None:
        self.handlers = handlers

    def ask(self, function: str, request: Mapping[str, Any]) -> tuple[int, Any]:
        answer = self.handlers(function).lambda_handler(over_http(request), Context(f"asked-{next(_numbers)}"))
        body = json.loads(answer["body"])
        if answer["statusCode"] >= 500:
            assert body["error"]["code"] != "InternalError", (request, body)
            assert not any(word in answer["body"] for word in INNARDS), body
        return answer["statusCode"], body

    def query(self, query_type: str, **arguments: Any) -> tuple[int, Any]:
        return self.ask("query", {"queryType": query_type, **arguments})

    def project(self, events: Sequence[Event]) -> set[str]:
        """The aggregates whose messages come again."""
        records = [{**message(event), "messageId": event.aggregate_id} for event in events]
        failed = self.handlers("projection").lambda_handler({"Records": records}, Context())["batchItemFailures"]
        return {each["itemIdentifier"] for each in failed}

    def snapshot(self, events: Sequence[Event]) -> None:
        records = [record(event) for event in events]
        assert self.handlers("snapshot").lambda_handler({"Records": records}, Context()) == {"batchItemFailures": []}


@examples(12)
@given(data=st.data())
def test_whatever_is_damaged_every_reader_answers(
    aws: Any,
    handlers: Callable[[str], ModuleType],
    run: Run,  # noqa: F811
    tally: Counter[str],
    data: st.DataObject,
) -> None:
    number = next(_numbers)
    account, items = stored_beside(aws, f"damaged-{number:06}")
    beside, _ = stored_beside(aws, f"beside-{number:06}")
    tables = data.draw(st.sets(st.sampled_from([STORE, ROWS, SNAPSHOTS]), min_size=1))
    for table in sorted(tables):
        item = data.draw(st.sampled_from(items[table]))
        aws.put_item(TableName=table, Item=data.draw(changed(table, item)))
        tally[f"damaged items of {table}"] += 1
    functions = Functions(handlers)

    check_that_others_notice_nothing(functions, beside)
    check_the_account(functions, account, sound=STORE not in tables)
    check_the_commands(run, account[0].aggregate_id, repairable=STORE not in tables)

    if STORE not in tables:
        keep(aws, account[4:])
        assert functions.project(account[4:]) == set()
        assert {key: row for key, row in rows(aws).items() if key[0] == account[0].aggregate_id} == folded(account)
    for event in (*account, *beside):  # no example is to read what those before have left
        key = {"AggregateId": {"S": event.aggregate_id}, "EventSequence": {"N": str(event.sequence)}}
        aws.delete_item(TableName=STORE, Key=key)


@st.composite
def visibly(draw: st.DrawFn, item: Item, hashes: list[str]) -> Item:
    """A row with damage that shows: a place or a hash that is none or another event's, an attribute gone that rows
    always have, a number that no events add up to."""
    places = [{"N": str(place)} for place in (1, 2, 3, 4, 5, 50, 10**15, "1E+125", "2.5", "-1", "0")]
    have = sorted(item.keys() - {"AccountId", "ProjectionType", "Currency"})
    strategies = {
        "LastSequence": st.sampled_from([*places, {"S": "4"}, None]),
        "LastHash": st.sampled_from([*({"S": each} for each in hashes), {"S": "x"}, {"NULL": True}, None]),
    }
    for name in draw(st.lists(st.sampled_from(["LastSequence", "LastHash", *have]), min_size=1, max_size=3)):
        others = st.none() | st.sampled_from(EDGES) if "N" in item.get(name, {}) else st.none()
        value = draw(strategies.get(name, others))
        item = {**{key: kept for key, kept in item.items() if key != name}, **({} if value is None else {name: value})}
    return item


@examples(60)
@given(data=st.data())
def test_a_row_with_damage_that_shows_tells_nobody_anything_wrong_and_is_gone_with_the_next_event(
    aws: Any, handlers: Callable[[str], ModuleType], tally: Counter[str], data: st.DataObject
) -> None:
    account, items = stored_beside(aws, f"visibly-{next(_numbers):06}")
    name, hashes = account[0].aggregate_id, [event.hash for event in account[:4]]
    (row,) = (each for each in items[ROWS] if each["ProjectionType"] == {"S": "AccountSummary"})
    damaged_row = data.draw(st.just(row) | visibly(row, hashes))
    position = stored_in(damaged_row).position
    # What nothing in the row gives away: a false place beyond the next event's, or an event's place and hash edited
    # together.
    assume(position.sequence <= 5)
    assume(position.hash != account[2].hash or position.sequence != 3)
    aws.put_item(TableName=ROWS, Item=damaged_row)
    tally["damaged rows"] += damaged_row != row
    functions = Functions(handlers)

    truth = json.loads(dumps(list(folded(account[:4]).values())))
    status, answer = functions.query("getAccountSummary", accountId=name)
    if status == 200:
        assert [
            {key: each[key] for key in each.keys() - MECHANICS}
            for each in truth
            if each["ProjectionType"] == "AccountSummary"
        ] == [{key: answer[key] for key in answer.keys() - MECHANICS}]
    status, answer = functions.query("getAccountStatement", accountId=name)
    if status == 200:
        keys = {"AccountId": name, "ProjectionType": "AccountStatement#"}
        assert all(
            any({**each, **keys} == {**entry, **keys} for each in truth if "Amount" in each)
            for entry in answer["Entries"]
        )
    keep(aws, account[4:])
    assert functions.project(account[4:]) == set()
    now = {key: row for key, row in rows(aws).items() if key[0] == name}
    now.pop((name, "AccountStatement"), None)  # how far its entries were filled in, where it had lost its word for them
    assert now == folded(account)
    for event in account:
        key = {"AggregateId": {"S": event.aggregate_id}, "EventSequence": {"N": str(event.sequence)}}
        aws.delete_item(TableName=STORE, Key=key)


def check_that_others_notice_nothing(functions: Functions, beside: list[Event]) -> None:
    name = beside[0].aggregate_id
    assert functions.query("reconstructState", aggregateId=name)[1]["reconstructedState"]["balance"] == 6
    assert functions.query("getAggregateEvents", aggregateId=name)[1]["eventCount"] == 4
    assert functions.query("getAccountSummary", accountId=name)[1]["Balance"] == 6
    for event_type in ("AccountCreated", "TransactionProcessed"):
        status, body = functions.query("getEventsByType", eventType=event_type, limit=1000)
        wanted = {event.event_id for event in beside[:4] if event.event_type == event_type}
        assert status == 200
        assert wanted <= {each["EventId"] for each in body["events"]}
    functions.snapshot(beside[3:4])
    assert functions.project(beside[:4]) == set()
    command = {"aggregateId": name, "eventType": "TransactionProcessed", "eventData": {"amount": 5}}
    assert functions.ask("validate", command)[0] == 200
    assert functions.ask("command", command)[0] == 200


def check_the_account(functions: Functions, account: list[Event], *, sound: bool) -> None:
    """Where the stream is sound, its answers are the truth; where it is not, they may be faults that name it."""
    name = account[0].aggregate_id
    last = account[3].timestamp
    answers = [
        functions.query("reconstructState", aggregateId=name),
        functions.query("reconstructState", aggregateId=name, asOf=last),
        functions.query("reconstructState", aggregateId=name, upToSequence=4),
    ]
    events = functions.query("getAggregateEvents", aggregateId=name)
    command = {"aggregateId": name, "eventType": "TransactionProcessed", "eventData": {"amount": 5}}
    would_be = functions.ask("validate", command)
    functions.query("getAccountSummary", accountId=name)
    functions.query("getAccountStatement", accountId=name)
    functions.snapshot(account[3:4])
    functions.project(account[:4])
    if sound:
        assert [status for status, _ in answers] == [200, 200, 200]
        assert events[1]["events"] == [json.loads(dumps(event.record())) for event in account[:4]]
        assert would_be[1]["wouldBe"]["sequence"] == 5


def check_the_commands(run: Run, name: str, *, repairable: bool) -> None:  # noqa: F811
    assert run("snapshots", "--aggregate", name).code in (0, 1)
    assert run("republish", "--aggregate", name).code in (0, 1)
    with tempfile.TemporaryDirectory() as folder:
        assert run("export", "--aggregate", name, "--out", folder).code in (0, 1)
    assert run("verify", "--aggregate", name).code in (0, 1)
    repaired = run("verify", "--aggregate", name, "--repair-read-model", "--trust-store")
    assert repaired.code == 0 or not repairable, repaired

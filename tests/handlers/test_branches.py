"""Branches: whatever is done on one, the ledger stays as it is; whatever the ledger does, a branch stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest

from handlers.failure import InvocationError
from handlers.sourcing import times
from handlers.sourcing.errors import NotAnEventError, NotFoundError
from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps
from handlers.store.branch_events import BranchEvents
from handlers.store.branches import Branch, Branches, BranchExistsError, DamagedBranchError
from handlers.store.event_store import EventStore
from handlers.store.overlay import OverlayStates, OverlayStore, end_of
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import Snapshots
from handlers.store.streams import ConcurrentAppendError

from ..aws import BRANCHES
from ..domain.builders import story
from ..effort import LONG
from .conftest import SNAPSHOTS, STORE, Calls, Context, Invoke, opened, record, refusal

ID = "account-1"
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_numbers = count(1)
OnBranch = Callable[..., tuple[int, Any]]


def made(aws: Any, name: str = "trial", at: str | None = None, days: float = 1) -> Branch:
    """A branch that is made now."""
    branch = Branch.new(name, at, "r1", datetime.now(UTC), timedelta(days=days))
    Branches(aws, BRANCHES).create(branch)
    return branch


@pytest.fixture
def on_branch(aws: Any, handlers: Callable[[str], ModuleType]) -> OnBranch:
    """`on_branch(command={...})` to the function branch, on the branch `trial` where none is named."""
    module = handlers("branch")

    def call(branch: str = "trial", **asked: Any) -> tuple[int, Any]:
        request = {"body": dumps({"branch": branch, **asked})}
        return opened(module.lambda_handler(request, Context(f"on-branch-{next(_numbers)}")))

    return call


def deposit(amount: Any, account: str = ID, **more: Any) -> dict[str, Any]:
    return {"aggregateId": account, "eventType": "TransactionProcessed", "eventData": {"amount": amount}, **more}


def balance(ask: OnBranch, account: str = ID, **more: Any) -> Any:
    query = {"queryType": "reconstructState", "aggregateId": account, **more}
    status, body = ask(query=query)
    assert status == 200, body
    return body["reconstructedState"]["balance"]


def keep(aws: Any, events: list[Event]) -> list[Event]:
    for event in events:
        EventStore(aws, STORE).append([event])
    return events


def whole(aws: Any, table: str = STORE) -> list[Any]:
    """A table as it lies there."""
    return [item for page in aws.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]


def written(calls: Calls) -> set[str]:
    """The tables that were written to."""
    puts = [arguments for name, arguments in calls.made if name in WRITES]
    return {str(each.get("TableName") or each.get("RequestItems") or each["TransactItems"]) for each in puts}


def test_what_is_done_on_a_branch_changes_the_branch_alone(
    send: Invoke, ask: Invoke, on_branch: OnBranch, aws: Any, calls: Calls
) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 100})
    before = whole(aws)
    made(aws)
    calls.made.clear()

    assert on_branch(command=deposit(-40, commandId="c"))[1]["sequence"] == 3
    assert on_branch(command=deposit(-61))[1]["error"]["details"]["rule"] == "sufficient-funds"

    assert balance(on_branch) == 60
    assert ask("reconstructState", aggregateId=ID)[1]["reconstructedState"]["balance"] == 100
    assert whole(aws) == before
    assert written(calls) == {BRANCHES}
    assert "PutEvents" not in calls.names


def test_what_the_ledger_does_later_is_not_on_a_branch(send: Invoke, on_branch: OnBranch, aws: Any) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 100})
    made(aws)
    assert balance(on_branch) == 100

    send("TransactionProcessed", {"amount": 5}, commandId="live")
    assert balance(on_branch) == 100
    assert on_branch(command=deposit(7, commandId="live"))[1]["sequence"] == 3
    send("TransactionProcessed", {"amount": 5})

    assert balance(on_branch) == 107
    assert on_branch(query={"queryType": "getAggregateEvents", "aggregateId": ID})[1]["eventCount"] == 3


def test_a_branch_of_a_moment_ends_each_account_there(aws: Any, on_branch: OnBranch) -> None:
    events = keep(aws, story(ID, [1, 2, 4, 8, 16]))
    keep(aws, story("later", [1], now="2025-01-15T10:00:00.000000Z"))
    made(aws, at=events[2].timestamp)

    assert balance(on_branch) == 3
    assert on_branch(command=deposit(100))[1]["sequence"] == 4
    assert balance(on_branch) == 103
    later = {"queryType": "reconstructState", "aggregateId": "later"}
    assert on_branch(query=later)[0] == 404
    opening = {"aggregateId": "later", "eventType": "AccountCreated", "eventData": {}}
    assert on_branch(command=opening)[1]["sequence"] == 1


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_where_a_stream_ended_at_a_moment_is_found_by_halving(aws: Any, calls: Calls, length: int) -> None:
    events = keep(aws, story(ID, [1] * (length - 1)))
    store = EventStore(aws, STORE)
    calls.made.clear()

    ends = [end_of(store, ID, event.timestamp).sequence for event in events]
    first = events[0].timestamp

    assert ends == list(range(1, length + 1))
    assert end_of(store, ID, times.earlier(first, 1)).sequence == 0
    assert end_of(store, ID, None).hash == end_of(store, ID, times.LAST).hash == events[-1].hash
    assert len(calls.made) <= (length + 3) * (length.bit_length() + 2)


def test_a_command_happens_once_on_a_branch_and_not_again_where_it_is_in_the_base(
    send: Invoke, on_branch: OnBranch, aws: Any
) -> None:
    send("AccountCreated", {})
    first = send("TransactionProcessed", {"amount": 100}, commandId="before")
    made(aws)

    assert on_branch(command=deposit(100, commandId="before")) == first
    once = on_branch(command=deposit(1, commandId="here"))
    assert once == on_branch(command=deposit(1, commandId="here"))
    assert on_branch(command=deposit(2, commandId="here"))[0] == 409
    assert balance(on_branch) == 101


def test_two_who_write_on_a_branch_at_once_take_turns(send: Invoke, on_branch: OnBranch, aws: Any) -> None:
    send("AccountCreated", {})
    branch = made(aws)
    on_branch(command=deposit(1))
    own = BranchEvents(Branches(aws, BRANCHES), branch)
    (event,) = own.page(ID, 0, 100, None).events

    with pytest.raises(ConcurrentAppendError):
        own.append([replace(event, data={"amount": Decimal(2), "type": "deposit"})])
    with pytest.raises(ConcurrentAppendError):
        own.append([event, replace(event, sequence=3)])
    assert balance(on_branch) == 1


def test_a_branchs_name_is_in_its_events_hashes(send: Invoke, on_branch: OnBranch, aws: Any) -> None:
    send("AccountCreated", {})
    branch = made(aws)
    on_branch(command=deposit(1))
    (event,) = BranchEvents(Branches(aws, BRANCHES), branch).page(ID, 0, 100, None).events

    assert event.branch == branch.id != branch.name
    assert event.hash == event.computed_hash() != replace(event, branch="").computed_hash()
    assert replace(event, branch="other").computed_hash() != event.hash


def test_an_event_of_a_branch_is_none_of_the_ledgers(
    send: Invoke, on_branch: OnBranch, aws: Any, handlers: Callable[[str], ModuleType], calls: Calls
) -> None:
    """Somebody grafts it onto the live stream: it fits behind its last event, and is none all the same."""
    send("AccountCreated", {})
    branch = made(aws)
    on_branch(command=deposit(1_000_000))
    (event,) = BranchEvents(Branches(aws, BRANCHES), branch).page(ID, 0, 100, None).events
    store = EventStore(aws, STORE)
    aws.put_item(TableName=STORE, Item=store.item(event))
    calls.made.clear()

    with pytest.raises(NotAnEventError, match="branch"):
        list(store.read(ID))
    assert handlers("relay").lambda_handler({"Records": [record(event)]}, Context()) == {"batchItemFailures": []}
    assert "PutEvents" not in calls.names
    with pytest.raises(NotAnEventError):
        Event.of({name: value for name, value in event.record().items() if name != "Branch"}, branch.id)


def test_a_transfer_on_a_branch_is_carried_to_its_end_there_and_nowhere_else(
    send: Invoke, ask: Invoke, on_branch: OnBranch, aws: Any, calls: Calls
) -> None:
    for account in ("a", "b"):
        send("AccountCreated", {}, aggregateId=account)
    send("TransactionProcessed", {"amount": 100}, aggregateId="a")
    made(aws)
    before = whole(aws)
    calls.made.clear()
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 30}
    asked = {"aggregateId": "t", "eventType": "TransferRequested", "eventData": sides, "actor": "ann"}

    status, answer = on_branch(command=asked)

    assert (status, answer["process"]["processId"], answer["process"]["steps"]) == (200, "t", 5)
    assert answer["process"]["state"]["status"] == "Completed"
    assert (balance(on_branch, "a"), balance(on_branch, "b")) == (70, 30)
    assert whole(aws) == before
    assert written(calls) == {BRANCHES}
    assert ask("reconstructState", aggregateId="t")[0] == 404


def test_what_a_process_waits_for_can_be_asked_for_again(send: Invoke, on_branch: OnBranch, aws: Any) -> None:
    for account in ("a", "b"):
        send("AccountCreated", {}, aggregateId=account)
    send("TransactionProcessed", {"amount": 5_000}, aggregateId="a")
    made(aws)
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 2_000}
    asked = {"aggregateId": "t", "eventType": "TransferRequested", "eventData": sides, "actor": "ann"}
    assert on_branch(command=asked)[1]["process"]["state"]["status"] == "Requested"
    approval = {"aggregateId": "t", "eventType": "TransferApproved", "eventData": {}, "actor": "bob"}
    assert on_branch(command=approval)[1]["process"]["state"]["status"] == "Completed"

    assert on_branch(carry="t")[1]["process"]["steps"] == 0
    assert "none such" in on_branch(carry="nobody")[1]["process"]["problem"]


def test_the_projections_are_made_when_they_are_asked_for(send: Invoke, on_branch: OnBranch, aws: Any) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 100})
    made(aws)
    on_branch(command=deposit(-1))
    on_branch(command=deposit(-2))

    status, row = on_branch(query={"queryType": "getAccountSummary", "accountId": ID})
    assert (status, row["Balance"], row["TransactionCount"], row["LastSequence"]) == (200, 97, 3, 4)
    statement = {"queryType": "getAccountStatement", "accountId": ID, "limit": 2}
    _, page = on_branch(query=statement)
    assert [(each["Amount"], each["Balance"]) for each in page["Entries"]] == [(-2, 97), (-1, 99)]
    _, rest = on_branch(query={**statement, "nextToken": page["nextToken"]})
    assert [(each["Amount"], each["Balance"]) for each in rest["Entries"]] == [(100, 100)]
    assert on_branch(query={"queryType": "getAccountSummary", "accountId": "nobody"})[0] == 404
    assert on_branch(query={"queryType": "getTransfer", "transferId": ID})[0] == 404


def test_a_past_state_is_of_the_base_or_of_the_branch(aws: Any, on_branch: OnBranch) -> None:
    events = keep(aws, story(ID, [1] * 9))
    store, snapshots = EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS)
    made(aws, at=events[5].timestamp)
    on_branch(command=deposit(100))
    SnapshotBuilder(store, snapshots, every=2).bring_up_to(ID, 10)

    assert [balance(on_branch, upToSequence=place) for place in (2, 6, 7)] == [1, 5, 105]
    assert balance(on_branch, asOf=events[3].timestamp) == 3
    assert balance(on_branch, asOf=times.LAST) == 105


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({}, "request"),
        ({"command": {}, "query": {}}, "request"),
        ({"command": "all"}, "command"),
        ({"query": []}, "query"),
        ({"carry": ""}, "carry"),
        ({"branch": "No Name", "carry": "t"}, "branch"),
        ({"merge": True}, "merge"),
        ({"query": {"queryType": "getTransfers"}}, "queryType"),
        ({"query": {"queryType": "getEventsByType", "eventType": "AccountCreated"}}, "queryType"),
    ],
)
def test_what_cannot_be_asked_of_a_branch_is_refused_by_its_name(
    on_branch: OnBranch, aws: Any, asked: dict[str, Any], path: str
) -> None:
    made(aws)

    status, body = on_branch(**asked)

    assert status == 400
    assert body["error"]["details"]["field"] == path


def test_a_branch_that_is_unknown_dropped_or_lapsed_is_not_there(on_branch: OnBranch, aws: Any) -> None:
    made(aws, "gone")
    made(aws, "lapsed", days=-1)
    branches = Branches(aws, BRANCHES)
    on_branch("gone", command={"aggregateId": "x", "eventType": "AccountCreated", "eventData": {}})
    branches.drop(branches.get("gone"))

    for name in ("unknown", "gone", "lapsed"):
        assert on_branch(name, carry="t")[0] == 404
    assert branches.every() == []
    assert {item["Part"]["S"] for item in whole(aws, BRANCHES)} == {"heads"}  # of the lapsed one, for AWS to remove
    made(aws, "lapsed")


def test_a_branch_is_made_once_and_a_later_one_of_its_name_sees_nothing_of_it(on_branch: OnBranch, aws: Any) -> None:
    first = made(aws)
    opening = {"aggregateId": "x", "eventType": "AccountCreated", "eventData": {}, "commandId": "c"}
    assert on_branch(command=opening)[0] == 200
    with pytest.raises(BranchExistsError):
        made(aws)
    aws.delete_item(TableName=BRANCHES, Key={"Part": {"S": "heads"}, "Place": {"S": "trial"}})  # a drop that crashed

    second = made(aws)

    assert first.id != second.id
    assert on_branch(query={"queryType": "reconstructState", "aggregateId": "x"})[0] == 404
    with pytest.raises(NotFoundError):
        Branches(aws, BRANCHES).get("other")


def test_whatever_call_fails_before_or_after_it_took_effect_a_command_on_a_branch_happens_once(
    send: Invoke, on_branch: OnBranch, aws: Any, calls: Calls
) -> None:
    """A transfer, and so several commands: each call of its way, or in the ordinary run every third, fails once, and
    whoever asked asks again."""
    for account in ("a", "b"):
        send("AccountCreated", {}, aggregateId=account)
    send("TransactionProcessed", {"amount": 100}, aggregateId="a")
    before = whole(aws)
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 30}
    asked = {"aggregateId": "t", "eventType": "TransferRequested", "eventData": sides, "commandId": "c"}
    made(aws, "well")
    calls.made.clear()
    on_branch("well", command=asked)
    every, left = len(calls.made), [0]

    def fail(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise refusal("InternalServerError")

    for number in range(1, every + 1, 1 if LONG else 3):
        for moment in ("before", "after"):
            name = f"{moment}-{number}"
            made(aws, name)
            left[0] = number
            setattr(calls, moment, fail)
            with suppress(InvocationError):
                on_branch(name, command=asked)
            setattr(calls, moment, None)
            answer = on_branch(name, command=asked)[1]
            assert (answer["sequence"], answer["process"]["state"]["status"]) == (1, "Completed"), name
            balances = [balance(lambda name=name, **query: on_branch(name, **query), account) for account in ("a", "b")]
            assert balances == [70, 30], name
    assert whole(aws) == before


@pytest.mark.parametrize("name", ["Id", "Revision", "CreatedAt", "ExpiresAt"])
@pytest.mark.parametrize("value", [None, {"L": []}, {"S": "\ud800"}, {"N": "1E+100"}])
def test_a_damaged_head_is_named(aws: Any, name: str, value: Any) -> None:
    made(aws)
    (item,) = whole(aws, BRANCHES)
    damaged = {key: each for key, each in {**item, name: value}.items() if each is not None}
    branches = Branches(found(damaged), BRANCHES)

    with pytest.raises(DamagedBranchError, match="trial of heads"):
        branches.get("trial")


@pytest.mark.parametrize("name", ["Length", "Hash", "Timestamp"])
@pytest.mark.parametrize("value", [None, {"L": []}, {"N": "-1"}])
def test_a_base_that_was_damaged_is_named_and_not_guessed(
    send: Invoke, on_branch: OnBranch, aws: Any, name: str, value: Any
) -> None:
    send("AccountCreated", {})
    branch = made(aws)
    on_branch(command=deposit(1))
    (item,) = (each for each in whole(aws, BRANCHES) if "Length" in each)
    damaged = {key: each for key, each in {**item, name: value}.items() if each is not None}

    with pytest.raises(DamagedBranchError, match=f"{ID} of {branch.id}"):
        Branches(found(damaged), BRANCHES).base(branch, ID, lambda: pytest.fail("measured anew"))


def found(item: Any) -> Any:
    """A client that finds this item, whatever is asked for."""
    client = Mock()
    client.get_item.return_value = {"Item": item}
    return client


def test_what_a_command_on_a_branch_costs(send: Invoke, on_branch: OnBranch, aws: Any, calls: Calls) -> None:
    send("AccountCreated", {})
    calls.made.clear()
    made(aws)
    assert calls.names == ["PutItem"]
    calls.made.clear()

    on_branch(command=deposit(1))
    first = sorted(calls.names)
    calls.made.clear()
    on_branch(command=deposit(1))

    # The head, and where the base ends, which the first one finds out and writes down; then the tail and the look-up
    # in both, a snapshot, the event; and what was decided, to see whether a process is concerned.
    assert first == sorted(["GetItem"] * 2 + ["PutItem"] * 2 + ["Query"] * 7)
    assert sorted(calls.names) == sorted(["GetItem"] * 2 + ["PutItem"] + ["Query"] * 6)


@pytest.mark.parametrize("base", [0, 1, 4])
@pytest.mark.parametrize("own", [0, 1, 3])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_an_overlay_reads_as_one_stream(aws: Any, base: int, own: int, limit: int) -> None:
    """Whatever is asked of it, it answers as a store in which base and branch are one stream."""
    branch = made(aws)
    everything = story(ID, [1] * 6)
    keep(aws, everything[:base])
    store = OverlayStore.of(EventStore(aws, STORE), Branches(aws, BRANCHES), branch)
    assert store.bases.end(ID) == base
    keep(aws, everything[base:])  # which the ledger goes on with, and the branch never sees
    decided = [replace(event, branch=branch.id) for event in everything[base : base + own]]
    for event in decided:
        store.append([event])
    stream = [*everything[:base], *decided]

    assert list(store.read(ID, limit=limit)) == stream
    assert store.tail(ID, limit).events == stream[-limit:]
    for after in range(len(stream) + 1):
        page = store.page(ID, after=after, limit=limit)
        assert page.events == stream[after : after + limit]
        assert page.next_after is None or page.next_after == after + limit
        assert list(store.read(ID, after=after, up_to=after + 2)) == stream[after : after + 2]
    found = [store.find(ID, event.command_id).sequence for event in everything]
    assert found == [*range(1, len(stream) + 1), *[None] * (len(everything) - len(stream))]
    assert [store.event(ID, place + 1) for place in range(len(stream))] == stream
    states = OverlayStates(Snapshots(aws, SNAPSHOTS), store.bases.end)
    SnapshotBuilder(EventStore(aws, STORE), Snapshots(aws, SNAPSHOTS), every=2).bring_up_to(ID, 6)
    newest = states.nearest(ID)
    assert (newest.position.sequence if newest else 0) == base - base % 2

"""Transfers over the HTTP API: a kind that is opened by a POST to its collection, and listed there."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from handlers.store.event_store import EventStore
from handlers.store.items import to_item

from ..handlers.conftest import STORE, Calls
from .conftest import SUBJECT, Answered, Api, people

OPEN, ONE, LIST = "POST /transfers", "GET /transfers/{id}", "GET /transfers"
SEND = "POST /transfers/{id}/commands"
RENT = {"fromAccount": "account-1", "toAccount": "account-2", "amount": 100.5, "currency": "USD"}


@pytest.fixture
def transfers(api: Api) -> Api:
    """Three transfers between as many accounts, and their rows."""
    for number, sides in enumerate((("a", "b"), ("b", "c"), ("c", "a"))):
        body = {**RENT, "fromAccount": sides[0], "toAccount": sides[1]}
        answer = api(OPEN, body=body, headers={"Idempotency-Key": f"transfer-{number}"})
        assert answer.status == 200, answer.text
        api.project(f"transfer-{number}")
    return api


def test_a_transfer_is_requested_once_under_the_key_that_it_was_sent_with(api: Api) -> None:
    texts = {api(OPEN, body=RENT, headers={"Idempotency-Key": "rent-may"}).text for _ in range(2)}
    named = api(OPEN, body={**RENT, "transferId": "a/b"}, headers={"Idempotency-Key": "rent-june"})

    assert len(texts) == 1
    assert (named.body["aggregateId"], named.body["commandId"], named.headers["etag"]) == ("a/b", "rent-june", '"1"')
    events = {event["AggregateId"]: event for event in api.stored()}
    assert events.keys() == {"rent-may", "a/b"}
    assert {(event["EventType"], event["Actor"]) for event in events.values()} == {("TransferRequested", SUBJECT)}
    assert "transferId" not in events["a/b"]["EventData"]


@pytest.mark.parametrize("amount", ["100.50", "999999999999999999.99"])
def test_its_amount_is_exact(api: Api, amount: str) -> None:
    body = f'{{"transferId": "t", "fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": {amount}}}'
    assert api(OPEN, body=body).status == 200
    api.project("t")

    assert f'"Amount":{amount.rstrip("0")},' in api(ONE, "t").text


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"amount": None}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"needsApproval": False}, "needsApproval"),
        ({"fromaccount": "a"}, "fromaccount"),
        ({"transferId": ""}, "transferId"),
        ({"transferId": None}, "transferId"),
        ({"commandId": "t/commit"}, "commandId"),
    ],
)
def test_what_is_wrong_with_it_is_told_by_its_name(api: Api, changed: dict[str, Any], name: str) -> None:
    answer = api(OPEN, body={"transferId": "t", **RENT, **changed})

    assert answer.status == 400
    assert name in {each["path"] for each in answer.error["details"]["violations"]}
    assert api.stored() == []


@pytest.mark.parametrize("event_type", ["TransferCommitted", "TransferCompleted", "TransferSettled"])
def test_what_the_ledger_alone_says_nobody_may_say(transfers: Api, event_type: str) -> None:
    answer = transfers(SEND, "transfer-0", body={"eventType": event_type, "eventData": {}})

    assert (answer.status, answer.error["details"]["field"]) == (400, "eventType")


def test_a_command_on_it_is_decided_on_its_etag(transfers: Api) -> None:
    cancel = {"eventType": "TransferCancelled", "eventData": {"reason": "paid twice"}}

    assert transfers(SEND, "transfer-0", body=cancel, headers={"If-Match": '"7"'}).status == 412
    answer = transfers(
        SEND, "transfer-0", body=cancel, headers={"If-Match": transfers(ONE, "transfer-0").headers["etag"]}
    )

    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert transfers("GET /transfers/{id}/state", "transfer-0").body["reconstructedState"]["status"] == "Cancelled"


def test_a_command_of_the_other_kind_is_refused_by_either_collection(api: Api) -> None:
    asked = {"/accounts/{id}": ("TransferRequested", RENT), "/transfers/{id}": ("AccountCreated", {})}
    for path, (event_type, data) in asked.items():
        answer = api(f"POST {path}/commands", "x", body={"eventType": event_type, "eventData": data})
        assert (answer.status, answer.error["details"]["field"]) == (400, "eventType")
    assert api.stored() == []


def test_those_under_way_are_listed_by_what_is_asked(transfers: Api) -> None:
    def listed(query: str) -> set[str]:
        answer = transfers(LIST, query=query)
        assert answer.status == 200, answer.text
        return {each["TransferId"] for each in answer.body["transfers"]}

    every = {f"transfer-{number}" for number in range(3)}
    assert listed("") == listed("status=Requested") == every
    assert listed("accountId=a") == {"transfer-0", "transfer-2"}
    assert listed("accountId=a&status=Approved") == set()
    assert listed("olderThan=2000-01-01T00:00:00Z") == set()


def test_their_pages_go_on_for_the_caller_who_began_them(transfers: Api) -> None:
    found, query = [], "limit=1"
    while True:
        page = transfers(LIST, query=query).body
        found += [each["TransferId"] for each in page["transfers"]]
        if "nextToken" not in page:
            break
        query = f"limit=1&nextToken={quote(page['nextToken'])}"
        assert transfers(LIST, query=query, authorizer=people("user-2")).status == 400
    assert sorted(found) == [f"transfer-{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("query", "name"),
    [("status=Lost", "status"), ("account=a", "account"), ("olderThan=now", "olderThan"), ("accountId=", "accountId")],
)
def test_a_filter_that_is_wrong_is_refused_by_its_name(api: Api, query: str, name: str) -> None:
    answer = api(LIST, query=query)

    assert (answer.status, answer.error["details"]["field"]) == (400, name)


OF_ANY_KIND = ("GET /{kind}/{id}/events", "GET /{kind}/{id}/state", "GET /operations/{kind}/{id}/verification")
ASKED = {
    OF_ANY_KIND[0]: ("", "limit=1", "fromSequence=2", "fromSequence=1000"),
    OF_ANY_KIND[1]: ("", "upToSequence=0", "upToSequence=1", "asOf=2000-01-01T00:00:00Z"),
    OF_ANY_KIND[2]: ("",),
}


@pytest.fixture
def both(api: Api) -> Api:
    """An account of three events and a transfer of two."""
    assert api.command("AccountCreated", {}, "alice").status == 200
    for _ in range(2):
        assert api.command("TransactionProcessed", {"amount": 5}, "alice").status == 200
    assert api(OPEN, body={**RENT, "transferId": "rent"}).status == 200
    assert api(SEND, "rent", body={"eventType": "TransferCancelled", "eventData": {"reason": "x"}}).status == 200
    for each in ("alice", "rent"):
        api.project(each)
    return api


def unnamed(answer: Answered, name: str) -> tuple[int, str]:
    return answer.status, answer.text.replace(name, "NAME")


@pytest.mark.parametrize("route", OF_ANY_KIND)
def test_what_is_of_another_kind_is_as_unknown_as_what_does_not_exist(both: Api, route: str) -> None:
    """Who may call `GET /transfers/*` alone reads no account."""
    for kind, mine, others in (("accounts", "alice", "rent"), ("transfers", "rent", "alice")):
        key = route.replace("{kind}", kind)
        for query in ASKED[route]:
            assert both(key, mine, query=query).status == 200
            assert unnamed(both(key, others, query=query), others) == unnamed(
                both(key, "nobody", query=query), "nobody"
            )
        assert both(key, others).error["code"] == "NotFound"


@pytest.mark.parametrize("route", OF_ANY_KIND[:2])
def test_to_bind_the_kind_takes_no_further_call(both: Api, calls: Calls, route: str) -> None:
    direct = {"events": "getAggregateEvents", "state": "reconstructState"}[route.rpartition("/")[2]]
    for name, number in (("limit", 1), ("fromSequence", 2)) if "events" in route else (("upToSequence", 1),):
        calls.made.clear()
        both.sent("query", {"queryType": direct, "aggregateId": "alice", name: number})
        unbound = len(calls.made)
        calls.made.clear()
        assert both(route.replace("{kind}", "accounts"), "alice", query=f"{name}={number}").status == 200
        assert len(calls.made) == unbound > 0


def foreign(both: Api, event_type: str, sequence: int) -> None:
    """Put an event of that type behind those of alice, which nothing of the ledger writes."""
    *_, last = EventStore(both.aws, STORE).read("alice")
    data = {**last.record(), "EventType": event_type, "EventSequence": sequence, "PreviousHash": last.hash}
    both.aws.put_item(TableName=STORE, Item=to_item({**data, "TypeBucket": f"{event_type}#0"}))


def test_a_page_that_begins_with_a_foreign_event_is_the_streams_own(both: Api) -> None:
    foreign(both, "TransferCancelled", 4)

    (found,) = both("GET /accounts/{id}/events", "alice", query="fromSequence=4").body["events"]

    assert found["EventType"] == "TransferCancelled"


def test_a_page_of_types_that_nobody_knows_is_its_aggregates(both: Api) -> None:
    foreign(both, "PenguinHatched", 4)

    assert both("GET /accounts/{id}/events", "alice", query="fromSequence=4").body["eventCount"] == 1
    assert both("GET /transfers/{id}/events", "alice", query="fromSequence=4").body["eventCount"] == 0


def test_a_direct_invocation_may_say_the_kind(both: Api) -> None:
    asked = {"queryType": "getAggregateEvents", "aggregateId": "alice"}

    assert both.sent("query", asked).body["eventCount"] == 3
    assert both.sent("query", {**asked, "kind": "account"}).body["eventCount"] == 3
    assert both.sent("query", {**asked, "kind": "transfer"}).status == 404
    assert both.sent("query", {**asked, "kind": "loan"}).error["details"]["field"] == "kind"

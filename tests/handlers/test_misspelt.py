"""A member that means nothing is refused by name: a guard under a wrong name would silently be none."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from handlers.sourcing.command import MEMBERS
from handlers.sourcing.payload import OF_HTTP

from .conftest import STORE, Calls, Context, Invoke, opened

COMMAND = {"aggregateId": "account-1", "eventType": "AccountCreated", "eventData": {}}


@pytest.mark.parametrize("function", ["command", "validate"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("commandID", "commandId"),
        ("command_id", "commandId"),
        ("expectedSequnce", "expectedSequence"),
        ("expected-sequence", "expectedSequence"),
        ("correlationid", "correlationId"),
        ("Actor", "actor"),
        ("commandId ", "commandId"),
    ],
)
def test_a_misspelt_member_of_a_command_is_named_with_the_one_that_was_meant(
    aws: Any, handlers: Callable[[str], ModuleType], function: str, name: str, meant: str
) -> None:
    request = {**COMMAND, name: 1}
    for event in (request, {"body": json.dumps(request)}):
        status, body = opened(handlers(function).lambda_handler(event, Context()))

        assert (status, body["error"]["details"]["field"]) == (400, name)
        assert body["error"]["details"]["violations"] == [
            {"path": name, "message": f"is unknown; did you mean {meant}?"}
        ]
    assert aws.scan(TableName=STORE)["Count"] == 0


def test_where_no_name_is_near_those_that_there_are_are_told(send: Invoke) -> None:
    _, body = send("AccountCreated", {}, note="for later")

    assert body["error"]["message"] == f"note: is unknown; there are {', '.join(MEMBERS)}"


QUERIES: dict[str, dict[str, Any]] = {
    "getAccountSummary": {"accountId": "a"},
    "getAccountStatement": {"accountId": "a"},
    "getAggregateEvents": {"aggregateId": "a"},
    "reconstructState": {"aggregateId": "a"},
    "getEventsByType": {"eventType": "AccountCreated"},
}


@pytest.mark.parametrize(
    ("query_type", "name", "hint"),
    [
        ("reconstructState", "asof", "did you mean asOf?"),
        ("reconstructState", "upToSeq", "did you mean upToSequence?"),
        ("reconstructState", "limit", "there are queryType, aggregateId, kind, upToSequence, asOf"),
        ("getAggregateEvents", "next_token", "did you mean nextToken?"),
        ("getAggregateEvents", "Limit", "did you mean limit?"),
        ("getEventsByType", "fromTimeStamp", "did you mean fromTimestamp?"),
        (
            "getEventsByType",
            "aggregateId",
            "there are queryType, eventType, limit, fromTimestamp, toTimestamp, nextToken",
        ),
        ("getAccountSummary", "asOf", "there are queryType, accountId"),
        ("getAccountStatement", "limits", "did you mean limit?"),
        (
            "getAccountStatement",
            "asOf",
            "there are queryType, accountId, limit, fromTimestamp, toTimestamp, nextToken",
        ),
    ],
)
def test_a_query_knows_its_own_arguments(ask: Invoke, calls: Calls, query_type: str, name: str, hint: str) -> None:
    status, body = ask(query_type, **QUERIES[query_type], **{name: 1})

    assert (status, body["error"]["details"]["violations"]) == (400, [{"path": name, "message": f"is unknown; {hint}"}])
    assert calls.names == []


def test_a_misspelt_query_type_is_named(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    status, body = opened(handlers("query").lambda_handler({"querytype": "getAccountSummary"}, Context()))

    assert (status, body["error"]["message"]) == (400, "querytype: is unknown; did you mean queryType?")


@pytest.mark.parametrize("name", ["commandId", "expectedSequence", "aggregateId"])
def test_what_stands_beside_a_body_is_not_silently_left_unread(
    aws: Any, handlers: Callable[[str], ModuleType], name: str
) -> None:
    event = {"body": json.dumps(COMMAND), "isBase64Encoded": False, name: 1}
    status, body = opened(handlers("command").lambda_handler(event, Context()))

    assert (status, body["error"]["message"]) == (400, f"{name}: stands beside `body`; it belongs into it")


HTTP: dict[str, Any] = {"requestContext": {"http": {}}}
BESIDE = [
    ("commandID", "commandId"),
    ("command_id", "commandId"),
    ("expectedSequnce", "expectedSequence"),
    ("AggregateId", "aggregateId"),
    ("Actor", "actor"),
]


@pytest.mark.parametrize("function", ["command", "validate"])
@pytest.mark.parametrize("envelope", [{}, HTTP], ids=["direct", "http"])
@pytest.mark.parametrize("names", BESIDE)
def test_a_misspelt_member_beside_a_body_is_named_with_the_one_that_was_meant(
    aws: Any, handlers: Callable[[str], ModuleType], function: str, envelope: dict[str, Any], names: tuple[str, str]
) -> None:
    name, meant = names
    event = {**envelope, "body": json.dumps(COMMAND), name: "pay-1"}
    status, body = opened(handlers(function).lambda_handler(event, Context()))

    assert (status, body["error"]["details"]["violations"]) == (
        400,
        [{"path": name, "message": f"stands beside `body`, where nobody reads it; did you mean {meant}, in the body?"}],
    )
    assert aws.scan(TableName=STORE)["Count"] == 0


@pytest.mark.parametrize("envelope", [{}, HTTP], ids=["direct", "http"])
@pytest.mark.parametrize("names", [("asof", "asOf"), ("upToSeq", "upToSequence"), ("next_token", "nextToken")])
def test_neither_is_a_misspelt_argument_of_a_query(
    aws: Any, handlers: Callable[[str], ModuleType], calls: Calls, envelope: dict[str, Any], names: tuple[str, str]
) -> None:
    name, meant = names
    query = {"queryType": "reconstructState", "aggregateId": "a"}
    event = {**envelope, "body": json.dumps(query), name: "2020-01-01T00:00:00Z"}
    status, body = opened(handlers("query").lambda_handler(event, Context()))

    assert (status, body["error"]["details"]["field"]) == (400, name)
    assert f"did you mean {meant}, in the body?" in body["error"]["message"]
    assert calls.names == []


@pytest.mark.parametrize("name", ["note", "isBase64encoded", "Body", "", "x" * 100_000, "\ud800"])
def test_beside_a_body_that_is_sent_directly_nothing_unknown_is_left_unread(
    aws: Any, handlers: Callable[[str], ModuleType], name: str
) -> None:
    many = {f"{name}{number}": 1 for number in range(5)}
    answer = handlers("command").lambda_handler({"body": json.dumps(COMMAND), name: 1, **many}, Context())
    status, body = opened(answer)

    assert status == 400
    assert "stands beside `body`, where nobody reads it" in body["error"]["message"]
    assert len(answer["body"].encode()) < 10_000
    assert aws.scan(TableName=STORE)["Count"] == 0


def test_an_http_service_may_say_what_nobody_knows_yet(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    event = {**HTTP, "body": json.dumps(COMMAND), "trailers": {}, "tlsVersion": "1.3"}

    assert opened(handlers("command").lambda_handler(event, Context()))[0] == 200


@pytest.mark.parametrize("function", ["command", "query"])
def test_no_member_of_an_http_event_is_taken_for_a_misspelt_one(
    aws: Any, handlers: Callable[[str], ModuleType], function: str
) -> None:
    request = COMMAND if function == "command" else {"queryType": "getEventsByType", "eventType": "AccountCreated"}
    event = {**dict.fromkeys(OF_HTTP), "body": json.dumps(request)}
    del event["requestContext"]

    assert opened(handlers(function).lambda_handler(event, Context()))[0] == 200


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"isBase64Encoded": False},
        {"headers": {}, "httpMethod": "POST", "path": "/", "queryStringParameters": None, "requestContext": {}},
        {"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "cookies": [], **HTTP},
        {"resource": "/", "multiValueHeaders": {}, "stageVariables": None, "pathParameters": None},
        {"httpMethod": "POST", "multiValueQueryStringParameters": {}, "headers": {}},
    ],
)
def test_what_http_services_say_beside_a_body_is_none_of_the_request(
    aws: Any, handlers: Callable[[str], ModuleType], envelope: dict[str, Any]
) -> None:
    event = {**envelope, "body": json.dumps(COMMAND)}

    assert opened(handlers("command").lambda_handler(event, Context()))[0] == 200


def test_a_body_of_null_is_no_member_of_a_direct_request(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    event = {**COMMAND, "body": None, "isBase64Encoded": False}

    assert opened(handlers("command").lambda_handler(event, Context()))[0] == 200


@pytest.mark.parametrize("function", ["command", "query"])
def test_an_http_request_without_a_body_is_told_that(
    aws: Any, handlers: Callable[[str], ModuleType], function: str
) -> None:
    event = {"httpMethod": "GET", "requestContext": {"httpMethod": "GET"}, "body": None}
    status, body = opened(handlers(function).lambda_handler(event, Context()))

    assert (status, body["error"]["message"]) == (400, "body: is required and must hold a JSON object")


@pytest.mark.parametrize("name", ["Category", "CATEGORY", "transaction_id", "transaction-id", "AccountID"])
def test_a_field_that_a_known_one_was_meant_by_is_refused(send: Invoke, aws: Any, name: str) -> None:
    send("AccountCreated", {})

    status, body = send("TransactionProcessed", {"amount": 1, name: "x"})

    assert (status, body["error"]["details"]["field"]) == (400, f"eventData.{name}")
    assert "is unknown; did you mean" in body["error"]["message"]
    assert aws.scan(TableName=STORE)["Count"] == 1


@pytest.mark.parametrize("name", ["categories", "currencyCode", "commandID", "overdraftLimit", "amount ", "ÀMOUNT"])
def test_other_extra_fields_are_kept_as_promised(send: Invoke, name: str) -> None:
    send("AccountCreated", {})

    assert send("TransactionProcessed", {"amount": 1, name: "x"})[0] == 200


@pytest.mark.parametrize("name", ["x" * 100_000, "\x01" * 100_000, "\ud800", ""])
def test_a_refusal_is_short_and_sound_whatever_the_name(
    aws: Any, handlers: Callable[[str], ModuleType], name: str
) -> None:
    many = {f"{name}{number}": None for number in range(1_000)}
    answer = handlers("command").lambda_handler({**COMMAND, **many}, Context())

    assert answer["statusCode"] == 400
    assert len(answer["body"].encode()) < 10_000
    variants = {f"amoun{'_' * number}t": 1 for number in range(1_000)}
    answer = handlers("command").lambda_handler(
        {**COMMAND, "eventType": "TransactionProcessed", "eventData": {"amount": 1, **variants}}, Context()
    )
    assert answer["statusCode"] == 400
    assert len(answer["body"].encode()) < 10_000


def test_a_receipt_says_under_which_id_the_command_counts(send: Invoke) -> None:
    assert send("AccountCreated", {}, commandId="open-1")[1]["commandId"] == "open-1"
    assert send("TransactionProcessed", {"amount": 1}, request_id="r-7")[1]["commandId"] == "r-7"

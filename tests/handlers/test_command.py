"""The write side as its callers see it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from handlers.sourcing.event import Event
from handlers.store.items import to_record

from .conftest import STORE, Calls, Context, Invoke, failing, opened, over_http, refusal, refusing

CREATE = {
    "accountId": "account-123",
    "customerId": "customer-456",
    "accountType": "checking",
    "createdAt": "2024-01-15T10:00:00Z",
}
DEPOSIT = {"transactionId": "tx-789", "amount": 100.50, "type": "deposit", "timestamp": "2024-01-15T10:30:00Z"}


def stored(aws: Any, aggregate_id: str = "account-1") -> list[Event]:
    answer = aws.query(
        TableName=STORE,
        KeyConditionExpression="AggregateId = :id",
        ExpressionAttributeValues={":id": {"S": aggregate_id}},
    )
    return [Event.of(to_record(item)) for item in answer["Items"]]


def test_the_recipes_story_directly_and_as_a_body(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    handler = handlers("command").lambda_handler
    create = {"aggregateId": "account-123", "eventType": "AccountCreated", "eventData": CREATE}
    deposit = {"aggregateId": "account-123", "eventType": "TransactionProcessed", "eventData": DEPOSIT}

    first = opened(handler(create, Context("r1")))
    second = opened(handler({"body": json.dumps(deposit)}, Context("r2")))

    events = stored(aws, "account-123")
    assert first == (
        200,
        {"eventId": events[0].event_id, "aggregateId": "account-123", "sequence": 1, "commandId": "r1"},
    )
    assert second == (
        200,
        {"eventId": events[1].event_id, "aggregateId": "account-123", "sequence": 2, "commandId": "r2"},
    )
    assert events[1].data == {
        **DEPOSIT,
        "amount": Decimal("100.5"),
        "currency": "USD",
        "category": "uncategorized",
    }


def test_a_stored_item_has_the_recipes_attributes_and_ours(aws: Any, send: Invoke) -> None:
    send("AccountCreated", {}, commandId="c-1", correlationId="k-1", causationId="p-1", actor="teller-7")

    (item,) = aws.scan(TableName=STORE)["Items"]
    record = to_record(item)

    assert record.keys() == {
        *("EventId", "AggregateId", "EventSequence", "EventType", "EventData", "Timestamp", "Version"),
        *("CommandId", "CommandDigest", "CorrelationId", "CausationId", "Actor", "PreviousHash", "Hash", "TypeBucket"),
        "Correlation",
    }
    assert (record["CommandId"], record["CorrelationId"], record["CausationId"], record["Actor"]) == (
        "c-1",
        "k-1",
        "p-1",
        "teller-7",
    )
    assert record["TypeBucket"] in {f"AccountCreated#{number}" for number in range(3)}
    assert len(record["Timestamp"]) == len("2024-01-15T10:00:00.000000Z")


def test_a_command_takes_one_query_and_one_write(send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 1})

    assert calls.names == ["Query", "PutItem", "Query", "PutItem"]
    assert all(query["ConsistentRead"] for query in calls.to("Query"))


@pytest.mark.parametrize("text", ["100.50", "0.1", "12345678901234567.89", "999999999999999999.9999"])
def test_a_body_keeps_every_digit(aws: Any, send: Invoke, handlers: Callable[[str], ModuleType], text: str) -> None:
    send("AccountCreated", {"currency": "CLF"})  # counted in ten thousandths
    body = f'{{"aggregateId": "account-1", "eventType": "TransactionProcessed", "eventData": {{"amount": {text}}}}}'

    status, _ = opened(handlers("command").lambda_handler({"body": body}, Context("r")))

    assert status == 200
    assert stored(aws)[1].data["amount"] == Decimal(text)


def test_a_base64_body_is_read(aws: Any, handlers: Callable[[str], ModuleType]) -> None:
    body = base64.b64encode(b'{"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}').decode()

    answer = handlers("command").lambda_handler({"body": body, "isBase64Encoded": True}, Context())

    assert opened(answer)[0] == 200


def test_the_same_command_again_is_the_same_event_and_answer(aws: Any, send: Invoke) -> None:
    send("AccountCreated", {})
    first = send("TransactionProcessed", {"amount": 5}, commandId="pay-1")
    send("TransactionProcessed", {"amount": 7})

    again = send("TransactionProcessed", {"amount": 5}, commandId="pay-1")

    assert again == first
    assert len(stored(aws)) == 3


def test_lambdas_own_retry_is_recognised_by_its_request_id(aws: Any, send: Invoke) -> None:
    assert send("AccountCreated", {}, request_id="r-1") == send("AccountCreated", {}, request_id="r-1")
    assert len(stored(aws)) == 1


def test_another_command_under_a_used_id_is_a_conflict_not_a_success(aws: Any, send: Invoke) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 5}, commandId="pay-1")

    status, body = send("TransactionProcessed", {"amount": 50}, commandId="pay-1")

    assert (status, body["error"]["code"]) == (409, "CommandReused")
    assert len(stored(aws)) == 2


def test_the_same_wish_in_other_words_is_the_same_command(aws: Any, send: Invoke) -> None:
    send("AccountCreated", {"currency": "EUR"})
    first = send("TransactionProcessed", {"amount": "5.00"}, commandId="pay-1")

    spelled_out = {"amount": 5, "type": "deposit", "currency": "EUR", "category": "uncategorized", "timestamp": None}

    assert send("TransactionProcessed", spelled_out, commandId="pay-1") == first
    assert send("TransactionProcessed", {"amount": 5}, commandId="pay-1") == first
    assert len(stored(aws)) == 2


def test_a_lost_race_is_decided_again_on_what_the_winner_left(aws: Any, send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})
    send("TransactionProcessed", {"amount": 10})

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            send("TransactionProcessed", {"amount": -8}, commandId="winner")

    calls.before = overtake
    status, body = send("TransactionProcessed", {"amount": -8}, commandId="loser")

    assert (status, body["error"]["details"]["rule"]) == (422, "sufficient-funds")
    assert [event.command_id for event in stored(aws)][2:] == ["winner"]


def test_a_duplicate_that_wins_the_race_answers_for_both(aws: Any, send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})
    winner: list[Any] = []

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            winner.append(send("TransactionProcessed", {"amount": 3}, commandId="pay-1"))

    calls.before = overtake
    assert send("TransactionProcessed", {"amount": 3}, commandId="pay-1") == winner[0]
    assert len(stored(aws)) == 2


def test_after_a_lost_race_only_what_came_behind_the_last_event_is_read(send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})
    calls.made.clear()

    def overtake(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.before = None
            send("TransactionProcessed", {"amount": 3})

    calls.before = overtake
    send("TransactionProcessed", {"amount": 4})

    last_query = calls.to("Query")[-1]
    assert last_query["ExpressionAttributeValues"][":after"] == {"N": "1"}
    assert calls.names == ["Query", "PutItem", "Query", "PutItem", "Query", "PutItem"]


def test_a_write_whose_answer_is_lost_happened_once(aws: Any, send: Invoke, calls: Calls) -> None:
    send("AccountCreated", {})

    def lose_answer(operation: str, _: Any) -> None:
        if operation == "PutItem":
            calls.after = None
            raise ReadTimeoutError(endpoint_url="dynamodb")

    calls.after = lose_answer
    code, _ = failing(lambda: send("TransactionProcessed", {"amount": 3}, request_id="r-9"))
    retried = send("TransactionProcessed", {"amount": 3}, request_id="r-9")

    assert code == "InternalError"
    receipt = {"eventId": stored(aws)[1].event_id, "aggregateId": "account-1", "sequence": 2, "commandId": "r-9"}
    assert retried == (200, receipt)
    assert len(stored(aws)) == 2


def test_endless_contention_ends_before_the_functions_time_does(
    send: Invoke, calls: Calls, handlers: Callable[[str], ModuleType]
) -> None:
    calls.before = refusing("PutItem", "ConditionalCheckFailedException")
    request = {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}
    code, message = failing(lambda: handlers("command").lambda_handler(request, Context(milliseconds=1_050)))

    assert (code, "nothing was stored" in message) == ("Contention", True)
    assert 2 <= len(calls.to("PutItem")) <= 4


def test_a_race_that_a_command_lost_to_itself_at_the_last_moment_is_a_success(
    aws: Any, calls: Calls, handlers: Callable[[str], ModuleType]
) -> None:
    """The client repeats a write whose answer was lost, and its condition fails on the very event that it wrote."""

    calls.after = refusing("PutItem", "ConditionalCheckFailedException")
    request = {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}
    status, body = opened(handlers("command").lambda_handler(request, Context(milliseconds=900)))

    assert (status, body["sequence"]) == (200, 1)
    assert len(calls.to("PutItem")) == 1


def test_a_refusal_that_is_no_lost_race_is_not_tried_again(send: Invoke, calls: Calls) -> None:
    calls.before = refusing("PutItem", "ValidationException")

    assert failing(lambda: send("AccountCreated", {}))[0] == "InternalError"
    assert len(calls.to("PutItem")) == 1


def test_an_expected_sequence_guards_against_deciding_on_old_state(aws: Any, send: Invoke) -> None:
    send("AccountCreated", {}, expectedSequence=0)
    accepted = send("TransactionProcessed", {"amount": 5}, expectedSequence=1, commandId="pay-1")

    status, body = send("TransactionProcessed", {"amount": 5}, expectedSequence=1, commandId="pay-2")

    assert (status, body["error"]["code"]) == (409, "SequenceConflict")
    assert body["error"]["details"] == {"expectedSequence": 1, "actualSequence": 2}
    assert send("TransactionProcessed", {"amount": 5}, expectedSequence=1, commandId="pay-1") == accepted
    assert len(stored(aws)) == 2


@pytest.mark.parametrize("spelled", ["1", "1.0", "1e0", "10E-1"])
def test_an_expected_sequence_is_a_number_however_it_is_spelled(
    send: Invoke, handlers: Callable[[str], ModuleType], spelled: str
) -> None:
    """JSON knows one kind of number, and clients whose language does too send 1 as 1.0."""
    send("AccountCreated", {})
    asked = '{"aggregateId": "account-1", "eventType": "TransactionProcessed", "eventData": {"amount": 5}, '
    text = f'{asked}"commandId": "pay-1", "expectedSequence": {spelled}}}'
    handler = handlers("command").lambda_handler

    first = opened(handler(json.loads(text), Context()))

    assert (first[0], first[1]["sequence"]) == (200, 2)
    assert opened(handler({"body": text}, Context())) == first


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        ({}, "aggregateId"),
        ({"aggregateId": 5}, "aggregateId"),
        ({"aggregateId": ""}, "aggregateId"),
        ({"aggregateId": "a\nb"}, "aggregateId"),
        ({"aggregateId": "x" * 257}, "aggregateId"),
        ({"aggregateId": "\ud800"}, "aggregateId"),
        ({"eventType": None}, "eventType"),
        ({"eventType": "Nonsense"}, "eventType"),
        ({"eventData": "text"}, "eventData"),
        ({"eventData": None}, "eventData"),
        ({"eventData": {"note": float("nan")}}, "eventData.note"),
        ({"eventData": {"note": [1e300]}}, "eventData.note[0]"),
        ({"eventData": {"note": 0.1 + 0.2}}, "eventData.note"),
        ({"commandId": 7}, "commandId"),
        ({"actor": ["me"]}, "actor"),
        ({"expectedSequence": "1"}, "expectedSequence"),
        ({"expectedSequence": -1}, "expectedSequence"),
        ({"expectedSequence": 1.5}, "expectedSequence"),
        ({"expectedSequence": True}, "expectedSequence"),
        ({"expectedSequence": float("inf")}, "expectedSequence"),
    ],
)
def test_a_malformed_command_is_told_its_field_and_touches_nothing(
    handlers: Callable[[str], ModuleType], calls: Calls, request_body: dict[str, Any], field: str
) -> None:
    base = {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}} if request_body else {}

    status, body = opened(handlers("command").lambda_handler({**base, **request_body}, Context()))

    assert (status, body["error"]["code"]) == (400, "MalformedRequest")
    assert body["error"]["details"]["field"] == field
    assert "PutItem" not in calls.names


@pytest.mark.parametrize("number", ["12345678901234567890123", "1E20", "1E+30", "9223372036854775808"])
def test_a_number_that_no_bus_carries_is_refused_by_its_path(
    send: Invoke, handlers: Callable[[str], ModuleType], calls: Calls, aws: Any, number: str
) -> None:
    data = f'{{"amount": 5, "invoice": {{"lines": [1, {number}]}}}}'
    text = f'{{"aggregateId": "account-1", "eventType": "TransactionProcessed", "eventData": {data}}}'
    send("AccountCreated", {})
    command = handlers("command").lambda_handler

    for event in ({"body": text}, json.loads(text)):
        status, body = opened(command(event, Context("r1")))
        assert status == 400
        assert body["error"]["details"]["field"] == "eventData.invoice.lines[1]"
        assert len(stored(aws)) == 1
    as_text = text.replace(number, f'"{number}"')
    assert opened(command({"body": as_text}, Context("r2")))[0] == 200


@pytest.mark.parametrize(
    "event",
    [
        [],
        None,
        "text",
        {"body": "not json"},
        {"body": "[1]"},
        {"body": 5},
        {"body": '{"aggregateId": "a", "aggregateId": "b"}'},
        {"body": '{"aggregateId": "\\ud800"}'},
        {"body": "%", "isBase64Encoded": True},
        {"body": "/w==", "isBase64Encoded": True},
    ],
)
def test_what_is_no_request_at_all_is_refused(handlers: Callable[[str], ModuleType], calls: Calls, event: Any) -> None:
    assert opened(handlers("command").lambda_handler(event, Context()))[0] == 400
    assert calls.names == []


SMALLEST_NUMBER = Decimal("-1.2345678901234567890123456789012345678E-128")


@pytest.mark.parametrize("note", ["x" * 500_000, "\x01" * 200_000, ["é" * 1000] * 250, [SMALLEST_NUMBER] * 6_500])
def test_an_event_that_would_not_fit_is_refused_before_it_is_written(aws: Any, send: Invoke, note: Any) -> None:
    status, body = send("AccountCreated", {"note": note})

    assert (status, body["error"]["code"]) == (413, "TooLarge")
    assert stored(aws) == []


def test_the_largest_event_that_is_accepted_can_be_written_and_published(
    aws: Any, send: Invoke, handlers: Callable[[str], ModuleType]
) -> None:
    assert send("AccountCreated", {"note": "x" * 395_000})[0] == 200


def test_a_broken_rule_says_which_and_with_what_numbers(send: Invoke) -> None:
    send("AccountCreated", {"overdraftLimit": 10})

    assert send("TransactionProcessed", {"amount": -10.01}) == (
        422,
        {
            "error": {
                "code": "RuleBroken",
                "message": "the balance would fall below minus the overdraft limit",
                "details": {
                    "rule": "sufficient-funds",
                    "balance": 0,
                    "overdraftLimit": 10,
                    "amount": Decimal("-10.01"),
                },
            }
        },
    )


@pytest.fixture
def denied(calls: Calls) -> None:
    """Every AWS call is refused for a reason that is none of a caller's business."""

    def fail(operation: str, _: Any) -> None:
        raise refusal("AccessDeniedException", operation)

    calls.before = fail


@pytest.mark.usefixtures("denied")
def test_a_fault_fails_the_invocation_so_that_lambda_repeats_it_and_tells_nothing_of_its_inside(
    send: Invoke, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    code, message = failing(lambda: send("AccountCreated", {}, request_id="r-1"))

    assert code == "InternalError"
    assert message == "something failed on our side; the request can be sent again (request r-1)"
    assert "AccessDenied" in caplog.text
    assert "Traceback" in caplog.text
    assert [each.aggregateId for each in caplog.records if each.levelname == "ERROR"] == ["account-1"]  # type: ignore[attr-defined]
    assert "Faults" not in capsys.readouterr().out  # it is one of AWS's Errors


REQUEST = {"aggregateId": "account-1", "eventType": "AccountCreated", "eventData": {}}


@pytest.mark.usefixtures("denied")
@pytest.mark.parametrize(
    "event",
    [
        over_http(REQUEST),
        {"requestContext": {"httpMethod": "POST", "stage": "prod"}, "body": json.dumps(REQUEST)},
        {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "POST", "body": json.dumps(REQUEST)},
    ],
    ids=["payload 2.0", "payload 1.0", "load balancer"],
)
def test_a_fault_over_http_is_answered_counted_and_tells_the_caller_nothing_of_it(
    handlers: Callable[[str], ModuleType],
    event: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    status, body = opened(handlers("command").lambda_handler(event, Context("r-1")))

    assert status == 500
    assert body["error"]["details"] == {"requestId": "r-1"}
    assert "AccessDenied" not in json.dumps(body)
    assert "AccessDenied" in caplog.text
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metric["Faults"] == 1
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "EventSourcing"


@pytest.mark.usefixtures("denied")
@pytest.mark.parametrize(
    "event",
    [
        {"body": json.dumps(REQUEST)},
        {"body": json.dumps(REQUEST), "requestContext": None},
        {"body": json.dumps(REQUEST), "requestContext": {"requestId": "r", "condition": "RetriesExhausted"}},
        {"body": json.dumps(REQUEST), "requestContext": "http"},
    ],
    ids=["a body", "no context", "what a destination is sent", "no object"],
)
def test_what_is_no_http_request_is_a_direct_invocation(
    handlers: Callable[[str], ModuleType], event: dict[str, Any]
) -> None:
    assert failing(lambda: handlers("command").lambda_handler(event, Context()))[0] == "InternalError"

"""The short way to moto's handlers gives the answers of moto's own web server, to the last header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.moto_api._internal import mock_random

from local.engine import backends
from local.engine.api import ApiRequest, Response
from local.engine.moto_handlers import Moto
from tests.aws import STORE, TABLES
from tests.local.calls import call

Answer = Callable[[ApiRequest], Response]

_TIME = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?|1[6-9]\d{8,11}(\.\d+)?")
_KEY = {"AggregateId": {"S": "a"}, "EventSequence": {"N": "1"}}
_VALUES = {
    "S": {"S": "text & Name=x"},
    "N": {"N": "1.50"},
    "B": {"B": "AAEC"},
    "L": {"L": [{"S": "a"}, {"NULL": True}, {"BOOL": False}]},
    "M": {"M": {"deep": {"M": {"B": {"B": "/w=="}, "é": {"SS": ["x", "y"]}}}}},
    "BS": {"BS": ["AA==", "AQ=="]},
    "NS": {"NS": ["1", "2"]},
}
_ITEM = {**_KEY, "CommandId": {"S": "c"}, "TypeBucket": {"S": "T#0"}, "Timestamp": {"S": "2024"}, **_VALUES}
_OF_A = {"KeyConditionExpression": "AggregateId = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
_QUEUE = {"QueueUrl": "http://127.0.0.1:4566/123456789012/q"}
_PATTERN = '{"source": ["x"]}'
_TEXT = {"MessageAttributes": {"a": {"DataType": "String", "StringValue": "v"}}}
_BLOB = {"MessageAttributes": {"b": {"DataType": "Binary", "BinaryValue": "AAEC"}}}

CALLS: list[tuple[str, str, Any]] = [
    *(("dynamodb", "CreateTable", table) for table in TABLES),
    ("dynamodb", "ListTables", {}),
    ("dynamodb", "DescribeTable", {"TableName": STORE}),
    ("dynamodb", "DescribeTable", {"TableName": "none"}),
    ("dynamodb", "PutItem", {"TableName": STORE, "Item": _ITEM, "ReturnConsumedCapacity": "INDEXES"}),
    ("dynamodb", "PutItem", {"TableName": STORE, "Item": _ITEM, "ConditionExpression": "attribute_not_exists(N)"}),
    ("dynamodb", "PutItem", {"TableName": STORE, "Item": {**_ITEM, "N": {"N": "x"}}}),
    ("dynamodb", "PutItem", {"TableName": STORE, "Item": {"AggregateId": {"S": "a"}}}),
    ("dynamodb", "PutItem", {"TableName": STORE, "Item": {**_ITEM, "S": {"S": "x" * 410_000}}}),
    ("dynamodb", "PutItem", {"TableName": "none", "Item": _ITEM}),
    ("dynamodb", "GetItem", {"TableName": STORE, "Key": _KEY, "ConsistentRead": True}),
    ("dynamodb", "GetItem", {"TableName": STORE, "Key": {**_KEY, "EventSequence": {"N": "9"}}}),
    ("dynamodb", "GetItem", {"TableName": STORE, "Key": {"AggregateId": {"S": "a"}}}),
    ("dynamodb", "GetItem", {"TableName": STORE, "Key": _KEY, "ProjectionExpression": "S, M.deep"}),
    ("dynamodb", "Query", {"TableName": STORE, **_OF_A, "ReturnConsumedCapacity": "TOTAL"}),
    ("dynamodb", "Query", {"TableName": STORE, **_OF_A, "Select": "COUNT"}),
    ("dynamodb", "Query", {"TableName": STORE, "KeyConditionExpression": "nonsense"}),
    ("dynamodb", "Query", {"TableName": STORE, "IndexName": "none", **_OF_A}),
    ("dynamodb", "Scan", {"TableName": STORE, "Limit": 1}),
    (
        "dynamodb",
        "UpdateItem",
        {"TableName": STORE, "Key": _KEY, "UpdateExpression": "REMOVE S", "ReturnValues": "ALL_NEW"},
    ),
    ("dynamodb", "UpdateItem", {"TableName": STORE, "Key": _KEY, "UpdateExpression": "SET S ="}),
    ("dynamodb", "BatchGetItem", {"RequestItems": {STORE: {"Keys": [_KEY]}}}),
    ("dynamodb", "BatchWriteItem", {"RequestItems": {STORE: [{"DeleteRequest": {"Key": _KEY}}]}}),
    ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": STORE, "Item": _ITEM}}]}),
    (
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": STORE, "Item": _ITEM, "ConditionExpression": "attribute_not_exists(N)"}}
            ]
        },
    ),
    ("dynamodb", "TransactGetItems", {"TransactItems": [{"Get": {"TableName": STORE, "Key": _KEY}}]}),
    ("dynamodb", "DeleteItem", {"TableName": STORE, "Key": _KEY, "ReturnValues": "ALL_OLD"}),
    ("dynamodb", "UpdateTimeToLive", {"TableName": STORE}),
    ("dynamodb", "NoSuchOperation", {}),
    ("dynamodb", "GetItem", b"{no json"),
    ("dynamodb", "GetItem", b""),
    ("dynamodb", "GetItem", b"[]"),
    ("dynamodbstreams", "ListStreams", {}),
    ("dynamodbstreams", "ListStreams", {"TableName": STORE}),
    ("dynamodbstreams", "DescribeStream", {"StreamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/none/stream/x"}),
    ("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"VisibilityTimeout": "0"}, "tags": {"a": "b"}}),
    ("sqs", "CreateQueue", {"QueueName": "no name!"}),
    ("sqs", "GetQueueUrl", {"QueueName": "q"}),
    ("sqs", "GetQueueUrl", {"QueueName": "none"}),
    ("sqs", "ListQueues", {}),
    ("sqs", "SendMessage", {**_QUEUE, "MessageBody": '{"a": 1}', **_TEXT}),
    ("sqs", "SendMessage", {**_QUEUE, "MessageBody": "b", **_BLOB}),
    ("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:4566/123456789012/none", "MessageBody": "b"}),
    ("sqs", "SendMessageBatch", {**_QUEUE, "Entries": [{"Id": "1", "MessageBody": "c"}]}),
    ("sqs", "SendMessageBatch", {**_QUEUE, "Entries": []}),
    ("sqs", "GetQueueAttributes", {**_QUEUE, "AttributeNames": ["All"]}),
    ("sqs", "ReceiveMessage", {**_QUEUE, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}),
    ("sqs", "ReceiveMessage", {**_QUEUE, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}),
    ("sqs", "ReceiveMessage", {**_QUEUE, "MaxNumberOfMessages": 11}),
    ("sqs", "DeleteMessage", {**_QUEUE, "ReceiptHandle": "none"}),
    ("sqs", "ChangeMessageVisibility", {**_QUEUE, "ReceiptHandle": "none", "VisibilityTimeout": 1}),
    ("sqs", "PurgeQueue", _QUEUE),
    ("sqs", "ReceiveMessage", _QUEUE),
    ("events", "CreateEventBus", {"Name": "bus"}),
    ("events", "CreateEventBus", {"Name": "bus"}),
    ("events", "PutRule", {"Name": "rule", "EventBusName": "bus", "EventPattern": _PATTERN}),
    ("events", "PutRule", {"Name": "rule"}),
    (
        "events",
        "PutTargets",
        {"Rule": "rule", "EventBusName": "bus", "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:::q"}]},
    ),
    ("events", "ListTargetsByRule", {"Rule": "rule", "EventBusName": "bus"}),
    ("events", "DescribeRule", {"Name": "rule", "EventBusName": "bus"}),
    ("events", "DescribeRule", {"Name": "none"}),
    ("events", "DescribeRule", {}),
    ("events", "ListEventBuses", {}),
    ("events", "DescribeArchive", {"ArchiveName": "none"}),
    ("events", "NoSuchOperation", {}),
    ("logs", "CreateLogGroup", {"logGroupName": "g"}),
    ("logs", "CreateLogGroup", {"logGroupName": "g"}),
    ("logs", "CreateLogGroup", {"logGroupName": ""}),
    ("logs", "CreateLogStream", {"logGroupName": "g", "logStreamName": "s"}),
    (
        "logs",
        "PutLogEvents",
        {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m & a=b"}]},
    ),
    ("logs", "PutLogEvents", {"logGroupName": "none", "logStreamName": "s", "logEvents": []}),
    ("logs", "GetLogEvents", {"logGroupName": "g", "logStreamName": "s"}),
    ("logs", "FilterLogEvents", {"logGroupName": "g", "limit": 1}),
    ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "g"}),
    ("logs", "DescribeLogStreams", {"logGroupName": "g"}),
    ("logs", "DeleteLogGroup", {"logGroupName": "g"}),
]

VARIANTS: dict[str, dict[str, str]] = {
    "another Host": {"HTTP_HOST": "dynamodb.eu-west-1.amazonaws.com:80"},
    "a Host that is none": {"HTTP_HOST": "a b"},
    "an Origin": {"HTTP_ORIGIN": "http://localhost"},
    "another path": {"RAW_URI": "/x", "PATH_INFO": "/x"},
    "a query": {"RAW_URI": "/?Action=DeleteTable", "QUERY_STRING": "Action=DeleteTable"},
    "another method": {"REQUEST_METHOD": "GET"},
    "an old version": {"HTTP_X_AMZ_TARGET": "DynamoDB_20111205.ListTables"},
    "plain JSON": {"CONTENT_TYPE": "application/json"},
    "a charset": {"CONTENT_TYPE": "application/x-amz-json-1.0; charset=utf-8"},
    "a region in the user agent": {"HTTP_USER_AGENT": "x region/eu-central-1"},
    "another account": {"HTTP_X_MOTO_ACCOUNT_ID": "210987654321"},
}


@pytest.fixture
def moto() -> Iterator[Moto]:
    backends.reset()
    yield Moto()
    backends.reset()


def answers(calls: list[ApiRequest], answer: Answer) -> list[Any]:
    """What each call comes to, on a new AWS whose random numbers are always the same."""
    backends.reset()
    mock_random.seed(1)
    return [outcome(answer, each) for each in calls]


def outcome(answer: Answer, request: ApiRequest) -> Any:
    try:
        response = answer(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
        return type(error), str(error)
    body = _TIME.sub(b"", response.body)
    timed = {"x-amz-crc32", "content-length"} if body != response.body else set()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return response.status, body, {name: value for name, value in headers.items() if name not in timed}


def test_the_short_way_answers_as_motos_own_server(moto: Moto) -> None:
    calls = [call(*each) for each in CALLS]
    for asked, short, own in zip(CALLS, answers(calls, moto.answer), answers(calls, moto.served), strict=True):
        assert (asked, short) == (asked, own)


@pytest.mark.parametrize("name", VARIANTS)
def test_whatever_else_a_request_has_about_it_is_answered_as_by_motos_own_server(moto: Moto, name: str) -> None:
    calls = [call(*CALLS[0]), call("dynamodb", "ListTables", {}, **VARIANTS[name])]
    assert answers(calls, moto.answer) == answers(calls, moto.served)


def test_a_call_of_the_json_protocol_goes_past_the_web_server(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto, "served", lambda _: pytest.fail("moto's web server was asked"))
    for service in ("dynamodb", "dynamodbstreams", "events", "logs", "sqs"):
        operation = next(operation for other, operation, _ in CALLS if other == service)
        outcome(moto.answer, call(service, operation, {}))


def test_a_text_in_a_body_is_not_taken_for_parameters(moto: Moto) -> None:
    """Moto's own path reads JSON as a form too: this message would delete the queue."""
    moto.answer(call("sqs", "CreateQueue", {"QueueName": "q"}))
    moto.answer(call("sqs", "SendMessage", {**_QUEUE, "MessageBody": "a&Action=DeleteQueue&b=c"}))
    assert b"a&Action=DeleteQueue" in moto.answer(call("sqs", "ReceiveMessage", _QUEUE)).body

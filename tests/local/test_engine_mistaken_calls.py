"""A call that is not as its service describes it is refused as on AWS: not half taken, and no failure of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.engine import backends
from local.engine.api import ApiRequest, Response
from local.engine.gateway import Gateway
from local.engine.item_limits import ItemLimits
from tests.local.calls import call

KEY: dict[str, Any] = {"Id": {"S": "a"}}
SEVERAL = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
NONE = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"


def no_number(text: str) -> str:
    return f"The parameter cannot be converted to a numeric value: {text}"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    backends.reset()
    made = Gateway()
    ItemLimits(made)
    table = {
        "TableName": "table",
        "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    assert made.handle(call("dynamodb", "CreateTable", table)).status == 200
    yield made
    backends.reset()


def error(answer: Response) -> tuple[int, str, str]:
    told = answer.json()
    return answer.status, told["__type"], told["message"]


def everywhere(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls in which a value of an item may be."""
    table = {"TableName": "table"}
    for item in (
        {**KEY, "v": value},
        {"Id": value},
        {**KEY, "v": {"L": [{"S": "x"}, value]}},
        {**KEY, "v": {"M": {"deep": {"M": {"S": value}}}}},
    ):
        yield "PutItem", {**table, "Item": item}
        yield "TransactWriteItems", {"TransactItems": [{"Put": {**table, "Item": item}}]}
        yield "BatchWriteItem", {"RequestItems": {"table": [{"PutRequest": {"Item": item}}]}}
    for operation in ("GetItem", "DeleteItem"):
        yield operation, {**table, "Key": {"Id": value}}
    yield "BatchGetItem", {"RequestItems": {"table": {"Keys": [{"Id": value}]}}}
    named = {"ExpressionAttributeValues": {":v": value}}
    yield "UpdateItem", {**table, "Key": KEY, "UpdateExpression": "SET v = :v", **named}
    yield "Query", {**table, "KeyConditionExpression": "Id = :v", **named}
    yield "Scan", {**table, "ExclusiveStartKey": {"Id": value}}


VALUES: list[tuple[Any, str]] = [
    ({"S": "x", "N": "1"}, SEVERAL),
    ({"S": "x", "BOOL": True}, SEVERAL),
    ({}, NONE),
    ({"ZZ": "1"}, NONE),
    ({"S": None}, NONE),
    ({"N": "1_0"}, no_number("1_0")),
    ({"N": "\u0661"}, no_number("\u0661")),
    ({"N": " 1"}, no_number(" 1")),
    ({"N": "1\n"}, no_number("1\n")),
    ({"N": "Infinity"}, no_number("Infinity")),
    ({"N": ""}, no_number("")),
    ({"NS": ["1", "2_0"]}, no_number("2_0")),
]


@pytest.mark.parametrize(("value", "said"), VALUES, ids=lambda each: str(each)[:20])
def test_a_value_is_of_one_datatype_and_numbers_are_numbers(gateway: Gateway, value: Any, said: str) -> None:
    for operation, asked in everywhere(value):
        answer = gateway.handle(call("dynamodb", operation, asked))
        assert error(answer) == (400, "ValidationException", said), (operation, asked)
    assert gateway.handle(call("dynamodb", "Scan", {"TableName": "table"})).json()["Items"] == []


def put(value: Any) -> tuple[str, str, Any]:
    return "dynamodb", "PutItem", {"TableName": "table", "Item": {**KEY, "v": value}}


def scan(**asked: Any) -> tuple[str, str, Any]:
    return "dynamodb", "Scan", {"TableName": "table", **asked}


def keyed(key: Any) -> tuple[str, str, Any]:
    return "dynamodb", "GetItem", {"TableName": "table", "Key": key}


MISTAKEN: list[tuple[tuple[str, str, Any], str, str]] = [
    (put({"BOOL": "true"}), "SerializationException", "Item: STRING_VALUE can not be converted to Boolean"),
    (put({"B": "***"}), "SerializationException", "Item: a blob is not written in base64"),
    (put({"B": "é"}), "SerializationException", "Item: a blob is not written in base64"),
    (put({"N": 1}), "SerializationException", "Item: NUMBER_VALUE can not be converted to String"),
    (put({"S": "\ud800"}), "SerializationException", "The body of the call has half of a character"),
    (keyed({"Id": {"S": "\ud800"}}), "SerializationException", "The body of the call has half of a character"),
    (keyed([]), "SerializationException", "Key: LIST_VALUE can not be converted to a map"),
    (keyed(None), "ValidationException", "Value null at 'Key' failed to satisfy constraint: Member must not be null"),
    (scan(Limit=0), "ValidationException", "Value '0' at 'Limit' failed to satisfy constraint"),
    (scan(Limit=-1), "ValidationException", "Value '-1' at 'Limit' failed to satisfy constraint"),
    (scan(Limit="5"), "SerializationException", "Limit: STRING_VALUE can not be converted to Integer"),
    (scan(Limit=True), "SerializationException", "Limit: BOOLEAN_VALUE can not be converted to Integer"),
    (("dynamodb", "Nope", {}), "UnknownOperationException", "no such operation"),
    (("dynamodb", "GetItem", b"[" * 100_000), "SerializationException", "no JSON object"),
    (("dynamodb", "GetItem", b'{"TableName":"\xff"}'), "SerializationException", "no JSON object"),
    (("sqs", "CreateQueue", {"QueueName": 5}), "SerializationException", "QueueName: NUMBER_VALUE"),
    (("sqs", "CreateQueue", {}), "MissingParameter", "Value null at 'QueueName'"),
    (("sqs", "SendMessage", {"QueueUrl": "q", "MessageBody": "\udc00"}), "SerializationException", "half of a"),
    (("events", "PutEvents", {"Entries": {}}), "SerializationException", "Entries: MAP_VALUE"),
    (("events", "PutEvents", {"Entries": [{"Detail": 1}]}), "SerializationException", "Entries.Detail: NUMBER_VALUE"),
    (("logs", "FilterLogEvents", {"limit": 0}), "InvalidParameterException", "Value '0' at 'limit'"),
]


@pytest.mark.parametrize(("asked", "code", "said"), MISTAKEN, ids=lambda each: str(each)[:50])
def test_what_the_description_of_a_service_rules_out(
    gateway: Gateway, asked: tuple[str, str, Any], code: str, said: str
) -> None:
    status, told, message = error(gateway.handle(call(*asked)))
    assert (status, told) == (400, code)
    assert said in message
    assert gateway.handle(call("dynamodb", "Scan", {"TableName": "table"})).json()["Items"] == []


def without_target(request: ApiRequest, **environ: str) -> ApiRequest:
    kept = {name: value for name, value in request.environ.items() if name != "HTTP_X_AMZ_TARGET"}
    return ApiRequest.of({**kept, **environ}, request.body)


def signed(request: ApiRequest, old: str, new: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": request.header("authorization").replace(old, new)}


LISTING = call("dynamodb", "ListTables", {})


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (without_target(LISTING), 400, "UnknownOperationException"),
        (
            call("dynamodb", "ListTables", {}, **signed(LISTING, "us-east-1", "mars-1")),
            400,
            "InvalidSignatureException",
        ),
        (
            call("dynamodb", "ListTables", {}, **signed(LISTING, "/dynamodb/", "/sqs/")),
            400,
            "UnknownOperationException",
        ),
        (call("dynamodb", "ListTables", {}, **signed(LISTING, "/dynamodb/", "/nope/")), 501, "NotImplemented"),
        (call("dynamodb", "ListTables", {}, HTTP_CONTENT_ENCODING="gzip"), 400, "SerializationException"),
    ],
    ids=lambda each: str(each)[-40:],
)
def test_what_the_headers_of_a_call_rule_out(
    gateway: Gateway, request_: ApiRequest, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert error(gateway.handle(request_))[:2] == (status, code)
    assert caplog.records == [] or code == "NotImplemented"


@pytest.mark.parametrize(
    ("service", "body", "said"),
    [
        ("iam", b"Action=CreateRole", "The request must contain the parameter RoleName."),
        ("sns", b"Action=Publish&TopicArn=x", "The request must contain the parameter Message."),
        ("sns", b"Action=Nope", "The action Nope is not valid for this endpoint."),
    ],
)
def test_what_the_description_rules_out_in_a_form(gateway: Gateway, service: str, body: bytes, said: str) -> None:
    asked = without_target(
        call("dynamodb", "", body),
        CONTENT_TYPE="application/x-www-form-urlencoded",
        **signed(LISTING, "/dynamodb/", f"/{service}/"),
    )
    answer = gateway.handle(asked)
    assert answer.status == 400
    assert said in answer.body.decode()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{}", "ValidationException", "Value null at 'FunctionName'"),
        (b"[]", "SerializationException", "LIST_VALUE can not be converted"),
        (b"{", "SerializationException", "no JSON"),
        (b'{"FunctionName":1}', "SerializationException", "FunctionName: NUMBER_VALUE"),
    ],
)
def test_what_moto_fails_at_is_the_fault_of_the_call(gateway: Gateway, body: bytes, code: str, said: str) -> None:
    place = "/2015-03-31/functions"
    environ = {"PATH_INFO": place, "RAW_URI": place, "CONTENT_TYPE": "application/json"}
    asked = without_target(call("dynamodb", "", body), **environ, **signed(LISTING, "/dynamodb/", "/lambda/"))
    status, told, message = error(gateway.handle(asked))
    assert (status, told) == (400, code)
    assert said in message


@pytest.mark.parametrize(
    "value",
    [
        {"N": "-1.50e+3"},
        {"N": "+.5"},
        {"N": "5."},
        {"B": "AA=="},
        {"BS": ["AA==", "AQ=="]},
        {"M": {}},
        {"M": {"N": {"S": "x"}, "S": {"N": "1"}, "": {"L": []}}},
        {"S": "\U0001f600"},
        {"BOOL": False},
        {"NULL": True},
    ],
    ids=str,
)
def test_what_is_as_described_is_taken(gateway: Gateway, value: Any) -> None:
    assert gateway.handle(call(*put(value))).status == 200
    deleted = {"TableName": "table", "Key": KEY, "ReturnValues": "ALL_OLD"}
    (kept,) = gateway.handle(call("dynamodb", "DeleteItem", deleted)).json()["Attributes"]["v"].values()
    assert kept is not None

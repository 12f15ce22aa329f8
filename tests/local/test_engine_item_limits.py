"""What DynamoDB refuses of items, keys and expressions is refused before anything happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.engine.item_limits import ItemLimits
from tests.local.in_process import Clients, aws, refusal

KEY: dict[str, Any] = {"Id": {"S": "a"}, "Number": {"N": "1"}}
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/table"


@pytest.fixture(scope="module")
def client() -> Iterator[Clients]:
    with aws(ItemLimits) as clients:
        clients("dynamodb").create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}, {"AttributeName": "Number", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "Id", "AttributeType": "S"},
                {"AttributeName": "Number", "AttributeType": "N"},
                {"AttributeName": "Kind", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "kinds",
                    "KeySchema": [{"AttributeName": "Kind", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield clients


def put(value: Any) -> tuple[str, dict[str, Any]]:
    return "put_item", {"Item": {**KEY, "v": value}}


def update(**asked: Any) -> tuple[str, dict[str, Any]]:
    return "update_item", {"Key": KEY, "UpdateExpression": "SET v = :v", **asked}


def batch(*writes: dict[str, Any], table: str = "table") -> tuple[str, dict[str, Any]]:
    return "batch_write_item", {"RequestItems": {table: list(writes)}}


def putting(number: str) -> dict[str, Any]:
    return {"PutRequest": {"Item": {**KEY, "Number": {"N": number}}}}


def query(**asked: Any) -> tuple[str, dict[str, Any]]:
    return "query", {
        "KeyConditionExpression": "Id = :a",
        **asked,
        "ExpressionAttributeValues": {":a": {"S": "a"}, **asked.get("ExpressionAttributeValues", {})},
    }


ONE = {":v": {"N": "1"}}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    put({"N": "1" * 39}),
    put({"N": "0.1234567890123456789012345678901234567891"}),
    put({"N": "1e126"}),
    put({"N": "-1E-131"}),
    put({"N": "1e"}),
    put({"L": [{"M": {"deep": {"N": "1" * 39}}}]}),
    put({"NS": ["1", "1.0"]}),
    put({"SS": ["a", "a"]}),
    put({"BS": [b"a", b"a"]}),
    update(ExpressionAttributeValues={":v": {"SS": ["a", "a"]}}),
    update(ExpressionAttributeValues={**ONE, ":w": {"N": "1"}}),
    update(ExpressionAttributeValues=ONE, ExpressionAttributeNames={"#v": "v"}),
    ("put_item", {"Item": KEY, "ConditionExpression": "attribute_not_exists(Id)", "ExpressionAttributeValues": ONE}),
    ("transact_write_items", {"TransactItems": [{"Put": {"Item": KEY, "ExpressionAttributeNames": {"#v": "v"}}}]}),
    batch(*(putting(str(number)) for number in range(26))),
    batch(putting("1"), putting("1.0")),
    batch(putting("1"), {"DeleteRequest": {"Key": KEY}}),
    batch(putting("1"), putting("1"), table=ARN),
    ("put_item", {"Item": {**KEY, "Kind": {"B": b"x"}}}),
    batch({"PutRequest": {"Item": {**KEY, "Kind": {"N": "1"}}}}, table=ARN),
    ("transact_write_items", {"TransactItems": [{"Put": {"Item": {**KEY, "Kind": {"NULL": True}}}}]}),
    ("get_item", {"Key": {**KEY, "Number": {"S": "1"}}}),
    ("get_item", {"Key": {"Id": {"S": "a"}}}),
    ("delete_item", {"Key": {**KEY, "other": {"S": "1"}}}),
    update(Key={**KEY, "Id": {"N": "1"}}, ExpressionAttributeValues=ONE),
    query(FilterExpression="v = :a AND Number > :a"),
    query(FilterExpression="begins_with(#i, :a)", ExpressionAttributeNames={"#i": "Id"}),
    query(IndexName="kinds", KeyConditionExpression="Kind = :a", FilterExpression="Kind = :a"),
]


@pytest.mark.parametrize(("operation", "asked"), REFUSED, ids=lambda each: str(each)[:60])
def test_what_dynamodb_refuses(client: Clients, operation: str, asked: dict[str, Any]) -> None:
    dynamodb = client("dynamodb")
    named = {} if operation in {"batch_write_item", "transact_write_items"} else {"TableName": "table"}
    for item in asked.get("TransactItems", ()):
        item["Put"]["TableName"] = "table"
    assert refusal(getattr(dynamodb, operation), **named, **asked)[0] == "ValidationException"
    assert dynamodb.scan(TableName="table")["Items"] == []


TAKEN: list[tuple[str, dict[str, Any]]] = [
    put({"N": "1" * 38 + "0" * 20}),
    put({"N": "9.9999999999999999999999999999999999999E+125"}),
    put({"N": "0.000000000000000000000000000000000000000000001"}),
    put({"N": "0e999"}),
    put({"NS": ["1", "2"]}),
    put({"M": {"N": {"S": "not a number"}, "SS": {"L": [{"S": "x"}, {"S": "x"}]}}}),
    ("put_item", {"Item": {**KEY, "Kind": {"S": "x"}}}),
    batch({"PutRequest": {"Item": {**KEY, "Kind": {"S": "x"}}}}, table=ARN),
    batch(*(putting(str(number)) for number in range(25))),
    batch(putting("1"), putting("2"), table=ARN),
    query(FilterExpression="v.Id = :a AND attribute_exists(Kind)"),
    query(IndexName="kinds", KeyConditionExpression="Kind = :a", FilterExpression="Id = :a"),
    query(FilterExpression="v = :Number", ExpressionAttributeValues={":Number": {"N": "1"}}),
    update(
        UpdateExpression="SET #v = if_not_exists(#v,:v)",
        ExpressionAttributeNames={"#v": "v"},
        ExpressionAttributeValues=ONE,
    ),
    ("get_item", {"Key": {"Number": {"N": "1"}, "Id": {"S": "ä"}}, "ProjectionExpression": "v"}),
]


@pytest.mark.parametrize(("operation", "asked"), TAKEN, ids=lambda each: str(each)[:60])
def test_what_dynamodb_takes(client: Clients, operation: str, asked: dict[str, Any]) -> None:
    dynamodb = client("dynamodb")
    named = {} if operation == "batch_write_item" else {"TableName": "table"}
    getattr(dynamodb, operation)(**named, **asked)
    for item in dynamodb.scan(TableName="table")["Items"]:
        dynamodb.delete_item(TableName="table", Key={name: item[name] for name in KEY})


@pytest.mark.parametrize(
    ("operation", "asked"),
    [("batch_write_item", {"RequestItems": {"table": ["x"]}}), ("transact_write_items", {"TransactItems": ["x"]})],
)
def test_what_is_no_such_call_is_said_to_be_none(client: Clients, operation: str, asked: dict[str, Any]) -> None:
    item: dict[str, Any] = {"ExpressionAttributeNames": {}}  # by which it is read
    assert refusal(getattr(client("dynamodb"), operation), **asked, **item)[0] == "SerializationException"

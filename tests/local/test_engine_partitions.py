"""A query looks at the items of its partition, and at no other: what it costs must not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from local.engine import partitions
from tests.aws import STORE, TABLES, environment


class Untouchable(dict[Any, Any]):
    """A partition that fails whoever looks into it."""

    def values(self) -> Any:
        raise AssertionError("another partition was looked at")


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    partitions.install()
    with environment(), mock_aws():
        client: Any = boto3.client("dynamodb")
        for table in TABLES:
            client.create_table(**table)
        for aggregate_id in ("a", "b"):
            for sequence in (2, 10, 1):
                item = {"AggregateId": aggregate_id, "CommandId": f"command-{sequence}", "TypeBucket": "T#0"}
                times = {"Timestamp": {"S": f"2024-01-01T00:00:{sequence:02d}"}, "EventSequence": {"N": str(sequence)}}
                client.put_item(TableName=STORE, Item={**{name: {"S": text} for name, text in item.items()}, **times})
        yield client


def sequences(answer: Any) -> list[int]:
    return [int(item["EventSequence"]["N"]) for item in answer["Items"]]


def test_a_query_of_the_table_or_of_a_local_index_touches_no_other_partition(dynamodb: Any) -> None:
    (backend,) = (each for each in dynamodb_backends["123456789012"].values() if STORE in each.tables)
    backend.tables[STORE].items[DynamoType({"S": "b"})] = Untouchable()
    of_a = {"TableName": STORE, "ExpressionAttributeValues": {":id": {"S": "a"}}}

    assert sequences(dynamodb.query(**of_a, KeyConditionExpression="AggregateId = :id")) == [1, 2, 10]
    values = {":id": {"S": "a"}, ":command": {"S": "command-2"}}
    found = dynamodb.query(
        TableName=STORE,
        IndexName="CommandId-index",
        KeyConditionExpression="AggregateId = :id AND CommandId = :command",
        ExpressionAttributeValues=values,
    )
    assert sequences(found) == [2]


def test_a_query_of_a_global_index_finds_the_items_of_every_partition_in_their_order(dynamodb: Any) -> None:
    answer = dynamodb.query(
        TableName=STORE,
        IndexName="EventType-Timestamp-index",
        KeyConditionExpression="TypeBucket = :bucket",
        ExpressionAttributeValues={":bucket": {"S": "T#0"}},
        ScanIndexForward=False,
    )
    assert sequences(answer) == [10, 10, 2, 2, 1, 1]


def test_there_is_nothing_in_a_partition_that_does_not_exist(dynamodb: Any) -> None:
    arguments = {"KeyConditionExpression": "AggregateId = :id", "ExpressionAttributeValues": {":id": {"S": "none"}}}
    assert dynamodb.query(TableName=STORE, **arguments)["Items"] == []


@pytest.mark.parametrize("index", [{}, {"IndexName": "EventType-Timestamp-index"}])
@pytest.mark.parametrize(
    "more",
    [{}, {"ProjectionExpression": "Nested.Inner[0]"}, {"FilterExpression": "attribute_exists(Nested)"}],
    ids=["whole", "projected", "filtered"],
)
def test_a_query_copies_no_item_and_changes_none(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, index: dict[str, str], more: dict[str, str]
) -> None:
    key = {"AggregateId": {"S": "c"}, "EventSequence": {"N": "1"}}
    item = {
        **key,
        "CommandId": {"S": "d"},
        "TypeBucket": {"S": "T#1"},
        "Timestamp": {"S": "2024-01-01T00:00:00"},
        "Nested": {"M": {"Inner": {"L": [{"S": "one"}, {"S": "two"}]}}},
        "Names": {"SS": ["x", "y"]},
    }
    dynamodb.put_item(TableName=STORE, Item=item)
    name, value = ("TypeBucket", "T#1") if index else ("AggregateId", "c")
    with monkeypatch.context() as patch:
        patch.setattr(Item, "__deepcopy__", lambda *_: pytest.fail("an item was copied"))
        answers = [
            dynamodb.query(
                TableName=STORE,
                KeyConditionExpression=f"{name} = :value",
                ExpressionAttributeValues={":value": {"S": value}},
                **index,
                **more,
            )["Items"]
            for _ in range(2)
        ]
    inner = {"Nested": {"M": {"Inner": {"L": [{"S": "one"}]}}}}
    assert answers == [[inner if "ProjectionExpression" in more else item]] * 2
    assert dynamodb.get_item(TableName=STORE, Key=key)["Item"] == item

"""A change of an item is whole or not at all, and its stream tells of it once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from local.engine import partitions
from tests.local.in_process import aws, refusal


class Table(NamedTuple):
    """`sort` is its range key, {} if it has none."""

    dynamodb: Any
    streams: Any
    sort: dict[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        return {"Id": {"S": "a"}, **self.sort}

    def put(self, **attributes: Any) -> None:
        self.dynamodb.put_item(TableName="table", Item={**self.key, **attributes})

    def update(self, expression: str, **values: Any) -> dict[str, Any]:
        """The call's arguments."""
        named = {f":{name}": value for name, value in values.items()}
        return {
            "TableName": "table",
            "Key": self.key,
            "UpdateExpression": expression,
            **({"ExpressionAttributeValues": named} if named else {}),
        }

    def items(self) -> Any:
        return self.dynamodb.scan(TableName="table")["Items"]

    def records(self) -> list[tuple[str, Any]]:
        """What happened, and the attributes afterwards without those of the key."""
        (stream,) = self.streams.list_streams(TableName="table")["Streams"]
        described = self.streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
        iterator = self.streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=described["Shards"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found = self.streams.get_records(ShardIterator=iterator)["Records"]
        images = [(record["eventName"], record["dynamodb"].get("NewImage", {})) for record in found]
        return [(name, {k: v for k, v in image.items() if k not in self.key}) for name, image in images]


@pytest.fixture(params=[{}, {"Sort": {"N": "1"}}], ids=["hash", "range"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    partitions.install()
    with aws() as clients:
        made = Table(clients("dynamodb"), clients("dynamodbstreams"), request.param)
        kinds = {"Id": "S", **dict.fromkeys(made.sort, "N")}
        made.dynamodb.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip(kinds, ("HASH", "RANGE"), strict=False)],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield made


NINE: dict[str, Any] = {"n": {"N": "9"}}
HALVES = [
    ("SET a = :n ADD b :n", NINE),
    ("SET a = :n, m.x.y = :n", NINE),
    ("SET a = :n, c = zz", NINE),
    ("SET a = :n, c = b + :n", NINE),
    ("SET a = :n, m.x = :n ADD b :n", NINE),
    ("REMOVE a DELETE b :s", {"s": {"SS": ["x"]}}),
]


@pytest.mark.parametrize(("expression", "values"), HALVES)
def test_an_update_that_fails_changes_nothing(table: Table, expression: str, values: Any) -> None:
    table.put(a={"N": "1"}, b={"S": "x"}, m={"M": {}})
    before, told = table.items(), table.records()
    refusal(table.dynamodb.update_item, **table.update(expression, **values))
    assert (table.items(), table.records()) == (before, told)
    query = {"KeyConditionExpression": "Id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
    assert table.dynamodb.query(TableName="table", **query)["Items"] == before


def test_an_update_that_fails_makes_no_item(table: Table) -> None:
    refusal(table.dynamodb.update_item, **table.update("SET a = :n ADD b :s", **NINE, s={"S": "x"}))
    refusal(table.dynamodb.update_item, **table.update("SET a = :n, m.x = :n", **NINE))
    assert (table.items(), table.records()) == ([], [])


def test_an_update_that_makes_an_item_is_one_record(table: Table) -> None:
    table.dynamodb.update_item(**table.update("SET a = :n", **NINE))
    assert table.records() == [("INSERT", {"a": {"N": "9"}})]
    table.dynamodb.delete_item(TableName="table", Key=table.key)
    table.dynamodb.transact_write_items(TransactItems=[{"Update": table.update("ADD a :n", **NINE)}])
    assert table.records()[1:] == [("REMOVE", {}), ("INSERT", {"a": {"N": "9"}})]


SAME: list[tuple[Any, Any]] = [
    ({"N": "1"}, {"N": "1.0"}),
    ({"SS": ["x", "y"]}, {"SS": ["y", "x"]}),
    ({"M": {"l": {"L": [{"S": "x"}, {"NULL": True}]}}}, {"M": {"l": {"L": [{"S": "x"}, {"NULL": True}]}}}),
    ({"B": b"x"}, {"B": b"x"}),
]
OTHER: list[tuple[Any, Any]] = [
    ({"M": {"l": {"L": [{"BOOL": True}]}}}, {"M": {"l": {"L": [{"N": "1"}]}}}),
    ({"L": [{"S": "x"}]}, {"L": [{"S": "x"}, {"S": "x"}]}),
    ({"S": "1"}, {"N": "1"}),
    ({"M": {"a": {"S": "x"}}}, {"M": {"b": {"S": "x"}}}),
]


@pytest.mark.parametrize(("one", "other", "names"), [(*e, 1) for e in SAME] + [(*e, 3) for e in OTHER], ids=str)
def test_a_change_is_told_if_it_is_one(table: Table, one: Any, other: Any, names: int) -> None:
    table.put(v=one)
    table.put(v=other)
    table.dynamodb.update_item(**table.update("SET v = :v", v=one))
    assert [name for name, _ in table.records()] == ["INSERT", "MODIFY", "MODIFY"][:names]

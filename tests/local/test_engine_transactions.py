"""TransactWriteItems: all or nothing, for the items and for the stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine.transactions import Transactions
from tests.local.conftest import Workshop
from tests.local.in_process import Clients, aws, refusal

_ABSENT = {"ConditionExpression": "attribute_not_exists(Id)"}


@pytest.fixture
def transacting() -> Iterator[Clients]:
    with aws(Transactions) as clients:
        yield clients


def _key(number: int) -> dict[str, Any]:
    return {"Id": {"S": "a"}, "Number": {"N": str(number)}}


def _items(workshop: Workshop, table: str) -> list[Any]:
    found = workshop.dynamodb.scan(TableName=table)["Items"]
    return sorted(found, key=lambda item: int(item["Number"]["N"]))


def _records(workshop: Workshop, stream: str) -> list[str]:
    streams = workshop.engine.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return [record["eventName"] for record in records]


def _put(table: str, number: int) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": _key(number), **_ABSENT}}


def _update(table: str, number: int) -> dict[str, Any]:
    change = {"UpdateExpression": "SET V = :new", "ExpressionAttributeValues": {":new": {"S": "new"}}}
    return {"Update": {"TableName": table, "Key": _key(number), **change}}


def _absent_check(table: str, number: int) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_exists(Id)"}
    return {"ConditionCheck": {"TableName": table, "Key": _key(number), **condition}}


def test_a_transaction_changes_everything(workshop: Workshop) -> None:
    table, stream = workshop.table()
    workshop.put(table, "a", 1, V={"S": "old"})
    workshop.put(table, "a", 2)

    workshop.dynamodb.transact_write_items(
        TransactItems=[_update(table, 1), {"Delete": {"TableName": table, "Key": _key(2)}}, _put(table, 3)]
    )

    assert _items(workshop, table) == [{**_key(1), "V": {"S": "new"}}, _key(3)]
    assert _records(workshop, stream) == ["INSERT", "INSERT", "MODIFY", "REMOVE", "INSERT"]


def test_a_failed_transaction_changes_nothing(workshop: Workshop) -> None:
    table, stream = workshop.table()
    workshop.put(table, "a", 1, V={"S": "old"})
    workshop.put(table, "a", 2)
    before = _items(workshop, table)

    with pytest.raises(workshop.dynamodb.exceptions.TransactionCanceledException):
        workshop.dynamodb.transact_write_items(
            TransactItems=[
                _update(table, 1),
                _update(table, 9),
                {"Delete": {"TableName": table, "Key": _key(2)}},
                _put(table, 3),
                {"ConditionCheck": {"TableName": table, "Key": _key(4), "ConditionExpression": "attribute_exists(Id)"}},
            ]
        )

    assert _items(workshop, table) == before
    assert _records(workshop, stream) == ["INSERT", "INSERT"]
    workshop.put(table, "a", 5)
    assert _records(workshop, stream) == ["INSERT"] * 3


def test_concurrent_transactions_on_one_key_let_one_win(workshop: Workshop) -> None:
    table, _ = workshop.table()

    def attempt(_: int) -> bool:
        try:
            workshop.dynamodb.transact_write_items(TransactItems=[_put(table, 1), _put(table, 2)])
        except workshop.dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_a_transaction_on_a_large_table_is_quick(workshop: Workshop) -> None:
    table, _ = workshop.table()
    for start in range(0, 1000, 25):
        puts = [{"PutRequest": {"Item": _key(start + number)}} for number in range(25)]
        workshop.dynamodb.batch_write_item(RequestItems={table: puts})
    workshop.dynamodb.transact_write_items(TransactItems=[_put(table, 5000)])

    def seconds(number: int) -> float:
        began = time.perf_counter()
        workshop.dynamodb.transact_write_items(TransactItems=[_put(table, number), _put(table, number + 1)])
        return time.perf_counter() - began

    assert min(seconds(6000 + 2 * attempt) for attempt in range(3)) < 0.05


def test_a_failed_transaction_on_a_table_named_by_its_arn_changes_nothing(workshop: Workshop) -> None:
    table, stream = workshop.table()
    arn = stream.split("/stream/")[0]
    with pytest.raises(workshop.dynamodb.exceptions.TransactionCanceledException):
        workshop.dynamodb.transact_write_items(TransactItems=[_put(arn, 1), _update(arn, 2), _absent_check(arn, 3)])
    assert (_items(workshop, table), _records(workshop, stream)) == ([], [])


def test_a_transaction_with_an_item_that_is_two_operations_changes_nothing(workshop: Workshop) -> None:
    table, stream = workshop.table()
    with pytest.raises(ClientError):
        workshop.dynamodb.transact_write_items(TransactItems=[_put(table, 1), {**_put(table, 2), **_update(table, 3)}])
    assert (_items(workshop, table), _records(workshop, stream)) == ([], [])


def test_a_query_after_a_failed_transaction_finds_what_was_there_before(workshop: Workshop) -> None:
    table, _ = workshop.table()
    workshop.put(table, "a", 1, V={"S": "old"})
    asked = {"KeyConditionExpression": "Id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
    before = workshop.dynamodb.query(TableName=table, **asked)["Items"]
    with pytest.raises(workshop.dynamodb.exceptions.TransactionCanceledException):
        workshop.dynamodb.transact_write_items(
            TransactItems=[_update(table, 1), _put(table, 2), _absent_check(table, 3)]
        )
    assert workshop.dynamodb.query(TableName=table, **asked)["Items"] == before
    workshop.put(table, "a", 0)
    assert [item["Number"]["N"] for item in workshop.dynamodb.query(TableName=table, **asked)["Items"]] == ["0", "1"]


_ONE = {"S": {"S": "x"}, "N": {"N": "1"}, "B": {"B": b"x"}}
_KINDS = [(hash_, range_) for hash_ in _ONE for range_ in ("", *_ONE)]


@pytest.mark.parametrize(("hash_", "range_"), _KINDS)
@pytest.mark.parametrize("kind", ["Update", "Put", "Delete"])
def test_a_failed_transaction_changes_nothing_whatever_kind_its_keys_are(
    transacting: Clients, hash_: str, range_: str, kind: str
) -> None:
    dynamodb = transacting("dynamodb")
    kinds = {"Id": hash_, **({"Sort": range_} if range_ else {})}
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip(kinds, ("HASH", "RANGE"), strict=False)],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": type_} for name, type_ in kinds.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    key = {name: _ONE[type_] for name, type_ in kinds.items()}
    item = {**key, "V": {"S": "old"}}
    dynamodb.put_item(TableName="table", Item=item)
    operations: dict[str, dict[str, Any]] = {
        "Put": {"Item": {**key, "V": {"S": "new"}}},
        "Delete": {"Key": key},
        "Update": {"Key": key, "UpdateExpression": "SET V = :v", "ExpressionAttributeValues": {":v": {"S": "new"}}},
    }
    other = {**key, "Id": {"S": {"S": "y"}, "N": {"N": "2"}, "B": {"B": b"y"}}[hash_]}
    check = {"TableName": "table", "Key": other, "ConditionExpression": "attribute_exists(Id)"}

    code, _ = refusal(
        dynamodb.transact_write_items,
        TransactItems=[{kind: {"TableName": "table", **operations[kind]}}, {"ConditionCheck": check}],
    )

    assert code == "TransactionCanceledException"
    assert dynamodb.get_item(TableName="table", Key=key)["Item"] == item
    assert dynamodb.scan(TableName="table")["Items"] == [item]

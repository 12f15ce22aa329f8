"""DynamoDB's streams as their own API shows them, to operators and to whoever reads them without Lambda."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Workshop

NO_ARN = "arn:aws:dynamodb:us-east-1:123456789012:nonsense"
NOBODYS = "arn:aws:dynamodb:us-east-1:123456789012:table/nobodys/stream/2026-01-01T00:00:00.000"


@pytest.fixture
def streams(workshop: Workshop) -> Any:
    return workshop.engine.client("dynamodbstreams")


def shard(streams: Any, stream: str) -> str:
    (found,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    return str(found["ShardId"])


def iterator(streams: Any, stream: str, kind: str = "TRIM_HORIZON", **more: str) -> str:
    asked = {"StreamArn": stream, "ShardId": shard(streams, stream), "ShardIteratorType": kind, **more}
    return str(streams.get_shard_iterator(**asked)["ShardIterator"])


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    """The code of a refusal, and how often the client tried again."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["RetryAttempts"]


@pytest.mark.parametrize("which", ["another label", "no such table", "another region"])
def test_a_stream_that_is_not_there_is_not_found(workshop: Workshop, streams: Any, which: str) -> None:
    _, stream = workshop.table()
    gone = {
        "another label": stream.rsplit("/", 1)[0] + "/2020-01-01T00:00:00.000",
        "no such table": NOBODYS,
        "another region": stream.replace("us-east-1", "eu-west-1"),
    }[which]
    asked = {"StreamArn": gone, "ShardId": shard(streams, stream), "ShardIteratorType": "LATEST"}

    assert refused(streams.describe_stream, StreamArn=gone) == ("ResourceNotFoundException", 0)
    assert refused(streams.get_shard_iterator, **asked) == ("ResourceNotFoundException", 0)
    assert refused(streams.get_records, ShardIterator=f"{gone}|1|abc") == ("ResourceNotFoundException", 0)


def test_an_iterator_of_a_stream_that_is_gone_finds_nothing(workshop: Workshop, streams: Any) -> None:
    table, stream = workshop.table()
    held = iterator(streams, stream)

    workshop.dynamodb.delete_table(TableName=table)

    assert refused(streams.get_records, ShardIterator=held) == ("ResourceNotFoundException", 0)


def test_a_shard_that_is_not_there_is_not_found(workshop: Workshop, streams: Any) -> None:
    _, stream = workshop.table()
    asked = {"StreamArn": stream, "ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}

    assert refused(streams.get_shard_iterator, **asked) == ("ResourceNotFoundException", 0)


def test_an_iterator_that_nobody_knows_any_more_has_expired(workshop: Workshop, streams: Any) -> None:
    _, stream = workshop.table()

    assert refused(streams.get_records, ShardIterator=f"{stream}|1|abc") == ("ExpiredIteratorException", 0)


def test_what_is_no_arn_or_iterator_is_invalid(workshop: Workshop, streams: Any) -> None:
    _, stream = workshop.table()
    asked = {"StreamArn": stream, "ShardId": shard(streams, stream)}
    at = {**asked, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}

    assert refused(streams.describe_stream, StreamArn=NO_ARN) == ("ValidationException", 0)
    assert refused(streams.get_records, ShardIterator="nonsense") == ("ValidationException", 0)
    assert refused(streams.get_records, ShardIterator=f"{NO_ARN}|1|abc") == ("ValidationException", 0)
    assert refused(streams.get_shard_iterator, **asked, ShardIteratorType="SOMEWHERE") == ("ValidationException", 0)
    assert refused(streams.get_shard_iterator, **at) == ("ValidationException", 0)
    for number in ("x" * 21, "\u0661" * 21):
        assert refused(streams.get_shard_iterator, **at, SequenceNumber=number) == ("ValidationException", 0)


def test_what_is_there_is_read_from_where_it_was_asked_for(workshop: Workshop, streams: Any) -> None:
    table, stream = workshop.table()
    for number in range(3):
        workshop.put(table, "a", number)

    def read(at: str) -> list[dict[str, Any]]:
        return list(streams.get_records(ShardIterator=at)["Records"])

    everything = read(iterator(streams, stream))
    second = everything[1]["dynamodb"]["SequenceNumber"]

    assert len(everything) == 3
    assert read(iterator(streams, stream, "AT_SEQUENCE_NUMBER", SequenceNumber=second)) == everything[1:]
    assert read(iterator(streams, stream, "AFTER_SEQUENCE_NUMBER", SequenceNumber=second)) == everything[2:]
    assert read(iterator(streams, stream, "LATEST")) == []


def test_an_iterator_reads_on_after_a_transaction_was_rolled_back(workshop: Workshop, streams: Any) -> None:
    table, stream = workshop.table()
    held = iterator(streams, stream)
    key = {"Id": {"S": "a"}, "Number": {"N": "1"}}
    check = {"TableName": table, "Key": key, "ConditionExpression": "attribute_exists(Id)"}
    put = {"TableName": table, "Item": {**key, "Number": {"N": "2"}}}
    with pytest.raises(workshop.dynamodb.exceptions.TransactionCanceledException):
        workshop.dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])

    workshop.put(table, "a", 3)

    (record,) = streams.get_records(ShardIterator=held)["Records"]
    assert record["dynamodb"]["Keys"]["Number"] == {"N": "3"}


def test_binary_keys_are_what_was_put(workshop: Workshop, streams: Any) -> None:
    made = workshop.dynamodb.create_table(
        TableName=workshop.name("table"),
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "B"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    item = {"Id": {"B": b"k\xff"}, "Data": {"BS": [b"a"]}}
    workshop.dynamodb.put_item(TableName=made["TableName"], Item=item)

    (record,) = streams.get_records(ShardIterator=iterator(streams, made["LatestStreamArn"]))["Records"]

    assert record["dynamodb"]["Keys"] == {"Id": item["Id"]}
    assert record["dynamodb"]["NewImage"] == item

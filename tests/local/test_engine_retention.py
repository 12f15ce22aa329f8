"""The engine does not hold on to what nobody can ask for again."""

from __future__ import annotations

import gc

import pytest
from botocore.exceptions import ClientError
from moto.iam import models as iam_models

from local.engine import backends, exact_json, retention
from local.engine.retention import Recent
from tests.local.conftest import Workshop


def test_reading_items_leaves_nothing_behind(workshop: Workshop) -> None:
    table, _ = workshop.table()
    for number in range(3):
        workshop.put(table, "a", number)
    before = _items()

    for _ in range(20):
        answer = workshop.dynamodb.query(
            TableName=table, KeyConditionExpression="Id = :a", ExpressionAttributeValues={":a": {"S": "a"}}
        )
        assert answer["Count"] == 3

    assert _items() == before


def _items() -> int:
    """Items that are somewhere in memory."""
    gc.collect()
    return sum(type(each).__name__ == "Item" and type(each).__module__.startswith("moto.") for each in gc.get_objects())


def test_a_queue_remembers_the_newest_of_the_deleted_messages(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "DELETED_HANDLES", 2)
    queue = workshop.queue()
    handles = []
    for body in "abc":
        workshop.sqs.send_message(QueueUrl=queue, MessageBody=body)
        (message,) = workshop.sqs.receive_message(QueueUrl=queue)["Messages"]
        workshop.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        handles.append(message["ReceiptHandle"])

    for handle in handles[1:]:  # deleting twice is no error
        workshop.sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        workshop.sqs.delete_message(QueueUrl=queue, ReceiptHandle=handles[0])


def test_a_topic_does_not_keep_all_that_it_sent(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SENT_NOTIFICATIONS", 2)
    sns = workshop.engine.client("sns")
    arn = sns.create_topic(Name=workshop.name("topic"))["TopicArn"]

    for number in range(5):
        sns.publish(TopicArn=arn, Message=str(number))

    assert [sent[1] for sent in backends.topic(arn).sent_notifications] == ["3", "4"]


def test_an_iterator_of_a_stream_expires_when_there_are_many_newer(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, arn = workshop.table()
    streams = workshop.engine.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    ask = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    first = streams.get_shard_iterator(**ask)["ShardIterator"]
    there = backends.stream_iterators(workshop.engine.region)
    assert isinstance(there, Recent)
    monkeypatch.setattr(there, "_size", 3)

    for _ in range(3):
        newest = streams.get_shard_iterator(**ask)["ShardIterator"]

    assert streams.get_records(ShardIterator=newest)["Records"] == []
    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        streams.get_records(ShardIterator=first)


def test_what_is_put_in_again_is_not_new() -> None:
    recent = Recent(2)
    recent.update(["a", "b", "a"])
    recent["c"] = None

    assert list(recent) == ["b", "c"]


def test_the_workers_of_a_function_act_in_one_session(workshop: Workshop) -> None:
    name = workshop.function('import os\ndef handler(event, context):\n    return os.environ["AWS_ACCESS_KEY_ID"]')
    keys = set()
    for number in range(3):  # each time in a worker of its own
        variables = {"NUMBER": str(number)}
        workshop.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        keys.add(workshop.invoke(name)["Payload"])
    assert len(keys) == 1


def test_an_archive_keeps_its_events_as_texts_with_their_numbers_as_they_were(workshop: Workshop) -> None:
    name = workshop.name("archive")
    bus = workshop.events.create_event_bus(Name=workshop.name("bus"))["EventBusArn"]
    workshop.events.create_archive(ArchiveName=name, EventSourceArn=bus)
    detail = '{"amount": 100.10, "text": "é"}'
    entry = {"EventBusName": bus.rsplit("/", 1)[1], "Source": "test", "DetailType": "Test", "Detail": detail}
    for _ in range(2):
        workshop.events.put_events(Entries=[entry])

    kept = backends.events("us-east-1").archives[name].events
    texts = [exact_json.dumps(event["detail"]) for event in kept]
    assert texts == ['{"amount":100.10,"text":"é"}'] * 2
    described = workshop.events.describe_archive(ArchiveName=name)
    assert described["EventCount"] == 2
    texts_take = sum(len(exact_json.dumps(event).encode()) for event in kept)
    assert texts_take <= described["SizeBytes"] < texts_take + 100  # Python adds what it needs for the object
    assert not isinstance(kept, list)


def test_items_share_the_names_of_their_attributes(workshop: Workshop) -> None:
    table, _ = workshop.table()
    for number in range(2):
        workshop.put(table, "a", number, SomeName={"S": "x"})

    items = [each for each in gc.get_objects() if type(each).__name__ == "Item" and "SomeName" in vars(each)["attrs"]]
    names = {id(name) for item in items for name in item.attrs if name == "SomeName"}
    assert len(items) >= 2
    assert len(names) == 1


def test_the_policies_that_aws_manages_are_not_kept_where_nothing_reads_them(workshop: Workshop) -> None:
    assert len(iam_models.aws_managed_policies_data) < 10
    assert workshop.engine.client("iam").list_policies(Scope="AWS")["Policies"] == []


def test_the_policies_that_aws_manages_are_kept_where_moto_is_told_to_read_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(iam_models, "aws_managed_policies_data", "all of them")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    backends.forget_managed_policies()
    assert iam_models.aws_managed_policies_data == "all of them"

"""Event source mappings from queues, and queues themselves where moto needs help."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Workshop
from tests.support import eventually

TELLS = "import telling\ndef handler(event, context): telling.tell([r['body'] for r in event['Records']])"
TELLS_ALL = "import telling\ndef handler(event, context): telling.tell(event)"


def test_a_functions_mappings_are_listed_however_it_was_named(workshop: Workshop) -> None:
    function, other = (workshop.function(TELLS, tell=workshop.queue()) for _ in range(2))
    arn = workshop.lambda_.get_function_configuration(FunctionName=function)["FunctionArn"]
    source = workshop.queue_arn(workshop.queue())
    made = {workshop.map(source, function), workshop.map(workshop.queue_arn(workshop.queue()), arn)}
    workshop.map(source, other)

    for name, more in ((function, {}), (arn, {}), (function, {"EventSourceArn": source})):
        listed = workshop.lambda_.list_event_source_mappings(FunctionName=name, **more)["EventSourceMappings"]
        found = {mapping["UUID"] for mapping in listed}
        assert found == made if not more else (len(found), found < made) == (1, True)


def test_a_queue_feeds_a_function_once_and_waits_for_a_large_batch(workshop: Workshop) -> None:
    function, source = workshop.function(TELLS, tell=workshop.queue()), workshop.queue_arn(workshop.queue())
    arn = workshop.lambda_.get_function_configuration(FunctionName=function)["FunctionArn"]
    create = workshop.lambda_.create_event_source_mapping
    with pytest.raises(ClientError, match="Maximum batch window in seconds must be greater than 0") as refused:
        create(EventSourceArn=source, FunctionName=function, BatchSize=11)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"

    made = create(EventSourceArn=source, FunctionName=function, BatchSize=11, MaximumBatchingWindowInSeconds=1)["UUID"]
    for name in (function, arn):
        with pytest.raises(ClientError, match=f"already exists.*{made}") as refused:
            create(EventSourceArn=source, FunctionName=name)
        assert refused.value.response["Error"]["Code"] == "ResourceConflictException"
    listed = workshop.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    assert [mapping["UUID"] for mapping in listed] == [made]


def test_a_message_has_the_shape_that_lambda_gives_it(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    arn = workshop.queue_arn(source)
    workshop.map(arn, workshop.function(TELLS_ALL, tell=tell))

    sent = workshop.sqs.send_message(
        QueueUrl=source,
        MessageBody="hello",
        MessageAttributes={
            "Text": {"DataType": "String", "StringValue": "x"},
            "Bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    )

    (record,) = workshop.told(tell)[0]["Records"]
    assert record.pop("receiptHandle")
    attributes = record.pop("attributes")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert set(attributes) >= {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert record.pop("md5OfMessageAttributes") == sent["MD5OfMessageAttributes"]
    none: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "Text": {"dataType": "String", "stringValue": "x", **none},
            "Bytes": {"dataType": "Binary", "binaryValue": "AAE=", **none},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    eventually(lambda: workshop.size(source) == 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "InvalidMessageContents") for text in ("\x00", "a\x1f", "\ufffe", "\uffff")),
        ("é" * 524_289, "InvalidParameterValue"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_no_queue_takes_is_refused(workshop: Workshop, text: str, code: str) -> None:
    url = workshop.queue()

    with pytest.raises(ClientError, match=code):
        workshop.sqs.send_message(QueueUrl=url, MessageBody=text)
    with pytest.raises(ClientError, match=code):
        workshop.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": text}])

    workshop.sqs.send_message(QueueUrl=url, MessageBody="\t\r\n \x7f\ud7ff\ue000\ufffd😀")
    assert workshop.size(url) == 1


def test_a_message_arrives_within_a_fraction_of_a_second(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    workshop.map(workshop.queue_arn(source), workshop.function(TELLS, tell=tell))
    workshop.sqs.send_message(QueueUrl=source, MessageBody="warm up")
    workshop.told(tell)

    def seconds() -> float:
        began = time.perf_counter()
        workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
        workshop.told(tell)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.2


def test_messages_come_in_batches(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    bodies = [str(number) for number in range(25)]
    for body in bodies:
        workshop.sqs.send_message(QueueUrl=source, MessageBody=body)

    function = workshop.function(TELLS, tell=tell)
    workshop.map(workshop.queue_arn(source), function, BatchSize=20, MaximumBatchingWindowInSeconds=1)

    batches = workshop.told(tell, 2)
    assert sorted(len(batch) for batch in batches) == [5, 20]
    assert sorted(body for batch in batches for body in batch) == sorted(bodies)


def test_failed_messages_come_again_and_end_in_the_dead_letter_queue(workshop: Workshop) -> None:
    tell, dead = workshop.queue(), workshop.queue()
    redrive = json.dumps({"deadLetterTargetArn": workshop.queue_arn(dead), "maxReceiveCount": 2})
    source = workshop.queue(VisibilityTimeout="1", RedrivePolicy=redrive)
    code = """
        import telling, time
        def handler(event, context):
            received = event["Records"][0]["attributes"]["ApproximateFirstReceiveTimestamp"]
            telling.tell(time.time() - int(received) / 1000)
            raise ValueError
        """
    workshop.map(workshop.queue_arn(source), workshop.function(code, tell=tell, Timeout=1))

    workshop.sqs.send_message(QueueUrl=source, MessageBody="poison")

    _, again = workshop.told(tell, 2)
    assert again > 0.99  # hidden for a second from when it was received, however long the function took to start
    assert workshop.take(dead)[0]["Body"] == "poison"
    assert workshop.size(source) == 0


def test_only_the_reported_messages_come_again(workshop: Workshop) -> None:
    tell = workshop.queue()
    source = workshop.queue(VisibilityTimeout="1")
    function = workshop.function(
        """
        import telling
        failed = []
        def handler(event, context):
            telling.tell([r["body"] for r in event["Records"]])
            if failed:
                return
            failed.extend({"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"] == "bad")
            return {"batchItemFailures": failed}
        """,
        tell=tell,
        Timeout=1,
    )
    for body in ("good", "bad", "better"):
        workshop.sqs.send_message(QueueUrl=source, MessageBody=body)

    workshop.map(workshop.queue_arn(source), function, FunctionResponseTypes=["ReportBatchItemFailures"])

    batches = workshop.told(tell, 2)
    assert sorted(batches[0]) == ["bad", "better", "good"]
    assert batches[1] == ["bad"]
    eventually(lambda: workshop.size(source) == 0)


def test_what_no_filter_wants_is_deleted(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    function = workshop.function(TELLS, tell=tell)
    workshop.map(workshop.queue_arn(source), function, BatchSize=1, FilterCriteria={"Filters": [{"Pattern": pattern}]})

    for body in ('{"kind": "unwanted"}', "no json", '{"kind": "wanted"}'):
        workshop.sqs.send_message(QueueUrl=source, MessageBody=body)

    assert workshop.told(tell) == [['{"kind": "wanted"}']]
    eventually(lambda: workshop.size(source) == 0)
    assert workshop.size(tell) == 0


def test_a_delayed_message_comes_after_its_delay(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    workshop.map(workshop.queue_arn(source), workshop.function(TELLS, tell=tell))
    began = time.monotonic()

    workshop.sqs.send_message(QueueUrl=source, MessageBody="later", DelaySeconds=1)

    assert workshop.told(tell) == [["later"]]
    assert time.monotonic() - began >= 1


def test_the_maximum_concurrency_is_kept(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    function = workshop.function(
        """
        import telling, time
        def handler(event, context):
            began = time.time()
            time.sleep(0.3)
            telling.tell([began, time.time()])
        """,
        tell=tell,
    )
    for number in range(6):
        workshop.sqs.send_message(QueueUrl=source, MessageBody=str(number))

    workshop.map(workshop.queue_arn(source), function, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})

    spans = workshop.told(tell, 6)
    most = max(sum(one[0] <= other[0] < one[1] for one in spans) for other in spans)
    assert most == 2


def test_a_disabled_mapping_leaves_messages_alone(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    uuid = workshop.map(workshop.queue_arn(source), workshop.function(TELLS, tell=tell), Enabled=False)

    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
    assert workshop.stays_empty(tell)
    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)

    assert workshop.told(tell) == [["x"]]


def test_messages_of_a_throttled_function_wait(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    function = workshop.function(TELLS, tell=tell)
    workshop.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    workshop.map(workshop.queue_arn(source), function)
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
    assert workshop.stays_empty(tell)

    workshop.lambda_.delete_function_concurrency(FunctionName=function)

    assert workshop.told(tell) == [["x"]]


def test_a_waiting_receive_ends_when_a_message_arrives_and_holds_nobody_up(workshop: Workshop) -> None:
    url = workshop.queue()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(workshop.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=10)
        began = time.monotonic()
        workshop.queue()  # another call of the same service, meanwhile
        workshop.sqs.send_message(QueueUrl=url, MessageBody="there")
        (message,) = waiting.result()["Messages"]

    assert message["Body"] == "there"
    assert time.monotonic() - began < 5


def test_a_waiting_receive_ends_empty(workshop: Workshop) -> None:
    url = workshop.queue(ReceiveMessageWaitTimeSeconds="1")
    began = time.monotonic()

    assert "Messages" not in workshop.sqs.receive_message(QueueUrl=url)
    assert 0.9 < time.monotonic() - began < 5


def test_a_waiting_receive_gets_a_message_that_becomes_visible(workshop: Workshop) -> None:
    url = workshop.queue(VisibilityTimeout="1")
    workshop.sqs.send_message(QueueUrl=url, MessageBody="x")
    workshop.sqs.receive_message(QueueUrl=url)

    began = time.monotonic()

    answer = workshop.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)

    assert answer["Messages"][0]["Body"] == "x"
    assert time.monotonic() - began < 5  # when it becomes visible, not when the wait is over


def test_idle_pollers_use_no_processor_time(workshop: Workshop) -> None:
    source = workshop.queue()
    _, stream = workshop.table()
    function = workshop.function(TELLS)
    workshop.map(workshop.queue_arn(source), function)
    workshop.map(stream, function, StartingPosition="TRIM_HORIZON")
    workshop.invoke(function, {"Records": []})

    used = time.process_time()
    threading.Event().wait(1)

    assert time.process_time() - used < 0.1

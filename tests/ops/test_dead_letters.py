"""Dead letters are seen without being touched, explained, and moved without being lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sqs.models import sqs_backends

from handlers.failure import InvocationError
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.payload import request_of
from handlers.sourcing.values import dumps
from handlers.store.event_store import EventStore
from handlers.store.items import to_item
from handlers.store.unpublishable import Unpublishable
from handlers.upkeep.letters.invocation import same_command
from handlers.upkeep.letters.queues import BATCH_BYTES, HIDDEN_SECONDS, held, uninterrupted
from handlers.upkeep.letters.stretch import ARN_LENGTH, NUMBER_LENGTH, SHARD_LENGTH

from ..aws import around_every_call
from ..domain.builders import command, folded, moved, of_rows, older, story
from ..fuzz.budget import examples
from ..fuzz.wire import bodies, text_of
from ..handlers.conftest import STORE, Calls, Context, message, refusal, refusing, rows
from .conftest import ACCOUNT, BUCKETS, RULE, Published, Run, keep, places, taken, url

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
LOG_GROUP = "/aws/events/audit-log"
LOG_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{LOG_GROUP}"


@pytest.fixture(autouse=True)
def _hears_ctrl_c() -> Iterator[None]:
    """Also where the tests run in the background of a script, to which the shell lets no Ctrl-C through."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def body(event: Event) -> str:
    """An event as the bus delivers it."""
    return message(event)["body"]


def leave(sqs: Any, queue: str, text: str, **attributes: str) -> str:
    """Leave a message in a queue; its id."""
    told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    answer = sqs.send_message(QueueUrl=url(queue), MessageBody=text, MessageAttributes=told)
    return str(answer["MessageId"])


def waiting(sqs: Any, queue: str) -> tuple[int, int]:
    """How many messages of a queue are visible, and how many hidden."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url(queue), AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def test_nothing_lies_there(outputs: Any, run: Run) -> None:
    assert run("dead-letters", "list", "--json").json == {"groups": [], "letters": [], "hidden": [], "unread": []}
    result = run("dead-letters", "redrive")
    assert (result.code, result.out.strip()) == (0, "no letters")


def test_a_listing_explains_every_letter_of_every_page_and_takes_none(aws: Any, sqs: Any, run: Run) -> None:
    events = keep(aws, story("a", range(1, 25)))
    ids = {leave(sqs, "projection-dlq", body(event)) for event in events}

    result = run("dead-letters", "list", "--json")

    assert result.code == 0
    letters = result.json["letters"]
    assert {letter["messageId"] for letter in letters} == ids
    assert [letter["events"] for letter in letters] == [
        [{"aggregateId": "a", "sequence": sequence}] for sequence in range(1, 26)
    ]
    assert {letter["queue"] for letter in letters} == {"projection"}
    assert {letter["receives"] for letter in letters} == {1}
    assert all(letter["since"].endswith("+00:00") for letter in letters)
    assert waiting(sqs, "projection-dlq") == (25, 0), "all are visible again"
    again = run("dead-letters", "list", "--json").json["letters"]
    assert {letter["receives"] for letter in again} == {2}, "a listing counts as a receive"


@pytest.mark.parametrize(
    ("make", "reason", "hopeless"),
    [
        (lambda events: "garbage", "no event: body: not valid JSON", True),
        (lambda events: dumps({"detail": {"AggregateId": "a"}}), "no event: body: holds no event", True),
        (lambda events: body(story("ghost", [])[0]), "event 1 of ghost is not in the store", True),
        (lambda events: body(events[1]), "not projected yet", False),
    ],
)
def test_the_projections_letters_say_why(
    aws: Any, sqs: Any, run: Run, *, make: Callable[[list[Event]], str], reason: str, hopeless: bool
) -> None:
    leave(sqs, "projection-dlq", make(keep(aws, story("a", [1]))))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert reason in letter["reason"]
    assert letter["hopeless"] is hopeless


def test_a_stored_item_that_cannot_be_read_is_the_reason(aws: Any, sqs: Any, run: Run) -> None:
    events = keep(aws, story("a", [1]))
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "a"}, "EventSequence": {"N": "2"}})
    leave(sqs, "projection-dlq", body(events[1]))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert "event 2 of a cannot be read in the store" in letter["reason"]


def test_what_was_projected_meanwhile_is_said(
    aws: Any, sqs: Any, run: Run, handlers: Callable[[str], ModuleType]
) -> None:
    (event,) = keep(aws, story("a", []))
    project(handlers, [body(event)])
    leave(sqs, "projection-dlq", body(event))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert letter["reason"] == "projected in the meantime"


def project(handlers: Callable[[str], ModuleType], bodies: Sequence[str]) -> list[str]:
    """Hand messages to the projection; those that failed."""
    records = [{"messageId": str(number), "body": text} for number, text in enumerate(bodies)]
    answer = handlers("projection").lambda_handler({"Records": records}, Context())
    return [bodies[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]]


def test_redriven_letters_reach_the_projection_queue_in_order(aws: Any, sqs: Any, run: Run, calls: Calls) -> None:
    events = keep(aws, story("a", range(1, 13))) + keep(aws, story("b", range(1, 13)))
    for event in reversed(events):
        leave(sqs, "projection-dlq", body(event))

    result = run("dead-letters", "redrive", "--json")

    assert result.code == 0
    assert result.json["counts"] == {"moved": 26}
    sent = [entry["MessageBody"] for call in calls.to("SendMessageBatch") for entry in call["Entries"]]
    assert places(sent) == [(event.aggregate_id, event.sequence) for event in events]
    assert waiting(sqs, "projection-dlq") == (0, 0)
    assert waiting(sqs, "projection") == (26, 0)


_numbers = count(1)


@examples(4)
@given(data=st.data())
def test_a_redrive_in_any_order_never_shows_a_row_that_skips_events(
    data: st.DataObject, aws: Any, sqs: Any, run: Run, handlers: Callable[[str], ModuleType]
) -> None:
    names = [f"account-{next(_numbers)}" for _ in range(2)]
    streams = {name: keep(aws, story(name, [1, 2, 3, 4])) for name in names}
    letters = data.draw(st.permutations([body(event) for stream in streams.values() for event in stream]))
    for text in letters[2:]:  # two were never delivered at all
        leave(sqs, "projection-dlq", text)
    assert run("dead-letters", "redrive").code == 0

    delivery = data.draw(st.permutations(taken(sqs, "projection")))
    while delivery:
        size = data.draw(st.integers(1, 3))
        batch, delivery = delivery[:size], delivery[size:]
        assert project(handlers, batch) == []
        for key, row in of_rows(rows(aws)).items():
            if key[0] in streams:
                expected = folded(streams[key[0]][: int(row["LastSequence"])])
                assert {each: item for each, item in rows(aws).items() if each in expected} == expected


def test_what_would_only_come_back_is_skipped_unless_forced(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    leave(sqs, "projection-dlq", body(event))
    poison = leave(sqs, "projection-dlq", "garbage")

    result = run("dead-letters", "redrive", "--json")

    assert result.code == 1
    assert result.json["counts"] == {"moved": 1, "skipped": 1}
    assert waiting(sqs, "projection-dlq") == (1, 0)
    assert taken(sqs, "projection") == [body(event)]

    forced = run("dead-letters", "redrive", "--force", "--message", poison)
    assert forced.code == 0
    assert taken(sqs, "projection") == ["garbage"]


def test_a_dry_run_moves_nothing(aws: Any, sqs: Any, run: Run) -> None:
    for event in keep(aws, story("a", [1, 2])):
        leave(sqs, "projection-dlq", body(event))

    result = run("dead-letters", "redrive", "--dry-run", "--json")

    assert (result.code, result.json["counts"]) == (0, {"would be moved": 3})
    assert waiting(sqs, "projection-dlq") == (3, 0)
    assert waiting(sqs, "projection") == (0, 0)


def test_only_what_is_selected_is_moved(aws: Any, sqs: Any, run: Run) -> None:
    one, two = keep(aws, story("a", []))[0], keep(aws, story("b", []))[0]
    leave(sqs, "projection-dlq", body(one))
    leave(sqs, "projection-dlq", body(two))
    third = leave(sqs, "delivery-dlq", body(two), RULE_ARN=RULE)

    assert run("dead-letters", "redrive", "--aggregate", "a").code == 0
    assert places(taken(sqs, "projection")) == [("a", 1)]
    assert run("dead-letters", "redrive", "--queue", "delivery", "--message", third).code == 0
    assert places(taken(sqs, "projection")) == [("b", 1)]
    assert waiting(sqs, "projection-dlq") == (1, 0)


def test_a_message_that_is_not_there_is_an_error(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    leave(sqs, "projection-dlq", body(event))

    result = run("dead-letters", "redrive", "--message", "no-such-id")

    assert result.code == 1
    assert "no-such-id" in result.error
    assert waiting(sqs, "projection-dlq") == (1, 0)


def test_a_crash_between_sending_and_deleting_repeats_and_loses_nothing(
    aws: Any, sqs: Any, run: Run, calls: Calls, handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [1, 2]))
    for event in events:
        leave(sqs, "projection-dlq", body(event))

    calls.before = refusing("DeleteMessageBatch", "InternalError")
    result = run("dead-letters", "redrive", "--json")
    assert (result.code, result.json["counts"]) == (1, {"failed": 3})
    assert "sent, but not deleted" in result.json["letters"][0]["problem"]
    calls.before = None

    assert run("dead-letters", "redrive").code == 0
    bodies = taken(sqs, "projection")
    assert len(bodies) == 6
    assert project(handlers, bodies) == []
    assert rows(aws) == folded(events)


def test_a_letter_that_the_queue_refuses_stays(aws: Any, sqs: Any, run: Run) -> None:
    for event in keep(aws, story("a", [1])):
        leave(sqs, "projection-dlq", body(event))

    def refuse_first(_: Any, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if operation != "SendMessageBatch":
            return proceed()
        arguments["Entries"] = arguments["Entries"][1:]
        failed = [{"Id": "0", "Code": "InternalError", "Message": "try again", "SenderFault": False}]
        return {**proceed(), "Failed": failed}

    with around_every_call(refuse_first):
        result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1, "moved": 1})
    (failed,) = [letter for letter in result.json["letters"] if letter["outcome"] == "failed"]
    assert failed["problem"] == "not sent: InternalError: try again"
    assert places(taken(sqs, "projection-dlq")) == [("a", 1)]
    assert places(taken(sqs, "projection")) == [("a", 2)]


def test_undelivered_events_go_to_the_projection_queue_with_eventbridges_words(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    told = {"RULE_ARN": RULE, "TARGET_ARN": "arn:x", "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not authorized"}
    leave(
        sqs, "delivery-dlq", body(event), **told, EXHAUSTED_RETRY_CONDITION="MaximumRetryAttempts", RETRY_ATTEMPTS="3"
    )

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert letter["reason"] == "NO_PERMISSIONS: not authorized (MaximumRetryAttempts, 3 retries)"

    assert run("dead-letters", "redrive").code == 0
    assert taken(sqs, "projection") == [body(event)]
    assert waiting(sqs, "delivery-dlq") == (0, 0)


def test_letters_of_processes_go_to_the_process_queue_and_none_to_the_projections(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    url = sqs.get_queue_url(QueueName="process")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    leave(sqs, "process-dlq", body(event))
    poison = leave(sqs, "process-dlq", "garbage")
    leave(sqs, "delivery-dlq", body(event), RULE_ARN="arn:pokes", TARGET_ARN=arn, ERROR_CODE="THROTTLED")

    letters = run("dead-letters", "list", "--json").json["letters"]
    assert {letter["remedy"] for letter in letters} == {"to the process queue"}
    assert [letter["messageId"] for letter in letters if letter["hopeless"]] == [poison]

    assert run("dead-letters", "redrive").code == 1  # what is no event stays
    assert taken(sqs, "process") == [body(event)] * 2
    assert waiting(sqs, "process-dlq") == (1, 0)
    assert waiting(sqs, "delivery-dlq") == (0, 0)
    assert waiting(sqs, "projection") == (0, 0)


def test_what_the_audit_log_missed_is_written_there_and_nowhere_else(aws: Any, sqs: Any, run: Run) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    texts = ['{"detail-type": "of somebody else"}', body(keep(aws, story("a", []))[0])]
    for text in texts:
        leave(sqs, "delivery-dlq", text, RULE_ARN="arn:audit", TARGET_ARN=LOG_ARN, ERROR_CODE="THROTTLED")

    assert run("dead-letters", "redrive").code == 0

    logged = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName="redriven")["events"]
    assert {line["message"] for line in logged} == set(texts)
    assert waiting(sqs, "delivery-dlq") == (0, 0)
    assert waiting(sqs, "projection") == (0, 0)


def test_what_the_audit_files_missed_is_put_into_their_stream_and_nowhere_else(aws: Any, sqs: Any, run: Run) -> None:
    s3, firehose = boto3.client("s3"), boto3.client("firehose")
    s3.create_bucket(Bucket="files")
    to: Any = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/writer", "BucketARN": "arn:aws:s3:::files"}
    firehose.create_delivery_stream(DeliveryStreamName="audit", ExtendedS3DestinationConfiguration=to)
    told = {"RULE_ARN": "arn:files", "ERROR_CODE": "THROTTLED"}
    stream = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream"
    leave(sqs, "delivery-dlq", '{"detail-type": "of somebody else"}', TARGET_ARN=f"{stream}/audit", **told)
    lost = leave(sqs, "delivery-dlq", "{}", TARGET_ARN=f"{stream}/gone", **told)

    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1, "moved": 1})
    (file,) = s3.list_objects_v2(Bucket="files")["Contents"]
    assert s3.get_object(Bucket="files", Key=file["Key"])["Body"].read() == b'{"detail-type": "of somebody else"}'
    (kept,) = [each for each in result.json["letters"] if each["messageId"] == lost]
    assert "no audit files by gone any more (its setting auditFilesDays)" in kept["problem"]
    assert waiting(sqs, "delivery-dlq") == (1, 0)
    assert waiting(sqs, "projection") == (0, 0)


def test_a_log_that_is_gone_keeps_the_letter(aws: Any, sqs: Any, run: Run) -> None:
    leave(sqs, "delivery-dlq", "{}", RULE_ARN="arn:audit", TARGET_ARN=LOG_ARN)

    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1})
    problem = result.json["letters"][0]["problem"]
    assert problem.startswith(f"not sent: the stack has no audit log {LOG_GROUP} any more (its setting auditLog)")
    assert waiting(sqs, "delivery-dlq") == (1, 0)


def test_an_event_for_an_unknown_target_is_left_alone_even_if_forced(aws: Any, sqs: Any, run: Run) -> None:
    leave(sqs, "delivery-dlq", "{}", RULE_ARN="arn:other", TARGET_ARN="arn:aws:lambda:us-east-1:1:function:other")

    result = run("dead-letters", "redrive", "--force", "--json")

    assert (result.code, result.json["counts"]) == (1, {"skipped": 1})
    assert "function:other" in result.json["letters"][0]["reason"]


def stretch(aws: Any, first: int, last: int, arrived: str = "2024-01-15T10:00:00Z") -> str:
    """Lambda's note on records `first` to `last` of the store's stream."""
    arn = aws.describe_table(TableName=STORE)["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
    info = {
        "shardId": shard["ShardId"],
        "startSequenceNumber": str(start + first),
        "endSequenceNumber": str(start + last),
        "approximateArrivalOfFirstRecord": arrived,
        "approximateArrivalOfLastRecord": arrived,
        "batchSize": last - first + 1,
        "streamArn": arn,
    }
    context = {
        "requestId": "r",
        "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:relayFunction",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 4,
    }
    return json.dumps({"requestContext": context, "DDBStreamBatchInfo": info, "version": "1.0"})


def test_what_the_relay_gave_up_is_published_from_the_stream(
    aws: Any, sqs: Any, run: Run, published: Published
) -> None:
    keep(aws, story("b", [1, 2]))
    keep(aws, story("a", [1, 2]))
    leave(sqs, "invocation-dlq", stretch(aws, 1, 4))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert "RetryAttemptsExhausted after 4 attempts: 4 records of shardId-" in letter["reason"]
    assert [(each["aggregateId"], each["sequence"]) for each in letter["events"]] == [
        ("a", 1),
        ("a", 2),
        ("b", 2),
        ("b", 3),
    ]

    assert run("dead-letters", "redrive", "--aggregate", "a").code == 0
    assert sorted(published()) == [("a", 1), ("a", 2), ("b", 2), ("b", 3)]
    assert waiting(sqs, "invocation-dlq") == (0, 0)


def test_stretches_that_overlap_are_published_once(aws: Any, sqs: Any, run: Run, published: Published) -> None:
    keep(aws, story("a", [1, 2, 3]))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 2))
    leave(sqs, "invocation-dlq", stretch(aws, 1, 3))

    assert run("dead-letters", "redrive", "--json").json["counts"] == {"moved": 2}
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_what_the_stream_has_forgotten_is_published_from_the_store_by_its_time(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls, code: str
) -> None:
    keep(aws, story("early", [1], now="2024-01-15T09:50:00.000000Z"))
    keep(aws, story("a", [1, 2], now="2024-01-15T10:00:00.000000Z"))
    keep(aws, story("b", [1], now="2024-01-15T10:02:00.000000Z"))
    leave(sqs, "invocation-dlq", stretch(aws, 2, 2, "2024-01-15T10:00:00Z"))
    leave(sqs, "invocation-dlq", stretch(aws, 5, 6, "2024-01-15T10:03:00Z"))

    calls.before = refusing("GetShardIterator", code)
    (letter, _) = run("dead-letters", "list", "--json").json["letters"]
    assert "the stream has forgotten them" in letter["reason"]
    planned = run("dead-letters", "redrive", "--dry-run", "--json").json
    assert planned["counts"] == {"would be published, and stay": 2}

    assert run("dead-letters", "redrive", "--json").json["counts"] == {"failed": 2}
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]
    assert waiting(sqs, "invocation-dlq") == (2, 0)

    assert run("dead-letters", "redrive", "--force", "--json").json["counts"] == {"moved": 2}
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]
    assert waiting(sqs, "invocation-dlq") == (0, 0)


def unlike_their_arrival(aws: Any) -> None:
    """Four events and an item that arrived within the minute of 10:00, of which no window of time tells."""
    keep(aws, story("imported", [], now="2020-01-15T10:00:00.000000Z"))
    keep(aws, story("future", [], now="2030-01-15T10:00:00.000000Z"))
    keep(aws, unknown("of-newer-code"))
    keep(aws, story("a", []))
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "x"}, "EventSequence": {"N": "1"}})


def unknown(aggregate_id: str) -> list[Event]:
    """An event of a type that this revision does not know."""
    new = [NewEvent("AccountPainted", {"why": "asked to"})]
    return chain(Position(), new, command("AccountPainted", aggregate_id), "2024-01-15T10:00:00.000000Z")


def test_the_letter_of_a_forgotten_stretch_stays_while_its_events_may_be_elsewhere(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls
) -> None:
    unlike_their_arrival(aws)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 4))
    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1})
    problem = result.json["letters"][0]["problem"]
    assert "1 event of its time was published, for its 5 records; 4 of them at least are elsewhere" in problem
    assert "republish --aggregate ID" in problem
    assert published() == [("a", 1)]
    assert waiting(sqs, "invocation-dlq") == (1, 0)

    forced = run("dead-letters", "redrive", "--force", "--type", "AccountPainted", "--json")
    assert (forced.code, forced.json["counts"]) == (0, {"moved": 1})
    assert sorted(published()) == [("a", 1), ("of-newer-code", 1)]
    assert waiting(sqs, "invocation-dlq") == (0, 0)


def test_neighbours_in_time_do_not_stand_in_for_a_forgotten_stretchs_own_events(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls
) -> None:
    keep(aws, story("imported", [1], now="2020-01-15T10:00:00.000000Z"))
    keep(aws, story("others", [1] * 9))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 1))
    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    result = run("dead-letters", "redrive", "--json")

    assert "10 events of its time were published, for its 2 records; whether" in result.json["letters"][0]["problem"]
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_an_item_of_a_forgotten_stretchs_time_that_is_no_event_is_named(
    aws: Any, sqs: Any, run: Run, *, calls: Calls
) -> None:
    (event,) = story("a", [])
    item = EventStore(aws, STORE, BUCKETS).item(event)
    del item["Hash"]
    aws.put_item(TableName=STORE, Item=item)
    leave(sqs, "invocation-dlq", stretch(aws, 0, 0))
    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    assert "#1 of a: Hash is missing" in run("dead-letters", "redrive", "--json").json["letters"][0]["problem"]
    assert run("dead-letters", "redrive", "--force").code == 0


def test_a_stretch_of_which_the_stream_has_fewer_records_is_forgotten(
    aws: Any, sqs: Any, run: Run, published: Published
) -> None:
    keep(aws, story("a", [1]))
    letter = json.loads(stretch(aws, 0, 1))
    letter["DDBStreamBatchInfo"]["batchSize"] = 3
    leave(sqs, "invocation-dlq", dumps(letter))

    assert run("dead-letters", "redrive", "--json").json["counts"] == {"failed": 1}
    assert published() == [("a", 1), ("a", 2)]


def test_more_than_a_page_of_forgotten_events_is_published(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.timeline.PAGE", 7)
    keep(aws, story("a", [1] * 30))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 0))

    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")
    assert run("dead-letters", "redrive", "--force").code == 0
    assert sorted(published()) == [("a", sequence) for sequence in range(1, 32)]


def test_what_the_bus_refuses_stays_a_letter(aws: Any, sqs: Any, run: Run, calls: Calls) -> None:
    keep(aws, story("a", [1]))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 1))

    calls.before = refusing("PutEvents", "InternalException")
    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1})
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_changes_and_removals_in_a_stretch_are_not_published(
    aws: Any, sqs: Any, run: Run, published: Published
) -> None:
    keep(aws, story("a", [1]))
    aws.delete_item(TableName=STORE, Key={"AggregateId": {"S": "a"}, "EventSequence": {"N": "2"}})
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "x"}, "EventSequence": {"N": "1"}})
    leave(sqs, "invocation-dlq", stretch(aws, 0, 3))

    assert run("dead-letters", "redrive").code == 0
    assert sorted(published()) == [("a", 1), ("a", 2)]


def invocation(function: str, payload: Any, **more: Any) -> str:
    context = {
        "requestId": "request-7",
        "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    return dumps({"requestContext": context, "requestPayload": payload, **more})


@contextmanager
def invoked() -> Iterator[list[dict[str, Any]]]:
    """The arguments of every Invoke, none of which is carried out."""
    calls: list[dict[str, Any]] = []

    def catch(_: Any, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if operation != "Invoke":
            return proceed()
        calls.append(arguments)
        return {"StatusCode": 202}

    with around_every_call(catch):
        yield calls


def shaped(at: int, text: str) -> Any:
    """A request's text in one of the shapes that carry it as a body."""
    return bodies(text)[at]


def test_an_asynchronous_command_is_invoked_again_as_the_same_command(aws: Any, sqs: Any, run: Run) -> None:
    payload = {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}
    answer = {"errorType": "TimeoutError", "errorMessage": "too slow"}
    leave(sqs, "invocation-dlq", invocation("commandFunction", payload, responsePayload=answer))

    with invoked() as calls:
        (letter,) = run("dead-letters", "list", "--json").json["letters"]
        assert run("dead-letters", "redrive", "--aggregate", "a").code == 0

    assert letter["reason"] == "commandFunction: RetriesExhausted after 3 attempts: TimeoutError: too slow"
    (call,) = calls
    assert (call["FunctionName"], call["InvocationType"]) == ("commandFunction", "Event")
    assert json.loads(call["Payload"]) == {**payload, "commandId": "request-7"}
    assert waiting(sqs, "invocation-dlq") == (0, 0)


SWEEP_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:sweepFunction"


def test_a_command_goes_to_whom_callers_name_and_not_past_it(aws: Any, sqs: Any, run: Run, outputs: Path) -> None:
    """With versions behind an alias the function's own name is the newest code, to which nobody may be moved yet."""
    told = json.loads(outputs.read_text())
    outputs.write_text(json.dumps({**told, "commandFunction": "commandFunction:live"}))
    leave(sqs, "invocation-dlq", invocation("commandFunction", {"aggregateId": "a", "eventType": "X"}))

    with invoked() as calls:
        assert run("dead-letters", "redrive").code == 0

    (call,) = calls
    assert call["FunctionName"] == "commandFunction:live"
    assert json.loads(call["Payload"])["commandId"]


def uncalled(sqs: Any, minute: int = 7, **told: str) -> str:
    """Leave what EventBridge Scheduler leaves when it could not call its target; the letter's id."""
    time = f"2024-01-15T12:{minute:02}:00Z"
    attributes = {
        "ERROR_CODE": "INTERNAL_ERROR",
        "ERROR_MESSAGE": "the service was away",
        "EXECUTION_ID": "e",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "5",
        "SCHEDULED_TIME": time,
        "SCHEDULE_ARN": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/group/every-minute",
        "TARGET_ARN": SWEEP_ARN,
    }
    text = dumps({"source": "aws.scheduler", "time": time, "detail": "{}"})
    return leave(sqs, "invocation-dlq", text, **attributes | told)


@pytest.mark.parametrize("dry", [False, True])
def test_all_calls_that_a_schedule_could_not_make_are_one_call(aws: Any, sqs: Any, run: Run, *, dry: bool) -> None:
    ids = {uncalled(sqs, minute) for minute in range(12)}

    letters = run("dead-letters", "list", "--json").json["letters"]
    with invoked() as calls:
        result = run("dead-letters", "redrive", "--json", *["--dry-run"] * dry)

    assert {letter["messageId"] for letter in letters} == ids
    assert {letter["hopeless"] for letter in letters} == {False}
    first = min(letter["reason"] for letter in letters)
    assert first.startswith("every-minute, due 2024-01-15T12:00:00Z: INTERNAL_ERROR: the service was away (Maximum")
    assert result.code == 0
    assert result.json["counts"] == {"would be moved" if dry else "moved": 12}
    assert [(call["FunctionName"], call["InvocationType"]) for call in calls] == [("sweepFunction", "Event")] * (
        not dry
    )
    assert all(json.loads(call["Payload"])["source"] == "aws.scheduler" for call in calls)
    assert waiting(sqs, "invocation-dlq") == (12 * dry, 0)


@pytest.mark.parametrize("target", ["none", f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox", SWEEP_ARN + "-of-others"])
def test_a_schedule_with_a_target_that_is_none_of_ours_is_left_alone(aws: Any, sqs: Any, run: Run, target: str) -> None:
    letter = uncalled(sqs, TARGET_ARN=target)

    with invoked() as calls:
        result = run("dead-letters", "redrive", "--force", "--json")

    (told,) = result.json["letters"]
    assert (result.code, told["messageId"], told["outcome"], calls) == (1, letter, "skipped", [])
    assert "its target is none of ours" in told["reason"]


REQUEST = '{"aggregateId":"a","commandId":null,"eventData":{"amount":1.50},"eventType":"X"}'
SHAPES = [json.loads, *(partial(shaped, at) for at in range(7))]
NAMED = '{"aggregateId":"a","commandId":"mine","eventType":"X"}'


@pytest.mark.parametrize("shape", SHAPES)
def test_a_command_is_the_same_command_whatever_its_form(shape: Callable[[str], Any]) -> None:
    payload = shape(REQUEST)

    again = same_command(payload, "r")

    assert request_of(again) == {**request_of(payload), "commandId": "r"}
    assert again.keys() == (payload.keys() & {"body", "isBase64Encoded"} if "body" in payload else payload.keys())
    assert same_command(again, "another") == again
    assert same_command(shape(NAMED), "r") == {name: shape(NAMED)[name] for name in shape(NAMED) if name in again}


@pytest.mark.parametrize("payload", ["text", None, [], {"body": ""}, {"body": "!", "isBase64Encoded": True}])
def test_a_payload_without_a_request_gets_no_command_id(payload: Any) -> None:
    with pytest.raises(MalformedError):
        same_command(payload, "r")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_command_that_was_stored_is_answered_and_not_carried_out_again(
    aws: Any, sqs: Any, run: Run, handlers: Callable[[str], ModuleType], *, shape: Callable[[str], Any]
) -> None:
    command = handlers("command").lambda_handler
    opening = {"accountId": "a", "customerId": "c", "accountType": "checking", "initialBalance": 100}
    command({"aggregateId": "a", "eventType": "AccountCreated", "eventData": opening}, Context("request-1"))
    deposit = {"transactionId": "t", "amount": 10, "type": "deposit"}
    payload = shape(json.dumps({"aggregateId": "a", "eventType": "TransactionProcessed", "eventData": deposit}))
    first = command(payload, Context("request-7"))  # stored, and then the answer was lost
    leave(sqs, "invocation-dlq", invocation("commandFunction", payload))

    with invoked() as calls:
        assert run("dead-letters", "redrive", "--aggregate", "a").code == 0
    (call,) = calls
    again = command(json.loads(call["Payload"]), Context("request-8"))

    assert first["statusCode"] == 200
    assert again == first
    assert [event.sequence for event in EventStore(aws, STORE).read("a")] == [1, 2]


@pytest.mark.parametrize("request_text", [REQUEST, NAMED])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_redriven_command_that_meets_a_fault_fails_its_invocation(
    aws: Any,
    handlers: Callable[[str], ModuleType],
    *,
    calls: Calls,
    shape: Callable[[str], Any],
    request_text: str,
) -> None:
    """Lambda would take an answer for a success, and neither try again nor leave a letter."""
    payload = same_command(shape(request_text), "request-7")
    command = handlers("command").lambda_handler
    calls.before = refusing("Query", "AccessDeniedException")

    with pytest.raises(InvocationError):
        command(payload, Context())


BAD = {
    "not JSON": "{",
    "empty": "",
    "NaN": '{"aggregateId": "a", "amount": NaN}',
    "twice": '{"aggregateId": "a", "aggregateId": "b"}',
    "deep": '{"a":' * 3000 + "1" + "}" * 3000,
    "no object": "[]",
    "a number out of range": '{"aggregateId": "a", "amount": 1e1000000}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_a_command_that_cannot_be_read_is_skipped_with_its_reason_and_the_rest_moves(
    aws: Any, sqs: Any, run: Run, text: str
) -> None:
    (event,) = keep(aws, story("a", []))
    good = {"aggregateId": "z", "eventType": "AccountCreated", "eventData": {}}
    ids = [leave(sqs, "invocation-dlq", invocation("commandFunction", {"body": text})) for _ in range(2)]
    leave(sqs, "invocation-dlq", invocation("commandFunction", good))
    leave(sqs, "projection-dlq", body(event))

    with invoked() as calls:
        result = run("dead-letters", "redrive", "--force", "--json")

    assert (result.code, result.json["counts"]) == (1, {"moved": 2, "skipped": 2})
    assert [json.loads(call["Payload"])["aggregateId"] for call in calls] == ["z"]
    skipped = [letter for letter in result.json["letters"] if letter["outcome"] == "skipped"]
    assert {letter["messageId"] for letter in skipped} == set(ids)
    assert all("body: " in letter["reason"] for letter in skipped)
    assert waiting(sqs, "invocation-dlq") == (2, 0)


CONTEXT = {"requestId": "r", "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:commandFunction"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("garbage", "not valid JSON"),
        ("[]", "must hold a JSON object"),
        ("{}", "requestContext: is missing"),
        ('{"requestContext": {}}', "requestContext.functionArn: is missing"),
        ('{"requestContext": 1}', "requestContext: is of the wrong type"),
        ('{"requestContext": {"functionArn": 5}}', "requestContext.functionArn: is of the wrong type"),
        ('{"requestContext": {"functionArn": "arn:aws:lambda"}}', "is not the ARN of a function"),
        (dumps({"requestContext": CONTEXT}), "requestPayload: is missing"),
        (dumps({"requestContext": {**CONTEXT, "requestId": 5}, "requestPayload": {}}), "requestContext.requestId"),
        (dumps({"requestContext": CONTEXT, "requestPayload": "text"}), "request: must be an object"),
        (invocation("somebodys", {}), "somebodys is no function of this stack"),
        ('{"requestContext": {}, "DDBStreamBatchInfo": null}', "DDBStreamBatchInfo: must be an object"),
    ],
)
def test_an_invocation_letter_that_says_nothing_is_skipped(
    aws: Any, sqs: Any, run: Run, *, text: str, reason: str
) -> None:
    leave(sqs, "invocation-dlq", text)

    result = run("dead-letters", "redrive", "--force", "--json")

    assert (result.code, result.json["counts"]) == (1, {"skipped": 1})
    assert result.json["letters"][0]["reason"].startswith("no invocation record: ")
    assert reason in result.json["letters"][0]["reason"]


@pytest.mark.parametrize(
    "change",
    [
        {"startSequenceNumber": Decimal("1e1000000")},
        {"endSequenceNumber": "1" * 5000},
        {"startSequenceNumber": "1" * 20},
        {"endSequenceNumber": "1" * 41},
        {"shardId": "shardId-0"},
        {"streamArn": "arn"},
        {"streamArn": "a" * 1025},
        {"batchSize": Decimal("1e1000000")},
        {"shardId": None},
        {"streamArn": 7},
        {"approximateArrivalOfFirstRecord": "2024-01-15T10:00:00"},
        {
            "approximateArrivalOfFirstRecord": "0001-01-01T00:00:00Z",
            "approximateArrivalOfLastRecord": "9999-01-01T00:00Z",
        },
        {"approximateArrivalOfFirstRecord": "9999-12-31T23:59:59Z"},
        {"approximateArrivalOfLastRecord": "2024-01-15T09:00:00Z"},
        {"approximateArrivalOfLastRecord": "2024-01-17T10:00:00Z"},
    ],
    ids=str,
)
def test_a_stretch_that_cannot_be_is_skipped_and_the_others_move(
    aws: Any, sqs: Any, run: Run, published: Published, *, change: dict[str, Any]
) -> None:
    keep(aws, story("a", []))
    good = json.loads(stretch(aws, 0, 0))
    bad = {**good, "DDBStreamBatchInfo": {**good["DDBStreamBatchInfo"], **change}}
    leave(sqs, "invocation-dlq", text_of(bad))
    leave(sqs, "invocation-dlq", dumps(good))

    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"moved": 1, "skipped": 1})
    assert published() == [("a", 1)]
    (skipped,) = [letter for letter in result.json["letters"] if letter["outcome"] == "skipped"]
    assert (skipped["hopeless"], skipped["remedy"]) == (True, "none known")
    assert "DDBStreamBatchInfo" in skipped["reason"]


def test_a_stretch_is_held_to_the_lengths_that_the_stream_can_be_asked_with() -> None:
    service = boto3.client("dynamodbstreams", region_name="us-east-1").meta.service_model
    asked: Any = service.operation_model("GetShardIterator").input_shape
    lengths = {name: (shape.metadata.get("min"), shape.metadata.get("max")) for name, shape in asked.members.items()}

    assert (lengths["StreamArn"], lengths["ShardId"]) == (ARN_LENGTH, SHARD_LENGTH)
    assert lengths["SequenceNumber"] == NUMBER_LENGTH


def test_a_sequence_number_keeps_its_leading_zeros(aws: Any, sqs: Any, run: Run, calls: Calls) -> None:
    keep(aws, story("a", []))
    letter = json.loads(stretch(aws, 0, 0))
    letter["DDBStreamBatchInfo"]["startSequenceNumber"] = "000000000000000000001"
    leave(sqs, "invocation-dlq", dumps(letter))

    calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")
    assert run("dead-letters", "list").code == 0

    assert calls.to("GetShardIterator")[0]["SequenceNumber"] == "000000000000000000001"


def test_a_stretch_of_another_table_is_published_from_this_store_alone(
    aws: Any, sqs: Any, run: Run, published: Published, calls: Calls
) -> None:
    keep(aws, story("a", [], now="2024-01-15T10:00:00.000000Z"))
    letter = json.loads(stretch(aws, 0, 0))
    letter["DDBStreamBatchInfo"]["streamArn"] = letter["DDBStreamBatchInfo"]["streamArn"].replace(STORE, "another")
    leave(sqs, "invocation-dlq", dumps(letter))

    assert run("dead-letters", "redrive", "--json").json["counts"] == {"failed": 1}

    assert published() == [("a", 1)]
    assert calls.to("GetShardIterator") == []


def test_a_letter_about_which_aws_does_not_answer_stays_alone(aws: Any, sqs: Any, run: Run, calls: Calls) -> None:
    events = [keep(aws, story(name, []))[0] for name in ("a", "b", "c")]
    for event in events:
        leave(sqs, "projection-dlq", body(event))

    def refuse(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "Query" and arguments["ExpressionAttributeValues"][":id"] == {"S": "b"}:
            raise refusal("ThrottlingException", operation)

    calls.before = refuse
    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"moved": 2, "skipped": 1})
    assert places(taken(sqs, "projection")) == [("a", 1), ("c", 1)]
    assert "ThrottlingException" in result.json["letters"][-1]["reason"]
    assert waiting(sqs, "projection-dlq") == (1, 0)


def test_what_others_wrote_does_not_steer_the_terminal(aws: Any, sqs: Any, run: Run) -> None:
    payload = {"aggregateId": "a", "eventType": "X"}
    answer = {"errorType": "E", "errorMessage": "red \x1b[31m and \udcff"}
    leave(
        sqs,
        "invocation-dlq",
        json.dumps(json.loads(invocation("commandFunction", payload)) | {"responsePayload": answer}),
    )

    result = run("dead-letters", "list")

    assert "red \\x1b[31m and \\udcff" in result.out


def interrupting(call: int, *, at_once: bool, operation: str = "ReceiveMessage") -> Any:
    """For `Calls.after`: at the n-th such call, a Ctrl-C; `at_once` the program never sees the answer."""
    numbers = count(1)

    def interrupt(called: str, _: Any) -> None:
        if called == operation and next(numbers) == call:
            if at_once:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)

    return interrupt


@pytest.mark.parametrize("operation", ["ReceiveMessage", "Query", "ChangeMessageVisibilityBatch"])
def test_after_a_ctrl_c_at_any_moment_every_letter_is_there_again(
    aws: Any, sqs: Any, run: Run, calls: Calls, operation: str
) -> None:
    for event in keep(aws, story("a", range(1, 25))):
        leave(sqs, "projection-dlq", body(event))

    calls.after = interrupting(2, at_once=False, operation=operation)
    assert run("dead-letters", "redrive", "--dry-run").code == 130
    calls.after = None

    assert waiting(sqs, "projection-dlq") == (25, 0)


@pytest.mark.parametrize("command", [["list"], ["redrive"], ["redrive", "--dry-run"]])
def test_what_a_killed_run_left_hidden_is_told(aws: Any, sqs: Any, run: Run, calls: Calls, command: list[str]) -> None:
    for event in keep(aws, story("a", range(1, 25))):
        leave(sqs, "projection-dlq", body(event))
    calls.after = interrupting(2, at_once=True)
    assert run("dead-letters", "list").code == 130
    calls.after = None
    assert waiting(sqs, "projection-dlq") == (15, 10)

    before = datetime.now(UTC)
    result = run("dead-letters", *command, "--json")

    assert result.code == 1
    assert len(result.json["letters"]) == 15
    (hidden,) = result.json["hidden"]
    assert (hidden["queue"], hidden["count"]) == ("projection", 10)
    assert 300 <= (datetime.fromisoformat(hidden["until"]) - before.replace(microsecond=0)).total_seconds() < 360
    assert "10 more in projection are hidden until" in result.error


def test_a_message_that_may_be_hidden_is_not_called_absent(aws: Any, sqs: Any, run: Run) -> None:
    hidden, shown = leave(sqs, "projection-dlq", "{}"), leave(sqs, "delivery-dlq", "{}")
    sqs.receive_message(QueueUrl=url("projection-dlq"), VisibilityTimeout=100)

    assert "or it is among 1 that are hidden" in run("dead-letters", "redrive", "--message", hidden).error
    assert run("dead-letters", "redrive", "--message", shown, "--dry-run", "--json").json["hidden"] == []


def test_letters_that_are_held_for_long_stay_hidden_and_all_are_seen(aws: Any, sqs: Any, calls: Calls) -> None:
    ids = {leave(sqs, "projection-dlq", str(number)) for number in range(45)}
    moments = (NOON + timedelta(seconds=100 * number) for number in count())

    with held(sqs, url("projection-dlq"), "projection", now=lambda: next(moments)) as holding:
        assert holding.letters.keys() == ids
        renewed = calls.to("ChangeMessageVisibilityBatch")
        assert {entry["VisibilityTimeout"] for call in renewed for entry in call["Entries"]} == {HIDDEN_SECONDS}
        assert len(renewed) == 2 + 4, "after the second receive and the fourth: each time, half of their time is over"
        calls.made.clear()
        holding.renew()
        holding.renew()
        assert sum(len(call["Entries"]) for call in calls.to("ChangeMessageVisibilityBatch")) == 45

    assert waiting(sqs, "projection-dlq") == (45, 0)


def test_letters_that_come_again_are_not_the_end_of_the_queue(aws: Any, sqs: Any, run: Run, calls: Calls) -> None:
    for number in range(25):
        leave(sqs, "projection-dlq", str(number))
    receives = count(1)

    def show_again(operation: str, _: Any) -> None:
        if operation == "ReceiveMessage" and next(receives) == 2:  # as if the time of the first ten were over
            first = moto_queue("projection-dlq")
            for message in first[:10]:
                message.change_visibility(0)

    calls.before = show_again
    result = run("dead-letters", "list", "--queue", "projection", "--json")

    assert (result.code, len(result.json["letters"])) == (0, 25)


def moto_queue(name: str) -> Any:
    return sqs_backends[ACCOUNT]["us-east-1"].queues[name]._messages


def test_more_letters_than_sqs_hands_out_at_a_time_are_counted_and_what_was_had_is_moved(
    aws: Any, sqs: Any, run: Run, calls: Calls
) -> None:
    for event in keep(aws, story("a", range(1, 15))):
        leave(sqs, "projection-dlq", body(event))
    receives = count(1)

    def refuse(operation: str, _: Any) -> None:
        if operation == "ReceiveMessage" and next(receives) == 2:
            raise refusal("OverLimit", operation)

    calls.before = refuse
    result = run("dead-letters", "redrive", "--queue", "projection", "--json")

    assert (result.code, result.json["counts"]) == (1, {"moved": 10})
    assert "5 more in projection" in result.error


def test_the_first_ctrl_c_waits_and_the_second_does_not() -> None:
    reached: list[str] = []

    def wait() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append("after the first")
            signal.raise_signal(signal.SIGINT)
            reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert reached == ["after the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pytest.fail("it was heard")

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_people_read_a_line_for_each_letter(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    message_id = leave(sqs, "projection-dlq", body(event))

    result = run("dead-letters", "list", "--all")

    assert f"projection {message_id}" in result.out
    assert "a #1: not projected yet" in result.out
    assert "1 letter\n" in result.out


HUGE = {"invoice": Decimal("12345678901234567890123")}


def unpublishable(event: Event, reason: str = "MalformedDetail: told to") -> str:
    """The relay's letter about an event."""
    return Unpublishable(event.aggregate_id, event.sequence, reason).letter(event)


def test_an_event_that_the_bus_would_take_now_is_published(aws: Any, sqs: Any, run: Run, published: Published) -> None:
    events = keep(aws, story("a", [1, 2]))
    leave(sqs, "invocation-dlq", unpublishable(events[1]))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert letter["reason"] == "the bus would not take it: MalformedDetail: told to"
    assert letter["events"] == [{"aggregateId": "a", "sequence": 2}]
    assert (letter["remedy"], letter["hopeless"]) == ("publish its events again", False)

    assert run("dead-letters", "redrive", "--aggregate", "a").code == 0
    assert published() == [("a", 2)]
    assert waiting(sqs, "invocation-dlq") == (0, 0)


def test_an_event_that_the_bus_refuses_again_stays_a_letter(aws: Any, sqs: Any, run: Run) -> None:
    (event,) = keep(aws, story("a", []))
    leave(sqs, "invocation-dlq", unpublishable(event))

    def refuse(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        refused = {"ErrorCode": "MalformedDetail", "ErrorMessage": "still"}
        return {"FailedEntryCount": 1, "Entries": [refused]} if operation == "PutEvents" else proceed()

    with around_every_call(refuse):
        result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1})
    assert "#1 of a: the bus will never take it: MalformedDetail: still" in result.json["letters"][0]["problem"]
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_an_event_that_no_bus_carries_would_come_back_and_is_projected_if_forced(
    aws: Any, sqs: Any, run: Run, published: Published, *, handlers: Callable[[str], ModuleType]
) -> None:
    events = story("a", [1])
    poison = older(events, 5, note="é\uffff", **HUGE)
    events = keep(aws, [*events, poison])
    assert project(handlers, [body(event) for event in events[:2]]) == []
    leave(sqs, "invocation-dlq", unpublishable(poison, "detail.EventData.invoice ..."))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]
    assert letter["hopeless"]
    assert "--force brings the projections up to it" in letter["reason"]
    assert run("dead-letters", "redrive", "--json").json["counts"] == {"skipped": 1}
    report = run("verify", "--grace", "0", "--json")
    assert (report.code, "row-behind" in report.out) == (1, True), "the row waits for the account's next event"

    assert run("dead-letters", "redrive", "--force").code == 0
    (poke,) = taken(sqs, "projection")
    assert poke.isascii()
    assert project(handlers, [poke]) == []
    assert rows(aws) == folded(events)
    assert published() == []
    assert waiting(sqs, "invocation-dlq") == (0, 0)


@pytest.mark.parametrize("note", ["\x01" * 190_000, "é" * 190_000], ids=["escaped in any JSON", "escaped as ASCII"])
def test_an_event_too_large_for_a_message_is_projected_if_forced(
    aws: Any, sqs: Any, run: Run, *, handlers: Callable[[str], ModuleType], note: str
) -> None:
    events = keep(aws, story("a", [1]))
    events.append(older(events, 5, note=note, **HUGE))
    aws.put_item(TableName=STORE, Item=to_item(events[2].record()))  # no command of today would get so far
    assert project(handlers, [body(event) for event in events[:2]]) == []
    leave(sqs, "invocation-dlq", unpublishable(events[2]))

    forced = run("dead-letters", "redrive", "--force", "--json")

    assert (forced.code, forced.json["counts"]) == (0, {"moved": 1})
    (poke,) = taken(sqs, "projection")
    assert len(poke) <= BATCH_BYTES
    assert project(handlers, [poke]) == []
    assert rows(aws) == folded(events)
    assert waiting(sqs, "invocation-dlq") == (0, 0)


def test_an_event_that_the_projection_takes_no_message_of_stays_a_letter_with_a_remedy(
    aws: Any, sqs: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = keep(aws, story("a", []))
    leave(sqs, "invocation-dlq", unpublishable(event))
    monkeypatch.setattr("handlers.store.event_bus.MAX_BYTES", 10)
    monkeypatch.setattr("handlers.upkeep.letters.diagnosis.BATCH_BYTES", 10)

    result = run("dead-letters", "redrive", "--force", "--json")

    assert (result.code, result.json["counts"]) == (1, {"skipped": 1})
    assert "verify --repair-read-model" in result.json["letters"][0]["reason"]
    assert waiting(sqs, "invocation-dlq") == (1, 0)


def test_an_event_that_the_store_lost_has_no_remedy(aws: Any, sqs: Any, run: Run) -> None:
    leave(sqs, "invocation-dlq", unpublishable(story("ghost", [])[0]))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert (letter["remedy"], letter["hopeless"]) == ("none known", True)
    assert "event 1 of ghost is not in the store" in letter["reason"]


def test_a_letter_about_an_event_under_an_id_that_no_command_takes_is_moved(
    aws: Any, sqs: Any, run: Run, published: Published
) -> None:
    (event,) = moved(story("a", []), "a\x01" + "é" * 300)
    aws.put_item(TableName=STORE, Item=to_item(event.record()))
    leave(sqs, "invocation-dlq", unpublishable(event))

    assert run("dead-letters", "redrive", "--aggregate", event.aggregate_id, "--json").json["counts"] == {"moved": 1}
    assert published() == [(event.aggregate_id, 1)]


@pytest.mark.parametrize(
    "about", [None, [], {"sequence": 1}, {"aggregateId": "", "sequence": 1}, {"aggregateId": "a", "sequence": "x"}]
)
def test_a_letter_of_that_form_that_says_nothing_is_named(sqs: Any, run: Run, about: Any) -> None:
    leave(sqs, "invocation-dlq", json.dumps({"unpublishable": about}))

    (letter,) = run("dead-letters", "list", "--json").json["letters"]

    assert letter["reason"].startswith("no invocation record")


@pytest.mark.parametrize("forgotten", [False, True])
def test_of_a_stretch_everything_is_published_but_what_the_bus_will_never_take(
    aws: Any, sqs: Any, run: Run, published: Published, *, calls: Calls, forgotten: bool
) -> None:
    events = story("a", [1])
    keep(aws, [*events, older(events, 5, **HUGE)])
    keep(aws, story("b", [1]))
    leave(sqs, "invocation-dlq", stretch(aws, 0, 4))
    if forgotten:
        calls.before = refusing("GetShardIterator", "TrimmedDataAccessException")

    result = run("dead-letters", "redrive", "--json")

    assert (result.code, result.json["counts"]) == (1, {"failed": 1})
    assert "all sent but 1: #3 of a: the bus will never take it" in result.json["letters"][0]["problem"]
    assert sorted(published()) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert waiting(sqs, "invocation-dlq") == (1, 0)

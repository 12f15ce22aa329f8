"""Pollers look when something arrives for them, and not because of what others get."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest

from local.engine import backends
from local.engine.changes import Changes
from local.engine.stream_source import MotoStream
from tests.local.conftest import Workshop
from tests.support import eventually

TELLS = "import telling\ndef handler(event, context): telling.tell(len(event['Records']))"
BUSY = 20
SOON = 3.0
"""Seconds: what a wake-up brings is there by then, and nothing else would have brought it."""


class Looks:
    """How often the source of each ARN was looked at by its poller."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: Counter[str] = Counter()
        look_at_queue, look_at_stream = backends.seconds_to_next_message, MotoStream.has_records

        def queue(arn: str) -> float | None:
            self.of[arn] += 1
            return look_at_queue(arn)

        def stream(source: MotoStream) -> bool:
            self.of[source._arn] += 1
            return look_at_stream(source)

        monkeypatch.setattr(backends, "seconds_to_next_message", queue)
        monkeypatch.setattr(MotoStream, "has_records", stream)

    def settled(self, arn: str) -> int:
        """The number when the poller has come to rest."""
        last = [self.of[arn]] * 3

        def rests() -> bool:
            last.append(self.of[arn])
            return last[-1] > 0 and len(set(last[-4:])) == 1

        eventually(rests)
        return self.of[arn]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_writing_to_a_table_makes_no_poller_of_another_look(workshop: Workshop, looks: Looks) -> None:
    tell = workshop.queue()
    function = workshop.function(TELLS, tell=tell)
    (_, quiet), (busy, busy_stream), (unread, _) = workshop.table(), workshop.table(), workshop.table()
    for stream in (quiet, busy_stream):
        workshop.map(stream, function, StartingPosition="TRIM_HORIZON", BatchSize=1)
    before = looks.settled(quiet)

    for number in range(BUSY):
        workshop.put(busy, "a", number)
        workshop.put(unread, "a", number)
    assert workshop.told(tell, BUSY) == [1] * BUSY

    assert looks.of[quiet] == before
    assert (
        looks.settled(busy_stream) <= 2 + BUSY
    )  # a look an arrival at most, though another table was written as often


def test_sending_to_a_queue_makes_no_poller_of_another_look(workshop: Workshop, looks: Looks) -> None:
    tell, quiet, busy = workshop.queue(), workshop.queue(), workshop.queue()
    quiet_arn, busy_arn = workshop.queue_arn(quiet), workshop.queue_arn(busy)
    function = workshop.function(TELLS, tell=tell)
    for arn in (quiet_arn, busy_arn):
        workshop.map(arn, function, BatchSize=1)
    before = looks.settled(quiet_arn)

    for number in range(BUSY):
        workshop.sqs.send_message(QueueUrl=busy, MessageBody=str(number))
    assert workshop.told(tell, BUSY) == [1] * BUSY

    assert looks.of[quiet_arn] == before


def test_a_message_that_a_topic_sends_is_noticed(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    workshop.map(workshop.queue_arn(source), workshop.function(TELLS, tell=tell))
    sns = workshop.engine.client("sns")
    topic = sns.create_topic(Name=workshop.name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=workshop.queue_arn(source))

    sns.publish(TopicArn=topic, Message="x")

    assert workshop.told(tell, timeout=SOON) == [1]


def test_a_message_that_a_receive_moves_to_a_dead_letter_queue_is_noticed(workshop: Workshop) -> None:
    tell, dead = workshop.queue(), workshop.queue()
    redrive = {"deadLetterTargetArn": workshop.queue_arn(dead), "maxReceiveCount": 1}
    source = workshop.queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(redrive))
    workshop.map(workshop.queue_arn(dead), workshop.function(TELLS, tell=tell))
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")

    eventually(lambda: not workshop.sqs.receive_message(QueueUrl=source).get("Messages"))

    assert workshop.told(tell, timeout=SOON) == [1]


def _received(workshop: Workshop, url: str) -> str:
    (message,) = workshop.sqs.receive_message(QueueUrl=url)["Messages"]
    return str(message["ReceiptHandle"])


def _waiting_receive(workshop: Workshop, url: str) -> tuple[threading.Thread, list[Any]]:
    """A ReceiveMessage under way that waits up to 20 s, and what it will have got."""
    got: list[Any] = []
    looking = threading.Event()
    queue = workshop.queue_arn(url)
    look = backends.seconds_to_next_message

    def tells(arn: str) -> float | None:
        if arn == queue:
            looking.set()
        return look(arn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "seconds_to_next_message", tells)
        client = workshop.engine.client("sqs")

        def receive() -> None:
            got.extend(client.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

        thread = threading.Thread(target=receive)
        thread.start()
        assert looking.wait(10)
    return thread, got


def test_a_message_made_visible_sooner_is_noticed(workshop: Workshop) -> None:
    source = workshop.queue(VisibilityTimeout="300")
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
    handle = _received(workshop, source)
    waiting, got = _waiting_receive(workshop, source)

    workshop.sqs.change_message_visibility(QueueUrl=source, ReceiptHandle=handle, VisibilityTimeout=0)

    waiting.join(SOON)
    assert [message["Body"] for message in got] == ["x"]


def test_the_next_message_of_a_group_is_noticed_when_the_one_before_it_is_deleted(workshop: Workshop) -> None:
    name = workshop.name("queue") + ".fifo"
    source = workshop.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    for body in ("first", "second"):
        workshop.sqs.send_message(
            QueueUrl=source, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=f"{name}-{body}"
        )
    handle = _received(workshop, source)
    waiting, got = _waiting_receive(workshop, source)

    workshop.sqs.delete_message(QueueUrl=source, ReceiptHandle=handle)

    waiting.join(SOON)
    assert [message["Body"] for message in got] == ["second"]


def test_a_change_of_a_mapping_makes_its_own_poller_look(workshop: Workshop) -> None:
    tell, source = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    function = workshop.function(TELLS, tell=tell)
    mappings = [
        workshop.map(workshop.queue_arn(source), function, Enabled=False),
        workshop.map(stream, function, Enabled=False, StartingPosition="TRIM_HORIZON"),
    ]
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")
    workshop.put(table, "a", 1)
    assert workshop.stays_empty(tell)

    for mapping in mappings:
        workshop.lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)

    assert workshop.told(tell, 2, timeout=SOON) == [1, 1]


def test_a_change_between_look_and_wait_is_not_lost() -> None:
    changes = Changes()
    seen = changes.version("mine")
    changes.notify("mine")

    assert changes.wait("mine", seen, timeout=0)


def test_a_change_wakes_who_waits_for_it_and_no_one_else() -> None:
    changes = Changes()
    woken: list[str] = []
    waiting = {}
    for topic in ("mine", "other"):
        seen = changes.version(topic)
        waiting[topic] = threading.Thread(
            target=lambda topic=topic, seen=seen: woken.append(f"{topic} {changes.wait(topic, seen)}")
        )
        waiting[topic].start()

    changes.notify("mine")
    waiting["mine"].join(10)

    assert woken == ["mine True"]
    changes.close()
    waiting["other"].join(10)
    assert woken == ["mine True", "other False"]


def test_what_nobody_waits_for_is_not_kept() -> None:
    changes = Changes()
    for number in range(100):
        changes.notify(f"table-{number}")

    assert not changes._topics
    assert changes.version("table-1") == 0

"""While a function is at work, messages gather for the next batch: fewer invocations do the same work for less."""

from __future__ import annotations

import pytest

from local.engine import queue_poller
from tests.local.conftest import Workshop
from tests.support import eventually

# Tells what it got, and goes on when the first message of its queue `GATE` is sent.
WAITS = """
import os, telling
def handler(event, context):
    bodies = [r["body"] for r in event["Records"]]
    telling.tell(bodies)
    asked = {"QueueUrl": os.environ["GATE"], "WaitTimeSeconds": 1}
    while "first" in bodies and not telling.call("sqs", "AmazonSQS.ReceiveMessage", asked)[1].get("Messages"):
        pass
"""


@pytest.fixture
def queues(workshop: Workshop) -> tuple[str, str, str]:
    """URLs: what the function is fed from, where it tells, and what opens the gate."""
    source, tell, gate = workshop.queue(), workshop.queue(), workshop.queue()
    function = workshop.function(WAITS, tell=tell, Variables={"GATE": gate})
    workshop.map(workshop.queue_arn(source), function, BatchSize=10)
    return source, tell, gate


def test_what_comes_while_a_batch_is_at_work_is_a_batch(
    workshop: Workshop, queues: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_poller, "_GATHER_SECONDS", 60)
    source, tell, gate = queues
    workshop.sqs.send_message(QueueUrl=source, MessageBody="first")
    assert workshop.told(tell) == [["first"]]
    for body in "abc":
        workshop.sqs.send_message(QueueUrl=source, MessageBody=body)
    assert workshop.stays_empty(tell)
    workshop.sqs.send_message(QueueUrl=gate, MessageBody="go on")
    assert workshop.told(tell) == [["a", "b", "c"]]
    eventually(lambda: workshop.size(source) == 0)


def test_a_batch_that_takes_long_holds_up_no_other(workshop: Workshop, queues: tuple[str, str, str]) -> None:
    source, tell, gate = queues
    workshop.sqs.send_message(QueueUrl=source, MessageBody="first")
    assert workshop.told(tell) == [["first"]]
    workshop.sqs.send_message(QueueUrl=source, MessageBody="a")
    assert workshop.told(tell) == [["a"]]
    workshop.sqs.send_message(QueueUrl=gate, MessageBody="go on")
    eventually(lambda: workshop.size(source) == 0)

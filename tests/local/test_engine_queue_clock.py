"""Moto's queues read the clock as moto's own way of telling the time does, and no slower for each message there is."""

from __future__ import annotations

import time
from datetime import datetime
from unittest.mock import patch

from moto.core import utils

from local.engine import backends, queue_clock
from local.engine.backends import sqs_models
from local.engine.moto_handlers import Moto
from tests.local.calls import call

QUEUE = {"QueueUrl": "http://127.0.0.1:4566/123456789012/q"}


def test_it_tells_the_time_that_moto_would() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678_000)  # noqa: DTZ001 - moto's have no zone
    assert queue_clock._seconds(moment) == utils.unix_time(moment)
    assert queue_clock._milliseconds(moment) == utils.unix_time_millis(moment)
    before = time.time()
    assert before <= queue_clock._seconds() <= utils.unix_time() + 0.001
    assert before * 1000 <= queue_clock._milliseconds() <= utils.unix_time_millis() + 1


def test_no_date_is_made_for_a_message_that_waits() -> None:
    backends.reset()
    queue_clock.install()
    moto = Moto()
    moto.answer(call("sqs", "CreateQueue", {"QueueName": "q"}))
    with patch.object(utils, "utcfromtimestamp", side_effect=AssertionError("a date was made")):
        for _ in range(3):
            assert moto.answer(call("sqs", "SendMessage", {**QUEUE, "MessageBody": "m"})).status == 200
        assert b"Messages" in moto.answer(call("sqs", "ReceiveMessage", QUEUE)).body
    assert sqs_models.unix_time is queue_clock._seconds
    backends.reset()

"""What dies in the engine's background is missed, and begins again: a watchdog, a worker, a poller."""

from __future__ import annotations

import json
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import Engine, backends, invoke, queue_poller, stream_lane, stream_poller, targets
from local.engine.execution import Execution
from local.engine.watchdog import Watchdog
from tests.local.conftest import Workshop
from tests.support import eventually

PID = "import os\ndef handler(event, context): return os.getpid()"
KEYS = """
import telling
def handler(event, context): telling.tell([r['dynamodb']['Keys']['Id']['S'] for r in event['Records']])
"""
TELLS = "import telling\ndef handler(event, context): telling.tell(len(event['Records']))"


def _fails_once(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> threading.Event:
    """Lets the next call of a function fail in a way that nobody foresaw; the event tells that it has."""
    original, failed = getattr(where, name), threading.Event()

    def fail_once(*arguments: Any, **named: Any) -> Any:
        if failed.is_set():
            return original(*arguments, **named)
        failed.set()
        raise RuntimeError("injected")

    monkeypatch.setattr(where, name, fail_once)
    return failed


def test_an_invocation_without_a_watchdog_succeeds(engine: Engine, workshop: Workshop) -> None:
    """Each starts a worker, which the watchdog is told of."""
    watchdog = _watchdog_of(engine)
    for _ in range(3):
        os.kill(watchdog.pid, signal.SIGKILL)
        assert workshop.invoke(workshop.function(PID))["Payload"] > 0


def test_an_idle_worker_that_is_killed_is_nobodys_failed_invocation(workshop: Workshop) -> None:
    function = workshop.function(PID)
    for _ in range(3):
        answer = workshop.invoke(function)
        assert "FunctionError" not in answer
        worker = int(answer["Payload"])
        os.kill(worker, signal.SIGKILL)
        eventually(partial(_has_ended, worker))


def test_an_invocation_that_breaks_in_the_engine_leaves_its_place_to_the_next(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoke, "MAX_WORKERS", 1)
    function = workshop.function(PID)
    with monkeypatch.context() as patch:
        patch.setattr(Execution, "run", None)
        with pytest.raises(ClientError):
            workshop.invoke(function)

    assert workshop.invoke(function)["Payload"] > 0


def test_an_asynchronous_invocation_outlives_a_failure_of_the_engine(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = workshop.queue()
    function = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)
    failed = _fails_once(monkeypatch, Execution, "run")

    workshop.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='"x"')

    assert workshop.told(tell) == ["x"]
    assert failed.is_set()


def test_an_event_for_a_target_outlives_a_failure_of_the_engine(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, queue = workshop.name("bus"), workshop.queue()
    workshop.events.create_event_bus(Name=bus)
    workshop.events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["shop"]}')
    target = {"Id": "queue", "Arn": workshop.queue_arn(queue)}
    workshop.events.put_targets(Rule="all", EventBusName=bus, Targets=[target])
    failed = _fails_once(monkeypatch, targets, "target_input")

    entry = {"Source": "shop", "DetailType": "Ordered", "Detail": '{"n": 1}', "EventBusName": bus}
    workshop.events.put_events(Entries=[entry])

    assert workshop.told(queue)[0]["detail"] == {"n": 1}
    assert failed.is_set()


def test_a_queue_is_read_on_after_its_poller_failed(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    tell, source = workshop.queue(), workshop.queue()
    failed = _fails_once(monkeypatch, backends, "seconds_to_next_message")
    workshop.map(workshop.queue_arn(source), workshop.function(TELLS, tell=tell))
    workshop.sqs.send_message(QueueUrl=source, MessageBody="x")

    assert workshop.told(tell) == [1]
    assert failed.is_set()


@pytest.mark.parametrize("name", ["_shaped", "_seconds"])
def test_a_stream_is_read_on_where_its_reader_failed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON")
    failed = _fails_once(monkeypatch, stream_poller, name)
    workshop.put(table, "a", 1)

    assert workshop.told(tell) == [1]
    assert failed.is_set()


@pytest.mark.parametrize(("where", "name"), [(stream_lane, "_payload"), (stream_lane.Lane, "_drop_expired")])
def test_a_batch_of_a_stream_is_not_lost_with_the_lane_that_had_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    workshop.map(stream, workshop.function(TELLS, tell=tell), StartingPosition="TRIM_HORIZON")
    failed = _fails_once(monkeypatch, where, name)
    workshop.put(table, "a", 1)

    assert workshop.told(tell) == [1]
    assert failed.is_set()


def _always_fails_for(where: Any, name: str, poison: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a function fail, each time, where its arguments hold this text."""
    original = getattr(where, name)

    def fail(*arguments: Any) -> Any:
        if poison in repr(arguments):
            raise RuntimeError("injected")
        return original(*arguments)

    monkeypatch.setattr(where, name, fail)


def test_a_record_that_can_never_be_read_is_left_out_told_and_holds_nothing_up(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = workshop.queue()
    table, stream = workshop.table()
    mapping = workshop.map(stream, workshop.function(KEYS, tell=tell), StartingPosition="TRIM_HORIZON")
    _always_fails_for(stream_poller, "_shaped", "poison", monkeypatch)

    workshop.put(table, "poison", 1)
    eventually(lambda: "1 records" in workshop.lambda_.get_event_source_mapping(UUID=mapping)["LastProcessingResult"])
    workshop.put(table, "a", 1)

    assert workshop.told(tell) == [["a"]]


def test_a_batch_that_can_never_be_handed_over_is_given_up_like_one_that_fails(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    table, stream = workshop.table()
    _always_fails_for(stream_lane, "_payload", "poison", monkeypatch)
    workshop.put(table, "poison", 1)
    workshop.put(table, "a", 1)
    workshop.map(
        stream,
        workshop.function(KEYS, tell=tell),
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )

    assert workshop.told(tell) == [["a"]]
    (letter,) = workshop.told(failures)
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_message_that_can_never_be_handed_over_comes_again_and_holds_nothing_up(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, dead = workshop.queue(), workshop.queue()
    redrive = {"deadLetterTargetArn": workshop.queue_arn(dead), "maxReceiveCount": 2}
    source = workshop.queue(VisibilityTimeout="1", RedrivePolicy=json.dumps(redrive))
    _always_fails_for(queue_poller, "_shaped", "poison", monkeypatch)
    entries = [{"Id": body, "MessageBody": body} for body in ("poison", "a", "b")]
    workshop.sqs.send_message_batch(QueueUrl=source, Entries=entries)
    code = "import telling\ndef handler(event, context): telling.tell([r['body'] for r in event['Records']])"
    workshop.map(workshop.queue_arn(source), workshop.function(code, tell=tell), BatchSize=10)

    assert sorted(workshop.told(tell)[0]) == ["a", "b"]
    assert [message["Body"] for message in workshop.take(dead)] == ["poison"]


def _watchdog_of(engine: Engine) -> Watchdog:
    running = engine._running  # nobody else is to know of it
    assert running is not None
    return running._watchdog


def _has_ended(process: int) -> bool:
    """Whether it is gone with all its threads, or a zombie that its parent has not asked for yet."""
    folder = Path(f"/proc/{process}")
    try:
        threads = [each.name for each in (folder / "task").iterdir()]
        return threads == [folder.name] and (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True

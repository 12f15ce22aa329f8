"""Interception of API calls, and the count of them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from local.engine import Engine, InterceptedRequest, Response, faults
from tests.local.conftest import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

ITEM = {"Id": {"S": "a"}, "Number": {"N": "1"}}


@pytest.fixture
def impatient(engine: Engine) -> Any:
    """A DynamoDB client that tries once and waits for a second."""
    return engine.client("dynamodb", Config(retries={"total_max_attempts": 1}, read_timeout=1))


def _items(workshop: Workshop, table: str) -> int:
    return int(workshop.dynamodb.scan(TableName=table)["Count"])


def test_an_error_comes_before_any_effect(engine: Engine, workshop: Workshop, impatient: Any) -> None:
    table, _ = workshop.table()

    with engine.intercept("dynamodb", "PutItem", faults.error("ProvisionedThroughputExceededException")):
        with pytest.raises(impatient.exceptions.ProvisionedThroughputExceededException):
            impatient.put_item(TableName=table, Item=ITEM)
        assert _items(workshop, table) == 0  # other operations pass
    impatient.put_item(TableName=table, Item=ITEM)

    assert _items(workshop, table) == 1


def test_a_fault_can_be_limited_to_the_first_calls(engine: Engine, workshop: Workshop, impatient: Any) -> None:
    table, _ = workshop.table()

    with engine.intercept("dynamodb", "PutItem", faults.error("InternalServerError", 500, times=2)):
        for _ in range(2):
            with pytest.raises(ClientError, match="InternalServerError"):
                impatient.put_item(TableName=table, Item=ITEM)
        impatient.put_item(TableName=table, Item=ITEM)


def test_a_lost_answer_has_had_its_effect(engine: Engine, workshop: Workshop, impatient: Any) -> None:
    table, _ = workshop.table()

    with (
        engine.intercept("dynamodb", "PutItem", faults.lost_answer()),
        pytest.raises(ConnectionClosedError),
    ):
        impatient.put_item(TableName=table, Item=ITEM)

    assert _items(workshop, table) == 1


def test_an_error_after_the_effect(engine: Engine, workshop: Workshop, impatient: Any) -> None:
    table, _ = workshop.table()

    with (
        engine.intercept("dynamodb", "PutItem", faults.error_after_effect()),
        pytest.raises(ClientError, match="InternalServerError"),
    ):
        impatient.put_item(TableName=table, Item=ITEM)

    assert _items(workshop, table) == 1


def test_a_call_can_hang_until_its_caller_gives_up(engine: Engine, workshop: Workshop, impatient: Any) -> None:
    table, _ = workshop.table()

    with engine.intercept("dynamodb", "PutItem", faults.hang()):
        with pytest.raises(ReadTimeoutError):
            impatient.put_item(TableName=table, Item=ITEM)
        assert _items(workshop, table) == 0


def test_the_end_of_the_interception_frees_what_hangs(engine: Engine, workshop: Workshop) -> None:
    table, _ = workshop.table()
    patient = engine.client("dynamodb", Config(retries={"total_max_attempts": 1}, read_timeout=60))

    with ThreadPoolExecutor(1) as pool:
        before = engine.calls["dynamodb", "PutItem"]
        with engine.intercept("dynamodb", "PutItem", faults.hang()):
            hanging = pool.submit(patient.put_item, TableName=table, Item=ITEM)
            while engine.calls["dynamodb", "PutItem"] == before:
                time.sleep(0.01)
        with pytest.raises(ConnectionClosedError):
            hanging.result(10)


def test_a_call_can_be_slow(engine: Engine, workshop: Workshop) -> None:
    table, _ = workshop.table()
    began = time.monotonic()

    with engine.intercept("dynamodb", "PutItem", faults.delay(0.3)):
        workshop.put(table, "a", 1)

    assert time.monotonic() - began >= 0.3


def test_some_entries_of_put_events_can_fail(engine: Engine, workshop: Workshop) -> None:
    inbox, bus = workshop.queue(), workshop.name("bus")
    workshop.events.create_event_bus(Name=bus)
    workshop.events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["shop"]}')
    workshop.events.put_targets(
        Rule="all", EventBusName=bus, Targets=[{"Id": "inbox", "Arn": workshop.queue_arn(inbox)}]
    )
    entry = {"Source": "shop", "DetailType": "Ordered", "EventBusName": bus}
    entries = [{**entry, "Detail": json.dumps({"n": number})} for number in range(4)]

    odd = faults.partial_put_events(lambda entry: json.loads(entry["Detail"])["n"] % 2 == 1)
    with engine.intercept("events", "PutEvents", odd):
        answer = workshop.events.put_events(Entries=entries)

    assert answer["FailedEntryCount"] == 2
    assert ["ErrorCode" in result for result in answer["Entries"]] == [False, True, False, True]
    assert sorted(event["detail"]["n"] for event in workshop.told(inbox, 2)) == [0, 2]


def test_calls_of_functions_are_intercepted_and_counted(engine: Engine, workshop: Workshop) -> None:
    table, _ = workshop.table()
    name = workshop.function(
        f"""
        import telling
        def handler(event, context):
            item = {ITEM!r}
            return telling.call("dynamodb", "DynamoDB_20120810.PutItem", {{"TableName": "{table}", "Item": item}})
        """
    )
    seen: list[tuple[str, str]] = []

    def watch(request: InterceptedRequest) -> Response | None:
        seen.append((request.service, request.operation))
        return request.error("ThrottlingException") if len(seen) == 1 else None

    before = engine.calls["dynamodb", "PutItem"]
    with engine.intercept("dynamodb", "PutItem", watch):
        status, content = workshop.invoke(name)["Payload"]
        assert (status, content["__type"]) == (400, "ThrottlingException")
        assert workshop.invoke(name)["Payload"][0] == 200

    assert seen == [("dynamodb", "PutItem")] * 2
    assert engine.calls["dynamodb", "PutItem"] - before == 2


def test_errors_have_the_form_of_each_protocol(engine: Engine, workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")
    calls: dict[tuple[str, str], Callable[[Config], Any]] = {
        ("sns", "ListTopics"): lambda config: engine.client("sns", config).list_topics(),
        ("lambda", "GetFunction"): lambda config: engine.client("lambda", config).get_function(FunctionName=name),
        ("sqs", "ListQueues"): lambda config: engine.client("sqs", config).list_queues(),
        ("iam", "ListRoles"): lambda config: engine.client("iam", config).list_roles(),
        ("cloudwatch", "DescribeAlarms"): lambda config: engine.client("cloudwatch", config).describe_alarms(),
    }
    once = Config(retries={"total_max_attempts": 1})
    for (service, operation), call in calls.items():
        with (
            engine.intercept(service, operation, faults.error("TryLater", 503, "not now")),
            pytest.raises(ClientError) as raised,
        ):
            call(once)
        assert raised.value.response["Error"]["Code"] == "TryLater", service
        assert raised.value.response["Error"]["Message"] == "not now", service


def test_what_moto_does_not_have_is_named_and_not_retried(engine: Engine) -> None:
    events = engine.client("events")
    before = engine.calls["events", "UpdateEventBus"]

    with pytest.raises(ClientError, match="events UpdateEventBus"):
        events.update_event_bus(Name="default")

    assert engine.calls["events", "UpdateEventBus"] - before == 1


def test_every_answer_says_when_it_was_given(workshop: Workshop) -> None:
    """As on AWS, whether a seam answers, moto does, or the call fails: clocks are compared by it."""
    table, _ = workshop.table()
    before = datetime.now(UTC).replace(microsecond=0)
    with pytest.raises(ClientError) as caught:
        workshop.dynamodb.get_item(TableName="none", Key={"Id": {"S": "a"}, "Number": {"N": "1"}})
    answers = [
        workshop.dynamodb.get_item(TableName=table, Key={"Id": {"S": "a"}, "Number": {"N": "1"}}),
        workshop.sqs.list_queues(),
        workshop.lambda_.list_functions(),
        caught.value.response,
    ]

    for answer in answers:
        told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        assert before <= told <= datetime.now(UTC)

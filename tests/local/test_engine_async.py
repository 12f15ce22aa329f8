"""Asynchronous invocation: retries, destinations, dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.conftest import Workshop

FAILS = """
import telling
def handler(event, context):
    telling.tell(context.aws_request_id)
    raise ValueError("no good")
"""


def _invoke(workshop: Workshop, name: str, payload: str = '{"n": 1}') -> str:
    answer = workshop.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return str(answer["ResponseMetadata"]["RequestId"])


def _set(workshop: Workshop, name: str, **settings: Any) -> None:
    workshop.lambda_.put_function_event_invoke_config(FunctionName=name, **settings)


def test_an_event_is_accepted_at_once_and_handled_later(workshop: Workshop) -> None:
    tell = workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)

    _invoke(workshop, name, '{"amount": 100.10}')

    assert workshop.take(tell)[0]["Body"] == '{"amount": 100.1}'  # the function's own json module read it


def test_a_failure_is_tried_twice_more_under_the_same_request_id(workshop: Workshop) -> None:
    tell, dead = workshop.queue(), workshop.queue()
    name = workshop.function(FAILS, tell=tell, DeadLetterConfig={"TargetArn": workshop.queue_arn(dead)})

    request_id = _invoke(workshop, name)

    (message,) = workshop.take(dead)
    assert workshop.told(tell, 3) == [request_id] * 3
    assert message["Body"] == '{"n": 1}'
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no good"}
    assert message["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"


@pytest.mark.parametrize("retries", [0, 1])
def test_the_number_of_retries_is_a_setting(workshop: Workshop, retries: int) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    name = workshop.function(FAILS, tell=tell)
    _set(
        workshop,
        name,
        MaximumRetryAttempts=retries,
        DestinationConfig={"OnFailure": {"Destination": workshop.queue_arn(failures)}},
    )

    request_id = _invoke(workshop, name)

    (record,) = workshop.told(failures)
    assert workshop.told(tell, retries + 1) == [request_id] * (retries + 1)
    assert workshop.stays_empty(tell)
    assert record.pop("timestamp").endswith("Z")
    payload = record.pop("responsePayload")
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no good")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": retries + 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }


def test_the_latest_settings_count(workshop: Workshop) -> None:
    name = workshop.function("def handler(event, context): pass")
    _set(workshop, name, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60)
    _set(workshop, name, MaximumRetryAttempts=1)
    found = workshop.lambda_.get_function_event_invoke_config(FunctionName=name)
    assert found["MaximumRetryAttempts"] == 1
    assert "MaximumEventAgeInSeconds" not in found

    workshop.lambda_.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=120)
    found = workshop.lambda_.get_function_event_invoke_config(FunctionName=name)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 120)


def test_success_goes_to_its_destination_number_for_number(workshop: Workshop) -> None:
    successes = workshop.queue()
    name = workshop.function("def handler(event, context): return {'ok': True}")
    _set(workshop, name, DestinationConfig={"OnSuccess": {"Destination": workshop.queue_arn(successes)}})

    _invoke(workshop, name, '{"amount": 100.10}')

    body = workshop.take(successes)[0]["Body"]
    assert '"requestPayload":{"amount":100.10}' in body
    record = json.loads(body)
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"ok": True}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}


def test_a_result_that_is_no_json_is_told_as_text_and_not_lost(workshop: Workshop) -> None:
    successes = workshop.queue()
    name = workshop.function("def handler(event, context): return float('nan')")
    _set(workshop, name, DestinationConfig={"OnSuccess": {"Destination": workshop.queue_arn(successes)}})

    _invoke(workshop, name)

    (record,) = workshop.told(successes)
    assert record["responsePayload"] == "NaN"


def test_a_function_can_be_the_destination(workshop: Workshop) -> None:
    tell = workshop.queue()
    receiver = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)
    name = workshop.function("def handler(event, context): return 'done'")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{receiver}"
    _set(workshop, name, DestinationConfig={"OnSuccess": {"Destination": arn}})

    _invoke(workshop, name)

    assert workshop.told(tell)[0]["responsePayload"] == "done"


def test_a_topic_can_be_the_destination(workshop: Workshop) -> None:
    sns, inbox = workshop.engine.client("sns"), workshop.queue()
    topic = sns.create_topic(Name=workshop.name("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=workshop.queue_arn(inbox))
    name = workshop.function("def handler(event, context): return 'done'")
    _set(workshop, name, DestinationConfig={"OnSuccess": {"Destination": topic}})

    _invoke(workshop, name)

    assert json.loads(workshop.told(inbox)[0]["Message"])["responsePayload"] == "done"


def test_a_bus_can_be_the_destination(workshop: Workshop) -> None:
    inbox, bus = workshop.queue(), workshop.name("bus")
    arn = workshop.events.create_event_bus(Name=bus)["EventBusArn"]
    workshop.events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["lambda"]}')
    workshop.events.put_targets(
        Rule="all", EventBusName=bus, Targets=[{"Id": "inbox", "Arn": workshop.queue_arn(inbox)}]
    )
    name = workshop.function("def handler(event, context): return 'done'")
    _set(workshop, name, DestinationConfig={"OnSuccess": {"Destination": arn}})

    _invoke(workshop, name)

    event = workshop.told(inbox)[0]
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["detail"]["responsePayload"] == "done"


def test_a_throttled_event_waits_and_does_not_count_as_an_attempt(workshop: Workshop) -> None:
    tell, failures = workshop.queue(), workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)
    destination = {"OnFailure": {"Destination": workshop.queue_arn(failures)}}
    _set(workshop, name, MaximumRetryAttempts=0, DestinationConfig=destination)
    workshop.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    _invoke(workshop, name)
    assert workshop.stays_empty(tell)

    workshop.lambda_.delete_function_concurrency(FunctionName=name)

    assert workshop.told(tell) == [{"n": 1}]
    assert workshop.size(failures) == 0


def test_many_events_are_all_handled(workshop: Workshop) -> None:
    tell = workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell(event['n'])", tell=tell)

    for number in range(40):
        _invoke(workshop, name, json.dumps({"n": number}))

    assert sorted(workshop.told(tell, 40)) == list(range(40))

"""What services call of one another in process comes to what boto3's client makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal import mock_random

from local.engine import aws, backends, faults
from local.engine.aws import JsonClient, ServiceClients
from local.engine.gateway import Gateway
from local.engine.principals import Session

QUEUE = {"QueueUrl": "https://sqs.amazonaws.com/123456789012/q"}
_ATTRIBUTES = {"a": {"DataType": "String", "StringValue": "é"}, "n": {"DataType": "Number", "StringValue": "1"}}
_BLOB = {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
_GROUP = {"logGroupName": "g", "logStreamName": "s"}

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"VisibilityTimeout": "0"}}),
    ("sqs", "send_message", {**QUEUE, "MessageBody": "text", "MessageAttributes": _ATTRIBUTES}),
    ("sqs", "send_message", {**QUEUE, "MessageBody": "text", "MessageAttributes": _BLOB}),
    ("sqs", "receive_message", {**QUEUE, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]}),
    ("sqs", "receive_message", {**QUEUE, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}),
    ("sqs", "delete_message_batch", {**QUEUE, "Entries": [{"Id": "0", "ReceiptHandle": "none"}]}),
    ("sqs", "purge_queue", QUEUE),
    ("sqs", "receive_message", QUEUE),
    ("sqs", "send_message", {"QueueUrl": "https://sqs.amazonaws.com/123456789012/none", "MessageBody": "text"}),
    ("sqs", "send_message", {**QUEUE, "MessageBody": ""}),
    ("sqs", "get_queue_attributes", {**QUEUE, "AttributeNames": ["All"]}),
    ("logs", "create_log_group", {"logGroupName": "g"}),
    ("logs", "create_log_stream", _GROUP),
    ("logs", "put_log_events", {**_GROUP, "logEvents": [{"timestamp": 1, "message": "m"}]}),
    ("logs", "put_log_events", {**_GROUP, "logGroupName": "none", "logEvents": []}),
    ("logs", "describe_log_groups", {}),
    ("events", "describe_rule", {"Name": "none"}),
    ("glue", "create_registry", {"RegistryName": "r"}),
    ("glue", "get_schema_version", {"SchemaVersionId": "none"}),
]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    backends.reset()
    yield Gateway()
    backends.reset()


def clients(gateway: Gateway) -> ServiceClients:
    return ServiceClients(gateway, "lambda.amazonaws.com", "http://127.0.0.1:4566")


def client_of(gateway: Gateway, service: str) -> JsonClient:
    found = clients(gateway).get(service, f"arn:aws:{service}:us-east-1::")
    assert isinstance(found, JsonClient)
    return found


def outcome(client: Any, method: str, arguments: dict[str, Any]) -> Any:
    try:
        answer = getattr(client, method)(**arguments)
    except ClientError as error:
        told = error.response
        return "error", told["Error"], error.operation_name, told["ResponseMetadata"]["HTTPStatusCode"]
    for name in ("RetryAttempts", "MaxAttemptsReached"):  # by boto3, which here never tries again
        answer["ResponseMetadata"].pop(name, None)
    return answer


def outcomes(gateway: Gateway, *, by_boto3: bool) -> list[Any]:
    backends.reset()
    mock_random.seed(1)
    found = []
    for service, method, arguments in CALLS:
        client: Any = client_of(gateway, service)
        found.append(_timeless(outcome(client._client if by_boto3 else client, method, arguments)))
    return found


def _timeless(value: Any) -> Any:
    """Without the times of this run, and the lengths of answers that tell them with more or fewer digits."""
    if isinstance(value, dict):
        kept = (name for name in value if "time" not in name.lower() and name != "content-length")
        return {name: _timeless(value[name]) for name in kept}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def test_each_call_comes_to_what_boto3_makes_of_it(gateway: Gateway) -> None:
    by_boto3 = outcomes(gateway, by_boto3=True)
    for asked, ours, theirs in zip(CALLS, outcomes(gateway, by_boto3=False), by_boto3, strict=True):
        assert (asked, ours) == (asked, theirs)


@pytest.mark.parametrize(
    "fault",
    [faults.error("ThrottlingException", 400), faults.error_after_effect(status=500), faults.lost_answer()],
    ids=["error", "error after effect", "lost answer"],
)
def test_faults_reach_such_calls_as_they_reach_boto3(gateway: Gateway, fault: Any) -> None:
    client = client_of(gateway, "sqs")
    client.create_queue(QueueName="q")
    with gateway.intercept("sqs", "SendMessage", fault):
        ours, theirs = (
            outcome(each, "send_message", {**QUEUE, "MessageBody": "m"}) for each in (client, client._client)
        )
    assert ours == theirs
    assert ours[0] == "error"


def test_such_calls_are_not_counted_and_go_by_the_name_of_the_service(gateway: Gateway) -> None:
    seen = []
    with gateway.intercept("sqs", "ListQueues", lambda request: seen.append(request.principal)):
        client_of(gateway, "sqs").list_queues()
    assert (seen, sum(gateway.calls.values())) == (["lambda.amazonaws.com"], 0)


def test_such_calls_are_made_in_the_session_that_they_are_for(gateway: Gateway) -> None:
    client = clients(gateway).get("sqs", "arn:aws:sqs:us-east-1::", Session("arn:aws:iam::123456789012:role/none", "f"))
    assert isinstance(client, JsonClient)
    with pytest.raises(ClientError, match="assumed-role/none/f is not authorized to perform: sqs:sendmessage"):
        client.send_message(**QUEUE, MessageBody="m")


def test_services_of_another_protocol_are_called_by_boto3(gateway: Gateway) -> None:
    assert not isinstance(clients(gateway).get("sns", "arn:aws:sns:us-east-1::"), JsonClient)
    assert aws.client("sqs", "http://127.0.0.1:1", "us-east-1").meta.region_name == "us-east-1"

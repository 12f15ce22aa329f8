"""What AWS refuses is refused, where moto takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from local.engine import backends
from local.engine.api import ApiError
from local.engine.bus import EventBus
from local.engine.event_patterns import EventPatterns
from local.engine.gateway import Gateway
from local.engine.lambda_api import check_invocation
from local.engine.limits import Limits
from local.engine.message_limits import MessageLimits
from local.engine.refusals import Refusals
from local.engine.streams_api import StreamsApi
from local.engine.transactions import Transactions
from tests.local.calls import call
from tests.local.in_process import Clients, aws, refusal

QUEUE = {"QueueUrl": "http://127.0.0.1/123456789012/q"}
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:q"
ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.fixture(scope="module")
def client() -> Iterator[Clients]:
    with aws(Limits) as clients:
        clients("sqs").create_queue(QueueName="q", Attributes={"VisibilityTimeout": "43200", "DelaySeconds": "0"})
        clients("logs").create_log_group(logGroupName="g")
        clients("logs").create_log_stream(logGroupName="g", logStreamName="s")
        yield clients


@pytest.fixture(scope="module")
def every_seam() -> Iterator[Gateway]:
    gateway = Gateway()
    for seam in (Limits, MessageLimits, Refusals, StreamsApi, Transactions, EventPatterns):
        seam(gateway)
    EventBus(gateway, SimpleNamespace())  # type: ignore[arg-type] # it delivers nothing
    yield gateway
    backends.reset()


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": ""}, "MissingParameter"),
        ("send_message", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("send_message_batch", {"Entries": [{"Id": "1", "MessageBody": ""}]}, "MissingParameter"),
        ("change_message_visibility", {"ReceiptHandle": "r", "VisibilityTimeout": -1}, "InvalidParameterValue"),
        ("set_queue_attributes", {"Attributes": {"VisibilityTimeout": "43201"}}, "InvalidAttributeValue"),
        ("set_queue_attributes", {"Attributes": {"VisibilityTimeout": "long"}}, "InvalidAttributeValue"),
        ("set_queue_attributes", {"Attributes": {"VisibilityTimeout": "\u0665"}}, "InvalidAttributeValue"),
        ("set_queue_attributes", {"Attributes": {"Bogus": "1"}}, "InvalidAttributeName"),
        ("send_message_batch", {"Entries": ["x"]}, "SerializationException"),
    ],
)
def test_what_sqs_refuses(client: Clients, operation: str, asked: dict[str, Any], code: str) -> None:
    assert refusal(getattr(client("sqs"), operation), **QUEUE, **asked)[0].endswith(code)
    names = ["VisibilityTimeout", "ApproximateNumberOfMessages"]
    told = client("sqs").get_queue_attributes(**QUEUE, AttributeNames=names)["Attributes"]
    assert told == {"VisibilityTimeout": "43200", "ApproximateNumberOfMessages": "0"}


@pytest.mark.parametrize("receives", [0, 1001, "many"])
def test_a_message_is_received_before_it_is_dead(client: Clients, receives: Any) -> None:
    policy = json.dumps({"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": receives})
    for call_, asked in ((client("sqs").set_queue_attributes, QUEUE), (client("sqs").create_queue, {"QueueName": "r"})):
        code, message = refusal(call_, **asked, Attributes={"RedrivePolicy": policy})
        assert code.endswith("InvalidParameterValue")
        assert f"maxReceiveCount: {receives}" in message
    assert [url.rsplit("/", 1)[-1] for url in client("sqs").list_queues()["QueueUrls"]] == ["q"]


def test_a_bus_goes_after_its_rules(client: Clients) -> None:
    events = client("events")
    bus = events.create_event_bus(Name="bus")["EventBusArn"]
    events.put_rule(Name="rule", EventBusName="bus", EventPattern='{"source": ["x"]}')
    events.create_archive(ArchiveName="archive", EventSourceArn=bus)
    assert refusal(events.delete_event_bus, Name="bus")[0] == "ValidationException"
    assert [rule["Name"] for rule in events.list_rules(EventBusName="bus", NamePrefix="rule")["Rules"]] == ["rule"]
    events.delete_rule(Name="rule", EventBusName="bus")
    events.delete_event_bus(Name="bus")
    assert [found["Name"] for found in events.list_event_buses()["EventBuses"]] == ["default"]


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        (
            {"MemorySize": 127},
            "ValidationException",
            "'memorySize' failed to satisfy constraint: Member must have value greater",
        ),
        ({"MemorySize": 10_241}, "ValidationException", "less than or equal to 10240"),
        ({"Timeout": 0}, "ValidationException", "'timeout' failed"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}}, "InvalidParameterValueException", "AWS_REGION"),
        (
            {"Environment": {"Variables": {"A": "ä" * 2_045}}},
            "InvalidParameterValueException",
            "exceeded the 4KB limit",
        ),
    ],
)
def test_what_lambda_refuses_of_a_functions_settings(
    client: Clients, settings: dict[str, Any], code: str, told: str
) -> None:
    lambda_ = client("lambda")
    made = {"FunctionName": "f", "Runtime": "python3.11", "Role": ROLE, "Handler": "m.h", "Code": {"ZipFile": b""}}
    for call_, asked in (
        (lambda_.create_function, made),
        (lambda_.update_function_configuration, {"FunctionName": "f"}),
    ):
        refused = refusal(call_, **asked, **settings)
        assert refused[0] == code
        assert told in refused[1]
    assert lambda_.list_functions()["Functions"] == []


def test_a_function_reserves_what_leaves_something_for_the_others(client: Clients) -> None:
    code, message = refusal(
        client("lambda").put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=901
    )
    assert code == "InvalidParameterValueException"
    assert "below its minimum value of [100]" in message
    asked = {"FunctionName": "f", "ReservedConcurrentExecutions": 900}
    assert refusal(client("lambda").put_function_concurrency, **asked)[0] == "ResourceNotFoundException"


def test_a_key_waits_a_week_to_a_month_before_it_is_deleted(client: Clients) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for days in (6, 31):
        refused = refusal(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=days)
        assert refused == ("ValidationException", "PendingWindowInDays must be between 7 and 30 days (inclusive)")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def test_a_session_lasts_as_long_as_its_role_allows(client: Clients) -> None:
    iam, sts = client("iam"), client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    names = {"long": 5400, "usual": 3600}
    roles = {
        name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, MaxSessionDuration=seconds)["Role"][
            "Arn"
        ]
        for name, seconds in names.items()
    }
    for role, seconds in (("long", 899), ("long", 5401), ("long", 43_201), ("usual", 5400)):
        asked = {"RoleArn": roles[role], "RoleSessionName": "session", "DurationSeconds": seconds}
        assert refusal(sts.assume_role, **asked)[0] == "ValidationError"
    sts.assume_role(RoleArn=roles["long"], RoleSessionName="session", DurationSeconds=5400)
    sts.assume_role(RoleArn=roles["usual"], RoleSessionName="session")


def test_a_function_may_have_all_that_lambda_gives(client: Clients) -> None:
    most = {"MemorySize": 10_240, "Timeout": 900, "Environment": {"Variables": {"A": "ä" * 2_044}}}
    code, _ = refusal(client("lambda").update_function_configuration, FunctionName="nobody", **most)
    assert code == "ResourceNotFoundException"


def test_a_rule_has_five_targets(client: Clients) -> None:
    events = client("events")
    events.put_rule(Name="rule", EventPattern='{"source": ["x"]}')
    targets = [{"Id": str(number), "Arn": QUEUE_ARN} for number in range(6)]
    events.put_targets(Rule="rule", Targets=targets[:4])
    assert refusal(events.put_targets, Rule="rule", Targets=targets[4:])[0] == "LimitExceededException"
    events.put_targets(Rule="rule", Targets=targets[3:5])  # one of them is there already
    assert len(events.list_targets_by_rule(Rule="rule")["Targets"]) == 5


def test_log_events_come_in_a_megabyte_together(client: Clients) -> None:
    logs, stream = client("logs"), {"logGroupName": "g", "logStreamName": "s"}
    event = {"timestamp": 1_800_000_000_000, "message": "ä" * 262_000}
    code, _ = refusal(logs.put_log_events, **stream, logEvents=[event, {**event, "message": "ä" * 262_288}])
    assert code == "InvalidParameterException"
    assert refusal(logs.put_log_events, **stream, logEvents=[{**event, "message": "x"}] * 10_001)[0] == code
    assert logs.get_log_events(**stream)["events"] == []


@pytest.mark.parametrize(
    ("payload", "kind", "code"),
    [
        (b"{}", "Foo", "ValidationException"),
        (b"NaN", "RequestResponse", "InvalidRequestContentException"),
        (b'{"a": -Infinity}', "Event", "InvalidRequestContentException"),
        (b"{", "RequestResponse", "InvalidRequestContentException"),
        (b"\xff", "RequestResponse", "InvalidRequestContentException"),
        (b"[" * 100_000, "RequestResponse", "InvalidRequestContentException"),
    ],
)
def test_what_lambda_does_not_invoke_a_function_with(payload: bytes, kind: str, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_invocation(payload, kind)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("dynamodb", "PutItem"),
        ("dynamodb", "TransactWriteItems"),
        ("dynamodbstreams", "GetRecords"),
        ("events", "PutEvents"),
        ("events", "PutTargets"),
        ("logs", "PutLogEvents"),
        ("sqs", "SendMessage"),
        ("sqs", "CreateQueue"),
    ],
)
@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"null"])
def test_what_is_no_json_object_is_no_call(every_seam: Any, service: str, operation: str, body: bytes) -> None:
    answer = every_seam.handle(call(service, operation, body))
    assert (answer.status, answer.json()["__type"]) == (400, "SerializationException")

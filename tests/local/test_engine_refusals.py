"""What would be answered and not done is refused by name, and what says what happens anyway is not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import Shape

from local.engine import Engine
from local.engine.refusals import INPUTS, OPERATIONS, Refusals
from tests.local.in_process import Clients, aws, refusal

EVERY_INPUT = [(*call, path) for call, inputs in INPUTS.items() for path in inputs]
EVERY_HARMLESS = [
    (*call, path, value) for call, inputs in INPUTS.items() for path, harmless in inputs.items() for value in harmless
]
TABLE: dict[str, Any] = {
    "TableName": "table",
    "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="module")
def client() -> Iterator[Clients]:
    with aws(Refusals) as clients:
        yield clients


@cache
def described(service: str) -> Any:
    session: Any = boto3.session.Session(region_name="us-east-1")
    return session.client(service).meta.service_model


def input_of(service: str, operation: str) -> Any:
    return described(service).operation_model(operation).input_shape


def something(shape: Shape, harmless: tuple[Any, ...] = ()) -> Any:
    """Any value of a shape but the harmless ones."""
    kind: Any = shape
    if kind.type_name == "structure":
        return complete(kind, {name: something(member) for name, member in list(kind.members.items())[:1]})
    if kind.type_name == "list":
        return [something(kind.member)]
    if kind.type_name == "map":
        return {"name": something(kind.value)}
    if kind.type_name == "string":
        return next((value for value in kind.enum if value not in harmless), "some text")
    number = max(7, kind.metadata.get("min", 7))
    return {"boolean": True, "blob": b"x", "timestamp": 1_800_000_000}.get(kind.type_name, number)


def complete(shape: Any, asked: Any) -> Any:
    """The same with all that must be in it."""
    if shape.type_name == "list" and isinstance(asked, list):
        return [complete(shape.member, each) for each in asked]
    if shape.type_name != "structure" or not isinstance(asked, dict):
        return asked
    missing = {name: something(shape.members[name]) for name in shape.required_members if name not in asked}
    return {**{name: complete(shape.members[name], each) for name, each in asked.items()}, **missing}


def arguments(service: str, operation: str, path: str, value: Any = None) -> dict[str, Any]:
    """A call with the input at the path, what must be in it, and nothing else. Any value, if none is given."""
    shape = input_of(service, operation)
    full: dict[str, Any]
    asked: dict[str, Any] = {
        name: "any"
        for name, member in shape.members.items()
        if member.serialization.get("location") in {"uri", "label"}
    }
    if path[0] in "@?":
        (name,) = (
            name
            for name, member in shape.members.items()
            if str(member.serialization.get("name", name)).lower() == path[1:].lower()
        )
        full = complete(shape, {**asked, name: something(shape.members[name]) if value is None else value})
        return full
    if operation == "BatchWriteItem":
        asked["RequestItems"] = {}  # without which botocore does not send it
    full = complete(shape, {**asked, **nested(shape, path.split("."), value, INPUTS[service, operation][path])})
    return full


def nested(shape: Any, steps: list[str], value: Any, harmless: tuple[Any, ...]) -> Any:
    if not steps:
        return something(shape, harmless) if value is None else value
    if shape.type_name == "list":
        return [nested(shape.member, steps, value, harmless)]
    return {steps[0]: nested(shape.members[steps[0]], steps[1:], value, harmless)}


@pytest.mark.parametrize(("service", "operation", "path"), EVERY_INPUT)
def test_an_input_that_would_be_dropped_is_refused_by_name(
    client: Clients, service: str, operation: str, path: str
) -> None:
    call = getattr(client(service), xform_name(operation))
    code, message = refusal(call, **arguments(service, operation, path))
    assert code == "NotImplemented"
    assert f"{service} {operation}" in message
    assert path.lstrip("@?") in message


@pytest.mark.parametrize(("service", "operation", "path", "value"), EVERY_HARMLESS)
def test_an_input_that_says_what_happens_anyway_is_taken(
    client: Clients, service: str, operation: str, path: str, value: Any
) -> None:
    code = ""
    try:
        getattr(client(service), xform_name(operation))(**arguments(service, operation, path, value))
    except ClientError as error:  # what else the call lacks
        code = error.response["Error"]["Code"]
    assert code != "NotImplemented"


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_an_operation_that_would_do_something_else_is_refused_by_name(
    client: Clients, service: str, operation: str
) -> None:
    asked = complete(input_of(service, operation), {})
    code, message = refusal(getattr(client(service), xform_name(operation)), **asked)
    assert code == "NotImplemented"
    assert f"{service} {operation}" in message
    assert OPERATIONS[service, operation] in message


@pytest.mark.parametrize(
    ("service", "operation", "asked", "name"),
    [
        (
            "events",
            "put_targets",
            {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:kinesis:r:1:stream/s"}]},
            "kinesis",
        ),
        ("lambda", "create_event_source_mapping", {"EventSourceArn": "arn:aws:kinesis:r:1:stream/s"}, "kinesis"),
        (
            "events",
            "put_targets",
            {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:events:r:1:api-destination/d"}]},
            "api-destination",
        ),
        (
            "lambda",
            "put_function_event_invoke_config",
            {"FunctionName": "f", "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}},
            "arn:aws:s3:::bucket",
        ),
        (
            "lambda",
            "update_event_source_mapping",
            {"UUID": "u", "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}},
            "arn:aws:s3:::bucket",
        ),
        ("sns", "create_topic", {"Name": "t", "Attributes": {"TracingConfig": "Active"}}, "TracingConfig"),
        ("sns", "set_topic_attributes", {"TopicArn": "t", "AttributeName": "SignatureVersion"}, "SignatureVersion"),
        ("sns", "subscribe", {"TopicArn": "t", "Protocol": "lambda", "Endpoint": "e"}, "lambda"),
        ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(1 minute)"}, "schedules"),
    ],
)
def test_what_would_never_be_delivered_or_due_is_refused_by_name(
    client: Clients, service: str, operation: str, asked: dict[str, Any], name: str
) -> None:
    code, message = refusal(getattr(client(service), operation), **asked)
    assert code == "NotImplemented"
    assert name in message


def test_a_rule_with_a_schedule_can_be_kept_as_long_as_it_is_disabled(client: Clients) -> None:
    events = client("events")
    events.put_rule(Name="kept", ScheduleExpression="rate(1 minute)", State="DISABLED")
    assert refusal(events.enable_rule, Name="kept")[0] == "NotImplemented"
    assert events.describe_rule(Name="kept")["State"] == "DISABLED"


def test_a_stream_that_is_to_end_goes_on() -> None:
    with Engine() as engine:
        dynamodb = engine.client("dynamodb")
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        dynamodb.create_table(**TABLE, StreamSpecification=stream)
        code, message = refusal(dynamodb.update_table, TableName="table", StreamSpecification={"StreamEnabled": False})
        assert (code, "StreamSpecification.StreamEnabled" in message) == ("NotImplemented", True)
        dynamodb.put_item(TableName="table", Item={"Id": {"S": "a"}})
        assert dynamodb.describe_table(TableName="table")["Table"]["StreamSpecification"] == stream


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("lambda", "get_account_settings", {}),
        ("lambda", "put_runtime_management_config", {"FunctionName": "f", "UpdateRuntimeOn": "Auto"}),
        ("schemas", "list_discoverers", {}),
        ("schemas", "create_discoverer", {"SourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/default"}),
    ],
)
def test_what_moto_does_not_know_is_refused_by_name(
    client: Clients, service: str, operation: str, asked: dict[str, Any]
) -> None:
    code, message = refusal(getattr(client(service), operation), **asked)
    name = operation.replace("_", " ").title().replace(" ", "")
    assert (code, f"{service} {name}" in message) == ("NotImplemented", True)


def test_what_is_refused_has_no_effect(client: Clients) -> None:
    dynamodb = client("dynamodb")
    assert refusal(dynamodb.create_table, **TABLE, TableClass="STANDARD_INFREQUENT_ACCESS")[0] == "NotImplemented"
    assert dynamodb.list_tables()["TableNames"] == []
    dynamodb.create_table(**TABLE, TableClass="STANDARD")
    restore = {"SourceTableName": "table", "TargetTableName": "restored", "RestoreDateTime": 1_800_000_000}
    assert refusal(dynamodb.restore_table_to_point_in_time, **restore)[0] == "NotImplemented"
    assert dynamodb.list_tables()["TableNames"] == ["table"]

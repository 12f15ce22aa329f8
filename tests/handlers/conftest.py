"""The handlers in this process against moto, with every AWS call seen and any of them made to fail."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

STORE = "event-store"
ROWS = "read-model"
BUS = "bus"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "METRICS_NAMESPACE": "EventSourcing",
    "EVENT_STORE_TABLE": STORE,
    "READ_MODEL_TABLE": ROWS,
    "EVENT_BUS_NAME": BUS,
    "TYPE_BUCKETS": "3",
    "STATEMENT_ENTRIES": "5",
}


@dataclass
class Context:
    """What Lambda hands to a handler besides the event."""

    aws_request_id: str = "request-1"
    milliseconds: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


Call = tuple[str, dict[str, Any]]


@dataclass
class Calls:
    """Every AWS call in order; `before` and `after` may raise to make one fail before or after it took effect."""

    made: list[Call] = field(default_factory=list)
    before: Callable[[str, dict[str, Any]], None] | None = None
    after: Callable[[str, dict[str, Any]], None] | None = None

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.made]

    def to(self, name: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.made if called == name]


def refusal(code: str, operation: str = "Operation") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": "told to"}}, operation)


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def handlers(_environment: None) -> Callable[[str], ModuleType]:
    return lambda name: importlib.import_module(f"handlers.{name}")


@pytest.fixture
def aws() -> Iterator[Any]:
    """An empty event store and read model, as the Pulumi program makes them; the value is a DynamoDB client."""
    with mock_aws():
        client: Any = boto3.client("dynamodb")
        client.create_table(
            TableName=STORE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}
                for name, kind in [
                    ("AggregateId", "S"),
                    ("EventSequence", "N"),
                    ("TypeBucket", "S"),
                    ("Timestamp", "S"),
                    ("CommandId", "S"),
                ]
            ],
            KeySchema=_keys("AggregateId", "EventSequence"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "EventType-Timestamp-index",
                    "KeySchema": _keys("TypeBucket", "Timestamp"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            LocalSecondaryIndexes=[
                {
                    "IndexName": "CommandId-index",
                    "KeySchema": _keys("AggregateId", "CommandId"),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        client.create_table(
            TableName=ROWS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "AccountId", "AttributeType": "S"},
                {"AttributeName": "ProjectionType", "AttributeType": "S"},
            ],
            KeySchema=_keys("AccountId", "ProjectionType"),
        )
        boto3.client("events").create_event_bus(Name=BUS)
        yield client


def _keys(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


@pytest.fixture
def calls(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The calls made from here on by whatever client."""
    seen = Calls()
    original = BaseClient._make_api_call

    def make(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        seen.made.append((operation, arguments))
        if seen.before:
            seen.before(operation, arguments)
        result = original(client, operation, arguments)
        if seen.after:
            seen.after(operation, arguments)
        return result

    monkeypatch.setattr(BaseClient, "_make_api_call", make)
    return seen


Invoke = Callable[..., tuple[int, Any]]


@pytest.fixture
def send(aws: Any, handlers: Callable[[str], ModuleType]) -> Invoke:
    """`send("AccountCreated", {...}, aggregateId=..., commandId=...)` to the command handler: status and body."""
    module = handlers("command")

    def call(event_type: str, data: dict[str, Any], request_id: str | None = None, **more: Any) -> tuple[int, Any]:
        call_number = next(_numbers)
        request = {"aggregateId": "account-1", "eventType": event_type, "eventData": data, **more}
        return opened(module.lambda_handler(request, Context(request_id or f"request-{call_number}")))

    return call


@pytest.fixture
def ask(aws: Any, handlers: Callable[[str], ModuleType]) -> Invoke:
    """`ask("getAccountSummary", accountId=...)` of the query handler: status and body."""
    module = handlers("query")

    def call(query_type: str, **arguments: Any) -> tuple[int, Any]:
        return opened(module.lambda_handler({"queryType": query_type, **arguments}, Context()))

    return call


def opened(answer: dict[str, Any]) -> tuple[int, Any]:
    """Status and body of an answer; numbers as Decimal, as they stand in the text."""
    assert set(answer) == {"statusCode", "body"}
    return answer["statusCode"], json.loads(answer["body"], parse_float=Decimal)


_numbers = count(1)

"""The handlers in this process against moto, with every AWS call seen and any of them made to fail."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.session import Session

from handlers.domain import KINDS
from handlers.failure import InvocationError
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import Kinds, OfKind
from handlers.sourcing.told import WHATEVER, Settings
from handlers.sourcing.values import dumps
from handlers.store.items import to_item, to_record

from ..aws import BUS, ROWS, SNAPSHOTS, STORE, TABLES, Calls, around_every_call, environment, refusal, refusing
from ..quick_moto import quick_moto

__all__ = ["BUS", "ROWS", "SNAPSHOTS", "STORE", "Calls", "refusal", "refusing"]


@dataclass
class Context:
    """What Lambda hands to a handler besides the event."""

    aws_request_id: str = "request-1"
    milliseconds: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    with environment():
        yield


@pytest.fixture(scope="session")
def handlers(_environment: None) -> Callable[[str], ModuleType]:
    return lambda name: importlib.import_module(f"handlers.{name}")


@pytest.fixture
def summary_alone(handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of accounts the summary and its statement, whatever else there may be of them.

    For tests that count rows, findings or calls: what they tell of the mechanism does not grow with the domain.
    """
    every = Kinds.projections

    def counted(kinds: Kinds, settings: Settings) -> tuple[OfKind, ...]:
        found = every(kinds, settings)
        return tuple(each for each in found if each.kind.name != "account" or each.name == "AccountSummary")

    module = handlers("projection")
    monkeypatch.setattr(Kinds, "projections", counted)
    monkeypatch.setattr(module, "_projector", replace(module._projector, projections=KINDS.projections(WHATEVER)))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty event store and read model, as the Pulumi program makes them; the value is a DynamoDB client."""
    # Making a client takes longer than most tests, and it keeps nothing of what it was used for.
    monkeypatch.setattr(Session, "create_client", _shared_client)
    with quick_moto(TABLES, BUS):
        client: Any = boto3.client("dynamodb")
        for entry in ("command", "validate"):  # a process that has met nothing of the store that was there before
            if module := sys.modules.get(f"handlers.{entry}"):
                monkeypatch.setattr(module, "_ledger", module.wired_ledger())
        for entry in ("process", "sweep"):
            if module := sys.modules.get(f"handlers.{entry}"):
                monkeypatch.setattr(module, "_conductor", module.wired_conductor())
        yield client


_create_client = Session.create_client
_clients: dict[str, Any] = {}


def _shared_client(session: Session, *arguments: Any, **options: Any) -> Any:
    """A client as botocore makes it; the same one where all that it is made of is the same."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    config = options.get("config")
    settings = {**options, "config": config and vars(config)}
    region = session.get_config_variable("region")
    key = repr((region, arguments, sorted(settings.items()), sorted(environment.items())))
    if key not in _clients:
        _clients[key] = _create_client(session, *arguments, **options)
    return _clients[key]


@pytest.fixture
def calls(aws: Any) -> Iterator[Calls]:
    """The calls made from here on by whatever client."""
    seen = Calls()
    with around_every_call(seen.around):
        yield seen


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


def message(event: Event | Any, number: int = 0) -> dict[str, str]:
    """A queue message as EventBridge leaves it there."""
    detail = event.record() if isinstance(event, Event) else event
    return {"messageId": f"m{number}", "body": dumps({"detail-type": "x", "source": "y", "detail": detail})}


def record(event: Event, name: str = "INSERT", number: int | None = None) -> dict[str, Any]:
    """A stream record as Lambda hands it over."""
    item = to_item({**event.record(), "TypeBucket": f"{event.event_type}#0"})
    return {
        "eventName": name,
        "dynamodb": {
            "Keys": {key: item[key] for key in ("AggregateId", "EventSequence")},
            "NewImage": item,
            "SequenceNumber": str(number or event.sequence),
        },
    }


def rows(aws: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The whole read model, under (AccountId, ProjectionType)."""
    records = [to_record(item) for item in aws.scan(TableName=ROWS)["Items"]]
    return {(record["AccountId"], record["ProjectionType"]): record for record in records}


def kept(aws: Any) -> dict[tuple[str, int], dict[str, Any]]:
    """Every snapshot there is, under (AggregateId, EventSequence)."""
    records = [to_record(item) for item in aws.scan(TableName=SNAPSHOTS)["Items"]]
    return {(each["AggregateId"], int(each["EventSequence"])): each for each in records}


def failing(invoke: Callable[[], Any]) -> tuple[str, str]:
    """The code and the message by which a direct invocation fails."""
    with pytest.raises(InvocationError) as caught:
        invoke()
    return caught.value.code, caught.value.msg


def over_http(request: Any) -> dict[str, Any]:
    """A request as API Gateway hands it over."""
    return {"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "body": dumps(request)}


def opened(answer: dict[str, Any]) -> tuple[int, Any]:
    """Status and body of an answer; numbers as Decimal, as they stand in the text."""
    assert set(answer) == {"statusCode", "body"}
    return answer["statusCode"], json.loads(answer["body"], parse_float=Decimal)


_numbers = count(1)

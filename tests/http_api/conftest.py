"""The functions in this process against moto, asked as API Gateway asks them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

import boto3
import pytest

from handlers.http_api.routes import ROUTES
from handlers.store.event_store import EventStore
from handlers.store.items import to_record
from handlers.upkeep.letters import queues

from ..handlers.conftest import STORE, Context, _environment, aws, calls, handlers, message
from .conformity import hold

__all__ = ["_environment", "aws", "calls", "handlers"]

SUBJECT = "user-1"
ARN = "arn:aws:sts::123456789012:assumed-role/batch/nightly"


def people(subject: str = SUBJECT) -> dict[str, Any]:
    """What the JWT authorizer says."""
    return {"jwt": {"claims": {"sub": subject, "scope": "ledger/read ledger/write"}, "scopes": ["ledger/write"]}}


def machines(arn: str = ARN) -> dict[str, Any]:
    """What AWS_IAM says."""
    return {"iam": {"accountId": "123456789012", "userArn": arn, "userId": "AROA:nightly"}}


@dataclass(frozen=True)
class Answered:
    """An answer, read as a client reads it, but with exact numbers."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    @property
    def error(self) -> Any:
        return self.body["error"]


def payload(
    key: str,
    path: str | None = None,
    *,
    query: str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    authorizer: Any = "people",
    is_base64: bool = False,
) -> dict[str, Any]:
    """Payload 2.0 of a request whose path's id is `path`, as it is sent: percent-encoded."""
    method, template = key.split(" ")
    sent = template.replace("{id}", path or "")
    context = {
        "apiId": "api",
        "authorizer": people() if authorizer == "people" else authorizer,
        "http": {"method": method, "path": unquote(sent), "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": key,
        "stage": "$default",
    }
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": unquote(sent),
        "rawQueryString": query,
        "headers": {"host": "example.com", **{name.lower(): value for name, value in (headers or {}).items()}},
        **({"pathParameters": {"id": unquote(path)}} if path is not None else {}),
        "requestContext": context,
        **({"body": base64.b64encode(text.encode()).decode() if is_base64 else text} if text is not None else {}),
        "isBase64Encoded": is_base64,
    }


@dataclass
class Api:
    """Asks whichever function has the route, and holds every answer against the document."""

    aws: Any
    modules: Callable[[str], ModuleType]
    numbers: Any = field(default_factory=count)

    def __call__(self, key: str, path: str | None = None, **more: Any) -> Answered:
        event = payload(key, path, **more)
        answer = self.sent(ROUTES[key].function, event)
        hold(key, answer.status, answer.headers, answer.text)
        return answer

    def sent(self, function: str, event: Any) -> Answered:
        given = self.modules(function).lambda_handler(event, Context(f"request-{next(self.numbers)}"))
        return Answered(given["statusCode"], given["body"], given.get("headers", {}))

    def command(self, event_type: str, data: Any, account: str = "account-1", **more: Any) -> Answered:
        """Send a command to an account; `body` adds members to it."""
        body = {"eventType": event_type, "eventData": data, **more.pop("body", {})}
        return self("POST /accounts/{id}/commands", quote(account, safe=""), body=body, **more)

    def stored(self) -> list[dict[str, Any]]:
        """Every event that there is."""
        return [to_record(item) for item in self.aws.scan(TableName=STORE)["Items"]]

    def project(self, account: str = "account-1") -> None:
        """Bring the rows up to the events."""
        events = EventStore(self.aws, STORE).read(account)
        records = [message(event, number) for number, event in enumerate(events)]
        answer = self.modules("projection").lambda_handler({"Records": records}, Context())
        assert answer == {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto has one server, which knows all letters at once."""
    monkeypatch.setattr(queues, "WAIT_SECONDS", 0)


def make_queues() -> Any:
    """The queues of work and of dead letters; a client of theirs."""
    client: Any = boto3.client("sqs")
    work = ("projection", "process", "replay")
    for name in (*work, *(f"{each}-dlq" for each in (*work, "delivery", "invocation"))):
        client.create_queue(QueueName=name)
    return client


@pytest.fixture
def api(aws: Any, handlers: Callable[[str], ModuleType]) -> Api:
    return Api(aws, handlers)

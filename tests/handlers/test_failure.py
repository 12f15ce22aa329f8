"""What Lambda's own runtime client reports of an invocation that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from .conftest import Calls, refusing

bootstrap = pytest.importorskip("awslambdaric.bootstrap", reason="AWS's runtime client has no wheel for this platform")


class RuntimeClient:
    """Keeps what the runtime client would post."""

    def __init__(self) -> None:
        self.marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()
        self.errors: list[dict[str, Any]] = []

    def post_invocation_error(self, _id: str, error: str, fault: str, _number: Any) -> None:
        assert json.loads(fault)["exceptions"][0]["stack"] == []
        self.errors.append(json.loads(error))


@pytest.mark.parametrize(
    ("entry", "request_"),
    [
        ("command", {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}),
        ("validate", {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}),
        ("query", {"queryType": "reconstructState", "aggregateId": "a"}),
    ],
)
def test_a_failure_is_reported_by_code_message_and_request_and_by_nothing_else(
    handlers: Callable[[str], ModuleType], calls: Calls, entry: str, request_: dict[str, Any]
) -> None:
    calls.before = refusing("Query", "AccessDeniedException")
    client, handler = RuntimeClient(), handlers(entry).lambda_handler

    with bootstrap.StandardLogSink() as sink:
        bootstrap.handle_event_request(
            client, handler, "r-1", json.dumps(request_), "application/json", None, None, "arn", 0, None, sink
        )

    message = "something failed on our side; the request can be sent again (request r-1)"
    report = {"errorType": "InternalError", "errorMessage": message, "requestId": "r-1", "stackTrace": []}
    assert client.errors == [report]

"""ReceiveMessage that waits: moto would sit in its own loop, and nobody else could use moto meanwhile."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from local.engine import backends
from local.engine.api import ACCOUNT, ApiRequest, Response, queue_named
from local.engine.changes import source

if TYPE_CHECKING:
    from local.engine.changes import Changes
    from local.engine.gateway import Gateway


class LongPolling:
    """Asks moto for what is there now, and again whenever something changes, until the wait time is over."""

    def __init__(self, gateway: Gateway, changes: Changes) -> None:
        self._gateway = gateway
        self._changes = changes
        gateway.seam("sqs", "ReceiveMessage", self._receive)

    def _receive(self, request: ApiRequest) -> Response:
        parameters = request.parameters
        name = queue_named(parameters.get("QueueUrl", ""))
        arn = f"arn:aws:sqs:{request.region}:{ACCOUNT}:{name}"
        with self._gateway.lock:
            queue = backends.queue(arn)
            default = 0 if queue is None else queue.receive_message_wait_time_seconds
        deadline = time.monotonic() + float(parameters.get("WaitTimeSeconds") or default)
        at_once = _with_parameters(request, {**parameters, "WaitTimeSeconds": "0"})
        while True:
            seen = self._changes.version(source(arn))
            response = self._gateway.moto(at_once)
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._changes.closed or _has_messages(response):
                return response
            with self._gateway.lock:
                soonest = backends.seconds_to_next_message(arn)
            # 0 here means that moto moved the message to the dead-letter queue instead.
            self._changes.wait(source(arn), seen, min(remaining, soonest or remaining))


def _is_json(request: ApiRequest) -> bool:
    return bool(request.header("x-amz-target"))


def _with_parameters(request: ApiRequest, parameters: dict[str, str]) -> ApiRequest:
    if _is_json(request):
        return request.with_body(json.dumps({**parameters, "WaitTimeSeconds": 0}).encode())
    return request.with_body(urlencode(parameters).encode())


def _has_messages(response: Response) -> bool:
    return response.status != 200 or b'"Messages"' in response.body or b"<Message>" in response.body  # noqa: PLR2004

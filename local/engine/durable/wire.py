"""Calls to a DynamoDB Local, as they came in: no SDK, no retries, connections kept."""

from __future__ import annotations

import contextlib
import http.client
import queue
import time
from typing import Any

from local.engine.api import ACCOUNT, ApiRequest, Response

_TARGETS = {"dynamodb": "DynamoDB_20120810", "dynamodbstreams": "DynamoDBStreams_20120810"}
_TYPE = "application/x-amz-json-1.0"
_TIMEOUT_SECONDS = 60.0
_IDLE_SECONDS = 10.0
"""A connection that was idle for longer is not used again: the server might close it at that very moment."""
_ITS_ARN = "arn:aws:dynamodb:ddblocal:000000000000:"
"""How every ARN begins that it gives."""


class Wire:
    """To the DynamoDB Local at `port`, with an access key by which it tells whose tables are meant."""

    def __init__(self, port: int, access_key: str) -> None:
        self._port = port
        self._access_key = access_key
        self._idle: queue.LifoQueue[tuple[http.client.HTTPConnection, float]] = queue.LifoQueue()

    def turn_to(self, port: int) -> None:
        """It answers at another port from now on."""
        self.close()
        self._port = port

    def call(self, service: str, operation: str, region: str, body: bytes) -> Response:
        """Raises: OSError and HTTPException where it does not answer; the call may have had its effect then."""
        connection = self._connection()
        try:
            connection.request("POST", "/", body, self._headers(service, operation, region))
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.put((connection, time.monotonic()))
        return Response(answer.status, content, {"content-type": _TYPE})

    def forward(self, request: ApiRequest) -> Response:
        """The answer to the call, as it is."""
        return self.call(request.service, request.operation, request.region, request.body)

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait()[0].close()

    def _connection(self) -> http.client.HTTPConnection:
        with contextlib.suppress(queue.Empty):
            while True:
                connection, since = self._idle.get_nowait()
                if time.monotonic() - since < _IDLE_SECONDS:
                    return connection
                connection.close()
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)

    def _headers(self, service: str, operation: str, region: str) -> dict[str, str]:
        scope = f"{self._access_key}/20260101/{region}/dynamodb/aws4_request"
        return {
            "Content-Type": _TYPE,
            "X-Amz-Target": f"{_TARGETS[service]}.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }


def its(arn: str) -> str:
    """Our ARN of a stream, or an iterator, which begins with one, as DynamoDB Local knows it."""
    return _ITS_ARN + arn.split(":", 5)[5] if arn.count(":") > 4 else arn  # noqa: PLR2004 - the colons of an ARN


def ours(value: Any, region: str) -> Any:
    """What DynamoDB Local gave, an ARN or something that begins with one, as the rest of AWS knows it."""
    if isinstance(value, str) and value.startswith(_ITS_ARN):
        return f"arn:aws:dynamodb:{region}:{ACCOUNT}:{value.removeprefix(_ITS_ARN)}"
    return value

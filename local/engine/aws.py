"""boto3 clients: for users of the endpoint, and for the embedded services, which call each other without a network."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config
from moto.core.request import Request as MotoRequest

from local.engine.api import AnswerLost, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway


def client(service: str, endpoint: str, region: str, config: Config | None = None) -> Any:
    """A client with dummy credentials on the endpoint."""
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)  # noqa: S106
    return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload] # any service


class ServiceClients:
    """The clients of one AWS service (`principal`, such as "events.amazonaws.com"), which pass the gateway in process.

    So faults apply to what services do for one another, and their errors are those of the API. They do not retry.
    """

    def __init__(self, gateway: Gateway, principal: str, endpoint: str) -> None:
        self._gateway = gateway
        self._principal = principal
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def get(self, service: str, arn: str) -> Any:
        """The client of `service` in the region of `arn`."""
        key = (service, arn.split(":")[3])
        with self._lock:
            if key not in self._clients:
                config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
                made = client(*key[:1], self._endpoint, key[1], config)
                made.meta.events.register_first("before-send", self._send)
                self._clients[key] = made
            return self._clients[key]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        environ = MotoRequest.from_primitives(request.method, request.url, request.headers, request.body).environ
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)  # type: ignore[arg-type] # services send no files
        try:
            response = self._gateway.handle(ApiRequest.of(environ, body, self._principal))
        except AnswerLost:
            response = Response(503)  # in process there is no connection to cut
        return AWSResponse(
            request.url, response.status, HTTPHeaders.from_dict(dict(response.headers)), _Body(response.body)
        )


class _Body:
    """As much of urllib3's response as botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content

"""boto3 clients: for users of the endpoint, and for the embedded services, which call each other without a network."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config

from local.engine import backends
from local.engine.api import AnswerLost, ApiRequest, Response
from local.engine.moto_app import Request as MotoRequest

if TYPE_CHECKING:
    from local.engine.gateway import Gateway
    from local.engine.principals import Session


_DUMMY: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def client(service: str, endpoint: str, region: str, config: Config | None = None) -> Any:
    """A client with dummy credentials on the endpoint."""
    session = boto3.session.Session(**_DUMMY, region_name=region)
    return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload] # any service


class ServiceClients:
    """The clients of one AWS service (`principal`, such as "events.amazonaws.com"), which pass the gateway in process.

    So faults apply to what services do for one another, and their errors are those of the API. They do not retry.
    What a service does for a function it does in a session of the function's role, and may do no more than that.
    """

    def __init__(self, gateway: Gateway, principal: str, endpoint: str) -> None:
        self._gateway = gateway
        self._principal = principal
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._boto3: Any = boto3.session.Session()  # one, so that each service's description is read once
        self._clients: dict[tuple[str, str, Session | None], Any] = {}

    def get(self, service: str, arn: str, session: Session | None = None) -> Any:
        """The client of `service` in the region of `arn`, for the service's own sake or in a role's session."""
        region = arn.split(":")[3]
        key = (service, region, session)
        with self._lock:
            if key not in self._clients:
                made = self._boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self._endpoint,
                    config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
                    **self._credentials(session, region),
                )
                made.meta.events.register_first("before-send", self._send)
                self._clients[key] = made
            return self._clients[key]

    def _credentials(self, session: Session | None, region: str) -> dict[str, str]:
        if session is None:
            return dict(_DUMMY)
        with self._gateway.lock:
            variables = backends.assume_role(session, region)
        return {name.lower(): value for name, value in variables.items()}

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

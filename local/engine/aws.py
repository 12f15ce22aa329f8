"""boto3 clients: for users of the endpoint, and for the embedded services, which call each other without a network."""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from local.engine import backends
from local.engine.api import AnswerLost, ApiRequest, Response
from local.engine.moto_app import Request as MotoRequest

if TYPE_CHECKING:
    from collections.abc import Callable

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
                credentials = self._credentials(session, region)
                made = self._boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self._endpoint,
                    config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
                    **credentials,
                )
                made.meta.events.register_first("before-send", self._send)
                if made.meta.service_model.protocol == "json":
                    made = JsonClient(made, credentials["aws_access_key_id"], self._handle)
                self._clients[key] = made
            return self._clients[key]

    def _credentials(self, session: Session | None, region: str) -> dict[str, str]:
        if session is None:
            return dict(_DUMMY)
        with self._gateway.lock:
            variables = backends.assume_role(session, region)
        return {name.lower(): value for name, value in variables.items()}

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body: Any = request.body or b""
        if hasattr(body, "read"):  # an object for S3
            body = body.read()
        body = body.encode() if isinstance(body, str) else bytes(body)
        environ = MotoRequest.from_primitives(request.method, request.url, request.headers, body).environ
        response = self._handle(ApiRequest.of(environ, body))
        return AWSResponse(
            request.url, response.status, HTTPHeaders.from_dict(dict(response.headers)), _Body(response.body)
        )

    def _handle(self, request: ApiRequest) -> Response:
        try:
            return self._gateway.handle(replace(request, principal=self._principal))
        except AnswerLost:
            return Response(503)  # in process there is no connection to cut


class JsonClient:
    """A client of boto3's for a service of the JSON protocol, whose requests are made without it.

    Signing, endpoints and hooks are most of what a call costs, and in process there is nobody to look at them. Answers
    and errors are read by botocore's parser, so that they are the same to the last member.
    """

    def __init__(self, client: Any, access_key: str, handle: Callable[[ApiRequest], Response]) -> None:
        self._client = client
        self._handle = handle
        self._parser = create_parser("json")
        meta, model = client.meta, client.meta.service_model
        self._target = model.metadata["targetPrefix"]
        scope = f"{access_key}/20260101/{meta.region_name}/{model.signing_name}/aws4_request"
        host, _, port = meta.endpoint_url.removeprefix("http://").partition(":")
        self._environ = {
            "REQUEST_METHOD": "POST",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": host,
            "SERVER_PORT": port,
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "QUERY_STRING": "",
            "CONTENT_TYPE": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "HTTP_HOST": f"{host}:{port}",
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "wsgi.url_scheme": "http",
        }
        if model.is_query_compatible:
            self._environ["HTTP_X_AMZN_QUERY_MODE"] = "true"

    def __getattr__(self, method: str) -> Any:
        """The method of the client's of that name. Raises what the client's raises."""
        operation = self._client.meta.method_to_api_mapping.get(method)
        if operation is None:
            return getattr(self._client, method)
        call = functools.partial(self._call, operation, getattr(self._client, method))
        setattr(self, method, call)  # the next time it is found at once
        return call

    def _call(self, operation: str, by_boto3: Callable[..., Any], **arguments: Any) -> Any:
        try:
            body = json.dumps(arguments).encode()
        except TypeError:  # bytes or times, which the description of the service says how to write
            return by_boto3(**arguments)
        environ = {
            **self._environ,
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": f"{self._target}.{operation}",
        }
        response = self._handle(ApiRequest.of(environ, body))
        shape = self._client.meta.service_model.operation_model(operation).output_shape
        headers = HTTPHeaders.from_dict(dict(response.headers))
        answer = {"headers": headers, "status_code": response.status, "body": response.body}
        parsed: Any = self._parser.parse(answer, shape)
        if response.status >= 300:  # noqa: PLR2004 - as botocore has it
            raise ClientError(parsed, operation)
        return parsed


class _Body:
    """As much of urllib3's response as botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content

"""One AWS API call: what was asked for, and what is answered."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from werkzeug.exceptions import HTTPException

from local.engine.moto_app import Request as MotoRequest
from local.engine.moto_app import get_service_router

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "123456789012"
"""The one account of the embedded AWS (moto's default)."""

DEFAULT_REGION = "us-east-1"

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([\w-]+)/([\w.-]+)/aws4_request")
_INVOKE_PATH = re.compile(r"/2015-03-31/functions/[\w:$-]+/invocations")
"""Of the one call without a target that is made all the time."""
_SMITHY_PATH = re.compile(r"^/service/[^/]+/operation/(\w+)$")
_OPEN_TARGETS = {"AmazonSQS": "sqs", "AWSCognitoIdentityProviderService": "cognito-idp"}
_BY_PATH = ("apigatewayv2", "cloudfront", "lambda", "scheduler", "xray")
# Where the name in the signature is not the name of the client.
_CLIENT_NAMES = {"monitoring": "cloudwatch", "eventbridge": "events", "cloudcontrolapi": "cloudcontrol"}


class AnswerLost(Exception):  # noqa: N818 - it is not an error of the engine: the caller's connection is cut on purpose
    """The caller gets no answer: the connection is closed instead."""


class ApiError(Exception):
    """An error that the API answers with. `status` is the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Response:
    """An HTTP answer. Without a `content-type` it is taken for JSON. `cookies` are set, a header each."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @classmethod
    def of_json(cls, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        return cls(status, json.dumps(content).encode(), headers or {})


@dataclass(frozen=True)
class ApiRequest:
    """A call of `operation` (its API name, such as "PutItem") of `service` (its boto3 name, such as "dynamodb").

    `principal` is the AWS service that makes the call ("events.amazonaws.com"), None for a call from outside.
    `access_key` is whose credentials it is signed with, "" of nobody's; the signature itself is not checked.
    """

    service: str
    operation: str
    region: str
    environ: Mapping[str, Any]
    body: bytes
    principal: str | None = None
    access_key: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, Any], body: bytes, principal: str | None = None) -> ApiRequest:
        """Reads service and region off the signature; see `_unsigned_service`."""
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        key, region, service = scope.groups() if scope else _in_url(environ)
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDBStreams"):
            service = "dynamodbstreams"
        service = _CLIENT_NAMES.get(service, service)
        if service == "apigateway" and str(environ.get("PATH_INFO", "")).startswith("/v2/"):
            service = "apigatewayv2"  # two services under one name
        return cls(service, _operation(service, environ, body), region, environ, body, principal, key)

    @property
    def is_unsigned(self) -> bool:
        """Whether it comes from anybody at all."""
        return not self.access_key and self.principal is None

    @property
    def path(self) -> str:
        return str(self.environ.get("PATH_INFO", "/"))

    def header(self, name: str, default: str = "") -> str:
        key = name.upper().replace("-", "_")
        return str(self.environ.get(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}", default))

    def query(self, name: str) -> str | None:
        values = parse_qs(str(self.environ.get("QUERY_STRING", ""))).get(name)
        return values[0] if values else None

    def without_query(self, name: str) -> ApiRequest:
        """The same call without that parameter of its URL."""
        pairs = parse_qsl(str(self.environ.get("QUERY_STRING", "")), keep_blank_values=True)
        left = urlencode([pair for pair in pairs if pair[0] != name])
        return replace(self, environ={**self.environ, "QUERY_STRING": left})

    def json(self) -> Any:
        """The body as JSON; {} if there is none."""
        return json.loads(self.body) if self.body else {}

    @property
    def parameters(self) -> dict[str, Any]:
        """What the operation was given, where that is the body: as JSON, or in the form of the query protocol.

        It is read once for all: nobody may change it.
        """
        return self._form if self.is_form else self._object

    @cached_property
    def content(self) -> dict[str, Any]:
        """The body, which is to be a JSON object, read once for all. Raises: ApiError."""
        try:
            content = json.loads(self.body.decode()) if self.body else {}
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise ApiError("SerializationException", "The body of the call is no JSON object")
        return content

    @cached_property
    def _form(self) -> dict[str, Any]:
        return dict(parse_qsl(self.body.decode()))

    @cached_property
    def _object(self) -> dict[str, Any]:
        if "HTTP_X_AMZ_TARGET" in self.environ:
            return self.content
        given = self.json()
        return given if isinstance(given, dict) else {}

    @property
    def is_form(self) -> bool:
        return self.header("content-type").startswith("application/x-www-form-urlencoded")

    @property
    def ambiguity(self) -> str:
        """What moto may read otherwise than who authorises the call; "" if nothing is so.

        Of a parameter that is given twice it takes the first, and an `Action` in the URL, or in JSON that reads as a
        form, over the operation.
        """
        in_url = str(self.environ.get("QUERY_STRING", ""))
        if in_url and self.operation and (self.is_form or "Action" in parse_qs(in_url, keep_blank_values=True)):
            return "parameters in the URL of a call that has its own in the body"
        if self.is_form:
            names = [name for name, _ in parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)]
            return "a parameter that is given twice" if len(set(names)) < len(names) else ""
        return ""

    def with_body(self, body: bytes) -> ApiRequest:
        return replace(self, body=body)

    def wsgi_environ(self) -> dict[str, Any]:
        """As moto takes it, which reads the service and the Region off the signature as well."""
        given = {**self.environ, "wsgi.input": io.BytesIO(self.body), "CONTENT_LENGTH": str(len(self.body))}
        if not _SCOPE.search(str(self.environ.get("HTTP_AUTHORIZATION", ""))):
            scope = f"{self.access_key or 'anybody'}/20260101/{self.region}/{self.service}/aws4_request"
            given["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}"
        return given

    def error(self, code: str, message: str, status: int = 400) -> Response:
        """The error in the form of the call's own protocol."""
        if self.is_form or self.service in {"cloudfront", "s3"}:
            fault = "Sender" if status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's own boundary
            xml = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            if self.service != "s3":
                xml = f"<ErrorResponse>{xml}</ErrorResponse>"
            return Response(status, xml.encode(), {"content-type": "text/xml"})
        content = {"__type": code, "Type": "User", "message": message, "Message": message}
        return Response.of_json(content, status, {"x-amzn-errortype": code})


def queue_named(url: str) -> str:
    """The queue that a QueueUrl means to moto, which acts on it: whoever decides about the call is to read the same."""
    return url.rsplit("/", 1)[-1] if url.startswith(("http://", "https://")) else url


def _in_url(environ: Mapping[str, Any]) -> tuple[str, str, str]:
    """Key, region and service of a call without a header for them: S3's are signed in their URL, by either version."""
    in_url = dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
    key, _, region, *_ = [*in_url.get("X-Amz-Credential", "").split("/"), "", ""]
    key = in_url.get("AWSAccessKeyId") or key
    return (key, region or DEFAULT_REGION, "s3") if key else ("", DEFAULT_REGION, _unsigned_service(environ))


def _unsigned_service(environ: Mapping[str, Any]) -> str:
    """The service that a call is for which nobody signed; "" of one that nobody can be let into, known by no path.

    On AWS the host names it. Here what is no path of another service is a bucket's.
    """
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return _OPEN_TARGETS.get(str(target).partition(".")[0], "")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return ""
    return next((service for service in _BY_PATH if _by_path(service, environ)), "s3")


@cache
def _router(service: str) -> Any:
    return get_service_router(service)


def _operation(service: str, environ: Mapping[str, Any], body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    path = environ.get("PATH_INFO", "")
    if service == "lambda" and environ["REQUEST_METHOD"] == "POST" and _INVOKE_PATH.fullmatch(path):
        return "Invoke"
    return _by_path(service, environ)


def _by_path(service: str, environ: Mapping[str, Any]) -> str:
    smithy = _SMITHY_PATH.match(environ.get("PATH_INFO", ""))
    if smithy:
        return smithy.group(1)
    if not service:
        return ""
    try:
        operation, _ = _router(service).match(MotoRequest(dict(environ)))
    except (HTTPException, NotImplementedError, LookupError, UnknownServiceError):
        return ""  # an unknown path, or one of what signs by another name: moto has the answer to it
    return str(operation.name)

"""Moto's answers to API calls, for the services of which most is asked without its web server.

On moto's own path a call goes through Flask's routing, and through reading the body as a form, to a handler that wants
JSON: most of what a GetItem takes. Calls of the JSON protocol are handed to the same handlers directly here, with what
those look at. The answers are the same to the last header; whatever is not such a call takes moto's own path.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlparse

from botocore.exceptions import ClientError
from werkzeug.exceptions import HTTPException
from werkzeug.test import run_wsgi_app

from local.engine.api import Response
from local.engine.moto_app import (
    APPLICATION_AMZ_JSON_1_0,
    APPLICATION_AMZ_JSON_1_1,
    PROTOCOL_PARSERS,
    BaseResponse,
    DomainDispatcherApplication,
    DynamoDBStreamsHandler,
    DynamoHandler,
    EventsHandler,
    JSONParser,
    LogsResponse,
    Request,
    SQSResponse,
    create_backend_app,
    determine_request_protocol,
    get_partition,
    get_service_model,
    mark_account_as_visited,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.engine.api import ApiRequest

_JSON = frozenset({APPLICATION_AMZ_JSON_1_0, APPLICATION_AMZ_JSON_1_1})
_HOST = re.compile(r"[\w.-]+(:\d+)?")
_NEWEST_DYNAMODB = "DynamoDB_20120810"
_ELSEWHERE = ("HTTP_ORIGIN", "HTTP_CONTENT_ENCODING")
"""Headers by which moto or its web server do more than the handler does."""

_NO_ROUTE = b"<!doctype html>"
"""How the web server says that moto has nothing at an address; AWS's errors are JSON or XML."""
_OF_EVERY_ANSWER = {"Access-Control-Allow-Origin": "*"}
"""By moto's web server."""


class Moto:
    """All of moto. Its backends are not safe for threads: whoever calls it holds the gateway's lock."""

    def __init__(self) -> None:
        self._served = DomainDispatcherApplication(create_backend_app)
        # Moto looks through its folders for each request; what serves a host stays the same.
        find = cache(self._served.get_backend_for_host)

        def found(host: str | None) -> Any:
            backend = find(host)
            if backend is None and host and host.endswith(".amazonaws.com"):
                raise NotImplementedError("moto does not know the service")
            return backend

        self._served.get_backend_for_host = found

    def answer(self, request: ApiRequest) -> Response:
        """By the shortest way that gives moto's answer. Raises what moto's handlers raise."""
        handler = HANDLERS.get(request.service)
        return self.served(request) if handler is None or not _is_plain(request) else _direct(handler, request)

    def served(self, request: ApiRequest) -> Response:
        """By moto's web server, which knows all services and protocols. Raises: NotImplementedError."""
        if "HTTP_X_AMZ_TARGET" in request.environ and b"Action=" in request.body and _reads_as_a_form(request.body):
            raise NotImplementedError(
                "JSON with a text that reads as a form with an Action, which moto would carry out"
            )
        parts, status, headers = run_wsgi_app(self._served, request.wsgi_environ(), buffered=True)
        body = b"".join(parts)
        if status.startswith("404") and request.operation and body.startswith(_NO_ROUTE):
            raise NotImplementedError("moto does not know it")
        return Response(int(status.split()[0]), body, dict(headers.items()))


class _Lean(BaseResponse):  # type: ignore[misc] # moto is untyped
    """Sets a handler of moto's up for a JSON call as `BaseResponse` does, but for what JSON calls do not have."""

    def setup_class(self, request: Request, full_url: str, headers: Any, *_: Any) -> None:
        self.is_werkzeug_request = True
        self.normalized_request = request
        self.parsed_url = urlparse(full_url)
        self.form_data: dict[str, Any] = {}
        self.raw_body = request.environ["wsgi.input"].getvalue()
        self.body = self.raw_body.decode()
        self.uri = full_url
        self.path = self.raw_path = self.parsed_url.path
        self.querystring: dict[str, Any] = {}
        self.data = self.querystring
        self.method = "POST"
        self.region = self.get_region_from_url(request, full_url)
        self.partition = get_partition(self.region)
        self.uri_match: dict[str, Any] = {}
        self.headers = headers
        self.response_headers = {"server": "amazon.com"}
        if self.automated_parameter_parsing:
            self.parse_parameters(request)
        self.access_key = self.get_access_key()
        self.current_account = self.get_current_account()
        mark_account_as_visited(self.current_account, self.access_key, self.service_name, self.region)

    def parse_parameters(self, request: Request) -> None:
        service = get_service_model(self.boto3_service_name)
        operation = service.operation_model(self._get_action())
        protocol = determine_request_protocol(service, request.content_type)
        parser = _Parser if protocol == "json" else PROTOCOL_PARSERS[protocol]
        self.params = parser(operation, map_type=self.PROTOCOL_PARSER_MAP_TYPE).parse(
            {
                "method": self.method,
                "values": {},
                "headers": self.headers,
                "body": self.raw_body,
                "url_path": self.path,
                "url_params": self.uri_match,
            }
        )


class _Parser(JSONParser):  # type: ignore[misc] # moto is untyped
    """Reads parameters by their description as moto does, but asks it for what is there, not for all that may be.

    A value of an item is an object with one of ten members, and most of what is in a call.
    """

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        return super()._parse_shape(shape, node) if _is_read(shape.type_name) else node

    def _parse_structure(self, shape: Any, value: Any) -> Any:
        if type(value) is not dict or len(value) != 1 or shape.is_document_type:
            return super()._parse_structure(shape, value)
        ((named, content),) = value.items()
        read = self.MAP_TYPE()
        if content is not None:
            for name, member in _members(shape).get(named, ()):
                read[name] = self._parse_shape(member, content)
        return read


@cache
def _is_read(kind: str) -> bool:
    """Whether values of that kind are another thing than what JSON has for them."""
    return hasattr(_Parser, f"_parse_{kind}")


@cache
def _members(shape: Any) -> Mapping[str, Sequence[tuple[str, Any]]]:
    """The members of a structure by what they are called in JSON."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, member in shape.members.items():
        found.setdefault(member.serialization.get("name", name), []).append((name, member))
    return found


def _lean(handler: type[Any]) -> type[Any]:
    return type(handler.__name__, (_Lean, handler), {})


HANDLERS = {
    "dynamodb": _lean(DynamoHandler),
    "dynamodbstreams": _lean(DynamoDBStreamsHandler),
    "events": _lean(EventsHandler),
    "logs": _lean(LogsResponse),
    "sqs": _lean(SQSResponse),
}
"""Moto's handlers of JSON calls, by service, each without what such calls do not have."""


def _reads_as_a_form(body: bytes) -> bool:
    return any(name == "Action" for name, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _is_plain(request: ApiRequest) -> bool:
    """Whether it is a call of the JSON protocol, with nothing about it that others than its handler look at."""
    environ = request.environ
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    return bool(
        request.operation
        and environ["REQUEST_METHOD"] == "POST"
        and environ.get("RAW_URI") == "/"
        and environ.get("CONTENT_TYPE") in _JSON
        and not any(name in environ for name in _ELSEWHERE)
        and _HOST.fullmatch(environ.get("HTTP_HOST", ""))
        and (request.service != "dynamodb" or target.startswith(_NEWEST_DYNAMODB))
    )


def _direct(handler: type[Any], request: ApiRequest) -> Response:
    url = f"http://{request.environ['HTTP_HOST'].removesuffix(':80')}/"
    asked = _Asked(request.wsgi_environ())
    try:
        status, headers, content = handler.dispatch(asked, url, asked.headers)
    except ClientError as error:
        status, headers, content = 400, {}, error.response["Error"]["Message"]
    except HTTPException as error:
        answer = error.get_response()
        status, headers, content = answer.status_code, dict(answer.headers), answer.get_data()
    body = content if isinstance(content, bytes) else content.encode()
    told = {name: str(value) for name, value in headers.items()}
    if "content-type" not in map(str.lower, told):
        told["Content-Type"] = "text/html; charset=utf-8"
    return Response(int(status), body, {**told, "Content-Length": str(len(body)), **_OF_EVERY_ANSWER})


class _Asked(Request):  # type: ignore[misc] # moto is untyped
    """A request that came through a server, which has the time of the answer to itself."""

    from_wsgi_server = True

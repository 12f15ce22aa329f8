"""From boto3 to moto's handlers without HTTP between them.

For each call moto has botocore sign and send a request, finds out which service it is for, and reads it as a web
server would: four fifths of what a GetItem takes. Here a call of the JSON protocol is handed to the same handler
directly, as the embedded AWS does. What comes before (hooks, the arguments' check, the body) and behind (the parser,
errors, hooks) is botocore's own, and so is the whole way of every other call.
"""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.endpoint import Endpoint, convert_to_response_dict
from botocore.model import OperationModel
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory
from moto.core.utils import utcnow
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from local.engine.moto_handlers import HANDLERS

FAILED = 300
_URL = re.compile(r"https://(\w+)\.[\w-]+\.amazonaws\.com/")
"""Where botocore sends calls of the JSON protocol, unless it is told otherwise."""

_send_by_http = Endpoint._send_request  # type: ignore[attr-defined]


def send(endpoint: Endpoint, request: dict[str, Any], operation: OperationModel) -> tuple[AWSResponse, Any]:
    """In place of botocore's `Endpoint._send_request`: the answer, as it is and parsed. Repeats what botocore would."""
    handler = _handler(operation.service_model.service_name)
    if handler is None or not _URL.fullmatch(request["url"]) or operation.has_streaming_output:
        return _send_by_http(endpoint, request, operation)  # type: ignore[no-any-return]
    retries: Any = endpoint  # the stubs do not show how
    attempts = 1
    while True:
        response, parsed = answer = _answer(handler, request, operation)
        if response.status_code < FAILED:
            break
        retries._update_retries_context(request["context"], attempts)
        if not retries._needs_retry(attempts, operation, request, answer):
            break
        attempts += 1
    parsed["ResponseMetadata"]["RetryAttempts"] = attempts - 1
    return answer


class _Asked:
    """What moto's handlers look at of a request."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.headers = Headers(request["headers"])
        self.content_type = self.headers.get("Content-Type")
        self.environ = {"wsgi.input": BytesIO(request["body"])}


class _Dated:
    """Where no web server answers, moto says the time itself."""

    def setup_class(self, *arguments: Any) -> None:
        super().setup_class(*arguments)  # type: ignore[misc]
        self.response_headers: dict[str, str]
        self.response_headers["date"] = http_date(utcnow())


@cache
def _handler(service: str) -> Any:
    """None for a service that is asked by other protocols."""
    handler = HANDLERS.get(service)
    return handler and type(handler.__name__, (_Dated, handler), {})


class _Parser(JSONParser):
    """Botocore's looks in each value of an item for all ten kinds that it could be of."""

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == "AttributeValue" and len(value) == 1 and not _PLAIN.isdisjoint(value):
            return value
        return super()._handle_structure(shape, value)  # type: ignore[misc]


_PLAIN = frozenset({"BOOL", "N", "NS", "NULL", "S", "SS"})
"""Values that are their JSON; others are something else, or have something in them that may be."""


@cache
def _parser(protocol: str) -> ResponseParser:
    parser: ResponseParser = _Parser() if protocol == "json" else ResponseParserFactory().create_parser(protocol)
    return parser


def _answer(handler: Any, request: dict[str, Any], operation: OperationModel) -> tuple[AWSResponse, Any]:
    asked = _Asked(request)
    try:
        status, headers, body = handler.dispatch(asked, request["url"], asked.headers)
    except HTTPException as error:
        status, headers, body = error.code, error.get_headers(), error.get_body()
    content = body.encode() if isinstance(body, str) else body
    response = AWSResponse(request["url"], status, headers, _Raw(content))
    told = convert_to_response_dict(response, operation)
    parser: Any = _parser(operation.service_model.resolved_protocol)
    parsed = parser.parse(told, operation.output_shape)  # of which some operations have none
    code = parsed.get("Error", {}).get("Code")
    shape = operation.service_model.shape_for_error_code(code) if status >= FAILED and code else None
    if shape is not None:
        parsed.update(parser.parse(told, shape))
    return response, parsed


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()

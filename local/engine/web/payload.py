"""The event that API Gateway hands to a function: payload format 2.0, member by member."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.engine.api import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.web.requests import WebRequest

_TEXTS = ("application/javascript", "application/json", "application/xml", "text/")
"""Bodies of these types are handed on as text, all others in base64."""


@dataclass(frozen=True)
class Context:
    """What a request came to before the function is called. `at` is in seconds since 1970."""

    api_id: str
    domain: str
    request_id: str
    route_key: str
    at: float
    path: str
    """Decoded."""
    parameters: Mapping[str, str]
    stage: str = "$default"
    authorizer: Mapping[str, Any] | None = None
    variables: Mapping[str, str] | None = None
    """Of the stage."""
    trace_id: str = ""


def event(request: WebRequest, context: Context) -> dict[str, Any]:
    """Members that there is nothing for are left out, as AWS leaves them out: they are not null."""
    moment = time.gmtime(context.at)
    http = {
        "method": request.method,
        "path": context.path,
        "protocol": request.protocol,
        "sourceIp": request.source_ip,
        "userAgent": request.header("user-agent"),
    }
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": context.route_key,
        "rawPath": context.path,
        "rawQueryString": request.query,
        "headers": headers(request, context),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": context.api_id,
            "domainName": context.domain,
            "domainPrefix": context.api_id,
            "http": http,
            "requestId": context.request_id,
            "routeKey": context.route_key,
            "stage": context.stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", moment),
            "timeEpoch": int(context.at * 1000),
        },
        "isBase64Encoded": False,
    }
    if context.authorizer is not None:
        made["requestContext"]["authorizer"] = context.authorizer
    if cookies := [each.strip() for each in request.header("cookie").split(";") if each.strip()]:
        made["cookies"] = cookies
    if query := _joined(request.query):
        made["queryStringParameters"] = query
    if context.parameters:
        made["pathParameters"] = dict(context.parameters)
    if context.variables:
        made["stageVariables"] = dict(context.variables)
    if request.body:
        made["body"], made["isBase64Encoded"] = _body(request)
    return made


def headers(request: WebRequest, context: Context) -> dict[str, str]:
    """Without cookies, which have a member of their own, and with those that API Gateway adds."""
    given = {name: value for name, value in request.headers.items() if name not in {"cookie", "connection"}}
    before = given.get("x-forwarded-for")
    host, _, port = context.domain.partition(":")
    return {
        **given,
        "host": given.get("host", host),
        "content-length": str(len(request.body)),
        "x-amzn-trace-id": given.get("x-amzn-trace-id") or context.trace_id,
        "x-forwarded-for": f"{before}, {request.source_ip}" if before else request.source_ip,
        "x-forwarded-port": port or "443",
        "x-forwarded-proto": "http" if port else "https",
    }


def _joined(query: str) -> dict[str, str]:
    """Of a parameter that is given twice, the values joined by a comma."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _body(request: WebRequest) -> tuple[str, bool]:
    if request.header("content-type").strip().lower().startswith(_TEXTS):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass  # it is not what it says it is
    return base64.b64encode(request.body).decode(), True

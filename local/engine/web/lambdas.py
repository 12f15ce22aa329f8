"""How a service of the web invokes a function: in process, past boto3, through the gateway with its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from local.engine.api import AnswerLost, ApiRequest, Response

if TYPE_CHECKING:
    from local.engine.gateway import Gateway


def invoke(gateway: Gateway, principal: str, function_arn: str, payload: bytes, trace_id: str = "") -> Response:
    """Lambda's answer to Invoke, made by `principal` for itself. Waits for the function."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/2015-03-31/functions/{quote(function_arn, safe='')}/invocations",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "HTTP_X_AMZN_TRACE_ID": trace_id,
    }
    region = function_arn.split(":")[3]
    try:
        return gateway.handle(ApiRequest("lambda", "Invoke", region, environ, payload, principal))
    except AnswerLost:
        return Response(503)

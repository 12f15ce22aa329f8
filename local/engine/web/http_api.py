"""One HTTP API: what happens to a request from the listener to the function and back."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, Response
from local.engine.execution import MAX_PAYLOAD
from local.engine.invoke import new_trace_id
from local.engine.links import OUTSIDE
from local.engine.web import access_log, answers, cors, lambdas, payload, routes
from local.engine.web.authorizers import SERVICE, Admitted, Authorizers, Denied
from local.engine.web.ids import request_id
from local.engine.web.throttles import Throttles

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.background import Background
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway
    from local.engine.web.requests import WebRequest

_logger = logging.getLogger(__name__)

STAGE = "$default"
_LOOK_SECONDS = 0.5
"""Between looks at whether the engine stops."""
MAX_BODY = 10 * 1024 * 1024
MAX_HEAD = 10_240
"""Bytes of the request line and the values of all headers together."""


class _Answered(Exception):  # noqa: N818 - reads as what happened
    """API Gateway answers by itself. `why` is for the access log."""

    def __init__(self, response: Response, **why: object) -> None:
        super().__init__(response.status)
        self.response = response
        self.why = why


@dataclass
class _Exchange:
    """A request on its way; `logged` gathers what the access log can say of it."""

    request: WebRequest
    id: str
    at: float
    path: str
    route_key: str = ""
    logged: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Taken:
    """The API's records for one request, read once."""

    record: Any
    stage: Any
    route: Any
    authorizer: Any
    integration: Any
    parameters: dict[str, str]


class HttpApi:
    """Reads what the API is like at each request, so that it is current whoever changed it.

    A request waits for the function at most as long as its integration allows, 30 s; the function goes on then.
    """

    def __init__(
        self,
        region: str,
        api_id: str,
        *,
        gateway: Gateway,
        background: Background,
        authorizers: Authorizers,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._authorizers = authorizers
        self._throttles = Throttles(clock)
        self._clock = clock
        self._region = region
        self._id = api_id
        self._stream = ""

    def consents(self, request: WebRequest) -> bool:
        """Whether its CORS configuration admits the page that the request is of."""
        with self._gateway.lock:
            record = backends.http_api(self._region, self._id)
            configuration = record and record.cors_configuration
        return cors.admits(configuration, request.header("origin"))

    def answer(self, request: WebRequest) -> Response:
        """Raises: AnswerLost where the Region cannot be reached from outside."""
        if self._gateway.links.faulty:
            self._gateway.links.cross(OUTSIDE, self._region)
        exchange = _Exchange(request, request_id(), self._clock.now(), routes.decoded(request.path))
        began = time.monotonic()
        with self._gateway.lock:
            record = backends.http_api(self._region, self._id)
            stage = record and record.stages.get(STAGE)
            configuration = record and record.cors_configuration
        if stage is None:
            return answers.own(404, "Not Found")
        preflight = cors.preflight(configuration, request)
        if preflight is not None:
            return preflight
        try:
            response = self._through(exchange)
        except Denied as denied:
            exchange.logged |= {"authorizer.error": denied, "error.message": _message(denied.response)}
            response = denied.response
        except _Answered as answered:
            exchange.logged |= {"error.message": _message(answered.response), **answered.why}
            response = answered.response
        response = cors.added(configuration, request, _identified(response, exchange.id))
        self._log(exchange, stage, response, int((time.monotonic() - began) * 1000))
        return response

    def _through(self, exchange: _Exchange) -> Response:
        """Raises: Denied, _Answered."""
        request = exchange.request
        head = len(f"{request.method} {request.path}?{request.query} {request.protocol}")
        if head + sum(map(len, request.headers.values())) > MAX_HEAD:
            raise _Answered(answers.own(431, "Request Header Fields Too Large"))
        if len(request.body) > MAX_BODY:
            raise _Answered(answers.own(413, "Request Entity Too Large"))
        taken = self._taken(exchange)
        exchange.route_key = taken.route.route_key
        settings = taken.stage.default_route_settings or {}, taken.stage.route_settings or {}
        if not self._throttles.admits(*settings, exchange.route_key):
            raise _Answered(answers.own(429, "Too Many Requests"))
        resource = f"{self._arn}/{STAGE}/{request.method}{exchange.path}"
        admitted = self._authorizers.admit(
            request, taken.route, taken.authorizer, region=self._region, resource=resource
        )
        exchange.logged |= admitted.logged
        return self._invoked(exchange, taken, admitted)

    @property
    def _arn(self) -> str:
        return f"arn:aws:execute-api:{self._region}:{ACCOUNT}:{self._id}"

    def _taken(self, exchange: _Exchange) -> _Taken:
        """What there is for the request. Raises: _Answered, where there is no route."""
        with self._gateway.lock:
            record = backends.http_api(self._region, self._id)
            by_key = {} if record is None else {route.route_key: route for route in record.routes.values()}
            match = routes.match(by_key, exchange.request.method, exchange.path)
            if match is None:
                raise _Answered(answers.own(404, "Not Found"))
            integration = record.integrations.get(str(match.route.target).removeprefix("integrations/"))
            if integration is None:
                raise _Answered(answers.own(500, "Internal Server Error"), integrationErrorMessage="no integration")
            return _Taken(
                record,
                record.stages[STAGE],
                match.route,
                record.authorizers.get(match.route.authorizer_id),
                integration,
                dict(match.parameters),
            )

    def _invoked(self, exchange: _Exchange, taken: _Taken, admitted: Admitted) -> Response:
        function = function_of(taken.integration.integration_uri)
        if not self._may_invoke(function, exchange):
            raise _failed("The API is not allowed to invoke the function")
        trace_id = new_trace_id()
        context = payload.Context(
            api_id=self._id,
            domain=taken.record.api_endpoint.partition("://")[2],
            request_id=exchange.id,
            route_key=exchange.route_key,
            at=exchange.at,
            path=exchange.path,
            parameters=taken.parameters,
            stage=STAGE,
            authorizer=admitted.told,
            variables=taken.stage.stage_variables,
            trace_id=trace_id.partition(";")[0],
        )
        event = json.dumps(payload.event(exchange.request, context), ensure_ascii=False).encode()
        if len(event) > MAX_PAYLOAD:
            raise _Answered(answers.own(413, "Request Entity Too Large"))
        began = time.monotonic()
        limit = taken.integration.timeout_in_millis / 1000
        answer = self._within(limit, lambda: lambdas.invoke(self._gateway, SERVICE, function, event, trace_id))
        exchange.logged |= _integration(answer, int((time.monotonic() - began) * 1000))
        return _of(answer)

    def _may_invoke(self, function: str, exchange: _Exchange) -> bool:
        """By the function's own policy, which names the API."""
        method, _, path = exchange.route_key.partition(" ")
        taken = f"{method}{path}" if path else routes.DEFAULT
        if method == "ANY":
            taken = f"{exchange.request.method}{path}"
        source = f"{self._arn}/{STAGE}/{taken}"
        return self._gateway.authorizer.admits(SERVICE, "lambda:InvokeFunction", function, source)

    def _within(self, seconds: float, call: Callable[[], Response]) -> Response | None:
        """What the call answers; None if it does not in time, or the engine stops."""
        found: list[Response] = []
        done = threading.Event()

        def work() -> None:
            try:
                found.append(call())
            finally:
                done.set()

        self._background.spawn("engine-http-api", work)
        deadline = time.monotonic() + seconds
        while not self._background.closing.is_set() and (left := deadline - time.monotonic()) > 0:
            if done.wait(min(left, _LOOK_SECONDS)):
                break
        return found[0] if found else None

    def _log(self, exchange: _Exchange, stage: Any, response: Response, milliseconds: int) -> None:
        settings = stage.access_log_settings
        if not settings:
            return
        request = exchange.request
        text = access_log.line(
            settings["format"],
            {
                "accountId": ACCOUNT,
                "apiId": self._id,
                "domainPrefix": self._id,
                "domainName": request.header("host"),
                "extendedRequestId": exchange.id,
                "httpMethod": request.method,
                "identity.sourceIp": request.source_ip,
                "identity.userAgent": request.header("user-agent"),
                "path": exchange.path,
                "protocol": request.protocol,
                "requestId": exchange.id,
                "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(exchange.at)),
                "requestTimeEpoch": int(exchange.at * 1000),
                "responseLatency": milliseconds,
                "responseLength": len(response.body),
                "routeKey": exchange.route_key,
                "stage": STAGE,
                "status": response.status,
                **exchange.logged,
            },
        )
        with self._gateway.lock:
            group = backends.log_group(settings["destinationArn"])
            if group is None:
                _logger.warning("the log group of %s is gone: %s", self._id, settings["destinationArn"])
                return
            self._stream = self._stream or exchange.id.rstrip("=")
            logs = backends.logs(settings["destinationArn"].split(":")[3])
            if self._stream not in group.streams:
                logs.create_log_stream(group.name, self._stream)
            logs.put_log_events(group.name, self._stream, [{"timestamp": int(time.time() * 1000), "message": text}])


def function_of(uri: str) -> str:
    """The ARN of the function that an integration names, by itself or as a path of API Gateway's."""
    return uri.partition("/functions/")[2].removesuffix("/invocations") if "/functions/" in uri else uri


def _of(answer: Response | None) -> Response:
    """What is answered for a function. Raises: _Answered."""
    if answer is None:
        raise _Answered(answers.own(503, "Service Unavailable"), integrationErrorMessage="Endpoint request timed out")
    if answer.status == 413:  # noqa: PLR2004 - Lambda's own limit
        raise _Answered(answers.own(413, "Request Entity Too Large"))
    if answer.status in {429, 503}:
        raise _Answered(
            answers.own(503, "Service Unavailable"), integrationErrorMessage=answer.body.decode("utf-8", "replace")
        )
    if answer.status != 200 or "x-amz-function-error" in answer.headers:  # noqa: PLR2004
        raise _failed("The Lambda function returned an error")
    try:
        return answers.of_function(answer.body)
    except answers.BadAnswer as error:
        raise _failed(f"The Lambda function's answer is not understood: {error}") from error


def _integration(answer: Response | None, milliseconds: int) -> dict[str, object]:
    status = "" if answer is None else answer.status
    return {
        "integrationLatency": milliseconds,
        "integration.latency": milliseconds,
        "integrationStatus": status,
        "integration.integrationStatus": status,
        "integration.status": status,
        "integration.requestId": "" if answer is None else answer.headers.get("x-amzn-requestid", ""),
    }


def _failed(why: str) -> _Answered:
    response = answers.own(500, "Internal Server Error")
    return _Answered(response, **{"integrationErrorMessage": why, "integration.error": why})


def _message(response: Response) -> str:
    return str(response.json()["message"])


def _identified(response: Response, identity: str) -> Response:
    headers = {**response.headers, "apigw-requestid": identity, "content-length": str(len(response.body))}
    return Response(response.status, response.body, headers, response.cookies)

"""Who answers a call: a seam of its operation, else whoever took over its service, else moto."""

from __future__ import annotations

import pytest

from local.engine import api
from local.engine.api import ApiRequest, Response
from local.engine.gateway import Gateway
from tests.local.calls import call

PUT = {"TableName": "table", "Item": {}}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_a_service_can_be_taken_over_but_for_the_operations_that_have_a_seam(gateway: Gateway) -> None:
    gateway.service("dynamodb", lambda request: Response.of_json({"service": request.operation}))
    gateway.seam("dynamodb", "Query", lambda request: Response.of_json({"seam": request.operation}))

    assert gateway.handle(call("dynamodb", "PutItem", PUT)).json() == {"service": "PutItem"}
    assert gateway.handle(call("dynamodb", "Query", {"TableName": "table"})).json() == {"seam": "Query"}


def test_what_took_over_a_service_is_asked_after_the_faults(gateway: Gateway) -> None:
    gateway.service("dynamodb", lambda _: Response.of_json({}))
    with gateway.intercept("dynamodb", "PutItem", lambda request: request.error("Injected")):
        assert gateway.handle(call("dynamodb", "PutItem", PUT)).json()["__type"] == "Injected"
    assert gateway.calls["dynamodb", "PutItem"] == 1


def test_what_took_over_a_service_does_not_hold_up_the_others(gateway: Gateway) -> None:
    held: list[bool] = []

    def answer(_: ApiRequest) -> Response:
        held.append(gateway.lock._is_owned())  # type: ignore[attr-defined]
        return Response.of_json({})

    gateway.service("dynamodb", answer)
    gateway.handle(call("dynamodb", "PutItem", PUT))
    assert held == [False]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/2015-03-31/functions/f-1_x/invocations"),
        ("POST", "/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST/invocations"),
        ("GET", "/2015-03-31/functions/f/invocations"),
        ("POST", "/2015-03-31/functions/f/invocations/more"),
        ("POST", "/2015-03-31/functions/f/versions"),
        ("POST", "/2014-11-13/functions/f/invoke-async"),
        ("POST", "/"),
    ],
)
def test_an_invocation_is_known_by_its_path_as_the_router_knows_it(method: str, path: str) -> None:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": "127.0.0.1:4566",
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, Signature=0",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "4566",
        "wsgi.url_scheme": "http",
    }
    assert ApiRequest.of(environ, b"{}").operation == api._by_path("lambda", environ)

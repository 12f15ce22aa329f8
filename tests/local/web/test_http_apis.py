"""HTTP APIs from the listener to the function and back: payload, answers, authorizers, CORS, throttles, log, limits."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from http.client import RemoteDisconnected
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import rsa

from local.engine import backends
from local.engine.api import ACCOUNT, Response
from local.engine.links import OUTSIDE
from local.engine.principals import Session
from tests.local.in_process import refusal
from tests.local.web.door import FUNCTION, NOW, REGION, Answer, Door

SCOPES: dict[str, Any] = {"AuthorizationType": "JWT", "AuthorizationScopes": ["ledger/write", "ledger/read"]}
SECOND_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_an_api_of_a_region_that_cannot_be_reached_breaks_the_connection(door: Door) -> None:
    door.function()
    address = door.api("GET /")
    with door.links.cut(OUTSIDE, REGION), pytest.raises(RemoteDisconnected):
        door.send(address, "GET", "/")
    assert door.events == []
    assert door.send(address, "GET", "/").status == 200


def test_the_function_is_handed_what_aws_documents(door: Door) -> None:
    door.function()
    address = door.api("POST /accounts/{id}/commands")
    door.answer = {"statusCode": 201, "body": "made"}
    answer = door.send(
        address,
        "POST",
        "/accounts/a%20%C3%BC/commands?a=1&a=2&b=%26&c=",
        '{"x": 1}',
        Content_Type="application/json; charset=utf-8",
        Cookie="one=1; two=2",
        X_Some="Thing",
        User_Agent="test",
    )
    assert (answer.status, answer.body) == (201, b"made")
    (event,) = door.events
    context, headers = event.pop("requestContext"), event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /accounts/{id}/commands",
        "rawPath": "/accounts/a ü/commands",
        "rawQueryString": "a=1&a=2&b=%26&c=",
        "cookies": ["one=1", "two=2"],
        "queryStringParameters": {"a": "1,2", "b": "&", "c": ""},
        "pathParameters": {"id": "a ü"},
        "body": '{"x": 1}',
        "isBase64Encoded": False,
    }
    host = address.removeprefix("http://")
    assert headers["x-some"] == "Thing"
    assert headers["host"] == host
    assert headers["content-length"] == "8"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "cookie" not in headers
    api_id = context["apiId"]
    identity = context.pop("requestId")
    assert answer.headers["apigw-requestid"] == identity
    assert context == {
        "accountId": ACCOUNT,
        "apiId": api_id,
        "domainName": host,
        "domainPrefix": api_id,
        "http": {
            "method": "POST",
            "path": "/accounts/a ü/commands",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "test",
        },
        "routeKey": "POST /accounts/{id}/commands",
        "stage": "$default",
        "time": "21/Sep/2026:14:13:20 +0000",
        "timeEpoch": int(NOW * 1000),
    }


def test_what_there_is_nothing_for_is_left_out(door: Door) -> None:
    door.function()
    door.send(door.api("GET /health"), "GET", "/health")
    (event,) = door.events
    assert event.keys() == {
        "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded",
    }  # fmt: skip
    assert event["rawQueryString"] == ""
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize(
    ("kind", "body", "is_text"),
    [
        ("application/json", b"{}", True),
        ("text/plain", "ü".encode(), True),
        ("text/plain", b"\xff", False),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("application/octet-stream", b"a", False),
        ("", b"a", False),
    ],
)
def test_a_body_is_text_or_base64_by_its_type(door: Door, kind: str, body: bytes, is_text: bool) -> None:
    door.function()
    door.send(door.api("POST /a"), "POST", "/a", body, **({"Content_Type": kind} if kind else {}))
    (event,) = door.events
    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == (body.decode() if is_text else base64.b64encode(body).decode())


@pytest.mark.parametrize(
    ("given", "status", "kind", "body"),
    [
        ({"a": 1}, 200, "application/json", b'{"a": 1}'),
        ([1], 200, "application/json", b"[1]"),
        ({"statusCode": 404, "body": "no", "headers": {"Content-Type": "text/html"}}, 404, "text/html", b"no"),
        ({"statusCode": "204"}, 204, "text/plain; charset=utf-8", b""),
        ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}, 200, "text/plain; charset=utf-8", b"\xff"),
        ({"statusCode": 200, "body": {"a": 1}}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        ({"statusCode": "many"}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        ({"statusCode": 200, "headers": {"x": "a\r\nb: c"}}, 500, "application/json", None),
        ({"statusCode": 200, "headers": {"x y": "a"}}, 500, "application/json", None),
        ({"statusCode": 200, "body": "!", "isBase64Encoded": True}, 500, "application/json", None),
    ],
    ids=str,
)
def test_a_functions_answer_is_understood_or_500(
    door: Door, given: Any, status: int, kind: str, body: bytes | None
) -> None:
    door.function()
    door.answer = given
    answer = door.send(door.api("GET /a"), "GET", "/a")
    assert (answer.status, answer.headers["content-type"]) == (status, kind)
    assert body is None or answer.body == body


def test_cookies_are_set_one_by_one(door: Door) -> None:
    door.function()
    door.answer = {"statusCode": 200, "cookies": ["a=1; HttpOnly", "b=2"], "headers": {"Set-Cookie": "c=3"}}
    assert door.send(door.api("GET /a"), "GET", "/a").cookies == ["a=1; HttpOnly", "b=2"]


@pytest.mark.parametrize(
    ("of_lambda", "status", "message"),
    [
        (
            Response(200, b'{"errorMessage": "secret"}', {"x-amz-function-error": "Unhandled"}),
            500,
            "Internal Server Error",
        ),
        (Response(429, b"secret"), 503, "Service Unavailable"),
        (Response(503, b"secret"), 503, "Service Unavailable"),
        (Response(413, b"secret"), 413, "Request Entity Too Large"),
        (Response(404, b"secret"), 500, "Internal Server Error"),
    ],
)
def test_what_goes_wrong_behind_says_nothing_of_it(door: Door, of_lambda: Response, status: int, message: str) -> None:
    door.function()
    door.answer = of_lambda
    answer = door.send(door.api("GET /a"), "GET", "/a")
    assert (answer.status, answer.json()) == (status, {"message": message})


@pytest.mark.parametrize("source", [None, "elsewhere/*/*", "*/$default/POST/accounts/{id}"])
def test_without_the_functions_permission_nothing_is_invoked(door: Door, source: str | None) -> None:
    door.function(source=source)
    answer = door.send(door.api("GET /accounts/{id}"), "GET", "/accounts/a")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})
    assert door.events == []


@pytest.mark.parametrize("source", ["*/*/*", "*/*/GET/*", "*/$default/GET/accounts/{id}"])
def test_with_it_it_is(door: Door, source: str) -> None:
    door.function(source=source)
    assert door.send(door.api("GET /accounts/{id}"), "GET", "/accounts/a").status == 200


def test_what_no_route_takes_is_not_found(door: Door) -> None:
    door.function()
    address = door.api("GET /accounts/{id}")
    for method, path in (("GET", "/"), ("POST", "/accounts/a"), ("GET", "/accounts/a%2Fb")):
        answer = door.send(address, method, path)
        assert (answer.status, answer.json()) == (404, {"message": "Not Found"})
    assert door.events == []


# -- tokens ------------------------------------------------------------------------------------------------------------


def bearing(door: Door, authorization: str | None, **of_route: Any) -> Answer:
    door.function()
    address = door.api("GET /accounts/{id}", **(SCOPES | of_route))
    headers = {} if authorization is None else {"Authorization": authorization}
    return door.send(address, "GET", "/accounts/a", **headers)


GROUPS: dict[str, Any] = {"cognito:groups": ["a", "b"]}


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", ""])
def test_the_bearer_of_a_good_token_is_admitted_and_told_of(door: Door, prefix: str) -> None:
    assert bearing(door, prefix + door.token(**GROUPS)).status == 200
    (event,) = door.events
    told = event["requestContext"]["authorizer"]["jwt"]
    assert told["scopes"] == ["ledger/read"]
    assert told["claims"]["sub"] == "somebody"
    assert told["claims"]["exp"] == str(NOW + 3600)
    assert told["claims"]["cognito:groups"] == "[a b]"


def test_a_route_without_scopes_tells_of_none(door: Door) -> None:
    assert bearing(door, "Bearer " + door.token(), AuthorizationScopes=[]).status == 200
    assert door.events[0]["requestContext"]["authorizer"]["jwt"]["scopes"] is None


FAULTS: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 1},
    "nbf in the future": {"nbf": NOW + 60},
    "iat in the future": {"iat": NOW + 60},
    "wrong audience": {"client_id": "other"},
    "wrong aud": {"aud": "other"},
    "wrong issuer": {"iss": f"https://cognito-idp.{REGION}.amazonaws.com/other"},
    "kid unknown": {"kid": "other"},
    "another key": {"key": SECOND_KEY},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_token_with_a_fault_reaches_no_function(door: Door, fault: dict[str, Any]) -> None:
    answer = bearing(door, "Bearer " + door.token(**fault))
    assert (answer.status, answer.json()) == (401, {"message": "Unauthorized"})
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert door.events == []


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "x.y.z"])
def test_neither_does_a_request_without_one(door: Door, authorization: str | None) -> None:
    answer = bearing(door, authorization)
    assert (answer.status, answer.json()) == (401, {"message": "Unauthorized"})
    assert door.events == []


@pytest.mark.parametrize("scope", ["", "openid", "ledger/operate", "ledger/reader", "LEDGER/READ"])
def test_nor_one_without_a_scope_of_the_route(door: Door, scope: str) -> None:
    answer = bearing(door, "Bearer " + door.token(scope=scope))
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})
    assert door.events == []


def test_a_token_runs_out_by_the_engines_clock(door: Door) -> None:
    door.function()
    address, token = door.api("GET /a", **SCOPES), door.token()
    door.clock.advance(3599)
    assert door.send(address, "GET", "/a", Authorization=token).status == 200
    door.clock.advance(1)
    assert door.send(address, "GET", "/a", Authorization=token).status == 401


def test_a_pool_that_is_gone_vouches_for_nobody(door: Door) -> None:
    door.function()
    address, token = door.api("GET /a", **SCOPES), door.token()
    door.client("cognito-idp").delete_user_pool(UserPoolId=door.pool_id)
    assert door.send(address, "GET", "/a", Authorization=token).status == 401


# -- signatures --------------------------------------------------------------------------------------------------------


class Signer:
    """Signs as boto3 does, at the time of the door's clock."""

    def __init__(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        self.door = door
        self.role = door.name("machine")
        door.function()
        self.address = door.api("POST /accounts/{id}/commands", AuthorizationType="AWS_IAM")
        self._patch = monkeypatch

    def headers(self, credentials: Credentials, body: str = "{}", *, region: str = REGION) -> dict[str, str]:
        moment = datetime.fromtimestamp(self.door.clock.now(), UTC)
        self._patch.setattr("botocore.auth.get_current_datetime", lambda: moment.replace(tzinfo=None))
        asked = AWSRequest("POST", f"{self.address}/accounts/a%20b/commands?b=2&a=1", data=body)
        SigV4Auth(credentials, "execute-api", region).add_auth(asked)
        return {name.replace("-", "_"): value for name, value in asked.headers.items()}

    def send(self, headers: dict[str, str], body: str = "{}") -> Answer:
        return self.door.send(self.address, "POST", "/accounts/a%20b/commands?b=2&a=1", body, **headers)

    def session(self, *actions: str) -> Credentials:
        """Credentials of a session of a role that may do this on the API."""
        iam = self.door.client("iam")
        arn = iam.create_role(RoleName=self.role, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        statement = {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": "arn:aws:execute-api:*:*:*/$default/POST/*",
        }
        if actions:
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_role_policy(RoleName=self.role, PolicyName="own", PolicyDocument=document)
        given = backends.assume_role(Session(arn, "teller"), REGION)
        return Credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], given["AWS_SESSION_TOKEN"])


@pytest.fixture
def signing(door: Door, monkeypatch: pytest.MonkeyPatch) -> Signer:
    return Signer(door, monkeypatch)


def test_who_signed_and_may_is_admitted_and_told_of(signing: Signer) -> None:
    credentials = signing.session("execute-api:Invoke")
    assert signing.send(signing.headers(credentials)).status == 200
    (event,) = signing.door.events
    told = event["requestContext"]["authorizer"]["iam"]
    assert told["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{signing.role}/teller"
    assert told["accessKey"] == credentials.access_key
    assert told["accountId"] == ACCOUNT
    assert told["userId"].endswith(":teller")


def test_any_other_key_is_the_administrators(signing: Signer) -> None:
    assert signing.send(signing.headers(Credentials("test", "test"))).status == 200
    told = signing.door.events[0]["requestContext"]["authorizer"]["iam"]
    assert told["userArn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_who_may_not_or_did_not_sign_reaches_no_function(signing: Signer) -> None:
    good = signing.session("execute-api:Invoke")
    fakes = {
        "unsigned": {},
        "a bearer": {"Authorization": "Bearer x"},
        "the wrong secret": signing.headers(Credentials(good.access_key, "wrong", good.token)),
        "no session token": signing.headers(Credentials(good.access_key, good.secret_key)),
        "a key that nobody has": signing.headers(Credentials("ASIAAAAAAAAAAAAAAAAA", "x", "x")),
        "another region": signing.headers(good, region="eu-west-1"),
        "another body": signing.headers(good, body='{"a": 1}'),
        "no date": {n: v for n, v in signing.headers(good).items() if n != "X_Amz_Date"},
    }
    for what, headers in fakes.items():
        answer = signing.send(headers)
        assert (answer.status, answer.json()) == (403, {"message": "Forbidden"}), what
    late = signing.headers(good)
    signing.door.clock.advance(301)
    assert signing.send(late).status == 403
    assert signing.door.events == []


def test_who_has_no_permission_reaches_no_function(signing: Signer) -> None:
    answer = signing.send(signing.headers(signing.session()))
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})
    assert signing.door.events == []


# -- CORS, throttles, log, limits --------------------------------------------------------------------------------------

CORS = {
    "AllowOrigins": ["https://console.example"],
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": ["authorization"],
    "ExposeHeaders": ["etag"],
    "MaxAge": 600,
}


def test_a_preflight_is_answered_without_a_route(door: Door) -> None:
    address = door.api("POST /a", cors=CORS, **SCOPES)
    asked = {"Access_Control_Request_Method": "POST"}
    answer = door.send(address, "OPTIONS", "/a", Origin="https://console.example", **asked)
    assert answer.status == 204
    allowed = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    assert allowed == {
        "access-control-allow-origin": "https://console.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization",
        "access-control-expose-headers": "etag",
        "access-control-max-age": "600",
    }
    other = door.send(address, "OPTIONS", "/a", Origin="https://elsewhere.example", **asked)
    assert not any(name.startswith("access-control-") for name in other.headers)


def test_pages_that_the_api_consents_to_may_change_something_and_others_may_not(door: Door) -> None:
    door.function()
    door.answer = {"statusCode": 200, "headers": {"access-control-allow-origin": "*"}}
    address = door.api("POST /a", cors=CORS)
    answer = door.send(address, "POST", "/a", Origin="https://console.example")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://console.example")
    foreign = door.send(address, "POST", "/a", Origin="https://elsewhere.example")
    assert (foreign.status, len(door.events)) == (403, 1)


def test_without_a_configuration_no_page_of_elsewhere_changes_anything(door: Door) -> None:
    door.function()
    address = door.api("POST /a", "GET /a")
    for origin in ("https://elsewhere.example", "null", "http://localhost:1"):
        assert door.send(address, "POST", "/a", Origin=origin).status == 403
    assert door.events == []
    assert door.send(address, "POST", "/a", Origin=address).status == 200
    assert "access-control-allow-origin" not in door.send(address, "GET", "/a", Origin="https://x.example").headers


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.elsewhere.example"])
def test_a_listener_answers_to_its_own_address_alone(door: Door, host: str) -> None:
    door.function()
    assert door.send(door.api("GET /a"), "GET", "/a", Host=host).status == 403
    assert door.events == []


def test_throttles_refill_by_the_engines_clock(door: Door) -> None:
    door.function()
    settings = {"ThrottlingRateLimit": 2.0, "ThrottlingBurstLimit": 3}
    own = {"GET /own": {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1}}
    address = door.api("GET /a", "GET /b", "GET /own", stage={"DefaultRouteSettings": settings, "RouteSettings": own})

    def statuses(*paths: str) -> list[int]:
        return [door.send(address, "GET", path).status for path in paths]

    assert statuses("/a", "/b", "/a", "/b", "/own", "/own") == [200, 200, 200, 429, 200, 429]
    door.clock.advance(1)
    assert statuses("/a", "/b", "/a", "/own", "/own") == [200, 200, 429, 200, 429]
    assert door.send(address, "GET", "/a").json() == {"message": "Too Many Requests"}


def test_each_request_is_a_line_in_the_access_log(door: Door) -> None:
    door.function()
    logs = door.client("logs")
    logs.create_log_group(logGroupName="access")
    arn = logs.describe_log_groups()["logGroups"][0]["arn"].removesuffix(":*")
    names = ("requestId", "routeKey", "status", "authorizer.claims.sub", "authorizer.error", "integrationStatus")
    line = json.dumps({name: f"$context.{name}" for name in names})
    address = door.api("GET /a", stage={"AccessLogSettings": {"DestinationArn": arn, "Format": line}}, **SCOPES)
    door.send(address, "GET", "/a", Authorization=door.token(sub='s"s'))
    door.send(address, "GET", "/a", Authorization=door.token(exp=NOW))
    door.send(address, "GET", "/b")
    events = logs.filter_log_events(logGroupName="access")["events"]
    told = [json.loads(event["message"]) for event in events]
    assert all(each.pop("requestId") != "-" for each in told)
    assert [tuple(each.values()) for each in told] == [
        ("GET /a", "200", 's"s', "-", "200"),
        ("GET /a", "401", "-", "the token has expired", "-"),
        ("-", "404", "-", "-", "-"),
    ]


def test_what_is_too_long_is_refused(door: Door) -> None:
    door.function()
    address = door.api("POST /a")
    assert door.send(address, "POST", "/a", b"x" * (10 * 1024 * 1024 + 1)).status == 413
    assert door.send(address, "POST", "/a", b"x" * (6 * 1024 * 1024)).status == 413
    assert door.send(address, "POST", "/a", X_Long="x" * 10_300).status == 431
    assert door.events == []


# -- the API of APIs ---------------------------------------------------------------------------------------------------


def test_an_api_that_is_made_again_has_its_id_again(door: Door) -> None:
    gateway = door.client("apigatewayv2")
    first = gateway.create_api(Name="a", ProtocolType="HTTP", Tags={"k": "v"})
    second = gateway.create_api(Name="a", ProtocolType="HTTP")
    assert first["ApiId"] != second["ApiId"]
    assert gateway.get_api(ApiId=first["ApiId"])["Tags"] == {"k": "v"}
    gateway.delete_api(ApiId=first["ApiId"])
    with pytest.raises(ConnectionError):
        door.send(first["ApiEndpoint"], "GET", "/")
    assert gateway.create_api(Name="a", ProtocolType="HTTP")["ApiId"] == first["ApiId"]


def test_a_change_of_a_route_holds_at_the_next_request(door: Door) -> None:
    door.function()
    address, gateway = door.api("GET /a", **SCOPES), door.client("apigatewayv2")
    api_id = next(each["ApiId"] for each in gateway.get_apis()["Items"] if each["ApiEndpoint"] == address)
    of = {"ApiId": api_id, "RouteId": gateway.get_routes(ApiId=api_id)["Items"][0]["RouteId"]}
    token = door.token()
    assert door.send(address, "GET", "/a", Authorization=token).status == 200
    gateway.update_route(**of, AuthorizationScopes=["ledger/operate"])
    assert door.send(address, "GET", "/a", Authorization=token).status == 403
    assert refusal(gateway.update_route, **of, AuthorizationScopes=[])[0] == "NotImplemented"
    integration = gateway.get_integrations(ApiId=api_id)["Items"][0]["IntegrationId"]
    gateway.update_integration(ApiId=api_id, IntegrationId=integration, TimeoutInMillis=5000)
    gateway.update_route(**of, AuthorizationType="NONE")
    assert door.send(address, "GET", "/a").status == 200
    stage = {"ApiId": api_id, "StageName": "$default"}
    assert refusal(gateway.update_stage, **stage)[0] == "NotImplemented"


INTEGRATION = {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "2.0"}
OVER_HTTP = {"Issuer": "http://far.example", "Audience": ["a"]}
STAGE = {"StageName": "$default", "AutoDeploy": True}
JWT = {"Name": "x", "AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"]}


@pytest.mark.parametrize(
    ("method", "given", "code"),
    [
        ("create_api", {"Name": "a", "ProtocolType": "WEBSOCKET"}, "NotImplemented"),
        ("create_api", {"Name": "a", "ProtocolType": "HTTP", "Target": FUNCTION}, "NotImplemented"),
        ("create_api", {"Name": "a", "ProtocolType": "HTTP", "DisableExecuteApiEndpoint": True}, "NotImplemented"),
        ("create_stage", {"StageName": "v1", "AutoDeploy": True}, "NotImplemented"),
        ("create_stage", {"StageName": "$default"}, "NotImplemented"),
        ("create_stage", {**STAGE, "RouteSettings": {"GET /x": {}}}, "NotFoundException"),
        ("create_integration", {**INTEGRATION, "PayloadFormatVersion": "1.0"}, "NotImplemented"),
        ("create_integration", {**INTEGRATION, "IntegrationType": "HTTP_PROXY"}, "NotImplemented"),
        ("create_integration", {**INTEGRATION, "IntegrationUri": "https://example.com"}, "NotImplemented"),
        ("create_integration", {**INTEGRATION, "TimeoutInMillis": 30_001}, "BadRequestException"),
        ("create_route", {"RouteKey": "GET a"}, "BadRequestException"),
        ("create_route", {"RouteKey": "GET /a", "Target": "integrations/none"}, "BadRequestException"),
        ("create_route", {"RouteKey": "GET /a", "AuthorizationType": "CUSTOM"}, "NotImplemented"),
        ("create_route", {"RouteKey": "GET /a", "AuthorizationScopes": ["a"]}, "BadRequestException"),
        ("create_authorizer", {**JWT, "AuthorizerType": "REQUEST"}, "NotImplemented"),
        ("create_authorizer", {**JWT, "JwtConfiguration": OVER_HTTP}, "BadRequestException"),
        ("create_authorizer", {**JWT, "JwtConfiguration": {"Issuer": "https://far.example"}}, "BadRequestException"),
    ],
    ids=str,
)  # fmt: skip
def test_what_aws_or_this_does_not_do_is_refused(door: Door, method: str, given: dict[str, Any], code: str) -> None:
    gateway = door.client("apigatewayv2")
    if method != "create_api":
        given = {**given, "ApiId": gateway.create_api(Name="b", ProtocolType="HTTP")["ApiId"]}
    assert refusal(getattr(gateway, method), **given)[0] == code

"""The web of the embedded AWS without workers: moto, its origins, and a function that answers what a test says."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from local.engine import backends
from local.engine.api import ACCOUNT, ApiRequest, Response
from local.engine.authorization import Authorizer
from local.engine.background import Background
from local.engine.clock import ManualClock
from local.engine.gateway import Gateway
from local.engine.links import Links
from local.engine.refusals import Refusals
from local.engine.web import tokens
from local.engine.web.front import Front
from local.engine.web.origins import NothingKept
from tests.local.conftest import package
from tests.local.in_process import Clients, aws

NOW = 1_790_000_000.0
REGION = "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ledger"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Door:
    """`events` are those that the function was handed; `answer` is what it answers, or the error that Lambda does."""

    client: Clients
    clock: ManualClock
    authorizer: Authorizer
    links: Links
    events: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None
    _permitted: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def invoke(self, request: ApiRequest) -> Response:
        self.events.append(json.loads(request.body))
        if isinstance(self.answer, Response):
            return self.answer
        return Response(200, json.dumps(self.answer).encode(), {"x-amzn-requestid": "invocation"})

    def send(self, address: str, method: str, path: str, body: bytes | str = b"", **headers: str) -> Answer:
        """A request as it stands; names of headers have underscores for dashes."""
        host = urlsplit(address).netloc or address
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body.encode() if isinstance(body, str) else body, named)
            answer = connection.getresponse()
            found = answer.getheaders()
            plain = {name.lower(): value for name, value in found if name.lower() != "set-cookie"}
            cookies = [value for name, value in found if name.lower() == "set-cookie"]
            return Answer(answer.status, plain, answer.read(), cookies)
        finally:
            connection.close()

    def function(self, *, source: str | None = "*") -> None:
        """There is the function, which API Gateway may invoke for what `source` says of `arn:aws:execute-api:`."""
        lambda_ = self.client("lambda")
        if not lambda_.list_functions()["Functions"]:
            role = self.client("iam").create_role(RoleName="runs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
            code = {"ZipFile": package({"main.py": ""})}
            lambda_.create_function(
                FunctionName="ledger", Runtime="python3.13", Role=role, Handler="main.handler", Code=code
            )
        elif self._permitted:
            lambda_.remove_permission(FunctionName="ledger", StatementId="api")
        self._permitted = source is not None
        if self._permitted:
            lambda_.add_permission(
                FunctionName="ledger",
                StatementId="api",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{source}",
            )

    def name(self, kind: str) -> str:
        """Another one each time."""
        return f"{kind}-{next(self._numbers)}"

    def api(self, *routes: str, stage: dict[str, Any] | None = None, cors: Any = None, **of_route: Any) -> str:
        """The address of a new API with these routes to the function."""
        gateway = self.client("apigatewayv2")
        given = {"CorsConfiguration": cors} if cors else {}
        made = gateway.create_api(Name=self.name("api"), ProtocolType="HTTP", **given)
        api_id = made["ApiId"]
        integration = gateway.create_integration(
            ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        if of_route.get("AuthorizationType") == "JWT":
            of_route["AuthorizerId"] = self.authorizer_of(api_id)
        for key in routes:
            gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}", **of_route)
        gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True, **(stage or {}))
        return str(made["ApiEndpoint"])

    def authorizer_of(self, api_id: str) -> str:
        made = self.client("apigatewayv2").create_authorizer(
            ApiId=api_id,
            Name="tokens",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": self.issuer, "Audience": ["client"]},
        )
        return str(made["AuthorizerId"])

    @property
    def pool_id(self) -> str:
        pools = backends.user_pools(REGION)
        if not pools:
            self.client("cognito-idp").create_user_pool(PoolName="people")
        return str(next(iter(pools)))

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool_id}"

    def token(self, *, key: Any = None, kid: str | None = None, **claims: Any) -> str:
        """A good one but for what is given; a claim that is `...` is left out."""
        pool = backends.user_pool(REGION, self.pool_id)
        now = self.clock.now()
        all_claims = {
            "iss": self.issuer, "sub": "somebody", "client_id": "client", "scope": "ledger/read", "token_use": "access",
            "iat": now, "exp": now + 3600, **claims,
        }  # fmt: skip
        given = {name: value for name, value in all_claims.items() if value is not ...}
        return tokens.sign(given, key or backends.pool_signing_key(pool), kid or backends.POOL_KEY)


@contextmanager
def opened() -> Iterator[Door]:
    clock = ManualClock(NOW)
    background = Background()
    made: dict[str, Any] = {}

    def invoke(request: ApiRequest) -> Response:
        door: Door = made["door"]
        return door.invoke(request)

    def seams(gateway: Gateway) -> None:
        made["authorizer"], made["links"] = gateway.authorizer, gateway.links
        gateway.seam("lambda", "Invoke", invoke)
        Refusals(gateway)
        made["front"] = Front(gateway, background, clock, port=0, kept=NothingKept(), region=REGION)

    with aws(seams) as client:
        made["door"] = Door(client, clock, made["authorizer"], made["links"])
        try:
            yield made["door"]
        finally:
            background.closing.set()
            made["front"].stop()
            background.stop()

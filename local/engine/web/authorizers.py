"""Who may take a route of an HTTP API: anybody, the bearer of a token, or a caller of AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, Response
from local.engine.web import answers, tokens
from local.engine.web.signatures import NotSigned, Secret, signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.authorization import Authorizer
    from local.engine.clock import Clock
    from local.engine.web.issuers import Issuers
    from local.engine.web.requests import WebRequest

SERVICE = "apigateway.amazonaws.com"
_BEARER = "bearer "


class Denied(Exception):  # noqa: N818 - reads as what happened
    """With the answer to it. The message is for the access log."""

    def __init__(self, response: Response, message: str) -> None:
        super().__init__(message)
        self.response = response


@dataclass(frozen=True)
class Admitted:
    """`told` is what the function is told of the caller; `logged` has the caller's variables of the access log."""

    told: Mapping[str, Any] | None = None
    logged: Mapping[str, object] = field(default_factory=dict)


class Authorizers:
    """Of all APIs."""

    def __init__(self, authorizer: Authorizer, issuers: Issuers, clock: Clock) -> None:
        self._authorizer = authorizer
        self._issuers = issuers
        self._clock = clock

    def admit(self, request: WebRequest, route: Any, authorizer: Any, *, region: str, resource: str) -> Admitted:
        """`route` and `authorizer` are the API's records, `resource` is the ARN that is asked for. Raises: Denied."""
        match route.authorization_type:
            case None | "NONE":
                return Admitted()
            case "JWT":
                return self._by_token(request, route.authorization_scopes or [], authorizer.jwt_config)
            case "AWS_IAM":
                return self._by_signature(request, region, resource)
        raise Denied(answers.own(500, "Internal Server Error"), f"the authorization type {route.authorization_type}")

    def _by_token(self, request: WebRequest, wanted: list[str], configured: Mapping[str, Any]) -> Admitted:
        given = request.header("authorization").strip()
        token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else given
        if not token:
            raise Denied(_unauthorized("Bearer"), "no token")
        issuer = configured["issuer"]
        find_key = partial(self._issuers.find, issuer)
        try:
            claims = tokens.verify(
                token, find_key, issuer=issuer, audiences=configured["audience"], now=self._clock.now()
            )
        except tokens.TokenRefused as refused:
            challenge = f'Bearer scope="{" ".join(wanted)}" error="invalid_token" error_description="{refused}"'
            raise Denied(_unauthorized(challenge), str(refused)) from refused
        held = tokens.scopes(claims)
        if wanted and not set(wanted) & set(held):
            text = "the token does not have the required scopes"
            challenge = f'Bearer scope="{" ".join(wanted)}" error="insufficient_scope" error_description="{text}"'
            raise Denied(answers.own(403, "Forbidden", {"www-authenticate": challenge}), text)
        texts = tokens.as_texts(claims)
        logged = {f"authorizer.{of}{name}": value for name, value in texts.items() for of in ("claims.", "jwt.claims.")}
        return Admitted({"jwt": {"claims": texts, "scopes": held if wanted else None}}, logged)

    def _by_signature(self, request: WebRequest, region: str, resource: str) -> Admitted:
        try:
            access_key = signer(request, self._secret, region=region, now=self._clock.now())
        except NotSigned as error:
            raise Denied(answers.own(403, "Forbidden"), str(error)) from error
        caller = self._authorizer.caller(access_key)
        if not self._authorizer.allows(access_key, "execute-api:Invoke", resource):
            raise Denied(answers.own(403, "Forbidden"), f"{caller.arn} may not execute-api:Invoke on {resource}")
        iam = {
            "accessKey": access_key,
            "accountId": ACCOUNT,
            "callerId": caller.id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": caller.arn,
            "userId": caller.id,
        }
        logged = {
            "identity.accountId": ACCOUNT,
            "identity.caller": caller.id,
            "identity.user": caller.id,
            "identity.userArn": caller.arn,
        }
        return Admitted({"iam": iam}, logged)

    def _secret(self, access_key: str) -> Secret | None:
        with self._authorizer.lock:
            found = backends.secret_of(access_key)
        return None if found is None else Secret(*found)


def _unauthorized(challenge: str) -> Response:
    return answers.own(401, "Unauthorized", {"www-authenticate": challenge})

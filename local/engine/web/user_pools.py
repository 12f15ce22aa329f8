"""Cognito's user pools: moto keeps them; each domain is an origin at which one signs in (`sign_in`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.engine import backends
from local.engine.api import ApiError, ApiRequest, Response
from local.engine.web import ids
from local.engine.web.grants import Grants
from local.engine.web.origins import Origins, Site
from local.engine.web.sign_in import SignIn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.clock import Clock
    from local.engine.gateway import Gateway

_SERVICE = "cognito-idp"
_POOL_ID_LENGTH, _CLIENT_ID_LENGTH = 9, 26
_STANDARD_SCOPES = {"aws.cognito.signin.user.admin", "email", "openid", "phone", "profile"}
_LOCAL = {"127.0.0.1", "localhost"}


class UserPools:
    """Opens and closes the origins of domains."""

    def __init__(self, gateway: Gateway, origins: Origins, clock: Clock) -> None:
        self._gateway = gateway
        self._origins = origins
        self._clock = clock
        self._grants = Grants(clock)
        gateway.seam(_SERVICE, "CreateUserPool", self._create_pool)
        gateway.seam(_SERVICE, "CreateUserPoolClient", self._create_client)
        gateway.seam(_SERVICE, "AdminCreateUser", self._create_user)
        gateway.seam(_SERVICE, "CreateUserPoolDomain", self._create_domain)
        gateway.seam(_SERVICE, "DescribeUserPoolDomain", self._describe_domain)
        gateway.seam(_SERVICE, "DeleteUserPoolDomain", self._delete_domain)
        for operation, check in (
            ("CreateUserPool", _check_pool),
            ("UpdateUserPool", _check_pool),
            ("CreateUserPoolClient", self._check_client),
            ("UpdateUserPoolClient", self._check_client),
            ("DeleteUserPool", self._check_deletion),
        ):
            gateway.before(_SERVICE, operation, check)

    def _create_pool(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status < 300:  # noqa: PLR2004 - a success
                made = response.json()["UserPool"]
                pools = backends.user_pools(request.region)
                taken = {each.partition("_")[2] for each in pools}
                name = ids.derived(_POOL_ID_LENGTH, "pool", request.region, made["Name"], taken=taken)
                pool_id = f"{request.region}_{name}"
                backends.name_user_pool(request.region, made["Id"], pool_id)
                return _replacing(response, made["Id"], pool_id)
        return response

    def _create_client(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status < 300:  # noqa: PLR2004 - a success
                made = response.json()["UserPoolClient"]
                pool = backends.user_pool(request.region, made["UserPoolId"])
                client_id = ids.derived(_CLIENT_ID_LENGTH, pool.id, made["ClientName"], taken=pool.clients)
                client = pool.clients.pop(made["ClientId"])
                client.id = client_id
                pool.clients[client_id] = client
                return _replacing(response, made["ClientId"], client_id)
        return response

    def _create_user(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status < 300:  # noqa: PLR2004 - a success
                pool = backends.user_pool(request.region, request.parameters["UserPoolId"])
                user = pool.users[response.json()["User"]["Username"]]
                was = user.id
                backends.name_user(user, ids.subject(pool.id, user.username))
                return _replacing(response, was, user.id)
        return response

    def _create_domain(self, request: ApiRequest) -> Response:
        asked = request.parameters
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status >= 300:  # noqa: PLR2004 - not a success
                return response
            sign_in = SignIn(
                self._gateway, self._clock, self._grants, region=request.region, pool_id=asked["UserPoolId"]
            )
            try:
                address = self._origins.open(_origin(asked["Domain"]), Site(sign_in.answer, sign_in.consents))
            except OSError:
                backends.forget_pool_domain(request.region, asked["Domain"])
                raise
        return Response.of_json({"CloudFrontDomain": address})

    def _describe_domain(self, request: ApiRequest) -> Response:
        response = self._gateway.moto(request)
        answer = response.json()
        address = self._origins.address(_origin(str(request.parameters.get("Domain"))))
        if response.status >= 300 or not answer.get("DomainDescription") or address is None:  # noqa: PLR2004
            return response
        answer["DomainDescription"]["CloudFrontDistribution"] = address
        return Response.of_json(answer)

    def _delete_domain(self, request: ApiRequest) -> Response:
        response = self._gateway.moto(request)
        if response.status < 300:  # noqa: PLR2004 - a success
            self._origins.close(_origin(request.parameters["Domain"]))
        return response

    def _check_client(self, request: ApiRequest) -> None:
        asked = request.parameters
        for flow in asked.get("AllowedOAuthFlows") or ():
            if flow != "code":
                raise NotImplementedError(f"the flow {flow}")
        for provider in asked.get("SupportedIdentityProviders") or ():
            if provider != "COGNITO":
                raise NotImplementedError(f"the identity provider {provider}")
        for address in (*(asked.get("CallbackURLs") or ()), *(asked.get("LogoutURLs") or ())):
            _check_address(address)
        with self._gateway.lock:
            pool = backends.user_pool(request.region, str(asked.get("UserPoolId")))
            servers = pool.resource_servers.values() if pool else ()
            known = {f"{server.identifier}/{scope['ScopeName']}" for server in servers for scope in server.scopes or ()}
        for scope in asked.get("AllowedOAuthScopes") or ():
            if pool and scope not in known | _STANDARD_SCOPES:
                raise ApiError("ScopeDoesNotExistException", f"Invalid scope requested: {scope}")

    def _check_deletion(self, request: ApiRequest) -> None:
        with self._gateway.lock:
            pool = backends.user_pool(request.region, str(request.parameters.get("UserPoolId")))
            protected = pool and pool.extended_config.get("DeletionProtection") == "ACTIVE"
            domain = pool and pool.domain
        if protected:
            raise ApiError("InvalidParameterException", "The user pool is protected from deletion.")
        if domain:
            raise ApiError("InvalidParameterException", "User pool cannot be deleted. It has a domain configured.")


def _check_pool(request: ApiRequest) -> None:
    triggers: Mapping[str, Any] = request.parameters.get("LambdaConfig") or {}
    trigger = triggers.get("PreTokenGenerationConfig") or {}
    if trigger and trigger.get("LambdaVersion") != "V2_0":
        raise NotImplementedError(f"the trigger PreTokenGeneration of the version {trigger.get('LambdaVersion')}")
    if triggers.get("PreTokenGeneration") not in (None, trigger.get("LambdaArn")):
        raise NotImplementedError("the trigger PreTokenGeneration of the version V1_0")


def _check_address(address: str) -> None:
    url = urlsplit(address)
    if url.fragment or not url.scheme or (url.scheme == "http" and url.hostname not in _LOCAL):
        raise ApiError("InvalidParameterException", f"{address} cannot use the HTTP protocol, or is no URL.")


def _replacing(response: Response, was: str, made: str) -> Response:
    """The answer with the identifier that replaced moto's."""
    return Response(response.status, response.body.replace(was.encode(), made.encode()), {})


def _origin(domain: str) -> str:
    return f"sign-in {domain}"

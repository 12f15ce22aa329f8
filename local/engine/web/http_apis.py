"""API Gateway's HTTP APIs: moto keeps them, and each answers at an origin of its own as long as it is there.

Checked here is what AWS refuses and moto takes. What the embedded AWS does not have is refused by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiError, ApiRequest, Response
from local.engine.web import access_log, ids, issuers, routes
from local.engine.web.http_api import STAGE, HttpApi, function_of
from local.engine.web.origins import Origins, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.background import Background
    from local.engine.clock import Clock
    from local.engine.gateway import Gateway
    from local.engine.web.authorizers import Authorizers

_SERVICE = "apigatewayv2"
_ID_LENGTH = 10
_TIMEOUTS = range(50, 30_001)
_FUNCTION = re.compile(r"arn:aws:lambda:[\w-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")
_IDENTITY_SOURCE = ["$request.header.Authorization"]
_AUTHORIZER = {
    "authorizerType": "JWT",
    "identitySource": _IDENTITY_SOURCE,
    "jwtConfiguration": {"issuer": "https://unchanged", "audience": ["unchanged"]},
}
_INTEGRATION = {
    "integrationType": "AWS_PROXY",
    "payloadFormatVersion": "2.0",
    "integrationUri": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:unchanged",
}
_THROTTLES = {"throttlingBurstLimit", "throttlingRateLimit", "detailedMetricsEnabled"}
_CORS = {"allowCredentials", "allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders", "maxAge"}


class HttpApis:
    """Opens and closes the origins."""

    def __init__(
        self, gateway: Gateway, background: Background, origins: Origins, authorizers: Authorizers, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._origins = origins
        self._authorizers = authorizers
        self._clock = clock
        gateway.seam(_SERVICE, "CreateApi", self._create)
        gateway.seam(_SERVICE, "DeleteApi", self._delete)
        for operation, check in (
            ("CreateApi", _check_api),
            ("UpdateApi", _check_api),
            ("CreateAuthorizer", _check_authorizer),
            ("UpdateAuthorizer", _check_authorizer),
            ("CreateIntegration", _check_integration),
            ("UpdateIntegration", _check_integration),
            ("CreateStage", self._check_stage),
            ("CreateRoute", self._check_route),
            ("UpdateRoute", self._check_route),
        ):
            gateway.before(_SERVICE, operation, check)

    def _create(self, request: ApiRequest) -> Response:
        with self._gateway.lock:
            response = self._gateway.moto(request)
            if response.status >= 300:  # noqa: PLR2004 - not a success
                return response
            made = response.json()
            taken = backends.http_apis(request.region)
            api_id = ids.derived(_ID_LENGTH, "api", request.region, made["name"], taken=taken)
            api = HttpApi(
                request.region,
                api_id,
                gateway=self._gateway,
                background=self._background,
                authorizers=self._authorizers,
                clock=self._clock,
            )
            try:
                address = self._origins.open(_origin(api_id), Site(api.answer, api.consents))
            except OSError:
                backends.forget_http_api(request.region, made["apiId"])
                raise
            record = backends.name_http_api(request.region, made["apiId"], api_id, f"http://{address}")
            return Response.of_json(record.to_json(), 201)

    def _delete(self, request: ApiRequest) -> Response:
        response = self._gateway.moto(request)
        if response.status < 300:  # noqa: PLR2004 - a success
            self._origins.close(_origin(_api_in(request)))
        return response

    def _check_stage(self, request: ApiRequest) -> None:
        asked = request.parameters
        if asked.get("stageName") != STAGE:
            raise NotImplementedError(f"the stage {asked.get('stageName')}: {STAGE} alone is served")
        if not asked.get("autoDeploy"):
            raise NotImplementedError("deployments: a stage here has autoDeploy")
        for name in ("clientCertificateId", "deploymentId"):
            if asked.get(name):
                raise NotImplementedError(f"the input {name}")
        with self._gateway.lock:
            api = self._api(request)
            if STAGE in api.stages:
                raise ApiError("ConflictException", "Stage already exists", 409)
            keys = {route.route_key for route in api.routes.values()}
        self._check_log(asked.get("accessLogSettings") or {})
        _check_throttles(asked.get("defaultRouteSettings") or {})
        for key, settings in (asked.get("routeSettings") or {}).items():
            if key not in keys:
                raise ApiError("NotFoundException", f"Unable to find Route by key {key} of RouteSettings", 404)
            _check_throttles(settings)

    def _check_log(self, log: Mapping[str, Any]) -> None:
        with self._gateway.lock:
            if log and backends.log_group(str(log.get("destinationArn"))) is None:
                raise ApiError("BadRequestException", "The ARN of the access log is none of a log group")
        if unknown := access_log.unknown(str(log.get("format") or "")):
            raise NotImplementedError(f"the variables $context.{', $context.'.join(unknown)} of an access log")
        if log and "$context.requestId" not in str(log.get("format")):
            raise ApiError("BadRequestException", "Access log format must include $context.requestId")

    def _check_route(self, request: ApiRequest) -> None:
        asked = request.parameters
        for name in ("apiKeyRequired", "modelSelectionExpression", "requestModels", "requestParameters",
                     "routeResponseSelectionExpression"):  # fmt: skip
            if asked.get(name):
                raise NotImplementedError(f"the input {name}")
        present = self._present_route(request)
        if present is not None and asked.get("authorizationScopes") == []:
            raise NotImplementedError("taking away the scopes of a route")  # which moto would not do
        kind = asked.get("authorizationType") or (present and present.authorization_type) or "NONE"
        key = asked.get("routeKey")
        if kind not in {"NONE", "JWT", "AWS_IAM"}:
            raise NotImplementedError(f"the authorization type {kind}")
        if kind != "JWT" and (asked.get("authorizationScopes") or asked.get("authorizerId")):
            raise ApiError("BadRequestException", f"A route of type {kind} has neither an authorizer nor scopes")
        if key is not None:
            try:
                routes.check(str(key))
            except routes.BadRouteKey as error:
                raise ApiError("BadRequestException", str(error)) from error
        with self._gateway.lock:
            self._check_references(request, asked, kind)

    def _check_references(self, request: ApiRequest, asked: Mapping[str, Any], kind: str) -> None:
        api = self._api(request)
        own = request.path.rsplit("/", 1)[-1]
        others = [route.route_key for route in api.routes.values() if route.route_id != own]
        if asked.get("routeKey") in others:
            raise ApiError("ConflictException", f"Route with key {asked['routeKey']} already exists for this API", 409)
        target = str(asked.get("target") or "")
        if (target or request.operation == "CreateRoute") and (
            target.removeprefix("integrations/") not in api.integrations or not target.startswith("integrations/")
        ):
            raise ApiError("BadRequestException", f"The target {target} is no integration of this API")
        present = api.routes.get(own)
        authorizer = asked.get("authorizerId") or (present and present.authorizer_id)
        if kind == "JWT" and authorizer not in api.authorizers:
            raise ApiError("BadRequestException", f"{authorizer} is no authorizer of this API")

    def _present_route(self, request: ApiRequest) -> Any:
        """The route that is updated, None where one is made."""
        with self._gateway.lock:
            return self._api(request).routes.get(request.path.rsplit("/", 1)[-1])

    def _api(self, request: ApiRequest) -> Any:
        api = backends.http_api(request.region, _api_in(request))
        if api is None:
            raise ApiError("NotFoundException", f"Invalid API identifier specified {ACCOUNT}:{_api_in(request)}", 404)
        return api


def _check_api(request: ApiRequest) -> None:
    asked = request.parameters
    if request.operation == "CreateApi" and asked.get("protocolType") != "HTTP":
        raise NotImplementedError(f"APIs of the protocol {asked.get('protocolType')}")
    if not asked.get("name") and request.operation == "CreateApi":
        raise ApiError("BadRequestException", "An API has a name")
    harmless = {
        "apiKeySelectionExpression": ("$request.header.x-api-key",),
        "disableSchemaValidation": (False,),
        "ipAddressType": ("ipv4",),
        "routeSelectionExpression": ("$request.method $request.path", "${request.method} ${request.path}"),
    }
    for name in (*harmless, "credentialsArn", "disableExecuteApiEndpoint", "routeKey", "target"):
        if asked.get(name) and asked[name] not in harmless.get(name, ()):
            raise NotImplementedError(f"the input {name}")
    cors = asked.get("corsConfiguration") or {}
    if unknown := sorted(cors.keys() - _CORS):
        raise ApiError("BadRequestException", f"Unknown members of corsConfiguration: {unknown}")
    if cors.get("allowCredentials") and "*" in (cors.get("allowOrigins") or ()):
        raise ApiError("BadRequestException", "allowCredentials is not for every origin")
    for origin in cors.get("allowOrigins") or ():
        if origin != "*" and not origin.startswith(("http://", "https://")):
            raise ApiError("BadRequestException", f"Invalid format for origin {origin}")


def _check_authorizer(request: ApiRequest) -> None:
    asked = _with_present(request, _AUTHORIZER)
    if asked.get("authorizerType") != "JWT":
        raise NotImplementedError(f"authorizers of the type {asked.get('authorizerType')}")
    for name in ("authorizerCredentialsArn", "authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds",
                 "authorizerUri", "enableSimpleResponses", "identityValidationExpression"):  # fmt: skip
        if asked.get(name):
            raise ApiError("BadRequestException", f"{name} is not for JWT authorizers")
    if asked.get("identitySource") != _IDENTITY_SOURCE:
        raise NotImplementedError(f"the identity source {asked.get('identitySource')}")
    configured = asked.get("jwtConfiguration") or {}
    if not issuers.is_usable(str(configured.get("issuer"))):
        raise ApiError(
            "BadRequestException",
            f"Invalid issuer: {configured.get('issuer')}. It has to be reached over TLS",
        )
    if not configured.get("audience"):
        raise ApiError("BadRequestException", "A JWT authorizer has an audience")


def _check_integration(request: ApiRequest) -> None:
    asked = _with_present(request, _INTEGRATION)
    for name in ("connectionId", "contentHandlingStrategy", "credentialsArn", "integrationSubtype",
                 "passthroughBehavior", "requestParameters", "requestTemplates", "responseParameters",
                 "templateSelectionExpression", "tlsConfig"):  # fmt: skip
        if asked.get(name):
            raise NotImplementedError(f"the input {name}")
    if asked.get("integrationType") != "AWS_PROXY":
        raise NotImplementedError(f"integrations of the type {asked.get('integrationType')}")
    if asked.get("connectionType", "INTERNET") != "INTERNET":
        raise NotImplementedError(f"the connection type {asked['connectionType']}")
    if asked.get("payloadFormatVersion") != "2.0":
        raise NotImplementedError(f"the payload format {asked.get('payloadFormatVersion')}")
    if asked.get("integrationMethod", "POST") != "POST":
        raise ApiError("BadRequestException", "A Lambda function is invoked with POST")
    if not _FUNCTION.fullmatch(function_of(str(asked.get("integrationUri")))):
        raise NotImplementedError(f"the integration URI {asked.get('integrationUri')}")
    limit = asked.get("timeoutInMillis")
    if limit is not None and limit not in _TIMEOUTS:
        raise ApiError("BadRequestException", f"timeoutInMillis is between {_TIMEOUTS[0]} and {_TIMEOUTS[-1]}")


def _with_present(request: ApiRequest, present: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for; of an update, which says what changes alone, with what the resource is in any case."""
    return {**(present if request.operation.startswith("Update") else {}), **request.parameters}


def _check_throttles(settings: Mapping[str, Any]) -> None:
    if unknown := sorted(name for name in settings.keys() - _THROTTLES if settings[name] is not None):
        raise NotImplementedError(f"the route settings {', '.join(unknown)}")


def _origin(api_id: str) -> str:
    return f"api {api_id}"


def _api_in(request: ApiRequest) -> str:
    return request.path.split("/")[3]

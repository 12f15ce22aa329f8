"""API Gateway's HTTP APIs: routes, integrations with functions, authorizers and stages."""

from typing import Any

from local.deploy.registry import Created, Inputs, NewResource, Registry, fields

TYPES = Registry()

_API = {
    "description": "Description",
    "disableExecuteApiEndpoint": "DisableExecuteApiEndpoint",
    "ipAddressType": "IpAddressType",
    "protocolType": "ProtocolType",
    "version": "Version",
}
_CORS = {
    "allowCredentials": "AllowCredentials",
    "allowHeaders": "AllowHeaders",
    "allowMethods": "AllowMethods",
    "allowOrigins": "AllowOrigins",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}
_INTEGRATION = {
    "connectionType": "ConnectionType",
    "description": "Description",
    "integrationMethod": "IntegrationMethod",
    "integrationType": "IntegrationType",
    "integrationUri": "IntegrationUri",
    "payloadFormatVersion": "PayloadFormatVersion",
    "timeoutMilliseconds": "TimeoutInMillis",
}
_ROUTE = {
    "apiKeyRequired": "ApiKeyRequired",
    "authorizationScopes": "AuthorizationScopes",
    "authorizationType": "AuthorizationType",
    "authorizerId": "AuthorizerId",
    "operationName": "OperationName",
    "routeKey": "RouteKey",
    "target": "Target",
}
_STAGE = {
    "autoDeploy": "AutoDeploy",
    "description": "Description",
    "stageVariables": "StageVariables",
}
_THROTTLES = {
    "detailedMetricsEnabled": "DetailedMetricsEnabled",
    "throttlingBurstLimit": "ThrottlingBurstLimit",
    "throttlingRateLimit": "ThrottlingRateLimit",
}


@TYPES.creates("aws:apigatewayv2/api:Api", fields("name", "tags", *_API, corsConfiguration=fields(*_CORS)))
def api(new: NewResource) -> Created:
    """An HTTP API; its id is the one that AWS gives."""
    gateway = new.client("apigatewayv2")
    name = new.physical_name(128)
    request = new.pick(_API)
    if cors := new.inputs.get("corsConfiguration"):
        request["CorsConfiguration"] = _renamed(cors, _CORS)
    made = gateway.create_api(Name=name, Tags=new.tags, **request)
    id_ = made["ApiId"]
    outputs = {
        "name": name,
        "arn": f"arn:aws:apigateway:{new.region}::/apis/{id_}",
        "apiEndpoint": made["ApiEndpoint"],
        "executionArn": f"arn:aws:execute-api:{new.region}:{new.account_id}:{id_}",
        "tagsAll": new.tags,
    }
    return Created(id_, outputs, delete=lambda: gateway.delete_api(ApiId=id_))


@TYPES.creates(
    "aws:apigatewayv2/authorizer:Authorizer",
    fields("apiId", "authorizerType", "identitySources", "name", jwtConfiguration=fields("audiences", "issuer")),
)
def authorizer(new: NewResource) -> Created:
    """A JWT authorizer of an API; its id is the one that AWS gives."""
    gateway, of = new.client("apigatewayv2"), {"ApiId": new.inputs["apiId"]}
    name = new.physical_name(128)
    request = new.pick({"authorizerType": "AuthorizerType", "identitySources": "IdentitySource"})
    if jwt := new.inputs.get("jwtConfiguration"):
        request["JwtConfiguration"] = _renamed(jwt, {"audiences": "Audience", "issuer": "Issuer"})
    id_ = gateway.create_authorizer(Name=name, **of, **request)["AuthorizerId"]
    return Created(id_, {"name": name}, delete=lambda: gateway.delete_authorizer(AuthorizerId=id_, **of))


@TYPES.creates("aws:apigatewayv2/integration:Integration", fields("apiId", *_INTEGRATION))
def integration(new: NewResource) -> Created:
    """What a route leads to; its id is the one that AWS gives."""
    gateway, of = new.client("apigatewayv2"), {"ApiId": new.inputs["apiId"]}
    id_ = gateway.create_integration(**of, **new.pick(_INTEGRATION))["IntegrationId"]
    return Created(id_, {}, delete=lambda: gateway.delete_integration(IntegrationId=id_, **of))


@TYPES.creates("aws:apigatewayv2/route:Route", fields("apiId", *_ROUTE))
def route(new: NewResource) -> Created:
    """A route of an API; its id is the one that AWS gives."""
    gateway, of = new.client("apigatewayv2"), {"ApiId": new.inputs["apiId"]}
    id_ = gateway.create_route(**of, **new.pick(_ROUTE))["RouteId"]
    return Created(id_, {}, delete=lambda: gateway.delete_route(RouteId=id_, **of))


@TYPES.creates(
    "aws:apigatewayv2/stage:Stage",
    fields(
        "apiId",
        "name",
        "tags",
        *_STAGE,
        accessLogSettings=fields("destinationArn", "format"),
        defaultRouteSettings=fields(*_THROTTLES),
        routeSettings=fields("routeKey", *_THROTTLES),
    ),
)
def stage(new: NewResource) -> Created:
    """A stage of an API; its id is its name."""
    gateway, api_id = new.client("apigatewayv2"), new.inputs["apiId"]
    name = new.physical_name(128)
    request = new.pick(_STAGE)
    if log := new.inputs.get("accessLogSettings"):
        request["AccessLogSettings"] = _renamed(log, {"destinationArn": "DestinationArn", "format": "Format"})
    if settings := new.inputs.get("defaultRouteSettings"):
        request["DefaultRouteSettings"] = _renamed(settings, _THROTTLES)
    if routes := new.inputs.get("routeSettings"):
        request["RouteSettings"] = {each["routeKey"]: _renamed(each, _THROTTLES) for each in routes}
    gateway.create_stage(ApiId=api_id, StageName=name, Tags=new.tags, **request)
    execution_arn = f"arn:aws:execute-api:{new.region}:{new.account_id}:{api_id}/{name}"
    endpoint = gateway.get_api(ApiId=api_id)["ApiEndpoint"]
    outputs = {
        "name": name,
        "arn": f"arn:aws:apigateway:{new.region}::/apis/{api_id}/stages/{name}",
        "executionArn": execution_arn,
        "invokeUrl": f"{endpoint}/" if name == "$default" else f"{endpoint}/{name}",
        "tagsAll": new.tags,
    }
    return Created(name, outputs, delete=lambda: gateway.delete_stage(ApiId=api_id, StageName=name))


def _renamed(given: Inputs, names: dict[str, str]) -> dict[str, Any]:
    return {api: given[name] for name, api in names.items() if name in given}

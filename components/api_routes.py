"""What an HTTP API answers: a route per operation, who may call it and how often, and the function that answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.api_operations import Operation, functions_of
from components.handler_function import HandlerFunction
from components.http_api import HttpApi
from components.limits import API_TIMEOUT_SECONDS, check_range

STAGE = "$default"
"""The stage that adds nothing to the path."""

# What the access log keeps of a request. No path and no query, which name accounts; and never a header.
_ACCESS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
}


@dataclass(frozen=True)
class Throttle:
    """A bucket of `burst` requests that fills with `rate` a second; who finds it empty is answered 429."""

    rate: int
    burst: int


@dataclass(frozen=True)
class JwtCallers:
    """Whoever shows a token of this issuer, made for one of the audiences (Cognito: for one of these clients)."""

    issuer: Input[str]
    audiences: Sequence[Input[str]]


@dataclass(frozen=True)
class CustomDomain:
    """A name of one's own. Its certificate is of the API's Region, and its DNS record points at the domain's target."""

    name: str
    certificate_arn: str


@dataclass(frozen=True)
class ApiRoutesArgs:
    api: HttpApi
    operations: Sequence[Operation]
    functions: Mapping[str, HandlerFunction]
    """Who answers, by the role that an operation names."""
    callers: JwtCallers | None
    """None for identities of AWS, signing with SigV4, whose policies allow `execute-api:Invoke`."""
    throttle: Throttle = Throttle(rate=100, burst=200)
    """Of each route, unless it has its own."""
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    """By operation, of routes that have their own."""
    domain: CustomDomain | None = None


class ApiRoutes(pulumi.ComponentResource):
    """The routes, and the stage on which they are deployed."""

    url: pulumi.Output[str]
    """Where callers reach the API."""
    domain_target: pulumi.Output[str] | None
    """What the custom domain's DNS record must point at; None without a domain."""

    def __init__(self, name: str, args: ApiRoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ApiRoutes", name, None, opts)
        _check(name, args)
        child = pulumi.ResourceOptions(parent=self)
        # A route carries nothing and comes back as it was: an operation that is gone takes its own along.
        loose = pulumi.ResourceOptions(parent=self, protect=False)
        authorizer = None if args.callers is None else _authorizer(name, args.api, args.callers, loose)
        targets = {
            role: _integration(name, role, answered, args, loose)
            for role, answered in functions_of(args.operations).items()
        }
        routes = [
            aws.apigatewayv2.Route(
                f"{name}-{each.id}",
                api_id=args.api.id,
                route_key=each.route_key,
                target=targets[each.function],
                opts=loose,
                **_admitted(each, authorizer),
            )
            for each in args.operations
        ]
        stage = _stage(name, args, pulumi.ResourceOptions(parent=self, depends_on=routes))
        self.url, self.domain_target = args.api.endpoint, None
        if args.domain is not None:
            self.url = Output.from_input(f"https://{args.domain.name}")
            self.domain_target = _mapped(name, args.domain, args.api, stage, child)
        self.register_outputs({"url": self.url})


def _check(name: str, args: ApiRoutesArgs) -> None:
    for role in functions_of(args.operations):
        if role not in args.functions:
            raise ValueError(f"{name}: functions must have {role!r}, which the operations name")
    for operation in args.throttles:
        if operation not in {each.id for each in args.operations}:
            raise ValueError(f"{name}: throttles must be of operations, and {operation!r} is none")
    for throttle in (args.throttle, *args.throttles.values()):
        check_range(name, "throttle.rate", throttle.rate, 1, 10_000)
        check_range(name, "throttle.burst", throttle.burst, 1, 5000)


def _authorizer(
    name: str, api: HttpApi, callers: JwtCallers, opts: pulumi.ResourceOptions
) -> aws.apigatewayv2.Authorizer:
    return aws.apigatewayv2.Authorizer(
        f"{name}-authorizer",
        api_id=api.id,
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
            issuer=callers.issuer, audiences=list(callers.audiences)
        ),
        opts=opts,
    )


def _integration(
    name: str, role: str, answered: Sequence[Operation], args: ApiRoutesArgs, opts: pulumi.ResourceOptions
) -> Output[str]:
    """Have a function answer, and admit this API's calls of its methods to it; the route's target."""
    function = args.functions[role]
    methods = {each.method for each in answered}
    admission = aws.lambda_.Permission(
        f"{name}-{role}-admission",
        function=function.name,
        qualifier=function.qualifier,
        action="lambda:InvokeFunction",
        principal="apigateway.amazonaws.com",
        source_arn=Output.concat(args.api.execution_arn, "/*/", methods.pop() if len(methods) == 1 else "*", "/*"),
        opts=opts,
    )
    integration = aws.apigatewayv2.Integration(
        f"{name}-to-{role}",
        api_id=args.api.id,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=function.called_arn,
        payload_format_version="2.0",
        timeout_milliseconds=API_TIMEOUT_SECONDS * 1000,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[admission])),
    )
    return Output.concat("integrations/", integration.id)


def _admitted(operation: Operation, authorizer: aws.apigatewayv2.Authorizer | None) -> dict[str, Any]:
    """What an operation's caller must show: a token with one of its scopes, a signature, or nothing at all."""
    if not operation.scopes:
        return {"authorization_type": "NONE"}
    if authorizer is None:
        return {"authorization_type": "AWS_IAM"}
    return {
        "authorization_type": "JWT",
        "authorizer_id": authorizer.id,
        "authorization_scopes": list(operation.scopes),
    }


def _stage(name: str, args: ApiRoutesArgs, opts: pulumi.ResourceOptions) -> aws.apigatewayv2.Stage:
    """After the routes: API Gateway takes no settings of a route that is not there."""
    keys = {each.id: each.route_key for each in args.operations}
    user = "$context.identity.userArn" if args.callers is None else "$context.authorizer.claims.sub"
    return aws.apigatewayv2.Stage(
        f"{name}-stage",
        api_id=args.api.id,
        name=STAGE,
        auto_deploy=True,
        access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
            destination_arn=args.api.log_group_arn, format=json.dumps({**_ACCESS, "user": user})
        ),
        default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
            throttling_rate_limit=args.throttle.rate,
            throttling_burst_limit=args.throttle.burst,
            detailed_metrics_enabled=False,
        ),
        route_settings=[
            aws.apigatewayv2.StageRouteSettingArgs(
                route_key=keys[operation],
                throttling_rate_limit=throttle.rate,
                throttling_burst_limit=throttle.burst,
                detailed_metrics_enabled=False,
            )
            for operation, throttle in args.throttles.items()
        ],
        opts=opts,
    )


def _mapped(
    name: str, domain: CustomDomain, api: HttpApi, stage: aws.apigatewayv2.Stage, opts: pulumi.ResourceOptions
) -> Output[str]:
    """Serve the API under a name; the target of the name's DNS record."""
    named = aws.apigatewayv2.DomainName(
        f"{name}-domain",
        domain_name=domain.name,
        domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
            certificate_arn=domain.certificate_arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
        ),
        opts=opts,
    )
    aws.apigatewayv2.ApiMapping(
        f"{name}-mapping", api_id=api.id, domain_name=named.domain_name, stage=stage.name, opts=opts
    )
    target: Output[str] = named.domain_name_configuration.target_domain_name
    return target

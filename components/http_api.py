"""An HTTP API: its address and its access log. What it answers, and to whom, is declared by ApiRoutes.

The two are apart since what serves the people's API (a distribution) is told to those who sign its callers in, whose
client the routes then ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.limits import LOG_RETENTION_DAYS, check_choice

_REQUEST_HEADERS = ("authorization", "content-type", "accept", "idempotency-key", "if-match")
_RESPONSE_HEADERS = ("etag",)
_PREFLIGHT_SECONDS = 600


@dataclass(frozen=True)
class HttpApiArgs:
    description: str
    cors_origins: Sequence[str] = ()
    """Whose web pages may call; none, unless they come from the API's own origin."""
    log_retention_days: Input[int] = 90
    kms_key_arn: Input[str] | None = None
    """A customer key for the access log, whose policy admits CloudWatch Logs."""


class HttpApi(pulumi.ComponentResource):
    """An API Gateway HTTP API without routes."""

    id: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """Its URL, without a slash at the end."""
    execution_arn: pulumi.Output[str]
    """Of which a call's ARN is made: stage, method and path follow."""
    log_group_arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:HttpApi", name, None, opts)
        check_choice(name, "log_retention_days", args.log_retention_days, LOG_RETENTION_DAYS)
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigatewayv2.Api(
            f"{name}-api",
            description=args.description,
            protocol_type="HTTP",
            cors_configuration=_cors(args.cors_origins) if args.cors_origins else None,
            opts=child,
        )
        # Below /aws/vendedlogs/ the account's one policy for delivered logs names the prefix, and not each group: it
        # must stay under 5,120 characters, and API Gateway writes it when the stage is made.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-access",
            name_prefix=f"/aws/vendedlogs/{name}-",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.kms_key_arn,
            opts=child,
        )
        self.id = api.id
        self.endpoint = api.api_endpoint
        self.execution_arn = api.execution_arn
        self.log_group_arn = logs.arn
        self.log_group_name = logs.name
        self.register_outputs({"id": self.id, "endpoint": self.endpoint, "logGroupName": self.log_group_name})


def _cors(origins: Sequence[str]) -> aws.apigatewayv2.ApiCorsConfigurationArgs:
    """No credentials: a caller shows a token in a header, and never a cookie."""
    return aws.apigatewayv2.ApiCorsConfigurationArgs(
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=list(_REQUEST_HEADERS),
        expose_headers=list(_RESPONSE_HEADERS),
        max_age=_PREFLIGHT_SECONDS,
    )

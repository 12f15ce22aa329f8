"""The client of a user pool by which the console and the command line sign people in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.identity_provider import SCOPE_NAMES, Client
from components.sign_in import SignIn

COMMAND_LINE = "http://localhost:8976/callback"
"""Where the command line waits for the browser to come back: RFC 8252, 7.3."""

_TOKEN_MINUTES = 60
_REFRESH_DAYS = 7
_UNITS = {"access_token": "minutes", "id_token": "minutes", "refresh_token": "days"}


@dataclass(frozen=True)
class AppClientArgs:
    sign_in: SignIn
    callback_urls: Sequence[Input[str]]
    """Where the sign-in pages may send people back to, and no other place."""
    logout_urls: Sequence[Input[str]]


class AppClient(pulumi.ComponentResource):
    """Without a secret, by authorization code with PKCE alone. Who is disabled is out within the hour."""

    client: Client

    def __init__(self, name: str, args: AppClientArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:AppClient", name, None, opts)
        made = aws.cognito.UserPoolClient(
            f"{name}-client",
            user_pool_id=args.sign_in.user_pool_id,
            generate_secret=False,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            allowed_oauth_scopes=["openid", *SCOPE_NAMES],
            callback_urls=list(args.callback_urls),
            logout_urls=list(args.logout_urls),
            supported_identity_providers=["COGNITO"],
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=_TOKEN_MINUTES,
            id_token_validity=_TOKEN_MINUTES,
            refresh_token_validity=_REFRESH_DAYS,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(**_UNITS),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.sign_in.server]),
        )
        self.client = Client(id=made.id, audience=made.id)
        self.register_outputs({"clientId": made.id})

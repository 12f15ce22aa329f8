"""The people who may use the ledger: a user pool, its groups, and the scopes that each group's tokens have."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.handler_function import HandlerFunction
from components.identity_provider import RESOURCE_SERVER, SCOPES, IdentityProvider
from components.limits import SIGN_IN_MFA, check_choice
from components.web import sign_in_host, web_url

GROUPS = {
    "ledger-readers": "May read",
    "ledger-writers": "May read and send commands",
    "ledger-operators": "May do all",
}
"""By name, what their members may do; the token-scopes function says it in scopes."""

_PASSWORD_LENGTH = 14
_TEMPORARY_PASSWORD_DAYS = 3


@dataclass(frozen=True)
class SignInArgs:
    token_scopes: HandlerFunction
    """Leaves each token the scopes of its user's groups; Cognito would give everybody all that the client asks for."""
    region: Input[str]
    partition: Input[str]
    """"aws" or "aws-us-gov"."""
    domain_prefix: str | None = None
    """Of the sign-in pages' host; unique among all pools of the Region, whosever they are. Without it the pool's own id
    makes one, which no new name of the stack changes."""
    mfa: str = "OPTIONAL"
    """"ON" asks everybody for the code of an authenticator app; with "OPTIONAL" each may set one up."""
    deletion_protection: bool = False


class SignIn(pulumi.ComponentResource):
    """Nobody signs up: an operator makes each user, who gets a password for once by e-mail."""

    user_pool_id: pulumi.Output[str]
    url: pulumi.Output[str]
    """Of the sign-in pages, without a slash at the end."""
    provider: IdentityProvider

    def __init__(self, name: str, args: SignInArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:SignIn", name, None, opts)
        check_choice(name, "mfa", args.mfa, SIGN_IN_MFA)
        child = pulumi.ResourceOptions(parent=self)
        pool = _pool(f"{name}-pool", args, child)
        aws.lambda_.Permission(
            f"{name}-admission",
            function=args.token_scopes.name,
            action="lambda:InvokeFunction",
            principal="cognito-idp.amazonaws.com",
            source_arn=pool.arn,
            opts=child,
        )
        server = aws.cognito.ResourceServer(
            f"{name}-server",
            user_pool_id=pool.id,
            identifier=RESOURCE_SERVER,
            name=RESOURCE_SERVER,
            scopes=[
                aws.cognito.ResourceServerScopeArgs(scope_name=scope, scope_description=description)
                for scope, description in SCOPES.items()
            ],
            opts=child,
        )
        domain = aws.cognito.UserPoolDomain(
            f"{name}-domain",
            user_pool_id=pool.id,
            domain=args.domain_prefix or pool.id.apply(_prefix),
            opts=child,
        )
        for group, description in GROUPS.items():
            aws.cognito.UserGroup(
                f"{name}-{group}", user_pool_id=pool.id, name=group, description=description, opts=child
            )
        self.user_pool_id = pool.id
        self.url = web_url(sign_in_host(domain.cloudfront_distribution, domain.domain, args.region, args.partition))
        self.provider = IdentityProvider(
            issuer=Output.concat("https://", pool.endpoint),
            authorize_url=Output.concat(self.url, "/oauth2/authorize"),
            token_url=Output.concat(self.url, "/oauth2/token"),
            logout_url=Output.concat(self.url, "/logout"),
        )
        self.server = server
        """Knows the scopes that a client may ask for, which must be there before the client."""
        self.register_outputs({"userPoolId": self.user_pool_id, "url": self.url})


def _prefix(pool_id: str) -> str:
    """What only this pool is called, in letters that a host may have."""
    return f"ledger-{pool_id.rpartition('_')[2].lower()}"


def _pool(name: str, args: SignInArgs, opts: pulumi.ResourceOptions) -> aws.cognito.UserPool:
    return aws.cognito.UserPool(
        name,
        user_pool_tier="ESSENTIALS",  # the least that lets a function change the scopes of access tokens
        admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
        alias_attributes=["email"],
        auto_verified_attributes=["email"],
        username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
        password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
            minimum_length=_PASSWORD_LENGTH,
            require_lowercase=True,
            require_numbers=True,
            require_symbols=True,
            require_uppercase=True,
            temporary_password_validity_days=_TEMPORARY_PASSWORD_DAYS,
        ),
        mfa_configuration=args.mfa,
        software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
        account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
            recovery_mechanisms=[
                aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
            ]
        ),
        lambda_config=aws.cognito.UserPoolLambdaConfigArgs(
            pre_token_generation_config=aws.cognito.UserPoolLambdaConfigPreTokenGenerationConfigArgs(
                lambda_arn=args.token_scopes.arn, lambda_version="V2_0"
            )
        ),
        deletion_protection="ACTIVE" if args.deletion_protection else "INACTIVE",
        opts=opts,
    )

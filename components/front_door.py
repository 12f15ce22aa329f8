"""What people and machines call over HTTP: two APIs with the same routes, sign-in, and the console before them.

Two, since a route has one authorizer: people show tokens, machines sign as identities of AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi import Input, Output

from components.api_operations import Operation
from components.api_routes import ApiRoutes, ApiRoutesArgs, CustomDomain, JwtCallers, Throttle
from components.app_client import COMMAND_LINE, AppClient, AppClientArgs
from components.client_config import ClientConfig, ClientConfigArgs
from components.console import Alias, Console, ConsoleArgs
from components.handler_function import HandlerFunction
from components.http_api import HttpApi, HttpApiArgs
from components.identity_provider import SCOPE_NAMES, Client, IdentityProvider
from components.sign_in import SignIn, SignInArgs


@dataclass(frozen=True)
class UserPool:
    """People of a pool of the stack's own."""

    token_scopes: HandlerFunction
    domain_prefix: str | None = None
    mfa: str = "OPTIONAL"
    deletion_protection: bool = False


@dataclass(frozen=True)
class ExternalIssuer:
    """People whom somebody else knows."""

    provider: IdentityProvider
    client: Client


@dataclass(frozen=True)
class Pages:
    """The console; what each member is for, ConsoleArgs says."""

    files: Path
    alias: Alias | None = None
    price_class: str = "PriceClass_100"
    web_acl_arn: str | None = None
    log_bucket: str | None = None
    force_destroy: bool = False


@dataclass(frozen=True)
class FrontDoorArgs:
    operations: Sequence[Operation]
    functions: Mapping[str, HandlerFunction]
    """Who answers, by the role that an operation names."""
    people: UserPool | ExternalIssuer
    pages: Pages | None
    """None leaves the console out, and the distribution with it."""
    region: Input[str]
    partition: Input[str]
    dns_suffix: Input[str]
    throttle: Throttle
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    """By operation, of those that have their own."""
    cors_origins: Sequence[str] = ()
    people_domain: CustomDomain | None = None
    machine_domain: CustomDomain | None = None
    log_retention_days: int = 90
    kms_key_arn: Input[str] | None = None


class FrontDoor(pulumi.ComponentResource):
    """Wires the parts in the one order in which each knows what it must be told."""

    apis: Mapping[str, HttpApi]
    """By the name that they go by."""
    outputs: Mapping[str, Output[str]]
    """What a stack tells of all this, by output; only of parts that are there."""

    def __init__(self, name: str, args: FrontDoorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:FrontDoor", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        people = _api("people-api", "The ledger, for people who sign in", args, args.cors_origins, child)
        machines = _api("machine-api", "The ledger, for machines that sign as identities of AWS", args, (), child)
        outputs: dict[str, Input[str]] = {}
        if isinstance(args.people, UserPool):
            sign_in = _sign_in(args.people, args, child)
            console = _console(args, people, sign_in.provider, child)
            provider, client = sign_in.provider, _client(sign_in, console, child)
            outputs |= {"userPoolId": sign_in.user_pool_id, "userPoolClientId": client.id}
        else:
            provider, client = args.people.provider, args.people.client
            console = _console(args, people, provider, child)
        if console is not None:
            _config(args, console, provider, client, child)
            outputs["consoleUrl"] = console.url
            if console.domain_target is not None:
                outputs["consoleDomainTarget"] = console.domain_target
        callers = JwtCallers(provider.issuer, [client.audience])
        for what, api, admitted, domain in (
            ("", people, callers, args.people_domain),
            ("machine", machines, None, args.machine_domain),
        ):
            routes = ApiRoutes(
                f"{what or 'people'}-routes",
                ApiRoutesArgs(
                    api=api,
                    operations=args.operations,
                    functions=args.functions,
                    callers=admitted,
                    throttle=args.throttle,
                    throttles=args.throttles,
                    domain=domain,
                ),
                child,
            )
            outputs[_camel(what, "apiEndpoint")] = routes.url
            if routes.domain_target is not None:
                outputs[_camel(what, "apiDomainTarget")] = routes.domain_target
        outputs |= {"issuer": provider.issuer, "signInUrl": provider.authorize_url}
        self.apis = {"people-api": people, "machine-api": machines}
        self.outputs = {key: Output.from_input(value) for key, value in outputs.items()}
        self.register_outputs(dict(self.outputs))


def _api(
    name: str, description: str, args: FrontDoorArgs, origins: Sequence[str], opts: pulumi.ResourceOptions
) -> HttpApi:
    return HttpApi(
        name,
        HttpApiArgs(
            description=description,
            cors_origins=origins,
            log_retention_days=args.log_retention_days,
            kms_key_arn=args.kms_key_arn,
        ),
        opts,
    )


def _sign_in(pool: UserPool, args: FrontDoorArgs, opts: pulumi.ResourceOptions) -> SignIn:
    return SignIn(
        "sign-in",
        SignInArgs(
            token_scopes=pool.token_scopes,
            domain_prefix=pool.domain_prefix,
            region=args.region,
            partition=args.partition,
            mfa=pool.mfa,
            deletion_protection=pool.deletion_protection,
        ),
        opts,
    )


def _console(
    args: FrontDoorArgs, api: HttpApi, provider: IdentityProvider, opts: pulumi.ResourceOptions
) -> Console | None:
    if args.pages is None:
        return None
    return Console(
        "console", ConsoleArgs(api=api, provider=provider, dns_suffix=args.dns_suffix, **vars(args.pages)), opts
    )


def _client(sign_in: SignIn, console: Console | None, opts: pulumi.ResourceOptions) -> Client:
    places: list[Input[str]] = [COMMAND_LINE] if console is None else [console.url, COMMAND_LINE]
    return AppClient("app-client", AppClientArgs(sign_in, callback_urls=places, logout_urls=places), opts).client


def _config(
    args: FrontDoorArgs, console: Console, provider: IdentityProvider, client: Client, opts: pulumi.ResourceOptions
) -> None:
    ClientConfig(
        "client-config",
        ClientConfigArgs(
            console=console,
            api_endpoint=console.origin,
            provider=provider,
            client=client,
            scopes=("openid", *SCOPE_NAMES),
            region=args.region,
        ),
        opts,
    )


def _camel(first: str, rest: str) -> str:
    return f"{first}{rest[0].upper()}{rest[1:]}" if first else rest

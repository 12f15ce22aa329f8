"""What people and machines call over HTTP: two APIs with the same routes, sign-in, and the console before them.

Two, since a route has one authorizer: people show tokens, machines sign as identities of AWS.

A stack of two Regions has a front door in each. A door is built first, with the addresses of its APIs alone: functions
are told those of the other Region. It is opened last, together with the other one: sign-in is one for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

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

_Outputs = dict[str, Input[str]]


@dataclass(frozen=True)
class UserPool:
    """People of a pool of the stack's own."""

    token_scopes: HandlerFunction
    region: Input[str]
    """Where the pool is: with the first of the doors."""
    partition: Input[str]
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
    cors_origins: Sequence[str] = ()
    log_retention_days: int = 90
    kms_key_arn: Input[str] | None = None


@dataclass(frozen=True)
class Behind:
    """What a door leads to, and on what terms."""

    operations: Sequence[Operation]
    functions: Mapping[str, HandlerFunction]
    """Who answers, by the role that an operation names."""
    pages: Pages | None
    """None leaves the console out, and the distribution with it."""
    region: Input[str]
    dns_suffix: Input[str]
    throttle: Throttle
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    """By operation, of those that have their own."""
    people_domain: CustomDomain | None = None
    machine_domain: CustomDomain | None = None


class _Known(NamedTuple):
    """What is one for all doors. `places` are Regions and the origins there, where there are several."""

    provider: IdentityProvider
    client: Client
    places: Sequence[tuple[Input[str], Input[str]]]


class FrontDoor(pulumi.ComponentResource):
    """The two APIs, and once `open_doors` was called all that leads to them."""

    people: HttpApi
    machines: HttpApi

    def __init__(self, name: str, args: FrontDoorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:FrontDoor", name, None, opts)
        self.child = pulumi.ResourceOptions(parent=self)
        self.people = _api("people-api", "The ledger, for people who sign in", args, args.cors_origins, self.child)
        described = "The ledger, for machines that sign as identities of AWS"
        self.machines = _api("machine-api", described, args, (), self.child)

    @property
    def apis(self) -> Mapping[str, HttpApi]:
        """By the name that they go by."""
        return {"people-api": self.people, "machine-api": self.machines}


def open_doors(
    people: UserPool | ExternalIssuer, doors: Sequence[tuple[FrontDoor, Behind]]
) -> list[dict[str, Output[str]]]:
    """Let people and machines in, and tell what a stack says of each door; only of parts that are there.

    People are known at all doors by one issuer and one client. So each has one `sub`, by whichever door she comes, and
    is no second person at the other one. A pool of the stack's own is therefore one, and lies with the first door.
    """
    first = doors[0][0].child
    told: list[_Outputs] = [{} for _ in doors]
    if isinstance(people, UserPool):
        sign_in = _sign_in(people, first)
        provider = sign_in.provider
        consoles = [_console(door, behind, provider) for door, behind in doors]
        client = _client(sign_in, consoles, first)
        told[0] |= {"userPoolId": sign_in.user_pool_id, "userPoolClientId": client.id}
    else:
        provider, client = people.provider, people.client
        consoles = [_console(door, behind, provider) for door, behind in doors]
    places = [(behind.region, each.origin) for (_, behind), each in zip(doors, consoles, strict=True) if each]
    known = _Known(provider, client, places if len(places) > 1 else ())
    for (door, behind), console, outputs in zip(doors, consoles, told, strict=True):
        if console is not None:
            outputs.update(_published(door, behind, console, known))
        outputs.update(_routes(door, behind, JwtCallers(provider.issuer, [client.audience])))
        outputs.update({"issuer": provider.issuer, "signInUrl": provider.authorize_url})
    found = [{key: Output.from_input(value) for key, value in outputs.items()} for outputs in told]
    for (door, _), registered in zip(doors, found, strict=True):
        door.register_outputs(dict(registered))
    return found


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


def _sign_in(pool: UserPool, opts: pulumi.ResourceOptions) -> SignIn:
    return SignIn("sign-in", SignInArgs(**vars(pool)), opts)


def _console(door: FrontDoor, behind: Behind, provider: IdentityProvider) -> Console | None:
    if behind.pages is None:
        return None
    args = ConsoleArgs(api=door.people, provider=provider, dns_suffix=behind.dns_suffix, **vars(behind.pages))
    return Console("console", args, door.child)


def _client(sign_in: SignIn, consoles: Sequence[Console | None], opts: pulumi.ResourceOptions) -> Client:
    places: list[Input[str]] = [*(each.url for each in consoles if each is not None), COMMAND_LINE]
    return AppClient("app-client", AppClientArgs(sign_in, callback_urls=places, logout_urls=places), opts).client


def _published(door: FrontDoor, behind: Behind, console: Console, known: _Known) -> _Outputs:
    """Have the console say what a client must know; its outputs."""
    ClientConfig(
        "client-config",
        ClientConfigArgs(
            console=console,
            api_endpoint=console.origin,
            provider=known.provider,
            client=known.client,
            scopes=("openid", *SCOPE_NAMES),
            region=behind.region,
            places=known.places,
        ),
        door.child,
    )
    target = console.domain_target
    return {"consoleUrl": console.url, **({} if target is None else {"consoleDomainTarget": target})}


def _routes(door: FrontDoor, behind: Behind, callers: JwtCallers) -> _Outputs:
    outputs: _Outputs = {}
    for what, api, admitted, domain in (
        ("", door.people, callers, behind.people_domain),
        ("machine", door.machines, None, behind.machine_domain),
    ):
        routes = ApiRoutes(
            f"{what or 'people'}-routes",
            ApiRoutesArgs(
                api=api,
                operations=behind.operations,
                functions=behind.functions,
                callers=admitted,
                throttle=behind.throttle,
                throttles=behind.throttles,
                domain=domain,
            ),
            door.child,
        )
        outputs[_camel(what, "apiEndpoint")] = routes.url
        if routes.domain_target is not None:
            outputs[_camel(what, "apiDomainTarget")] = routes.domain_target
    return outputs


def _camel(first: str, rest: str) -> str:
    return f"{first}{rest[0].upper()}{rest[1:]}" if first else rest

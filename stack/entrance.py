"""What is called over HTTP, and who may call it. Of two Regions each has a front door; sign-in is one for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output

from components.api_operations import read_operations
from components.api_routes import CustomDomain, Throttle
from components.console import Alias
from components.front_door import Behind, ExternalIssuer, FrontDoor, FrontDoorArgs, Pages, UserPool, open_doors
from components.handler_function import HandlerFunction
from components.identity_provider import Client, IdentityProvider
from stack.functions import Functions
from stack.shared import Shared

_OPEN = Throttle(rate=10, burst=20)
"""Of operations that are open to everybody, who must not be able to keep the functions from those who sign in."""

_OPERATE = Throttle(rate=20, burst=40)
"""Of what operators ask, each of which is many requests to AWS."""


Outputs = dict[str, Output[str]]


@dataclass(frozen=True)
class Entrance:
    """A Region's door, and who answers behind it."""

    shared: Shared
    door: FrontDoor
    functions: Functions
    operations: HandlerFunction


def build(shared: Shared) -> FrontDoor | None:
    """Declare the APIs, where they are wanted: nobody answers there yet."""
    settings = shared.settings
    if not settings.http_api:
        return None
    args = FrontDoorArgs(settings.cors_origins, settings.access_log_retention_days, shared.kms_key_arn)
    return FrontDoor("front-door", args, shared.options)


def open_to_http(entrances: Sequence[Entrance]) -> tuple[Outputs, Outputs]:
    """Let people and machines in by the front doors, that of the stack's own Region first; what it tells, and what the
    one of the Region beside does. Nothing where there is none."""
    if not entrances:
        return {}, {}
    first = entrances[0]
    told = open_doors(_people(first.shared, first.functions), [(each.door, _behind(each)) for each in entrances])
    return told[0], told[1] if len(told) > 1 else {}


def _behind(entrance: Entrance) -> Behind:
    shared, functions = entrance.shared, entrance.functions
    settings = shared.settings
    described = read_operations(shared.root / "handlers" / "http_api" / "openapi.json")
    return Behind(
        operations=described,
        functions={
            "command": functions.command,
            "validate": functions.validate,
            "query": functions.query,
            "operations": entrance.operations,
        },
        pages=_pages(shared),
        region=shared.region,
        dns_suffix=shared.dns_suffix,
        throttle=Throttle(settings.api_throttle_rate, settings.api_throttle_burst),
        throttles={
            **{each.id: _OPEN for each in described if not each.scopes},
            **{each.id: _OPERATE for each in described if each.function == "operations"},
        },
        people_domain=_domain(shared, settings.api_domain),
        machine_domain=_domain(shared, settings.machine_api_domain),
    )


def _people(shared: Shared, functions: Functions) -> UserPool | ExternalIssuer:
    """Who says who somebody is: a pool of the stack's own, or whom the settings name."""
    settings = shared.settings
    if functions.token_scopes is None:
        return ExternalIssuer(
            IdentityProvider(
                issuer=settings.oidc_issuer,
                authorize_url=settings.oidc_authorize_url,
                token_url=settings.oidc_token_url,
                logout_url=settings.oidc_logout_url,
            ),
            Client(settings.oidc_client_id, settings.oidc_audience),
        )
    return UserPool(
        token_scopes=functions.token_scopes,
        region=shared.region,
        partition=shared.partition,
        domain_prefix=settings.sign_in_prefix or None,
        mfa=settings.sign_in_mfa,
        deletion_protection=settings.production,
    )


def _pages(shared: Shared) -> Pages | None:
    """The console, where it is wanted."""
    settings = shared.settings
    if not settings.console:
        return None
    return Pages(
        files=shared.root / "console",
        alias=_alias(shared),
        price_class=settings.console_price_class,
        web_acl_arn=settings.web_acl_arn or None,
        log_bucket=settings.console_log_bucket or None,
        force_destroy=not settings.production,
    )


def _alias(shared: Shared) -> Alias | None:
    """CloudFront lets one distribution have a name, so each Region's is another one."""
    settings = shared.settings
    name = settings.console_domain if shared.is_first else settings.replica_console_domain
    return Alias(name, settings.console_certificate_arn) if name else None


def _domain(shared: Shared, name: str) -> CustomDomain | None:
    """An API's name is the same in both Regions: its DNS record says which one answers."""
    settings = shared.settings
    certificate = settings.api_certificate_arn if shared.is_first else settings.replica_api_certificate_arn
    return CustomDomain(name, certificate) if name else None

"""What is called over HTTP, and who may call it."""

from __future__ import annotations

from components.api_operations import read_operations
from components.api_routes import CustomDomain, Throttle
from components.console import Alias
from components.front_door import ExternalIssuer, FrontDoor, FrontDoorArgs, Pages, UserPool
from components.handler_function import HandlerFunction
from components.identity_provider import Client, IdentityProvider
from stack.functions import Functions
from stack.shared import Shared

_OPEN = Throttle(rate=10, burst=20)
"""Of operations that are open to everybody, who must not be able to keep the functions from those who sign in."""

_OPERATE = Throttle(rate=20, burst=40)
"""Of what operators ask, each of which is many requests to AWS."""


def open_to_http(shared: Shared, functions: Functions, operations: HandlerFunction | None) -> FrontDoor | None:
    """Declare the front door, where it is wanted."""
    settings = shared.settings
    if operations is None:
        return None
    described = read_operations(shared.root / "handlers" / "http_api" / "openapi.json")
    return FrontDoor(
        "front-door",
        FrontDoorArgs(
            operations=described,
            functions={
                "command": functions.command,
                "validate": functions.validate,
                "query": functions.query,
                "operations": operations,
            },
            people=_people(shared, functions),
            pages=_pages(shared),
            region=shared.region,
            partition=shared.partition,
            dns_suffix=shared.dns_suffix,
            throttle=Throttle(settings.api_throttle_rate, settings.api_throttle_burst),
            throttles={
                **{each.id: _OPEN for each in described if not each.scopes},
                **{each.id: _OPERATE for each in described if each.function == "operations"},
            },
            cors_origins=settings.cors_origins,
            people_domain=_domain(shared, settings.api_domain),
            machine_domain=_domain(shared, settings.machine_api_domain),
            log_retention_days=settings.access_log_retention_days,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
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
        alias=(Alias(settings.console_domain, settings.console_certificate_arn) if settings.console_domain else None),
        price_class=settings.console_price_class,
        web_acl_arn=settings.web_acl_arn or None,
        log_bucket=settings.console_log_bucket or None,
        force_destroy=not settings.production,
    )


def _domain(shared: Shared, name: str) -> CustomDomain | None:
    return CustomDomain(name, shared.settings.api_certificate_arn) if name else None

"""Who says who somebody is: what an API checks tokens against, and where people and programs sign in."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Input

READ, WRITE, OPERATE = "read", "write", "operate"
RESOURCE_SERVER = "ledger"
SCOPES = {
    READ: "Read accounts, events and statements",
    WRITE: "Send commands",
    OPERATE: "Operate the ledger",
}
"""By name, what a token with it may do."""
SCOPE_NAMES = tuple(f"{RESOURCE_SERVER}/{scope}" for scope in SCOPES)
"""The scopes as tokens have them."""


@dataclass(frozen=True)
class IdentityProvider:
    """The addresses of an OpenID Connect issuer."""

    issuer: Input[str]
    """As the claim `iss` of its tokens has it, to the letter."""
    authorize_url: Input[str]
    token_url: Input[str]
    logout_url: Input[str]
    """Empty where it has none."""


@dataclass(frozen=True)
class Client:
    """A program that signs people in, as the issuer knows it. It has no secret: it runs at its user's."""

    id: Input[str]
    audience: Input[str]
    """What its tokens are for (Cognito: the client itself)."""

"""JSON Web Tokens: written for who signed in, and checked as API Gateway's JWT authorizer checks them.

RS256 alone: a token that names another algorithm, `none` included, is refused before anything else of it is looked at,
and a key is only ever taken from the issuer, never from the token.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    FindKey = Callable[[str], RSAPublicKey | None]
    """The issuer's key with that id, None if it has none."""

ALGORITHM = "RS256"


class TokenRefused(Exception):  # noqa: N818 - reads as what happened
    """The message is what API Gateway says in `www-authenticate`."""


def sign(claims: Mapping[str, Any], key: RSAPrivateKey, key_id: str) -> str:
    """The token with these claims."""
    header = {"kid": key_id, "alg": ALGORITHM}
    signed = b".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return (signed + b"." + _encoded(signature)).decode()


def verify(token: str, find_key: FindKey, *, issuer: str, audiences: Collection[str], now: float) -> dict[str, Any]:
    """The claims of a token of the issuer for one of the audiences, at a time in seconds. Raises: TokenRefused."""
    claims = signed_claims(token, find_key)
    if claims.get("iss") != issuer:
        raise TokenRefused("the token does not have a valid issuer")
    if not _is_for(claims, audiences):
        raise TokenRefused("the token does not have a valid audience")
    if not _is_time(claims.get("exp")) or claims["exp"] <= now:
        raise TokenRefused("the token has expired")
    for name in ("nbf", "iat"):
        if name in claims and (not _is_time(claims[name]) or claims[name] > now):
            raise TokenRefused(f"the token is not valid yet: {name}")
    return claims


def signed_claims(token: str, find_key: FindKey) -> dict[str, Any]:
    """The claims of a token whose signature is the issuer's, whatever they say. Raises: TokenRefused."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        raise TokenRefused("the token is malformed")
    header = _object(parts[0])
    if header.get("alg") != ALGORITHM:
        raise TokenRefused("the token's algorithm is not supported")
    if "crit" in header:
        raise TokenRefused("the token's header has extensions that are not supported")
    key_id = header.get("kid")
    key = find_key(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise TokenRefused("the token's key is not one of the issuer's")
    try:
        signed = f"{parts[0]}.{parts[1]}".encode("ascii")
        key.verify(_bytes(parts[2]), signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, UnicodeEncodeError) as error:
        raise TokenRefused("the token's signature is invalid") from error
    return _object(parts[1])


def scopes(claims: Mapping[str, Any]) -> list[str]:
    """What the token allows: `scope` or else `scp`, a text with spaces or a list."""
    given = claims.get("scope") or claims.get("scp") or ""
    return [str(each) for each in given] if isinstance(given, list) else str(given).split()


def as_texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as API Gateway hands them on: every one a text, lists as `[a b]`, nothing for a null."""
    return {name: _text(value) for name, value in claims.items() if value is not None}


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case list():
            return f"[{' '.join(map(_text, value))}]"
        case dict():
            return json.dumps(value, separators=(",", ":"))
        case _:
            return str(value)


def _is_for(claims: Mapping[str, Any], audiences: Collection[str]) -> bool:
    """`client_id` counts where there is no `aud` alone: Cognito's access tokens have no audience."""
    given = claims["aud"] if "aud" in claims else claims.get("client_id")
    named = given if isinstance(given, list) else [given]
    return any(isinstance(each, str) and each in audiences for each in named)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError) as error:
        raise TokenRefused("the token is malformed") from error
    if not isinstance(found, dict):
        raise TokenRefused("the token is malformed")
    return found


def _bytes(part: str) -> bytes:
    """Of base64 as tokens have it: with - and _, and without padding. Raises: TokenRefused."""
    if set(part) & set("=+/"):
        raise TokenRefused("the token is malformed")
    try:
        return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise TokenRefused("the token is malformed") from error


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")

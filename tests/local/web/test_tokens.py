"""Every fault that a token can have."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.engine.web import tokens

NOW = 1_790_000_000.0
ISSUER, AUDIENCE = "https://issuer.example", "client"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "sub": "somebody", "client_id": AUDIENCE, "scope": "ledger/read openid",
    "iat": NOW, "exp": NOW + 60,
}  # fmt: skip


def made(*, key: rsa.RSAPrivateKey = KEY, kid: str = "one", **claims: Any) -> str:
    return tokens.sign({name: value for name, value in (CLAIMS | claims).items() if value is not ...}, key, kid)


def part(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def signed_otherwise(header: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    signed = f"{part(header)}.{part(CLAIMS)}"
    return f"{signed}.{part(signature(signed.encode()))}"


def with_public_key_as_secret(signed: bytes) -> bytes:
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hmac.digest(pem, signed, "sha256")


def good_signature(signed: bytes) -> bytes:
    return KEY.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def find(kid: str) -> rsa.RSAPublicKey | None:
    return KEY.public_key() if kid == "one" else None


def verified(token: str) -> dict[str, Any]:
    return tokens.verify(token, find, issuer=ISSUER, audiences=[AUDIENCE], now=NOW)


def test_a_good_token_gives_its_claims() -> None:
    assert verified(made()) == CLAIMS


@pytest.mark.parametrize(
    "claims",
    [{"aud": AUDIENCE, "client_id": ...}, {"aud": ["x", AUDIENCE]}, {"nbf": NOW}, {"iat": ...}, {"exp": NOW + 0.5}],
    ids=str,
)
def test_these_are_as_good(claims: dict[str, Any]) -> None:
    assert verified(made(**claims))["sub"] == "somebody"


FAULTS: dict[str, str] = {
    "expired": made(exp=NOW - 1),
    "expired at this moment": made(exp=NOW),
    "without an end": made(exp=...),
    "with an end that is a text": made(exp=str(NOW + 60)),
    "with an end that is true": made(exp=True),
    "with an endless end": made(exp=float("inf")),
    "nbf in the future": made(nbf=NOW + 60),
    "iat in the future": made(iat=NOW + 60),
    "of another issuer": made(iss="https://elsewhere.example"),
    "of an issuer with a slash more": made(iss=f"{ISSUER}/"),
    "of no issuer": made(iss=...),
    "for another audience": made(aud="other"),
    "for another audience, though of the client": made(aud=["other"]),
    "for no audience": made(aud=[]),
    "of another client": made(client_id="other"),
    "of no client": made(client_id=...),
    "alg none": f"{part({'alg': 'none', 'kid': 'one'})}.{part(CLAIMS)}.",
    "alg none, signed": signed_otherwise({"alg": "none", "kid": "one"}, good_signature),
    "HS256 with the public key": signed_otherwise({"alg": "HS256", "kid": "one"}, with_public_key_as_secret),
    "another algorithm": signed_otherwise({"alg": "RS512", "kid": "one"}, good_signature),
    "no algorithm": signed_otherwise({"kid": "one"}, good_signature),
    "a key that the token brings": signed_otherwise({"alg": "RS256", "jwk": {"kty": "RSA"}}, good_signature),
    "kid unknown": made(kid="two"),
    "kid missing": signed_otherwise({"alg": "RS256"}, good_signature),
    "kid no text": signed_otherwise({"alg": "RS256", "kid": ["one"]}, good_signature),
    "extensions": signed_otherwise({"alg": "RS256", "kid": "one", "crit": ["b64"]}, good_signature),
    "signed by another key": made(key=OTHER),
    "claims changed": f"{made().split('.')[0]}.{part({**CLAIMS, 'sub': 'me'})}.{made().split('.')[2]}",
    "signature cut off": made()[:-8],
    "no signature": made().rsplit(".", 1)[0] + ".",
    "two parts": made().rsplit(".", 1)[0],
    "four parts": made() + ".x",
    "no base64": "!!.!!.!!",
    "padded": made() + "==",
    "no JSON": f"{part(b'no')}.{part(b'no')}.x",
    "a list": f"{part([])}.{part([])}.x",
    "claims a list": tokens.sign([], KEY, "one"),  # type: ignore[arg-type]
    "beyond ASCII": "ü.ü.ü",
    "empty parts": "..",
}  # fmt: skip


@pytest.mark.parametrize("token", FAULTS.values(), ids=FAULTS.keys())
def test_a_token_with_a_fault_is_refused(token: str) -> None:
    with pytest.raises(tokens.TokenRefused):
        verified(token)


def test_claims_are_handed_on_as_texts() -> None:
    claims = {"exp": 12, "f": 1.5, "yes": True, "groups": ["a", "b"], "nothing": None, "deep": {"a": 1}, "t": "t"}
    assert tokens.as_texts(claims) == {
        "exp": "12", "f": "1.5", "yes": "true", "groups": "[a b]", "deep": '{"a":1}', "t": "t",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [({"scope": "a b"}, ["a", "b"]), ({"scp": ["a", "b"]}, ["a", "b"]), ({"scope": "a", "scp": "b"}, ["a"]), ({}, [])],
)
def test_scopes_are_a_text_or_a_list(claims: dict[str, Any], scopes: list[str]) -> None:
    assert tokens.scopes(claims) == scopes

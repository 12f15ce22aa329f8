"""Issuers that are no pools of this AWS: their keys are found as OpenID Connect has it, and kept."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.engine.api import Response
from local.engine.http_requests import HttpRequest
from local.engine.server import HttpServer
from local.engine.web.issuers import Issuers, is_usable, public_keys

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505 -- which is the point


def number(value: int) -> str:
    content = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def described(kid: str, key: rsa.RSAPublicKey = KEY, **more: str) -> dict[str, Any]:
    numbers = key.public_numbers()
    return {"kty": "RSA", "kid": kid, "n": number(numbers.n), "e": number(numbers.e), **more}


class Provider:
    """Answers at an address of its own; `answers` are its documents by their paths."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Any] = {}
        self.server = HttpServer(0, self._answer)
        self.server.start()
        self.issuer = f"http://127.0.0.1:{self.server.port}"
        jwks = f"{self.issuer}/keys"
        self.answers["/.well-known/openid-configuration"] = {"issuer": self.issuer, "jwks_uri": jwks}
        self.answers["/keys"] = {"keys": [described("one")]}

    def _answer(self, asked: HttpRequest) -> Response:
        path = str(asked.environ["PATH_INFO"])
        self.asked.append(path)
        return Response.of_json(self.answers[path]) if path in self.answers else Response(404, b"{}")


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.stop()


@pytest.fixture
def issuers() -> Iterator[Issuers]:
    made = Issuers(threading.RLock())
    yield made
    made.close()


def test_keys_are_found_once_and_kept(provider: Provider, issuers: Issuers) -> None:
    for _ in range(3):
        found = issuers.find(provider.issuer, "one")
        assert found is not None
        assert found.public_numbers() == KEY.public_numbers()
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


def test_a_made_up_key_does_not_make_it_ask_at_each_token(provider: Provider, issuers: Issuers) -> None:
    assert [issuers.find(provider.issuer, "other") for _ in range(3)] == [None] * 3
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/.well-known/openid-configuration", {"issuer": "https://other.example", "jwks_uri": "https://other.example"}),
        ("/.well-known/openid-configuration", {"issuer": ..., "jwks_uri": "http://far.example/keys"}),
        ("/.well-known/openid-configuration", []),
        ("/keys", {"keys": [{"kty": "RSA", "kid": "one", "n": "!"}]}),
        ("/keys", None),
    ],
    ids=str,
)
def test_of_a_document_that_is_not_as_it_should_be_nothing_is_taken(
    provider: Provider, issuers: Issuers, path: str, document: Any
) -> None:
    if isinstance(document, dict) and document.get("issuer") is ...:
        document["issuer"] = provider.issuer
    provider.answers[path] = document
    if document is None:
        del provider.answers[path]
    assert issuers.find(provider.issuer, "one") is None


def test_who_does_not_answer_has_no_keys(issuers: Issuers) -> None:
    gone = Provider()
    gone.server.stop()
    assert issuers.find(gone.issuer, "one") is None


def test_keys_for_something_else_and_short_ones_are_left_out() -> None:
    others = [described("two", use="enc"), described("three", SHORT), {"kty": "EC", "kid": "four"}]
    assert public_keys({"keys": [described("one", use="sig"), *others]}).keys() == {"one"}


@pytest.mark.parametrize(
    ("issuer", "usable"),
    [("https://a.example", True), ("http://a.example", False), ("http://127.0.0.1:1", True), ("", False), ("x", False)],
)
def test_an_issuer_is_asked_over_tls_or_on_this_machine(issuer: str, usable: bool) -> None:
    assert is_usable(issuer) is usable

"""The keys of those who issue tokens: the engine's own user pools without network, others by OpenID Connect."""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from local.engine import backends

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import RLock

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_logger = logging.getLogger(__name__)

_POOL = re.compile(r"https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com/([\w-]+)")
_TIMEOUT_SECONDS = 1.5
"""As API Gateway waits for an issuer, for each of two requests."""
_AGAIN_SECONDS = 10.0
"""Between two looks at an issuer of which a key was not known."""
_KEPT_SECONDS = 7200.0
_MOST_BYTES = 1 << 20
_LEAST_BITS = 2048


def of_pool(region: str, pool_id: str) -> str:
    """What the tokens of a user pool have as `iss`."""
    return f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"


def is_usable(issuer: str) -> bool:
    """Whether an authorizer may have it: over TLS, or on this machine."""
    url = urlsplit(issuer)
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in {"127.0.0.1", "localhost"})


class Issuers:
    """Finds the keys. Waits for other issuers at most twice `_TIMEOUT_SECONDS`, outside of all locks."""

    def __init__(self, lock: RLock) -> None:
        self._moto = lock
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)
        self._known: dict[str, tuple[float, Mapping[str, RSAPublicKey]]] = {}
        self._own = threading.Lock()

    def find(self, issuer: str, key_id: str) -> RSAPublicKey | None:
        """The key of that id, None if the issuer has none or cannot be asked."""
        pool = _POOL.fullmatch(issuer)
        if pool is not None:
            with self._moto:
                return public_keys(backends.pool_keys(pool[1], pool[2])).get(key_id)
        return self._elsewhere(issuer, key_id)

    def close(self) -> None:
        self._http.clear()

    def _elsewhere(self, issuer: str, key_id: str) -> RSAPublicKey | None:
        with self._own:
            read, keys = self._known.get(issuer, (-_KEPT_SECONDS, {}))
        age = time.monotonic() - read
        if age >= _KEPT_SECONDS or (key_id not in keys and age >= _AGAIN_SECONDS):
            keys = self._read(issuer)
            with self._own:
                self._known[issuer] = (time.monotonic(), keys)
        return keys.get(key_id)

    def _read(self, issuer: str) -> Mapping[str, RSAPublicKey]:
        try:
            described = self._get(f"{issuer.removesuffix('/')}/.well-known/openid-configuration")
            url = str(described.get("jwks_uri"))
            if described.get("issuer") != issuer or not is_usable(url):
                _logger.warning("no keys of %s: it describes itself otherwise: %s", issuer, described)
                return {}
            return public_keys(self._get(url))
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
            _logger.warning("no keys of %s: %s", issuer, error)
            return {}

    def _get(self, url: str) -> dict[str, Any]:
        answer = self._http.request("GET", url, preload_content=False, redirect=False)
        try:
            content = json.loads(answer.read(_MOST_BYTES))
        finally:
            answer.release_conn()
        if answer.status != 200 or not isinstance(content, dict):  # noqa: PLR2004
            raise ValueError(f"{url} answers {answer.status}")
        return content


def public_keys(described: Mapping[str, Any]) -> dict[str, RSAPublicKey]:
    """The RSA keys of a JWK set by their ids; those that are for something else are left out."""
    found: dict[str, RSAPublicKey] = {}
    for each in described.get("keys", ()):
        if each.get("kty") != "RSA" or each.get("use", "sig") != "sig" or "kid" not in each:
            continue
        key = RSAPublicNumbers(_number(each["e"]), _number(each["n"])).public_key()
        if key.key_size >= _LEAST_BITS:
            found[str(each["kid"])] = key
    return found


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")

"""What signing in hands out before there are tokens: codes, good once and for five minutes, and refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.engine.clock import Clock

_CODE_SECONDS = 300.0
_MOST = 10_000
"""Kept of each kind; the oldest go first."""


@dataclass(frozen=True)
class Grant:
    """Who signed in, at which client of which pool, and what for. Times are in seconds since 1970."""

    pool_id: str
    client_id: str
    username: str
    scopes: tuple[str, ...]
    signed_in: float
    redirect_uri: str = ""
    challenge: str = ""
    nonce: str = ""
    origin_jti: str = ""
    expires: float = 0.0


class Grants:
    """Of one engine, in memory: who signed in before a restart signs in again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def code(self, grant: Grant) -> str:
        return self._put(self._codes, grant)

    def redeem(self, code: str) -> Grant | None:
        """The grant of a code. Whoever asks, it is none afterwards."""
        with self._lock:
            grant = self._codes.pop(code, None)
        if grant is None or self._clock.now() > grant.signed_in + _CODE_SECONDS:
            return None
        return grant

    def refresh_token(self, grant: Grant) -> str:
        return self._put(self._refresh, grant)

    def refreshed(self, token: str) -> Grant | None:
        with self._lock:
            grant = self._refresh.get(token)
        return grant if grant is not None and self._clock.now() < grant.expires else None

    def revoke(self, token: str) -> None:
        """Does nothing where there is no such token."""
        with self._lock:
            self._refresh.pop(token, None)

    def _put(self, held: dict[str, Grant], grant: Grant) -> str:
        made = secrets.token_urlsafe(32)
        with self._lock:
            held[made] = grant
            while len(held) > _MOST:
                del held[next(iter(held))]
        return made


def proves(challenge: str, verifier: str) -> bool:
    """Whether the verifier is the one that an S256 challenge was made of (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode("utf-8", "replace"))

"""Identifiers that AWS makes up, and that are derived here from the names of what they identify.

So an API, a pool or a user that is made again under its name has the identifier again that tokens, bookmarks and events
know it by.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_NAMESPACE = uuid.UUID("6f1b5a5e-4f0d-4c39-9a7a-0c4e0d5f7f53")


def derived(length: int, *names: str, taken: Container[str] = ()) -> str:
    """Small letters and digits. Of things with the same names the second has another one than the first."""
    for number in itertools.count():
        digest = hashlib.sha256("\0".join((*names, str(number))).encode()).digest()
        made = base64.b32encode(digest).decode().lower().rstrip("=")[:length]
        if made not in taken:
            return made
    raise AssertionError


def subject(pool_id: str, username: str) -> str:
    """The `sub` of a user."""
    return str(uuid.uuid5(_NAMESPACE, f"{pool_id}\0{username}"))


def request_id() -> str:
    """Of a request to an API, as API Gateway spells them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()

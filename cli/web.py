"""One HTTP request and its answer. No redirect is followed: a token must not go where nobody sent it."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from cli.errors import CliError, Unanswered, Unreachable
from cli.local_ledger import is_local, local_url
from cli.shown import printable

TIMEOUT_SECONDS = 35.0
"""Beyond the 30 s in which API Gateway answers or gives up."""
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class Answer:
    """`header` finds by any spelling of a name."""

    status: int
    body: bytes
    headers: Message

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return str(self.headers.get(name, ""))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read what is sent there: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_local(url)))


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """One request; any status is an answer. Raises: Unreachable if nothing was done, Unanswered if nobody knows.

    Raises CliError for an address that is neither https nor this machine, whoever named it.
    """
    if not is_safe(url):
        raise CliError(
            f"{printable(url)} is not asked: it is neither https nor this machine", "Say where: ledger login --url URL"
        )
    handlers: list[Any] = [_NoRedirects()]
    if is_local(url):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    asked = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310 -- is_safe
    try:
        with opener.open(asked, timeout=timeout) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        return Answer(error.code, _read(error, url), error.headers)
    except urllib.error.URLError as error:
        raise _failed(url, error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _lost(url, error) from error


def _read(answer: IO[bytes], url: str) -> bytes:
    try:
        with answer:
            return answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise _lost(url, error) from error


def _failed(url: str, reason: object) -> CliError:
    """urllib wraps what happens while it connects and sends, and only some of that says that nothing arrived."""
    if isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return unreachable(url, reason)
    if isinstance(reason, OSError) and reason.errno in _NO_WAY:
        return unreachable(url, reason)
    return _lost(url, reason)


def unreachable(url: str, reason: object) -> Unreachable:
    """Nothing answers at the address."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if is_local(url):
        start = "Start the ledger with `make serve`"
        if origin != local_url():
            start = "Start what was there, go back to the ledger of `make serve` by `ledger login --profile local`"
        hint = f"{start}, or say where another one is: ledger login --url URL"
        return Unreachable(f"nothing answers at {origin}", hint)
    why = getattr(reason, "strerror", None) or str(reason)
    return Unreachable(f"{origin} cannot be reached: {why}", "Check the network, and the address: ledger whoami")


def _lost(url: str, reason: object) -> CliError:
    origin = "://".join(urlsplit(url)[:2])
    if isinstance(reason, TimeoutError):
        return Unanswered(f"{origin} gave no answer in time")
    return Unanswered(f"the connection to {origin} broke before an answer came")

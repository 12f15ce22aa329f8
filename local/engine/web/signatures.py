"""Who signed a request to an API with AWS_IAM: Signature Version 4, checked to the last byte where the secret is known.

It is known of every session and of every key of an IAM user. Any other key is taken for the administrator's, as by the
endpoint, unless it looks like one that AWS made: then nobody has it.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.web.requests import WebRequest

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([\w-]+)/(\d{8})/([\w-]+)/execute-api/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
_MOMENT = re.compile(r"\d{8}T\d{6}Z")
_MOST_SECONDS_APART = 300
_MADE_BY_AWS = ("AKIA", "ASIA")


class Secret(NamedTuple):
    """Of an access key; the token comes with the keys of sessions."""

    key: str
    token: str = ""


class NotSigned(Exception):  # noqa: N818 - reads as what happened
    """The request is not signed, or not as it has to be. The message is for the access log."""


def signer(request: WebRequest, find_secret: Callable[[str], Secret | None], *, region: str, now: float) -> str:
    """The access key that the request is signed with. Raises: NotSigned."""
    found = _HEADER.fullmatch(request.header("authorization"))
    if found is None:
        raise NotSigned("The request is not signed")
    access_key, day, signed_region, names, signature = found.groups()
    moment = request.header("x-amz-date")
    if not _MOMENT.fullmatch(moment) or not moment.startswith(day):
        raise NotSigned("The request has no x-amz-date that fits its credential")
    if abs(calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ")) - now) > _MOST_SECONDS_APART:
        raise NotSigned("The signature has expired, or is of the future")
    if signed_region != region:
        raise NotSigned(f"The request is signed for {signed_region}")
    signed = names.split(";")
    if "host" not in signed or any(name not in request.headers for name in signed):
        raise NotSigned("The request lacks a header that has to be signed, or was signed")
    secret = find_secret(access_key)
    if secret is None and access_key.startswith(_MADE_BY_AWS):
        raise NotSigned("The security token included in the request is invalid")
    if secret is not None:
        if request.header("x-amz-security-token") != secret.token:
            raise NotSigned("The security token included in the request is invalid")
        scope = f"{day}/{region}/execute-api/aws4_request"
        expected = _signature(secret.key, scope, moment, _canonical(request, signed))
        if not hmac.compare_digest(expected, signature):
            raise NotSigned("The request signature that was calculated does not match the signature provided")
    return access_key


def _canonical(request: WebRequest, signed: list[str]) -> str:
    digest = hashlib.sha256(request.body).hexdigest()
    if request.header("x-amz-content-sha256", digest) != digest:
        raise NotSigned("x-amz-content-sha256 is not that of the body")
    query = "&".join(sorted(_pair(each) for each in request.query.split("&") if each))
    headers = "".join(f"{name}:{' '.join(request.header(name).split())}\n" for name in signed)
    return "\n".join([request.method, quote(request.path, safe="/~"), query, headers, ";".join(signed), digest])


def _pair(given: str) -> str:
    name, _, value = given.partition("=")
    return f"{name}={value}"


def _signature(secret: str, scope: str, moment: str, canonical: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.digest(key, text.encode(), "sha256").hex()

"""What a distribution answers: the behaviour of the path decides which origin is asked, and what is added.

Nothing is cached, so that what is changed is seen at once. There is no TLS: a request counts as one over HTTPS.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from local.engine import backends
from local.engine.api import Response
from local.engine.web import distribution_checks
from local.engine.web.distribution_checks import ALL_VIEWER_EXCEPT_HOST, BUCKET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.gateway import Gateway
    from local.engine.web.origins import Origins
    from local.engine.web.requests import WebRequest

SERVICE = "cloudfront.amazonaws.com"
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
_BY_ITSELF = ("accept", "content-length", "content-type", "origin", "range", "user-agent", "x-forwarded-for")
"""Headers that reach an origin without an origin request policy."""


@dataclass(frozen=True)
class Distribution:
    """`policies` are the response headers policies by their ids."""

    id: str
    arn: str
    config: Mapping[str, Any]
    policies: Mapping[str, Mapping[str, Any]]


class Distributions:
    """Asks the origins: HTTP APIs of this AWS, and buckets on behalf of the distribution."""

    def __init__(self, gateway: Gateway, origins: Origins) -> None:
        self._gateway = gateway
        self._origins = origins

    def consents(self, distribution: Distribution, request: WebRequest) -> bool:
        """As the API consents that the request would reach. A bucket takes nothing anyway."""
        site = self._origins.at(_origin(distribution, _behavior(distribution, request))["DomainName"])
        return site is not None and site.consents(request)

    def answer(self, distribution: Distribution, request: WebRequest) -> Response:
        if not distribution.config["Enabled"]:
            return _error(403, "The distribution is disabled.")
        behavior = _behavior(distribution, request)
        origin = _origin(distribution, behavior)
        if request.method not in _methods(behavior):
            return _error(403, "This distribution does not allow this method here.")
        root = str(distribution.config.get("DefaultRootObject") or "")
        if request.path == "/" and root:
            request = replace(request, path=f"/{root}")
        asked = replace(request, path=f"{origin.get('OriginPath') or ''}{request.path}")
        if "S3OriginConfig" in origin:
            response = self._of_bucket(distribution, origin, asked)
        else:
            response = self._of_site(origin, _forwarded(asked, behavior))
        policy = distribution.policies.get(behavior.get("ResponseHeadersPolicyId") or "")
        headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP}
        if policy is not None:
            headers = _with_policy(headers, policy)
        headers |= {
            "content-length": headers.get("content-length", str(len(response.body))),
            "via": f"1.1 {distribution.id.lower()}.cloudfront.net (CloudFront)",
            "x-amz-cf-id": secrets.token_urlsafe(42),
            "x-cache": "Miss from cloudfront" if response.status < 400 else "Error from cloudfront",  # noqa: PLR2004
        }
        return Response(response.status, response.body, headers, response.cookies)

    def _of_site(self, origin: Mapping[str, Any], request: WebRequest) -> Response:
        site = self._origins.at(origin["DomainName"])
        if site is None:
            return _error(502, "CloudFront wasn't able to connect to the origin.")
        headers = {**request.headers, "host": origin["DomainName"], "via": "1.1 cloudfront.net (CloudFront)"}
        before = headers.get("x-forwarded-for")
        headers["x-forwarded-for"] = f"{before}, {request.source_ip}" if before else request.source_ip
        return site.answer(replace(request, headers=headers))

    def _of_bucket(self, distribution: Distribution, origin: Mapping[str, Any], request: WebRequest) -> Response:
        """As S3 answers who signs for the distribution: by the policy of the bucket, which names it."""
        if request.method not in {"GET", "HEAD"}:
            return _s3_error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        found = BUCKET.fullmatch(origin["DomainName"])
        bucket, key = (found["name"] if found else ""), unquote(request.path.removeprefix("/"))
        arn, may = f"arn:aws:s3:::{bucket}", self._gateway.authorizer.admits
        if not may(SERVICE, "s3:GetObject", f"{arn}/{key}", distribution.arn):
            return _s3_error(403, "AccessDenied", "Access Denied")
        with self._gateway.lock:
            stored = backends.bucket_object(bucket, key)
            if stored is None:
                if may(SERVICE, "s3:ListBucket", arn, distribution.arn):
                    return _s3_error(404, "NoSuchKey", "The specified key does not exist.")
                return _s3_error(403, "AccessDenied", "Access Denied")
            content, etag, moment = bytes(stored.value), str(stored.etag), stored.last_modified
            told = {name.lower(): str(value) for name, value in stored.metadata.items()}
        headers = {
            "content-type": "binary/octet-stream",
            **{name: value for name, value in told.items() if not name.startswith("x-amz-")},
            "etag": etag,
            "last-modified": formatdate(moment.timestamp(), usegmt=True),
            "server": "AmazonS3",
        }
        if etag in [each.strip() for each in request.header("if-none-match").split(",")]:
            return Response(304, b"", headers)
        return Response(200, content, {**headers, "content-length": str(len(content))})


def _behavior(distribution: Distribution, request: WebRequest) -> dict[str, Any]:
    """The first one whose pattern the path fits. Dots in a path are resolved before, as RFC 3986 has it."""
    path = _resolved(request.path)
    *before, default = distribution_checks.behaviors(distribution.config)
    return next((each for each in before if _pattern(each["PathPattern"]).fullmatch(path)), default)


def _origin(distribution: Distribution, behavior: Mapping[str, Any]) -> dict[str, Any]:
    origins = distribution.config["Origins"]["Items"]
    return next(origin for origin in origins if origin["Id"] == behavior["TargetOriginId"])


def _methods(behavior: Mapping[str, Any]) -> list[str]:
    return (behavior.get("AllowedMethods") or {}).get("Items") or ["GET", "HEAD"]


@lru_cache(256)
def _pattern(text: str) -> re.Pattern[str]:
    """Of a path: * is anything, ? is one character, and the slash at the beginning may be left out."""
    parts = re.split(r"([*?])", "/" + text.removeprefix("/"))
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _resolved(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        plain = unquote(segment)
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if segments[-1] in {".", ".."} and kept else "")


def _forwarded(request: WebRequest, behavior: Mapping[str, Any]) -> WebRequest:
    """What reaches an origin: all but the host where the policy says so, else little."""
    if behavior.get("OriginRequestPolicyId") == ALL_VIEWER_EXCEPT_HOST:
        return request.without("host", *_HOP_BY_HOP)
    headers = {name: value for name, value in request.headers.items() if name in _BY_ITSELF}
    return replace(request, query="", headers={**headers, "user-agent": "Amazon CloudFront"})


def _with_policy(headers: dict[str, str], policy: Mapping[str, Any]) -> dict[str, str]:
    gone = {each["Header"].lower() for each in (policy.get("RemoveHeadersConfig") or {}).get("Items") or ()}
    made = {name: value for name, value in headers.items() if name not in gone}
    custom = (policy.get("CustomHeadersConfig") or {}).get("Items") or ()
    added = [(each["Header"].lower(), each["Value"], each["Override"]) for each in custom]
    for name, block in (policy.get("SecurityHeadersConfig") or {}).items():
        added.append((*_security(name, block), block["Override"]))
    for name, value, override in added:
        if override or name not in made:
            made[name] = value
    return made


def _security(name: str, block: Mapping[str, Any]) -> tuple[str, str]:
    match name:
        case "ContentSecurityPolicy":
            return "content-security-policy", str(block["ContentSecurityPolicy"])
        case "ContentTypeOptions":
            return "x-content-type-options", "nosniff"
        case "FrameOptions":
            return "x-frame-options", str(block["FrameOption"])
        case "ReferrerPolicy":
            return "referrer-policy", str(block["ReferrerPolicy"])
    parts = [f"max-age={block['AccessControlMaxAgeSec']}"]
    parts += ["includeSubDomains"] if block.get("IncludeSubdomains") else []
    parts += ["preload"] if block.get("Preload") else []
    return "strict-transport-security", "; ".join(parts)


def _error(status: int, message: str) -> Response:
    text = f"<!doctype html><title>{status}</title><p>{escape(message)}</p>"
    return Response(status, text.encode(), {"content-type": "text/html; charset=utf-8"})


def _s3_error(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(status, text.encode(), {"content-type": "application/xml"})

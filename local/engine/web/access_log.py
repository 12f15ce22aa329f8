"""The access log of a stage: one line a request, of `$context` variables, into a log group."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$context\.([A-Za-z][\w.]*[\w])")

VARIABLES = frozenset(
    {
        "accountId", "apiId", "authorizer.claims.sub", "authorizer.error", "domainName", "domainPrefix",
        "error.message", "error.messageString", "error.responseType", "extendedRequestId", "httpMethod",
        "identity.accountId", "identity.caller", "identity.sourceIp", "identity.user", "identity.userAgent",
        "identity.userArn", "integration.error", "integration.integrationStatus", "integration.latency",
        "integration.requestId", "integration.status", "integrationErrorMessage", "integrationLatency",
        "integrationStatus", "path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "responseLatency",
        "responseLength", "routeKey", "stage", "status",
    }
)  # fmt: skip
"""Those that have a value here; of the token's claims every one, not `sub` alone."""


def unknown(line_format: str) -> list[str]:
    """The variables of a format that would never have a value."""
    return [name for name in _VARIABLE.findall(line_format) if name not in VARIABLES and not _is_claim(name)]


def line(line_format: str, values: Mapping[str, object]) -> str:
    """The format with the values in it; what there is no value for is a dash. Quotes in a value are escaped."""
    return _VARIABLE.sub(lambda found: _shown(values.get(found[1])), line_format)


def _is_claim(name: str) -> bool:
    return name.startswith(("authorizer.claims.", "authorizer.jwt.claims."))


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")

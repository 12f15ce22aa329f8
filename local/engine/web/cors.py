"""Cross-origin requests of an HTTP API with a CORS configuration: API Gateway answers for the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.engine.api import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.web.requests import WebRequest

Configuration = dict[str, Any]
"""As the API has it: allowOrigins and so on."""


def admits(configuration: Configuration | None, origin: str) -> bool:
    """Whether pages of the origin may read what is answered."""
    if not configuration:
        return False
    for allowed in configuration.get("allowOrigins") or ():
        scheme, wildcard, _ = allowed.partition("://*")
        if allowed in {"*", origin} or (wildcard and origin.startswith(f"{scheme}://")):
            return True
    return False


def preflight(configuration: Configuration | None, request: WebRequest) -> Response | None:
    """The answer to a preflight, which no route gets to see; None if the request is none."""
    if not configuration or request.method != "OPTIONS" or not request.header("access-control-request-method"):
        return None
    if not admits(configuration, request.header("origin")):
        return Response(204)
    headers = {
        "access-control-allow-methods": ",".join(configuration.get("allowMethods") or ()),
        "access-control-allow-headers": ",".join(configuration.get("allowHeaders") or ()),
        "access-control-max-age": str(configuration["maxAge"]) if configuration.get("maxAge") is not None else "",
    }
    return Response(
        204, b"", {**{name: value for name, value in headers.items() if value}, **_of_all(configuration, request)}
    )


def added(configuration: Configuration | None, request: WebRequest, response: Response) -> Response:
    """The answer with the headers of the configuration. Those that a function set itself do not count."""
    if not configuration:
        return response
    kept = {name: value for name, value in response.headers.items() if not name.startswith("access-control-")}
    if request.header("origin") and admits(configuration, request.header("origin")):
        kept |= _of_all(configuration, request)
    return Response(response.status, response.body, kept, response.cookies)


def _of_all(configuration: Configuration, request: WebRequest) -> Mapping[str, str]:
    anybody = "*" in (configuration.get("allowOrigins") or ())
    headers = {"access-control-allow-origin": "*" if anybody else request.header("origin")}
    if configuration.get("exposeHeaders"):
        headers["access-control-expose-headers"] = ",".join(configuration["exposeHeaders"])
    if configuration.get("allowCredentials"):
        headers["access-control-allow-credentials"] = "true"
    return headers if anybody else {**headers, "vary": "origin"}

"""A request as an origin gets it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.http_requests import HttpRequest


@dataclass(frozen=True)
class WebRequest:
    """`path` and `query` are as they were sent, percent signs and all; names of headers are in lower case.

    A header that came twice has its values joined by a comma.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    @classmethod
    def of(cls, asked: HttpRequest) -> WebRequest:
        environ = asked.environ
        raw = str(environ["RAW_URI"])
        path = raw if raw.startswith("/") else urlsplit(raw).path
        return cls(
            method=asked.method,
            path=path.partition("#")[0].partition("?")[0] or "/",
            query=str(environ["QUERY_STRING"]),
            headers=_headers(environ),
            body=asked.body,
            source_ip=str(environ["REMOTE_ADDR"]),
            protocol=str(environ["SERVER_PROTOCOL"]),
        )

    def header(self, name: str, default: str = "") -> str:
        return self.headers.get(name, default)

    def parameters(self, *, of_body: bool = False) -> dict[str, str]:
        """Those of the query, or of a form. Of one that is given twice, the first."""
        text = self.body.decode("utf-8", "replace") if of_body else self.query
        return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}

    def without(self, *names: str) -> WebRequest:
        """Without these headers."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    return {name: value for name, value in found.items() if value or not name.startswith("content-")}

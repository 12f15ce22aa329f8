"""HTTP/1.1 requests as they come over a connection, read into the environment that moto and the gateway take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from local.engine.moto_app import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_HEAD = 1 << 16
"""Bytes of request line and headers together."""

_CHUNK = 1 << 16
_LENGTH = re.compile("[0-9]{1,18}")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,15}")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequest(Exception):  # noqa: N818 - reads as what it is
    """What came is no request; nothing behind it on the connection can be understood. `status` is the answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Disconnected(Exception):  # noqa: N818
    """The other side closed the connection, between requests or within one."""


@dataclass(frozen=True)
class HttpRequest:
    """`keep_alive` says whether the connection stays open after the answer."""

    method: str
    environ: dict[str, Any] = field(repr=False)
    body: bytes = field(repr=False)
    keep_alive: bool


class RequestReader:
    """Reads the requests of one connection, one after the other. What came too early is kept for the next."""

    def __init__(self, connection: socket.socket, base: Mapping[str, Any]) -> None:
        self._connection = connection
        self._base = base
        self._received = bytearray()

    def read(self) -> HttpRequest:
        """Waits for the next request. Raises: Disconnected, BadRequest, OSError of the connection."""
        line, fields = self._head()
        try:
            method, target, version = line.split(" ")
        except ValueError as error:
            raise BadRequest(400, f"Bad request line {line[:100]!r}") from error
        if version not in {"HTTP/1.1", "HTTP/1.0"}:
            raise BadRequest(505, f"Unknown version {version[:100]!r}")
        environ = {**self._base, "REQUEST_METHOD": method, "SERVER_PROTOCOL": version}
        host = _add_target(environ, target)
        _add_headers(environ, fields)
        if host:
            environ["HTTP_HOST"] = host
        return HttpRequest(method, environ, self._body(environ), _keep_alive(environ))

    def _head(self) -> tuple[str, list[str]]:
        searched = 0
        while (end := self._received.find(b"\r\n\r\n", searched)) < 0:
            if len(self._received) > MAX_HEAD:
                raise BadRequest(431, "The headers are too long")
            searched = max(0, len(self._received) - 3)
            self._receive()
        text = self._received[:end].decode("latin-1")
        del self._received[: end + 4]
        line, *fields = text.lstrip("\r\n").split("\r\n")
        return line, fields

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self._connection.sendall(_CONTINUE)
        encoding = environ.get("HTTP_TRANSFER_ENCODING")
        if encoding is not None:
            if encoding.lower() != "chunked":
                raise BadRequest(501, f"Unknown transfer encoding {encoding[:100]!r}")
            environ["wsgi.input_terminated"] = True
            return self._chunks()
        length = environ.get("CONTENT_LENGTH") or "0"
        if not _LENGTH.fullmatch(length):
            raise BadRequest(400, f"Bad content length {length[:100]!r}")
        return self._take(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = self._line().partition(b";")[0].strip()
            if not _HEXADECIMAL.fullmatch(size):
                raise BadRequest(400, f"Bad size of a chunk {size[:100]!r}")
            length = int(size, 16)
            if length == 0:
                while self._line():
                    pass  # trailers
                return bytes(body)
            body += self._take(length)
            if self._line():
                raise BadRequest(400, "A chunk is longer than it says")

    def _line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > MAX_HEAD:
                raise BadRequest(400, "A line is too long")
            self._receive()
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line

    def _take(self, length: int) -> bytes:
        while len(self._received) < length:
            self._receive()
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    def _receive(self) -> None:
        data = self._connection.recv(_CHUNK)
        if not data:
            raise Disconnected
        self._received += data


def _add_target(environ: dict[str, Any], target: str) -> str:
    """Adds path and query; returns the host where the target names one."""
    if target.startswith("//"):  # or what follows would pass for a host
        target = "/" + target.lstrip("/")
    if target.startswith("/"):
        path, _, query = target.partition("#")[0].partition("?")
        host = ""
    else:
        try:
            url = urlsplit(target)
        except ValueError as error:
            raise BadRequest(400, f"Bad target {target[:100]!r}") from error
        path, query, host = url.path, url.query, url.netloc if url.scheme else ""
    environ["PATH_INFO"] = _as_wsgi(unquote(path))
    environ["QUERY_STRING"] = _as_wsgi(query)
    environ["REQUEST_URI"] = environ["RAW_URI"] = _as_wsgi(target)
    return host


def _as_wsgi(text: str) -> str:
    """The bytes of its UTF-8, each as one character."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _add_headers(environ: dict[str, Any], fields: list[str]) -> None:
    preserved: list[tuple[str, str]] = []
    for entry in fields:
        name, colon, value = entry.partition(":")
        if not colon or not name or name[0] in " \t" or name[-1] in " \t":
            raise BadRequest(400, f"Bad header {entry[:100]!r}")
        value = value.strip(" \t")
        if "_" in name:  # in an environment X_Foo would pass for X-Foo
            if should_preserve_original_header_name(name):
                preserved.append((name, value))
            continue
        key = name.upper().replace("-", "_")
        if key == "CONTENT_LENGTH" and environ.get(key, value) != value:  # where does the next request begin?
            raise BadRequest(400, f"Two content lengths, {environ[key][:100]!r} and {value[:100]!r}")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
            if key in environ:
                value = f"{environ[key]},{value}"
        environ[key] = value
    names: dict[str, str] = {}
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
    for name, value in preserved:
        key = environ_key_for_header(name)
        if key in names or key not in environ:  # one with an underscore never stands in for one without
            environ[key] = f"{environ[key]},{value}" if key in names else value
            names.setdefault(key, name)


def _keep_alive(environ: Mapping[str, Any]) -> bool:
    options = {option.strip().lower() for option in environ.get("HTTP_CONNECTION", "").split(",")}
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return "keep-alive" in options and "close" not in options
    return "close" not in options

"""Origins: each has a listener of its own on 127.0.0.1, since to a browser the port is part of who a page is.

A listener answers to 127.0.0.1 and localhost alone, whatever name a page had looked up for the address. Pages of other
origins change nothing there, unless the site consents: what comes from one with another method than GET is refused.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from local.engine.api import AnswerLost, Response
from local.engine.server import HOST, HttpServer, PortTaken, Refused
from local.engine.web.requests import WebRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.engine.http_requests import HttpRequest

_logger = logging.getLogger(__name__)

_HARMLESS = ("GET", "HEAD", "OPTIONS")
_LAST_PORT = 65_535


def _nobody(_: WebRequest) -> bool:
    return False


@dataclass(frozen=True)
class Site:
    """What is at an origin. `consents` says whether the page that a request is of may change something."""

    answer: Callable[[WebRequest], Response]
    consents: Callable[[WebRequest], bool] = _nobody


class KeptPorts(Protocol):
    """Which place among the ports an origin has, by its name, for the engine after this one."""

    def known(self) -> dict[str, int]: ...

    def keep(self, name: str, place: int) -> None: ...


class NothingKept:
    """Every engine gives ports anew."""

    def known(self) -> dict[str, int]:
        return {}

    def keep(self, name: str, place: int) -> None:
        """It is not asked for again."""


class Origins:
    """Opens and closes them. `port` is the endpoint's if somebody chose it: theirs follow. With 0 the system chooses.

    The first port after the endpoint's is for the first distribution, so that it is the same whatever else there is.
    """

    def __init__(self, port: int, kept: KeptPorts) -> None:
        self._port = port
        self._kept = kept
        self._lock = threading.Lock()
        self._open: dict[str, tuple[HttpServer, Site]] = {}

    def open(self, name: str, site: Site, *, is_front: bool = False) -> str:
        """The address ("127.0.0.1:4567") at which the site now answers. Raises: PortTaken, where there is none left."""
        with self._lock:
            server = self._listen(name, site, is_front=is_front)
            self._open[name] = (server, site)
        server.start()
        return f"{HOST}:{server.port}"

    def close(self, name: str) -> None:
        """Nothing happens if it is not open."""
        with self._lock:
            found = self._open.pop(name, None)
        if found is not None:
            found[0].stop()

    def at(self, address: str) -> Site | None:
        """The site of an address, None if there is none."""
        with self._lock:
            return next((site for server, site in self._open.values() if f"{HOST}:{server.port}" == address), None)

    def address(self, name: str) -> str | None:
        with self._lock:
            found = self._open.get(name)
        return None if found is None else f"{HOST}:{found[0].port}"

    def stop(self) -> None:
        with self._lock:
            servers = [server for server, _ in self._open.values()]
            self._open = {}
        for server in servers:
            server.stop()

    def _listen(self, name: str, site: Site, *, is_front: bool) -> HttpServer:
        if self._port == 0:
            return _server(0, site)
        known = self._kept.known()
        taken = {server.port - self._port for server, _ in self._open.values()}
        reserved = {place for other, place in known.items() if other != name} | taken
        first = 1 if is_front else 2
        wanted = known.get(name) or next(place for place in range(first, _LAST_PORT) if place not in reserved)
        for place in [wanted, *range(2, _LAST_PORT - self._port)]:
            if place in taken or (place != wanted and place in reserved):
                continue
            try:
                server = _server(self._port + place, site)
            except PortTaken:
                _logger.warning("port %d is taken by another program: %s gets the next one", self._port + place, name)
                continue
            self._kept.keep(name, place)
            return server
        raise PortTaken(f"No port after {self._port} is left for {name}")


def _server(port: int, site: Site) -> HttpServer:
    """A listener that answers with the site, to whom it may."""

    def answer(asked: HttpRequest) -> Response:
        request = WebRequest.of(asked)
        host = request.header("host")
        if host not in {f"{HOST}:{server.port}", f"localhost:{server.port}"}:
            raise Refused(f"This answers to {HOST}:{server.port}, not to the host {host[:100]!a}.")
        origin = request.headers.get("origin")
        is_foreign = origin is not None and origin != f"http://{host}"
        if is_foreign and request.method not in _HARMLESS and not site.consents(request):
            raise Refused(f"This does not answer pages of {str(origin)[:100]!a}.")
        try:
            return site.answer(request)
        except AnswerLost:
            raise
        except Exception:
            _logger.exception("%s %s failed", request.method, request.path)
            return Response(500, b"The embedded AWS failed; its log says why.", {"content-type": "text/plain"})

    server = HttpServer(port, answer)
    return server

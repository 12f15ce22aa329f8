"""The HTTP side of the endpoint: one thread per connection, connections kept alive, each answer in one write."""

from __future__ import annotations

import errno
import http
import logging
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer

from local.engine.api import AnswerLost, ApiRequest, Response
from local.engine.moto_app import MotoRequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 0.2  # how soon the accepting thread sees that it is to stop
_JOIN_SECONDS = 5.0


class PortTaken(OSError):  # noqa: N818 - reads as what happened
    """Another program listens on the port."""


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(
            errno.EADDRINUSE,
            f"Port {port} on {HOST} is taken by another program: stop that program or choose another port",
        ) from error
    listener.listen(128)
    return listener


class _Handler(MotoRequestHandler):  # type: ignore[misc] # moto is untyped
    """Werkzeug's handler closes the connection after each answer; AWS and its SDKs keep it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ApiServer

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            response = self.server.handle(ApiRequest.of(environ, body))
        except AnswerLost:
            self.close_connection = True
            return
        self._write(response)

    def _write(self, response: Response) -> None:
        try:
            phrase = http.HTTPStatus(response.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {name.lower(): value for name, value in response.headers.items()}
        headers.setdefault("content-type", "application/x-amz-json-1.1")
        headers.setdefault("date", formatdate(usegmt=True))  # as every answer of AWS
        if self.command != "HEAD":  # a HEAD answer carries the length of what GET would return
            headers["content-length"] = str(len(response.body))
        headers.pop("connection", None)
        lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")
        self.wfile.write(head if self.command == "HEAD" else head + response.body)

    def log_request(self, *_: object) -> None:
        """Requests are counted, not printed."""


class ApiServer(ThreadedWSGIServer):
    """Listens on `port` (0: any free one) once constructed, answers with `handle` once started."""

    daemon_threads = True

    def __init__(self, port: int, handle: Callable[[ApiRequest], Response]) -> None:
        self.handle = handle
        self._connections: dict[socket.socket, threading.Thread | None] = {}
        self._connections_lock = threading.Lock()
        with _bind(port) as listener:
            super().__init__(HOST, listener.getsockname()[1], _not_wsgi, _Handler, fd=listener.fileno())
        self._acceptor = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="engine-accept", daemon=True
        )

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        self._acceptor.start()

    def stop(self) -> None:
        """Ends the accepting thread and every connection's thread."""
        if self._acceptor.is_alive():
            self.shutdown()
            self._acceptor.join(_JOIN_SECONDS)
        self.server_close()
        with self._connections_lock:
            connections = dict(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:  # the client was faster
                _logger.debug("connection already closed: %s", error)
        deadline = time.monotonic() + _JOIN_SECONDS  # for all of them together
        for thread in connections.values():
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)


def _not_wsgi(*_: object) -> Any:
    raise AssertionError("requests go to ApiServer.handle")

"""The HTTP side of the endpoint: one thread per connection, connections kept alive, each answer in one write.

Made for what comes here: SDKs that send many small requests over connections that they keep. A general server spends
more on a request than the table behind it.
"""

from __future__ import annotations

import errno
import http
import logging
import selectors
import socket
import socketserver
import sys
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from local.engine import callers
from local.engine.api import AnswerLost, ApiRequest, Response
from local.engine.http_requests import BadRequest, Disconnected, HttpRequest, RequestReader

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"

_logger = logging.getLogger(__name__)
_JOIN_SECONDS = 5.0
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


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
            f"Port {port} on {HOST} is taken by another program",
        ) from error
    listener.listen(128)
    return listener


class Refused(Exception):  # noqa: N818 - reads as what happened
    """Who asks is not answered; the message says why. The connection is closed."""


class HttpServer(socketserver.ThreadingTCPServer):
    """Listens on `port` (0: any free one) once constructed, answers with `answer` once started.

    `answer` may raise Refused, and AnswerLost, which cuts the connection.
    """

    daemon_threads = True

    def __init__(self, port: int, answer: Callable[[HttpRequest], Response]) -> None:
        self.answer = answer
        self._connections: dict[socket.socket, threading.Thread | None] = {}
        self._connections_lock = threading.Lock()
        listener = _bind(port)
        super().__init__((HOST, port), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self._woken, self._wake = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="engine-accept", daemon=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        self._acceptor.start()

    def stop(self) -> None:
        """Ends the accepting thread and every connection's thread."""
        self._wake.close()
        if self._acceptor.is_alive():
            self._acceptor.join(_JOIN_SECONDS)
        self._woken.close()
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

    def _accept(self) -> None:
        """Until the stop, which wakes it. `serve_forever` would look for that from time to time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while self._woken not in (ready := [key.fileobj for key, _ in selector.select()]):
                if ready:
                    self._accept_one()

    def _accept_one(self) -> None:
        try:
            connection, address = self.get_request()
        except OSError as error:  # the client was faster
            _logger.debug("a connection was gone before it was taken: %s", error)
            return
        try:
            self.process_request(connection, address)
        except Exception:  # no thread for it: the next one may get one
            _logger.exception("a connection cannot be answered")
            self.shutdown_request(connection)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)


class ApiServer(HttpServer):
    """The endpoint of AWS: answers API calls with `handle`, and only those of who may talk to it (`callers`)."""

    def __init__(self, port: int, handle: Callable[[ApiRequest], Response]) -> None:
        def answer(asked: HttpRequest) -> Response:
            refused = callers.refusal(asked.environ)
            if refused is not None:
                raise Refused(refused)
            return handle(ApiRequest.of(asked.environ, asked.body))

        super().__init__(port, answer)


class _Connection(socketserver.BaseRequestHandler):
    """Answers the requests of one connection until either side closes it."""

    server: HttpServer
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = RequestReader(self.request, self._base())
        try:
            while self._answer(reader.read()):
                pass
        except BadRequest as error:
            self._refuse(error.status, str(error))
        except (Disconnected, ConnectionError, TimeoutError) as error:
            _logger.debug("connection ended: %s", error)

    def _answer(self, asked: HttpRequest) -> bool:
        """Whether the connection stays open."""
        try:
            response = self.server.answer(asked)
        except Refused as refused:
            self._refuse(403, str(refused))
            return False
        except AnswerLost:
            return False
        self.request.sendall(_written(response, asked.method, keep_alive=asked.keep_alive))
        return asked.keep_alive

    def _refuse(self, status: int, reason: str) -> None:
        answer = Response(status, reason.encode(), {"content-type": "text/plain"})
        self.request.sendall(_written(answer, "GET", keep_alive=False))

    def _base(self) -> dict[str, Any]:
        """What the environments of all requests of the connection have in common."""
        address, port = self.client_address
        return {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "SCRIPT_NAME": "",
            "REMOTE_ADDR": address,
            "REMOTE_PORT": port,
            "SERVER_NAME": HOST,
            "SERVER_PORT": str(self.server.port),
        }


def _written(response: Response, method: str, *, keep_alive: bool) -> bytes:
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers.setdefault("content-type", "application/x-amz-json-1.1")
    headers.setdefault("date", formatdate(usegmt=True))  # as every answer of AWS
    if method != "HEAD":  # a HEAD answer carries the length of what GET would return
        headers["content-length"] = str(len(response.body))
    headers["connection"] = "keep-alive" if keep_alive else "close"
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    lines += [f"set-cookie: {cookie}\r\n" for cookie in response.cookies]
    head = f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}\r\n{''.join(lines)}\r\n"
    return head.encode() if method == "HEAD" else head.encode() + response.body

"""The HTTP server of the endpoint: what it reads is what werkzeug's server would, and it answers as AWS does."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from local.engine.api import AnswerLost, ApiRequest, Response
from local.engine.http_requests import MAX_HEAD
from local.engine.server import HOST, ApiServer

_OF_THE_SERVER = {"wsgi.errors", "wsgi.input", "werkzeug.socket", "SERVER_SOFTWARE", "SERVER_PORT", "REMOTE_PORT"}


class Served:
    """A server that keeps what it is asked, and answers "answer"."""

    def __init__(self) -> None:
        self.asked: list[ApiRequest] = []
        self.fail: Exception | None = None
        self.server = ApiServer(0, self._answer)
        self.server.start()

    def _answer(self, request: ApiRequest) -> Response:
        self.asked.append(request)
        if self.fail is not None:
            raise self.fail
        return Response(200, b"answer", {"x-of": request.path})

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.server.port), timeout=5)

    def ask(self, raw: bytes) -> bytes:
        """All that is answered until the server closes the connection, which is half closed from here."""
        with self.connect() as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    served = Served()
    yield served
    served.server.stop()


@pytest.fixture
def served(running: Served) -> Served:
    running.asked.clear()
    running.fail = None
    return running


def of_werkzeug(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Environment and body as moto's own server makes them of the same bytes."""
    made: list[tuple[dict[str, Any], bytes]] = []

    class Handler(MotoRequestHandler):  # type: ignore[misc] # moto is untyped
        protocol_version = "HTTP/1.1"

        def run_wsgi(self) -> None:
            environ = self.make_environ()
            stream = environ["wsgi.input"]
            chunked = environ.get("wsgi.input_terminated")
            made.append((environ, stream.read() if chunked else stream.read(int(environ.get("CONTENT_LENGTH") or 0))))
            self.close_connection = True

    with ThreadedWSGIServer(HOST, 0, lambda *_: [], Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with socket.create_connection((HOST, server.port), timeout=5) as connection:
            connection.sendall(raw)
            connection.recv(1 << 16)
        thread.join(5)
    return made[0]


REQUESTS = {
    "a call": (
        b"POST / HTTP/1.1\r\nHost: localhost:1\r\n"
        b"X-Amz-Target: DynamoDB_20120810.Query\r\nContent-Length: 4\r\n\r\n{ab}"
    ),
    "no body": b"GET /bucket/key HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "query and fragment": b"GET /2015-03-31/functions?Marker=a%20b&x=1#part HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "quoted path": b"GET /bucket/caf%C3%A9%2Fkey%20a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bytes beyond ASCII": "GET /bücket?ä HTTP/1.1\r\nHost: localhost\r\nX-Text: é\r\n\r\n".encode(),
    "two slashes": b"GET //evil/key HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "whole URL": b"GET http://other.localhost:80/key?q HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "repeated header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Two: 1\r\nX-Two:  2\r\n\r\n",
    "underscores": (
        b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nX_Foo: 1\r\nx-amz-meta-my_key: 2\r\nx-amz-meta-my_key: 3\r\n\r\n"
    ),
    "underscore beside a dash": b"PUT / HTTP/1.1\r\nx-amz-meta-a_b: 1\r\nx-amz-meta-a-b: 2\r\nHost: localhost\r\n\r\n",
    "chunked": (
        b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    ),
    "empty header": b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Empty:\r\nContent-Type: application/json\r\n\r\n",
    "old version": b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_read_as_motos_own_server_reads_it(served: Served, name: str) -> None:
    expected, body = of_werkzeug(REQUESTS[name])
    served.ask(REQUESTS[name])
    (asked,) = served.asked
    ours = {key: value for key, value in asked.environ.items() if key not in _OF_THE_SERVER}
    assert ours == {key: value for key, value in expected.items() if key not in _OF_THE_SERVER}
    assert asked.body == body


def test_a_connection_is_kept_and_what_comes_early_is_answered_in_turn(served: Served) -> None:
    one, two = (f"GET /{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for name in ("one", "two"))
    with served.connect() as connection:
        connection.sendall(one)
        assert b"x-of: /one" in connection.recv(1 << 16)
        connection.sendall(two[:10])
        connection.sendall(two[10:] + one)
        received = b""
        while received.count(b"answer") < 2:
            received += connection.recv(1 << 16)
    assert received.index(b"x-of: /two") < received.index(b"x-of: /one")
    assert b"connection: keep-alive\r\n" in received


def test_every_answer_is_one_write_with_a_date_and_its_length(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(REQUESTS["no body"])
        head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ndate: " in head
    assert (b"\r\ncontent-length: 6" in head, body) == (True, b"answer")


def test_a_head_answer_has_no_body(served: Served) -> None:
    assert served.ask(REQUESTS["no body"].replace(b"GET", b"HEAD")).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("version", "header"),
    [
        ("HTTP/1.1", "Connection: close"),
        ("HTTP/1.1", "Connection: TE, Close"),
        ("HTTP/1.0", "X-Nothing: 1"),
        ("HTTP/1.0", "Connection: keep-alive, close"),
    ],
)
def test_a_connection_ends_where_the_client_says_so(served: Served, version: str, header: str) -> None:
    raw = f"GET / {version}\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
    with served.connect() as connection:
        connection.sendall(raw + raw)
        answers = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answers.count(b"connection: close\r\n") == answers.count(b"HTTP/1.1 200") == 1


def test_a_client_that_asks_first_is_told_to_go_on(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1 << 16).endswith(b"answer")
    assert served.asked[0].body == b"abc"


def test_a_lost_answer_cuts_the_connection(served: Served) -> None:
    served.fail = AnswerLost()
    assert served.ask(REQUESTS["a call"] * 2) == b""
    assert len(served.asked) == 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 12\r\n\r\n{}", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}", 400),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * MAX_HEAD, 431),
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(served: Served, raw: bytes, status: int) -> None:
    with served.connect() as connection:
        connection.sendall(raw)
        answer = connection.recv(1 << 16)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"connection: close\r\n" in answer
    assert served.asked == []


def test_the_same_length_twice_is_one(served: Served) -> None:
    served.ask(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
    assert served.asked[0].body == b"abc"


def test_extensions_and_trailers_of_chunks_are_left_out(served: Served) -> None:
    served.ask(
        b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    assert served.asked[0].body == b"abc"


def test_half_a_request_is_no_request(served: Served) -> None:
    assert served.ask(REQUESTS["a call"][:-1]) == b""
    assert served.asked == []


def test_a_large_body_arrives_whole(served: Served) -> None:
    body = bytes(range(256)) * 20_000
    raw = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    served.ask(raw + body)
    assert served.asked[0].body == body
    assert io.BytesIO(served.asked[0].wsgi_environ()["wsgi.input"].read()).read() == body


def test_it_stops_at_once_though_nobody_connects() -> None:
    served = Served()
    with served.connect() as connection:  # so that it waits for others by now
        connection.sendall(REQUESTS["a call"])
        assert connection.recv(1 << 16).endswith(b"answer")
    began = time.monotonic()
    served.server.stop()
    assert time.monotonic() - began < 2  # seconds; who is not woken is waited for longer


def test_a_connection_that_gets_no_thread_costs_the_others_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(served.server, "process_request", _no_thread)
        with served.connect() as connection:
            assert connection.recv(1) == b""
    assert served.ask(REQUESTS["a call"]).endswith(b"answer")


def _no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_server_that_never_started_stops() -> None:
    server = ApiServer(0, lambda _: Response(200))
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, server.port), timeout=5)

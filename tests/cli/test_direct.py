"""`ledger --direct` on the embedded AWS: its own address and credentials, whatever the shell is set up for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ..somebodys_shell import SETTINGS
from .conftest import Run


class _Invoked(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((str(self.headers["Authorization"]), self.headers.get("X-Amz-Security-Token")))
        answer = json.dumps({"statusCode": 200, "body": '{"AccountId": "a", "Status": "Active"}'}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """Where the outputs of this folder say that the functions are: how each request was signed."""
    _Invoked.seen = []
    with HTTPServer(("127.0.0.1", 0), _Invoked) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        at = f"http://127.0.0.1:{server.server_port}"
        outputs = {"region": "us-east-1", "endpoint": at, "queryFunction": "query"}
        (tmp_path / "out.json").write_text(json.dumps(outputs), "utf-8")
        monkeypatch.chdir(tmp_path)
        try:
            yield _Invoked.seen
        finally:
            server.shutdown()
            thread.join()


def test_no_setting_of_the_shell_leads_elsewhere_or_is_in_the_way(
    functions: list[tuple[str, str | None]], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)

    ran = run("account", "show", "a", "--direct")

    assert (ran.code, ran.err) == (0, "")
    ((authorization, token),) = functions
    assert "Credential=test/" in authorization
    assert "/us-east-1/lambda/" in authorization
    assert token is None


def test_a_shells_own_credentials_are_those_of_who_tries_a_role(
    functions: list[tuple[str, str | None]], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY_ID": "AKIAROLE", "SECRET_ACCESS_KEY": "s", "SESSION_TOKEN": "t"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    assert run("account", "show", "a", "--direct").code == 0
    ((authorization, token),) = functions
    assert "Credential=AKIAROLE/" in authorization
    assert token == "t"

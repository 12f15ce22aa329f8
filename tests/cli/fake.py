"""A small ledger behind HTTP on this machine, with the sign-in of the embedded AWS. Requests must fit the API."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "handlers/http_api/openapi.json").read_text("utf-8"))
Reply = tuple[int, str] | None


@dataclass(frozen=True)
class Asked:
    """A request of the API that has a good token: its operation, and what came with it."""

    operation: str
    method: str
    template: str
    subject: str | None
    """The path's id, percent-encoded."""
    query: str
    headers: dict[str, str]
    body: str | None


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a client that went away, nothing."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FakeLedger:
    """`replies` has the answer to an operation, as status and JSON text; None: hang up without one."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[tuple[str, dict[str, str], dict[str, str], Any]] = []
        """Operations, their parameters, their headers and their bodies."""
        self.unfit: list[str] = []
        """What was asked against the document."""
        self.hints: list[str] = []
        self.grants: list[str] = []
        self.refuses_refresh = False
        self.rotates = False
        """Whether a refresh token is good once."""
        self.codes: dict[str, str] = {}
        """Of sign-ins that nobody has finished, with their challenges."""
        self.refresh: set[str] = set()
        self.denies = False
        """Whether nobody may sign in."""
        self.forbids = False
        """Whether no token has the scope of anything."""
        self.revoked: list[str] = []
        self.good: set[str] = set()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.config: dict[str, Any] = {
            "clientId": "client",
            "scopes": ["openid", "ledger/read"],
            "authorizeUrl": f"{self.url}/oauth2/authorize",
            "tokenUrl": f"{self.url}/oauth2/token",
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert not self.unfit

    def token(self) -> dict[str, Any]:
        """A new one."""
        token = f"token-{len(self.grants)}"
        self.good.add(token)
        again = f"again-{len(self.grants) if self.rotates else ''}"
        self.refresh.add(again)
        return {"access_token": token, "refresh_token": again, "expires_in": 3600}

    def code(self, challenge: str) -> str:
        """One that is good once, for whoever knows what the challenge is made of."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = challenge
        return code

    def exchanged(self, form: dict[str, str]) -> Reply:
        """What the token endpoint answers."""
        self.grants.append(form["grant_type"])
        if form["grant_type"] == "refresh_token":
            is_good = form["refresh_token"] in self.refresh and not self.refuses_refresh
            self.refresh -= {form["refresh_token"]} if self.rotates else set()
        else:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            is_good = self.codes.pop(form["code"], "") == challenge
        if not is_good:
            return 400, '{"error": "invalid_grant"}'
        return 200, json.dumps(self.token())

    def reply(self, asked: Asked) -> Reply:
        """What the API answers."""
        return self.replies.get(asked.operation, (500, "{}"))

    def operation(self, method: str, path: str, query: str) -> tuple[str, str, str | None]:
        """The operation of a request, its path in the document and the id in it. What does not fit is in `unfit`."""
        for template, operations in DOCUMENT["paths"].items():
            pattern = re.sub(r"\\{[^}]*\\}", "([^/]+)", re.escape(template))
            if method.lower() in operations and (matched := re.fullmatch(pattern, path)):
                found = operations[method.lower()]
                refs = [each.get("$ref", "").rpartition("/")[2] for each in found.get("parameters", [])]
                parameters = DOCUMENT["components"]["parameters"]
                known = {each["name"] for each in found.get("parameters", []) if "name" in each}
                known |= {parameters[name]["name"] for name in refs if name}
                self.unfit += [f"{found['operationId']}: {name}" for name, _ in parse_qsl(query) if name not in known]
                return str(found["operationId"]), template, matched[1] if matched.groups() else None
        self.unfit.append(f"{method} {path}")
        return "", path, None


def _handler(ledger: FakeLedger) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: C901 -- a class in it
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/console/config.json":
                self.reply(200, json.dumps(ledger.config))
            elif parts.path == "/oauth2/authorize":
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                ledger.hints.append(asked["login_hint"])
                self.send_response(302)
                code = ledger.code(asked["code_challenge"])
                came = {"error": "access_denied"} if ledger.denies else {"code": code}
                back = urlencode({**came, "state": asked["state"]})
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()
            else:
                self.answer("GET")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/oauth2/revoke":
                ledger.revoked += parse_qs(body)["token"]
                self.reply(200, "")
            elif self.path == "/oauth2/token":
                self.reply(*(ledger.exchanged(dict(parse_qsl(body))) or (500, "")))
            else:
                self.answer("POST", body)

        def answer(self, method: str, body: str | None = None) -> None:
            parts = urlsplit(self.path)
            operation, template, subject = ledger.operation(method, parts.path, parts.query)
            if self.headers["Authorization"].removeprefix("Bearer ") not in ledger.good:
                self.reply(401, '{"message": "Unauthorized"}')
                return
            if ledger.forbids:
                self.reply(403, '{"message": "Forbidden"}')
                return
            headers = dict(self.headers)
            content = None if body is None else json.loads(body, parse_float=str)
            ledger.asked.append((operation, dict(parse_qsl(parts.query)), headers, content))
            reply = ledger.reply(Asked(operation, method, template, subject, parts.query, headers, body))
            if reply is not None:
                self.reply(*reply)

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler

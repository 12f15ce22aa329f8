"""Somebody who uses the HTTP API of a served stack without a browser: what the tests and pictures begin from."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from tests.support import eventually


@dataclass(frozen=True)
class Person:
    """Signed in by name at the stack whose console is at `console`."""

    console: str
    token: str

    @classmethod
    def named(cls, console: str, name: str) -> Person:
        with urllib.request.urlopen(urljoin(console, "config.json"), timeout=30) as answer:  # noqa: S310 -- of here
            config = json.load(answer)
        asked = {
            "response_type": "code", "client_id": config["clientId"], "redirect_uri": console, "login_hint": name,
        }  # fmt: skip
        with _connected(config["authorizeUrl"]) as connection:
            connection.request("GET", f"/oauth2/authorize?{urlencode(asked)}")
            back = str(connection.getresponse().getheader("location"))
        form = {
            "grant_type": "authorization_code", "client_id": config["clientId"], "redirect_uri": console,
            "code": parse_qs(urlsplit(back).query)["code"][0],
        }  # fmt: skip
        with urllib.request.urlopen(config["tokenUrl"], urlencode(form).encode(), timeout=30) as answer:  # noqa: S310
            return cls(console, json.load(answer)["access_token"])

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and parsed body. Names of headers have underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with _connected(self.console) as connection:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **named},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def tell(self, account: str, event_type: str, command_id: str | None = None, **data: Any) -> Any:
        """A command on an account, which must be accepted."""
        key = {"commandId": command_id} if command_id else {}
        told = {"eventType": event_type, "eventData": data, **key}
        status, body = self.ask("POST", f"/accounts/{quote(account, safe='')}/commands", told)
        assert status == 200, body
        return body

    def transfer(self, transfer_id: str, **data: Any) -> None:
        """Request one, once."""
        status, body = self.ask("POST", "/transfers", {"transferId": transfer_id, **data}, Idempotency_Key=transfer_id)
        assert status == 200, body

    def has(self, path: str, is_so: Callable[[Any], object]) -> None:
        """Wait until a query's answer is so: rows follow the events."""
        eventually(lambda: is_so(self.ask("GET", path)[1]))


@contextmanager
def _connected(address: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        yield connection
    finally:
        connection.close()

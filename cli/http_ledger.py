"""The ledger over its HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from cli import answers, exact_json, web
from cli.errors import UsageError
from cli.requests import Command, Question

_UNAUTHORIZED = 401


class Tokens(Protocol):
    """Who is signed in."""

    def access_token(self) -> str:
        """A token that holds for now, as far as its expiry says. Raises: SignInNeeded."""

    def renewed(self) -> str:
        """Another one, after the API did not take the last. Raises: SignInNeeded."""


@dataclass(frozen=True, slots=True)
class HttpLedger:
    """A Ledger by `url`, without a slash at its end."""

    url: str
    tokens: Tokens
    timeout: float = web.TIMEOUT_SECONDS

    def ask(self, question: Question, subject: str = "", **parameters: Any) -> dict[str, Any]:
        """One GET."""
        given = {name.rstrip("_"): str(value) for name, value in parameters.items() if value is not None}
        query = f"?{urlencode(given, quote_via=quote)}" if given else ""
        return self._answered("GET", f"{_path(question.path, subject)}{query}")

    def send(self, command: Command) -> dict[str, Any]:
        """One POST."""
        headers = {"Content-Type": "application/json"}
        beside = {}
        if command.key.isascii() and "," not in command.key:
            headers["Idempotency-Key"] = command.key
        else:  # what a header cannot carry, a body can
            beside["commandId"] = command.key
        if command.expected is not None:
            headers["If-Match"] = f'"{command.expected}"'
        if command.opens and not command.dry:
            _path("{id}", command.id)  # nobody could look at it, or approve of it
            path, content = (
                f"/{command.collection}",
                {f"{command.collection[:-1]}Id": command.id, **command.data, **beside},
            )
        else:
            path = _path(f"/{command.collection}/{{id}}/commands{':validate' if command.dry else ''}", command.id)
            content = {"eventType": command.event_type, "eventData": command.data, **beside}
        return self._answered("POST", path, headers, exact_json.dumps(content, indent=None).encode())

    def _answered(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        answer = self._requested(method, path, headers, body, self.tokens.access_token())
        if answer.status == _UNAUTHORIZED:  # the API's authorizer said so: nothing was done
            answer = self._requested(method, path, headers, body, self.tokens.renewed())
        return answers.body_of(answer.status, answer.body, "Try again; if it stays so, tell whoever runs the ledger.")

    def _requested(
        self, method: str, path: str, headers: Mapping[str, str] | None, body: bytes | None, token: str
    ) -> web.Answer:
        own = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "ledger"}
        return web.request(
            method, f"{self.url}{path}", headers={**own, **(headers or {})}, body=body, timeout=self.timeout
        )


def _path(template: str, subject: str) -> str:
    if "/" in subject or "?" in subject or subject in (".", ".."):
        which = f"The id `{subject}` is" if subject in (".", "..") else "Ids with `/` or `?` are"
        raise UsageError(f"the id {subject!r} has no path in the HTTP API", f"{which} reached with --direct.")
    return template.replace("{id}", quote(subject, safe=""))

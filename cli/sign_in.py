"""Signing in: authorization code with PKCE (RFC 7636) in a browser, with a listener on this machine (RFC 8252).

The embedded AWS asks for no password. There a profile signs in by itself: `login_hint` in the request brings the code
at once, without a browser.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import http.server
import json
import re
import secrets
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cli import web
from cli.errors import CliError, SignInNeeded, Unreachable, UsageError
from cli.local_ledger import is_local
from cli.profiles import Profile, Profiles, SignedIn
from cli.shown import printable

CALLBACK = "http://localhost:8976/callback"
PATIENCE_SECONDS = 300
"""So long somebody has to sign in."""
_EARLY_SECONDS = 60
"""So long before it expires a token is renewed: it must hold until the request arrives."""
_OK, _FOUND, _NOT_FOUND = 200, (302, 303, 307), 404
_PAGE = "<!doctype html><meta charset=utf-8><title>ledger</title><p>{}</p><p>You can close this page.</p>"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Client:
    """What a stack tells of how to sign in: its `console/config.json`."""

    client_id: str
    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    regions: Mapping[str, str]
    """The address in each Region, where the ledger is in two."""

    @classmethod
    def of(cls, url: str) -> Client:
        """Of the ledger at an address. One request. Raises: CliError."""
        where = f"{url}/console/config.json"
        answer = web.request("GET", where)
        hint = "Name the address of the console, the stack's output consoleUrl: ledger login --url URL"
        try:
            found: Any = json.loads(answer.body) if answer.status == _OK else {}
            authorize, token = _place(found["authorizeUrl"]), _place(found["tokenUrl"])
            regions = {str(name): _place(place) for name, place in dict(found.get("regions", {})).items()}
            return cls(str(found["clientId"]), authorize, token, tuple(map(str, found["scopes"])), regions)
        except (ValueError, TypeError, KeyError) as error:
            raise CliError(f"{where} does not say how to sign in (HTTP {answer.status})", hint) from error


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in: `verifier` stays here, and its hash goes with the request."""

    client: Client
    verifier: str
    state: str

    @classmethod
    def new(cls, client: Client) -> Attempt:
        """With secrets of its own."""
        return cls(client, secrets.token_urlsafe(64), secrets.token_urlsafe(32))

    def address(self, **more: str) -> str:
        """Where the browser goes."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": " ".join(self.client.scopes),
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **more,
        }
        joint = "&" if "?" in self.client.authorize_url else "?"
        return f"{self.client.authorize_url}{joint}{urlencode(asked)}"

    def is_answered_by(self, query: str) -> bool:
        """Whether what came back is of this sign-in, and not of a page that only knows the callback's address."""
        return secrets.compare_digest(parse_qs(query).get("state", [""])[0].encode(), self.state.encode())

    def code(self, query: str) -> str:
        """The code that the browser brought back. Raises: SignInNeeded."""
        told = {name: values[0] for name, values in parse_qs(query).items()}
        if not self.is_answered_by(query):
            raise SignInNeeded("what came back is not of this sign-in", "Try again: ledger login")
        if "code" not in told:
            why = printable(told.get("error_description") or told.get("error", "no code came back"))
            raise SignInNeeded(f"the sign-in was refused: {why}", "Try again: ledger login")
        return told["code"]

    def tokens(self, code: str, url: str, user: str = "") -> SignedIn:
        """What a code is good for. One request. Raises: CliError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        told = _token_request(self.client.token_url, {"client_id": self.client.client_id, **form})
        return SignedIn(
            url=url,
            access_token=told["access_token"],
            refresh_token=str(told.get("refresh_token", "")),
            expires=_expiry(told),
            token_url=self.client.token_url,
            client_id=self.client.client_id,
            user=user or _name_in(told["access_token"]),
        )


@dataclass(slots=True)
class Session:
    """The tokens of a profile: renewed before they expire, and on the embedded AWS got without anybody's help."""

    profiles: Profiles
    profile: Profile
    now: Callable[[], float] = time.time

    def access_token(self) -> str:
        """One that holds for now. At most two requests, mostly none. Raises: SignInNeeded and other CliErrors."""
        found = self.profiles.signed_in(self.profile)
        if found is not None and found.expires - _EARLY_SECONDS > self.now():
            return found.access_token
        return self.renewed()

    def renewed(self) -> str:
        """A new one, whatever the old one is good for. Raises: SignInNeeded and other CliErrors."""
        found = self.profiles.signed_in(self.profile)
        fresh = _refreshed(found) if found is not None and found.refresh_token else None
        if fresh is None and (beside := self._of_another_command(found)) is not None:
            return beside
        if fresh is None:
            if not is_local(self.profile.url):
                raise SignInNeeded(
                    f"nobody is signed in to {self.profile.name!r}" if found is None else "the sign-in has expired",
                    f"Sign in: ledger login --profile {self.profile.name}",
                )
            fresh = without_browser(self.profile, Client.of(self.profile.url))
        self.profiles.keep_signed_in(self.profile, fresh)
        return fresh.access_token

    def _of_another_command(self, old: SignedIn | None) -> str | None:
        """What one that ran beside this one has got with the refresh token, where an issuer takes each once."""
        now = self.profiles.signed_in(self.profile)
        if old is None or now is None or now.access_token == old.access_token:
            return None
        return now.access_token


def address_in(profile: Profile, region: str) -> str:
    """Where the ledger is reached in a Region. Mostly no request; one where the profile does not know. CliError."""
    known = profile.regions
    if region not in known:
        known = Client.of(profile.url).regions
    if region not in known:
        there = (
            f"It is in {' and '.join(map(printable, known))}." if known else "It is in one Region: leave --region out."
        )
        raise UsageError(f"the ledger of the profile {profile.name!r} is not in {region}", there)
    return known[region]


def without_browser(profile: Profile, client: Client) -> SignedIn:
    """Sign in to the embedded AWS, as the profile's user or the one of this machine. Two requests."""
    user = profile.as_user or local_user()
    hint = f"Sign in in a browser: ledger login --profile {profile.name} --browser"
    if not is_local(client.authorize_url):
        raise SignInNeeded(f"nobody is signed in to {profile.name!r}", hint)
    attempt = Attempt.new(client)
    answer = web.request("GET", attempt.address(login_hint=user))
    back = answer.header("Location")
    if answer.status not in _FOUND or not back.startswith(f"{CALLBACK}?"):
        raise SignInNeeded(f"{profile.url} does not sign {user!r} in by itself", hint)
    return attempt.tokens(attempt.code(urlsplit(back).query), profile.url, user)


def with_browser(
    profile: Profile, client: Client, tell: Tell, *, open_browser: bool = True, patience: float = PATIENCE_SECONDS
) -> SignedIn:
    """Have somebody sign in in a browser on this machine, and wait for that. Raises: SignInNeeded after `patience`."""
    attempt = Attempt.new(client)
    with _Listener(attempt.is_answered_by) as listener:
        address = attempt.address()
        if not (open_browser and webbrowser.open(address)):
            tell("Open this address in a browser on this machine:")
        else:
            tell("Sign in in the browser. If none has opened, go to this address:")
        tell(address)
        return attempt.tokens(attempt.code(listener.wait(patience)), profile.url)


def local_user() -> str:
    """The name of who runs this program, as the embedded AWS takes names."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        name = ""
    return re.sub(r"[^\w.@-]", "-", name)[:64] or "local"


class _Listener(http.server.HTTPServer):
    """Waits on the callback's port, of this machine alone, for the one request that the sign-in page sends."""

    allow_reuse_address = True

    def __init__(self, is_it: Callable[[str], bool]) -> None:
        self.is_it = is_it
        self.query = ""
        parts = urlsplit(CALLBACK)
        try:
            super().__init__(("127.0.0.1", parts.port or 0), _Callback)
        except OSError as error:
            raise CliError(
                f"port {parts.port} of this machine is taken: {error.strerror}",
                "Another `ledger login` may wait there: end it, and try again.",
            ) from error

    def wait(self, patience: float) -> str:
        """The query that came back."""
        until = time.monotonic() + patience
        while not self.query:
            self.timeout = until - time.monotonic()
            if self.timeout <= 0:
                raise SignInNeeded(f"nobody signed in within {patience:.0f} seconds", "Try again: ledger login")
            self.handle_request()
        return self.query

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away says nothing here."""


class _Callback(http.server.BaseHTTPRequestHandler):
    timeout = 5  # a connection that says nothing keeps nobody waiting

    def do_GET(self) -> None:
        """Only the callback counts; a browser asks for an icon, too."""
        parts = urlsplit(self.path)
        listener = self.server
        is_it = (
            isinstance(listener, _Listener) and parts.path == urlsplit(CALLBACK).path and listener.is_it(parts.query)
        )
        if is_it and isinstance(listener, _Listener):
            listener.query = parts.query
        page = _PAGE.format("Back to the terminal: it goes on there." if is_it else "There is nothing here.").encode()
        self.send_response(_OK if is_it else _NOT_FOUND)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        """Nothing: the path has the code in it."""


def _place(url: Any) -> str:
    """An address that a browser, or a secret, may go to. Raises: ValueError."""
    if not isinstance(url, str) or not url.isprintable() or not web.is_safe(url):
        raise ValueError(url)
    return url


def _refreshed(signed_in: SignedIn) -> SignedIn | None:
    """With a new access token; None where the refresh token is good for none any more."""
    form = {"grant_type": "refresh_token", "client_id": signed_in.client_id, "refresh_token": signed_in.refresh_token}
    try:
        told = _token_request(signed_in.token_url, form)
    except SignInNeeded:
        return None
    except Unreachable:
        if is_local(signed_in.url):  # an embedded AWS that was started anew signs people in elsewhere
            return None
        raise
    newer = str(told.get("refresh_token") or signed_in.refresh_token)  # some issuers give one for each
    return replace(signed_in, access_token=told["access_token"], refresh_token=newer, expires=_expiry(told))


def _token_request(url: str, form: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = web.request("POST", url, headers=headers, body=urlencode(form).encode())
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if answer.status == _OK and isinstance(told, dict) and isinstance(told.get("access_token"), str):
        return told
    if isinstance(told, dict) and "error" in told:
        why = printable(str(told.get("error_description") or told["error"]))
        raise SignInNeeded(f"the sign-in was refused: {why}", "Try again: ledger login")
    raise CliError(f"{url} gave no token (HTTP {answer.status})", "Try again; if it stays so, tell whoever runs it.")


def _expiry(told: dict[str, Any]) -> float:
    seconds = told.get("expires_in")
    return time.time() + (
        float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else 300.0
    )


def _name_in(token: str) -> str:
    """Whose a token says that it is, to show it; nobody decides by it here."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("username") or claims.get("sub") or "")
    except (ValueError, IndexError, AttributeError):
        return ""

"""The domain of a user pool: where people sign in, and where clients get tokens.

As Cognito's: `/oauth2/authorize`, `/login`, `/oauth2/token`, `/oauth2/revoke`, `/oauth2/userInfo`, `/logout`, and what
describes the issuer. One thing is not: the page asks for a name and for no password, and makes who is new a member of
every group. With `login_hint` in the request it asks for nothing at all, so that a program can sign in.
"""

from __future__ import annotations

import base64
import hashlib
import html
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from local.engine import backends
from local.engine.api import Response
from local.engine.web import issuers, tokens
from local.engine.web.grants import Grant, Grants, proves
from local.engine.web.token_trigger import TriggerFailed
from local.engine.web.user_tokens import UserTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.engine.clock import Clock
    from local.engine.gateway import Gateway
    from local.engine.web.requests import WebRequest

_LONGEST_NAME = 128
_BY_PAGES = ("/oauth2/token", "/oauth2/revoke")
"""What a page of a client asks for from its own origin."""
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:10vh auto;max-width:22rem;padding:0 1rem}"
    "input,button{box-sizing:border-box;font:inherit;padding:.5rem;width:100%}"
)
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_NOT_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}


class _Refused(Exception):  # noqa: N818 - reads as what happened
    """The answer says why."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class SignIn:
    """Answers at the origin of one domain."""

    def __init__(self, gateway: Gateway, clock: Clock, grants: Grants, *, region: str, pool_id: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._grants = grants
        self._region = region
        self._pool_id = pool_id
        self._tokens = UserTokens(gateway, clock, region)

    def consents(self, request: WebRequest) -> bool:
        """A page that a client sends people back to may ask for tokens."""
        return request.path in _BY_PAGES and self._is_of_a_client(request.header("origin"))

    def answer(self, request: WebRequest) -> Response:
        answers = {
            ("GET", "/oauth2/authorize"): self._authorize,
            ("GET", "/login"): self._login_page,
            ("POST", "/login"): self._login,
            ("POST", "/oauth2/token"): self._token,
            ("POST", "/oauth2/revoke"): self._revoke,
            ("GET", "/oauth2/userInfo"): self._user_info,
            ("GET", "/logout"): self._logout,
            ("GET", "/.well-known/jwks.json"): self._keys,
            ("GET", "/.well-known/openid-configuration"): self._configuration,
        }
        if request.method == "OPTIONS" and request.path in _BY_PAGES:
            return self._shared(request, Response(204, b"", {"access-control-allow-methods": "POST"}))
        found = answers.get((request.method, request.path))
        if found is None:
            return _page(404, "<p>There is nothing here.</p>")
        try:
            response = found(request)
        except _Refused as refused:
            response = refused.response
        return self._shared(request, response) if request.path in _BY_PAGES else response

    # -- people

    def _authorize(self, request: WebRequest) -> Response:
        asked = request.parameters()
        grant = self._asked(asked)
        if asked.get("login_hint"):
            return self._signed_in(grant, asked["login_hint"], asked.get("state"))
        return _redirect(f"/login?{request.query}")

    def _login_page(self, request: WebRequest) -> Response:
        grant = self._asked(request.parameters())
        return _form(request, grant.redirect_uri)

    def _login(self, request: WebRequest) -> Response:
        asked = request.parameters()
        grant = self._asked(asked)
        name = request.parameters(of_body=True).get("username", "").strip()
        if not _is_name(name):
            return _form(request, grant.redirect_uri, "A name has 1 to 128 characters, and no spaces.")
        return self._signed_in(grant, name, asked.get("state"))

    def _logout(self, request: WebRequest) -> Response:
        asked = request.parameters()
        settings = self._settings(asked.get("client_id", ""))
        if settings is not None and asked.get("logout_uri", "") in (settings.get("LogoutURLs") or ()):
            return _redirect(asked["logout_uri"])
        if settings is not None and "redirect_uri" in asked:
            self._asked(asked)
            return _redirect(f"/login?{request.query}")
        return _page(400, "<p>This address to return to is not one of the client's.</p>")

    def _asked(self, asked: Mapping[str, str]) -> Grant:
        """What an authorisation request is for. Raises: _Refused, by the client's address once it is known."""
        settings = self._settings(asked.get("client_id", ""))
        if settings is None:
            raise _Refused(_page(400, "<p>There is no such client.</p>"))
        address = asked.get("redirect_uri", "")
        if address not in (settings.get("CallbackURLs") or ()):
            raise _Refused(_page(400, "<p>This address to return to is not one of the client's.</p>"))
        allowed = settings.get("AllowedOAuthScopes") or ()
        scopes = tuple(dict.fromkeys(asked.get("scope", "").split())) or tuple(allowed)
        challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method", "")
        wrong = ""
        if asked.get("response_type") != "code":
            wrong = "invalid_request" if "response_type" not in asked else "unsupported_response_type"
        elif "code" not in (settings.get("AllowedOAuthFlows") or ()) or not settings["AllowedOAuthFlowsUserPoolClient"]:
            wrong = "unauthorized_client"
        elif set(scopes) - set(allowed):
            wrong = "invalid_scope"
        elif (challenge or method) and (not challenge or method != "S256"):
            wrong = "invalid_request"
        if wrong:
            raise _Refused(_returned(address, error=wrong, state=asked.get("state")))
        return Grant(
            pool_id=self._pool_id,
            client_id=asked["client_id"],
            username="",
            scopes=scopes,
            signed_in=self._clock.now(),
            redirect_uri=address,
            challenge=challenge,
            nonce=asked.get("nonce", ""),
            origin_jti=str(uuid.uuid4()),
        )

    def _signed_in(self, grant: Grant, name: str, state: str | None) -> Response:
        if not _is_name(name):
            return _returned(grant.redirect_uri, error="invalid_request", state=state)
        with self._gateway.lock:
            username = backends.pool_user(self._region, self._pool_id, name)
        if username is None:
            return _returned(grant.redirect_uri, error="access_denied", state=state)
        code = self._grants.code(replace(grant, username=username))
        return _returned(grant.redirect_uri, code=code, state=state)

    # -- programs

    def _token(self, request: WebRequest) -> Response:
        asked = request.parameters(of_body=True)
        if not request.header("content-type").startswith("application/x-www-form-urlencoded"):
            raise _Refused(_error("invalid_request"))
        if self._settings(asked.get("client_id", "")) is None:
            raise _Refused(_error("invalid_client"))
        match asked.get("grant_type"):
            case "authorization_code":
                return self._by_code(asked)
            case "refresh_token":
                return self._by_refresh_token(asked)
            case None:
                raise _Refused(_error("invalid_request"))
        raise _Refused(_error("unsupported_grant_type"))

    def _by_code(self, asked: Mapping[str, str]) -> Response:
        grant = self._grants.redeem(asked.get("code", ""))
        if (
            grant is None
            or grant.pool_id != self._pool_id
            or grant.client_id != asked["client_id"]
            or grant.redirect_uri != asked.get("redirect_uri")
            or (grant.challenge and not proves(grant.challenge, asked.get("code_verifier", "")))
            or (not grant.challenge and "code_verifier" in asked)
        ):
            raise _Refused(_error("invalid_grant"))
        made = self._made(grant, "TokenGeneration_HostedAuth")
        made["refresh_token"] = self._grants.refresh_token(self._tokens.lasting(grant))
        return Response.of_json(made, 200, {"content-type": "application/json;charset=UTF-8", **_NOT_KEPT})

    def _by_refresh_token(self, asked: Mapping[str, str]) -> Response:
        grant = self._grants.refreshed(asked.get("refresh_token", ""))
        if grant is None or grant.pool_id != self._pool_id or grant.client_id != asked["client_id"]:
            raise _Refused(_error("invalid_grant"))
        made = self._made(grant, "TokenGeneration_RefreshTokens")
        return Response.of_json(made, 200, {"content-type": "application/json;charset=UTF-8", **_NOT_KEPT})

    def _made(self, grant: Grant, source: str) -> dict[str, Any]:
        try:
            return self._tokens.of(grant, source)
        except TriggerFailed as error:
            raise _Refused(_error("invalid_request", str(error))) from error
        except (LookupError, AttributeError) as error:  # the user, the client or the pool is gone
            raise _Refused(_error("invalid_grant")) from error

    def _revoke(self, request: WebRequest) -> Response:
        asked = request.parameters(of_body=True)
        grant = self._grants.refreshed(asked.get("token", ""))
        if self._settings(asked.get("client_id", "")) is None:
            raise _Refused(_error("invalid_client"))
        if grant is not None and grant.client_id == asked["client_id"]:
            self._grants.revoke(asked["token"])
        return Response(200, b"", {"content-type": "application/json;charset=UTF-8"})

    def _user_info(self, request: WebRequest) -> Response:
        challenge = {"content-type": "application/json", "www-authenticate": 'Bearer error="invalid_token"'}
        refused = _Refused(Response.of_json({"error": "invalid_token"}, 401, challenge))
        token = request.header("authorization").removeprefix("Bearer ")
        with self._gateway.lock:
            keys = issuers.public_keys(backends.pool_keys(self._region, self._pool_id))
            pool = backends.user_pool(self._region, self._pool_id)
            try:
                claims = tokens.signed_claims(token, keys.get)
                user = pool.users[claims["username"]]
            except (tokens.TokenRefused, LookupError, AttributeError) as error:
                raise refused from error
            told = {"sub": user.id, **user.attribute_lookup, "username": user.username}
        is_good = claims.get("iss") == self._issuer and claims.get("exp", 0) > self._clock.now()
        if not is_good or "openid" not in tokens.scopes(claims):
            raise refused
        return Response.of_json(told, 200, {"content-type": "application/json;charset=UTF-8"})

    def _keys(self, _: WebRequest) -> Response:
        with self._gateway.lock:
            keys = backends.pool_keys(self._region, self._pool_id)
        return Response.of_json(keys, 200, {"content-type": "application/json"})

    def _configuration(self, request: WebRequest) -> Response:
        here = f"http://{request.header('host')}"
        with self._gateway.lock:
            pool = backends.user_pool(self._region, self._pool_id)
            scopes = sorted({each for client in pool.clients.values() for each in _scopes(client)}) if pool else []
        content = {
            "issuer": self._issuer,
            "authorization_endpoint": f"{here}/oauth2/authorize",
            "token_endpoint": f"{here}/oauth2/token",
            "revocation_endpoint": f"{here}/oauth2/revoke",
            "userinfo_endpoint": f"{here}/oauth2/userInfo",
            "end_session_endpoint": f"{here}/logout",
            "jwks_uri": f"{here}/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [tokens.ALGORITHM],
            "scopes_supported": scopes,
        }
        return Response.of_json(content, 200, {"content-type": "application/json"})

    # -- what there is

    @property
    def _issuer(self) -> str:
        return issuers.of_pool(self._region, self._pool_id)

    def _settings(self, client_id: str) -> dict[str, Any] | None:
        with self._gateway.lock:
            pool = backends.user_pool(self._region, self._pool_id)
            client = pool and pool.clients.get(client_id)
            return dict(client.extended_config) if client else None

    def _is_of_a_client(self, origin: str) -> bool:
        with self._gateway.lock:
            pool = backends.user_pool(self._region, self._pool_id)
            clients = list(pool.clients.values()) if pool else []
        addresses = [url for client in clients for url in client.extended_config.get("CallbackURLs") or ()]
        return origin in {_origin(url) for url in addresses}

    def _shared(self, request: WebRequest, response: Response) -> Response:
        origin = request.header("origin")
        if not origin or not self._is_of_a_client(origin):
            return response
        shared = {"access-control-allow-origin": origin, "vary": "origin"}
        return Response(response.status, response.body, {**response.headers, **shared})


def _scopes(client: Any) -> list[str]:
    return client.extended_config.get("AllowedOAuthScopes") or []


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and not any(map(str.isspace, name))


def _error(code: str, description: str = "") -> Response:
    content = {"error": code, **({"error_description": description} if description else {})}
    return Response.of_json(content, 400, {"content-type": "application/json;charset=UTF-8", **_NOT_KEPT})


def _redirect(address: str) -> Response:
    return Response(302, b"", {"location": address, "content-type": "text/html; charset=utf-8", **_NOT_KEPT})


def _returned(address: str, **parameters: str | None) -> Response:
    """Sends the browser back to the client."""
    given = urlencode({name: value for name, value in parameters.items() if value is not None})
    return _redirect(f"{address}{'&' if '?' in address else '?'}{given}")


def _form(request: WebRequest, returns_to: str, wrong: str = "") -> Response:
    told = f'<p role="alert">{html.escape(wrong)}</p>' if wrong else ""
    action = html.escape(f"/login?{request.query}", quote=True)
    return _page(
        200,
        f'{told}<form method="post" action="{action}"><p><label for="username">Your name</label></p>'
        '<p><input id="username" name="username" autocomplete="username" required maxlength="128" autofocus></p>'
        "<p><button>Sign in</button></p></form>"
        "<p>This is the embedded AWS: there is no password, and who is new belongs to every group.</p>",
        forms_to=_origin(returns_to),
    )


def _page(status: int, content: str, forms_to: str = "") -> Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><style>{_STYLE}</style></head><body><main><h1>Sign in</h1>{content}</main></body></html>'
    )
    # Browsers ask the policy about where a form's answer sends them, too.
    own = f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; frame-ancestors 'none'"
    policy = f"{own}; form-action 'self' {forms_to}".rstrip()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        # With no-referrer a browser would say of the form, too, that it comes from nowhere: `Origin: null`.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        **_NOT_KEPT,
    }
    return Response(status, text.encode(), headers)

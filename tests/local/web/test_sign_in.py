"""Signing in to a user pool: pages, codes, tokens, and what a page of elsewhere cannot do."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from local.engine import backends
from local.engine.api import Response
from local.engine.web import ids, issuers, tokens
from tests.local.in_process import refusal
from tests.local.web.door import FUNCTION, REGION, Answer, Door

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CALLBACK = "http://localhost:8976/callback"
CONSOLE = "http://127.0.0.1:4567/console/"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Pool:
    """A pool with a client, groups and a domain."""

    door: Door
    address: str
    pool_id: str
    client_id: str

    def authorize(self, *, path: str = "/oauth2/authorize", **changes: Any) -> Answer:
        """What is `...` is left out."""
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": CALLBACK, "state": "s&t",
            "scope": "openid ledger/read", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes,
        }  # fmt: skip
        given = {name: value for name, value in asked.items() if value is not ...}
        return self.door.send(self.address, "GET", f"{path}?{urlencode(given)}")

    def code(self, name: str = "alice", **changes: Any) -> str:
        answer = self.authorize(login_hint=name, **changes)
        assert answer.status == 302
        return returned(answer)["code"]

    def token(self, *, origin: str = "", **changes: Any) -> Answer:
        asked = {
            "grant_type": "authorization_code", "client_id": self.client_id, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER, **changes,
        }  # fmt: skip
        given = {name: value for name, value in asked.items() if value is not ...}
        headers = {"Content_Type": FORM, **({"Origin": origin} if origin else {})}
        return self.door.send(self.address, "POST", "/oauth2/token", urlencode(given), **headers)

    def claims(self, token: str) -> dict[str, Any]:
        keys = issuers.public_keys(backends.pool_keys(REGION, self.pool_id))
        return tokens.signed_claims(token, keys.get)


def returned(answer: Answer) -> dict[str, str]:
    """What the client is told at its address."""
    query = urlsplit(answer.headers["location"]).query
    return {name: values[0] for name, values in parse_qs(query).items()}


@pytest.fixture(scope="module")
def open_pool(open_door: Door) -> Iterator[Pool]:
    yield from made(open_door)


@pytest.fixture
def pool(open_pool: Pool, door: Door) -> Pool:
    assert open_pool.door is door
    return open_pool


def made(door: Door, **settings: Any) -> Iterator[Pool]:
    cognito, name = door.client("cognito-idp"), door.name("pool")
    pool_id = cognito.create_user_pool(PoolName=name, **settings)["UserPool"]["Id"]
    scopes = [{"ScopeName": each, "ScopeDescription": each} for each in ("read", "write")]
    cognito.create_resource_server(UserPoolId=pool_id, Identifier="ledger", Name="ledger", Scopes=scopes)
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="console",
        AllowedOAuthFlows=["code"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=["openid", "ledger/read", "ledger/write"],
        CallbackURLs=[CALLBACK, CONSOLE],
        LogoutURLs=[CONSOLE],
        AccessTokenValidity=10,
        RefreshTokenValidity=2,
        TokenValidityUnits={"AccessToken": "minutes", "RefreshToken": "hours"},
    )["UserPoolClient"]["ClientId"]
    for group in ("ledger-readers", "ledger-writers"):
        cognito.create_group(GroupName=group, UserPoolId=pool_id)
    address = cognito.create_user_pool_domain(Domain=name, UserPoolId=pool_id)["CloudFrontDomain"]
    described = cognito.describe_user_pool_domain(Domain=name)["DomainDescription"]
    assert described["CloudFrontDistribution"] == address
    yield Pool(door, f"http://{address}", pool_id, client_id)
    cognito.delete_user_pool_domain(Domain=name, UserPoolId=pool_id)


def test_a_person_signs_in_on_the_page_and_the_client_gets_tokens(pool: Pool) -> None:
    sent = pool.authorize()
    assert (sent.status, sent.headers["location"].partition("?")[0]) == (302, "/login")
    page = pool.door.send(pool.address, "GET", sent.headers["location"])
    assert b"<form" in page.body
    assert "form-action 'self' http://localhost:8976" in page.headers["content-security-policy"]
    posted = pool.door.send(
        pool.address, "POST", sent.headers["location"], "username=alice", Content_Type=FORM, Origin=pool.address
    )
    told = returned(posted)
    assert posted.headers["location"].startswith(f"{CALLBACK}?")
    assert told["state"] == "s&t"
    answer = pool.token(code=told["code"])
    given = answer.json()
    assert (answer.status, given["token_type"], given["expires_in"]) == (200, "Bearer", 600)
    assert answer.headers["cache-control"] == "no-store"
    access, identity = pool.claims(given["access_token"]), pool.claims(given["id_token"])
    now = int(pool.door.clock.now())
    assert access["sub"] == identity["sub"] == ids.subject(pool.pool_id, "alice")
    assert access["iss"] == f"https://cognito-idp.{REGION}.amazonaws.com/{pool.pool_id}"
    assert (access["client_id"], access["token_use"], access["username"]) == (pool.client_id, "access", "alice")
    assert (access["scope"], access["iat"], access["exp"]) == ("openid ledger/read", now, now + 600)
    assert access["cognito:groups"] == ["ledger-readers", "ledger-writers"]
    assert (identity["aud"], identity["token_use"], identity["exp"]) == (pool.client_id, "id", now + 3600)
    info = pool.door.send(pool.address, "GET", "/oauth2/userInfo", Authorization=f"Bearer {given['access_token']}")
    assert info.json()["username"] == "alice"


def test_a_browser_says_of_the_form_where_it_comes_from(pool: Pool) -> None:
    page = pool.authorize(path="/login")
    assert page.headers["referrer-policy"] == "same-origin"  # else its Origin is null, which is nobody here
    for origin, status in ((pool.address, 302), ("null", 403)):
        asked = {"Origin": origin, "Content_Type": FORM}
        query = urlencode({"response_type": "code", "client_id": pool.client_id, "redirect_uri": CALLBACK})
        assert pool.door.send(pool.address, "POST", f"/login?{query}", "username=alice", **asked).status == status


def test_a_program_signs_in_with_a_hint_alone(pool: Pool) -> None:
    assert pool.token(code=pool.code("bob")).status == 200


def test_who_is_known_keeps_her_groups_and_who_is_disabled_does_not_get_in(pool: Pool) -> None:
    cognito = pool.door.client("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool.pool_id, Username="carol")
    access = pool.claims(pool.token(code=pool.code("carol")).json()["access_token"])
    assert "cognito:groups" not in access
    assert access["sub"] == ids.subject(pool.pool_id, "carol")
    refresh = pool.token(code=pool.code("carol")).json()["refresh_token"]
    cognito.admin_disable_user(UserPoolId=pool.pool_id, Username="carol")
    assert returned(pool.authorize(login_hint="carol"))["error"] == "access_denied"
    assert pool.token(grant_type="refresh_token", refresh_token=refresh).json() == {"error": "invalid_grant"}


FAULTS: dict[str, dict[str, Any]] = {
    "the wrong verifier": {"code_verifier": "w" * 64},
    "no verifier": {"code_verifier": ...},
    "the challenge as verifier": {"code_verifier": CHALLENGE},
    "another address": {"redirect_uri": CONSOLE},
    "no address": {"redirect_uri": ...},
    "no code": {"code": ...},
    "a made up code": {"code": "x"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_code_is_given_for_what_it_was_asked_with_alone(pool: Pool, fault: dict[str, Any]) -> None:
    code = pool.code()
    refused = pool.token(**{"code": code, **fault})
    assert (refused.status, refused.json()) == (400, {"error": "invalid_grant"})
    if fault.get("code", code) == code:
        assert pool.token(code=code).status == 400, "and it is used up"


def test_a_code_is_good_once_and_for_five_minutes(pool: Pool) -> None:
    code, late = pool.code(), pool.code()
    assert pool.token(code=code).status == 200
    assert pool.token(code=code).json() == {"error": "invalid_grant"}
    pool.door.clock.advance(301)
    assert pool.token(code=late).json() == {"error": "invalid_grant"}


def test_without_a_challenge_no_verifier_is_taken(pool: Pool) -> None:
    without: dict[str, Any] = {"code_challenge": ..., "code_challenge_method": ...}
    assert pool.token(code=pool.code(**without), code_verifier=...).status == 200
    assert pool.token(code=pool.code(**without)).status == 400


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/login"])
@pytest.mark.parametrize(
    "fault",
    [
        {"redirect_uri": "http://localhost:8976/other"},
        {"redirect_uri": f"{CALLBACK}?x=1"},
        {"redirect_uri": ...},
        {"client_id": "other"},
        {"client_id": ...},
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(pool: Pool, path: str, fault: dict[str, Any]) -> None:
    answer = pool.authorize(path=path, login_hint="alice", **fault)
    assert answer.status == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ...}, "invalid_request"),
        ({"scope": "openid ledger/operate"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ...}, "invalid_request"),
        ({"code_challenge": ...}, "invalid_request"),
        ({"login_hint": "a b"}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_wrong_otherwise_the_client_is_told(pool: Pool, fault: dict[str, Any], error: str) -> None:
    answer = pool.authorize(**{"login_hint": "alice", **fault})
    assert (answer.status, returned(answer)) == (302, {"error": error, "state": "s&t"})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": ...}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"client_id": ...}, "invalid_client"),
    ],
    ids=str,
)
def test_a_request_for_tokens_that_is_none_is_refused(pool: Pool, fault: dict[str, Any], error: str) -> None:
    assert pool.token(**{"code": pool.code(), **fault}).json() == {"error": error}


def test_a_name_that_is_none_is_asked_for_again_as_text(pool: Pool) -> None:
    path = pool.authorize(state="<script>").headers["location"]
    page = pool.door.send(pool.address, "POST", path, "username=a+b", Content_Type=FORM)
    assert page.status == 200
    assert b'role="alert"' in page.body
    assert b"<script>" not in page.body


def test_a_refresh_token_gives_new_tokens_until_it_is_revoked_or_over(pool: Pool) -> None:
    refresh = pool.token(code=pool.code()).json()["refresh_token"]
    pool.door.clock.advance(3600)
    again = pool.token(grant_type="refresh_token", refresh_token=refresh)
    assert pool.claims(again.json()["access_token"])["exp"] == int(pool.door.clock.now()) + 600
    assert "refresh_token" not in again.json()
    over = pool.token(code=pool.code()).json()["refresh_token"]
    body = urlencode({"token": refresh, "client_id": pool.client_id})
    assert pool.door.send(pool.address, "POST", "/oauth2/revoke", body, Content_Type=FORM).status == 200
    assert pool.token(grant_type="refresh_token", refresh_token=refresh).status == 400
    pool.door.clock.advance(7200)
    assert pool.token(grant_type="refresh_token", refresh_token=over).status == 400


def test_pages_of_a_client_get_tokens_and_pages_of_elsewhere_nothing(pool: Pool) -> None:
    origin = "http://127.0.0.1:4567"
    answer = pool.token(code=pool.code(), origin=origin)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert pool.token(code=pool.code(), origin="http://elsewhere.example").status == 403
    path = pool.authorize().headers["location"]
    for foreign in ("http://elsewhere.example", origin, "null"):
        posted = pool.door.send(pool.address, "POST", path, "username=eve", Content_Type=FORM, Origin=foreign)
        assert posted.status == 403
    assert pool.door.send(pool.address, "GET", path, Host="elsewhere.example").status == 403


def test_logging_out_leads_back_to_the_client_alone(pool: Pool) -> None:
    def out(address: str) -> Answer:
        query = urlencode({"client_id": pool.client_id, "logout_uri": address})
        return pool.door.send(pool.address, "GET", f"/logout?{query}")

    assert out(CONSOLE).headers["location"] == CONSOLE
    assert out("http://elsewhere.example/").status == 400


def test_the_issuer_is_described(pool: Pool) -> None:
    described = pool.door.send(pool.address, "GET", "/.well-known/openid-configuration").json()
    assert described["token_endpoint"] == f"{pool.address}/oauth2/token"
    assert described["issuer"].endswith(pool.pool_id)
    (key,) = pool.door.send(pool.address, "GET", urlsplit(described["jwks_uri"]).path).json()["keys"]
    assert key.keys() == {"alg", "e", "kid", "kty", "n", "use"}


# -- the trigger -------------------------------------------------------------------------------------------------------

TRIGGER = {"PreTokenGenerationConfig": {"LambdaArn": FUNCTION, "LambdaVersion": "V2_0"}}


@pytest.fixture
def triggered(door: Door) -> Iterator[Pool]:
    door.function(source=None)
    for pool in made(door, LambdaConfig=TRIGGER):
        door.client("lambda").add_permission(
            FunctionName="ledger",
            StatementId=door.name("trigger"),
            Action="lambda:InvokeFunction",
            Principal="cognito-idp.amazonaws.com",
            SourceArn=f"arn:aws:cognito-idp:{REGION}:123456789012:userpool/{pool.pool_id}",
        )
        yield pool


EVE = {"sub": "eve", "username": "eve"}
"""Who somebody is no trigger says."""


def changing(**access: Any) -> dict[str, Any]:
    return {"response": {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": access}}}


def test_the_trigger_decides_on_the_scopes(triggered: Pool) -> None:
    door = triggered.door
    door.answer = changing(
        scopesToAdd=["ledger/write"], scopesToSuppress=["ledger/read"], claimsToAddOrOverride={"a": [1], **EVE}
    )
    access = triggered.claims(triggered.token(code=triggered.code("alice")).json()["access_token"])
    assert (access["scope"], access["a"]) == ("openid ledger/write", [1])
    assert (access["sub"], access["username"]) == (ids.subject(triggered.pool_id, "alice"), "alice")
    (event,) = door.events
    assert (event["version"], event["triggerSource"]) == ("2", "TokenGeneration_HostedAuth")
    assert event["userName"] == "alice"
    assert event["callerContext"]["clientId"] == triggered.client_id
    assert event["request"]["scopes"] == ["openid", "ledger/read"]
    assert event["request"]["groupConfiguration"]["groupsToOverride"] == ["ledger-readers", "ledger-writers"]
    assert event["request"]["userAttributes"]["sub"] == ids.subject(triggered.pool_id, "alice")


@pytest.mark.parametrize(
    "answer",
    [Response(200, b"{}", {"x-amz-function-error": "Unhandled"}), {}, [], {"response": []}, Response(429)],
    ids=str,
)
def test_without_an_answer_of_the_trigger_there_are_no_tokens(triggered: Pool, answer: Any) -> None:
    triggered.door.answer = answer
    refused = triggered.token(code=triggered.code())
    assert (refused.status, refused.json()["error"]) == (400, "invalid_request")


def test_without_the_functions_permission_there_are_none_either(door: Door) -> None:
    door.function(source=None)
    for pool in made(door, LambdaConfig=TRIGGER):
        assert pool.token(code=pool.code()).status == 400
    assert door.events == []


# -- the API of pools --------------------------------------------------------------------------------------------------


def test_a_pool_that_is_made_again_has_its_ids_again(door: Door) -> None:
    cognito = door.client("cognito-idp")

    def both() -> tuple[str, str, str]:
        pool = cognito.create_user_pool(PoolName="again")["UserPool"]
        client = cognito.create_user_pool_client(UserPoolId=pool["Id"], ClientName="c")["UserPoolClient"]["ClientId"]
        cognito.delete_user_pool(UserPoolId=pool["Id"])
        return pool["Id"], pool["Arn"], client

    first = both()
    assert first[1].endswith(f"userpool/{first[0]}")
    assert both() == first


CLIENT: dict[str, Any] = {"ClientName": "c"}


@pytest.mark.parametrize(
    ("method", "given", "code"),
    [
        ("create_user_pool", {"PoolName": "p", "LambdaConfig": {"PreSignUp": FUNCTION}}, "NotImplemented"),
        ("create_user_pool", {"PoolName": "p", "LambdaConfig": {"PreTokenGeneration": FUNCTION}}, "NotImplemented"),
        ("create_user_pool_client", {**CLIENT, "GenerateSecret": True}, "NotImplemented"),
        ("create_user_pool_client", {**CLIENT, "AllowedOAuthFlows": ["implicit"]}, "NotImplemented"),
        ("create_user_pool_client", {**CLIENT, "SupportedIdentityProviders": ["Google"]}, "NotImplemented"),
        ("create_user_pool_client", {**CLIENT, "CallbackURLs": ["http://far.example"]}, "InvalidParameterException"),
        ("create_user_pool_client", {**CLIENT, "CallbackURLs": [f"{CALLBACK}#x"]}, "InvalidParameterException"),
        ("create_user_pool_client", {**CLIENT, "AllowedOAuthScopes": ["x/y"]}, "ScopeDoesNotExistException"),
        ("create_user_pool_domain", {"Domain": "d", "CustomDomainConfig": {"CertificateArn": "a"}}, "NotImplemented"),
    ],
    ids=str,
)
def test_what_aws_or_this_does_not_do_is_refused(door: Door, method: str, given: dict[str, Any], code: str) -> None:
    if method != "create_user_pool":
        given = {**given, "UserPoolId": door.pool_id}
    assert refusal(getattr(door.client("cognito-idp"), method), **given)[0] == code


def test_a_pool_that_is_protected_or_has_a_domain_stays(door: Door) -> None:
    cognito = door.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="stays", DeletionProtection="ACTIVE")["UserPool"]["Id"]
    assert refusal(cognito.delete_user_pool, UserPoolId=pool_id)[0] == "InvalidParameterException"
    for pool in made(door):
        assert refusal(cognito.delete_user_pool, UserPoolId=pool.pool_id)[0] == "InvalidParameterException"
    assert json.dumps(sorted(backends.user_pools(REGION))).count(pool_id) == 1

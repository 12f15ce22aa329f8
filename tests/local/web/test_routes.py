"""Which route a request takes."""

from __future__ import annotations

import pytest

from local.engine.web import routes


def taken(keys: list[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    match = routes.match({key: key for key in keys}, method, path)
    return None if match is None else (match.route, dict(match.parameters))


ALL = [
    "$default",
    "ANY /{proxy+}",
    "GET /accounts",
    "GET /accounts/{id}",
    "GET /accounts/mine",
    "GET /accounts/{id}/events",
    "POST /accounts/{id}/commands",
    "POST /accounts/{id}/commands:validate",
    "ANY /accounts/{id}/commands",
    "GET /accounts/{rest+}",
]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/accounts", ("GET /accounts", {})),
        ("GET", "/accounts/a", ("GET /accounts/{id}", {"id": "a"})),
        ("GET", "/accounts/mine", ("GET /accounts/mine", {})),
        ("GET", "/accounts/mine/events", ("GET /accounts/{id}/events", {"id": "mine"})),
        ("GET", "/accounts/a/b/c", ("GET /accounts/{rest+}", {"rest": "a/b/c"})),
        ("POST", "/accounts/a/commands", ("POST /accounts/{id}/commands", {"id": "a"})),
        ("PUT", "/accounts/a/commands", ("ANY /accounts/{id}/commands", {"id": "a"})),
        ("POST", "/accounts/a/commands:validate", ("POST /accounts/{id}/commands:validate", {"id": "a"})),
        ("POST", "/accounts/a", ("ANY /{proxy+}", {"proxy": "accounts/a"})),
        ("GET", "/accounts/", ("ANY /{proxy+}", {"proxy": "accounts/"})),
        ("GET", "/", ("$default", {})),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, expected: tuple[str, dict[str, str]]) -> None:
    assert taken(ALL, method, path) == expected
    assert taken(ALL[::-1], method, path) == expected


def test_without_a_route_that_fits_and_a_default_there_is_none() -> None:
    assert taken(["GET /accounts/{id}"], "GET", "/accounts/a/b") is None
    assert taken(["GET /accounts/{id}"], "POST", "/accounts/a") is None
    assert taken(["GET /accounts/{id}"], "GET", "/accounts") is None
    assert taken(["GET /accounts/{id}"], "GET", "/Accounts/a") is None


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/accounts/a%20b", "/accounts/a b"),
        ("/accounts/%C3%BC", "/accounts/ü"),
        ("/accounts/a%23b", "/accounts/a#b"),
        ("/accounts/a%2523b", "/accounts/a%23b"),
        ("/accounts/a+b", "/accounts/a+b"),
        ("/accounts/a%2Fb", "/accounts/a/b"),
        ("/accounts/a%3Fb", "/accounts/a"),
    ],
)
def test_a_path_is_decoded_once_as_a_whole(sent: str, path: str) -> None:
    assert routes.decoded(sent) == path


@pytest.mark.parametrize(
    "key", ["", "GET", "GET accounts", "get /accounts", "FETCH /a", "GET /a/x{id}", "GET /{a+}/b", "GET /{a}/{a}"]
)
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(routes.BadRouteKey):
        routes.check(key)


@pytest.mark.parametrize("key", ALL)
def test_a_key_that_is_one_is_taken(key: str) -> None:
    routes.check(key)

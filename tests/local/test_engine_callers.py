"""Who the endpoint answers: programs of this machine, and no page of another site, whatever name it was reached by."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from local.engine import Engine, callers
from tests.local.conftest import Workshop

LOCAL = (
    "127.0.0.1",
    "127.0.0.1:4566",
    "localhost",
    "LOCALHOST:4566",
    "[::1]",
    "[::1]:4566",
    "bucket.localhost:4566",
    "my.bucket.s3.localhost:4566",
    "123456789012.127.0.0.1:4566",
)
ELSEWHERE = (
    "",
    "rebound.evil.example",
    "rebound.evil.example:4566",
    "localhost.evil.example",
    "127.0.0.1.evil.example:4566",
    "evil.example#.localhost",
    "evil.example/localhost",
    "evillocalhost",
    "localhost:4566:80",
    "localhost,evil.example",
    "0.0.0.0:4566",
    "dynamodb.us-east-1.amazonaws.com",
    "motoapi.amazonaws.com",
)


def asked(**headers: str) -> dict[str, str]:
    given = {"Host": "127.0.0.1:4566", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {"PATH_INFO": "/", **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()}}


@pytest.mark.parametrize("host", LOCAL)
def test_the_machines_own_names_are_answered(host: str) -> None:
    assert callers.refusal(asked(Host=host)) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_every_other_name_is_refused(host: str) -> None:
    assert "127.0.0.1 and localhost" in (callers.refusal(asked(Host=host)) or "")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:8080", "https://127.0.0.1:4566"],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert "does not answer pages" in (callers.refusal(asked(Origin=origin)) or "")


def test_a_page_of_the_endpoint_itself_is_answered() -> None:
    assert callers.refusal(asked(Origin="http://127.0.0.1:4566", Sec_Fetch_Site="same-origin")) is None
    assert callers.refusal(asked(Sec_Fetch_Site="none")) is None


def test_there_is_one_place_for_origins_that_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert frozenset() == callers.ALLOWED_ORIGINS
    monkeypatch.setattr(callers, "ALLOWED_ORIGINS", frozenset({"http://127.0.0.1:8080"}))
    assert callers.refusal(asked(Origin="http://127.0.0.1:8080", Sec_Fetch_Site="same-site")) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_page_embeds_is_refused_though_it_has_no_origin(site: str) -> None:
    assert "other sites" in (callers.refusal(asked(Sec_Fetch_Site=site)) or "")


@pytest.mark.parametrize(
    "path", ["/moto-api", "/moto-api/", "/moto-api/reset", "/moto-api/data.json", "/Moto-Api/seed"]
)
def test_motos_own_door_is_shut(path: str) -> None:
    assert "moto-api" in (callers.refusal({**asked(), "PATH_INFO": path}) or "")


def send(engine: Engine, method: str, path: str, **headers: str) -> tuple[int, str, bool]:
    """Status, text, and whether the answer admits other origins."""
    endpoint = urlsplit(engine.endpoint)
    connection = http.client.HTTPConnection(str(endpoint.hostname), endpoint.port, timeout=5)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer.getheader("access-control-allow-origin") is not None


def test_a_preflight_is_refused_and_admits_nobody(engine: Engine) -> None:
    status, text, admits = send(
        engine, "OPTIONS", "/2015-03-31/functions", Origin="http://evil.example", Access_Control_Request_Method="POST"
    )
    assert (status, admits) == (403, False)
    assert text == "The embedded AWS does not answer pages of 'http://evil.example'."


def test_a_rebound_name_reaches_no_function(engine: Engine, workshop: Workshop) -> None:
    before = json.dumps(workshop.lambda_.list_functions()["Functions"], default=str)
    status, text, admits = send(
        engine, "POST", "/2015-03-31/functions", Host="rebound.evil.example", Origin="http://rebound.evil.example"
    )
    assert (status, admits) == (403, False)
    assert "rebound.evil.example" in text
    assert json.dumps(workshop.lambda_.list_functions()["Functions"], default=str) == before


@pytest.mark.parametrize("path", ["/moto-api/reset", "/%6doto-api/reset", "//moto-api/reset"])
def test_nobody_can_have_everything_forgotten(engine: Engine, workshop: Workshop, path: str) -> None:
    name, _ = workshop.table()
    assert send(engine, "POST", path)[0] == 403
    assert name in workshop.dynamodb.list_tables()["TableNames"]

"""The deployed front door: no fault of a token reaches a function, and what the API says of the ledger is exact."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from handlers.http_api.routes import ROUTES
from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine, backends
from local.engine.web import tokens
from tests.local.conftest import PROJECT
from tests.support import eventually

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


@dataclass(frozen=True)
class Door:
    """The deployed stack with the front door, asked over HTTP."""

    engine: Engine
    outputs: dict[str, Any]

    def token(self, **changed: Any) -> str:
        """Signed with the pool's own key. A claim that is `...` is left out."""
        return tokens.sign(self.claims(**changed), self._key(), backends.POOL_KEY)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = time.time()
        claims = {
            "iss": self.outputs["issuer"], "client_id": self.outputs["userPoolClientId"], "sub": "maria",
            "scope": "ledger/read ledger/write ledger/operate", "iat": now - 60, "exp": now + 3600,
        }  # fmt: skip
        return {name: value for name, value in (claims | changed).items() if value is not ...}

    def _key(self) -> Any:
        region, pool_id = self.outputs["userPoolId"].split("_")[0], self.outputs["userPoolId"]
        return backends.pool_signing_key(backends.user_pool(region, pool_id))

    def ask(
        self, method: str, path: str, token: str | None, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        named = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        return send(self.outputs["apiEndpoint"], method, path, body, named)

    def ask_signed(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], str]:
        url = self.outputs["machineApiEndpoint"] + path
        text = json.dumps(body) if body is not None else ""
        asked = AWSRequest(method, url, data=text, headers={"Content-Type": "application/json"})
        region = str(self.outputs["userPoolId"].split("_")[0])
        SigV4Auth(Credentials("test", "test"), "execute-api", region).add_auth(asked)
        return send(self.outputs["machineApiEndpoint"], method, path, text, dict(asked.headers.items()))

    def logged(self) -> int:
        """Lines of the functions' logs so far."""
        ledger = StackClient({**self.outputs, "endpoint": self.engine.endpoint})
        lambda_, logs = ledger.aws("lambda"), ledger.aws("logs")
        found = 0
        for function in ("command", "validate", "query"):
            name = self.outputs[f"{function}Function"]
            group = lambda_.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
            found += len(logs.filter_log_events(logGroupName=group)["events"])
        return found


def send(endpoint: str, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=30)
    try:
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def door(engine: Engine) -> Door:
    """The whole stack."""
    return Door(engine, deploy(engine.endpoint, "local", PROJECT).outputs)


LARGE = "999999999999999999.99999999"
"""A number that no binary float is. As dollars it has too many digits, so it stands beside an amount."""


def deposit(amount: str) -> str:
    return f'{{"eventType": "TransactionProcessed", "eventData": {{"amount": {amount}, "beside": {LARGE}}}}}'


def without_algorithm(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "kid": backends.POOL_KEY}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_no_fault_of_a_token_reaches_a_function(door: Door) -> None:
    """Every route but /health by every fault."""
    now = time.time()
    faults = {
        "expired": (401, door.token(exp=now - 60)),
        "not yet": (401, door.token(nbf=now + 3600)),
        "of another client": (401, door.token(client_id="another")),
        "for another audience": (401, door.token(aud="another")),
        "of another issuer": (401, door.token(iss="https://elsewhere.example")),
        "without an algorithm": (401, without_algorithm(door.claims())),
        "without a scope": (403, door.token(scope=...)),
        "of another scope": (403, door.token(scope="ledger/operate openid")),
        "none": (401, None),
    }
    assert door.ask("GET", "/openapi.json", door.token())[0] == 200  # as it is, it is good
    before = door.logged()
    assert before > 0
    cases = [
        (route, name, *fault) for route in ROUTES.values() if route.scope is not None for name, fault in faults.items()
    ]

    def answered(case: tuple[Any, str, int, str | None]) -> tuple[int, str]:
        route, _, _, token = case
        body = "{}" if route.method == "POST" else None
        status, _, text = door.ask(route.method, route.path.replace("{id}", "somebody"), token, body)
        return status, text

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(answered, cases))

    words = {401: '{"message":"Unauthorized"}', 403: '{"message":"Forbidden"}'}
    wrong = [
        (route.key, name, answer)
        for (route, name, status, _), answer in zip(cases, answers, strict=True)
        if answer != (status, words[status])
    ]
    assert wrong == []
    assert len(cases) == (len(ROUTES) - 1) * len(faults)
    assert door.logged() == before


def test_the_same_key_twice_is_one_event_and_numbers_come_back_to_the_digit(door: Door) -> None:
    token, path = door.token(), "/accounts/exact%23%C3%BC"
    opened = '{"eventType": "AccountCreated", "eventData": {}}'
    assert door.ask("POST", f"{path}/commands", token, opened)[0] == 200
    for number, amount in enumerate(("100.50", "999999999999999999.99")):
        first, second = (
            door.ask("POST", f"{path}/commands", token, deposit(amount), Idempotency_Key=f"d{number}") for _ in range(2)
        )
        assert first[0] == 200, first
        assert (second[0], second[2], second[1]["etag"]) == (first[0], first[2], first[1]["etag"])
    status, _, text = door.ask("GET", f"{path}/events", token)
    assert (status, json.loads(text)["eventCount"]) == (200, 3)
    assert '"amount":100.5' in text
    assert '"amount":999999999999999999.99' in text
    assert text.count(f'"beside":{LARGE}') == 2
    assert {event["Actor"] for event in json.loads(text)["events"]} == {"maria"}
    status, headers, text = door.ask("GET", f"{path}/state", token)
    assert '"balance":1000000000000000100.49' in text
    assert headers["etag"] == '"3"'


def test_a_machine_is_its_arn_and_a_page_goes_on_for_who_began_it(door: Door) -> None:
    told = {"eventType": "AccountCreated", "eventData": {}, "actor": "somebody else"}
    assert door.ask_signed("POST", "/accounts/machines/commands", told)[0] == 200
    assert door.ask_signed("POST", "/accounts/machines/commands", json.loads(deposit("1")))[0] == 200
    status, _, text = door.ask_signed("GET", "/accounts/machines/events?limit=1")
    page = json.loads(text)
    assert (status, page["eventCount"]) == (200, 1)
    assert page["events"][0]["Actor"].startswith("arn:aws:")
    following = f"/accounts/machines/events?limit=1&nextToken={page['nextToken']}"
    assert door.ask_signed("GET", following)[0] == 200
    assert door.ask("GET", following, door.token())[0] == 400


def test_a_refusal_does_not_tell_which_accounts_exist(door: Door) -> None:
    assert (
        door.ask("POST", "/accounts/there/commands", door.token(), {"eventType": "AccountCreated", "eventData": {}})[0]
        == 200
    )
    for token in (None, door.token(scope="openid")):
        there, nowhere = (door.ask("GET", f"/accounts/{name}", token) for name in ("there", "nowhere"))
        assert (there[0], there[2]) == (nowhere[0], nowhere[2])
        assert there[0] in {401, 403}


def test_the_command_line_sends_money_over_the_api_and_tells_the_same_directly(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LEDGER_PROFILE", raising=False)
    (tmp_path / "out.json").write_text(json.dumps({**door.outputs, "endpoint": door.engine.endpoint}), "utf-8")
    kept = tmp_path / "config/tokens/local.json"

    def ledger(line: str, code: int = 0) -> str:
        command = [str(PROJECT / "cli/ledger"), *line.split()]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran
        return ran.stdout + ran.stderr

    ledger(f"login --url {door.outputs['consoleUrl']} --as maria")
    assert "ledger/write" in ledger("whoami")
    for line in ("account open cli-a --id 1", "account open cli-b --id 2", "account deposit cli-a 100.50 --id 3"):
        assert ledger(line) == ledger(f"{line} --direct")
    assert "Completed" in ledger("transfer send cli-a cli-b 50.25 --id cli-2 --wait")
    assert "sufficient-funds" in ledger("transfer send cli-a cli-b 50.26 --id cli-3 --wait", 1)
    eventually(lambda: '"Balance": 50.25,' in ledger("account show cli-b --json"))
    eventually(lambda: '"Completed"' in ledger("transfer show cli-2 --json"))
    for line in (
        "account show cli-b",
        "account history cli-a",
        "transfer show cli-2",
        "events list --correlation cli-2",
    ):
        assert ledger(f"{line} --json") == ledger(f"{line} --direct --json")

    tokens_before = json.loads(kept.read_text("utf-8"))
    for changed in ({"expires": 0}, {"access_token": "no token of the pool"}):
        kept.write_text(json.dumps({**tokens_before, **changed}), "utf-8")
        assert "50.25" in ledger("account show cli-a")
        assert json.loads(kept.read_text("utf-8"))["refresh_token"] == tokens_before["refresh_token"]
    ledger("logout")
    assert not kept.exists()
    form = {"grant_type": "refresh_token", "client_id": tokens_before["client_id"]}
    body = urlencode({**form, "refresh_token": tokens_before["refresh_token"]})
    place = urlsplit(tokens_before["token_url"])
    status, _, text = send(
        f"{place.scheme}://{place.netloc}",
        "POST",
        place.path,
        body,
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (status, json.loads(text)["error"]) == (400, "invalid_grant")

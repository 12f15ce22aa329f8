"""The deployed front door: no fault of a token or a signature reaches a function, what the API says of the ledger is
exact, and what admits its parts to one another is all needed and admits nothing else."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import rsa

from handlers.http_api.routes import ROUTES, Route
from handlers.sourcing import times
from handlers.store.branches import Branches
from handlers.store.replay_work import Work, message_of
from handlers.store.replays import Replays, State
from local.client import StackClient
from local.deploy import deploy
from local.engine import Engine, InterceptedRequest, Response, backends
from local.engine.web import tokens
from tests.console.people import Person
from tests.http_api import trials
from tests.http_api.conformity import hold
from tests.local.conftest import PROJECT
from tests.local.roles import Roles, broken, role_of
from tests.support import eventually

pytestmark = pytest.mark.slow

pytest.importorskip("awslambdaric", reason="AWS's Lambda runtime client has no wheel for this platform")


FUNCTIONS = sorted({route.function for route in ROUTES.values()})
ADMINISTRATOR = Credentials("test", "test")
WORDS = {401: '{"message":"Unauthorized"}', 403: '{"message":"Forbidden"}'}
OF_ROUTES = [route for route in ROUTES.values() if route.scope is not None]


class Signer(Protocol):
    """Signs a request, or does something else to it."""

    def add_auth(self, request: AWSRequest) -> None: ...


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

    @property
    def ledger(self) -> StackClient:
        return StackClient({**self.outputs, "endpoint": self.engine.endpoint})

    def ask_signed(
        self, method: str, path: str, body: Any = None, signer: Signer | None = None
    ) -> tuple[int, dict[str, str], str]:
        url = self.outputs["machineApiEndpoint"] + path
        text = json.dumps(body) if body is not None else ""
        asked = AWSRequest(method, url, data=text, headers={"Content-Type": "application/json"})
        region = str(self.outputs["region"])
        (signer or SigV4Auth(ADMINISTRATOR, "execute-api", region)).add_auth(asked)
        return send(self.outputs["machineApiEndpoint"], method, path, text, dict(asked.headers.items()))

    @contextmanager
    def invocations(self) -> Iterator[list[str]]:
        """The paths of those that begin while it lasts, of whatever function."""
        begun: list[str] = []

        def note(request: InterceptedRequest) -> Response | None:
            begun.append(request.request.path)
            return None

        with self.engine.intercept("lambda", "Invoke", note):
            yield begun

    def api_id(self, endpoint: str) -> str:
        """Of the API at an address."""
        apis = self.ledger.aws("apigatewayv2").get_apis()["Items"]
        (found,) = (api["ApiId"] for api in apis if api["ApiEndpoint"] == endpoint)
        return str(found)


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
    """The whole stack, with throttles that the tables of faults do not come to."""
    unthrottled = {"apiThrottleRate": "10000", "apiThrottleBurst": "5000"}
    return Door(engine, deploy(engine.endpoint, "local", PROJECT, config_overrides=unthrottled).outputs)


LARGE = "999999999999999999.99999999"
"""A number that no binary float is. As dollars it has too many digits, so it stands beside an amount."""


def deposit(amount: str) -> str:
    return f'{{"eventType": "TransactionProcessed", "eventData": {{"amount": {amount}, "beside": {LARGE}}}}}'


ANOTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def forged(token: str, claims: dict[str, Any]) -> str:
    """Other claims under a token's signature."""
    head, _, signature = token.split(".")
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), signature))


@dataclass(frozen=True)
class Tampered:
    """Signs with what it is given, if with anything, and then says something else."""

    signer: SigV4Auth | None
    headers: dict[str, str]

    def __init__(self, signer: SigV4Auth | None, **headers: str) -> None:
        object.__setattr__(self, "signer", signer)
        object.__setattr__(self, "headers", headers)

    def add_auth(self, request: AWSRequest) -> None:
        if self.signer is not None:
            self.signer.add_auth(request)
        for name, value in self.headers.items():
            del request.headers[name]
            request.headers[name] = value


def without_algorithm(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "kid": backends.POOL_KEY}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_no_fault_of_a_token_reaches_a_function(door: Door) -> None:
    """Every route but /health by every fault."""
    now = time.time()
    faults = {
        "expired": (401, door.token(exp=now - 60)),
        "not yet": (401, door.token(nbf=now + 3600)),
        "issued in the future": (401, door.token(iat=now + 3600)),
        "of another client": (401, door.token(client_id="another")),
        "for another audience": (401, door.token(aud="another")),
        "of another issuer": (401, door.token(iss="https://elsewhere.example")),
        "without an algorithm": (401, without_algorithm(door.claims())),
        "signed with another key": (401, tokens.sign(door.claims(), ANOTHER_KEY, backends.POOL_KEY)),
        "of a key that nobody knows": (401, tokens.sign(door.claims(), ANOTHER_KEY, "unknown")),
        "with a scope added behind its signature": (401, forged(door.token(scope="openid"), door.claims())),
        "without a scope": (403, door.token(scope=...)),
        "of another scope": (403, door.token(scope="ledger/nothing openid")),
        "garbage": (401, "garbage"),
        "three parts of garbage": (401, "a.b.c"),
        "empty": (401, ""),
        "none": (401, None),
    }
    cases = [(route, name, *fault) for route in OF_ROUTES for name, fault in faults.items()]

    def answered(case: tuple[Route, str, int, str | None]) -> tuple[int, str]:
        route, _, _, token = case
        status, headers, text = door.ask(route.method, path_of(route), token, body_of(route))
        hold(route.key, status, headers, text)
        return status, text

    assert refused_and_unheard(door, cases, answered) == []
    assert len(cases) == (len(ROUTES) - 1) * len(faults)


def test_one_scope_does_for_no_route_of_another(door: Door) -> None:
    """Every route by a token that has all the other scopes."""
    scopes = {"ledger/read", "ledger/write", "ledger/operate"}
    cases = [
        (route, "the others", 403, door.token(scope=" ".join(sorted(scopes - {f"ledger/{route.scope}"}))))
        for route in OF_ROUTES
    ]

    def answered(case: tuple[Route, str, int, str]) -> tuple[int, str]:
        route, _, _, token = case
        status, _, text = door.ask(route.method, path_of(route), token, body_of(route))
        return status, text

    assert refused_and_unheard(door, cases, answered) == []


def test_no_fault_of_a_signature_reaches_a_function(door: Door) -> None:
    """Every route of the machines' API by every fault."""
    region, role = str(door.outputs["region"]), machine(door, [])
    faults: dict[str, Signer] = {
        "none": Tampered(None),
        "a token": Tampered(None, Authorization=f"Bearer {door.token()}"),
        "for another service": SigV4Auth(ADMINISTRATOR, "lambda", region),
        "for another Region": SigV4Auth(ADMINISTRATOR, "execute-api", "eu-north-1"),
        "expired": Tampered(SigV4Auth(role, "execute-api", region), **{"X-Amz-Date": "20200101T000000Z"}),
        "of another secret": SigV4Auth(Credentials(role.access_key, "wrong", role.token), "execute-api", region),
        "without its session": SigV4Auth(Credentials(role.access_key, role.secret_key), "execute-api", region),
        "of nobody": SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", "secret"), "execute-api", region),
        "of a role that may nothing": SigV4Auth(role, "execute-api", region),
    }
    cases = [(route, name, 403, fault) for route in OF_ROUTES for name, fault in faults.items()]

    def answered(case: tuple[Route, str, int, Signer]) -> tuple[int, str]:
        route, _, _, signer = case
        body: Any = {} if route.method == "POST" else None
        status, headers, text = door.ask_signed(route.method, path_of(route), body, signer)
        hold(route.key, status, headers, text)
        return status, text

    assert refused_and_unheard(door, cases, answered) == []
    assert len(cases) == (len(ROUTES) - 1) * len(faults)


Case = TypeVar("Case", bound=tuple[Route, str, int, Any])


def refused_and_unheard(
    door: Door, cases: Sequence[Case], answered: Callable[[Case], tuple[int, str]]
) -> list[tuple[str, str, tuple[int, str]]]:
    """The cases that are answered otherwise than by their status and API Gateway's word for it. No function ran."""
    with door.invocations() as begun, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(answered, cases))
        assert begun == []
        # As they are, token and signature are good, and it is seen that a function answers.
        assert door.ask("GET", "/openapi.json", door.token())[0] == door.ask_signed("GET", "/openapi.json")[0] == 200
        assert len(begun) == 2
    return [
        (case[0].key, case[1], answer)
        for case, answer in zip(cases, answers, strict=True)
        if answer != (case[2], WORDS[case[2]])
    ]


def path_of(route: Route) -> str:
    return route.path.replace("{id}", "somebody")


def body_of(route: Route) -> str | None:
    return "{}" if route.method == "POST" else None


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

    (kept,) = (tmp_path / "config/tokens").glob("*.json")
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


# -- who is admitted to what -------------------------------------------------------------------------------------------

FAILED = (500, '{"message":"Internal Server Error"}')
"""What API Gateway answers where it may not invoke a function."""


def machine(door: Door, statements: Sequence[Mapping[str, Any]]) -> Credentials:
    """Of a session of a new role with this policy."""
    iam, name = door.ledger.aws("iam"), f"machine-{time.monotonic_ns()}"
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    given = door.ledger.aws("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def test_a_machine_with_the_policy_of_the_document_may_what_it_says_and_no_more(door: Door) -> None:
    statement, _ = printed("json")
    account = door.outputs["eventBusArn"].split(":")[4]
    api_id = door.api_id(door.outputs["machineApiEndpoint"])
    meant = {"REGION": door.outputs["region"], "ACCOUNT": account, "API_ID": api_id}
    for name, value in meant.items():
        assert name in statement
        statement = statement.replace(name, value)
    signer = SigV4Auth(machine(door, [json.loads(statement)]), "execute-api", str(door.outputs["region"]))

    statuses = {
        route.key: door.ask_signed(route.method, path_of(route), {} if route.method == "POST" else None, signer)[0]
        for route in OF_ROUTES
    }
    allowed = {key for key in statuses if key.startswith("GET /accounts/")}
    assert allowed == {key for key, status in statuses.items() if status != 403}
    assert {statuses[key] for key in allowed} == {404}


def test_the_printed_trust_lets_nobody_choose_the_name_of_a_session() -> None:
    """That AWS holds everybody to it is what AWS documents."""
    _, trust = map(json.loads, printed("json"))

    assert trust["Action"] == "sts:AssumeRole"
    assert trust["Condition"] == {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}


def printed(language: str) -> list[str]:
    """The pieces of the document in a language."""
    text = (PROJECT / "docs" / "front-door.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(door: Door) -> list[list[str]]:
    """The words of the AWS CLI's commands that the document has its reader type."""
    (shell,) = printed("sh")
    first, *rest = shell.replace("\\\n", " ").splitlines()
    assert re.fullmatch(r"POOL=\$\(.*userPoolId.*\)", first)  # tests/docs types it in
    return [shlex.split(line.replace("$POOL", door.outputs["userPoolId"])) for line in rest if line]


def typed(door: Door, words: Sequence[str]) -> None:
    """Do what the AWS CLI does at these words. boto3 refuses what its service does not have."""
    assert words[0] == "aws"
    arguments: dict[str, Any] = {}
    for word in words[3:]:
        if word.startswith("--"):
            name = pascal(word.removeprefix("--"))
            arguments[name] = None
        elif "=" in word:
            arguments[name] = [*(arguments[name] or []), dict(part.split("=") for part in word.split(","))]
        else:
            arguments[name] = word
    getattr(door.ledger.aws(words[1]), words[2].replace("-", "_"))(**arguments)


def pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("-"))


def test_the_documents_commands_make_a_user_and_lock_her_out(door: Door) -> None:
    pools = door.ledger.aws("cognito-idp")
    with suppress(pools.exceptions.UserNotFoundException):
        pools.admin_delete_user(UserPoolId=door.outputs["userPoolId"], Username="jane")
    make, join, *end = commands(door)
    assert [words[2] for words in end] == [
        "admin-remove-user-from-group",
        "admin-disable-user",
        "admin-user-global-sign-out",
    ]

    def may(token: str) -> list[int]:
        opening = {"eventType": "AccountCreated", "eventData": {}}
        asked = ("GET", "/openapi.json", None), ("POST", "/accounts/janes/commands:validate", opening)
        return [door.ask(method, path, token, body)[0] for method, path, body in asked]

    typed(door, make)
    typed(door, join)
    early = Person.named(door.outputs["consoleUrl"], "jane").token
    assert may(early) == [200, 200]
    typed(door, end[0])
    assert may(Person.named(door.outputs["consoleUrl"], "jane").token) == [403, 403]  # in no group: no scope
    for words in end[1:]:
        typed(door, words)
    with pytest.raises(KeyError, match="code"):  # which is what a sign-in answers with
        Person.named(door.outputs["consoleUrl"], "jane")
    assert may(early) == [200, 200]  # until it expires


def statements_of(door: Door, function: str) -> list[dict[str, Any]]:
    """Of the policy of a function itself, which says who may invoke it."""
    policy = json.loads(door.ledger.aws("lambda").get_policy(FunctionName=function)["Policy"])
    return [dict(each) for each in policy["Statement"]]


@contextmanager
def without(door: Door, function: str, statement: Mapping[str, Any]) -> Iterator[None]:
    """While it lasts, the function's policy lacks the statement."""
    lambda_ = door.ledger.aws("lambda")
    lambda_.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    try:
        yield
    finally:
        lambda_.add_permission(
            FunctionName=function,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        )


def asked(door: Door, endpoint: str, route: Route) -> tuple[int, str]:
    """The answer of either API to a good caller."""
    if endpoint == door.outputs["apiEndpoint"]:
        status, _, text = door.ask(route.method, path_of(route), door.token(), body_of(route))
    else:
        status, _, text = door.ask_signed(route.method, path_of(route), {} if route.method == "POST" else None)
    return status, text


def test_each_admission_of_an_api_to_a_function_is_needed(door: Door) -> None:
    apis = {door.api_id(door.outputs[name]): door.outputs[name] for name in ("apiEndpoint", "machineApiEndpoint")}
    tried = 0
    for role in FUNCTIONS:
        name = door.outputs[f"{role}Function"]
        route = next(each for each in OF_ROUTES if each.function == role)
        for statement in statements_of(door, name):
            of_api = statement["Condition"]["ArnLike"]["AWS:SourceArn"].split(":")[5].split("/")[0]
            with without(door, name, statement):
                answers = {api_id: asked(door, endpoint, route) for api_id, endpoint in apis.items()}
            assert [api_id for api_id, answer in answers.items() if answer == FAILED] == [of_api], (role, statement)
            assert FAILED not in [asked(door, endpoint, route) for endpoint in apis.values()]
            tried += 1
    assert tried == len(FUNCTIONS) * len(apis)


def test_a_function_is_admitted_to_no_other_api_and_no_other_method(door: Door) -> None:
    """As if somebody made a route of an API of the stack, or an API of her own, that leads to it."""
    gateway, lambda_ = door.ledger.aws("apigatewayv2"), door.ledger.aws("lambda")
    stranger = gateway.create_api(Name="stranger", ProtocolType="HTTP")
    gateway.create_stage(ApiId=stranger["ApiId"], StageName="$default", AutoDeploy=True)
    for role in FUNCTIONS:
        arn = lambda_.get_function_configuration(FunctionName=door.outputs[f"{role}Function"])["FunctionArn"]
        methods = sorted({route.method for route in ROUTES.values() if route.function == role})
        assert reached(gateway, stranger["ApiId"], stranger["ApiEndpoint"], arn, methods) == {FAILED}
        others = {"GET", "POST", "PUT", "DELETE"} - {*methods} if len(methods) == 1 else set()
        for address in (door.outputs["apiEndpoint"], door.outputs["machineApiEndpoint"]):
            assert reached(gateway, door.api_id(address), address, arn, sorted(others)) <= {FAILED}
    gateway.delete_api(ApiId=stranger["ApiId"])


def reached(gateway: Any, api_id: str, address: str, function: str, methods: Sequence[str]) -> set[tuple[int, str]]:
    """What an API answers on open routes with these methods to a function, which are there for this alone."""
    to = gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    answers = set()
    for method in methods:
        made = gateway.create_route(ApiId=api_id, RouteKey=f"{method} /strange", Target=f"integrations/{to}")
        status, _, text = send(address, method, "/strange", None, {})
        answers.add((status, text))
        gateway.delete_route(ApiId=api_id, RouteId=made["RouteId"])
    gateway.delete_integration(ApiId=api_id, IntegrationId=to)
    return answers


def test_who_signs_in_needs_the_function_of_her_scopes_and_cognito_its_admission(door: Door) -> None:
    console, name = door.outputs["consoleUrl"], token_scopes(door)
    assert door.ask("GET", "/openapi.json", Person.named(console, "paula").token)[0] == 200
    (admission,) = statements_of(door, name)
    pool = door.outputs["userPoolId"]
    assert admission["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(f":userpool/{pool}")
    with without(door, name, admission), pytest.raises(HTTPError):
        Person.named(console, "paula")
    assert door.ask("GET", "/openapi.json", Person.named(console, "paula").token)[0] == 200


def token_scopes(door: Door) -> str:
    """The name of the function."""
    pool = door.ledger.aws("cognito-idp").describe_user_pool(UserPoolId=door.outputs["userPoolId"])["UserPool"]
    arn: str = pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaArn"]
    return arn.rsplit(":", 1)[1]


def test_the_role_of_the_scopes_function_has_nothing_that_it_does_not_need(door: Door) -> None:
    name, ledger = token_scopes(door), door.ledger
    Person.named(door.outputs["consoleUrl"], "paula")
    before = ledger.messages("invocationDeadLetterQueueUrl")
    with broken(ledger, name):
        ledger.aws("lambda").invoke(FunctionName=name, InvocationType="Event", Payload="{}")
        eventually(lambda: ledger.messages("invocationDeadLetterQueueUrl") > before)
    roles, authorizations = Roles(ledger, {"token-scopes": role_of(ledger, name)}), door.engine.authorizations
    role = roles.names["token-scopes"]

    assert [call for call in authorizations.refused if call.session.role == role] == []
    assert authorizations.unused(role) == set()
    assert roles.statements()
    for statement in roles.statements():
        actions: list[str | None] = [None, *statement.actions]
        for action in actions:
            assert authorizations.refused_under(role, roles.texts_without(statement, action)), (statement, action)


def test_the_bucket_is_read_by_its_own_distribution_alone(door: Door) -> None:
    s3, origin = door.ledger.aws("s3"), door.outputs["consoleUrl"].removesuffix("/console/")
    (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith("console-bucket"))
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    admission = next(each for each in policy["Statement"] if each["Effect"] == "Allow")
    assert (admission["Action"], admission["Principal"]) == ("s3:GetObject", {"Service": "cloudfront.amazonaws.com"})
    others = [each for each in policy["Statement"] if each is not admission]
    stranger = {**admission, "Condition": {"StringEquals": {"aws:SourceArn": f"{admission_of(admission)}X"}}}

    def page(statements: Sequence[Mapping[str, Any]]) -> int:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({**policy, "Statement": list(statements)}))
        return send(origin, "GET", "/console/", None, {})[0]

    try:
        assert [page(others), page([*others, stranger])] == [403, 403]
        assert door.ask("GET", "/health", None)[0] == 200
    finally:
        assert page(policy["Statement"]) == 200
    nobody = machine(door, [])
    theirs = boto3.client(
        "s3",
        door.outputs["region"],
        endpoint_url=door.engine.endpoint,
        aws_access_key_id=nobody.access_key,
        aws_secret_access_key=nobody.secret_key,
        aws_session_token=nobody.token,
    )
    with pytest.raises(theirs.exceptions.ClientError, match="AccessDenied"):
        theirs.get_object(Bucket=bucket, Key="console/index.html")


def admission_of(statement: Mapping[str, Any]) -> str:
    """Of what an admission is."""
    return str(statement["Condition"]["StringEquals"]["aws:SourceArn"])


def leave_a_letter_of_each_sort(door: Door, account: str, replay: str) -> None:
    """In each dead letter queue one that can be sent on; in that of invocations a part of the stream."""
    sqs, streams = door.engine.client("sqs"), door.engine.client("dynamodbstreams")
    events = json.loads(door.ask("GET", f"/accounts/{account}/events", door.token())[2])["events"]
    message = json.dumps({"detail-type": "x", "source": "y", "detail": events[0]})
    queue = door.outputs["projectionQueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    target = {"TARGET_ARN": {"DataType": "String", "StringValue": arn}}
    for output, attributes in (("", {}), ("process", {}), ("delivery", target)):
        name = f"{output}DeadLetterQueueUrl" if output else "deadLetterQueueUrl"
        sqs.send_message(QueueUrl=door.outputs[name], MessageBody=message, MessageAttributes=attributes)
    sqs.send_message(QueueUrl=door.outputs["replayDeadLetterQueueUrl"], MessageBody=message_of(Work(replay, 0)))
    table = door.outputs["eventStoreTable"]
    stream = door.engine.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = {"StreamArn": stream, "ShardId": shard}
    iterator = streams.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    first = streams.get_records(ShardIterator=iterator, Limit=1)["Records"][0]["dynamodb"]["SequenceNumber"]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    info = {
        "streamArn": stream, "shardId": shard, "startSequenceNumber": first, "endSequenceNumber": first,
        "approximateArrivalOfFirstRecord": now, "approximateArrivalOfLastRecord": now, "batchSize": 1,
    }  # fmt: skip
    record = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": info}
    sqs.send_message(QueueUrl=door.outputs["invocationDeadLetterQueueUrl"], MessageBody=json.dumps(record))


def begin_a_replay(door: Door, name: str, state: State = State.RUNNING) -> None:
    """One whose messages went away."""
    replays = Replays(door.engine.client("dynamodb"), door.outputs["replaysTable"])
    trials.replay(name, times.to_text(datetime.now(UTC)), state=state, among=replays, rate=10_000)


def make_a_branch(door: Door, name: str) -> None:
    trials.branch(name, among=Branches(door.engine.client("dynamodb"), door.outputs["branchesTable"]))


def test_operators_see_mend_and_verify_by_all_that_their_functions_role_allows(door: Door) -> None:
    """And by nothing else: what the role may is all used, and nothing refused."""
    token, account = door.token(), "operated"
    for body in ('{"eventType": "AccountCreated", "eventData": {}}', deposit("7")):
        assert door.ask("POST", f"/accounts/{account}/commands", token, body)[0] == 200

    def asked(method: str, path: str, body: Any = None) -> Any:
        status, _, text = door.ask(method, f"/operations/{path}", token, body)
        assert status == 200, text
        return json.loads(text)

    def behind() -> int:
        return sum(each["behind"] for each in asked("GET", "health")["projections"])

    eventually(lambda: behind() == 0)
    begin_a_replay(door, "seen")
    begin_a_replay(door, "paused", State.PAUSED)
    make_a_branch(door, "seen")
    leave_a_letter_of_each_sort(door, account, replay="seen")
    groups = {each["queue"]: each for each in asked("GET", "dead-letters")["groups"] if each["redrivable"]}
    assert {queue: each["cause"] for queue, each in groups.items()} == {
        "projection": "projected-meanwhile",
        "process": "not-carried-on",
        "replay": "not-carried-on",
        "delivery": "not-delivered",
        "invocation": "not-relayed",
    }
    for queue in groups:
        assert asked("POST", "dead-letters:redrive", {"queue": queue})["moved"] == 1
    assert [each for each in asked("GET", "dead-letters")["groups"] if each["redrivable"]] == []

    verification = f"accounts/{account}/verification"
    assert asked("GET", verification)["findings"] == []
    key = {"AccountId": {"S": account}, "ProjectionType": {"S": "AccountStatement#0000000000000002"}}
    dynamodb, table = door.engine.client("dynamodb"), door.outputs["readModelTable"]
    entry = dynamodb.get_item(TableName=table, Key=key)["Item"]
    dynamodb.put_item(TableName=table, Item={**entry, "Type": {"S": "gift"}})
    assert [each["kind"] for each in asked("GET", verification)["findings"]] == ["entry-differs"]

    for name in ("replays", "branches"):
        assert "seen" in json.dumps(asked("GET", name))
        asked("GET", f"{name}/seen")
    assert asked("POST", "replays/paused/resume")["state"] == "running"

    before, function = door.ledger.messages("invocationDeadLetterQueueUrl"), door.outputs["operationsFunction"]
    with broken(door.ledger, function):
        door.engine.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload="{}")
        eventually(lambda: door.ledger.messages("invocationDeadLetterQueueUrl") > before)
    roles, authorizations = (
        Roles(door.ledger, {"operations": role_of(door.ledger, function)}),
        door.engine.authorizations,
    )
    role = roles.names["operations"]
    assert [str(call) for call in authorizations.refused if call.session.role == role] == []
    assert authorizations.unused(role) == set()
    for statement in roles.statements():
        actions: list[str | None] = [None, *statement.actions]
        for action in actions:
            assert authorizations.refused_under(role, roles.texts_without(statement, action)), (statement, action)

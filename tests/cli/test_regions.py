"""A ledger in two Regions: one profile knows both, and what one does not decide is said how to send to the other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import sign_in
from cli.errors import CliError, Unanswered, Unreachable
from cli.http_ledger import HttpLedger
from cli.profiles import Profiles, config_folder
from cli.requests import Command

from .conftest import HERE, Run
from .fake import FakeLedger
from .test_commands import RECEIPT, ROW

FIRST, SECOND = "us-east-1", "eu-west-1"
ELSEWHERE = {"code": "NotHome", "message": "send it elsewhere", "details": {"region": SECOND}}


@pytest.fixture
def other(ledger: FakeLedger) -> Iterator[FakeLedger]:
    """The second Region's, of the same people."""
    with FakeLedger() as fake:
        fake.good = ledger.good
        ledger.config["regions"] = fake.config["regions"] = {FIRST: ledger.url, SECOND: fake.url}
        fake.config |= {name: ledger.config[name] for name in ("authorizeUrl", "tokenUrl")}
        yield fake


def test_the_regions_are_learnt_at_the_sign_in_and_known_when_one_is_lost(
    ledger: FakeLedger, other: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.replies["getAccountSummary"] = 200, ROW
    assert run("login").code == 0
    lost = sign_in.Client.of
    monkeypatch.setattr(sign_in.Client, "of", lambda _: pytest.fail("the first Region is lost"))

    assert run("account", "show", "a", "--region", SECOND).code == 0

    assert [asked[0] for asked in other.asked] == ["getAccountSummary"]
    assert (ledger.asked, ledger.grants) == ([], ["authorization_code"]), "one sign-in is good for both"
    monkeypatch.setattr(sign_in.Client, "of", lost)
    assert Profiles(config_folder()).get(HERE).regions == {FIRST: ledger.url, SECOND: other.url}


def test_who_did_not_sign_in_by_a_login_asks_where_the_region_is(
    ledger: FakeLedger, other: FakeLedger, run: Run
) -> None:
    for region, asked in ((FIRST, ledger), (SECOND, other)):
        asked.replies["getAccountSummary"] = 200, ROW
        assert run("account", "show", "a", "--region", region).code == 0
        assert len(asked.asked) == 1


def test_what_another_region_decides_is_said_how_to_send_there_and_counts_once(
    ledger: FakeLedger, other: FakeLedger, run: Run
) -> None:
    ledger.replies["sendAccountCommand"] = 409, json.dumps({"error": ELSEWHERE})
    other.replies["sendAccountCommand"] = 200, RECEIPT

    ran = run("account", "deposit", "a", "1", f"--region={FIRST}", "--id", "k")

    assert ran.code == 1
    error, means, again = ran.err.splitlines()
    assert error == "error: NotHome: send it elsewhere"
    assert means == "It was not done here. Send it there, under the same id, and it counts once:"
    _, *typed = shlex.split(again)
    assert typed == ["account", "deposit", "a", "1", "--id", "k", "--region", SECOND]
    assert run(*typed).code == 0
    assert other.asked[-1][2]["Idempotency-Key"] == ledger.asked[-1][2]["Idempotency-Key"] == "k"


def test_who_has_no_id_gets_the_one_that_was_made(ledger: FakeLedger, other: FakeLedger, run: Run) -> None:
    ledger.replies["sendAccountCommand"] = 409, json.dumps({"error": ELSEWHERE})

    again = shlex.split(run("account", "deposit", "a", "1").err.splitlines()[-1])

    assert again[-4:] == ["--id", ledger.asked[-1][2]["Idempotency-Key"], "--region", SECOND]


def test_where_nobody_knows_which_region_decides_it_says_whom_to_ask(ledger: FakeLedger, run: Run) -> None:
    told = {**ELSEWHERE, "details": {"region": None}}
    ledger.replies["sendAccountCommand"] = 409, json.dumps({"error": told})

    assert "Ask the operator which one" in run("account", "deposit", "a", "1").err


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ({FIRST: "http://127.0.0.1:1", SECOND: "http://127.0.0.1:2"}, f"It is in {FIRST} and {SECOND}."),
        ({}, "It is in one Region: leave --region out."),
    ],
)
def test_a_region_in_which_the_ledger_is_not_is_told(
    ledger: FakeLedger, run: Run, regions: dict[str, str], words: str
) -> None:
    ledger.config["regions"] = regions

    ran = run("account", "show", "a", "--region", "ap-south-1")

    assert (ran.code, ledger.asked) == (2, [])
    assert ran.err.splitlines() == [f"error: the ledger of the profile {HERE!r} is not in ap-south-1", words]
    assert run("account", "show", "a", "--region", "Frankfurt").code == 2


@pytest.mark.parametrize("place", ["http://example.com", "ftp://127.0.0.1", 7])
def test_no_token_goes_to_a_place_that_others_can_read(ledger: FakeLedger, run: Run, place: Any) -> None:
    ledger.config["regions"] = {SECOND: place}

    assert run("account", "show", "a", "--region", SECOND).code == 1
    assert ledger.grants == []


def test_the_functions_of_a_region_are_invoked_there(
    ledger: FakeLedger, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.direct_ledger import DirectLedger  # noqa: PLC0415 -- as the program loads it

    outputs = {
        "region": FIRST,
        "endpoint": "http://127.0.0.1:9",
        "commandFunction": "one",
        "regions": {SECOND: {"commandFunction": "two"}},
    }
    (tmp_path / "out.json").write_text(json.dumps(outputs), "utf-8")
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[Any, ...]] = []

    def send(self: DirectLedger, _: Command) -> dict[str, Any]:
        asked.append(tuple(self.outputs[name] for name in ("region", "endpoint", "commandFunction")))
        told: dict[str, Any] = json.loads(RECEIPT, parse_int=str)
        return told

    monkeypatch.setattr(DirectLedger, "send", send)

    for given in ((), ("--region", FIRST), ("--region", SECOND)):
        assert run("account", "deposit", "a", "1", "--direct", *given).code == 0
    assert asked == [
        (FIRST, "http://127.0.0.1:9", "one"),
        (FIRST, "http://127.0.0.1:9", "one"),
        (SECOND, "http://127.0.0.1:9", "two"),
    ]
    ran = run("account", "deposit", "a", "1", "--direct", "--region", "ap-south-1")
    assert (ran.code, ran.err.splitlines()[1]) == (2, f"It is in {FIRST} and {SECOND}.")


@pytest.mark.usefixtures("ledger", "other")
@pytest.mark.parametrize("given", [FIRST, SECOND, ""])
@pytest.mark.parametrize("lost", [Unanswered("it broke"), Unreachable("it is away", "Check the network")])
def test_where_a_region_does_not_answer_the_other_one_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: str, lost: CliError
) -> None:
    assert run("login").code == 0

    def send(*_: Any) -> Any:
        raise type(lost)(str(lost), lost.hint)

    monkeypatch.setattr(HttpLedger, "send", send)
    ran = run("account", "deposit", "a", "1", "--id", "k", *([f"--region={given}"] if given else []))

    *_, says, again = ran.err.splitlines()
    elsewhere = FIRST if given == SECOND else SECOND
    assert says == f"If the ledger goes on in {elsewhere}, send it there, under the same id:"
    assert shlex.split(again)[1:] == ["account", "deposit", "a", "1", "--id", "k", "--region", elsewhere]
    first = "Send it again under the same id" if isinstance(lost, Unanswered) else "Check the network"
    assert first in ran.err


def test_where_there_is_one_region_no_other_one_is_named(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: Any) -> Any:
        raise Unanswered("it broke")

    monkeypatch.setattr(HttpLedger, "send", send)

    assert "goes on in" not in run("account", "deposit", "a", "1").err

"""No money goes to a ledger that nobody meant: which one `local` is, when one has to be named, and what says which."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from cli import local_ledger, web
from cli.local_ledger import LOCAL_AWS, LOCAL_URL
from cli.profiles import LOCAL, Profile, Profiles, config_folder

from .conftest import HERE, Run
from .fake import FakeLedger

RECEIPT = '{"eventId": "e", "aggregateId": "a", "sequence": 2, "commandId": "k"}'
DEPOSIT = ("account", "deposit", "a", "1", "--id", "k")
NOBODY = "http://127.0.0.1:9"


def serve(url: str, endpoint: str = "http://127.0.0.1:4666") -> None:
    """`make serve` of this clone has told where it is."""
    local_ledger.OUTPUTS.write_text(json.dumps({"endpoint": endpoint, "consoleUrl": f"{url}/console/"}), "utf-8")


def test_local_is_where_make_serve_says_that_it_is(ledger: FakeLedger, run: Run) -> None:
    """Its port was moved, or the next one was taken."""
    ledger.replies["sendAccountCommand"] = 200, RECEIPT
    profiles = Profiles(config_folder())
    profiles.keep(Profile(LOCAL, NOBODY, "maria", {"us-east-1": NOBODY}), default=True)

    assert (profiles.get(LOCAL).url, local_ledger.local_aws()) == (LOCAL_URL, LOCAL_AWS)
    serve(ledger.url)

    assert profiles.get(LOCAL) == Profile(LOCAL, ledger.url, "maria")
    assert local_ledger.local_aws() == "http://127.0.0.1:4666"
    assert run(*DEPOSIT).code == 0
    assert run("login", "--url", f"{ledger.url}/console/").err.count("(profile local)") == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"consoleUrl": "http://127.0.0.1:5000/console/"}',
        '{"endpoint": "http://127.0.0.1:4566"}',
        '{"endpoint": "http://127.0.0.1:4566", "consoleUrl": 7}',
        '{"endpoint": "http://127.0.0.1:4566", "consoleUrl": "https://d1.cloudfront.net/console/"}',
        '{"endpoint": "http://127.0.0.1:4566", "consoleUrl": "http://elsewhere.example:80/console/"}',
        '{"endpoint": "http://127.0.0.1:4566", "consoleUrl": "http://127.0.0.1:99999/console/"}',
    ],
)
def test_a_file_of_another_stack_moves_it_nowhere(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_ledger, "OUTPUTS", tmp_path / "out.json")
    (tmp_path / "out.json").write_text(content, "utf-8")

    assert (local_ledger.served_url(), local_ledger.local_url()) == (None, LOCAL_URL)


def test_what_writes_is_refused_where_two_ledgers_could_be_meant(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make serve` has one here, and somebody was signed in to another one last."""
    ledger.replies["sendAccountCommand"] = 200, RECEIPT
    ledger.replies["getAccountSummary"] = 200, '{"AccountId": "a", "Status": "Active", "Balance": 1}'
    serve(NOBODY)

    refused = run(*DEPOSIT)

    assert (refused.code, refused.out, ledger.asked) == (2, "", [])
    assert refused.err.startswith("error: two ledgers could be meant: local, which `make serve` has at ")
    *_, at_local, at_here = refused.err.splitlines()
    assert at_local == f"  ledger {shlex.join(DEPOSIT)} --profile local"
    assert run(*shlex.split(at_here)[1:]).code == 0
    assert run("account", "show", "a").code == 0
    monkeypatch.setenv("LEDGER_PROFILE", HERE)
    assert run(*DEPOSIT).code == 0
    monkeypatch.delenv("LEDGER_PROFILE")
    serve(ledger.url)  # it is the same one
    assert run(*DEPOSIT).code == 0


@pytest.mark.parametrize("typed", [DEPOSIT, (*DEPOSIT, "--dry-run")])
def test_what_was_done_names_the_ledger(ledger: FakeLedger, run: Run, typed: tuple[str, ...]) -> None:
    ledger.replies["sendAccountCommand"] = 200, RECEIPT
    ledger.replies["validateAccountCommand"] = 200, f'{{"valid": true, "wouldBe": {RECEIPT}}}'

    shown, piped = run(*typed, terminal=True), run(*typed)

    assert shown.out.endswith(f"\nAt the ledger {HERE}, {ledger.url}.\n")
    assert ledger.url not in piped.out
    serve(ledger.url)
    (config_folder() / "profiles.json").unlink()
    assert "At the ledger" not in run(*typed, terminal=True).out  # there is but one


def test_a_login_says_that_commands_go_elsewhere_now(ledger: FakeLedger, run: Run) -> None:
    assert run("login", "--url", ledger.url).err.endswith("). Commands that name no other --profile go there now.\n")


def test_where_nothing_answers_the_way_back_is_named(ledger: FakeLedger, run: Run) -> None:
    Profiles(config_folder()).keep(Profile(HERE, NOBODY), default=True)

    elsewhere, here = run("account", "show", "a"), run("account", "show", "a", "--profile", "local")

    assert "`ledger login --profile local`" in elsewhere.err
    assert here.err.splitlines()[1].startswith("Start the ledger with `make serve`, or ")
    assert "login --profile local" not in web.unreachable(f"{LOCAL_URL}/accounts/a", "").hint


def test_what_is_to_be_typed_next_goes_to_the_same_ledger(ledger: FakeLedger, run: Run) -> None:
    refused = '{"error": {"code": "RuleBroken", "message": "no", "details": {"rule": "sufficient-funds"}}}'
    ledger.replies |= {"sendAccountCommand": (422, refused), "openTransfer": (200, RECEIPT)}
    Profiles(config_folder()).keep(Profile("other", NOBODY), default=True)

    broke = run("account", "withdraw", "my a", "1", "--profile", HERE)
    sent = run("transfer", "send", "a", "b", "1", "--currency", "USD", "--id", "t", "--profile", HERE, terminal=True)
    who = run("whoami", "--profile", "other")

    assert broke.err.endswith(f"See what is there: `ledger account show 'my a' --profile {HERE}`.\n")
    assert f"ledger transfer show t --profile {HERE}\n" in sent.err
    assert "ledger login --profile local`" in who.err

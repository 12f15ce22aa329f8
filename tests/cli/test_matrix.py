"""Every command in every surrounding: a terminal, a pipe, --json, --direct, a server that is gone, one that refuses.

The ledger is the handlers themselves. Which commands there are is the parser's to say, and which exit codes, the
documented ones'.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

from cli.arguments import Fields, Parser
from cli.completion import SCRIPTS
from cli.profiles import Profile, Profiles, config_folder
from cli.program import CODES, parser
from cli.reference import commands

from ..http_api.conftest import people
from .conftest import HERE, Ran, Run
from .fake import FakeLedger
from .real import RealLedger

MONEY = {"type": "deposit", "amount": "100.50"}
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """What is typed behind a command, and its exit codes where nothing answers, and where nobody is let in."""

    typed: str
    gone: int = 1
    refused: int = 1


OF_THIS_MACHINE = {"gone": 0, "refused": 0}
CASES = {
    "ledger account open": Case("new --customer c --type checking --currency USD --overdraft 5"),
    "ledger account deposit": Case("a 100.50 --category rent --currency USD --transaction tx-1"),
    "ledger account withdraw": Case("a 0.25"),
    "ledger account close": Case("empty --reason done"),
    "ledger account show": Case("a"),
    "ledger account statement": Case("a --limit 5 --from 2020-01-01T00:00:00Z --to 2099-01-01T00:00:00Z"),
    "ledger account history": Case("a --limit 1"),
    "ledger account at": Case("a --sequence 1"),
    "ledger transfer send": Case("a b 1.25 --reference rent --wait 5"),
    "ledger transfer approve": Case("waits"),
    "ledger transfer cancel": Case("waits --reason no"),
    "ledger transfer show": Case("waits"),
    "ledger transfer list": Case("--status Requested --account a"),
    "ledger events list": Case("--type TransactionProcessed --limit 5"),
    "ledger events tail": Case("--account a --since 2020-01-01T00:00:00Z"),
    "ledger login": Case("--as maria", refused=4),
    "ledger logout": Case("", **OF_THIS_MACHINE),
    "ledger whoami": Case("", refused=4),
    "ledger profiles": Case("", **OF_THIS_MACHINE),
    "ledger completion": Case("bash", **OF_THIS_MACHINE),
}
PARSERS = dict(commands(parser()))
WITH_JSON = {name for name, each in PARSERS.items() if any(isinstance(a.type, Fields) for a in each._actions)}
WRITING = {name for name, each in PARSERS.items() if "--dry-run" in each._option_string_actions}
ASKING = {name for name, each in PARSERS.items() if "--direct" in each._option_string_actions}
each_command = pytest.mark.parametrize("name", CASES)


def words(name: str, *more: str) -> list[str]:
    """The command line, with an id where it can have one."""
    under = ["--id", "k"] if name in WRITING else []
    return [*name.split()[1:], *CASES[name].typed.split(), *under, *more]


def fields(made: Parser) -> set[str]:
    """Those that its --json may name."""
    return {field for each in made._actions if isinstance(each.type, Fields) for field in each.type.known}


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `events tail` look once, and then be interrupted."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.commands.events.time.sleep", interrupt)


@pytest.fixture
def bank(real: RealLedger) -> RealLedger:
    """Three accounts, and a transfer that waits for somebody else's approval."""
    for account in ("a", "b", "empty"):
        real.api.command("AccountCreated", {"currency": "USD"}, account)
    real.api.command("TransactionProcessed", MONEY, "a")
    asked = {"transferId": "waits", "fromAccount": "a", "toAccount": "b", "amount": 2000, "currency": "USD"}
    assert real.api("POST /transfers", body=asked, authorizer=people("somebody else")).status == 200
    real.catch_up()
    return real


def told(ran: Ran, code: int) -> None:
    """What holds wherever a program ends."""
    assert ran.code == code, ran
    assert code in dict(CODES)
    assert "Traceback" not in ran.err
    if code:
        assert re.match(r"error: \S.*", ran.err), ran.err
        assert ran.out == ""


def test_every_command_is_here() -> None:
    assert set(CASES) == set(PARSERS)


@each_command
def test_in_every_surrounding(bank: RealLedger, run: Run, name: str) -> None:
    """On one ledger, one after the other: the second of two equal commands gets the first one's answer."""
    _for_somebody_who_may_not(bank, run, name)
    if name in WRITING:
        _only_asked_about(bank, run, name)
    _on_a_terminal(run, name)
    _in_a_pipe(run, name)
    if name in WITH_JSON:
        _with_json(run, name)
    if name in ASKING:
        _directly(run, name)


def _for_somebody_who_may_not(bank: RealLedger, run: Run, name: str) -> None:
    stored = bank.api.stored()
    bank.forbids = name in ASKING
    bank.denies = not bank.forbids

    ran = run(*words(name))

    told(ran, CASES[name].refused)
    assert bank.api.stored() == stored
    if name in ASKING:
        assert "Forbidden" in ran.err
        assert "ledger whoami" in ran.err
    bank.forbids = bank.denies = False


def _only_asked_about(bank: RealLedger, run: Run, name: str) -> None:
    stored = bank.api.stored()

    ran = run(*words(name, "--dry-run", "--json"))

    told(ran, 0)
    assert json.loads(ran.out)["valid"] is True
    assert bank.api.stored() == stored


def _on_a_terminal(run: Run, name: str) -> None:
    ran = run(*words(name), terminal=True)

    told(ran, 0)
    assert (ran.out + ran.err).strip()
    if name != "ledger completion":
        lines = re.sub(r"\x1b\[\d*m", "", ran.out).splitlines()
        assert [line for line in lines if len(line) > 80 or "\t" in line] == []


def _in_a_pipe(run: Run, name: str) -> None:
    ran = run(*words(name))

    told(ran, 0)
    assert "\x1b" not in ran.out + ran.err
    if name in ASKING:
        assert ran.out.strip()
        assert all("\t" in line for line in ran.out.splitlines())


def _with_json(run: Run, name: str) -> None:
    """All that the ledger tells can be named, and one that is named comes alone."""
    ran = run(*words(name, "--json"))
    told(ran, 0)
    found = read(name, ran.out)
    assert found
    keys = {key for each in found for key in each}
    assert keys <= fields(PARSERS[name])
    assert [list(each) for each in read(name, run(*words(name, "--json", max(keys))).out)] == [[max(keys)]] * len(found)


def _directly(run: Run, name: str) -> None:
    directly = run(*words(name, "--direct", *(["--actor", "user-1"] if name in WRITING else []), "--json"))

    told(directly, 0)
    assert directly.out == run(*words(name, "--json")).out
    assert read(name, directly.out)


@pytest.mark.parametrize("name", sorted(set(PARSERS) - ASKING))
def test_what_cannot_be_asked_directly_says_so(ledger: FakeLedger, run: Run, name: str) -> None:
    ran = run(*words(name, "--direct"))

    told(ran, 2)
    assert "--direct" in ran.err
    assert f"{name} --help" in ran.err


@each_command
def test_with_the_server_gone(ledger: FakeLedger, run: Run, name: str) -> None:
    Profiles(config_folder()).keep(Profile(HERE, NOBODY), default=True)

    ran = run(*words(name))

    told(ran, CASES[name].gone)
    if ran.code:
        assert ran.err.splitlines() == [
            f"error: nothing answers at {NOBODY}",
            "Start what was there, go back to the ledger of `make serve` by `ledger login --profile local`, "
            "or say where another one is: ledger login --url URL",
        ]


@pytest.mark.parametrize("name", sorted(ASKING))
def test_with_something_else_in_the_ledgers_place(
    ledger: FakeLedger, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("cli.commands.transfer._POLL_SECONDS", 0)
    for answer in ("{}", "[]", "7", "<html>", '{"events": [7]}', '{"reconstructedState": 7}', "[" * 99_999):
        monkeypatch.setattr(ledger, "reply", lambda _, answer=answer: (200, answer))

        ran = run(*words(name))

        assert ran.code == 1 or (ran.code == 0 and answer.startswith("{")), (answer, ran)
        assert ran.code == 0 or ran.err.startswith("error: ")


@pytest.mark.parametrize("name", sorted(WRITING))
def test_an_answer_that_was_lost_is_asked_for_again_and_counts_once(bank: RealLedger, run: Run, name: str) -> None:
    """By the very command line that the error says, whether or not an id was given."""
    bank.loses = 1
    lost = run(*words(name)[:-2])  # without its --id
    told(lost, 1)
    assert "whether it was done is unknown" in lost.err
    again = lost.err.splitlines()[-1].split()
    stored = bank.api.stored()

    ran = run(*again[1:])

    told(ran, 0)
    assert bank.api.stored() == stored
    assert again[0] == "ledger"
    assert again[-1] in ran.out


@each_command
def test_what_it_does_not_know_is_refused_with_its_own_help(ledger: FakeLedger, run: Run, name: str) -> None:
    ran = run(*words(name, "--nonsense"))

    told(ran, 2)
    assert "--nonsense" in ran.err
    assert ran.err.endswith(f"See: {name} --help\n")
    helped = run(*name.split()[1:], "--help")
    assert helped.code == 0
    assert f"usage: {name}" in helped.out


def test_every_shell_has_its_script(ledger: FakeLedger, run: Run) -> None:
    for shell in SCRIPTS:
        assert run("completion", shell).out == SCRIPTS[shell]


def read(name: str, text: str) -> list[dict[str, object]]:
    """The records of a --json answer."""
    if name == "ledger events tail":
        return [json.loads(line) for line in text.splitlines()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]

"""`branch run` and `branch diff`: what other rules would have decided, against folds that know nothing of either."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import boto3
import pytest

from handlers.domain.said import request_of
from handlers.sourcing.event import Event
from handlers.sourcing.values import loads
from handlers.store.event_store import EventStore
from local.fee import checkout, with_a_fee
from ops.branches import backtest
from ops.branches.backtest import Backtest
from ops.branches.candidate import Candidate
from ops.branches.results import Results, branches_of
from ops.system import System

from ..aws import BRANCHES, STORE, Calls, around_every_call
from ..domain.builders import story
from ..handlers.conftest import Context, Invoke, message, send  # noqa: F401 -- a fixture
from ..handlers.older import BALANCES, leave
from ..handlers.test_branches import whole, written
from .conftest import Result, Run, create_functions, keep

CENT = Decimal("0.01")
NUMBERS = {"TRANSFER_TIMEOUT_SECONDS": "3600", "TRANSFER_APPROVAL_ABOVE": "1000", "TYPE_BUCKETS": "3"}


class AuditLog:
    """A log group that answers FilterLogEvents with the refusals that were put on the bus."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def get_paginator(self, _: str) -> AuditLog:
        return self

    def paginate(self, **_: Any) -> Iterator[Any]:
        yield {"events": [{"message": line} for line in self.lines]}


@pytest.fixture
def audit_log(monkeypatch: pytest.MonkeyPatch) -> AuditLog:
    log, client = AuditLog(), System.client
    monkeypatch.setattr(System, "client", lambda self, name: log if name == "logs" else client(self, name))
    return log


@pytest.fixture
def ledger(aws: Any, outputs: Path, audit_log: AuditLog) -> Iterator[Any]:
    """A stack with branches and an audit log, into which refusals go."""
    create_functions({"branchFunction": {"BRANCH_DAYS": "7"}})
    lambda_: Any = boto3.client("lambda")
    lambda_.update_function_configuration(FunctionName="commandFunction", Environment={"Variables": NUMBERS})
    more = {"branchesTable": BRANCHES, "branchFunction": "branchFunction", "auditLogGroup": "audit-log"}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **more}))

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "PutEvents":
            for entry in arguments["Entries"]:
                audit_log.lines.append(f'{{"detail-type": "CommandRejected", "detail": {entry["Detail"]}}}')
        return proceed()

    with around_every_call(around):
        yield aws


def tried(run: Run, code: Path, *more: str, name: str = "trial") -> Result:
    """Decide again on a branch that is made for it; what came of it."""
    assert run("branch", "create", name).code == 0
    return run("branch", "run", name, "--code", str(code), "--json", *more)


def diff(run: Run, name: str = "trial") -> Any:
    return loads(run("branch", "diff", name, "--json").out, "diff")


def cents(number: Any) -> Decimal:
    return Decimal(number).quantize(CENT)


def bank(send: Invoke, accounts: int, commands: int, seed: int = 1) -> dict[str, list[tuple[Decimal, bool]]]:  # noqa: F811
    """Accounts with deposits and withdrawals, of which some were refused: by account what was asked, and if it was
    accepted."""
    random = Random(seed)  # noqa: S311 -- nobody is to be kept from guessing it
    asked: dict[str, list[tuple[Decimal, bool]]] = {}
    for number in range(accounts):
        name = f"account-{number}"
        assert send("AccountCreated", {"overdraftLimit": 5}, aggregateId=name)[0] == 200
        asked[name] = []
        for _ in range(commands):
            amount = Decimal(random.randint(-6_000, 5_000)) / 100 or CENT
            status, _body = send("TransactionProcessed", {"amount": str(amount)}, aggregateId=name)
            asked[name].append((amount, status == 200))
    return asked


def on_the_edge(send: Invoke) -> list[tuple[Decimal, bool]]:  # noqa: F811
    """An account that gives all it has: with a fee it has not enough, and so later has more."""
    assert send("AccountCreated", {"overdraftLimit": 5}, aggregateId="edge")[0] == 200
    asked = [(Decimal(amount), accepted) for amount, accepted in ((100, 1), (-105, 1), (-50, 0), (10, 1), (-15, 0))]
    for amount, accepted in asked:
        status, _ = send("TransactionProcessed", {"amount": amount}, aggregateId="edge")
        assert status == (200 if accepted else 422)
    return [(amount, bool(accepted)) for amount, accepted in asked]


def with_fees(asked: Sequence[tuple[Decimal, bool]]) -> tuple[Decimal, Decimal, list[str]]:
    """The balance as it was, the balance with a fee of 1 %, and how decisions come out otherwise."""
    was = now = Decimal(0)
    kinds = []
    for amount, accepted in asked:
        fee = (amount / 100).quantize(CENT) if amount < 0 else Decimal(0)
        is_accepted = amount > 0 or now + amount + fee >= -5
        was += amount if accepted else 0
        now += amount + fee if is_accepted else 0
        if accepted != is_accepted:
            kinds.append("accepted-refused" if accepted else "refused-accepted")
        elif accepted and fee:
            kinds.append("other-events")
    return was, now, kinds


def test_a_fee_of_1_percent_comes_to_what_an_independent_fold_says_to_the_cent(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    asked = {**bank(send, accounts=11, commands=15), "edge": on_the_edge(send)}
    expected = {name: with_fees(each) for name, each in asked.items()}
    assert {kind for _, _, kinds in expected.values() for kind in kinds} == {
        *("accepted-refused", "refused-accepted", "other-events")
    }
    before, calls = whole(ledger), Calls()

    with around_every_call(calls.around):
        result = tried(run, with_a_fee(tmp_path / "candidate"), "--workers", "2")

    assert (result.code, result.json["aggregates"], result.json["decisions"]) == (0, 12, 11 * 16 + 6)
    assert result.json["refusals"] == sum(not accepted for each in asked.values() for _, accepted in each)
    told = diff(run)
    found = {each["aggregateId"]: each for each in told["accounts"]}
    assert found.keys() == {name for name, (_, _, kinds) in expected.items() if kinds}
    for name, (was, now, kinds) in expected.items():
        assert cents(found[name]["recorded"]["amount"]) == cents(was)
        assert cents(found[name]["candidate"]["amount"]) == cents(now)
        assert found[name]["differences"] == len(kinds)
    total = sum(now for _, now, _ in expected.values()) - sum(was for was, _, _ in expected.values())
    assert cents(told["difference"]["USD"]["difference"]) == cents(total)
    counted = {kind: told["roots"].get(kind, 0) + told["follows"].get(kind, 0) for kind in told["roots"]}
    every = [kind for _, _, kinds in expected.values() for kind in kinds]
    assert counted == {kind: every.count(kind) for kind in counted}
    assert whole(ledger) == before
    assert [each for each in written(calls) if BRANCHES not in each or STORE in each] == []
    assert "PutEvents" not in calls.names


def test_root_causes_are_told_apart_from_what_follows(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The second withdrawal is refused for the first one's fee: alone it would have been accepted, and cost a fee."""
    send("AccountCreated", {}, aggregateId="a")
    for name, amount in (("in", 200), ("first", -100), ("second", -99)):
        assert send("TransactionProcessed", {"amount": amount}, aggregateId="a", commandId=name)[0] == 200
    send("TransactionProcessed", {"amount": -1}, aggregateId="a", commandId="third")

    tried(run, with_a_fee(tmp_path / "candidate"))

    told = diff(run)
    rows = list(csv.DictReader(io.StringIO(run("branch", "diff", "trial", "--csv").out)))
    by_command = {row["commandId"]: row for row in rows}
    assert (by_command["first"]["root"], by_command["first"]["cause"]) == ("true", "")
    assert (by_command["second"]["kind"], by_command["second"]["root"]) == ("accepted-refused", "false")
    assert by_command["second"]["cause"] == "first"
    assert "TransactionProcessed causes TransactionProcessed, TransactionProcessed" in told["causes"]
    shown = run("branch", "diff", "trial")
    assert shown.code == 0
    assert "accepted, now refused" in shown.out


def test_rules_that_are_the_same_differ_in_nothing(ledger: Any, run: Run, send: Invoke, tmp_path: Path) -> None:  # noqa: F811
    bank(send, accounts=3, commands=8)

    result = tried(run, checkout(tmp_path / "same"))

    assert (result.code, result.json["differing"], result.json["roots"]) == (0, 0, {})
    assert diff(run)["accounts"] == []
    assert "nothing differs" in run("branch", "diff", "trial").out


def test_what_older_code_stored_in_other_words_is_no_difference_unless_a_rule_has_come_since(
    ledger: Any, run: Run, tmp_path: Path
) -> None:
    """Older versions of events are compared as facts. What today's rules refuse of what older ones let in is found."""
    leave(ledger)

    result = tried(run, checkout(tmp_path / "same"))

    assert (result.code, result.json["aggregates"], result.json["unread"]) == (0, len(BALANCES), 0)
    told = diff(run)
    assert (told["roots"], told["follows"]) == ({"accepted-refused": 2}, {})
    assert told["causes"] == {
        "TransactionProcessed is refused: MalformedRequest": 1,  # a currency that was no text
        "TransactionProcessed is refused: amount-scale": 1,
    }
    assert {each["aggregateId"] for each in told["accounts"]} == {"early", "plain"}


def test_what_the_candidate_cannot_read_is_told_of_that_account_and_the_others_go_on(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    for name, limit in (("good", 1), ("bad", 666), ("fatal", 667), ("endless", 668)):
        send("AccountCreated", {"overdraftLimit": limit}, aggregateId=name)
        send("TransactionProcessed", {"amount": -1}, aggregateId=name)
    opening = "def _after_opening(account: Account, created: AccountCreated, event: Event) -> Account:\n"
    fails = """    if created.overdraft_limit == 666:
        raise KeyError("what is that?")
    if created.overdraft_limit == 667:
        __import__("os")._exit(3)
    while created.overdraft_limit == 668:
        pass
"""
    candidate = checkout(tmp_path / "candidate", (opening, opening + fails))

    result = tried(run, candidate, "--workers", "2", "--patience", "3")

    assert (result.code, result.json["unread"], result.json["decisions"]) == (1, 3, 2)
    problems = {each["aggregateId"]: each["problem"] for each in diff(run)["accounts"]}
    assert problems.keys() == {"bad", "fatal", "endless"}
    assert "what is that?" in problems["bad"]
    assert problems["fatal"] == "the candidate ended: it said nothing"
    assert problems["endless"] == "the candidate ended: it did not answer within 3 s"
    assert "BEYOND THE CANDIDATE" in run("branch", "diff", "trial").out


def test_what_the_candidate_prints_or_reads_is_no_part_of_what_it_answers(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        send("AccountCreated", {"overdraftLimit": 1}, aggregateId=name)
        send("TransactionProcessed", {"amount": -1}, aggregateId=name)
    opening = "def _after_opening(account: Account, created: AccountCreated, event: Event) -> Account:\n"
    talks = """    print("opened")
    __import__("os").system("echo {}; cat")
    __import__("os").write(1, b'{"differences": []}')
"""
    candidate = checkout(
        tmp_path / "candidate",
        (opening, opening + talks),
        ("STATE_VERSION = 3\n", "STATE_VERSION = 3\nprint(STATE_VERSION)\n"),
    )

    result = tried(run, candidate, "--workers", "1", "--patience", "30")

    assert (result.code, result.json["unread"], result.json["decisions"], result.json["differing"]) == (0, 0, 4, 0)


def test_rules_that_cannot_be_loaded_are_told_and_nothing_is_begun(ledger: Any, run: Run, tmp_path: Path) -> None:
    broken = checkout(tmp_path / "broken", ("STATE_VERSION = 3\n", "STATE_VERSION = = 3\n"))

    result = tried(run, broken)

    assert result.code == 1
    assert "its rules cannot be loaded" in result.error
    assert "SyntaxError" in result.error
    (tmp_path / "empty").mkdir()
    assert run("branch", "run", "trial", "--code", str(tmp_path / "empty")).code == 1


def test_an_interrupted_run_goes_on_and_comes_to_the_same(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank(send, accounts=10, commands=6)
    monkeypatch.setattr(backtest, "BATCH", 1)
    code = with_a_fee(tmp_path / "candidate")
    whole_run = tried(run, code, "--workers", "1", name="whole")
    ask, asked = Candidate.ask, [0]

    def interrupted(self: Candidate, value: Any) -> Any:
        asked[0] += "asks" in value
        if asked[0] == 5:
            raise KeyboardInterrupt
        return ask(self, value)

    with monkeypatch.context() as patch:
        patch.setattr(Candidate, "ask", interrupted)
        stopped = tried(run, code, "--workers", "1")
    assert stopped.code == 130
    assert run("branch", "diff", "trial").code == 1
    assert "not complete" in run("branch", "diff", "trial").out

    went_on: list[str] = []

    def noted(self: Candidate, value: Any) -> Any:
        went_on.extend([value["aggregateId"]] if "asks" in value else [])
        return ask(self, value)

    with monkeypatch.context() as patch:
        patch.setattr(Candidate, "ask", noted)
        again = run("branch", "run", "trial", "--code", str(code), "--json", "--workers", "1")

    assert len(went_on) == 10 - 4
    assert again.json == whole_run.json
    assert diff(run)["accounts"] == diff(run, "whole")["accounts"]


def test_a_run_of_other_rules_or_of_something_else_begins_anew_only_if_asked(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    bank(send, accounts=2, commands=4)
    fee, same = with_a_fee(tmp_path / "fee"), checkout(tmp_path / "same")
    tried(run, fee)

    refused = run("branch", "run", "trial", "--code", str(same), "--prefix", "account-1")
    assert refused.code == 2
    assert "another revision, selection" in refused.error
    assert diff(run)["accounts"] != []
    again = run("branch", "run", "trial", "--code", str(same), "--again", "--json")
    assert (again.code, again.json["aggregates"]) == (0, 2)
    assert diff(run)["accounts"] == []


def test_what_is_not_selected_stays_what_it_was(ledger: Any, run: Run, send: Invoke, tmp_path: Path) -> None:  # noqa: F811
    for name in ("a", "b"):
        send("AccountCreated", {}, aggregateId=name)
        for amount in (100, -10, -10):
            send("TransactionProcessed", {"amount": amount}, aggregateId=name)
    code = with_a_fee(tmp_path / "candidate")

    one = tried(run, code, "--account", "a", "--from-sequence", "4", name="one")
    assert (one.json["aggregates"], one.json["decisions"], one.json["events"]) == (1, 1, 4)
    assert diff(run, "one")["difference"]["USD"]["difference"] == Decimal("-0.1")
    assert tried(run, code, "--type", "AccountCreated", name="none").json["differing"] == 0


@pytest.mark.parametrize(
    "said", [{"rate": 5}, {"transform": "newest-shape@1"}, {"target": "bus"}, {"rate": 1, "target": "projection"}]
)
def test_what_would_become_of_copies_is_refused_where_there_are_none(
    ledger: Any, run: Run, tmp_path: Path, said: dict[str, Any]
) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(said))

    refused = tried(run, tmp_path, "--spec", str(spec))

    assert refused.code == 2
    assert all(name in refused.error for name in (*said, "nothing is sent here"))
    assert run("branch", "run", "trial", "--code", str(tmp_path), "--rate", "1").code == 2


def test_what_was_recorded_after_the_branch_was_made_is_not_looked_at(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    send("AccountCreated", {}, aggregateId="a")
    assert run("branch", "create", "trial").code == 0
    send("TransactionProcessed", {"amount": 1}, aggregateId="a")
    send("TransactionProcessed", {"amount": -2}, aggregateId="a")

    result = run("branch", "run", "trial", "--code", str(checkout(tmp_path / "same")), "--json")

    assert (result.json["events"], result.json["decisions"], result.json["refusals"]) == (1, 1, 0)


def test_a_refusal_of_an_account_without_events_is_asked_again(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    assert send("AccountCreated", {"overdraftLimit": "0.001"}, aggregateId="nobody")[0] == 422
    strict = "    if digits is not None and not money.is_whole(limit, digits):\n"

    result = tried(run, checkout(tmp_path / "candidate", (strict, "    if False:\n")))

    assert (result.json["refusals"], result.json["roots"]) == (1, {"refused-accepted": 1})
    (told,) = diff(run)["accounts"]
    assert told["aggregateId"] == "nobody"


def test_a_command_that_the_candidate_accepts_when_it_is_first_asked_happens_once(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It was refused, and sent again when there was money: the candidate had let it through the first time."""
    send("AccountCreated", {}, aggregateId="a")
    pay = {"aggregateId": "a", "commandId": "pay"}
    assert send("TransactionProcessed", {"amount": -5}, **pay)[0] == 422
    assert send("TransactionProcessed", {"amount": 5}, aggregateId="a")[0] == 200
    assert send("TransactionProcessed", {"amount": -5}, **pay)[0] == 200
    lenient = ("    if balance < ARITHMETIC.subtract(account.reserved, account.overdraft_limit):\n", "    if False:\n")

    tried(run, checkout(tmp_path / "candidate", lenient))

    told = diff(run)
    assert (told["roots"], told["follows"]) == ({"refused-accepted": 1}, {"other-events": 1})
    assert told["difference"]["USD"]["difference"] == 0


def test_a_transfer_whose_step_comes_out_otherwise_is_named(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
    handlers: Callable[[str], ModuleType],
) -> None:
    for name in ("a", "b"):
        send("AccountCreated", {}, aggregateId=name)
    send("TransactionProcessed", {"amount": 100}, aggregateId="a")
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 30}
    send("TransferRequested", sides, aggregateId="t", actor="ann")
    (requested,) = EventStore(ledger, STORE).read("t")
    handlers("process").lambda_handler({"Records": [message(requested)]}, Context())
    strict = ("    if reserved.amount > account.available:\n", "    if reserved.amount > 20:\n")

    tried(run, checkout(tmp_path / "candidate", strict))

    told = {each["aggregateId"]: each for each in diff(run)["accounts"]}
    assert told["a"]["processes"] == ["t"]
    assert told["a"]["roots"] == {"accepted-refused": 1}  # the reservation
    assert told["a"]["follows"] == {"accepted-refused": 1}  # the post, which finds nothing set aside
    assert "TRANSFERS CONCERNED" in run("branch", "diff", "trial").out


def test_a_stack_without_an_audit_log_says_that_refusals_are_left_out(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
    outputs: Path,
) -> None:
    bank(send, accounts=1, commands=10)
    told = json.loads(outputs.read_text())
    del told["auditLogGroup"]
    outputs.write_text(json.dumps(told))
    assert run("branch", "create", "trial").code == 0

    result = run("branch", "run", "trial", "--code", str(checkout(tmp_path / "same")))

    assert result.code == 0
    assert "refusals were not asked again" in result.out


def test_a_dropped_branch_leaves_nothing_of_its_run(ledger: Any, run: Run, send: Invoke, tmp_path: Path) -> None:  # noqa: F811
    bank(send, accounts=2, commands=4)
    tried(run, with_a_fee(tmp_path / "candidate"))
    assert whole(ledger, BRANCHES)

    assert run("branch", "drop", "trial").code == 0

    assert whole(ledger, BRANCHES) == []
    assert run("branch", "diff", "trial").code == 1


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_branch_that_is_dropped_while_a_run_goes_on_ends_it_and_nothing_of_it_stays(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_made_anew: bool,
) -> None:
    bank(send, accounts=8, commands=6)
    monkeypatch.setattr(backtest, "BATCH", 1)
    ask, asked = Candidate.ask, [0]

    def dropping(self: Candidate, value: Any) -> Any:
        asked[0] += 1
        if asked[0] == 4:
            branches = branches_of(System.of_file(tmp_path / "outputs.json"))
            branch = branches.get("trial")
            branches.drop(branch)
            Results(branches, branch).clear()
            if is_made_anew:
                branches.create(replace(branch, id="trial.another"))
        return ask(self, value)

    monkeypatch.setattr(Candidate, "ask", dropping)
    result = tried(run, with_a_fee(tmp_path / "candidate"), "--workers", "1")

    assert (result.code, "the branch trial is gone" in result.error, result.out) == (1, True, "")
    assert asked == [4]
    assert len(whole(ledger, BRANCHES)) == is_made_anew


def test_a_branch_that_is_dropped_while_a_run_ends_does_not_say_that_nothing_differs(
    ledger: Any,
    run: Run,
    send: Invoke,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank(send, accounts=1, commands=1)
    goes_on = Backtest.run

    def dropped_behind(self: Backtest) -> None:
        goes_on(self)
        assert run("branch", "drop", "trial").code == 0

    monkeypatch.setattr(Backtest, "run", dropped_behind)
    result = tried(run, with_a_fee(tmp_path / "candidate"), "--workers", "1")
    assert (result.code, "the branch trial is gone" in result.error) == (1, True)
    assert whole(ledger, BRANCHES) == []


def test_the_command_behind_an_event_says_no_more_than_its_digest(ledger: Any, send: Invoke) -> None:  # noqa: F811
    said: list[dict[str, Any]] = [
        {"amount": 1},
        {"amount": "1.5", "category": "rent"},
        {"amount": 2, "currency": "USD"},
        {"amount": 2, "type": "deposit"},
        {"amount": 3, "transactionId": "tx", "note": "x"},
    ]
    send("AccountCreated", {"overdraftLimit": 5}, aggregateId="a")
    for data in said:
        assert send("TransactionProcessed", data, aggregateId="a")[0] == 200

    opening, *events = EventStore(ledger, STORE).read("a")

    assert request_of([opening])["eventData"] == {"overdraftLimit": 5}
    assert [request_of([event])["eventData"] for event in events] == [
        {"amount": 1},
        {"amount": Decimal("1.5"), "category": "rent"},
        {"amount": 2, "currency": "USD"},
        {"amount": 2},
        {"amount": 3, "transactionId": "tx", "note": "x"},
    ]


def test_an_event_whose_digest_nothing_has_is_asked_for_as_it_is(ledger: Any) -> None:
    event = keep(ledger, story("a", [1]))[1]
    strange = Event.of({**event.record(), "CommandDigest": "of older code"})

    assert request_of([strange])["eventData"] == event.data


def test_the_candidates_checkout_is_only_read(ledger: Any, run: Run, send: Invoke, tmp_path: Path) -> None:  # noqa: F811
    bank(send, accounts=1, commands=2)
    code = checkout(tmp_path / "same")
    before = {path: path.stat().st_mtime_ns for path in code.rglob("*")}

    tried(run, code)

    assert {path: path.stat().st_mtime_ns for path in code.rglob("*")} == before

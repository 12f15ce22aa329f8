"""`branch`: what operators try on top of the ledger's history, and what they see of it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto.dynamodb.models import dynamodb_backends

from handlers.store.event_store import EventStore

from ..aws import BRANCHES, STORE, Calls, around_every_call
from ..domain.builders import story
from ..handlers.conftest import Context
from ..handlers.test_branches import WRITES, whole, written
from .conftest import ACCOUNT, Result, Run, create_functions, keep

FAR = "2024-06-01T00:00:00Z"


@pytest.fixture
def ledger(aws: Any, outputs: Any, handlers: Callable[[str], ModuleType]) -> Iterator[Any]:
    """The deployed function branch, which answers in this process, beside the stack's outputs."""
    create_functions({"branchFunction": {"BRANCH_DAYS": "7"}})
    outputs.write_text(
        json.dumps({**json.loads(outputs.read_text()), "branchesTable": BRANCHES, "branchFunction": "branchFunction"})
    )

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation != "Invoke":
            return proceed()
        answer = handlers("branch").lambda_handler(json.loads(arguments["Payload"]), Context(str(time.monotonic_ns())))
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    with around_every_call(around):
        yield aws


def asked(run: Run, action: str, request: dict[str, Any], *more: str) -> Result:
    return run("branch", action, "trial", json.dumps(request), *more)


def deposit(amount: Any) -> dict[str, Any]:
    return {"aggregateId": "account-1", "eventType": "TransactionProcessed", "eventData": {"amount": amount}}


STATE = {"queryType": "reconstructState", "aggregateId": "account-1"}


def test_a_branch_is_made_used_shown_and_dropped(ledger: Any, run: Run) -> None:
    keep(ledger, story("account-1", [100]))
    before = whole(ledger)

    made = run("branch", "create", "trial", "--json")
    assert (made.code, made.json["name"], made.json["at"]) == (0, "trial", None)
    assert asked(run, "command", deposit(-0.01)).code == 0
    assert asked(run, "query", STATE).json["reconstructedState"]["balance"] == 99.99

    listed = run("branch", "list", "--json").json
    assert [each["name"] for each in listed["branches"]] == ["trial"]
    shown = run("branch", "show", "trial", "--json").json
    assert (shown["touched"], shown["sameCode"]) == ([{"aggregateId": "account-1", "base": 2}], True)
    assert "trial" in run("branch", "list").out
    assert "account-1" in run("branch", "show", "trial").out
    assert run("branch", "drop", "trial").code == 0
    assert run("branch", "show", "trial").code == 1
    assert whole(ledger) == before
    assert whole(ledger, BRANCHES) == []


def test_what_is_refused_on_a_branch_is_told_and_ends_with_1(ledger: Any, run: Run) -> None:
    run("branch", "create", "trial")

    refused = asked(run, "command", deposit(1))

    assert refused.code == 1
    assert "account-active" in refused.out
    assert asked(run, "command", deposit(1), "--json").json["error"]["details"]["rule"] == "account-active"
    assert run("branch", "carry", "trial", "nobody").json["process"]["problem"] == "there is none such on this branch"


def test_a_branch_stands_on_a_moment_and_lives_as_long_as_is_said(ledger: Any, run: Run) -> None:
    keep(ledger, story("account-1", [1], now="2025-01-01T00:00:00.000000Z"))

    made = run("branch", "create", "trial", "--at", FAR, "--days", "1", "--json").json

    assert made["at"] == "2024-06-01T00:00:00.000000Z"
    assert asked(run, "query", STATE).code == 1
    assert run("branch", "create", "trial").code == 1
    assert run("branch", "create", "other", "--at", "2999-01-01T00:00:00Z").code == 2
    assert "the history until 2024-06-01" in run("branch", "show", "trial").out


def test_other_code_than_when_it_was_made_is_told(ledger: Any, run: Run) -> None:
    run("branch", "create", "trial")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handlers/x.py", "changed = True")
    boto3.client("lambda").update_function_code(FunctionName="branchFunction", ZipFile=package.getvalue())

    assert run("branch", "show", "trial", "--json").json["sameCode"] is False
    assert "other code" in run("branch", "show", "trial").out


def test_a_merge_is_refused_by_its_name(ledger: Any, run: Run) -> None:
    refused = run("branch", "merge", "trial")

    assert refused.code == 2
    assert "trial cannot be merged" in refused.error
    assert "deploy them" in refused.error


@pytest.mark.slow
def test_a_branch_over_10_000_accounts_is_there_in_under_a_second_and_copies_nothing(ledger: Any, run: Run) -> None:
    item = EventStore(ledger, STORE).item(story("a", [])[0])
    table = dynamodb_backends[ACCOUNT]["us-east-1"].get_table(STORE)
    for number in range(10_000):
        table.put_item({**item, "AggregateId": {"S": f"account-{number}"}})
    before = json.dumps(whole(ledger))
    calls = Calls()

    with around_every_call(calls.around):
        started = time.monotonic()
        assert run("branch", "create", "trial").code == 0
        seconds = time.monotonic() - started

    assert seconds < 1
    assert [name for name in calls.names if name in WRITES] == ["PutItem"]
    assert written(calls) == {BRANCHES}
    after = json.dumps(whole(ledger))
    assert (len(after) > 10_000 * 300, after) == (True, before)

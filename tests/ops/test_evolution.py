"""The operator's commands over a store that the code before the first second version began and today's went on with."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from handlers.store.event_store import EventStore

from ..domain.builders import folded
from ..handlers.conftest import SNAPSHOTS, STORE, Context, Invoke, kept, message, rows, send  # noqa: F401 -- a fixture
from ..handlers.older import BALANCES, CURRENCIES, GOLDEN, leave, leave_updated
from .conftest import Run


@pytest.fixture
def mixed(aws: Any, outputs: Any, send: Invoke) -> dict[str, int]:  # noqa: F811 -- the fixture
    """A newer event behind the older ones, of all but the closed account; how many events each has. Rows are old."""
    leave(aws)
    for account in ("plain", "early", "open"):
        answer = send("TransactionProcessed", {"amount": 1, "category": "gift"}, aggregateId=account, commandId="newer")
        assert answer[0] == 200
    return {account: len(list(EventStore(aws, STORE).read(account))) for account in BALANCES}


def test_rows_of_the_older_code_differ_by_what_they_lack_and_repair_makes_them_whole(
    aws: Any, mixed: dict[str, int], run: Run, handlers: Callable[[str], ModuleType]
) -> None:
    for account in ("plain", "early", "open"):
        newest = list(EventStore(aws, STORE).read(account))[-1]
        answer = handlers("projection").lambda_handler({"Records": [message(newest)]}, Context())
        assert answer == {"batchItemFailures": []}

    found = run("verify", "--json").json["findings"]

    assert {(each["aggregateId"], each["kind"]) for each in found} == {("closed", "row-differs")}
    lacks = {"stored": "absent", "folded": '"USD"'}
    assert all(each["attributes"]["Currency"] == lacks for each in found)
    assert run("verify", "--repair-read-model").code == 0
    assert run("verify", "--json").json["clean"] is True
    streams = {account: list(EventStore(aws, STORE).read(account)) for account in BALANCES}
    now = {key: row for key, row in rows(aws).items() if key[1] != "AccountStatement"}
    assert now == {key: row for stream in streams.values() for key, row in folded(stream).items()}
    assert {account: rows(aws)[account, "AccountSummary"]["Currency"] for account in BALANCES} == CURRENCIES
    stored = aws.scan(TableName=STORE)["Items"]
    assert all(item in stored for item in GOLDEN["events"]), "no stored event changed"


def test_snapshots_over_both_versions_are_the_fold_and_commands_decide_on_them(
    aws: Any,
    mixed: dict[str, int],
    run: Run,
    send: Invoke,  # noqa: F811 -- the fixture
) -> None:
    made = run("snapshots", "--json")

    assert (made.code, made.json["broken"]) == (0, [])
    newest = {account: max(at for name, at in kept(aws) if name == account) for account in BALANCES}
    assert newest == {account: events - events % 2 for account, events in mixed.items()}
    for (account, _), snapshot in kept(aws).items():
        assert snapshot["State"]["currency"] == CURRENCIES[account]
    assert run("verify", "--repair-read-model").code == 0
    assert not {each["kind"] for each in run("verify", "--json").json["findings"]}
    foreign = send("TransactionProcessed", {"amount": 1, "currency": "CHF"}, aggregateId="early", commandId="foreign")
    assert foreign[1]["error"]["details"]["accountCurrency"] == "EUR"


def test_a_resting_row_that_was_updated_when_its_caller_said_is_told_by_that_and_repaired(
    aws: Any,
    outputs: Any,
    run: Run,
    send: Invoke,  # noqa: F811 -- the fixture
    handlers: Callable[[str], ModuleType],
) -> None:
    said = "2999-01-01T00:00:00.000000Z"
    assert send("AccountCreated", {"createdAt": said})[0] == 200
    (event,) = EventStore(aws, STORE).read("account-1")
    handlers("projection").lambda_handler({"Records": [message(event)]}, Context())
    leave_updated(aws, "account-1", said)

    (found,) = run("verify", "--json").json["findings"]

    assert (found["kind"], found["attributes"]) == (
        "row-differs",
        {"LastUpdated": {"stored": f'"{said}"', "folded": f'"{event.timestamp}"'}},
    )
    assert run("verify", "--repair-read-model").code == 0
    assert rows(aws) == folded([event])

"""`transfers`: what operators see of transfers, and what they may do about one."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..aws import around_every_call, refusal
from ..damage import FEW, damaged, paths
from ..handlers.conftest import ROWS, STORE, Calls, Context, Invoke, send  # noqa: F401 -- a fixture
from ..handlers.test_transfers import Bank, stored
from .conftest import Result, Run
from .feed import Feed
from .test_dead_letters import body, leave

FUNCTIONS = {"processes": "process", "commandFunction": "command"}


@pytest.fixture
def feed(aws: Any, outputs: Path) -> Feed:
    """What carries transfers on, as far as it is on."""
    made = Feed("processes")
    outputs.write_text(json.dumps(json.loads(outputs.read_text()) | made.outputs))
    return made


@pytest.fixture
def bank(aws: Any, feed: Feed, handlers: Callable[[str], ModuleType], send: Invoke) -> Iterator[Bank]:  # noqa: F811
    """Accounts and transfers, and the deployed functions process and command, which answer in this process."""

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation != "Invoke":
            return proceed()
        handler = handlers(FUNCTIONS[arguments["FunctionName"]]).lambda_handler
        answer = handler(json.loads(arguments["Payload"]), Context())
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    with around_every_call(around):
        yield Bank(aws, handlers, send, send)


def ids(result: Result) -> list[str]:
    return [each["TransferId"] for each in result.json["transfers"]]


def types(bank: Bank, aggregate_id: str) -> list[str]:
    return [event.event_type for event in stored(bank.aws, aggregate_id)]


def test_those_under_way_are_listed_the_longest_due_first_and_with_what_they_wait_for(bank: Bank, run: Run) -> None:
    bank.open(a=10_000)
    soon = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    bank.request(5_000, "needs-approval")
    bank.request(10, "due-in-a-minute")
    bank.request(10, "due-soon", deadline=soon)
    bank.request(10, "done")
    bank.poke(*(event for event in stored(bank.aws, "done")))
    bank.project()

    result = run("transfers", "list", "--json")

    assert (result.code, ids(result)) == (0, ["due-soon", "due-in-a-minute", "needs-approval"])
    first, _, last = result.json["transfers"]
    assert (first["Status"], first["Amount"], first["FromAccount"], first["ToAccount"]) == ("Requested", 10, "a", "b")
    assert first["waits"]["why"] == "money is to be set aside, and the transfer to be committed"
    assert last["waits"] == {"why": "somebody else than its requester is to approve of it", "until": last["Deadline"]}
    assert (result.json["count"], result.json["more"]) == (3, False)


def test_they_are_listed_for_people_in_columns(bank: Bank, run: Run) -> None:
    bank.open(a=10_000)
    bank.request(5_000, "a-long-name-for-a-transfer")
    bank.request(10, "t")
    bank.project()

    head, *lines = run("transfers", "list").out.splitlines()

    assert head.split() == ["TRANSFER", "STATUS", "AMOUNT", "FROM", "TO", "AGE", "DEADLINE", "WAITS"]
    assert lines[-1] == "2 transfers"
    for name in ("STATUS", "FROM", "TO", "WAITS"):
        assert {line[head.index(name) - 1] for line in lines[:-1]} == {" "}, "each column begins where its head does"
    assert any("5000 USD" in line and "in 59 m" in line and "approve of it (looked after by " in line for line in lines)


def test_only_those_of_a_status_or_an_account_are_listed(bank: Bank, run: Run) -> None:
    bank.open(a=10_000)
    bank.send("AccountCreated", {}, aggregateId="c")
    bank.request(5_000, "t1")
    bank.request(5_000, "t2", toAccount="c")
    bank.send("TransferApproved", {}, aggregateId="t2", actor="bob")
    bank.project()

    assert ids(run("transfers", "list", "--json", "--account", "c")) == ["t2"]
    assert set(ids(run("transfers", "list", "--json", "--account", "a"))) == {"t1", "t2"}
    assert ids(run("transfers", "list", "--json", "--status", "Requested")) == ["t1"]
    assert ids(run("transfers", "list", "--json", "--status", "Committed")) == []


def test_those_that_have_ended_are_listed_on_request_the_newest_first(bank: Bank, run: Run) -> None:
    bank.open()
    for name in ("t1", "t2"):
        bank.request(10, name)
        bank.poke(*stored(bank.aws, name)[:1])
    bank.request(10, "t3", toAccount="nobody")
    bank.poke(*stored(bank.aws, "t3")[:1])
    bank.project()

    assert ids(run("transfers", "list", "--json")) == []
    assert ids(run("transfers", "list", "--json", "--ended")) == ["t3", "t2", "t1"]
    assert ids(run("transfers", "list", "--json", "--ended", "--status", "Completed", "--show", "1")) == ["t2"]
    assert "check was refused: account-active" in run("transfers", "list", "--ended").out
    refused = run("transfers", "list", "--status", "Completed")
    assert (refused.code, refused.out) == (2, "")
    assert "--status Completed: " in refused.error
    assert "--ended" in refused.error


def test_all_pages_of_the_index_are_followed(bank: Bank, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.processes.PAGE", 2)
    bank.open()
    names = [f"t{number:02d}" for number in range(12)]
    for name in names:
        bank.request(1, name)
    bank.project()

    assert ids(run("transfers", "list", "--json")) == names
    few = run("transfers", "list", "--json", "--show", "5")
    assert (ids(few), few.json["more"]) == (names[:5], True)


def test_a_damaged_row_is_named_and_holds_up_no_other(bank: Bank, run: Run) -> None:
    bank.open()
    for name in ("t1", "t2"):
        bank.request(1, name)
    bank.project()
    key = {"AccountId": {"S": "t1"}, "ProjectionType": {"S": "TransferSummary"}}
    item = bank.aws.get_item(TableName=ROWS, Key=key)["Item"]
    bank.aws.put_item(TableName=ROWS, Item={**item, "Amount": {"S": "much"}})

    result, said = run("transfers", "list", "--json"), run("transfers", "list").out

    assert result.code == 1
    assert {each["TransferId"]: each.get("damaged") for each in result.json["transfers"]} == {
        "t1": ["Amount"],
        "t2": None,
    }
    assert "its row is damaged (Amount)" in said


def damages(aws: Any, table: str, key: dict[str, Any], spared: set[str]) -> Iterator[str]:
    """An item with each of its attributes gone or of another type, one after the other; then as it was."""
    item = aws.get_item(TableName=table, Key=key)["Item"]
    for path in paths(item, tuple(key)):
        for value in FEW[:3]:
            if path[0] in spared and (value is None or "S" not in value):
                continue  # a key of an index takes nothing else
            aws.put_item(TableName=table, Item=damaged(item, path, value))
            yield f"{path} {value}"
    aws.put_item(TableName=table, Item=item)


def test_however_a_row_is_damaged_it_is_listed_and_so_are_the_others(bank: Bank, run: Run) -> None:
    bank.open()
    for name in ("t1", "t2"):
        bank.request(1, name)
    bank.project()
    key = {"AccountId": {"S": "t1"}, "ProjectionType": {"S": "TransferSummary"}}

    for what in damages(bank.aws, ROWS, key, {"DueBucket", "DueAt"}):
        for how in ((), ("--ended",)):
            result = run("transfers", "list", *how)

            assert result.code in (0, 1), (what, result.error)
            assert "t2" in result.out, what
            assert "t1" in result.out or what.startswith("('Due"), what


def test_however_an_event_is_damaged_its_story_is_told_or_why_not(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()
    bank.poke()
    for aggregate_id, sequence in (("t", "1"), ("a", "3")):
        key = {"AggregateId": {"S": aggregate_id}, "EventSequence": {"N": sequence}}
        for what in damages(bank.aws, STORE, key, {"CommandId", "TypeBucket", "Timestamp"}):
            result = run("transfers", "show", "t")

            assert result.code in (0, 1), what
            assert result.error.startswith("error: ") == (result.code == 1), (what, result)


def test_the_story_of_one_is_told_across_its_streams_in_order(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request(correlationId="c")
    bank.poke()
    bank.send("TransactionProcessed", {"amount": 1}, aggregateId="a")

    result = run("transfers", "show", "t", "--json")

    told = [(each["AggregateId"], each["EventSequence"], each["EventType"]) for each in result.json["events"]]
    assert (result.code, told) == (
        0,
        [
            ("t", 1, "TransferRequested"),
            ("a", 3, "FundsReserved"),
            ("t", 2, "TransferCommitted"),
            ("b", 2, "TransactionProcessed"),
            ("a", 4, "TransactionProcessed"),
            ("t", 3, "TransferCompleted"),
        ],
    )
    assert (result.json["Status"], result.json["next"]) == ("Completed", None)
    lines = run("transfers", "show", "t").out.splitlines()
    assert re.match(r"t Completed: 10 USD from a to b, requested by ann \d+ s ago, deadline in 59 m", lines[0])
    assert lines[1].split() == ["TIME", "STREAM", "#", "EVENT", "STEP", "BY"]
    assert lines[3].split()[1:] == ["a", "3", "FundsReserved", "10", "reserve", "ledger"]
    assert lines[-1] == "nothing is due any more"


def test_a_fence_is_told_by_its_own_name(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request(1000)
    bank.poke()

    lines = run("transfers", "show", "t").out.splitlines()

    assert [line.split()[-3:] for line in lines if "ReservationReleased" in line] == [["0", "fence", "ledger"]]


def test_what_else_has_its_correlation_belongs_to_its_story(bank: Bank, run: Run) -> None:
    bank.open()
    sides = {"fromAccount": "a", "toAccount": "b", "currency": "USD", "amount": 10}
    bank.send("TransferRequested", sides, aggregateId="t", actor="ann", correlationId="order-7")
    bank.send("TransactionProcessed", {"amount": 3}, aggregateId="b", correlationId="order-7")
    bank.send("TransactionProcessed", {"amount": 4}, aggregateId="b", correlationId="order-8")

    events = run("transfers", "show", "t", "--json").json["events"]

    assert [(each["AggregateId"], each["EventSequence"]) for each in events] == [("t", 1), ("b", 2)]


def test_what_comes_next_is_told_and_when(bank: Bank, run: Run) -> None:
    bank.open(a=10_000)
    bank.request(5_000)

    waiting = run("transfers", "show", "t", "--json").json
    bank.send("TransferApproved", {}, aggregateId="t", actor="bob")
    due = run("transfers", "show", "t", "--json").json

    why = "somebody else than its requester is to approve of it"
    assert waiting["next"] == {"why": why, "until": waiting["Deadline"], "steps": []}
    assert due["next"]["steps"] == ["reserve", "commit"]
    assert due["next"]["until"] == due["DueAt"]
    assert "; due now: reserve, commit" in run("transfers", "show", "t").out


def test_of_a_busy_account_no_more_is_read_than_came_since(
    bank: Bank, run: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.processes._FIRST_BLOCK", 4)
    monkeypatch.setattr("ops.processes._SKEW", timedelta())
    bank.open()
    for _ in range(20):
        bank.send("TransactionProcessed", {"amount": 1}, aggregateId="a")
    bank.request()
    bank.poke()
    calls.made.clear()

    assert len(run("transfers", "show", "t", "--json").json["events"]) == 6

    read = [each["ExpressionAttributeValues"] for each in calls.to("Query")]
    blocks = [(each[":after"]["N"], each[":to"]["N"]) for each in read if each[":id"] == {"S": "a"} and ":to" in each]
    assert blocks == [("21", "24")]


@pytest.mark.parametrize("action", [("show",), ("retry",), ("cancel", "--actor", "x", "--reason", "y")])
def test_an_id_that_is_no_transfer_is_told(bank: Bank, run: Run, action: tuple[str, ...]) -> None:
    bank.open()

    nobody, account = run("transfers", *action, "nobody"), run("transfers", *action, "a")

    assert (nobody.code, nobody.error) == (1, "error: there is no transfer nobody\n")
    assert (account.code, account.error) == (1, "error: a is no transfer: it is an account\n")


def test_one_that_nobody_woke_is_carried_on_and_doing_so_again_does_nothing(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()

    first, again = run("transfers", "retry", "t", "--json"), run("transfers", "retry", "t", "--json")

    assert (first.code, first.json["was"], first.json["Status"]) == (0, "Requested", "Completed")
    assert (first.json["outcome"], first.json["newEvents"]) == ("carried on", 2)
    assert (again.code, again.json["outcome"], again.json["newEvents"]) == (0, "nothing is due", 0)
    assert types(bank, "b").count("TransactionProcessed") == 1


def test_none_is_carried_on_by_hand_during_a_pause(bank: Bank, feed: Feed, run: Run) -> None:
    """Half of its streams may be there: what it did would stand in the place of what is still to be imported."""
    bank.open()
    bank.request()
    feed.switch(feed=False, schedule=False)

    refused = run("transfers", "retry", "t")

    assert (refused.code, refused.out) == (1, "")
    assert "transfers are paused" in refused.error
    assert "`transfers resume`" in refused.error
    assert types(bank, "t") == ["TransferRequested"]


@pytest.mark.parametrize("on", [(True, False), (False, True)])
def test_one_is_carried_on_by_hand_where_only_one_carrier_stands_still(
    bank: Bank, feed: Feed, run: Run, on: tuple[bool, bool]
) -> None:
    bank.open()
    bank.request()
    feed.switch(feed=on[0], schedule=on[1])

    assert run("transfers", "retry", "t").code == 0
    assert types(bank, "t")[-1] == "TransferCompleted"


def test_one_that_waits_for_somebody_is_left_waiting(bank: Bank, run: Run) -> None:
    bank.open(a=10_000)
    bank.request(5_000)

    result = run("transfers", "retry", "t")

    assert result.code == 0
    assert result.out.splitlines()[0] == "t Requested: nothing is due"
    assert "approve of it" in result.out
    assert types(bank, "t") == ["TransferRequested"]


def test_one_that_cannot_be_carried_on_is_told(bank: Bank, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.open()
    bank.request()
    process = bank.handlers("process")
    monkeypatch.setattr(process, "carries_on", lambda *_: False)

    result = run("transfers", "retry", "t")

    assert result.code == 1
    assert "not carried on: the log of process says why" in result.out
    assert "due now: reserve, commit" in result.out


def test_a_function_that_fails_is_told_by_its_code(bank: Bank, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.open()
    bank.request()
    told = {"errorType": "Misconfigured", "errorMessage": "a variable is missing"}

    def around(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        payload = io.BytesIO(json.dumps(told).encode())
        return {"FunctionError": "Unhandled", "Payload": payload} if operation == "Invoke" else proceed()

    with around_every_call(around):
        retried, cancelled = (
            run("transfers", "retry", "t"),
            run("transfers", "cancel", "t", "--actor", "x", "--reason", "y"),
        )

    assert (retried.code, cancelled.code) == (1, 1)
    assert "processes failed: Misconfigured: a variable is missing" in retried.error
    assert "commandFunction failed: Misconfigured: a variable is missing" in cancelled.error


def test_a_throttled_function_is_told_at_once_by_its_name_with_a_place_in_the_runbook(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()
    tries: list[str] = []

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "Invoke":
            tries.append(arguments["FunctionName"])
            raise refusal("TooManyRequestsException", operation)
        return proceed()

    with around_every_call(around):
        for words in (("retry", "t"), ("cancel", "t", "--actor", "x", "--reason", "y")):
            result = run("transfers", *words)
            told = f"{tries[-1]} is throttled, and did nothing: docs/operations.md#a-function-that-may-not-run"
            assert (result.code, told in result.error) == (1, True)
    assert tries == ["processes", "commandFunction"]


CANCEL = ("transfers", "cancel", "t", "--actor", "op-1", "--reason", "paid twice")


def test_one_is_called_off_by_the_ledgers_own_command(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()

    result = run(*CANCEL, "--json")

    assert (result.code, result.json["was"], result.json["Status"]) == (0, "Requested", "Cancelled")
    event = stored(bank.aws, "t")[-1]
    assert (event.event_type, event.actor, event.data["reason"]) == ("TransferCancelled", "op-1", "paid twice")
    assert result.json["outcome"] == "called off by event 2"
    assert result.json["next"]["why"] == "what is set aside is to be released"


def test_one_that_is_committed_is_not_called_off(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()
    bank.poke()

    result = run(*CANCEL)

    assert result.code == 1
    assert result.out.startswith("t Completed: refused (transfer-status): the transfer is completed\n")
    assert types(bank, "t")[-1] == "TransferCompleted"


def test_one_that_is_called_off_already_stays_so(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()
    assert run(*CANCEL).code == 0

    again = run(*CANCEL)

    assert (again.code, "the transfer is cancelled" in again.out) == (0, True)
    assert types(bank, "t").count("TransferCancelled") == 1


def test_a_reason_that_the_ledger_does_not_take_is_refused_by_its_name(bank: Bank, run: Run) -> None:
    bank.open()
    bank.request()

    result = run("transfers", "cancel", "t", "--actor", "op-1", "--reason", "x" * 300)

    assert result.code == 1
    assert "eventData.reason" in result.out
    assert types(bank, "t") == ["TransferRequested"]


@pytest.mark.parametrize("missing", ["--actor", "--reason"])
def test_whoever_calls_one_off_says_who_and_why(run: Run, missing: str) -> None:
    line = list(CANCEL)
    del line[line.index(missing) : line.index(missing) + 2]

    result = run(*line)

    assert result.code == 2
    assert missing in result.error


def test_a_letter_of_a_transfer_that_waits_for_nothing_says_so(bank: Bank, sqs: Any, run: Run) -> None:
    bank.open(a=10_000)
    for name in ("done", "waits"):
        bank.request(10, name)
        leave(sqs, "process-dlq", body(stored(bank.aws, name)[0]))
    bank.poke(*stored(bank.aws, "done"))
    bank.project()

    listed = run("dead-letters", "list", "--queue", "process", "--no-logs").out

    done, waits = sorted(listed.split("process  not-carried-on")[1:], key=lambda each: "waits for nothing" not in each)
    assert "about done" in done
    assert "why   what it is about waits for nothing any more" in done
    assert "do    dead-letters redrive --queue process --cause not-carried-on" in done
    assert "about waits" in waits
    assert "do    mend the cause; then dead-letters redrive" in waits

"""What functions logged is read from their log groups, of one account too, and as it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from ops.commands import logs as command
from ops.function_logs import FunctionLog, Line

from .conftest import GROUP, Run, Write, line


def test_lines_are_shown_in_order_with_what_the_code_says_beside_them(run: Run, write: Write) -> None:
    started = json.dumps({"time": "x", "type": "platform.start", "record": {"requestId": "r"}})
    ended = json.dumps({"time": "x", "type": "platform.report", "record": {"status": "timeout"}})
    failed = line("not projected", "ERROR", aggregateId="a", errorType="KeyError", errorMessage="'x'", stackTrace=["t"])
    write(started, line("projected", aggregateId="a", rowsWritten=2), failed, "no \x1b[31mJSON", ended)

    shown = run("logs", "projection").out.splitlines()

    assert [each.split("Z ", 1)[1] for each in shown] == [
        "INFO projected aggregateId=a rowsWritten=2",
        "ERROR not projected: KeyError: 'x' aggregateId=a",
        r"no \x1b[31mJSON",
        "platform.report: timeout",
    ]
    programs = [json.loads(each) for each in run("logs", "projection", "--json").out.splitlines()]
    assert [each.get("message") for each in programs[:3]] == ["projected", "not projected", "no \x1b[31mJSON"]


def test_metrics_and_what_aws_client_says_are_left_out_unless_all_is_wanted(run: Run, write: Write) -> None:
    metric = json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "FunctionName": "f", "Faults": 1})
    client = [line("Found credentials", logger="botocore.credentials"), line("slow", "WARNING", logger="botocore.x")]
    ended = json.dumps({"time": "x", "type": "platform.report", "record": {"status": "success"}})
    write(metric, *client, ended, line("projected"))

    few, every = run("logs", "projection").out, run("logs", "projection", "--all").out

    assert [each.split("Z ", 1)[1] for each in few.splitlines()] == ["WARNING slow", "INFO projected"]
    assert len(every.splitlines()) == 5
    assert len(run("logs", "projection", "--json").out.splitlines()) == 2


@pytest.mark.parametrize("aggregate", ["a", 'a "quoted" one', "ä*"])
def test_the_lines_of_one_account_or_transfer(run: Run, write: Write, aggregate: str) -> None:
    write(
        line("one", aggregateId=aggregate),
        line("another", aggregateId="b"),
        line("of a transfer", processId=aggregate),
        line("no id", other=aggregate),
    )

    found = run("logs", "projection", "--aggregate", aggregate, "--json").out.splitlines()

    assert [json.loads(each)["message"] for each in found] == ["one", "of a transfer"]


def test_since_is_a_time_or_how_long_ago(run: Run, write: Write) -> None:
    write(line("early"), line("late"))
    now = datetime.now(UTC)

    assert "early" in run("logs", "projection", "--since", "2d").out
    assert "early" in run("logs", "projection", "--since", (now - timedelta(minutes=5)).isoformat()).out
    later = run("logs", "projection", "--since", (now + timedelta(minutes=5)).isoformat())
    assert (later.code, "nothing was logged since" in later.out) == (0, True)
    wrong = run("logs", "projection", "--since", "yesterday")
    assert (wrong.code, "--since" in wrong.error) == (2, True)


def test_a_log_is_followed_until_ctrl_c_and_no_line_is_told_twice(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(line("first"))
    looks = iter(["", "second", ""])

    def wait(_: float) -> None:
        message = next(looks, None)
        if message is None:
            raise KeyboardInterrupt
        if message:
            write(line(message))

    monkeypatch.setattr(command, "wait", wait)

    result = run("logs", "projection", "--follow", "--json")

    assert result.code == 130
    assert [json.loads(each)["message"] for each in result.out.splitlines()] == ["first", "second"]


def test_a_function_or_a_group_that_there_is_not_is_named(run: Run, write: Write) -> None:
    assert "nobody is none of command, validate" in run("logs", "nobody").error.replace("'", "")
    assert "no output commandLogGroup; deploy it again" in run("logs", "command").error
    assert "gone" in run("logs", "replayer").error or "does not exist" in run("logs", "replayer").error


def test_the_last_error_of_each_is_found(run: Run, write: Write) -> None:
    write(
        line("first", "ERROR", aggregateId="a"),
        line("second", "CRITICAL", aggregateId="a"),
        line("fine", aggregateId="a"),
        line("of another", "ERROR", aggregateId="c"),
        line("by its message", "ERROR", messageId="m"),
    )
    log = FunctionLog(boto3.client("logs"), GROUP)

    found = log.last_errors(datetime.now(UTC) - timedelta(hours=1), {"a", "b", "m"})

    assert {name: each.what for name, each in found.items()} == {"a": "second", "m": "by its message"}
    assert isinstance(found["a"], Line)

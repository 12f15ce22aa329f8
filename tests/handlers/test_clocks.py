"""A process whose clock is off AWS's writes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers.sourcing import times
from handlers.store.clocks import CLOCK_TOLERANCE, Sighting, time_of
from handlers.store.ledger import Ledger

from ..aws import around_every_call
from .conftest import Calls, Context, Invoke, failing, opened

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
HEADER = {"ResponseMetadata": {"HTTPHeaders": {"date": "Mon, 15 Jan 2024 12:00:00 GMT"}}}


def at(seconds: float) -> str:
    return times.to_text(NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("before", "after", "off"),
    [
        (0, 0, 1),  # AWS answered within the second that begins at noon
        (0.5, 0.5, 0.5),
        (1, 1, 1),
        (-20, -20, 21),
        (20, 20, 20),
        (-2, 4, 4),  # a slow call: its answer may have been given at its beginning or at its end
        (-4, 1, 5),
        (0, -40, 41),  # set back, or put forward, during the call
        (0, 40, 40),
        (40, 0, 40),
    ],
)
def test_a_clock_is_as_far_off_as_it_may_be(before: float, after: float, off: float) -> None:
    assert Sighting(at(before), time_of(HEADER), at(after)).seconds_off() == off


def dated(text: str) -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPHeaders": {"date": text}}}


UNREADABLE = (
    "yesterday",
    "",
    "Mon, 32 Jan 2024 12:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2300",  # in UTC, beyond the last year
    "Mon, 15 Jan 20240000000 12:00:00 GMT",
)


@pytest.mark.parametrize("answer", [{}, {"ResponseMetadata": {}}, *map(dated, UNREADABLE)])
def test_an_answer_without_a_time_says_nothing_of_a_clock(answer: dict[str, Any]) -> None:
    assert Sighting(at(0), time_of(answer), at(0)).seconds_off() is None


@pytest.mark.parametrize("far", ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_clock_can_be_off_by_all_of_time(far: str) -> None:
    off = Sighting(at(0), time_of(dated(far)), at(0)).seconds_off()

    assert off is not None
    assert off > 365 * 86_400


@pytest.mark.parametrize("zone", ["-0000", ""])
def test_a_date_that_names_no_zone_is_utc_wherever_this_runs(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert time_of(dated(f"Mon, 15 Jan 2024 12:00:00 {zone}")) == NOON
    finally:
        monkeypatch.undo()
        time.tzset()


Off = Callable[[float], None]


@pytest.fixture
def off(handlers: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Off:
    """`off(seconds)` puts the clocks of command and validate forward."""

    def put(seconds: float) -> None:
        def now() -> str:
            return times.to_text(datetime.now(UTC) + timedelta(seconds=seconds))

        for entry in ("command", "validate"):
            ledger: Ledger = handlers(entry)._ledger
            monkeypatch.setattr(handlers(entry), "_ledger", replace(ledger, reader=replace(ledger.reader, now=now)))

    return put


@pytest.mark.parametrize("seconds", [-CLOCK_TOLERANCE / 2 + 2, 0, CLOCK_TOLERANCE / 2 - 2])
def test_a_clock_within_the_tolerance_writes(send: Invoke, off: Off, seconds: float) -> None:
    off(seconds)

    assert send("AccountCreated", {})[0] == 200


@pytest.mark.parametrize("seconds", [-366 * 86_400, -CLOCK_TOLERANCE / 2 - 1, CLOCK_TOLERANCE / 2 + 1, 366 * 86_400])
def test_a_clock_beyond_it_writes_nothing_is_counted_and_fails_the_invocation(
    send: Invoke, calls: Calls, off: Off, capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    send("AccountCreated", {})
    off(seconds)
    calls.made.clear()

    code, message = failing(lambda: send("TransactionProcessed", {"amount": 1}))

    assert (code, "nothing was stored" in message) == ("ClockSkew", True)
    assert set(calls.names) == {"Query"}
    (metric,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert metric["ClockSkew"] == 1


def test_what_such_a_clock_would_refuse_is_not_decided_either(send: Invoke, calls: Calls, off: Off) -> None:
    """A refusal could be that of a command which was carried out already, and which this process did not find."""
    off(CLOCK_TOLERANCE)

    assert failing(lambda: send("TransactionProcessed", {"amount": 1}))[0] == "ClockSkew"
    assert "PutEvents" not in calls.names


def test_a_command_that_was_carried_out_gets_its_answer_by_whatever_clock(send: Invoke, off: Off) -> None:
    first = send("AccountCreated", {}, commandId="opening")
    off(CLOCK_TOLERANCE)

    assert send("AccountCreated", {}, commandId="opening") == first


def test_validate_fails_as_the_command_would(aws: Any, handlers: Callable[[str], ModuleType], off: Off) -> None:
    request = {"aggregateId": "a", "eventType": "AccountCreated", "eventData": {}}
    off(CLOCK_TOLERANCE)

    assert failing(lambda: handlers("validate").lambda_handler(request, Context()))[0] == "ClockSkew"


@contextmanager
def dates(text: str | None) -> Iterator[None]:
    """AWS says this of its time, or nothing."""

    def around(_: BaseClient, _operation: str, _arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        del headers["date"]
        if text is not None:
            headers["date"] = text
        return answer

    with around_every_call(around):
        yield


@pytest.mark.parametrize("text", [None, *UNREADABLE])
def test_where_aws_does_not_say_its_time_commands_are_carried_out_and_that_is_counted_once(
    handlers: Callable[[str], ModuleType],
    aws: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
) -> None:
    module = handlers("command")
    monkeypatch.setattr(module, "_ledger", module.wired_ledger())

    with dates(text):
        for number in range(3):
            request = {"aggregateId": f"a-{number}", "eventType": "AccountCreated", "eventData": {}}
            assert opened(module.lambda_handler(request, Context()))[0] == 200

    (metric,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert metric["ClocksUnchecked"] == 1

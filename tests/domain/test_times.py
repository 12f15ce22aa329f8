"""What a new command may say for a time."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.domain import check
from handlers.domain.generated.tables import ASKED, INTERNAL
from handlers.sourcing import times
from handlers.sourcing.errors import MalformedError, Violation

TIMES = sorted(
    (event_type, name) for event_type, kinds in ASKED.items() for name in kinds if kinds[name] == "date-time"
)
GOOD = [
    "2024-01-15T10:00:00Z",
    "2024-02-29T23:59:59.999999Z",
    "2024-01-15T10:30Z",
    "2024-01-15T10:30:00+05:30",
    "20240115T103000Z",
    "2024-01-15T10:30:00-0330",
    "2024-01-15T10:30:00+14",
    "2024-01-15T10Z",
    "2024-01-15T10:30:00,5Z",
    "2024-01-15T10:30:00.123456789Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
]
NO_FORM = "must be an ISO 8601 date and time such as 2024-01-15T10:30:00Z, with a T between"
NO_OFFSET = "must say its offset from UTC, for example by a Z at the end"
NO_TIME = "must be of a day that there is, with hours from 00 to 23, minutes and seconds from 00 to 59"
OUT_OF_RANGE = "must lie in the years 0001 to 9999 of UTC"
BAD = {
    "": NO_FORM,
    "yesterday": NO_FORM,
    "2024-01-15": NO_FORM,
    "2024-01-15T10:00:00": NO_OFFSET,
    "2024-02-30T00:00:00Z": NO_TIME,
    "2023-02-29T00:00:00Z": NO_TIME,
    "2024-13-01T00:00:00Z": NO_TIME,
    "2024-01-15T24:00:00Z": NO_TIME,
    "2024-01-15T25:00:00Z": NO_TIME,
    "2024-01-15T10:60:00Z": NO_TIME,
    "2016-12-31T23:59:60Z": NO_TIME,
    "2024-01-15T10:00:00+25:00": NO_TIME,
    "0000-01-01T00:00:00Z": NO_TIME,
    "0001-01-01T00:00:00+14:00": OUT_OF_RANGE,
    "0001-01-01T00:00:00+01:00": OUT_OF_RANGE,
    "9999-12-31T23:59:59-01:00": OUT_OF_RANGE,
    "2024-01-15 10:00:00Z": NO_FORM,
    "2024-01-15t10:00:00Z": NO_FORM,
    "2024-01-15x10:00:00Z": NO_FORM,
    "2024-01-15T10:00:00 Z": NO_FORM,
    "2024-01-15T10:00:00Z\n": NO_FORM,
    "2024-01-15T10:00:00+00:00:01": NO_FORM,
    "2024-W03-1T10:00:00Z": NO_FORM,
    "2024-W03T00:00Z": NO_FORM,
    "2024-01-15T10:00:00\u221205:00": NO_FORM,
    "\uff12\uff10\uff12\uff14-01-15T10:00:00Z": NO_FORM,
    "1705312800": NO_FORM,
}


TRANSFER: dict[str, Any] = {"fromAccount": "a", "toAccount": "b", "amount": 1, "currency": "EUR"}


def told(event_type: str, name: str, value: object) -> list[Violation]:
    given: dict[str, Any] = {"TransactionProcessed": {"amount": 1}, "TransferRequested": TRANSFER}.get(event_type, {})
    return check("account-1", event_type, {**given, name: value})


def test_every_field_that_says_when_is_a_time() -> None:
    assert TIMES == [
        ("AccountClosed", "closedAt"),
        ("AccountCreated", "createdAt"),
        ("TransactionProcessed", "timestamp"),
        ("TransferExpired", "at"),
        ("TransferRequested", "deadline"),
    ]


@pytest.mark.parametrize(("event_type", "name"), [each for each in TIMES if each[0] not in INTERNAL])
def test_a_command_says_a_date_and_time_with_its_offset_or_nothing(event_type: str, name: str) -> None:
    path = f"eventData.{name}"
    assert {bad: told(event_type, name, bad) for bad in BAD} == {bad: [(path, why)] for bad, why in BAD.items()}
    assert [good for good in [*GOOD, None] if told(event_type, name, good)] == []


@pytest.mark.parametrize(("said", "why"), BAD.items())
def test_a_query_refuses_times_by_the_same_rule(said: str, why: str) -> None:
    with pytest.raises(MalformedError) as caught:
        times.normalize(said, "asOf")

    assert caught.value.message == f"asOf: {why}"


@pytest.mark.parametrize("said", GOOD)
def test_a_query_reads_times_by_the_same_rule(said: str) -> None:
    assert times.is_text(times.normalize(said, "asOf"))

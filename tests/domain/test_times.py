"""What a new command may say for a time."""

from __future__ import annotations

import pytest

from handlers.domain import check
from handlers.domain.generated.tables import ASKED

TIMES = sorted(
    (event_type, name) for event_type, kinds in ASKED.items() for name in kinds if kinds[name] == "date-time"
)
GOOD = [
    "2024-01-15T10:00:00Z",
    "2024-02-29T23:59:59.999999Z",
    "2024-01-15T10:30Z",
    "2024-01-15T10:30:00+05:30",
    "20240115T103000Z",
]
BAD = [
    "",
    "yesterday",
    "2024-01-15",
    "2024-01-15T10:00:00",
    "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-01-15T25:00:00Z",
    "2024-01-15 10:00:00Z",
    "2024-01-15x10:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1705312800",
]


def told(event_type: str, name: str, value: object) -> list[str]:
    amount = {"amount": 1} if event_type == "TransactionProcessed" else {}
    return [each.path for each in check("account-1", event_type, {**amount, name: value})]


def test_every_field_that_says_when_is_a_time() -> None:
    assert TIMES == [
        ("AccountClosed", "closedAt"),
        ("AccountCreated", "createdAt"),
        ("TransactionProcessed", "timestamp"),
    ]


@pytest.mark.parametrize(("event_type", "name"), TIMES)
def test_a_command_says_a_date_and_time_with_its_offset_or_nothing(event_type: str, name: str) -> None:
    assert [bad for bad in BAD if told(event_type, name, bad) != [f"eventData.{name}"]] == []
    assert [good for good in [*GOOD, None] if told(event_type, name, good)] == []

"""When schedules are due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.engine.schedule_expressions import InvalidExpressionError, parse


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def times(expression: str, start: str, count: int = 3, zone: str = "UTC", anchor: str | None = None) -> list[str]:
    """The first times from `start`, in UTC."""
    parsed, found = parse(expression, zone), []
    moment = seconds(start)
    for _ in range(count):
        due = parsed.first_from(moment, seconds(anchor or start))
        if due is None:
            break
        found.append(datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%d %H:%M"))
        moment = due + 1
    return found


def test_at_is_due_once_in_its_time_zone() -> None:
    expression = "at(2026-07-01T08:30:00)"
    assert times(expression, "2026-01-01") == ["2026-07-01 08:30"]
    assert times(expression, "2026-01-01", zone="Europe/Berlin") == ["2026-07-01 06:30"]
    assert times(expression, "2026-07-01T08:30:00") == ["2026-07-01 08:30"]
    assert times(expression, "2026-07-01T08:30:01") == []


def test_rate_begins_with_the_schedule_and_keeps_its_step() -> None:
    assert times("rate(5 minutes)", "2026-01-01T10:02:00") == [
        "2026-01-01 10:02",
        "2026-01-01 10:07",
        "2026-01-01 10:12",
    ]
    anchored = times("rate(1 hour)", "2026-01-01T10:02:00", anchor="2026-01-01T00:30:00")
    assert anchored == ["2026-01-01 10:30", "2026-01-01 11:30", "2026-01-01 12:30"]
    assert times("rate(2 days)", "2026-01-01", 2, anchor="2026-02-01") == ["2026-02-01 00:00", "2026-02-03 00:00"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("0 12 * * ? *", ["2026-01-01 12:00", "2026-01-02 12:00", "2026-01-03 12:00"]),
        ("0/15 8-9 1 * ? *", ["2026-01-01 08:00", "2026-01-01 08:15", "2026-01-01 08:30"]),
        ("5,35 0 ? JAN MON-FRI 2026", ["2026-01-01 00:05", "2026-01-01 00:35", "2026-01-02 00:05"]),
        ("0 0 L * ? *", ["2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00"]),
        ("0 0 31 * ? *", ["2026-01-31 00:00", "2026-03-31 00:00", "2026-05-31 00:00"]),
        ("0 0 1W * ? *", ["2026-01-01 00:00", "2026-02-02 00:00", "2026-03-02 00:00"]),
        ("0 0 31W * ? *", ["2026-01-30 00:00", "2026-03-31 00:00", "2026-05-29 00:00"]),
        ("0 0 ? * 6L *", ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-27 00:00"]),
        ("0 0 ? * 2#1 *", ["2026-01-05 00:00", "2026-02-02 00:00", "2026-03-02 00:00"]),
        ("0 0 ? * SUN#5 *", ["2026-03-29 00:00", "2026-05-31 00:00", "2026-08-30 00:00"]),
        ("0 0 ? * L *", ["2026-01-03 00:00", "2026-01-10 00:00", "2026-01-17 00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 30 2 ? *", []),
        ("0 0 1 1 ? 2025", []),
    ],
)
def test_cron_is_due_as_its_fields_say(fields: str, found: list[str]) -> None:
    assert times(f"cron({fields})", "2026-01-01") == found


def test_a_time_that_the_clocks_skip_is_skipped_and_one_that_comes_twice_is_due_once() -> None:
    forward = times("cron(30 2 * * ? *)", "2026-03-28T00:00:00", zone="Europe/Berlin")
    assert forward == ["2026-03-28 01:30", "2026-03-30 00:30", "2026-03-31 00:30"]
    back = times("cron(30 2 * * ? *)", "2026-10-24T00:00:00", zone="Europe/Berlin")
    assert back == ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]
    assert times("at(2026-03-29T02:30:00)", "2026-01-01", zone="Europe/Berlin") == []


@pytest.mark.parametrize("start", ["2026-01-01T00:00:00", "2026-01-01T23:59:00"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_time_is_found_whatever_day_it_is_there(start: str, zone: str) -> None:
    (due,) = times("cron(0 * * * ? *)", start, 1, zone=zone)
    assert 0 <= seconds(due.replace(" ", "T")) - seconds(start) <= 3_600


@pytest.mark.parametrize(
    "expression",
    [
        "nonsense",
        "",
        "at(2026-13-01T00:00:00)",
        "at(2026-01-01)",
        "at(0001-01-01T00:00:00)",
        "at(9999-12-31T23:59:59)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "rate(five minutes)",
        "rate(\u0665 minutes)",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 12 0 * ? *)",
        "cron(0 12 * 13 ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(0 12 ? * MON#6 *)",
        "cron(0/0 12 * * ? *)",
        "cron(5-1 12 * * ? *)",
        "cron(a 12 * * ? *)",
        "cron(-5 12 * * ? *)",
        "cron(0 12 32W * ? *)",
        "cron(0 12 * * ? 1969)",
    ],
)
def test_what_is_no_expression_is_invalid(expression: str) -> None:
    with pytest.raises(InvalidExpressionError, match="Invalid Schedule Expression"):
        parse(expression, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_what_is_no_time_zone_is_invalid(zone: str) -> None:
    with pytest.raises(InvalidExpressionError, match="Timezone"):
        parse("rate(1 day)", zone)

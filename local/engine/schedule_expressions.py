"""When schedules are due: at(), rate() and cron() in time zones, as EventBridge Scheduler documents them.

Where clocks are set forward, a time that there is not is skipped. Where they are set back, a time that there is twice
is taken once, the first time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)", re.ASCII)
_CRON = re.compile(r"cron\(([^()]*)\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


class Expression(Protocol):
    """When a schedule is due, in seconds since 1970."""

    @property
    def once(self) -> bool:
        """Whether it is due but once, whenever it starts and ends."""

    def first_from(self, moment: float, anchor: float) -> float | None:
        """The first time that is not before `moment`. `anchor` is when the schedule began."""


class InvalidExpressionError(ValueError):
    """No expression, or no time zone; says which."""


def parse(text: str, zone: str) -> Expression:
    """Raises: InvalidExpressionError."""
    try:
        time_zone = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidExpressionError(f"Invalid Schedule Expression Timezone {zone}.") from error
    try:
        if match := _AT.fullmatch(text):
            return _at(datetime.fromisoformat(match[1]), time_zone)
        if match := _RATE.fullmatch(text):
            return _rate(int(match[1]), match[2])
        if match := _CRON.fullmatch(text):
            return _cron(match[1].split(), time_zone)
    except ValueError as error:
        raise InvalidExpressionError(f"Invalid Schedule Expression {text}.") from error
    raise InvalidExpressionError(f"Invalid Schedule Expression {text}.")


def _at(local: datetime, zone: ZoneInfo) -> _At:
    if not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        raise ValueError(local.year)
    return _At(local, zone)


def _moment(local: datetime, zone: ZoneInfo) -> float | None:
    """None for a time that the clocks skip."""
    moment = local.replace(tzinfo=zone)
    exists = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    return moment.timestamp() if exists else None


@dataclass(frozen=True)
class _At:
    local: datetime
    zone: ZoneInfo

    once = True

    def first_from(self, moment: float, anchor: float) -> float | None:
        del anchor
        due = _moment(self.local, self.zone)
        return due if due is not None and due >= moment else None


@dataclass(frozen=True)
class _Rate:
    seconds: int

    once = False

    def first_from(self, moment: float, anchor: float) -> float | None:
        periods = max(0, -int(-(moment - anchor) // self.seconds))
        return anchor + periods * self.seconds


def _rate(count: int, unit: str) -> _Rate:
    if count < 1:
        raise ValueError(count)
    return _Rate(count * _SECONDS[unit])


@dataclass(frozen=True)
class _Cron:
    minutes: list[int]
    hours: list[int]
    days: _Days
    months: list[int]
    years: list[int]
    zone: ZoneInfo

    once = False

    def first_from(self, moment: float, anchor: float) -> float | None:
        del anchor
        # A day earlier, as the day of a moment differs between zones.
        for day in self._days_from((datetime.fromtimestamp(moment, UTC) - timedelta(days=1)).date()):
            for hour in self.hours:
                for minute in self.minutes:
                    due = _moment(datetime(day.year, day.month, day.day, hour, minute), self.zone)  # noqa: DTZ001
                    if due is not None and due >= moment:
                        return due
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for day in self.days.of(year, month):
                    if date(year, month, day) >= first:
                        yield date(year, month, day)


class _Days(Protocol):
    def of(self, year: int, month: int) -> list[int]:
        """The days of a month, in order."""


@dataclass(frozen=True)
class _DaysOfMonth:
    given: list[int]

    def of(self, year: int, month: int) -> list[int]:
        return [day for day in self.given if day <= calendar.monthrange(year, month)[1]]


@dataclass(frozen=True)
class _LastOfMonth:
    def of(self, year: int, month: int) -> list[int]:
        return [calendar.monthrange(year, month)[1]]


@dataclass(frozen=True)
class _NearestWeekday:
    """The weekday next to a day, in the same month."""

    day: int

    def of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.day > last:
            return []
        near = (self.day, self.day - 1, self.day + 1, self.day - 2, self.day + 2)
        return [
            next(day for day in near if 1 <= day <= last and calendar.weekday(year, month, day) < calendar.SATURDAY)
        ]


@dataclass(frozen=True)
class _DaysOfWeek:
    """Sunday is 1. `which` picks the first to fifth, or with 0 the last, of the month."""

    given: list[int]
    which: int | None = None

    def of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        found = [day for day in range(1, last + 1) if (calendar.weekday(year, month, day) + 1) % 7 + 1 in self.given]
        return found if self.which is None else found[self.which - 1 : self.which or None]


def _cron(fields: list[str], zone: ZoneInfo) -> _Cron:
    minutes, hours, day, month, weekday, year = fields  # another number of them is a ValueError
    return _Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days=_days(day, weekday),
        months=_numbers(month, 1, 12, _MONTHS),
        years=_numbers(year, _FIRST_YEAR, _LAST_YEAR),
        zone=zone,
    )


def _days(day: str, weekday: str) -> _Days:
    """One of the two is a question mark, which leaves it to the other."""
    if (day == "?") is (weekday == "?"):
        raise ValueError(f"{day} {weekday}")
    if weekday == "?":
        return _days_of_month(day)
    which = None
    if weekday.endswith("L"):
        weekday, which = weekday.removesuffix("L") or "SAT", 0 if weekday != "L" else None
    elif "#" in weekday:
        weekday, _, place = weekday.partition("#")
        (which,) = _numbers(place, 1, 5)
    return _DaysOfWeek(_numbers(weekday, 1, 7, _DAYS), which)


def _days_of_month(day: str) -> _Days:
    if day == "L":
        return _LastOfMonth()
    if day.endswith("W"):
        (nearest,) = _numbers(day.removesuffix("W"), 1, 31)
        return _NearestWeekday(nearest)
    return _DaysOfMonth(_numbers(day, 1, 31))


def _numbers(text: str, lowest: int, highest: int, names: dict[str, int] | None = None) -> list[int]:
    """What a field with lists, ranges and steps stands for. Raises: ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = lowest if first == "*" else _number(first, names)
        end = _number(last, names) if last else highest if first == "*" or step else start
        if not lowest <= start <= end <= highest or (first == "*" and last):
            raise ValueError(text)
        found.update(range(start, end + 1, _step(step) if "/" in part else 1))
    return sorted(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text.upper() in names:
        return names[text.upper()]
    if not re.fullmatch(r"[0-9]+", text):
        raise ValueError(text)
    return int(text)


def _step(text: str) -> int:
    step = _number(text, None)
    if step < 1:
        raise ValueError(text)
    return step

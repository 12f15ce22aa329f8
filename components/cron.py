"""What AWS takes for a cron expression: minutes, hours, day, month, weekday and year, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass

_EXPRESSION = re.compile(r"cron\(((?:[^\s()]+ ){5}[^\s()]+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_OPEN = "?"


@dataclass(frozen=True)
class _Field:
    low: int
    high: int
    names: tuple[str, ...] = ()
    """Of its values, from the lowest on."""
    special: str = r"(?!)"
    """What it takes besides: a last day, the nearest working day, the second Monday."""
    may_be_open: bool = False

    def takes(self, text: str) -> bool:
        if text == _OPEN:
            return self.may_be_open
        return text == "*" or all(map(self._takes_part, text.split(",")))

    def _takes_part(self, part: str) -> bool:
        if re.fullmatch(self.special, part):
            return True
        span, stepped, step = part.partition("/")
        if stepped and not (step.isascii() and step.isdigit() and 1 <= int(step) <= self.high):
            return False
        if span == "*":
            return bool(stepped)
        ends = [self._value(each) for each in span.split("-", 1)]
        values = [each for each in ends if each is not None]
        return len(values) == len(ends) and values == sorted(values)

    def _value(self, text: str) -> int | None:
        if text.upper() in self.names:
            return self.low + self.names.index(text.upper())
        return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and self.low <= int(text) <= self.high else None


_DAY = _Field(1, 31, special=r"L|LW|(?:[1-9]|[12][0-9]|3[01])W", may_be_open=True)
_WEEKDAY = _Field(1, 7, _WEEKDAYS, special=r"[1-7]?L|[1-7]#[1-5]", may_be_open=True)
_FIELDS = (_Field(0, 59), _Field(0, 23), _DAY, _Field(1, 12, _MONTHS), _WEEKDAY, _Field(1970, 2199))


def is_cron(text: str) -> bool:
    """Whether AWS takes it: of day and weekday one must be open (`?`), since it does not join them."""
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        return False
    fields = found[1].split(" ")
    takes = all(field.takes(each) for field, each in zip(_FIELDS, fields, strict=True))
    return takes and (fields[2] == _OPEN) != (fields[4] == _OPEN)

"""What users wrote, as a terminal may show it: nothing in it moves the cursor, colours or hides anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cli import exact_json
from cli.exact_json import Number
from tools import numbers


def printable(text: str) -> str:
    r"""The text with everything escaped that does not print: control characters, overrides of direction, surrogates."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def cell(value: Any) -> str:
    """A value in one line."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return printable(str(value))
        case Mapping() | list():
            return exact_json.dumps(value, indent=None)
    return printable(str(value))


def money(value: Any) -> str:
    """An amount for people, no digit of it lost; what is no number as it is."""
    if not isinstance(value, Number):
        return cell(value)
    try:
        return numbers.money(Decimal(value))
    except InvalidOperation:
        return cell(value)


def moment(value: Any) -> str:
    """A time for people: to the second, in UTC, as the ledger tells it; any other text as it is."""
    text = cell(value)
    date, _, time = text.partition("T")
    clock, zone = time[:8], time[-1:]
    is_utc = zone == "Z" or time.endswith("+00:00")
    return f"{date} {clock}Z" if len(date) == len("2024-01-15") and len(clock) == len("10:00:00") and is_utc else text


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    number = ord(character)
    if named or number < 0x100:  # noqa: PLR2004 -- two digits
        return named or f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004 -- four digits

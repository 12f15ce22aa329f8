"""Points in time as the ledger writes them: UTC text of fixed width, so that text order is time order."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import MalformedError

FIRST = "0001-01-01T00:00:00.000000Z"
LAST = "9999-12-31T23:59:59.999999Z"
_FRACTION_DIGITS = 6
_GIVEN = re.compile(
    r"(\d{4}-\d\d-\d\d|\d{8})T(?P<hour>\d\d)(:?\d\d(:?\d\d([.,](?P<fraction>\d+))?)?)?"
    r"(?P<offset>Z|[+-]\d\d(:?\d\d)?)?",
    re.ASCII,
)
_NO_TIME = "must be of a day that there is, with hours from 00 to 23, minutes and seconds from 00 to 59"
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def to_text(moment: datetime) -> str:
    """`2024-01-15T10:30:00.000000Z` for any aware datetime."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}".zfill(len(LAST))


def is_text(text: str) -> bool:
    """Whether a text is a point in time just as `to_text` writes it."""
    if not _FORM.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def normalize(text: object, field: str) -> str:
    """The ledger's text of an ISO 8601 date and time given by a caller, cut to microseconds. Raises MalformedError.

    One rule for data and for queries, narrower than what Python reads, which differs from version to version: a day of
    a month, a T, a time of day, and an offset in hours and minutes. A time without an offset is ambiguous: refused.
    """
    form = _GIVEN.fullmatch(text) if isinstance(text, str) else None
    if not isinstance(text, str) or form is None:
        raise MalformedError(field, "must be an ISO 8601 date and time such as 2024-01-15T10:30:00Z, with a T between")
    if not form["offset"]:
        raise MalformedError(field, "must say its offset from UTC, for example by a Z at the end")
    if form["hour"] == "24":  # which some versions of Python read as the next day
        raise MalformedError(field, _NO_TIME)
    try:
        return to_text(datetime.fromisoformat(text))
    except ValueError:
        raise MalformedError(field, _NO_TIME) from None
    except OverflowError:
        raise MalformedError(field, "must lie in the years 0001 to 9999 of UTC") from None


def in_one_form(text: str) -> str:
    """The ledger's text of a time, for a comparison; as it is where it is none, or finer than the ledger's text."""
    form = _GIVEN.fullmatch(text)
    if form is None or len(form["fraction"] or "") > _FRACTION_DIGITS:
        return text
    try:
        return normalize(text, "")
    except MalformedError:
        return text


def later(text: str, seconds: float) -> str:
    """The ledger's text of so many seconds after a time in the ledger's text; LAST where that is out of range."""
    try:
        return to_text(datetime.fromisoformat(text) + timedelta(seconds=seconds))
    except OverflowError:
        return LAST


def earlier(text: str, seconds: float) -> str:
    """The ledger's text of so many seconds before a time in the ledger's text; FIRST where that is out of range."""
    try:
        return to_text(datetime.fromisoformat(text) - timedelta(seconds=seconds))
    except OverflowError:
        return FIRST

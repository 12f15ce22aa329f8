"""Points in time as the ledger writes them: UTC text of fixed width, so that text order is time order."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import MalformedError

FIRST = "0001-01-01T00:00:00.000000Z"
LAST = "9999-12-31T23:59:59.999999Z"
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
    """The ledger's text of an ISO 8601 date and time given by a caller. One without an offset is ambiguous: refused."""
    if not isinstance(text, str):
        raise MalformedError(field, "must be an ISO 8601 date and time such as 2024-01-15T10:30:00Z")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise MalformedError(field, "must say its offset from UTC, for example by a Z at the end")
        return to_text(moment)
    except (ValueError, OverflowError):
        raise MalformedError(field, "must be an ISO 8601 date and time such as 2024-01-15T10:30:00Z") from None


def check(text: str, field: str) -> None:
    """Raise MalformedError where a text that is kept as it is says no ISO 8601 date and time with its offset."""
    normalize(text, field)
    if "T" not in text:  # Python takes any one character there
        raise MalformedError(field, "must have a T between date and time, such as 2024-01-15T10:30:00Z")


def earlier(text: str, seconds: float) -> str:
    """The ledger's text of so many seconds before a time in the ledger's text; FIRST where that is out of range."""
    try:
        return to_text(datetime.fromisoformat(text) - timedelta(seconds=seconds))
    except OverflowError:
        return FIRST

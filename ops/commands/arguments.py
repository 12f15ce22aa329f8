"""One reader for each kind of argument of a command line: what it means, or what is wrong with it.

argparse says whose argument it was and ends with exit code 2, before anything is asked of AWS. So no option may do
without a reader: an empty text, for one, must never mean "everything".
"""

from __future__ import annotations

import os
import re
from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from handlers.sourcing.errors import MalformedError, shortened
from handlers.sourcing.fields import BRANCH_NAME, check_key, unfit_as_new
from handlers.sourcing.patterns import Pattern
from handlers.sourcing.replays import Target
from handlers.sourcing.values import Value, exact, loads
from tools.arguments import Parser as FittingParser
from tools.arguments import without_offset

MAX_PATH_BYTES = 4096
MAX_GRACE = 1_000_000_000
"""Some thirty years, which is before any event: enough to say "however old" and still a time in the calendar."""
_STACK = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}){0,2}")
_REPLAY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
AUDIT_LOG, AUDIT_FILES, TABLE = "audit-log", "audit-files", "table:"
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_AGO = re.compile(r"([0-9]{1,4})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MESSAGE = re.compile(r"[!-~]{1,100}")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_DIGITS = re.compile(r"[0-9]{1,9}")


def identifier(text: str) -> str:
    """An id, or the name of an event type, as somebody may have stored it: whatever can be a key is taken as it stands.

    Commands demand more of new ids. What `verify` finds in the tables can be asked for.
    """
    try:
        check_key(text, "id")
    except MalformedError as error:
        raise ArgumentTypeError(f"{_shown(text)} {error.violations[0].message}") from error
    return text


def message_id(text: str) -> str:
    """The id of a message in a queue."""
    return _fitting(_MESSAGE, text, "the id of a message, as `dead-letters list` shows it")


def replay_name(text: str) -> str:
    """A name that EventBridge takes for a replay."""
    return _fitting(_REPLAY, text, "a name of 1 to 64 letters, digits, dots, hyphens and underscores")


def new_replay_name(text: str) -> str:
    """A name for a new replay: one that a path can carry, besides. What was started before that was asked stays within
    reach."""
    if unfit_as_new(replay_name(text), "name"):
        raise ArgumentTypeError(f"{_shown(text)} is a step of a path, and would be resolved on its way")
    return text


def branch_name(text: str) -> str:
    """The name of a branch of the ledger."""
    return _fitting(BRANCH_NAME, text, "a name of 1 to 40 small letters, digits and hyphens")


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, its numbers exact."""
    try:
        read = exact(loads(text, "it"), "it")
    except MalformedError as error:
        raise ArgumentTypeError(f"{_shown(text)} {error.violations[0].message}") from error
    if not isinstance(read, dict):
        raise ArgumentTypeError(f"{_shown(text)} is no JSON object")
    return read


def replay_target(text: str) -> str:
    """Where a replay's copies go."""
    try:
        return str(Target.of(text, "target"))
    except MalformedError as error:
        raise ArgumentTypeError(f"{_shown(text)}: {error.violations[0].message}") from error


def event_source(text: str) -> str | Path:
    """Where copies of events are: `audit-log`, `audit-files`, `table:NAME`, or the folder of an export."""
    if text.startswith(TABLE):
        return TABLE + _fitting(_TABLE, text.removeprefix(TABLE), "the name of a table")
    return text if text in (AUDIT_LOG, AUDIT_FILES) else path(text)


def stack_name(text: str) -> str:
    """A Pulumi stack: NAME, PROJECT/NAME or ORGANIZATION/PROJECT/NAME."""
    return _fitting(_STACK, text, "the name of a stack")


def region(text: str) -> str:
    """The name of an AWS Region."""
    return _fitting(_REGION, text, "a Region, such as eu-west-1")


def path(text: str) -> Path:
    """A file or folder."""
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        raw = b""
    if not text.strip() or not 0 < len(raw) <= MAX_PATH_BYTES or any(byte < ord(" ") for byte in raw):
        raise ArgumentTypeError(f"{_shown(text)} is not a path")
    return Path(text)


def moment(text: str) -> datetime:
    """A point in time, ISO 8601 with its offset from UTC; the answer is in UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{_shown(text)} is not an ISO 8601 time such as 2024-01-15T10:00:00Z") from None
    if read.tzinfo is None:
        raise without_offset(_shown(text), read)
    try:
        return read.astimezone(UTC)
    except OverflowError:
        raise ArgumentTypeError(f"{_shown(text)} lies outside of the years 1 to 9999 in UTC") from None


def since(text: str) -> datetime:
    """A point in time, or how long ago it was; the answer is in UTC."""
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    return moment(text)


def pattern(text: str) -> Value:
    """An event pattern of EventBridge, as JSON; the value is what the text says."""
    try:
        return loads(Pattern.of(exact(loads(text, "pattern"), "pattern"), "pattern").text, "pattern")
    except MalformedError as error:
        raise ArgumentTypeError(f"{_shown(text)}: {ascii(error.message)[1:-1]}") from error


def percent(text: str) -> Decimal:
    """A share, of a hundred."""
    if not _NUMBER.fullmatch(text) or not 0 < Decimal(text) <= 100:  # noqa: PLR2004 -- percent
        raise ArgumentTypeError(f"{_shown(text)} is not a percentage above 0, up to 100")
    return Decimal(text)


def grace(text: str) -> float:
    """How many seconds something may be late."""
    if not _NUMBER.fullmatch(text) or float(text) > MAX_GRACE:
        raise ArgumentTypeError(f"{_shown(text)} is not a number of seconds from 0 to {MAX_GRACE}")
    return float(text)


class Once(Action):
    """The value of an option that was given once: of two, the first would be forgotten without a word."""

    def __call__(self, _: ArgumentParser, namespace: Namespace, values: Any, option_string: str | None = None) -> None:
        """Keep the value."""
        given = vars(namespace).setdefault("_given", set())
        if option_string and self.dest in given:
            raise ArgumentError(self, "may be given once only")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(FittingParser):
    """Refuses an option that is given twice, unless it collects, and options that are not spelled out."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        """Says where options belong, too, where one may have come before the command or action that it is of."""
        if self._subparsers is not None and ("invalid choice" in message or "unrecognized arguments" in message):
            message += "; options follow the command, and its action: dead-letters list --outputs FILE"
        super().error(message)


@dataclass(frozen=True, slots=True)
class Count:
    """Reads how many: a whole number from 1 to `highest`."""

    highest: int

    def __call__(self, text: str) -> int:
        if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= self.highest:
            raise ArgumentTypeError(f"{_shown(text)} is not a whole number from 1 to {self.highest}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Amount:
    """Reads how much: a number above 0, up to `highest`, with or without a fraction."""

    highest: int

    def __call__(self, text: str) -> float:
        if not _NUMBER.fullmatch(text) or not 0 < float(text) <= self.highest:
            raise ArgumentTypeError(f"{_shown(text)} is not a number above 0, up to {self.highest}")
        return float(text)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of a few words."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        if text not in self.words:
            raise ArgumentTypeError(f"{_shown(text)} is none of {', '.join(self.words)}")
        return text


READERS: tuple[Callable[[str], Any], ...] = (
    *(identifier, message_id, replay_name, new_replay_name, branch_name, stack_name, region),
    *(event_source, path, moment, since, grace, json_object, pattern, percent, replay_target),
)
"""Those that are not made for one option, as Count, Amount and OneOf are."""


def _fitting(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ArgumentTypeError(f"{_shown(text)} is not {what}")
    return text


def _shown(text: str) -> str:
    return ascii(shortened(text)) if not text.isprintable() else repr(shortened(text))

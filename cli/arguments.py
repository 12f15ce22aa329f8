"""One reader for each kind of argument: what it means, or what is wrong with it, before anything is sent."""

from __future__ import annotations

import argparse
import re
import sys
from argparse import ArgumentTypeError
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from cli import web
from cli.called import advice
from cli.output import Out
from cli.profiles import NAME
from cli.shown import printable
from tools.arguments import without_offset
from tools.lines import fitting

MAX_ID_BYTES = 256
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,8})?")
_CURRENCY = re.compile("[A-Z]{3}")
_CATEGORY = re.compile("[a-z][a-z0-9-]{0,31}")
_REGION = re.compile("[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_SEQUENCE = re.compile("0|[1-9][0-9]{0,15}")
_SECONDS = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?")


def identifier(text: str) -> str:
    """An id, as the ledger takes it: 1 to 256 bytes, without spaces at its ends."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if not text.isprintable() or text != text.strip() or not 0 < size <= MAX_ID_BYTES:
        raise ArgumentTypeError(f"{shown(text)} is no id: 1 to {MAX_ID_BYTES} bytes that print, no space at its ends")
    return text


def words(text: str) -> str:
    """A text of somebody's own."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"{shown(text)} is no text in UTF-8") from None
    return text


def limit(text: str) -> str:
    """An amount that may be nothing, as it is written."""
    if not _AMOUNT.fullmatch(text):
        raise ArgumentTypeError(
            f"{shown(text)} is no amount: digits, and a point before up to 8 more, such as 100.50; no sign"
        )
    return text


def amount(text: str) -> str:
    """An amount above 0, as it is written: it stays text on its whole way."""
    if not limit(text).strip("0."):
        raise ArgumentTypeError("the amount must be above 0")
    return text


def currency(text: str) -> str:
    """A code of ISO 4217."""
    return _fitting(_CURRENCY, text, "a currency's code, such as USD")


def category(text: str) -> str:
    """A word for budgets."""
    return _fitting(_CATEGORY, text, "a category: a lower-case word such as rent or car-repair")


def sequence(text: str) -> int:
    """The number of an event in its stream."""
    return int(_fitting(_SEQUENCE, text, "a sequence: a whole number from 0"))


def moment(text: str) -> str:
    """A point in time, ISO 8601 with its offset from UTC; handed on as it is written."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{shown(text)} is no time of ISO 8601 such as 2024-01-15T10:00:00Z") from None
    if read.tzinfo is None:
        raise without_offset(shown(text), read)
    return text


def seconds(text: str) -> float:
    """How long, above 0."""
    if not _SECONDS.fullmatch(text) or not float(text):
        raise ArgumentTypeError(f"{shown(text)} is no number of seconds above 0")
    return float(text)


def profile(text: str) -> str:
    """A profile's name."""
    return _fitting(NAME, text, "a profile's name: letters, digits, - and _")


def region(text: str) -> str:
    """A Region of AWS."""
    return _fitting(_REGION, text, "a Region, such as eu-west-1")


def user(text: str) -> str:
    """A name as the embedded AWS signs people in."""
    if not text.isprintable() or any(map(str.isspace, text)) or not 0 < len(text) <= 128:  # noqa: PLR2004 -- its limit
        raise ArgumentTypeError(f"{shown(text)} is no user's name: 1 to 128 characters, no spaces")
    return text


def path(text: str) -> Path:
    """A file."""
    if not text.strip() or "\0" in text:
        raise ArgumentTypeError(f"{shown(text)} is no path")
    return Path(text)


def address(text: str) -> str:
    """Where a ledger is: https, or http on this machine; the console's own address is one, too."""
    try:
        parts = urlsplit(text)
        plain = f"{parts.scheme}://{parts.netloc}"
        fits = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.path.rstrip("/") not in ("", "/console"):
        raise ArgumentTypeError(f"{shown(text)} is no address of a ledger, such as https://ledger.example.com")
    if not web.is_safe(text):
        raise ArgumentTypeError(f"{shown(text)} must begin with https://: tokens are sent there")
    return plain


@dataclass(frozen=True, slots=True)
class Count:
    """Reads how many: a whole number from 1 to `highest`."""

    highest: int

    def __call__(self, text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= self.highest:
            raise ArgumentTypeError(f"{shown(text)} is no whole number from 1 to {self.highest}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Fields:
    """Reads names of fields, with commas between them."""

    known: tuple[str, ...]

    def __call__(self, text: str) -> tuple[str, ...]:
        names = tuple(each.strip() for each in text.split(",")) if text else ()
        if wrong := [each for each in names if each not in self.known]:
            raise ArgumentTypeError(f"there is no field {shown(wrong[0])}; there are: {', '.join(self.known)}")
        return names


class Once(argparse.Action):
    """The value of an option that was given once: of two, the first would be forgotten without a word."""

    def __call__(
        self, _: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        given = vars(namespace).setdefault("_given", set())
        if option_string and self.dest in given:
            raise argparse.ArgumentError(self, "may be given once only")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """Takes options spelled out alone, and each once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self.register("action", None, Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what is unknown where it stands, so that the hint is of that command."""
        understood, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return understood, []

    def print_help(self, file: Any = None) -> None:  # noqa: ARG002 -- argparse has it, and hands in none
        """As every answer is printed: where that fails, it is told."""
        Out.of_process(None).write(self.format_help().rstrip("\n"))

    def error(self, message: str) -> NoReturn:
        """A sentence, as wide as the terminal, where there is more, and exit code 2."""
        if "--json" in message:
            message += " (--json takes the word behind it as its fields: put it last)"
        see = advice(f"See: {self.prog} --help")
        self.exit(2, fitting(f"error: {printable(message)}\n{see}", sys.stderr) + "\n")


def shown(text: str) -> str:
    """A text that somebody typed, cut and safe to print."""
    return f"'{printable(text if len(text) <= 60 else f'{text[:60]}…')}'"  # noqa: PLR2004 -- a line


def _fitting(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ArgumentTypeError(f"{shown(text)} is not {what}")
    return text

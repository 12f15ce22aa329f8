"""Reading typed fields from a caller's object; every refusal names the field by its path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from .errors import MalformedError, Violation

MAX_ID_BYTES = 256
"""DynamoDB allows 2,048 bytes in a partition key and 1,024 in a sort key; ids have no need to come near."""
MAX_KEY_BYTES = 2048
"""An id that somebody else stored may be as long as DynamoDB allows."""
REPLACEMENT = "\ufffd"
"""What decoders put in the place of bytes that are no UTF-8, whichever they were."""
BRANCH_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""What a branch of the ledger may be called."""
_STEPS = (".", "..")
MAX_UNKNOWN = 3
"""So many unknown names are told of: a request may hold any number of them, and an answer must stay short."""
_LONGEST_COMPARED = 64
_NOT_DISPLAYED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point, which Python's tables do not have; variation selectors among them."""
_UNSEEN = (
    "must hold visible characters and plain spaces only, and no space at its ends: no control or invisible characters, "
    "other spaces, lone surrogates, or characters that are not assigned"
)


def identifier(source: Mapping[str, Any], name: str) -> str:
    """A required id: 1 to 256 bytes of text that can be seen, without spaces at its ends."""
    value = source.get(name)
    if value is None:
        raise MalformedError(name, "is required")
    return check_identifier(value, name)


def optional_identifier(source: Mapping[str, Any], name: str, default: str) -> str:
    """An id that may be absent or null."""
    value = source.get(name)
    return default if value is None else check_identifier(value, name)


def check_identifier(value: object, name: str) -> str:
    """`value` as an id, or MalformedError."""
    if not isinstance(value, str) or not value:
        raise MalformedError(name, "must be a non-empty text")
    if not value.isprintable() or value != value.strip():
        raise MalformedError(name, _UNSEEN)
    if len(value.encode(errors="surrogatepass")) > MAX_ID_BYTES:
        raise MalformedError(name, f"must not be longer than {MAX_ID_BYTES} bytes")
    return value


def check_key(value: object, name: str) -> str:
    """`value` as an id under which somebody may have stored something, whatever it holds, or MalformedError."""
    if not isinstance(value, str) or not value:
        raise MalformedError(name, "must be a non-empty text")
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise MalformedError(name, "must not hold halves of characters") from None
    if length > MAX_KEY_BYTES:
        raise MalformedError(name, f"must not be longer than {MAX_KEY_BYTES} bytes")
    return value


def unfit_as_new(value: str, name: str) -> list[Violation]:
    """What is wrong with a new id: a twin (the same text to every eye, other code points to the ledger), U+FFFD, or a
    path that browsers and proxies resolve.

    Not asked where an id is only looked up: what was stored before this was refused stays within reach.
    """
    found: list[Violation] = []
    if not unicodedata.is_normalized("NFC", value):
        message = "must be in Unicode's normal form NFC: the same text can be written in other code points"
        found.append(Violation(name, message))
    if REPLACEMENT in value:
        found.append(
            Violation(name, "must not hold U+FFFD, which stands for bytes that are no text, whichever they were")
        )
    if value in _STEPS:
        found.append(Violation(name, f"must not be {value}, which a path does not carry: it is resolved on its way"))
    return found


def as_seen(value: str) -> str:
    """A text as it is to every eye: in the normal form NFC, without what is not displayed and without space around.

    For comparing who two are, not for keeping. Letters of two scripts that look alike stay two.
    """
    return unicodedata.normalize("NFC", _NOT_DISPLAYED.sub("", value)).strip()


def unknown(source: Mapping[str, Any], known: Collection[str]) -> list[Violation]:
    """The members of a caller's object under names that mean nothing there, with the name that was probably meant."""
    found: list[Violation] = []
    for name in source:
        if name not in known and len(found) < MAX_UNKNOWN:
            meant = nearest(name, known)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
            found.append(Violation(tellable(name), f"is unknown; {hint}"))
    return found


def folded(name: str) -> str:
    """A name without what people get wrong about names: case, hyphens and underscores."""
    return name.replace("_", "").replace("-", "").lower()


def tellable(name: str) -> str:
    """A name as an answer can hold it: a lone surrogate has no UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant by another; None where none is near."""
    if len(name) > _LONGEST_COMPARED:
        return None
    by_folded = {folded(each): each for each in known}
    return next((by_folded[near] for near in get_close_matches(folded(name), by_folded, n=1)), None)


def whole(source: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None) -> int | None:
    """A whole number from `low` to `high`, or `default` where the field is absent or null."""
    value = source.get(name)
    return default if value is None else check_whole(value, name, low, high)


def check_whole(value: object, name: str, low: int, high: int) -> int:
    """`value` as a whole number from `low` to `high`, or MalformedError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise MalformedError(name, "must be a whole number")
    if not low <= value <= high:  # before int(), which takes a minute for 1E+1000000
        raise MalformedError(name, f"must lie between {low} and {high}")
    if value != int(value):
        raise MalformedError(name, "must be a whole number")
    return int(value)

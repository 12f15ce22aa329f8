"""As what the program was called, so that what it advises can be typed as it stands."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

_ADVISED = re.compile(r"(?<=`)ledger (?P<words>[a-z][^`\n]*)|(?<=: )ledger (?P<rest>[a-z][^\n]*)$")
_OF_PROFILES = ("login", "logout", "whoami")
_OF_NO_LEDGER = ("profiles", "completion")


def called() -> str:
    """`.venv/bin/ledger` for who typed that; `ledger` where it was found by that name, or nobody says."""
    return os.environ.get("LEDGER_CALLED") or "ledger"


def line(*words: str, where: Sequence[str] = ()) -> str:
    """A command line. Ids that look like options stand last, behind `--`."""
    first = next((number for number, each in enumerate(words) if each.startswith("-")), len(words))
    behind = ["--", *words[first:]] if first < len(words) else []
    return shlex.join([called(), *words[:first], *where, *behind])


def advice(hint: str, where: Sequence[str] = ()) -> str:
    """A hint whose first line names commands as `ledger ...`, each of which is said to the ledger at `where`.

    Lines below are command lines, with the name and the way in them.
    """
    head, *rest = hint.split("\n")

    def whole(found: re.Match[str]) -> str:
        words: str = found["words"] or found["rest"]
        return f"{shlex.quote(called())} {words}{_way(words, where)}"

    return "\n".join([_ADVISED.sub(whole, head), *rest])


def _way(words: str, where: Sequence[str]) -> str:
    """What of the way is missing in a command: who says a profile or an address means that one."""
    first = words.split(maxsplit=1)[0]
    if not where or first in _OF_NO_LEDGER or "--profile" in words or "--url" in words:
        return ""
    if first in _OF_PROFILES:
        where = where[where.index("--profile") :][:2] if "--profile" in where else ()
    return "".join(f" {shlex.quote(each)}" for each in where)

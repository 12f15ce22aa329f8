"""As what the program was called, so that what it advises can be typed as it stands."""

from __future__ import annotations

import os
import re
import shlex

_ADVISED = re.compile(r"(?<=`)ledger (?=[a-z])|(?<=: )ledger (?=[a-z])")


def called() -> str:
    """`.venv/bin/ledger` for who typed that; `ledger` where it was found by that name, or nobody says."""
    return os.environ.get("LEDGER_CALLED") or "ledger"


def advice(hint: str) -> str:
    """A hint whose first line names commands as `ledger ...`. Lines below are command lines, with the name in them."""
    head, *rest = hint.split("\n")
    return "\n".join([_ADVISED.sub(lambda _: f"{shlex.quote(called())} ", head), *rest])

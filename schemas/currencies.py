"""The currencies of ISO 4217: a kept copy of the list in `iso4217.json`, and the handlers' table made of it.

To take up a newer list: put its codes under `active`, with the digits of their minor units (null: none), move what it
no longer has to `withdrawn` with the digits that it had, change `published` and `source`, and generate. A code is never
dropped: accounts kept in it keep their scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.files import ROOT, Problem, read_object

FILE = "iso4217.json"
MOST_DIGITS = 8
"""As many digits after the point as an amount has in the events' schemas."""


def currencies(root: Path = ROOT) -> Mapping[str, Any]:
    """The kept list; an empty one where there is none."""
    path = root / FILE
    return read_object(path.read_text("utf-8")) if path.exists() else {"active": {}, "withdrawn": {}}


def problems_in_currencies(kept: Mapping[str, Any]) -> Iterator[Problem]:
    """Codes and digits that cannot be, and codes that are both active and withdrawn."""
    file = f"schemas/{FILE}"
    for status in ("active", "withdrawn"):
        for code, digits in kept[status].items():
            if not re.fullmatch("[A-Z]{3}", code):
                yield Problem(file, code, "code", "must be three capitals")
            if digits is not None and (type(digits) is not int or not 0 <= digits <= MOST_DIGITS):
                yield Problem(file, code, "digits", f"must be 0 to {MOST_DIGITS}, or null where it has no minor units")
    for code in sorted(kept["active"].keys() & kept["withdrawn"].keys()):
        yield Problem(file, code, "status", "must be active or withdrawn, not both")


def table(kept: Mapping[str, Any]) -> str:
    """The handlers' table as Python, without its header."""
    every = dict(sorted({**kept["withdrawn"], **kept["active"]}.items()))
    return (
        f"MINOR_UNITS: dict[str, int | None] = {every!r}\n"
        '"""By code, the digits after the point that its money has; None where it has no minor units."""\n\n'
        f"WITHDRAWN = frozenset({sorted(kept['withdrawn'])!r})\n"
        '"""The codes that no account is opened in any more."""\n'
    )

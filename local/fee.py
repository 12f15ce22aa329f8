"""A checkout with another rule, to try on real history: a withdrawal costs a fee of 1 %, booked behind it."""

from __future__ import annotations

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ACCOUNT = Path("handlers/domain/account.py")
_EDITS = (
    (
        """    _RULES(account, fact(event_type, data))
""",
        """    fee = (data["amount"] / 100).quantize(Decimal("0.01")) if _is_withdrawal(event_type, data) else ZERO
    charged = {**data, "amount": data["amount"] + fee} if fee else data
    _RULES(account, fact(event_type, charged))
""",
    ),
    (
        """    return [NewEvent(event_type, data, NEWEST[event_type])]
""",
        """    events = [NewEvent(event_type, data, NEWEST[event_type])]
    if fee:
        also = {"amount": fee, "type": "withdrawal", "currency": data["currency"], "category": "fee"}
        events.append(NewEvent(event_type, also, NEWEST[event_type]))
    return events


def _is_withdrawal(event_type: str, data: Mapping[str, Value]) -> bool:
    return event_type == "TransactionProcessed" and data["amount"] < 0 and not data.get("transferId")
""",
    ),
)


def checkout(folder: Path, *edits: tuple[str, str], file: Path = ACCOUNT) -> Path:
    """A copy of this checkout's handlers in which these texts of a file are others. ValueError where one is not there
    once."""
    shutil.copytree(PROJECT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / file).read_text("utf-8")
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{file} does not have once what is to be edited: {old}")
        text = text.replace(old, new)
    (folder / file).write_text(text, "utf-8")
    return folder


def with_a_fee(folder: Path) -> Path:
    """The checkout with the fee."""
    return checkout(folder, *_EDITS)

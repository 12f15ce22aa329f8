"""The account's read models: a row, and how an event changes it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from handlers.sourcing.event import Event
from handlers.sourcing.kinds import Setting
from handlers.sourcing.projection import Projection, Row
from handlers.sourcing.restoring import Shape, counted, each_of, one_of, optional, text
from handlers.sourcing.values import ARITHMETIC

from .bounds import LARGEST, limit, money, sum_of_money
from .facts import fact_of
from .generated.classes import AccountClosed, AccountCreated, TransactionProcessed
from .money import ZERO


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """Where an account stands now: balance and currency, status, how many transactions, and since when.

    LastUpdated is when the newest of its events was recorded, and never goes back. The other times are what callers
    say: LastTransactionAt is the newest transaction's, though it may lie before another one's.
    """

    name: str = "AccountSummary"

    def apply(self, row: Row, event: Event) -> Row:
        match fact_of(event):
            case AccountCreated() as created:
                return {
                    "Balance": ZERO,
                    "Currency": created.currency,
                    "Status": "Active",
                    "OverdraftLimit": created.overdraft_limit or ZERO,
                    "CreatedAt": created.created_at or event.timestamp,
                    "TransactionCount": 0,
                    "LastUpdated": event.timestamp,
                }
            case TransactionProcessed() as transaction:
                return {
                    **row,
                    "Balance": ARITHMETIC.add(row["Balance"], transaction.amount),
                    "TransactionCount": row["TransactionCount"] + 1,
                    "LastTransactionAt": transaction.timestamp or event.timestamp,
                    "LastUpdated": event.timestamp,
                }
            case AccountClosed() as closed:
                closed_at = closed.closed_at or event.timestamp
                return {**row, "Status": "Closed", "ClosedAt": closed_at, "LastUpdated": event.timestamp}
            case _:
                return row

    def knows(self, row: Row, sequence: int) -> bool:
        return _SUMMARY.is_whole(row) and not self.damage(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        if damage := _SUMMARY.damage(row):
            return damage
        count = row["TransactionCount"]
        wrong = {
            "TransactionCount": count > sequence,
            "Balance": abs(row["Balance"]) > LARGEST * count,
            "LastTransactionAt": ("LastTransactionAt" in row) != (count > 0),
            "ClosedAt": ("ClosedAt" in row) != (row["Status"] == "Closed"),
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """The latest transactions, newest first, each with the balance after it; `entries` is how many are kept."""

    entries: int
    name: str = "AccountStatement"

    def apply(self, row: Row, event: Event) -> Row:
        match fact_of(event):
            case AccountCreated() as created:
                return {"Balance": ZERO, "Currency": created.currency, "Entries": []}
            case TransactionProcessed() as transaction:
                balance = ARITHMETIC.add(row["Balance"], transaction.amount)
                entry = {
                    "EventSequence": event.sequence,
                    "TransactionId": transaction.transaction_id,
                    "Type": transaction.type,
                    "Category": transaction.category,
                    "Amount": transaction.amount,
                    "Balance": balance,
                    "Timestamp": transaction.timestamp or event.timestamp,
                }
                return {**row, "Balance": balance, "Entries": [entry, *row["Entries"]][: self.entries]}
            case _:
                return row

    def knows(self, row: Row, sequence: int) -> bool:
        return _STATEMENT.is_whole(row) and not self.damage(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        if damage := _STATEMENT.damage(row):
            return damage
        # Newest first: each stands before the one above it, and the first one not behind the row.
        places = [sequence + 1, *(entry["EventSequence"] for entry in row["Entries"])]
        disordered = any(earlier >= later for later, earlier in pairwise(places))
        newest = row["Entries"][0]["Balance"] if row["Entries"] else ZERO
        wrong = {
            "Entries": disordered or newest != row["Balance"],
            "Balance": abs(row["Balance"]) > LARGEST * sequence,
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]


def account_projections(setting: Setting) -> tuple[Projection, ...]:
    """Every projection of accounts."""
    return AccountSummary(), AccountStatement(setting("STATEMENT_ENTRIES"))


_SUMMARY = Shape(
    always={
        "Balance": sum_of_money,
        "Currency": text,
        "Status": one_of(("Active", "Closed")),
        "OverdraftLimit": limit,
        "CreatedAt": text,
        "TransactionCount": counted,
        "LastUpdated": text,
    },
    sometimes={"LastTransactionAt": text, "ClosedAt": text},
    later=frozenset({"Currency"}),
)
_ENTRY = Shape(
    {
        "EventSequence": counted,
        "TransactionId": optional(text),
        "Type": text,
        "Category": text,
        "Amount": money,
        "Balance": sum_of_money,
        "Timestamp": text,
    },
    later=frozenset({"Category"}),
)
_STATEMENT = Shape(
    {"Balance": sum_of_money, "Currency": text, "Entries": each_of(_ENTRY)},
    later=frozenset({"Currency"}),
    lists={"Entries": _ENTRY},
)

"""The account's read models: a row, how an event changes it, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from handlers.sourcing import times
from handlers.sourcing.by_fact import ByFact
from handlers.sourcing.event import Event
from handlers.sourcing.kinds import State
from handlers.sourcing.projection import Entries, Projection, Row, RowQuery
from handlers.sourcing.restoring import Shape, counted, one_of, optional, text
from handlers.sourcing.told import Settings
from handlers.sourcing.values import ARITHMETIC

from .bounds import LARGEST, limit, money, sum_of_money
from .facts import fact_of
from .generated.classes import AccountClosed, AccountCreated, FundsReserved, ReservationReleased, TransactionProcessed
from .money import ZERO, available

_ROWS: ByFact[Row, Row, Event] = ByFact()
"""Of each type: the summary after it."""
_QUERIES = (
    RowQuery(name="getAccountSummary", argument="accountId"),
    RowQuery(name="getAccountStatement", argument="accountId", head=("Balance", "Currency"), below="statement"),
)


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """Where an account stands now: balance and currency, status, how many transactions, and since when.

    Reserved is what is set aside for transfers, Available what may still leave the account.

    LastUpdated is when the newest of its events was recorded, and never goes back. The other times are what callers
    say: LastTransactionAt is the newest transaction's, though it may lie before another one's.
    """

    entries: Entries | None = None
    name: str = "AccountSummary"
    queries: tuple[RowQuery, ...] = _QUERIES

    def apply(self, row: Row, event: Event) -> Row:
        told = fact_of(event)
        after = _ROWS.get(told)
        return row if after is None else after(row, told, event)

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
        missing = [name for name in ("Reserved", "Available") if name not in row]
        if len(missing) == 1:  # older code knew neither
            return sorted([*missing, *(name for name, is_wrong in wrong.items() if is_wrong)])
        if not missing:
            left = available(row["Balance"], row["OverdraftLimit"], row["Reserved"])
            wrong["Reserved"] = not 0 <= row["Reserved"] <= LARGEST * sequence
            wrong["Available"] = row["Available"] != (left if row["Status"] == "Active" else ZERO)
        return [name for name, is_wrong in wrong.items() if is_wrong]


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """The account's transactions, each with the balance after it, beside the row of AccountSummary.

    Timestamp is when it happened, as the caller said, and decides nothing. RecordedAt is when the ledger recorded it:
    it never goes back along a stream, so that the statement's order is that of its times, too.
    """

    name: str = "AccountStatement"

    def entry(self, row: Row, event: Event) -> Row | None:
        match fact_of(event):
            case TransactionProcessed() as transaction:
                return {
                    "EventSequence": event.sequence,
                    "TransactionId": transaction.transaction_id,
                    "Type": transaction.type,
                    "Category": transaction.category,
                    "Amount": transaction.amount,
                    "Balance": row["Balance"],
                    "Timestamp": transaction.timestamp or event.timestamp,
                    "RecordedAt": event.timestamp,
                }
            case _:
                return None

    def damage(self, entry: Row, sequence: int) -> list[str]:
        if damage := _ENTRY.damage(entry):
            return damage
        wrong = {
            "EventSequence": entry["EventSequence"] != sequence,
            "Balance": abs(entry["Balance"]) > LARGEST * sequence,
            "RecordedAt": not times.is_text(entry["RecordedAt"]),
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]

    def time(self, entry: Row) -> str:
        return str(entry["RecordedAt"])

    def follows(self, entry: Row, older: Row | None) -> bool:
        before = older["Balance"] if older else ZERO
        return bool(ARITHMETIC.add(before, entry["Amount"]) == entry["Balance"])

    def ends(self, newest: Row | None, row: Row) -> bool:
        if newest is None:
            return bool(row["Balance"] == ZERO)
        return bool(row["Balance"] == newest["Balance"] and row["LastUpdated"] >= newest["RecordedAt"])

    def row_of(self, state: State) -> Row:
        return {
            "Balance": state.balance,
            "OverdraftLimit": state.overdraft_limit,
            "Reserved": state.reserved,
            "TransactionCount": state.transaction_count,
        }


@_ROWS.on(AccountCreated)
def _opened(_: Row, created: AccountCreated, event: Event) -> Row:
    may_fall = created.overdraft_limit or ZERO
    return {
        "Balance": ZERO,
        "Reserved": ZERO,
        "Available": may_fall,
        "Currency": created.currency,
        "Status": "Active",
        "OverdraftLimit": may_fall,
        "CreatedAt": created.created_at or event.timestamp,
        "TransactionCount": 0,
        "LastUpdated": event.timestamp,
    }


@_ROWS.on(TransactionProcessed)
def _transacted(row: Row, transaction: TransactionProcessed, event: Event) -> Row:
    posted = transaction.amount if transaction.transfer_id and transaction.amount < 0 else ZERO
    return {
        **_moved(row, event, balance=transaction.amount, reserved=posted),
        "TransactionCount": row["TransactionCount"] + 1,
        "LastTransactionAt": transaction.timestamp or event.timestamp,
    }


@_ROWS.on(FundsReserved)
def _reserved(row: Row, reserved: FundsReserved, event: Event) -> Row:
    return _moved(row, event, reserved=reserved.amount)


@_ROWS.on(ReservationReleased)
def _released(row: Row, released: ReservationReleased, event: Event) -> Row:
    return _moved(row, event, reserved=-released.amount)


@_ROWS.on(AccountClosed)
def _closed(row: Row, closed: AccountClosed, event: Event) -> Row:
    return {
        **row,
        "Available": ZERO,
        "Status": "Closed",
        "ClosedAt": closed.closed_at or event.timestamp,
        "LastUpdated": event.timestamp,
    }


def _moved(row: Row, event: Event, *, balance: Decimal = ZERO, reserved: Decimal = ZERO) -> Row:
    """The row after something moved on the account."""
    balance = ARITHMETIC.add(row["Balance"], balance)
    reserved = ARITHMETIC.add(row["Reserved"], reserved)
    return {
        **row,
        "Balance": balance,
        "Reserved": reserved,
        "Available": available(balance, row["OverdraftLimit"], reserved),
        "LastUpdated": event.timestamp,
    }


def account_projections(_: Settings) -> tuple[Projection, ...]:
    """Every projection of accounts, whatever the stack's settings are."""
    return (AccountSummary(AccountStatement()),)


_SUMMARY = Shape(
    always={
        "Balance": sum_of_money,
        "Reserved": sum_of_money,
        "Available": sum_of_money,
        "Currency": text,
        "Status": one_of(("Active", "Closed")),
        "OverdraftLimit": limit,
        "CreatedAt": text,
        "TransactionCount": counted,
        "LastUpdated": text,
    },
    sometimes={"LastTransactionAt": text, "ClosedAt": text},
    later=frozenset({"Currency", "Reserved", "Available"}),
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
        "RecordedAt": text,
    },
)

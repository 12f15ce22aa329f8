"""The transfer's read model: a row, how an event changes it, and what can be asked of it.

While something is due, or will be, the row says so in DueBucket and DueAt: the keys of an index in which no other row
stands. DueAt is the deadline where the transfer waits for somebody's approval. Else it is a minute after the newest
event, by which time the next one should be there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

from handlers.sourcing import times
from handlers.sourcing.by_fact import ByFact
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event
from handlers.sourcing.fields import check_identifier
from handlers.sourcing.projection import ByEvent, DueQuery, Filter, Projection, Row, RowQuery
from handlers.sourcing.restoring import Shape, flag, one_of, text
from handlers.sourcing.told import Settings
from handlers.sourcing.values import Value

from .bounds import money
from .facts import fact_of
from .generated.classes import (
    TransferApproved,
    TransferCancelled,
    TransferCommitted,
    TransferCompleted,
    TransferExpired,
    TransferFailed,
    TransferRequested,
    TransferSettled,
)

DUE_BUCKETS = tuple(f"due#{number}" for number in range(4))
"""Over these keys the index of what is due is spread: one takes a thousand writes a second."""
PATIENCE_SECONDS = 60
"""After so long without a further event somebody has to look after a transfer."""
ENDS = MappingProxyType({name: f"Transfer{name}" for name in ("Completed", "Failed", "Expired", "Cancelled")})
"""The statuses that a transfer ends with, and the type of the event that ends it. One that came to nothing is open all
the same while something is still set aside for it."""
STATUSES = ("Requested", "Approved", "Committed", *ENDS)
_DUE = ("DueBucket", "DueAt")


def _of_status(status: Value) -> Callable[[Row], bool]:
    if status not in STATUSES:
        raise MalformedError("status", f"must be one of {', '.join(STATUSES)}")
    return lambda row: row.get("Status") == status


def _of_account(given: Value) -> Callable[[Row], bool]:
    """On either side."""
    account_id = check_identifier(given, "accountId")
    return lambda row: account_id in (row.get("FromAccount"), row.get("ToAccount"))


def _requested_before(given: Value) -> Callable[[Row], bool]:
    time = times.normalize(given, "olderThan")
    return lambda row: str(row.get("RequestedAt")) < time


_QUERIES = (
    RowQuery(name="getTransfer", argument="transferId"),
    DueQuery(
        name="getTransfers",
        argument="transferId",
        rows="transfers",
        buckets=DUE_BUCKETS,
        filters=MappingProxyType(
            {
                "status": Filter(
                    description=f"Only those of this status. Without it those under way; of {', '.join(ENDS)}, all "
                    "that came to it, the newest first.",
                    form="word",
                    words=STATUSES,
                    meant=_of_status,
                ),
                "accountId": Filter(description="Only those from or to this account.", form="id", meant=_of_account),
                "olderThan": Filter(
                    description="Only those requested before this time.", form="time", meant=_requested_before
                ),
            }
        ),
        by_event=ByEvent(member="status", types=ENDS),
    ),
)


_ROWS: ByFact[Row, Row, Event] = ByFact()
"""Of each type: the row after it, but for when something is due."""


@dataclass(frozen=True, slots=True)
class TransferSummary:
    """Where a transfer stands now: status and sides, amount, times, and why it came to nothing."""

    name: str = "TransferSummary"
    entries: None = None
    queries: tuple[RowQuery | DueQuery, ...] = _QUERIES

    def apply(self, row: Row, event: Event) -> Row:
        changed = _changed(row, event)
        return changed if changed is row else _with_due({**changed, "LastUpdated": event.timestamp}, event)

    def knows(self, row: Row, sequence: int) -> bool:
        return _SUMMARY.is_whole(row) and not self.damage(row, sequence)

    def damage(self, row: Row, sequence: int) -> list[str]:
        if damage := _SUMMARY.damage(row):
            return damage
        wrong = {"Status": row["Status"] != "Requested" and sequence == 1}
        wrong |= {name: (name in row) != is_open(row) for name in _DUE}
        return [name for name, is_wrong in wrong.items() if is_wrong]


def is_open(row: Row) -> bool:
    """Whether something is due for a transfer, or will be."""
    if row["Status"] in ("Failed", "Expired", "Cancelled"):
        return "SettledAt" not in row
    return bool(row["Status"] != "Completed")


def _changed(row: Row, event: Event) -> Row:
    told = fact_of(event)
    after = _ROWS.get(told)
    return row if after is None else after(row, told, event)


@_ROWS.on(TransferRequested)
def _requested(_: Row, requested: TransferRequested, event: Event) -> Row:
    return {
        "Status": "Requested",
        "FromAccount": requested.from_account,
        "ToAccount": requested.to_account,
        "Amount": requested.amount,
        "Currency": requested.currency,
        **({"Reference": requested.reference} if requested.reference is not None else {}),
        "Deadline": times.in_one_form(requested.deadline),
        "NeedsApproval": requested.needs_approval,
        "RequestedBy": event.actor,
        "RequestedAt": event.timestamp,
    }


@_ROWS.on(TransferApproved)
def _approved(row: Row, approved: TransferApproved, event: Event) -> Row:
    return {**row, "Status": "Approved", "ApprovedBy": approved.by, "ApprovedAt": event.timestamp}


@_ROWS.on(TransferCommitted)
def _committed(row: Row, _: TransferCommitted, event: Event) -> Row:
    return {**row, "Status": "Committed", "CommittedAt": event.timestamp}


@_ROWS.on(TransferCompleted)
def _completed(row: Row, _: TransferCompleted, event: Event) -> Row:
    return {**row, "Status": "Completed", "EndedAt": event.timestamp}


@_ROWS.on(TransferFailed)
def _failed(row: Row, failed: TransferFailed, event: Event) -> Row:
    rule = {} if failed.rule is None else {"Rule": failed.rule}
    why = {"FailedStep": failed.step, "Code": failed.code, **rule}
    return {**row, "Status": "Failed", **why, "EndedAt": event.timestamp}


@_ROWS.on(TransferExpired)
def _expired(row: Row, _: TransferExpired, event: Event) -> Row:
    return {**row, "Status": "Expired", "EndedAt": event.timestamp}


@_ROWS.on(TransferCancelled)
def _cancelled(row: Row, cancelled: TransferCancelled, event: Event) -> Row:
    reason = {} if cancelled.reason is None else {"Reason": cancelled.reason}
    return {**row, "Status": "Cancelled", "CancelledBy": event.actor, **reason, "EndedAt": event.timestamp}


@_ROWS.on(TransferSettled)
def _settled(row: Row, _: TransferSettled, event: Event) -> Row:
    return {**row, "SettledAt": event.timestamp}


def _with_due(row: Row, event: Event) -> Row:
    kept = {name: value for name, value in row.items() if name not in _DUE}
    if not is_open(row):
        return kept
    due = times.later(event.timestamp, PATIENCE_SECONDS)
    if row["Status"] in ("Requested", "Approved"):
        due = row["Deadline"] if row["Status"] == "Requested" and row["NeedsApproval"] else min(due, row["Deadline"])
    bucket = DUE_BUCKETS[crc32(event.aggregate_id.encode()) % len(DUE_BUCKETS)]
    return {**kept, "DueBucket": bucket, "DueAt": due}


def transfer_projections(_: Settings) -> tuple[Projection, ...]:
    """Every projection of transfers."""
    return (TransferSummary(),)


_SUMMARY = Shape(
    always={
        "Status": one_of(STATUSES),
        "FromAccount": text,
        "ToAccount": text,
        "Amount": money,
        "Currency": text,
        "Deadline": text,
        "NeedsApproval": flag,
        "RequestedBy": text,
        "RequestedAt": text,
        "LastUpdated": text,
    },
    sometimes={
        "Reference": text,
        "ApprovedBy": text,
        "ApprovedAt": text,
        "CommittedAt": text,
        "EndedAt": text,
        "FailedStep": text,
        "Code": text,
        "Rule": text,
        "CancelledBy": text,
        "Reason": text,
        "SettledAt": text,
        "DueBucket": text,
        "DueAt": text,
    },
)

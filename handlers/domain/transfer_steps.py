"""What a transfer asks of its two accounts: which commands are due, by its state alone.

    check, reserve -> commit -> credit -> post -> complete
                        fence or release -> settle           where it came to nothing

*No money is made or lost.* A step's commandId is `<transferId>/<step>`, so each happens once, whoever takes it how
often. The credit comes behind the commitment, a release behind the event by which the transfer came to nothing, and of
these events the transfer's one stream has one: so a transfer credits or releases, never both.

*Behind the commitment the credit is accepted for good or refused for good.* Whoever commits has seen that the other
account would take the money, so the account exists. What it can refuse for then, it refuses for ever: that it is closed
or is kept in another currency. So where one process is refused, no other one was let through before: its event would
have been found by the commandId. And none is later.

*Post and release are never refused.* Money that is set aside is withdrawn or released by nobody else, and an account
with something set aside does not close.

*Nothing is set aside behind the end.* A process that is slow may reserve after the transfer came to nothing. Where no
commitment says that the reservation is there, the `fence` takes its place: a release of nothing under the reservation's
own commandId. Whichever of the two comes first is the only one. If it was the reservation, the fence is told that the
commandId stands for another command, and the release is due.

*Nor where there was no account for a fence to stand on.* It may be opened while a slow process goes on to reserve
there. So of a transfer that was never committed the fence is due for ever, also when it is settled: each reservation
wakes a process, which sees that the fence stands, or releases.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from handlers.sourcing.errors import CommandReusedError, LedgerError
from handlers.sourcing.event import Event
from handlers.sourcing.process import Process, Step
from handlers.sourcing.values import Value

from .facts import fact_of
from .generated.classes import FundsReserved, ReservationReleased
from .money import ZERO
from .transfer import COME_TO_NOTHING, KIND, UNCOMMITTED, Transfer
from .transfer_summary import DUE_BUCKETS

_MAY_REFUSE = ("check", "reserve", "credit")


def next_step(transfer: Transfer, now: str) -> tuple[Step, ...]:
    """The commands that are due, in order; none where the transfer waits or has gone well.

    Only where it is not committed yet does the ledger's text of now matter: whether the deadline is over.
    """
    if transfer.status in UNCOMMITTED:
        return _to_the_commitment(transfer, now)
    if transfer.status == "Committed":
        return _credit(transfer), _post(transfer), _own(transfer, "complete", "TransferCompleted", ends=True)
    if transfer.status in COME_TO_NOTHING:
        return _behind_the_end(transfer)
    return ()


def _behind_the_end(transfer: Transfer) -> tuple[Step, ...]:
    if not transfer.settled:
        return (_release(transfer) if transfer.was_committed else _fence(transfer)), _settle(transfer)
    return () if transfer.was_committed else (replace(_fence(transfer), ends=True),)


def _to_the_commitment(transfer: Transfer, now: str) -> tuple[Step, ...]:
    if transfer.deadline is not None and now >= transfer.deadline:
        return (_own(transfer, "expire", "TransferExpired"),)
    if transfer.status == "Requested" and transfer.needs_approval:
        return ()
    reserve = _on_from(transfer, "reserve", "FundsReserved", amount=transfer.amount, currency=transfer.currency)
    check = _credit(transfer, "check")
    return check, replace(reserve, dry=True), reserve, _own(transfer, "commit", "TransferCommitted")


def after_refusal(transfer: Transfer, step: Step, refusal: LedgerError) -> tuple[Step, ...] | None:
    """What is due in place of the rest when a step was refused, if anything; None where the transfer has gone on
    without us."""
    if step.name in _MAY_REFUSE:
        rule = refusal.details.get("rule")
        why = {"step": step.name, "code": refusal.code, **({"rule": rule} if rule else {})}
        return (_own(transfer, "fail", "TransferFailed", **why),)
    if step.name == "fence":
        reserved = isinstance(refusal, CommandReusedError)
        # Refused otherwise: there is no such account, or none any more, so that nothing is set aside on it by now.
        release = (replace(_release(transfer), ends=transfer.settled),) if reserved else ()
        return release if transfer.settled else (*release, _settle(transfer))
    return None


def concerned(event: Event) -> str | None:
    """The transfer that an event may have left something to do for."""
    if event.event_type in KIND.commands:
        return event.aggregate_id
    match fact_of(event):
        case FundsReserved() | ReservationReleased() as part:
            return str(part.transfer_id)
        case _:
            return None


def _own(transfer: Transfer, name: str, event_type: str, *, ends: bool = False, **data: Value) -> Step:
    return Step(name, str(transfer.transfer_id), event_type, data, ends=ends)


def _on_from(transfer: Transfer, name: str, event_type: str, *, command: str = "", **data: Value) -> Step:
    named = {"transferId": transfer.transfer_id, **data}
    return Step(name, str(transfer.from_account), event_type, named, command=command)


def _credit(transfer: Transfer, name: str = "credit") -> Step:
    """Give the money to the other account, or ask beforehand whether it would take it."""
    data = _movement(transfer, transfer.amount, "deposit", transfer.from_account)
    return Step(name, str(transfer.to_account), "TransactionProcessed", data, dry=name == "check", command="credit")


def _post(transfer: Transfer) -> Step:
    data = _movement(transfer, -(transfer.amount or ZERO), "withdrawal", transfer.to_account)
    return Step("post", str(transfer.from_account), "TransactionProcessed", data)


def _movement(transfer: Transfer, amount: Decimal | None, way: str, counterparty: str | None) -> dict[str, Any]:
    return {
        "amount": amount,
        "type": way,
        "currency": transfer.currency,
        "category": "transfer",
        "transferId": transfer.transfer_id,
        "counterparty": counterparty,
    }


def _release(transfer: Transfer) -> Step:
    reason = transfer.status.lower()
    return _on_from(transfer, "release", "ReservationReleased", amount=transfer.amount, reason=reason)


def _fence(transfer: Transfer) -> Step:
    """Release nothing, in the place where something would be set aside."""
    reason = transfer.status.lower()
    return _on_from(transfer, "fence", "ReservationReleased", command="reserve", amount=ZERO, reason=reason)


def _settle(transfer: Transfer) -> Step:
    return _own(transfer, "settle", "TransferSettled", ends=True)


PROCESS = Process(
    kind=KIND.name,
    steps=("reserve", "commit", "credit", "post", "complete", "fail", "expire", "release", "settle"),
    certain=frozenset({"post", "release"}),
    buckets=DUE_BUCKETS,
    concerned=concerned,
    due=next_step,
    after=after_refusal,
    traced=lambda transfer: (transfer.correlation_id or "", transfer.newest_event_id or ""),
)

"""What a transfer asks of its two accounts: which commands are due, by its state alone.

    check, reserve -> commit -> (post?) credit -> post -> complete
                        fence or release -> settle           where it came to nothing

*No money is made or lost.* A step's commandId is `<transferId>/<step>`, so each happens once, whoever takes it how
often. The credit comes behind the commitment, a release behind the event by which the transfer came to nothing, and of
these events the transfer's one stream has one: so a transfer credits or releases, never both.

*Behind the commitment the credit is accepted for good or refused for good.* Whoever commits has seen that the other
account would take the money, so the account exists. What it can refuse for then, it refuses for ever: that it is closed
or is kept in another currency. So where one process is refused, no other one was let through before: its event would
have been found by the commandId. And none is later.

*Nothing is credited that cannot be posted.* Who reserved and committed in one go has seen the reservation. Who finds
the transfer committed, or the reservation made, has not: it may be over already, and in a store that was cut apart it
may be missing: so that one asks first whether the post would be taken. It would not be, too, where others failed the
transfer and released meanwhile: then its stream says so.

*Post and release are never refused.* Money that is set aside is withdrawn or released by nobody else, and an account
with something set aside does not close. (But where two Regions brought a transfer to different ends, nothing may be set
aside any more: then no release is due.)

*Nothing is set aside behind the end.* A process that is slow may reserve after the transfer came to nothing. Where no
commitment says that the reservation is there, the `fence` takes its place: a release of nothing under the reservation's
own commandId. Whichever of the two comes first is the only one. If it was the reservation, the fence is told that the
commandId stands for the reservation, and the release is due.

*Nor where there was no account for a fence to stand on.* It may be opened while a slow process goes on to reserve
there. So of a transfer that was never committed the fence is due for ever, also when it is settled: each reservation
wakes a process, which sees that the fence stands, or releases.

*Each step has a commandId that is free.* Callers may not name their commands so, but older code let them, and such a
command stands for good. Before the commitment, `check` asks under the commandId of the credit, `reserve` under that of
the post, and then the reservation takes its own: where one is a caller's, the transfer fails while it still may. So
money is set aside only where the post's is free, and a release whose own is a caller's takes that: of the two, one
happens. A post finds its own taken only where older code set the money aside, and takes the release's. Where a
caller's stands in the reservation's place, nothing was or will be set aside: that is a fence, too.

*What stands under the post's id may be the post.* So it is where the transfer's stream was cut off behind its request.
The money has moved then, and to fail would be untrue: who finds the id taken asks whether the post itself stands there,
and if so commits. Its credit, its post and its end follow, each once.

*Refusals are final, but for one.* Money may come, and an account may be opened: still, who sends money is to hear at
once that it does not go. Only `reservations-limit` passes. That others set money aside at the same time is no reason to
fail, and they end soon: nothing is due until the sweep comes back, and at the deadline the transfer expires. Behind the
commitment nothing passes (see above). A fault or a lost race (5xx) is no refusal: that step is tried again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from handlers.sourcing.errors import CommandReusedError, LedgerError
from handlers.sourcing.event import Event
from handlers.sourcing.process import Process, Step
from handlers.sourcing.values import Value

from .account import RESERVATION, RESERVATIONS_LIMIT
from .facts import fact_of
from .generated.classes import FundsReserved, ReservationReleased
from .money import ZERO
from .transfer import COME_TO_NOTHING, KIND, UNCOMMITTED, Transfer
from .transfer_summary import DUE_BUCKETS

_MAY_REFUSE = ("check", "reserve", "credit")
_PASSING = (RESERVATIONS_LIMIT,)
OTHER = {"post": "release", "release": "post"}
"""The one that does not happen where the other does."""


def next_step(transfer: Transfer, now: str) -> tuple[Step, ...]:
    """The commands that are due, in order; none where the transfer waits or has gone well.

    Only where it is not committed yet does the ledger's text of now matter: whether the deadline is over.
    """
    if transfer.status in UNCOMMITTED:
        return _to_the_commitment(transfer, now)
    if transfer.status == "Committed":
        return replace(_post(transfer), dry=True, doubts=True), *_from_the_credit(transfer)
    if transfer.status in COME_TO_NOTHING:
        return _behind_the_end(transfer)
    return ()


def _from_the_credit(transfer: Transfer) -> tuple[Step, ...]:
    return _credit(transfer), _post(transfer), _complete(transfer)


def _behind_the_end(transfer: Transfer) -> tuple[Step, ...]:
    if not transfer.settled:
        return (_release(transfer) if transfer.was_committed else _fence(transfer)), _settle(transfer)
    return () if transfer.was_committed else (replace(_fence(transfer), ends=True),)


def _to_the_commitment(transfer: Transfer, now: str) -> tuple[Step, ...]:
    if transfer.deadline is not None and now >= transfer.deadline:
        return (_own(transfer, "expire", "TransferExpired"),)
    if transfer.status == "Requested" and transfer.needs_approval:
        return ()
    reserve = _reserve(transfer)
    return _credit(transfer, "check"), replace(reserve, dry=True, command="post"), reserve, _commit(transfer)


def after_refusal(transfer: Transfer, step: Step, refusal: LedgerError) -> tuple[Step, ...] | None:
    """What is due in place of the rest when a step was refused, if anything; None where the transfer has gone on
    without us."""
    if step.name in _MAY_REFUSE:
        return _after_a_refused_part(transfer, step, refusal)
    stands_for = refusal.event_type if isinstance(refusal, CommandReusedError) else None
    if step.name == "fence":
        # Refused otherwise, nothing is set aside by now: there is no such account, or none any more, or a caller's
        # command stands there as a fence.
        release = (replace(_release(transfer), ends=transfer.settled),) if stands_for == "FundsReserved" else ()
        return release if transfer.settled else (*release, _settle(transfer))
    if step.name == "release" and refusal.details.get("rule") == RESERVATION and not refusal.details.get("reserved"):
        # Another Region posted it, and completed the transfer, before it was called off here.
        return () if step.ends else (_settle(transfer),)
    if step.name in OTHER and stands_for and not step.command:
        return replace(step, command=OTHER[step.name]), *_behind(transfer, step)
    return None


def _behind(transfer: Transfer, step: Step) -> tuple[Step, ...]:
    """What is due behind a post or a release that takes the other one's commandId."""
    if step.dry:
        return _from_the_credit(transfer)
    if step.ends:
        return ()
    return (_complete(transfer) if step.name == "post" else _settle(transfer),)


def _after_a_refused_part(transfer: Transfer, step: Step, refusal: LedgerError) -> tuple[Step, ...]:
    """What is due where an account does not do its part, or would not."""
    rule = refusal.details.get("rule")
    if rule in _PASSING:
        return ()
    if step.dry and rule == RESERVATION:  # who carried it before ended behind the reservation
        return _reserve(transfer), _commit(transfer)
    if step.dry and step.event_type == "FundsReserved" and isinstance(refusal, CommandReusedError):
        # The same question once more, by the post: it is answered as before if it stands there, and refused as a
        # part if not.
        return replace(_post(transfer), name=step.name, command="post", dry=True), _commit(transfer)
    why = {"step": step.name, "code": refusal.code, **({"rule": rule} if rule else {})}
    return (_own(transfer, "fail", "TransferFailed", **why),)


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


def _reserve(transfer: Transfer) -> Step:
    return _on_from(transfer, "reserve", "FundsReserved", amount=transfer.amount, currency=transfer.currency)


def _commit(transfer: Transfer) -> Step:
    return _own(transfer, "commit", "TransferCommitted")


def _complete(transfer: Transfer) -> Step:
    return _own(transfer, "complete", "TransferCompleted", ends=True)


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

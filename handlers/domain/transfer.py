"""The transfer: money on its way from one account to another, as pure functions over immutable state.

    Requested -> [Approved] -> Committed -> Completed
        |            |            |
        +------------+------------+--> Failed     --> settled
        +------------+---------------> Expired    --> settled
        +------------+---------------> Cancelled  --> settled

A transfer holds no money. It says what is to become of it, and `transfer_steps` what that asks of the two accounts.
Every way it can end is an event at the next place of its one stream, so that of two ways one wins. An account is told
only after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Literal

from handlers.sourcing import times
from handlers.sourcing.by_fact import ByFact
from handlers.sourcing.command import NO_ACTOR, Command
from handlers.sourcing.errors import MalformedError, RuleBrokenError, UnreadableEventError, Violation
from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.fields import MAX_ID_BYTES, as_seen, check_identifier, unfit_as_new
from handlers.sourcing.kinds import Complete, Kind
from handlers.sourcing.restoring import restorer
from handlers.sourcing.settling import Settling
from handlers.sourcing.told import Settings
from handlers.sourcing.values import Value

from . import money
from .bounds import money as money_of
from .facts import NEWEST, Fact, asked, fact, fact_of, misspelt, violations
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
from .transfer_summary import transfer_projections

STATE_VERSION = 1
"""The version of what `evolve` makes of events. Raise it with every change of its outcome or of the state's fields."""
LONGEST_SECONDS = 30 * 86_400
"""No deadline is further off."""
MAX_TRANSFER_ID_BYTES = MAX_ID_BYTES - 16
"""Of a transfer's id: the commandIds of its steps begin with it."""
UNCOMMITTED = ("Requested", "Approved")
SECOND_PERSON = "second-person"
COME_TO_NOTHING = ("Failed", "Expired", "Cancelled")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer's state. What it was requested with is None where nobody requested it yet."""

    status: Literal["Unknown", "Requested", "Approved", "Committed", "Completed", "Failed", "Expired", "Cancelled"] = (
        "Unknown"
    )
    transfer_id: str | None = None
    from_account: str | None = None
    to_account: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    deadline: str | None = None
    requested_by: str | None = None
    needs_approval: bool = False
    approved_by: str | None = None
    was_committed: bool = False
    settled: bool = False
    """Whether nothing is set aside any more for one that came to nothing."""
    correlation_id: str | None = None
    newest_event_id: str | None = None

    def describe(self) -> dict[str, Value]:
        """The state under the names of reconstructState's answer."""
        return {
            "status": self.status,
            "fromAccount": self.from_account,
            "toAccount": self.to_account,
            "amount": self.amount,
            "currency": self.currency,
            "deadline": self.deadline,
            "requestedBy": self.requested_by,
            "needsApproval": self.needs_approval,
            "approvedBy": self.approved_by,
            "wasCommitted": self.was_committed,
            "settled": self.settled,
        }

    def snapshot(self) -> dict[str, Value]:
        """The whole state as JSON values, for `restore`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def restore(cls, snapshot: Any) -> Transfer:
        """The state of a snapshot of this STATE_VERSION. ValueError where `evolve` made none such."""
        transfer = _restored(snapshot)
        requested = (transfer.transfer_id, transfer.from_account, transfer.to_account, transfer.amount)
        if any((each is None) != (transfer.status == "Unknown") for each in requested):
            raise ValueError("its status and what it says of its request do not go together")
        return transfer

    def fits(self, sequence: int) -> bool:
        """Whether so many events can lead to it."""
        return self.status != "Unknown" and sequence > self.settled


_restored = restorer(Transfer, {Decimal: money_of})

_RULES: ByFact[Transfer, None] = ByFact()
"""Of each type that a command may ask for: what the transfer's state forbids, a RuleBrokenError."""
_FOLLOWS: ByFact[Transfer, Transfer] = ByFact()
"""Of each type but the request: the state after it."""


def check(aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> list[Violation]:
    """Everything that is wrong with a command's data whatever the transfer's state."""
    read, found = asked(event_type, data)
    found = misspelt(event_type, data) + found
    if event_type == _OPENING:
        found += _wrong_with_request(aggregate_id, read, {each.path for each in found})
    return found


def opens(command: Command) -> bool:
    """Whether the command is for an aggregate without events."""
    return command.event_type == _OPENING


def unsaid(transfer: Transfer, _: str, event_type: str, __: Mapping[str, Value]) -> dict[str, Value]:
    """What goes without saying in a command: what the ledger filled in by its clock and settings, or by the actor."""
    match event_type:
        case "TransferRequested":
            return {"needsApproval": transfer.needs_approval}
        case "TransferApproved":
            return {"by": transfer.approved_by}
        case _:
            return {}


def shown_by(event: Event) -> Transfer:
    """The transfer, as far as one event tells what went without saying there."""
    return Transfer(needs_approval=event.data.get("needsApproval") is True, approved_by=event.data.get("by"))


def completes(settings: Settings) -> Complete:
    """What fills commands in: a deadline and whether approval is needed, who approves, when it was found to be late."""
    timeout, above = settings.number("TRANSFER_TIMEOUT_SECONDS"), settings.number("TRANSFER_APPROVAL_ABOVE")

    def complete(command: Command, now: str) -> Command:
        match command.event_type:
            case "TransferRequested":
                amount = asked(command.event_type, command.event_data)[0].get("amount")
                needs = isinstance(amount, Decimal) and 0 < above < amount
                if needs and command.actor == NO_ACTOR:
                    raise RuleBrokenError(SECOND_PERSON, "a request that somebody else must approve of names its actor")
                filled: dict[str, Value] = {
                    "deadline": _deadline(command.event_data.get("deadline"), now, timeout),
                    "needsApproval": needs,
                }
            case "TransferApproved":
                if command.event_data.get("by") not in (None, command.actor):
                    raise MalformedError("eventData.by", "must be the command's actor where it is given")
                filled = {"by": command.actor}
            case "TransferExpired":
                filled = {"at": now}
            case _:
                return command
        return replace(command, event_data={**command.event_data, **filled})

    return complete


def decide(transfer: Transfer, command: Command) -> list[NewEvent]:
    """The events that `command` causes in the transfer's current state; one, for every command there is."""
    event_type = command.event_type
    if found := check(command.aggregate_id, event_type, command.event_data):
        raise MalformedError(*found[0], *found[1:])
    data = asked(event_type, command.event_data)[0]
    if transfer.status == "Unknown" and not opens(command):
        text = f"there is no transfer {command.aggregate_id}; TransferRequested begins it"
        raise RuleBrokenError(_STATUS, text, status=transfer.status)
    if unsound := violations(event_type, NEWEST[event_type], data, event_type):
        raise UnreadableEventError(f"was about to be written: {unsound[0].path} {unsound[0].message}")
    _RULES(transfer, fact(event_type, data))
    return [NewEvent(event_type, data, NEWEST[event_type])]


def evolve(transfer: Transfer, event: Event) -> Transfer:
    """The state after `event`. Raises UnreadableEventError; an event of an unknown type changes nothing."""
    changed = _after(transfer, event)
    return changed if changed is transfer else replace(changed, newest_event_id=event.event_id)


def broken_by(transfer: Transfer, told: Fact) -> RuleBrokenError | None:
    """The rule that forbids a fact in the transfer's current state, if one does."""
    try:
        _RULES(transfer, told)
    except RuleBrokenError as error:
        return error
    return None


def _after(transfer: Transfer, event: Event) -> Transfer:
    told = fact_of(event)
    if not isinstance(told, TransferRequested):
        return advanced(transfer, told)
    return replace(
        transfer,
        status="Requested",
        transfer_id=event.aggregate_id,
        from_account=told.from_account,
        to_account=told.to_account,
        amount=told.amount,
        currency=told.currency,
        deadline=times.in_one_form(told.deadline),
        requested_by=event.actor,
        needs_approval=told.needs_approval,
        correlation_id=event.correlation_id,
    )


def advanced(transfer: Transfer, told: Fact | None) -> Transfer:
    """The state after a fact that is no request; the same after one that is no transfer's."""
    after = _FOLLOWS.get(told)
    return transfer if after is None else after(transfer, told)


@_FOLLOWS.on(TransferApproved)
def _after_approval(transfer: Transfer, approved: TransferApproved) -> Transfer:
    return replace(transfer, status="Approved", approved_by=approved.by)


@_FOLLOWS.on(TransferCommitted)
def _after_commitment(transfer: Transfer, _: TransferCommitted) -> Transfer:
    return replace(transfer, status="Committed", was_committed=True)


@_FOLLOWS.on(TransferCompleted)
def _after_completion(transfer: Transfer, _: TransferCompleted) -> Transfer:
    return replace(transfer, status="Completed")


@_FOLLOWS.on(TransferFailed)
def _after_failure(transfer: Transfer, _: TransferFailed) -> Transfer:
    return replace(transfer, status="Failed")


@_FOLLOWS.on(TransferExpired)
def _after_expiry(transfer: Transfer, _: TransferExpired) -> Transfer:
    return replace(transfer, status="Expired")


@_FOLLOWS.on(TransferCancelled)
def _after_cancellation(transfer: Transfer, _: TransferCancelled) -> Transfer:
    return replace(transfer, status="Cancelled")


@_FOLLOWS.on(TransferSettled)
def _after_settlement(transfer: Transfer, _: TransferSettled) -> Transfer:
    return replace(transfer, settled=True)


def settles(_: Event) -> Settling:
    """What is done about an event that was lost between two Regions: it is decided again.

    Its steps have commandIds of their own. So where both Regions carried a transfer on in the same way, what was lost
    is in the stream already, and where they came to different ends the one that stands refuses the other.
    """
    return Settling.REDECIDE


def _wrong_with_request(transfer_id: str, data: Mapping[str, Value], told: set[str]) -> list[Violation]:
    found = unfit_as_new(transfer_id, "aggregateId")
    if len(transfer_id.encode(errors="surrogatepass")) > MAX_TRANSFER_ID_BYTES:
        found.append(Violation("aggregateId", f"of a transfer must not be longer than {MAX_TRANSFER_ID_BYTES} bytes"))
    checks: Mapping[str, Callable[[Any, str], object]] = {
        "fromAccount": check_identifier,
        "toAccount": check_identifier,
        "currency": money.check_known,
    }
    for name, check_text in checks.items():
        path = f"eventData.{name}"
        if path not in told and isinstance(data.get(name), str):
            try:
                check_text(data[name], path)
            except MalformedError as error:
                found += error.violations
    if isinstance(data.get("toAccount"), str) and data["toAccount"] == data.get("fromAccount"):
        found.append(Violation("eventData.toAccount", "must be another account than fromAccount"))
    return found


def _deadline(given: Value, now: str, timeout: int) -> Value:
    """The deadline of a request that came now, in the ledger's one form."""
    if not isinstance(given, str):
        return times.later(now, timeout) if given is None else given
    deadline = times.normalize(given, "eventData.deadline")
    if not now < deadline <= times.later(now, LONGEST_SECONDS):
        text = f"a deadline lies ahead, by {LONGEST_SECONDS} seconds at most"
        raise RuleBrokenError(_DEADLINE, text, deadline=deadline, now=now)
    return deadline


@_RULES.on(TransferRequested)
def _request(transfer: Transfer, requested: TransferRequested) -> None:
    if transfer.status != "Unknown":
        raise RuleBrokenError("transfer-requested-once", "the transfer exists already", status=transfer.status)
    digits = money.digits_of(requested.currency)
    if digits is not None and not money.is_whole(requested.amount, digits):
        text = f"an amount in {requested.currency} has at most {digits} digits after the point"
        raise RuleBrokenError("amount-scale", text, currency=requested.currency, digits=digits, amount=requested.amount)


@_RULES.on(TransferApproved)
def _approve(transfer: Transfer, approved: TransferApproved) -> None:
    _require(transfer, "Requested")
    if not transfer.needs_approval:
        raise RuleBrokenError("approval-needed", "the transfer needs no approval")
    approver, requester = as_seen(approved.by), as_seen(transfer.requested_by or "")
    if {NO_ACTOR, ""} & {approver, requester}:
        text = "who requested a transfer and who approves of it are both named, as the commands' actors"
        raise RuleBrokenError(SECOND_PERSON, text)
    if approver == requester:
        raise RuleBrokenError(SECOND_PERSON, "somebody else than who requested a transfer approves of it")


@_RULES.on(TransferCommitted)
def _commit(transfer: Transfer, _: TransferCommitted) -> None:
    _require(transfer, "Approved" if transfer.needs_approval else "Requested")


@_RULES.on(TransferCompleted)
def _complete(transfer: Transfer, _: TransferCompleted) -> None:
    _require(transfer, "Committed")


@_RULES.on(TransferFailed)
def _fail(transfer: Transfer, failed: TransferFailed) -> None:
    """What was refused before the commitment says nothing after it: another process may have been let through."""
    _require(transfer, *(("Committed",) if failed.step == "credit" else UNCOMMITTED))


@_RULES.on(TransferExpired)
def _expire(transfer: Transfer, expired: TransferExpired) -> None:
    _require(transfer, *UNCOMMITTED)
    if transfer.deadline is None or expired.at < transfer.deadline:
        raise RuleBrokenError(_DEADLINE, "the deadline is not over", deadline=transfer.deadline)


@_RULES.on(TransferCancelled)
def _cancel(transfer: Transfer, _: TransferCancelled) -> None:
    _require(transfer, *UNCOMMITTED)


@_RULES.on(TransferSettled)
def _settle(transfer: Transfer, _: TransferSettled) -> None:
    _require(transfer, *COME_TO_NOTHING)
    if transfer.settled:
        raise RuleBrokenError(_STATUS, "the transfer is settled", status=transfer.status)


def _require(transfer: Transfer, *statuses: str) -> None:
    if transfer.status not in statuses:
        raise RuleBrokenError(_STATUS, f"the transfer is {transfer.status.lower()}", status=transfer.status)


_STATUS = "transfer-status"
_DEADLINE = "transfer-deadline"
_OPENING = "TransferRequested"

KIND = Kind(
    name="transfer",
    state=Transfer,
    state_version=STATE_VERSION,
    snapshots="transfer.",
    commands=_RULES.event_types,
    check=check,
    opens=opens,
    decide=decide,
    evolve=evolve,
    unsaid=unsaid,
    shown_by=shown_by,
    projections=transfer_projections,
    settles=settles,
    collection="transfers",
    opened_by=_OPENING,
    completes=completes,
)
"""To the mechanics."""

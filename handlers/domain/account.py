"""The account: its rules (`decide`) and its history (`evolve`), as pure functions over immutable state.

A command names the event it wants (`eventType`) and that event's data. `decide` answers the events that happen, or
raises: MalformedError for data that its schema does not allow, RuleBrokenError for what the account's state forbids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Literal, NoReturn

from handlers.sourcing.by_fact import ByFact
from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError, RuleBrokenError, UnreadableEventError, Violation
from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.fields import unfit_as_new
from handlers.sourcing.kinds import Kind
from handlers.sourcing.restoring import restorer, text
from handlers.sourcing.settling import Settling
from handlers.sourcing.values import ARITHMETIC, Value

from . import money
from .bounds import LARGEST, sum_of_money
from .bounds import money as money_of
from .facts import IDENTIFIERS, NEWEST, asked, defaults, extra, fact, fact_of, misspelt, violations
from .generated.classes import AccountClosed, AccountCreated, FundsReserved, ReservationReleased, TransactionProcessed
from .money import ZERO, available, total
from .projections import account_projections

STATE_VERSION = 3
"""The version of what `evolve` makes of events. Raise it with every change of its outcome or of the state's fields:
snapshots of other versions are then left alone and made anew."""
MAX_RESERVATIONS = 100
"""So many transfers from one account may be under way at once: what is kept of it stays small."""
RESERVATION = "reservation"
"""The rule that nothing, or another amount, is set aside than is asked for."""
RESERVATIONS_LIMIT = "reservations-limit"
"""The rule that there is room for MAX_RESERVATIONS of them."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account's state. Money is in the account's `currency`; `status` is Unknown, Active or Closed."""

    status: Literal["Unknown", "Active", "Closed"] = "Unknown"
    balance: Decimal = ZERO
    overdraft_limit: Decimal = ZERO
    transaction_count: int = 0
    created_at: str | None = None
    closed_at: str | None = None
    currency: str | None = None
    reservations: Mapping[str, Decimal] = field(default_factory=dict)
    """What is set aside, by transfer: at most MAX_RESERVATIONS of them. Part of the balance, and not available."""

    @property
    def reserved(self) -> Decimal:
        """All that is set aside."""
        return total(self.reservations.values())

    @property
    def available(self) -> Decimal:
        """How much may leave the account: nothing where there is none, or none any more."""
        if self.status != "Active":
            return ZERO
        return available(self.balance, self.overdraft_limit, self.reserved)

    def describe(self) -> dict[str, Value]:
        """The state under the names of reconstructState's answer."""
        return {
            "balance": self.balance,
            "status": self.status,
            "transactionCount": self.transaction_count,
            "createdAt": self.created_at,
            "closedAt": self.closed_at,
            "currency": self.currency,
            "reserved": self.reserved,
            "available": self.available,
            "reservations": dict(self.reservations),
        }

    def snapshot(self) -> dict[str, Value]:
        """The whole state as JSON values, for `restore`."""
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**every, "reservations": dict(self.reservations)}

    @classmethod
    def restore(cls, snapshot: Any) -> Account:
        """The state of a snapshot of this STATE_VERSION. ValueError where `evolve` made none such."""
        account = _restored(snapshot)
        opened, closed = account.status != "Unknown", account.status == "Closed"
        told = account.created_at is not None, account.currency is not None, account.closed_at is not None
        if told != (opened, opened, closed):
            raise ValueError("its status and what it says of its opening and closing do not go together")
        if not 0 <= account.overdraft_limit <= LARGEST or abs(account.balance) > LARGEST * account.transaction_count:
            raise ValueError("no transactions add up to that, or no event sets such a limit")
        if account.reservations and account.status != "Active":
            raise ValueError("no account without an owner's use of it has something set aside")
        return account

    def fits(self, sequence: int) -> bool:
        """Whether so many events, of which one opened it, can lead to it."""
        return self.status != "Unknown" and self.transaction_count + len(self.reservations) <= sequence


def _reservations(value: Any) -> Mapping[str, Decimal]:
    """What is set aside, as it was kept, or ValueError."""
    if not isinstance(value, Mapping) or len(value) > MAX_RESERVATIONS:
        raise ValueError("not what is set aside")
    found = {text(name): money_of(each) for name, each in value.items()}
    if not all(each > 0 for each in found.values()):
        raise ValueError("not what is set aside")
    return found


_restored = restorer(Account, {Decimal: sum_of_money, Mapping[str, Decimal]: _reservations})

_RULES: ByFact[Account, None] = ByFact()
"""Of each type that a command may ask for: what the account's state forbids, a RuleBrokenError."""
_FOLLOWS: ByFact[Account, Account, Event] = ByFact()
"""Of each type: the state after it."""


def check(aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> list[Violation]:
    """Everything that is wrong with a command's data whatever the account's state.

    An `aggregate_id` of "" is one that the command does not say: nothing is compared with it.
    """
    return _asked(aggregate_id, event_type, data)[1]


def opens(command: Command) -> bool:
    """Whether the command is for an aggregate without events; on any other it is refused, or was executed before."""
    return command.event_type == _OPENING


def unsaid(account: Account, aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
    """What goes without saying in a command on this account: to spell it out is to say nothing more.

    For data of any kind, sound or not. What only the account can tell is None where the account is unknown.
    """
    limit = {"overdraftLimit": ZERO} if event_type == "AccountCreated" else {}
    return {**_filled_in(account, event_type, data), **limit, "accountId": aggregate_id}


def shown_by(event: Event) -> Account:
    """The account, as far as one event tells what it went without saying there.

    The ledger filled its currency in where the event's version knows the field; in an older one it is anybody's word.
    """
    told = {} if "currency" in extra(event) else event.data
    return Account(currency=told.get("currency", defaults(event.event_type).get("currency")))


def decide(account: Account, command: Command) -> list[NewEvent]:
    """The events that `command` causes in the account's current state; one, for every command there is today."""
    event_type = command.event_type
    data, found = _asked(command.aggregate_id, event_type, command.event_data)
    if found:
        raise MalformedError(*found[0], *found[1:])
    data = {**_filled_in(account, event_type, data), **data}
    if account.status == "Unknown" and not opens(command):
        text = f"there is no account {command.aggregate_id}; AccountCreated opens it"
        raise RuleBrokenError(_ACTIVE, text, status=account.status)
    _RULES(account, fact(event_type, data))
    if unsound := violations(event_type, NEWEST[event_type], data, event_type):
        raise UnreadableEventError(f"was about to be written: {unsound[0].path} {unsound[0].message}")
    return [NewEvent(event_type, data, NEWEST[event_type])]


def evolve(account: Account, event: Event) -> Account:
    """The state after `event`. Raises UnreadableEventError; an event of an unknown type changes nothing."""
    told = fact_of(event)
    after = _FOLLOWS.get(told)
    return account if after is None else after(account, told, event)


@_FOLLOWS.on(AccountCreated)
def _after_opening(account: Account, created: AccountCreated, event: Event) -> Account:
    return replace(
        account,
        status="Active",
        overdraft_limit=created.overdraft_limit or ZERO,
        created_at=created.created_at or event.timestamp,
        currency=created.currency,
    )


@_FOLLOWS.on(TransactionProcessed)
def _after_transaction(account: Account, transaction: TransactionProcessed, _: Event) -> Account:
    return replace(
        account,
        balance=ARITHMETIC.add(account.balance, transaction.amount),
        transaction_count=account.transaction_count + 1,
        reservations=_without(account, transaction.transfer_id if transaction.amount < 0 else None),
    )


@_FOLLOWS.on(FundsReserved)
def _after_reservation(account: Account, reserved: FundsReserved, _: Event) -> Account:
    return replace(account, reservations={**account.reservations, reserved.transfer_id: reserved.amount})


@_FOLLOWS.on(ReservationReleased)
def _after_release(account: Account, released: ReservationReleased, _: Event) -> Account:
    return replace(account, reservations=_without(account, released.transfer_id))


@_FOLLOWS.on(AccountClosed)
def _after_closing(account: Account, closed: AccountClosed, event: Event) -> Account:
    return replace(account, status="Closed", closed_at=closed.closed_at or event.timestamp)


def _without(account: Account, transfer_id: str | None) -> Mapping[str, Decimal]:
    """What stays set aside when a transfer's part of it goes; the same where there is none."""
    if transfer_id is None or transfer_id not in account.reservations:
        return account.reservations
    return {name: amount for name, amount in account.reservations.items() if name != transfer_id}


def _asked(aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> tuple[dict[str, Value], list[Violation]]:
    read, found = asked(event_type, data)
    another = aggregate_id and read.get("accountId", aggregate_id) != aggregate_id
    if another and all(each.path != _ACCOUNT_ID for each in found):
        found.append(Violation(_ACCOUNT_ID, "must be the aggregateId where it is given"))
    return read, misspelt(event_type, data) + found + _with_twins(aggregate_id, event_type, read)


def _with_twins(aggregate_id: str, event_type: str, data: Mapping[str, Value]) -> list[Violation]:
    """The ids of a command that look like others. An account that was opened under such a one stays within reach."""
    named = {f"eventData.{name}": data.get(name) for name in IDENTIFIERS[event_type] if name != "accountId"}
    if event_type == _OPENING:
        named["aggregateId"] = aggregate_id
    return [each for path, name in named.items() if isinstance(name, str) for each in unfit_as_new(name, path)]


def _filled_in(account: Account, event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
    """What the ledger says for a command that leaves it out."""
    filled = defaults(event_type)
    if event_type == "TransactionProcessed":
        filled["currency"] = account.currency
        if isinstance(amount := data.get("amount"), Decimal):
            filled["type"] = "deposit" if amount > 0 else "withdrawal"
    return filled


@_RULES.on(AccountCreated)
def _create(account: Account, created: AccountCreated) -> None:
    if account.status != "Unknown":
        raise RuleBrokenError("account-created-once", "the account exists already")
    digits, limit = money.digits_of(created.currency), created.overdraft_limit or ZERO
    if digits is not None and not money.is_whole(limit, digits):
        text = f"an overdraft limit in {created.currency} has {_at_most(digits)}"
        raise RuleBrokenError(_SCALE, text, currency=created.currency, digits=digits, overdraftLimit=limit)


@_RULES.on(TransactionProcessed)
def _transact(account: Account, transaction: TransactionProcessed) -> None:
    _require_active(account)
    amount = transaction.amount
    if (transaction.type == "deposit" and amount <= 0) or (transaction.type == "withdrawal" and amount >= 0):
        raise RuleBrokenError(
            "amount-sign", "the amount is what is added to the balance: a deposit is positive, a withdrawal negative"
        )
    if transaction.currency != account.currency:
        _refuse_currency(account, transaction.currency)
    if transaction.transfer_id is not None and amount < 0:
        _require_reservation(account, transaction.transfer_id, -amount)  # which was looked at when it was made
        return
    balance = ARITHMETIC.add(account.balance, amount)
    _require_scale(account, amount, balance)
    if balance < ARITHMETIC.subtract(account.reserved, account.overdraft_limit):
        _refuse_funds(account, amount)


@_RULES.on(FundsReserved)
def _reserve(account: Account, reserved: FundsReserved) -> None:
    """Set money aside for a transfer, once: from then on the transfer's withdrawal needs nothing else."""
    _require_active(account)
    if reserved.currency != account.currency:
        _refuse_currency(account, reserved.currency)
    digits = money.digits_of(account.currency)
    if digits is not None and not money.is_whole(reserved.amount, digits):
        text = f"an amount in {account.currency} has {_at_most(digits)}"
        raise RuleBrokenError(_SCALE, text, currency=account.currency, digits=digits, amount=reserved.amount)
    if reserved.transfer_id in account.reservations:
        raise RuleBrokenError(RESERVATION, "money is set aside for this transfer already")
    if len(account.reservations) >= MAX_RESERVATIONS:
        text = f"money is set aside for {MAX_RESERVATIONS} transfers; those must end first"
        raise RuleBrokenError(RESERVATIONS_LIMIT, text, reservations=len(account.reservations))
    if reserved.amount > account.available:
        _refuse_funds(account, -reserved.amount)


@_RULES.on(ReservationReleased)
def _release(account: Account, released: ReservationReleased) -> None:
    """Make available what is set aside. An amount of 0 releases nothing: its command takes the place of the one that
    would have set something aside."""
    if released.amount == 0 and released.transfer_id not in account.reservations:
        _require_active(account)
    else:
        _require_reservation(account, released.transfer_id, released.amount)


def _require_reservation(account: Account, transfer_id: str, amount: Decimal) -> None:
    found = account.reservations.get(transfer_id, ZERO)
    if found != amount:
        what = "another amount" if found else "nothing"
        raise RuleBrokenError(RESERVATION, f"{what} is set aside for this transfer", reserved=found)


def _refuse_currency(account: Account, currency: str) -> NoReturn:
    money.check_known(currency, "eventData.currency")
    raise RuleBrokenError(
        "account-currency",
        f"the account is kept in {account.currency}, and this is in {currency}",
        currency=currency,
        accountCurrency=account.currency,
    )


def _refuse_funds(account: Account, amount: Decimal) -> NoReturn:
    reserved = {"reserved": account.reserved} if account.reservations else {}
    raise RuleBrokenError(
        "sufficient-funds",
        "the balance would fall below minus the overdraft limit"
        + (" and what is set aside for transfers" if reserved else ""),
        balance=account.balance,
        overdraftLimit=account.overdraft_limit,
        **reserved,
        amount=amount,
    )


@_RULES.on(AccountClosed)
def _close(account: Account, _: AccountClosed) -> None:
    _require_active(account)
    if account.balance:
        raise RuleBrokenError("zero-balance", "only an account with a zero balance closes", balance=account.balance)
    if account.reservations:
        text = "only an account with nothing set aside for transfers closes"
        raise RuleBrokenError(RESERVATION, text, reserved=account.reserved)


def _require_scale(account: Account, amount: Decimal, balance: Decimal) -> None:
    """Money moves in whole minor units of the account's currency.

    Older code let fractions of them into balances. Whatever makes such a balance whole is let through, so that it can
    be withdrawn or paid back; and from a whole balance only whole ones are reached.
    """
    digits = money.digits_of(account.currency)
    if digits is None or money.is_whole(amount, digits) or money.is_whole(balance, digits):
        return
    text = f"an amount in {account.currency} has {_at_most(digits)}"
    details: dict[str, Value] = {"currency": account.currency, "digits": digits, "amount": amount}
    if not money.is_whole(account.balance, digits):
        text += ", unless it brings the balance to such an amount"
        details["balance"] = account.balance
    raise RuleBrokenError(_SCALE, text, **details)


def _at_most(digits: int) -> str:
    return f"at most {digits} digits after the point" if digits else "no digits after the point"


def _require_active(account: Account) -> None:
    if account.status != "Active":
        raise RuleBrokenError(_ACTIVE, f"the account is {account.status.lower()}", status=account.status)


def settles(event: Event) -> Settling:
    """What is done about an event that was lost between two Regions.

    An account that was opened twice may be two people's: that a person has to see. Money that comes is taken, unless
    the account is closed; for money that goes there may be too little by now.
    """
    match event.event_type:
        case "AccountCreated":
            return Settling.MANUAL
        case "TransactionProcessed" if (amount := event.data.get("amount")) is not None:
            return Settling.REAPPLY if isinstance(amount, int | Decimal) and amount > 0 else Settling.REDECIDE
        case _:
            return Settling.REDECIDE


_ACTIVE = "account-active"
_SCALE = "amount-scale"
_OPENING = "AccountCreated"
_ACCOUNT_ID = "eventData.accountId"

KIND = Kind(
    name="account",
    state=Account,
    state_version=STATE_VERSION,
    snapshots="",
    commands=_RULES.event_types,
    check=check,
    opens=opens,
    decide=decide,
    evolve=evolve,
    unsaid=unsaid,
    shown_by=shown_by,
    projections=account_projections,
    settles=settles,
    collection="accounts",
)
"""To the mechanics. (Its snapshots' keys name no kind: there was no other when the first ones were made.)"""

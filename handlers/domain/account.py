"""The account: its rules (`decide`) and its history (`evolve`), as pure functions over immutable state.

A command names the event it wants (`eventType`) and that event's data. `decide` answers the events that happen, or
raises: MalformedError for data that its schema does not allow, RuleBrokenError for what the account's state forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from handlers.sourcing.command import Command
from handlers.sourcing.errors import MalformedError, RuleBrokenError, UnreadableEventError, Violation
from handlers.sourcing.event import Event, NewEvent
from handlers.sourcing.fields import unnormalized
from handlers.sourcing.kinds import Kind
from handlers.sourcing.restoring import restorer
from handlers.sourcing.values import ARITHMETIC, Value

from . import money
from .bounds import LARGEST, sum_of_money
from .facts import IDENTIFIERS, NEWEST, Fact, asked, defaults, extra, fact, fact_of, misspelt, violations
from .generated.classes import AccountClosed, AccountCreated, TransactionProcessed
from .money import ZERO
from .projections import ACCOUNT_QUERIES, account_projections

STATE_VERSION = 2
"""The version of what `evolve` makes of events. Raise it with every change of its outcome or of the state's fields:
snapshots of other versions are then left alone and made anew."""


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

    def describe(self) -> dict[str, Value]:
        """The state under the names of reconstructState's answer."""
        return {
            "balance": self.balance,
            "status": self.status,
            "transactionCount": self.transaction_count,
            "createdAt": self.created_at,
            "closedAt": self.closed_at,
            "currency": self.currency,
        }

    def snapshot(self) -> dict[str, Value]:
        """The whole state as JSON values, for `restore`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

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
        return account

    def fits(self, sequence: int) -> bool:
        """Whether so many events, of which one opened it, can lead to it."""
        return self.status != "Unknown" and self.transaction_count <= sequence


_restored = restorer(Account, {Decimal: sum_of_money})


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
    _RULES[event_type](account, fact(event_type, data))
    if unsound := violations(event_type, NEWEST[event_type], data, event_type):
        raise UnreadableEventError(f"was about to be written: {unsound[0].path} {unsound[0].message}")
    return [NewEvent(event_type, data, NEWEST[event_type])]


def evolve(account: Account, event: Event) -> Account:
    """The state after `event`. Raises UnreadableEventError; an event of an unknown type changes nothing."""
    match fact_of(event):
        case AccountCreated() as created:
            return replace(
                account,
                status="Active",
                overdraft_limit=created.overdraft_limit or ZERO,
                created_at=created.created_at or event.timestamp,
                currency=created.currency,
            )
        case TransactionProcessed() as transaction:
            return replace(
                account,
                balance=ARITHMETIC.add(account.balance, transaction.amount),
                transaction_count=account.transaction_count + 1,
            )
        case AccountClosed() as closed:
            return replace(account, status="Closed", closed_at=closed.closed_at or event.timestamp)
        case _:
            return account


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
    return [each for path, name in named.items() if isinstance(name, str) for each in unnormalized(name, path)]


def _filled_in(account: Account, event_type: str, data: Mapping[str, Value]) -> dict[str, Value]:
    """What the ledger says for a command that leaves it out."""
    filled = defaults(event_type)
    if event_type == "TransactionProcessed":
        filled["currency"] = account.currency
        if isinstance(amount := data.get("amount"), Decimal):
            filled["type"] = "deposit" if amount > 0 else "withdrawal"
    return filled


def _create(account: Account, created: AccountCreated) -> None:
    if account.status != "Unknown":
        raise RuleBrokenError("account-created-once", "the account exists already")
    digits, limit = money.digits_of(created.currency), created.overdraft_limit or ZERO
    if digits is not None and not money.is_whole(limit, digits):
        text = f"an overdraft limit in {created.currency} has {_at_most(digits)}"
        raise RuleBrokenError(_SCALE, text, currency=created.currency, digits=digits, overdraftLimit=limit)


def _transact(account: Account, transaction: TransactionProcessed) -> None:
    _require_active(account)
    amount = transaction.amount
    if (transaction.type == "deposit" and amount <= 0) or (transaction.type == "withdrawal" and amount >= 0):
        raise RuleBrokenError(
            "amount-sign", "the amount is what is added to the balance: a deposit is positive, a withdrawal negative"
        )
    if transaction.currency != account.currency:
        money.check_known(transaction.currency, "eventData.currency")
        raise RuleBrokenError(
            "account-currency",
            "the account is kept in another currency",
            currency=transaction.currency,
            accountCurrency=account.currency,
        )
    balance = ARITHMETIC.add(account.balance, amount)
    _require_scale(account, amount, balance)
    if balance < -account.overdraft_limit:
        raise RuleBrokenError(
            "sufficient-funds",
            "the balance would fall below minus the overdraft limit",
            balance=account.balance,
            overdraftLimit=account.overdraft_limit,
            amount=amount,
        )


def _close(account: Account, _: AccountClosed) -> None:
    _require_active(account)
    if account.balance:
        raise RuleBrokenError("zero-balance", "only an account with a zero balance closes", balance=account.balance)


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


_ACTIVE = "account-active"
_SCALE = "amount-scale"
_OPENING = "AccountCreated"
_ACCOUNT_ID = "eventData.accountId"
_RULES: Mapping[str, Callable[[Account, Fact], None]] = MappingProxyType(
    {"AccountCreated": _create, "TransactionProcessed": _transact, "AccountClosed": _close}
)

KIND = Kind(
    name="account",
    state=Account,
    state_version=STATE_VERSION,
    snapshots="",
    commands=tuple(_RULES),
    check=check,
    opens=opens,
    decide=decide,
    evolve=evolve,
    unsaid=unsaid,
    shown_by=shown_by,
    projections=account_projections,
    queries=ACCOUNT_QUERIES,
    collection="accounts",
)
"""To the mechanics. (Its snapshots' keys name no kind: there was no other when the first ones were made.)"""

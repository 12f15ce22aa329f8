"""The account: its rules (`decide`) and its history (`evolve`), as pure functions over immutable state.

A command names the event it wants (`eventType`) and that event's data. `decide` answers the events that happen, or
raises: MalformedError for data of the wrong shape, RuleBrokenError for what the account's state forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from .command import Command
from .errors import MalformedError, RuleBrokenError
from .event import Event, NewEvent
from .fields import MAX_ID_BYTES, money
from .values import ARITHMETIC, Value

CREATED = "AccountCreated"
TRANSACTION = "TransactionProcessed"
CLOSED = "AccountClosed"

ZERO = Decimal(0)

STATE_VERSION = 1
"""The version of what `evolve` makes of events. Raise it with every change of its outcome or of the state's fields:
snapshots of other versions are then left alone and made anew."""

_TEXTS = ("customerId", "accountType", "reason")
# Rows of the read model keep these, a statement up to 500 times, and must fit an item as well.
_SHORT_TEXTS = ("createdAt", "transactionId", "timestamp", "closedAt")


@dataclass(frozen=True, slots=True)
class Account:
    """An account's state. Money is in the account's own currency; `status` is Unknown, Active or Closed."""

    status: str = "Unknown"
    balance: Decimal = ZERO
    overdraft_limit: Decimal = ZERO
    transaction_count: int = 0
    created_at: str | None = None
    closed_at: str | None = None

    def describe(self) -> dict[str, Value]:
        """The state under the names of reconstructState's answer."""
        return {
            "balance": self.balance,
            "status": self.status,
            "transactionCount": self.transaction_count,
            "createdAt": self.created_at,
            "closedAt": self.closed_at,
        }

    def snapshot(self) -> dict[str, Value]:
        """The whole state as JSON values, for `restore`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Account:
        """The state of a snapshot of this STATE_VERSION. TypeError where fields are missing or unknown."""
        if snapshot.keys() != {field.name for field in fields(cls)}:
            raise TypeError("not a snapshot of this state")
        return cls(**{**snapshot, "transaction_count": int(snapshot["transaction_count"])})


def decide(account: Account, command: Command) -> list[NewEvent]:
    """The events that `command` causes in the account's current state; one, for every command there is today."""
    rule = _RULES.get(command.event_type)
    if rule is None:
        raise MalformedError("eventType", f"must be one of {', '.join(_RULES)}")
    data = command.event_data
    _check_texts(data)
    named = data.get("accountId", command.aggregate_id)
    if named != command.aggregate_id:
        raise MalformedError("eventData.accountId", "must be the aggregateId where it is given")
    return [NewEvent(command.event_type, rule(account, data))]


def evolve(account: Account, event: Event) -> Account:
    """The state after `event`."""
    data = event.data
    match event.event_type:
        case "AccountCreated":
            return replace(
                account,
                status="Active",
                overdraft_limit=data.get("overdraftLimit") or ZERO,
                created_at=data.get("createdAt") or event.timestamp,
            )
        case "TransactionProcessed":
            return replace(
                account,
                balance=ARITHMETIC.add(account.balance, data["amount"]),
                transaction_count=account.transaction_count + 1,
            )
        case "AccountClosed":
            return replace(account, status="Closed", closed_at=data.get("closedAt") or event.timestamp)
        case _:
            return account


def _create(account: Account, data: Mapping[str, Any]) -> dict[str, Value]:
    if account.status != "Unknown":
        raise RuleBrokenError("account-created-once", "the account exists already")
    limit = data.get("overdraftLimit")
    if limit is None:
        return dict(data)
    limit = money(limit, "eventData.overdraftLimit")
    if limit < 0:
        raise MalformedError("eventData.overdraftLimit", "must not be negative")
    return {**data, "overdraftLimit": limit}


def _transact(account: Account, data: Mapping[str, Any]) -> dict[str, Value]:
    if "amount" not in data:
        raise MalformedError("eventData.amount", "is required")
    amount = money(data["amount"], "eventData.amount")
    kind = data.get("type")
    if kind is None:
        kind = "deposit" if amount > 0 else "withdrawal"
    if kind not in ("deposit", "withdrawal"):
        raise MalformedError("eventData.type", "must be deposit or withdrawal")
    _require_active(account)
    if (kind == "deposit" and amount <= 0) or (kind == "withdrawal" and amount >= 0):
        raise RuleBrokenError(
            "amount-sign", "the amount is what is added to the balance: a deposit is positive, a withdrawal negative"
        )
    balance = ARITHMETIC.add(account.balance, amount)
    if balance < -account.overdraft_limit:
        raise RuleBrokenError(
            "sufficient-funds",
            "the balance would fall below minus the overdraft limit",
            balance=account.balance,
            overdraftLimit=account.overdraft_limit,
            amount=amount,
        )
    return {**data, "amount": amount, "type": kind}


def _close(account: Account, data: Mapping[str, Any]) -> dict[str, Value]:
    _require_active(account)
    if account.balance:
        raise RuleBrokenError("zero-balance", "only an account with a zero balance closes", balance=account.balance)
    return dict(data)


def _require_active(account: Account) -> None:
    if account.status != "Active":
        raise RuleBrokenError(
            "account-active", f"the account is not active but {account.status.lower()}", status=account.status
        )


def _check_texts(data: Mapping[str, Any]) -> None:
    for name in (*_TEXTS, *_SHORT_TEXTS):
        text = data.get(name)
        if text is not None and not isinstance(text, str):
            raise MalformedError(f"eventData.{name}", "must be a text")
        if text and name in _SHORT_TEXTS and len(text.encode()) > MAX_ID_BYTES:
            raise MalformedError(f"eventData.{name}", f"must not be longer than {MAX_ID_BYTES} bytes")


_RULES: Mapping[str, Callable[[Account, Mapping[str, Any]], dict[str, Value]]] = MappingProxyType(
    {CREATED: _create, TRANSACTION: _transact, CLOSED: _close}
)
EVENT_TYPES = tuple(_RULES)

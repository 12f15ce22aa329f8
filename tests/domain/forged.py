"""Transfers of which somebody forged, or took away, a part: each stream is sound by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from handlers.domain.facts import NEWEST
from handlers.sourcing.command import Command
from handlers.sourcing.event import NewEvent, Position, chain

from .builders import NOW, command
from .transfers import LATE, Ledger, by, request

END = 1_000
"""More steps than any transfer has."""


def bank(*asked: Command, steps: int = END) -> Ledger:
    """Accounts a with 100 and b with 7, and the transfer t, carried on by so many steps."""
    ledger = Ledger()
    for account, amount in (("a", 100), ("b", 7)):
        ledger.send(command("AccountCreated", account))
        ledger.send(command("TransactionProcessed", account, amount=amount))
    for each in asked or (request(),):
        ledger.send(each)
    return carried(ledger, steps)


def carried(ledger: Ledger, steps: int = END) -> Ledger:
    """The ledger with its transfer carried on by so many steps."""
    way = ledger.carry()
    for _ in range(steps):
        next(way, None)
    return ledger


def taken(account: str, step: str) -> Command:
    """A caller's deposit of 1 under the commandId of a step, from a time when nobody kept callers from it."""
    return replace(command("TransactionProcessed", account, amount=1), command_id=f"t/{step}")


def cancelled(steps: int = END) -> Ledger:
    """A transfer that is called off behind its reservation."""
    return called_off(bank(steps=3), steps)


def called_off(ledger: Ledger, steps: int = END) -> Ledger:
    """The ledger with its transfer called off behind its reservation."""
    assert ledger.account("a").reserved == 10
    ledger.send(by("ann", "TransferCancelled"))
    return carried(ledger, steps)


def late() -> Ledger:
    """A transfer that expires behind its reservation."""
    ledger = bank(steps=3)
    ledger.now = LATE
    return carried(ledger)


def forge(ledger: Ledger, aggregate_id: str, event_type: str, command_id: str, **data: Any) -> Ledger:
    """Append what no command causes, with hashes that fit."""
    stream, position = ledger.streams.get(aggregate_id, []), Position()
    for event in stream:
        position = position.advance(event)
    asked = {"aggregateId": aggregate_id, "eventType": event_type, "eventData": {}, "commandId": command_id}
    told = {name: Decimal(value) if type(value) is int else value for name, value in data.items()}
    new = NewEvent(event_type, told, NEWEST[event_type])
    ledger.streams[aggregate_id] = [*stream, *chain(position, [new], Command.parse(asked, "r"), ledger.now)]
    return ledger


def move(ledger: Ledger, account: str, amount: int, step: str, currency: str = "USD") -> Ledger:
    """Append a transaction of the transfer's."""
    told = {
        "type": "deposit" if amount > 0 else "withdrawal",
        "currency": currency,
        "category": "transfer",
        "transferId": "t",
        "counterparty": "somebody",
    }
    return forge(ledger, account, "TransactionProcessed", f"t/{step}", amount=amount, **told)


def reserve(ledger: Ledger, amount: int = 10, account: str = "a", step: str = "reserve") -> Ledger:
    """Append a reservation of the transfer's."""
    return forge(ledger, account, "FundsReserved", f"t/{step}", transferId="t", amount=amount, currency="USD")


def release(ledger: Ledger, amount: int = 10) -> Ledger:
    """Append a release of the transfer's."""
    return forge(ledger, "a", "ReservationReleased", "t/release", transferId="t", amount=amount, reason="failed")


def own(ledger: Ledger, event_type: str, **data: Any) -> Ledger:
    """Append an event of the transfer's own."""
    return forge(ledger, "t", event_type, f"t/{event_type}", **data)


def without(ledger: Ledger, aggregate_id: str, step: str) -> Ledger:
    """The ledger in which a stream ends before a step."""
    stream = ledger.streams[aggregate_id]
    end = next(place for place, event in enumerate(stream) if event.command_id == f"t/{step}")
    ledger.streams[aggregate_id] = stream[:end]
    return ledger


def nobody_requested(ledger: Ledger) -> Ledger:
    """The ledger without the transfer's own stream."""
    del ledger.streams["t"]
    return ledger


Found = set[tuple[str, str, int | None]]

FORGED: Mapping[str, tuple[Callable[[], Ledger], Found]] = {
    "approved by the requester": (
        lambda: own(bank(request(1001)), "TransferApproved", by="ann"),
        {("t", "step-contradicts", 2)},
    ),
    "approved of though nobody had to": (
        lambda: own(bank(steps=0), "TransferApproved", by="bob"),
        {("t", "step-contradicts", 2)},
    ),
    "committed without the approval that it needs": (
        lambda: own(reserve(bank(request(1001)), amount=1001), "TransferCommitted"),
        {("t", "step-contradicts", 2)},
    ),
    "approved behind its end": (
        lambda: own(cancelled(), "TransferApproved", by="bob"),
        {("t", "step-contradicts", 4)},
    ),
    "expired before its deadline": (
        lambda: own(bank(steps=0), "TransferExpired", at=NOW),
        {("t", "step-contradicts", 2)},
    ),
    "failed by a credit before the commitment": (
        lambda: own(bank(steps=0), "TransferFailed", step="credit", code="x"),
        {("t", "step-contradicts", 2)},
    ),
    "settled though completed": (lambda: own(bank(), "TransferSettled"), {("t", "step-contradicts", 4)}),
    "settled before any end": (lambda: own(bank(steps=0), "TransferSettled"), {("t", "step-contradicts", 2)}),
    "completed without a commitment": (
        lambda: own(bank(steps=0), "TransferCompleted"),
        {("t", "step-contradicts", 2), ("a", "step-missing", None), ("b", "step-missing", None)},
    ),
    "a reservation without a transfer": (
        lambda: nobody_requested(bank(steps=3)),
        {("a", "step-orphaned", 3)},
    ),
    "a credit and a post without a transfer": (
        lambda: nobody_requested(bank()),
        {("a", "step-orphaned", 3), ("a", "step-orphaned", 4), ("b", "step-orphaned", 3)},
    ),
    "posted without a credit": (
        lambda: without(without(bank(), "b", "credit"), "t", "complete"),
        {("b", "step-missing", None)},
    ),
    "completed though not credited": (lambda: without(bank(), "b", "credit"), {("b", "step-missing", None)}),
    "completed though neither credited nor posted": (
        lambda: without(without(bank(), "b", "credit"), "a", "post"),
        {("a", "step-open", 3), ("b", "step-missing", None)},
    ),
    "completed though not posted": (lambda: without(bank(), "a", "post"), {("a", "step-open", 3)}),
    "completed though nothing was ever set aside": (
        lambda: without(bank(), "a", "reserve"),
        {("a", "step-missing", None)},
    ),
    "committed though nothing was set aside": (
        lambda: without(bank(steps=4), "a", "reserve"),
        {("a", "step-missing", None)},
    ),
    "credited twice": (lambda: move(bank(), "b", 10, "again"), {("b", "step-repeated", 4), ("b", "step-differs", 4)}),
    "posted twice": (lambda: move(bank(), "a", -10, "again"), {("a", "step-repeated", 5), ("a", "step-differs", 5)}),
    "credited to another account as well": (
        lambda: move(bank(), "a", 10, "credit"),
        {("a", "step-repeated", 5), ("a", "step-differs", 5)},
    ),
    "credited before the commitment": (
        lambda: move(bank(steps=3), "b", 10, "credit"),
        {("b", "step-contradicts", 3)},
    ),
    "credited though cancelled": (lambda: move(cancelled(), "b", 10, "credit"), {("b", "step-contradicts", 3)}),
    "credited though expired": (lambda: move(late(), "b", 10, "credit"), {("b", "step-contradicts", 3)}),
    "released though completed": (
        lambda: release(bank()),
        {("a", "step-contradicts", 5)},
    ),
    "released while it is under way": (lambda: release(bank(steps=3)), {("a", "step-contradicts", 4)}),
    "posted though cancelled": (
        lambda: move(cancelled(), "a", -10, "post"),
        {("a", "step-contradicts", 5), ("b", "step-missing", None)},
    ),
    "completed and cancelled": (lambda: own(bank(), "TransferCancelled"), {("t", "step-contradicts", 4)}),
    "another amount credited": (
        lambda: move(without(without(bank(), "b", "credit"), "t", "complete"), "b", 11, "credit"),
        {("b", "step-differs", 3)},
    ),
    "another amount set aside": (
        lambda: reserve(without(bank(steps=4), "a", "reserve"), 9),
        {("a", "step-differs", 3)},
    ),
    "another amount released": (
        lambda: release(without(cancelled(), "a", "release"), 9),
        {("a", "step-differs", 4)},
    ),
    "another currency credited": (
        lambda: move(without(bank(), "b", "credit"), "b", 10, "credit", "EUR"),
        {("b", "step-differs", 3)},
    ),
    "set aside on another account": (
        lambda: reserve(without(bank(steps=4), "a", "reserve"), account="b"),
        {("b", "step-differs", 3)},
    ),
    "set aside under another commandId": (
        lambda: reserve(without(bank(steps=4), "a", "reserve"), step="other"),
        {("a", "step-differs", 3)},
    ),
    "posted under the release's commandId though its own is free": (
        lambda: move(without(bank(), "a", "post"), "a", -10, "release"),
        {("a", "step-differs", 4)},
    ),
    "settled though the money is still set aside": (
        lambda: without(cancelled(), "a", "release"),
        {("a", "step-open", 3)},
    ),
}
"""Each with what is wrong then: in which stream, what, at which event."""

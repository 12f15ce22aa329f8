"""Replays and branches that there may be: what operators ask for over the API, written as who works on them does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import boto3

from handlers.sourcing.event import Position
from handlers.sourcing.replays import ReplaySpec
from handlers.store.branches import Branch, Branches
from handlers.store.replays import Head, Replays, Run, State
from handlers.upkeep.backtests.diff import PARTS
from handlers.upkeep.backtests.tally import Tally
from ops.branches.results import Results

from ..aws import BRANCHES, REPLAYS

START = "2026-03-01T00:00:00.000000Z"


def replay(
    name: str,
    at: str = START,
    *,
    state: State = State.RUNNING,
    segments: int = 16,
    among: Replays | None = None,
    **spec: Any,
) -> tuple[Replays, Run]:
    """A replay that was started, and whose messages went away; among those of this process where nobody says others."""
    replays = among or Replays(boto3.client("dynamodb"), REPLAYS)
    head = Head(name, ReplaySpec.of({"target": "bus", "rate": 200, **spec}), at, at, state)
    return replays, replays.create(head, range(segments), 0.0)


def branch(name: str, days: int = 1, among: Branches | None = None) -> tuple[Branches, Branch]:
    """A branch, likewise; one of no days has lapsed."""
    branches = among or Branches(boto3.client("dynamodb"), BRANCHES)
    branches.create(Branch.new(name, None, "revision", datetime.now(UTC), timedelta(days=days)))
    return branches, branches.get(name) if days else Branch.new(name, None, "", datetime.now(UTC), timedelta())


def touch(branches: Branches, on: Branch, *accounts: str) -> None:
    for length, account in enumerate(accounts):
        branches.base(on, account, partial(Position, length, f"{length:064}", START) if length else Position)


def decision(number: int, *, root: bool, kind: str = "accepted-refused") -> dict[str, Any]:
    """One that comes out otherwise, as a candidate tells it."""
    events = [{"eventType": "TransactionProcessed", "eventData": {"amount": Decimal("-100.50")}}]
    refusal = {"code": "RuleBroken", "message": "there is not enough", "rule": "sufficient-funds"}
    others = [{"eventType": "TransactionProcessed", "eventData": {"amount": Decimal("-101.505")}}]
    was, now = {
        "accepted-refused": (events, refusal),
        "refused-accepted": (refusal, events),
        "other-events": (events, others),
    }[kind]
    return {
        "kind": kind,
        "root": root,
        "cause": None if root else "command-1",
        "commandId": f"command-{number}",
        "eventType": "TransactionProcessed",
        "sequence": None if kind == "refused-accepted" else number,
        "at": START,
        "was": was,
        "is": now,
        "process": "transfer-1" if number == 1 else None,
    }


def backtest(
    branches: Branches, on: Branch, accounts: Mapping[str, list[dict[str, Any]]], *, unread: tuple[str, ...] = ()
) -> None:
    """One that has come to its end, of accounts that differ by these decisions, of each the last less by a cent."""
    results = Results(branches, on)
    results.begin(
        {
            "code": "../candidate",
            "revision": "other",
            "selection": {"aggregatePrefix": "account-"},
            "until": START,
            "numbers": {"TRANSFER_TIMEOUT_SECONDS": "3600"},
            "startedAt": START,
        }
    )
    total = Tally(aggregates=len(accounts) + len(unread), differing=len(accounts) + len(unread), unread=len(unread))
    for account, decisions in accounts.items():
        results.keep(account, 0, decisions)
        one = Tally(processes=1)
        one.take(decisions)
        held = {"unit": "EUR", "amount": Decimal("100.50"), "aside": Decimal(0)}
        less = {**held, "amount": Decimal("100.49")}
        one.hold(held, less)
        total.add(one)
        outcome = {"recorded": held, "candidate": less, "differences": len(decisions), "processes": ["transfer-1"]}
        results.tell(account, {**outcome, "roots": dict(one.roots), "follows": dict(one.follows)})
    for account in unread:
        results.tell(account, {"problem": "KeyError: 'amount'"})
    for part in range(PARTS):
        results.save(part, {"after": "", "done": True, "tally": (Tally() if part else total).describe()})

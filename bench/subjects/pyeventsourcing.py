"""The library eventsourcing with its DynamoDB recorder: get the aggregate (its whole stream), decide, save.

Runs in an environment of its own (see `bench.peers`). Its recorder writes without a condition, so that of two writers
at once both succeed and one event is lost; its numbers are those of a weaker promise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

os.environ["PERSISTENCE_MODULE"] = "eventsourcing_dynamodb"
os.environ["DYNAMO_TABLE"] = "pyeventsourcing-events"

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event


class Account(Aggregate):  # type: ignore[misc] # not installed beside us
    """An account as the library's documentation writes aggregates."""

    @event("AccountCreated")  # type: ignore[untyped-decorator]
    def __init__(self, account: str, data: dict[str, Any]) -> None:
        self.account = account
        self.limit = Decimal(str(data["overdraftLimit"]))
        self.balance = Decimal(0)

    @staticmethod
    def create_id(account: str, data: dict[str, Any]) -> UUID:  # noqa: ARG004 -- the library passes all arguments
        """The id of an account's aggregate."""
        return uuid5(NAMESPACE_URL, account)

    @event("TransactionProcessed")  # type: ignore[untyped-decorator]
    def transact(self, data: dict[str, Any]) -> None:
        """Move money."""
        amount = Decimal(str(data["amount"]))
        if self.balance + amount < -self.limit:
            raise ValueError("the balance would fall below minus the overdraft limit")
        self.balance += amount


_application: Any = Application()
_seeded: dict[str, Account] = {}


def prepare(task: Mapping[str, Any]) -> Callable[[], object]:
    """Do: append, seed."""
    if task["do"] == "seed":
        return lambda: _seed(task["commands"])
    return lambda: _append(task["command"])


def _append(command: Mapping[str, Any]) -> None:
    account, data = command["aggregateId"], command["eventData"]
    try:
        found = _application.repository.get(uuid5(NAMESPACE_URL, account))
    except AggregateNotFoundError:
        found = Account(account, data)
    else:
        found.transact(data)
    _application.save(found)


def _seed(commands: list[dict[str, Any]]) -> None:
    for command in commands:
        account, data = command["aggregateId"], command["eventData"]
        if command["eventType"] == "AccountCreated":
            _seeded[account] = Account(account, data)
        else:
            _seeded[account].transact(data)
    _application.save(_seeded[account])

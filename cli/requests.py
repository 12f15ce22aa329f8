"""What can be asked of the ledger, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """A read: its path over HTTP, and what the same is to the query function."""

    path: str
    query_type: str
    subject: str = ""
    """What the query function calls the path's id."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the query function calls a parameter, where it is another name."""


_TIMES = {"from": "fromTimestamp", "to": "toTimestamp"}
ACCOUNT = Question("/accounts/{id}", "getAccountSummary", "accountId")
STATEMENT = Question("/accounts/{id}/statement", "getAccountStatement", "accountId", _TIMES)
ACCOUNT_EVENTS = Question("/accounts/{id}/events", "getAggregateEvents", "aggregateId")
ACCOUNT_STATE = Question("/accounts/{id}/state", "reconstructState", "aggregateId")
TRANSFER = Question("/transfers/{id}", "getTransfer", "transferId")
TRANSFER_STATE = Question("/transfers/{id}/state", "reconstructState", "aggregateId")
TRANSFER_EVENTS = Question("/transfers/{id}/events", "getAggregateEvents", "aggregateId")
TRANSFERS = Question("/transfers", "getTransfers")
BY_TYPE = Question("/events", "getEventsByType", names={"type": "eventType", **_TIMES})
BY_CORRELATION = Question("/correlations/{id}", "getEventsByCorrelation", "correlationId")
QUESTIONS = (
    ACCOUNT,
    STATEMENT,
    ACCOUNT_EVENTS,
    ACCOUNT_STATE,
    TRANSFER,
    TRANSFER_STATE,
    TRANSFER_EVENTS,
    TRANSFERS,
    BY_TYPE,
    BY_CORRELATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A write, which counts once under its key however often it is sent."""

    collection: str
    id: str
    event_type: str
    data: Mapping[str, Any]
    key: str
    expected: int | None = None
    """The sequence that it was decided on; None: whatever there is."""
    opens: bool = False
    """Whether it makes what it is about, and is posted to the collection."""
    dry: bool = False
    """Only ask whether it would be accepted."""


class Ledger(Protocol):
    """A way to the ledger. Answers are bodies, their numbers text. Raises: CliError."""

    def ask(self, question: Question, subject: str = "", **parameters: Any) -> dict[str, Any]:
        """One page of a read; parameters that are None are left out. One request."""

    def send(self, command: Command) -> dict[str, Any]:
        """What became of a write. One request."""

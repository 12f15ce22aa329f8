"""A refused command as something that happened: published for auditors, never stored in an aggregate's stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from .carriage import carried
from .command import NO_ACTOR
from .errors import LedgerError, MalformedError
from .fields import identifier, optional_identifier
from .values import Value, dumps, exact

EVENT_TYPE = "CommandRejected"

_IDS = UUID("b7f0c1de-7a0e-5d5c-9f0b-3a7f5c1e2d46")


MAX_ASKED_BYTES = 32 * 1024
"""Of the JSON of what was asked for: what is larger is not repeated."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Who asked for what, and why it was refused."""

    aggregate_id: str
    event_id: str
    timestamp: str
    command_id: str
    correlation_id: str
    causation_id: str
    actor: str
    version: int
    data: dict[str, Value]

    @classmethod
    def of(
        cls, request: Mapping[str, Any], error: LedgerError, request_id: str, now: str, version: int
    ) -> Rejection | None:
        """The refusal of a request; None where that names no aggregate: it concerns nobody.

        `version` is that of the schema of `EVENT_TYPE`. What else is malformed in the request counts as not given. The
        id follows from the request's, so that Lambda's own retries of one request tell of one rejection.
        """

        def given(read: Callable[[], str], otherwise: str) -> str:
            try:
                return read()
            except MalformedError:
                return otherwise

        aggregate_id = given(lambda: identifier(request, "aggregateId"), "")
        if not aggregate_id:
            return None
        command_id = given(lambda: optional_identifier(request, "commandId", request_id), request_id)
        return cls(
            aggregate_id=aggregate_id,
            event_id=str(uuid5(_IDS, dumps([aggregate_id, command_id, request_id]))),
            timestamp=now,
            command_id=command_id,
            correlation_id=given(lambda: optional_identifier(request, "correlationId", command_id), command_id),
            causation_id=given(lambda: optional_identifier(request, "causationId", command_id), command_id),
            actor=given(lambda: optional_identifier(request, "actor", NO_ACTOR), NO_ACTOR),
            version=version,
            data={
                "eventType": given(lambda: identifier(request, "eventType"), "") or None,
                **_asked(request),
                "status": error.status,
                "code": error.code,
                "message": carried(error.message),
                "details": carried(error.details),  # such as a very large number, which no rule bounds
            },
        )

    def record(self) -> dict[str, Value]:
        """As it is published: under the names of a stored event, without a place in a stream."""
        return {
            "AggregateId": self.aggregate_id,
            "EventId": self.event_id,
            "EventType": EVENT_TYPE,
            "EventData": self.data,
            "Timestamp": self.timestamp,
            "Version": self.version,
            "CommandId": self.command_id,
            "CorrelationId": self.correlation_id,
            "CausationId": self.causation_id,
            "Actor": self.actor,
        }


def _asked(request: Mapping[str, Any]) -> dict[str, Value]:
    """What a request asked for, so that other rules can be asked for it, too; nothing where that cannot be told."""
    data = request.get("eventData")
    if not isinstance(data, dict):
        return {}
    try:
        told = carried(exact(data, "eventData"))
    except MalformedError:
        return {}
    return {"asked": told} if len(dumps(told).encode()) <= MAX_ASKED_BYTES else {}

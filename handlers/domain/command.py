"""A command: what somebody wants to happen to one aggregate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .errors import MalformedError
from .fields import check_identifier, identifier, optional_identifier, whole
from .values import Value, dumps, exact

MAX_SEQUENCE = 10**15


@dataclass(frozen=True, slots=True)
class Command:
    """One request to change one aggregate. `command_id` names it for good: two with one id are one command."""

    aggregate_id: str
    event_type: str
    event_data: dict[str, Value]
    command_id: str
    correlation_id: str
    causation_id: str
    actor: str
    expected_sequence: int | None = None

    @classmethod
    def parse(cls, request: Mapping[str, Any], request_id: str) -> Command:
        """Read a command from a request's object; `request_id` names it where the caller gave no commandId.

        The Lambda request id serves for that, since Lambda's own retries repeat it. Raises MalformedError.
        """
        aggregate_id = identifier(request, "aggregateId")
        event_type = identifier(request, "eventType")
        data = request.get("eventData")
        if not isinstance(data, dict):
            raise MalformedError("eventData", "is required and must be an object")
        command_id = optional_identifier(request, "commandId", request_id)
        return cls(
            aggregate_id=aggregate_id,
            event_type=event_type,
            event_data=exact(data, "eventData"),
            command_id=check_identifier(command_id, "commandId"),
            correlation_id=optional_identifier(request, "correlationId", command_id),
            causation_id=optional_identifier(request, "causationId", command_id),
            actor=optional_identifier(request, "actor", "unspecified"),
            expected_sequence=whole(request, "expectedSequence", 0, MAX_SEQUENCE),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked for: tells a repeated command from another one under the same id."""
        return sha256(dumps([self.event_type, self.event_data]).encode()).hexdigest()

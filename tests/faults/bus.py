"""EventBridge as far as the functions use it, with the rules that feed the projections and the auditors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.sourcing.copies import SOURCE as COPIES
from handlers.sourcing.event import SOURCE
from handlers.sourcing.rejection import EVENT_TYPE as REJECTION

from ..aws import BUS
from .dynamodb import failure

MAX_ENTRIES = 10
MAX_BYTES = 1024 * 1024


@dataclass
class Bus:
    """Answers PutEvents and keeps what came through the rules."""

    delivered: list[str] = field(default_factory=list)
    """Events, as the bodies of queue messages."""
    copies: list[Any] = field(default_factory=list)
    """What replays sent, which no rule takes."""
    refusals: list[Any] = field(default_factory=list)
    """Refused commands, as an auditor sees them."""

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        """The operation's answer, or ClientError."""
        if operation != "PutEvents":
            raise NotImplementedError(operation)
        entries = request["Entries"]
        size = sum(len(entry[part].encode()) for entry in entries for part in ("Source", "DetailType", "Detail"))
        if not 1 <= len(entries) <= MAX_ENTRIES or size >= MAX_BYTES:
            raise failure("ValidationException")
        for entry in entries:
            assert entry["EventBusName"] == BUS
            if entry["Source"] == COPIES:
                self.copies.append(json.loads(entry["Detail"]))
            elif entry["Source"] == SOURCE and entry["DetailType"] == REJECTION:
                self.refusals.append(json.loads(entry["Detail"]))
            elif entry["Source"] == SOURCE:
                self.delivered.append(self._envelope(entry))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": f"bus-{index}"} for index in range(len(entries))]}

    def _envelope(self, entry: Mapping[str, Any]) -> str:
        head = f'"id":"{len(self.delivered)}","source":"{entry["Source"]}","detail-type":"{entry["DetailType"]}"'
        return f'{{"version":"0",{head},"time":"{entry["Time"]}","detail":{entry["Detail"]}}}'

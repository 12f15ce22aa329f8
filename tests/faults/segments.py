"""The queue of replays' segments, as far as the replayer uses it: it sends messages to itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..aws import ENVIRONMENT


@dataclass
class Segments:
    """Answers SendMessage and keeps what was sent, with how much later it is to arrive."""

    sent: list[tuple[str, int]] = field(default_factory=list)

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        """The operation's answer."""
        if operation != "SendMessage" or request["QueueUrl"] != ENVIRONMENT["REPLAY_QUEUE_URL"]:
            raise NotImplementedError(operation)
        self.sent.append((request["MessageBody"], request["DelaySeconds"]))
        return {"MessageId": f"{len(self.sent)}"}

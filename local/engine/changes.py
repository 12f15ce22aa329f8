"""Tells waiting pollers that something changed, so that nobody polls in a loop."""

from __future__ import annotations

import threading
from collections import Counter


class Changes:
    """A counter per topic ("dynamodb", "sqs") that waiters compare: no change gets lost between look and wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._versions: Counter[str] = Counter()
        self.closed = False

    def version(self, topic: str) -> int:
        with self._condition:
            return self._versions[topic]

    def notify(self, topic: str) -> None:
        with self._condition:
            self._versions[topic] += 1
            self._condition.notify_all()

    def wait(self, topic: str, seen: int, timeout: float | None = None) -> bool:
        """Returns once the version is no longer `seen` (True), the time is up or the engine stops."""
        with self._condition:
            self._condition.wait_for(lambda: self.closed or self._versions[topic] != seen, timeout)
            return self._versions[topic] != seen

    def close(self) -> None:
        with self._condition:
            self.closed = True
            self._condition.notify_all()

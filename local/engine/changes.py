"""Tells waiting pollers that something changed: nobody polls in a loop, and nobody is woken for another's sake."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass
class _Topic:
    changed: threading.Condition
    version: int = 0


class Changes:
    """A counter per topic that waiters compare: no change gets lost between look and wait.

    A topic is what a poller reads, a queue or a table by its ARN (`source`), or an event source mapping by its UUID. A
    notification wakes those who wait for that topic alone. Topics that nobody ever asked for are not kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[str, _Topic] = {}
        self.closed = False

    def version(self, topic: str) -> int:
        """To be asked before the look that a wait follows."""
        with self._lock:
            return self._topic(topic).version

    def notify(self, topic: str) -> None:
        with self._lock:
            known = self._topics.get(topic)
            if known is not None:
                known.version += 1
                known.changed.notify_all()

    def wait(self, topic: str, seen: int, timeout: float | None = None) -> bool:
        """Returns once the version is no longer `seen` (True), the time is up or the engine stops."""
        with self._lock:
            mine = self._topic(topic)
            mine.changed.wait_for(lambda: self.closed or mine.version != seen, timeout)
            return mine.version != seen

    def close(self) -> None:
        with self._lock:
            self.closed = True
            for topic in self._topics.values():
                topic.changed.notify_all()

    def _topic(self, name: str) -> _Topic:
        if name not in self._topics:
            self._topics[name] = _Topic(threading.Condition(self._lock))
        return self._topics[name]


def source(arn: str) -> str:
    """The topic of a queue, of a table, or of the stream of a table."""
    return arn.partition("/stream/")[0]

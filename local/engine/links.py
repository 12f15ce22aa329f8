"""What lies between Regions, for tests: each direction can be cut, healed, or made slow.

Whatever goes from one Region to another passes here: the replication of global tables, events for a bus elsewhere, the
calls that functions make to another Region, and those from outside. As long as nothing is wrong with any link, who
crosses one looks at `faulty` and at nothing else.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.engine.api import AnswerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OUTSIDE = "outside"
"""Where they are who call AWS and are no function of it: operators, clients. A source of links, and never a target."""


@dataclass(frozen=True)
class _Fault:
    cut: bool = False
    seconds: float = 0.0


_NONE = _Fault()


class Links:
    """A direction is the Region that something comes from, and the one that it goes to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[tuple[str, str], _Fault] = {}
        self._watchers: list[Callable[[], None]] = []
        self._closing = threading.Event()

    @property
    def faulty(self) -> bool:
        """Whether any link is cut or slow."""
        return bool(self._faults)

    def sever(self, source: str, target: str) -> None:
        """Nothing crosses in this direction until it is healed. What is sent meanwhile crosses afterwards."""
        self._set(source, target, cut=True)

    def heal(self, source: str, target: str) -> None:
        self._set(source, target, cut=False)

    def delay(self, source: str, target: str, seconds: float) -> None:
        """Whatever crosses in this direction takes that long; 0 is as long as it takes by itself."""
        self._set(source, target, seconds=seconds)

    @contextlib.contextmanager
    def cut(self, source: str, target: str) -> Iterator[None]:
        """While it lasts nothing crosses in this direction."""
        self.sever(source, target)
        try:
            yield
        finally:
            self.heal(source, target)

    @contextlib.contextmanager
    def partition(self, one: str, other: str) -> Iterator[None]:
        """While it lasts nothing crosses in either direction."""
        with self.cut(one, other), self.cut(other, one):
            yield

    def is_cut(self, source: str, target: str) -> bool:
        return self._faults.get((source, target), _NONE).cut

    def seconds(self, source: str, target: str) -> float:
        """How long it takes to cross, beside the time that it takes by itself."""
        return self._faults.get((source, target), _NONE).seconds

    def cross(self, source: str, target: str) -> None:
        """To be called for a call on its way: returns when it has arrived. Raises: AnswerLost where the link is cut."""
        if self.is_cut(source, target):
            raise AnswerLost
        if seconds := self.seconds(source, target):
            self._closing.wait(seconds)

    def watch(self, changed: Callable[[], None]) -> None:
        """Has `changed` called whenever a link is another than before."""
        self._watchers.append(changed)

    def close(self) -> None:
        """Whoever is on the way arrives."""
        self._closing.set()

    def _set(self, source: str, target: str, *, cut: bool | None = None, seconds: float | None = None) -> None:
        with self._lock:
            was = self._faults.get((source, target), _NONE)
            now = _Fault(was.cut if cut is None else cut, was.seconds if seconds is None else seconds)
            others = {key: fault for key, fault in self._faults.items() if key != (source, target)}
            self._faults = others if now == _NONE else {**others, (source, target): now}
        for changed in self._watchers:
            changed()

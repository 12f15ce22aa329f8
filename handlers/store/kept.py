"""What a process keeps of the aggregates that it has met, so that it need not read and fold them again.

Nothing that is kept ever changes: a state is immutable, and what follows from it is another one. Kept is only what was
folded soundly, from events that had their own hashes, so it was true at its position once; `present` proves how far it
may be believed. It ends with its process, so no other code than this one's ever made it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, NamedTuple

from handlers.sourcing.event import UNSTAMPED, Position, Stamp
from handlers.sourcing.kinds import State

from .items import item_bytes

MOST = 10_000
MOST_BYTES = 16 * 1024 * 1024
_BESIDE = 2_048
"""Bytes that Python takes for one that is kept, besides its texts."""
_WIDEST = 4
"""Bytes that Python takes for a character, where one of a text needs so many."""


class Kept(NamedTuple):
    """An aggregate's present as this process knew it last. Times are the ledger's texts of this process's clock."""

    state: State
    position: Position
    whole: str
    """When snapshot and stream were read for it; since then only the events behind have been."""
    confirmed: str
    """The beginning of the read, or of the command, by which the store showed or took the event at `position`."""
    shared: bool
    """Whether another process wrote when this one looked last; probably it will again."""
    stamp: Stamp = UNSTAMPED
    """Of the event at `position`."""

    def bytes_in(self, aggregate_id: str) -> int:
        """How much memory it takes at most, with its key."""
        return _BESIDE + _WIDEST * (len(aggregate_id) + item_bytes(self.state.snapshot()))


@dataclass(slots=True)
class KeptPresents:
    """The presents that were used last: so many at most, of so many bytes. Several threads may keep at once."""

    most: int = MOST
    most_bytes: int = MOST_BYTES
    held_bytes: int = 0
    _kept: OrderedDict[str, tuple[Kept, int]] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=RLock)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, aggregate_id: str) -> Kept | None:
        """What is kept of an aggregate."""
        found = self._kept.get(aggregate_id)
        return found[0] if found else None

    def keep(self, aggregate_id: str, kept: Kept) -> None:
        """Keep a present, in place of an older one; the least recently kept ones make room."""
        size = kept.bytes_in(aggregate_id)
        with self._lock:
            self.forget(aggregate_id)
            self._kept[aggregate_id] = kept, size
            self.held_bytes += size
            while len(self._kept) > self.most or self.held_bytes > self.most_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self.held_bytes -= freed

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.held_bytes = 0

    def forget(self, aggregate_id: str) -> None:
        """Keep nothing of an aggregate."""
        with self._lock:
            _, freed = self._kept.pop(aggregate_id, (None, 0))
            self.held_bytes -= freed

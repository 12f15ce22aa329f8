"""Whether what a soak saw is growth beyond data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .memory import Held

_WARM = 0.25
"""Of the time; what is loaded and cached once is there by then."""
OBJECTS = 8.0
"""Bytes that a byte of JSON takes at most, as Python objects: each name, text and dictionary of an item has a head
of 50 bytes and more, and a log event of 200 bytes is an object with a dictionary."""
_STEEPER = 1.25
_WORKERS_MB = 2.0
"""What a process may come to in caches that have a bound, once warm."""
_HANDLES = 8
_MORE = 0.1
"""Threads and files that come and go with workers, at least and by share: the most of half an hour varies by so much.
A single one that each minute leaves behind is more by the end."""
_SMALL_MB = 10.0
"""Differences that the allocator makes."""


@dataclass(frozen=True)
class Mark:
    """What was seen at one time. `data` in bytes."""

    seconds: float
    commands: int
    held: Held
    data: float


def faults(marks: Sequence[Mark]) -> list[str]:
    """What grew that must not, in words."""
    if len(marks) < 4:  # noqa: PLR2004 -- warm, middle, end
        return ["too few looks to tell: let it run longer"]
    warm, end = marks[int(len(marks) * _WARM)], marks[-1]
    middle = marks[(marks.index(warm) + len(marks) - 1) // 2]
    found = []
    grown, data = end.held.engine_mb - warm.held.engine_mb, (end.data - warm.data) / 1e6
    if grown > OBJECTS * data + _SMALL_MB:
        found.append(f"the engine by {grown:.0f} MB for {data:.0f} MB of data")
    before = _slope(warm, middle)
    after = _slope(middle, end)
    if (after - before * _STEEPER) * (end.data - middle.data) > _SMALL_MB * 1e6:
        found.append(f"the engine's memory faster and faster: {before:.1f}, then {after:.1f} bytes a byte of data")
    if end.held.workers_mb - middle.held.workers_mb > _WORKERS_MB * end.held.workers:
        found.append(f"the workers from {middle.held.workers_mb:.0f} to {end.held.workers_mb:.0f} MB")
    for name in ("threads", "files", "workers"):
        # The most at any time: connections and workers come and go with the load.
        was = max(getattr(mark.held, name) for mark in marks[: marks.index(middle) + 1])
        now = max(getattr(mark.held, name) for mark in marks[marks.index(middle) + 1 :])
        if now > was + max(_HANDLES, _MORE * was):
            found.append(f"{name} from {was} to {now}")
    return found


def _slope(first: Mark, last: Mark) -> float:
    """Bytes of memory for each of data."""
    return (last.held.engine_mb - first.held.engine_mb) * 1e6 / max(last.data - first.data, 1.0)

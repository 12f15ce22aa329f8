"""What the embedded AWS holds of the machine, by the kernel's account (/proc, Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    """Memory in MB, shared pages counted by their share (PSS). `files` are the engine's open ones, sockets too."""

    engine_mb: float
    workers_mb: float
    """Of all that the engine started: workers, what they are forked from, the watchdog."""
    workers: int
    threads: int
    files: int


def held_by(engine: int) -> Held:
    """The engine by its process id."""
    shares = [share for child in _descendants(engine) if (share := _pss_mb(child)) is not None]
    return Held(
        engine_mb=_pss_mb(engine) or 0.0,
        workers_mb=sum(shares),
        workers=len(shares),
        threads=len(list((_PROC / str(engine) / "task").iterdir())),
        files=len(list((_PROC / str(engine) / "fd").iterdir())),
    )


def _descendants(process: int) -> Iterator[int]:
    for task in (_PROC / str(process) / "task").iterdir():
        with suppress(OSError):  # it has ended
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


def _pss_mb(process: int) -> float | None:
    """None if the process has ended."""
    with suppress(OSError):
        for line in (_PROC / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return None

"""Many at once, and all of them really at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(actions: Iterable[Callable[[], T]]) -> list[T]:
    """Run each in a thread of its own, none before all are ready; their results in order. Raises what one raises."""
    waiting = list(actions)
    start = threading.Barrier(len(waiting), timeout=60)

    def run(action: Callable[[], T]) -> T:
        start.wait()
        return action()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(run, waiting))

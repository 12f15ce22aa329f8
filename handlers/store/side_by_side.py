"""Reads that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_pool = ThreadPoolExecutor(2)


def begin(read: Callable[[], T]) -> Callable[[], T]:
    """Start a read in a thread; what is returned waits for its result, or raises what it raised."""
    return _pool.submit(read).result

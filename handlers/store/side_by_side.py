"""Calls that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")

WIDTH = 10
"""Calls that are under way at most; a client has as many connections. Threads are made as they are needed."""

_pool = ThreadPoolExecutor(WIDTH)


class Begin(Protocol):
    """How a call is started; what is returned waits for its result, or raises what it raised."""

    def __call__(self, call: Callable[[], T], /) -> Callable[[], T]: ...


def begin(call: Callable[[], T]) -> Callable[[], T]:
    """Start a call in a thread; what is returned waits for its result, or raises what it raised."""
    return _pool.submit(call).result

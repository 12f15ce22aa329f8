"""Waiting for what happens in the background, without sleeping for longer than it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL_SECONDS = 0.01


def eventually(probe: Callable[[], T], timeout: float = 10.0, *, message: str = "") -> T:
    """The first true value of `probe`, which is called again and again. An AssertionError in it counts as not yet.

    Raises: AssertionError after `timeout` seconds, with what the probe gave last.
    """
    deadline = time.monotonic() + timeout
    while True:
        failure: AssertionError | None = None
        last: T | None = None
        try:
            last = probe()
        except AssertionError as error:
            failure = error
        if last:
            return last
        if time.monotonic() > deadline:
            what = message or getattr(probe, "__qualname__", repr(probe))
            seen = str(failure) if failure is not None else repr(last)
            raise AssertionError(f"not within {timeout:g} s: {what}; last seen: {seen}") from failure
        time.sleep(_POLL_SECONDS)

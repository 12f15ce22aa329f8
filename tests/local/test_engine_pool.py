"""The environments of a function: few where what they do is soon done, more where it takes long."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import pytest

from local.engine import pool as pools
from local.engine.pool import FEW, Pool
from tests.support import eventually

if TYPE_CHECKING:
    from local.engine.pool import Environment

LIMIT = FEW + 1
FOR_GOOD = 60.0
"""Seconds that nobody here waits for."""


class _Fake:
    """An environment that is always alive and does nothing."""

    def __init__(self) -> None:
        self.worker = self
        self.is_second_try = False
        self.idle_since = 0.0

    def is_alive(self) -> bool:
        return True

    def close(self) -> None:
        pass


@pytest.fixture
def pool() -> Pool:
    return Pool(LIMIT, lambda: cast("Environment", _Fake()))


@pytest.fixture
def callers(pool: Pool) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor
        pool.retire()  # whoever waits goes


def _waiting(pool: Pool, callers: ThreadPoolExecutor) -> Future[tuple[Environment, bool]]:
    """An invocation that has no environment yet."""
    before = len(pool._condition._waiters)  # type: ignore[attr-defined] # who waits shows nowhere else
    future = callers.submit(pool.acquire)
    eventually(lambda: len(pool._condition._waiters) > before)  # type: ignore[attr-defined]
    return future


def test_what_is_soon_done_takes_turns_in_a_few(
    pool: Pool, callers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "PATIENCE_SECONDS", FOR_GOOD)
    taken = [pool.acquire() for _ in range(FEW)]
    waiting = _waiting(pool, callers)

    pool.release(taken[0][0])

    assert [is_new for _, is_new in taken] == [True] * FEW
    assert waiting.result(10) == (taken[0][0], False)


def test_what_takes_long_holds_nobody_up_below_the_limit(
    pool: Pool, callers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "PATIENCE_SECONDS", 0.01)
    taken = [pool.acquire() for _ in range(LIMIT)]
    waiting = _waiting(pool, callers)

    assert [is_new for _, is_new in taken] == [True] * LIMIT
    assert not waiting.done()
    pool.release(taken[0][0])
    assert waiting.result(10) == (taken[0][0], False)


def test_the_place_of_one_that_ended_is_taken_whoever_else_waits(
    pool: Pool, callers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "PATIENCE_SECONDS", 0)
    taken = [pool.acquire()[0] for _ in range(LIMIT)]
    monkeypatch.setattr(pools, "PATIENCE_SECONDS", FOR_GOOD)
    patient = _waiting(pool, callers)
    monkeypatch.setattr(pools, "PATIENCE_SECONDS", 0)
    impatient = _waiting(pool, callers)

    pool.discard(taken[0])

    replacement, is_new = impatient.result(10)
    assert is_new
    assert not patient.done()
    pool.release(replacement)
    assert patient.result(10) == (replacement, False)

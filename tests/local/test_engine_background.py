"""The engine's own threads: work begins at once, beside whatever runs, and a thread that is done takes more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from local.engine import background
from local.engine.background import Background
from tests.support import eventually

PATIENCE = 10.0


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    monkeypatch.setattr(background, "_SPARE_SECONDS", 60.0)
    made = Background()
    yield made
    made.stop()


def ended(given: list[threading.Thread]) -> bool:
    return not any(thread.is_alive() for thread in given)


def test_work_that_comes_one_after_the_other_shares_threads_under_names_of_its_own(engine: Background) -> None:
    threads, names, done = set(), [], threading.Semaphore(0)

    def work() -> None:
        threads.add(threading.current_thread())
        names.append(threading.current_thread().name)
        done.release()

    def more_work_than_threads() -> bool:
        """A busy machine may give more work before a thread has come back."""
        engine.spawn(f"work-{len(names)}", work)
        assert done.acquire(timeout=PATIENCE)
        return len(threads) < len(names)

    eventually(more_work_than_threads, PATIENCE)
    assert names == [f"work-{number}" for number in range(len(names))]


def test_work_does_not_wait_for_other_work(engine: Background) -> None:
    together = threading.Barrier(6)

    def meet() -> None:
        together.wait(PATIENCE)

    for _ in range(5):
        engine.spawn("work", meet)

    together.wait(PATIENCE)


def test_a_thread_whose_work_failed_takes_more(engine: Background, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Semaphore(0)

    def fail() -> None:
        done.release()
        raise RuntimeError("injected")

    for _ in range(3):
        engine.spawn("failing", fail)
        assert done.acquire(timeout=PATIENCE)
    engine.spawn("work", done.release)

    assert done.acquire(timeout=PATIENCE)
    assert eventually(lambda: caplog.text.count("failing failed") == 3)


def test_what_work_held_is_let_go_of_when_it_is_done(engine: Background) -> None:
    class Held:
        pass

    gone = threading.Event()
    held = Held()
    held.__class__.__del__ = lambda _: gone.set()  # type: ignore[attr-defined]
    engine.spawn("work", lambda held=held: None)  # type: ignore[misc]
    del held

    assert gone.wait(PATIENCE)


def test_a_thread_that_has_nothing_to_do_ends(engine: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_SPARE_SECONDS", 0.01)
    threads: list[threading.Thread] = []
    engine.spawn("work", lambda: threads.append(threading.current_thread()))

    assert eventually(lambda: len(threads) == 1 and ended(threads))
    engine.spawn("work", lambda: threads.append(threading.current_thread()))
    assert eventually(lambda: len(threads) == 2)


def test_the_stop_does_not_wait_for_threads_that_have_nothing_to_do(engine: Background) -> None:
    threads: list[threading.Thread] = []
    engine.spawn("work", lambda: threads.append(threading.current_thread()))
    assert eventually(lambda: engine._spare)
    began = time.monotonic()

    engine.stop()

    assert ended(threads)
    assert time.monotonic() - began < background._JOIN_SECONDS / 2
    engine.spawn("late", lambda: threads.append(threading.current_thread()))
    assert len(threads) == 1

"""The engine's own threads: work done now in a thread of its own, and short work done later by one timer thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import Counter, deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Inbox = SimpleQueue[tuple[str, Callable[[], None]] | None]
    """Of a thread: the names and the work that it gets. None ends it."""

_logger = logging.getLogger(__name__)
_JOIN_SECONDS = 10.0
_AGAIN_SECONDS = 0.5  # before work that failed is begun again
_SPARE_SECONDS = 5.0  # for which a thread waits for more: to start one takes longer than most work

K = TypeVar("K", bound="Hashable")


class Background:
    """`closing` is set once the engine stops; whatever waits in a thread must wake then."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._threads: set[threading.Thread] = set()
        self._spare: list[Inbox] = []  # of threads that have nothing to do; the last one waits for the shortest time
        self._on_stop: list[Callable[[], None]] = []
        self._released = threading.Event()
        self._released.set()
        self.spawn("engine-timer", self._run_timer)

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Runs `work` in a thread of its own, until it returns: one that has nothing to do, or else a new one."""
        with self._condition:
            if self.closing.is_set():
                return
            if self._spare:
                self._spare.pop().put((name, work))
                return
            inbox: Inbox = SimpleQueue()
            inbox.put((name, work))
            thread = threading.Thread(target=self._run, args=(inbox,), name=name, daemon=True)
            self._threads.add(thread)
            thread.start()

    def _run(self, inbox: Inbox) -> None:
        thread = threading.current_thread()
        try:
            while (given := self._next(inbox)) is not None:
                thread.name, work = given
                try:
                    work()
                except Exception:
                    if not self.closing.is_set():  # what breaks while everything is torn down is not news
                        _logger.exception("%s failed", thread.name)
                del given, work  # what it holds is not to wait with the thread
                with self._condition:
                    if self.closing.is_set():
                        return
                    self._spare.append(inbox)
        finally:
            with self._condition:
                self._threads.discard(thread)

    def _next(self, inbox: Inbox) -> tuple[str, Callable[[], None]] | None:
        """What is to be done; None once the thread is not needed any more."""
        while True:
            try:
                return inbox.get(timeout=_SPARE_SECONDS)
            except Empty:
                with self._condition:
                    if inbox in self._spare:  # else it was given something just now
                        self._spare.remove(inbox)
                        return None

    def hold(self) -> None:
        """What is to be kept running from now on begins at the `release`, and what asks waits for it."""
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def await_release(self) -> None:
        """Returns at once, unless something holds."""
        self._released.wait()

    def keep(self, name: str, work: Callable[[], None]) -> None:
        """Runs `work` in its own thread until it returns. What fails is begun again: a poller is not to end unseen."""

        def run() -> None:
            self.await_release()
            while not self.closing.is_set():
                try:
                    return work()
                except Exception:
                    if not self.closing.is_set():
                        _logger.exception("%s failed, and begins again", name)
                    self.closing.wait(_AGAIN_SECONDS)
            return None

        self.spawn(name, run)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Runs `work`, which must be short, in `seconds`. What is due at the same time keeps its order."""
        with self._condition:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))
            self._condition.notify_all()

    def on_stop(self, wake: Callable[[], None]) -> None:
        """Has `wake` called at the stop, whatever has become of who asks: it wakes what waits for something else."""
        with self._condition:
            self._on_stop.append(wake)

    def stop(self) -> None:
        """Sets `closing` and waits for the threads, _JOIN_SECONDS at most for all of them together."""
        self.closing.set()
        self._released.set()
        with self._condition:
            self._condition.notify_all()
            threads, wakes = list(self._threads), list(self._on_stop)
            for inbox in self._spare:
                inbox.put(None)
            self._spare.clear()
        for wake in wakes:
            wake()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                _logger.warning("the thread %s does not end", thread.name)

    def _run_timer(self) -> None:
        while not self.closing.is_set():
            with self._condition:
                now = time.monotonic()
                if not self._due or self._due[0][0] > now:
                    self._condition.wait(self._due[0][0] - now if self._due else None)
                    continue
                _, _, work = heapq.heappop(self._due)
            try:
                work()
            except Exception:  # the timer outlives what it runs
                _logger.exception("scheduled work failed")


class Queues(Generic[K]):
    """Work in queues by key. Each queue has up to `width` threads while it has work, and none when it is empty."""

    def __init__(self, background: Background, name: str, width: int = 1) -> None:
        self._background = background
        self._name = name
        self._width = width
        self._lock = threading.Lock()
        self._waiting: dict[K, deque[Callable[[], None]]] = {}
        self._threads: Counter[K] = Counter()

    def put(self, key: K, work: Callable[[], None]) -> None:
        """Returns at once. With a width of one, work of a key is done in the order in which it comes."""
        with self._lock:
            self._waiting.setdefault(key, deque()).append(work)
            if self._threads[key] >= self._width:
                return
            self._threads[key] += 1
        self._background.spawn(f"{self._name}-{key}", lambda: self._work_off(key))

    def _work_off(self, key: K) -> None:
        while True:
            with self._lock:
                if not self._waiting[key] or self._background.closing.is_set():
                    self._threads[key] -= 1
                    return
                work = self._waiting[key].popleft()
            try:
                work()
            except Exception:  # one piece of work is not to stop the queue
                if not self._background.closing.is_set():
                    _logger.exception("%s-%s failed", self._name, key)

"""That somebody said to stop: by a signal, which interrupts nothing, so that nothing is left half done."""

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import Protocol


class Stopping(Protocol):
    """Such as a `Stop`, or a `threading.Event`."""

    def is_set(self) -> bool: ...


class Stop:
    """What `threading.Event` would be, but for signals.

    That one has a lock, which a handler can meet a second time, and a signal that another thread of the process got
    does not end its wait. The system writes each signal into this pipe, which is there for as long as the process.
    """

    def __init__(self) -> None:
        self._said = False
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)

    def heed(self, signals: Iterable[signal.Signals]) -> None:
        """Has these signals say it, from the main thread of the process."""
        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        for each in signals:
            signal.signal(each, lambda *_: self.set())

    def set(self) -> None:
        self._said = True
        with contextlib.suppress(BlockingIOError):  # so much was told already
            os.write(self._tell, b"\0")

    def is_set(self) -> bool:
        return self._said

    def wait(self) -> None:
        """Until it is said."""
        while not self._said:
            os.read(self._told, 1)

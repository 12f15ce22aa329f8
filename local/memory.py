"""The memory of a process that has started up, and will stay."""

import ctypes
import gc
from contextlib import suppress
from typing import Any

_THRESHOLDS = (20_000, 5, 5)
"""Objects made and not let go of until the youngest are searched; how many of those until older ones are."""


def give_back() -> None:
    """What was needed for a moment, such as a package on its way to Lambda, stays with glibc's allocator otherwise.

    Waits for some 50 ms. Does nothing where the C library has no such call.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def spare_loaded() -> None:
    """What is loaded by now is not searched for garbage again, and what comes later less often than for a script.

    To be called once, when what is made afterwards is data. A search of everything held up all threads for 130 ms, and
    the searches together took a fifteenth of what the engine did for a command.

    Nor is data searched twice: what has outlived two searches is taken for data, since a search of everything holds up
    all threads for longer than the functions wait for an answer, once there are millions of objects. So a ring that
    lives at the end of a second search and is let go of later stays: what is on its way at that moment, once in 100,000
    objects made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.callbacks.append(_spare_searched)


def _spare_searched(phase: str, about: dict[str, Any]) -> None:
    if phase == "stop" and about["generation"] > 0:  # the youngest may be garbage in a moment
        gc.freeze()

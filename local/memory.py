"""The memory of a process that has started up, and will stay."""

import ctypes
import gc
import linecache
from contextlib import suppress
from typing import Any

_THRESHOLDS = (20_000, 5, 5)
"""Objects made and not let go of until the youngest are searched; how many of those until older ones are."""


_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # glibc's malloc.h
_LARGE = 128 * 1024  # bytes, which is where glibc begins


def allocate_sparingly() -> None:
    """Has all threads share one heap, and what is large go back to the system as soon as it is let go of.

    To be called before there are threads. Else glibc gives a heap to each thread, and calls ever larger pieces small
    once such have been freed: the layers that a deployment brings left 20 MB of holes. Does nothing where the C library
    has no such call.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """What was needed for a moment, such as a package on its way to Lambda, stays with glibc's allocator otherwise.

    So do the lines of programs that were shown, or asked for their classes. Waits for some 50 ms. Of what is freed
    nothing goes back where the C library has no such call.
    """
    linecache.clearcache()
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

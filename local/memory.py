"""Memory that this process has freed, given back to the system."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """What was needed for a moment, such as a package on its way to Lambda, stays with glibc's allocator otherwise.

    Waits for some 50 ms. Does nothing where the C library has no such call.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

"""What is freed goes back to the system."""

import ctypes
from pathlib import Path

import pytest

from local.memory import give_back

PIECES, SIZE = 500, 100_000


def _resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library gives back by itself, or never"
)
def test_what_was_freed_between_what_is_kept_is_given_back() -> None:
    held = [bytearray(SIZE) for _ in range(PIECES)]
    kept = held[::50]  # all over the place, so that the allocator alone gives nothing back
    del held
    before = _resident()

    give_back()

    assert before - _resident() > PIECES * SIZE / 2
    assert len(kept) == PIECES / 50

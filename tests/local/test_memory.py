"""What is freed goes back to the system."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from local.memory import give_back

PIECES, SIZE = 500, 100_000


def _resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


_WITH_GLIBC = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library gives back by itself, or never"
)


@_WITH_GLIBC
def test_what_was_freed_between_what_is_kept_is_given_back() -> None:
    held = [bytearray(SIZE) for _ in range(PIECES)]
    kept = held[::50]  # all over the place, so that the allocator alone gives nothing back
    del held
    before = _resident()

    give_back()

    assert before - _resident() > PIECES * SIZE / 2
    assert len(kept) == PIECES / 50


@_WITH_GLIBC
def test_what_is_large_is_given_back_at_once_though_larger_was_before() -> None:
    """In a process of its own, which it stays with."""
    program = """
from local.memory import allocate_sparingly
from tests.local.test_memory import _resident
allocate_sparingly()
bytearray(10_000_000)
held = [bytearray(200_000) for _ in range(200)]
kept = held[::50]
before = _resident()
del held
assert before - _resident() > 35_000_000, before - _resident()
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


@_WITH_GLIBC
def test_threads_share_one_heap() -> None:
    """Or what many of them need for a moment stays with each."""
    program = """
import threading
from pathlib import Path
from local.memory import allocate_sparingly
allocate_sparingly()
barrier = threading.Barrier(8)
def work():
    held = [bytearray(1_000) for _ in range(1_000)]
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
heaps = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.split()[1] == "---p"]
reserved = sum(int(end, 16) - int(start, 16) for start, _, end in (line.split()[0].partition("-") for line in heaps))
assert reserved < 64_000_000, reserved
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_what_is_loaded_is_not_searched_for_garbage_and_what_comes_later_is() -> None:
    """In a process of its own, which it stays with."""
    program = """
import gc, weakref
from local.memory import spare_loaded
class Ring:
    def __init__(self): self.ring = self
loaded = len(gc.get_objects())
spare_loaded()
assert gc.get_freeze_count() > loaded / 2, gc.get_freeze_count()
assert len(gc.get_objects()) < loaded / 10
lost = weakref.ref(Ring())
assert lost() is not None
kept = [[] for _ in range(100_000)]
assert lost() is None
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_data_are_searched_for_garbage_once_and_never_all_of_them() -> None:
    """Or each search of everything takes longer, until who waits for an answer gives up."""
    program = """
import gc
from local.memory import spare_loaded
spare_loaded()
searched = []
gc.callbacks.append(lambda phase, about: searched.append(len(gc.get_objects())) if phase == "start" else None)
kept = [[] for _ in range(3_000_000)]
assert len(searched) > 100, len(searched)
assert max(searched) < 200_000, max(searched)
gc.collect()
assert searched[-1] < 200_000, searched[-1]
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])

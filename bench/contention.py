"""Writers racing for one account, simulated: each reads, decides and writes, and whoever comes second starts again.

The ledger's own bounds are used: its attempts and its jittered pauses. Round trips take the same time each; nothing is
lost, and CPU costs nothing, so the truth is slower.
"""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

from handlers.store.ledger import FIRST_PAUSE, LONGEST_PAUSE

ATTEMPTS = 40
SECONDS = 60.0
SEED = 20_260_101


class Outcome(NamedTuple):
    """Commands stored a second, attempts that each took, and the share that gave up."""

    rate: float
    attempts_per_success: float
    refused: float


def simulate(writers: int, wait: float, seconds: float = SECONDS) -> Outcome:
    """`writers` who each send the next command as soon as the last is answered; `wait` seconds a round trip."""
    dice = random.Random(SEED)  # noqa: S311 -- a simulation that can be repeated
    length = stored = refused = attempts = 0
    # (when the write lands, writer, the length it read, attempts so far); reads happen a wait before the write lands
    writes = [(2 * wait, writer, 0, 1) for writer in range(writers)]
    reads: list[tuple[float, int, int]] = []  # (when the read lands, writer, attempts so far)
    heapq.heapify(writes)
    while True:
        if reads and (not writes or reads[0][0] <= writes[0][0]):
            now, writer, tried = heapq.heappop(reads)
            heapq.heappush(writes, (now + wait, writer, length, tried + 1))
            continue
        now, writer, seen, tried = heapq.heappop(writes)
        if now > seconds:
            break
        attempts += 1
        if seen == length:
            length, stored = length + 1, stored + 1
            heapq.heappush(reads, (now + wait, writer, 0))
        elif tried == ATTEMPTS:
            refused += 1
            heapq.heappush(reads, (now + wait, writer, 0))
        else:
            pause = dice.uniform(0, min(FIRST_PAUSE * 2 ** (tried - 1), LONGEST_PAUSE))
            heapq.heappush(reads, (now + pause + wait, writer, tried))
    return Outcome(stored / seconds, attempts / stored, refused / (stored + refused))

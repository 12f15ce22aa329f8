"""Whether rows that lag are merely on their way.

After an import or an outage, events are new to the read model however old their Timestamps are, so that these excuse
nothing. Nor can a message be looked up by its aggregate. What can be seen is whether anything moves: messages in the
projection queue, or rows that lag and have come further between two looks, which also shows a relay at work while the
queue is empty. Then all rows that lag may be on their way, none is proven to be, and the answer is to verify again. As
soon as nothing moves any more, what still lags is a finding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import NamedTuple

from tools.numbers import counted

from .verifier import Verifier
from .walk import in_parallel

LOOK_AGAIN_SECONDS = 10.0
"""Between the two looks: the relay and the projection move something in much less, as long as they move at all."""
SAMPLE = 1_000
"""Aggregates whose rows are looked at again, evenly from all that lag."""

Places = Mapping[str, int]
"""Where an aggregate's rows stand, by their projections: those of its kind alone."""


class Traffic(NamedTuple):
    """What was seen between two looks: messages in the queue, and of so many aggregates looked at, how many moved."""

    queued: int
    moved: int
    looked_at: int

    @property
    def flows(self) -> bool:
        """Whether anything is under way."""
        return bool(self.queued or self.moved)

    def __str__(self) -> str:
        return (
            f"{counted(self.queued, 'message')} in the projection queue, "
            f"{self.moved:,} of {counted(self.looked_at, 'aggregate')} moved"
        )


def observe(
    verifier: Verifier,
    queued: Callable[[], int],
    lagging: Mapping[str, Places],
    threads: int,
    pause: Callable[[float], None] = time.sleep,
) -> Traffic:
    """Look at the queue and at the rows of some of the aggregates that lag, by where these stood before.

    Two requests for the queue, and a Query for each of at most 1,000 aggregates.
    """
    at_first = queued()
    pause(LOOK_AGAIN_SECONDS)
    some = dict(islice(lagging.items(), 0, None, -(-len(lagging) // SAMPLE)))
    moved = sum(in_parallel(partial(_has_moved, verifier), some.items(), threads))
    return Traffic(max(at_first, queued()), moved, len(some))


def _has_moved(verifier: Verifier, before: tuple[str, Places]) -> bool:
    aggregate_id, places = before
    return verifier.places(aggregate_id, places) != places

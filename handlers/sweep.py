"""Entry point of the sweep: invoked every minute, it carries on what is due and what nobody woke."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .domain import PROCESS
from .regional import Unsettled
from .runtime import Context, count, log, seconds_left
from .settings import setting
from .store import clients
from .store.conductor import STEP_SECONDS
from .store.due_index import AT, DueIndex
from .wiring import carries_on, now, stands_by, wired_conductor

_dynamodb = clients.dynamodb()
_conductor = wired_conductor(_dynamodb)
_unsettled = Unsettled()
_index = DueIndex(_dynamodb, setting("READ_MODEL_TABLE"))
_PAGE = 100
_SPARE_SECONDS = 2 * STEP_SECONDS
"""With less time left nothing further is begun: the next sweep goes on."""


def lambda_handler(_: Any, context: Context) -> dict[str, Any]:
    """Any input, to `{due, carried, failed, more}`: how many were found, carried on, and not, and whether time was up.

    One Query for each bucket and page of 100, and for each process found what `Conductor.carry` takes, one after the
    other; a Query for one that is done already. One process's failure is only its own. Bounded in time: what is left is
    due in a minute, too, and each sweep begins at another bucket. How long the oldest one has been due is told as
    OldestDueSeconds, failures as SweepFailures. In a Region that decides nothing, nothing is looked for.
    """
    if stands_by(_conductor):
        count("OldestDueSeconds", 0, context)
        return {"due": 0, "carried": 0, "failed": 0, "more": False}
    moment, left = now(), seconds_left(context)
    found = carried = 0
    oldest, more = moment, False
    for process_id, due_at in _due(moment):
        if left() < _SPARE_SECONDS:
            more = True
            break
        found, oldest = found + 1, min(oldest, due_at)
        carried += carries_on(_conductor, process_id, context, _unsettled)
    count("OldestDueSeconds", _seconds_between(oldest, moment), context)
    if carried < found:
        count("SweepFailures", found - carried, context)
    log.info("swept", extra={"due": found, "carried": carried, "more": more})
    return {"due": found, "carried": carried, "failed": found - carried, "more": more}


def _due(moment: str) -> Iterator[tuple[str, str]]:
    """Which processes are due, the longest due first in each bucket, and since when."""
    buckets = deque(PROCESS.buckets)
    buckets.rotate(-int(moment[14:16]))  # another one first each minute
    for bucket in buckets:
        place = None
        while True:
            page = _index.page(bucket, moment, _PAGE, place)
            yield from ((record["AccountId"], record[AT]) for record in page.records)
            if page.rest is None:
                break
            place = page.rest


def _seconds_between(earlier: str, later: str) -> int:
    return int((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())

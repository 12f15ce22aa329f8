"""The snapshots that are missing along streams, made at once for a whole store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from handlers.sourcing.errors import IntegrityError, UnreadableEventError
from handlers.store.snapshot_builder import SnapshotBuilder
from handlers.store.snapshots import UnwrittenError

from .system import OperatorError
from .verification.walk import in_parallel


class Made(NamedTuple):
    """How many snapshots were made of an aggregate with so many events; `broken` says why not all could be."""

    aggregate_id: str
    events: int
    snapshots: int
    broken: str | None = None


def make(builder: SnapshotBuilder, aggregate_ids: Iterable[str], threads: int) -> Iterator[Made]:
    """Bring aggregates up to date side by side, in the order in which they are done.

    For each a Query of one read unit, and what `SnapshotBuilder.bring_up_to` costs. A stream that cannot be folded
    holds up no other. OperatorError where DynamoDB leaves snapshots unwritten.
    """
    return in_parallel(partial(_bring_up, builder), aggregate_ids, threads)


def _bring_up(builder: SnapshotBuilder, aggregate_id: str) -> Made:
    events = 0
    try:
        events = builder.store.tail(aggregate_id, 1).end
        return Made(aggregate_id, events, builder.bring_up_to(aggregate_id, events))
    except (IntegrityError, UnreadableEventError) as error:
        return Made(aggregate_id, events, 0, error.message)
    except UnwrittenError as error:
        raise OperatorError(f"DynamoDB leaves {error} unwritten; run again: what is made is not made twice") from error

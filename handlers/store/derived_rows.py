"""Rows of projections that nobody keeps: each is made of its stream when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from handlers.sourcing.kinds import OfKind

from .deadline import Deadline
from .folding import folded
from .read_model import NOTHING, Key, record_of
from .streams import Streams, kind_of


@dataclass(frozen=True, slots=True)
class DerivedRows:
    """The rows of `projections` over some streams."""

    store: Streams
    projections: Sequence[OfKind]
    deadline: Deadline

    def record(self, key: Key) -> dict[str, Any] | None:
        """A row as it would be stored: the fold of its whole stream, one Query a megabyte.

        None where the stream is empty or of another kind. OutOfTimeError where it is too long for the time there is.
        """
        projection = next(each for each in self.projections if each.name == key.projection)
        events = self.store.read(key.aggregate_id, deadline=self.deadline)
        first = next(events, None)
        if first is None or kind_of(self.store, key.aggregate_id, [first]) is not projection.kind:
            return None
        return record_of(key, folded(key.aggregate_id, projection, NOTHING, chain([first], events)).stored)

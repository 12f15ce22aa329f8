"""What a ledger in two Regions has besides, for letters about events that one of them took from the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from handlers.sourcing.event import Event
from handlers.sourcing.standing import Standing
from handlers.store.conflict_queue import ConflictQueue
from handlers.store.conflicts import Conflict, Conflicts
from handlers.store.lost import Lost


@dataclass(frozen=True, slots=True)
class Between:
    """Of one of the Regions. `standing` tells its part: a GetItem."""

    queue: ConflictQueue
    conflicts: Conflicts
    standing: Callable[[], Standing]

    def kept(self, event: Event) -> Conflict | None:
        """What is kept of a lost event, if it is: a Query."""
        found = self.conflicts.of(event.aggregate_id)
        return next((each for each in found if each.event.hash == event.hash), None)

    def unsettled(self, events: Iterable[Event]) -> tuple[tuple[str, int], ...]:
        """The events, by stream and place, for which the relay would have had their streams looked at: of the other
        Region's those of a lower epoch than this one's, or of a higher one than it knows. A GetItem where any came."""
        foreign = [event for event in events if event.stamp.region]
        if not foreign:
            return ()
        own = self.standing()
        foreign = [event for event in foreign if event.stamp.region != own.region]
        late = [event for event in foreign if event.stamp.epoch < own.epoch or event.stamp.epoch > own.known]
        return tuple(dict.fromkeys((event.aggregate_id, event.sequence) for event in late))

    def hand_over(self, lost: Iterable[Lost], unsettled: Collection[tuple[str, int]]) -> None:
        """Give lost events, and streams to be looked at, to `reconcile`: a SendMessage each. To repeat it does no
        harm."""
        for each in lost:
            self.queue.lost(each.event.aggregate_id, each.item, removed=each.removed)
        for aggregate_id, place in unsettled:
            self.queue.poke(aggregate_id, place)

"""Makes snapshots: off the commands' way, at every so many events of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.domain import evolve

from .snapshots import BATCH_WRITES, Snapshot, Snapshots, events_behind, fold_from
from .streams import Streams


@dataclass(frozen=True, slots=True)
class SnapshotBuilder:
    """Keeps a snapshot of an aggregate at each multiple of `every`.

    With `retention_seconds` a snapshot lapses so long after a newer one has replaced it; the newest never does.
    """

    store: Streams
    snapshots: Snapshots
    every: int
    retention_seconds: int | None = None

    def bring_up_to(self, aggregate_id: str, sequence: int) -> int:
        """Make the snapshots that are missing at or before `sequence`; return how many.

        Where the one before is there: two Queries (half a read unit; one per 4 KB of events since) and one
        BatchWriteItem, two with a retention. A long stretch is written as it is folded, so that whoever goes on after
        a crash finds how far this came. Raises IntegrityError where the chain is broken, UnwrittenError.
        """
        target = sequence - sequence % self.every
        nearest = self.snapshots.nearest(aggregate_id, target)
        return fold_from(nearest, lambda start: self._build(aggregate_id, start, target))

    def _build(self, aggregate_id: str, newest: Snapshot, target: int) -> int:
        state, position = newest
        made: list[Snapshot] = []
        count = 0
        for event in events_behind(self.store, aggregate_id, newest, up_to=target):
            position = position.advance(event)
            state = evolve(state, event)
            if position.sequence % self.every == 0 and state is not None:
                made.append(Snapshot(state, position))
            if len(made) == BATCH_WRITES:
                count += self._write(aggregate_id, newest, made)
                newest, made = made[-1], []
        return count + self._write(aggregate_id, newest, made)

    def _write(self, aggregate_id: str, before: Snapshot, made: list[Snapshot]) -> int:
        if self.retention_seconds is None:
            self.snapshots.write(aggregate_id, made)
        elif made:
            # The newest first: were it the other way round, a crash in between could leave none that stays.
            self.snapshots.write(aggregate_id, made[-1:])
            replaced = [each for each in (before, *made[:-1]) if each.position.sequence]
            self.snapshots.write(aggregate_id, replaced, self.snapshots.seconds() + self.retention_seconds)
        return len(made)

"""Two Regions wrote one stream: which of its events stand, and which were lost.

A table that is replicated keeps the later of two items for one place, each place by itself. So where two Regions wrote
behind the same event, what is in the store may be some of the one and some of the other, in no chain. What was
overwritten is known from the images that the streams tell.

*What stands* is one chain from the first event on. Where two events follow the same one, that of the higher epoch does;
within one epoch that of the Region that comes first among the settings, and of one Region's the one in the store. From
there the chain goes on as far as there are events that continue it: so the higher epoch's suffix stands whole. But no
event stands twice: a command may have been sent again while its event was overwritten, to somebody who had met the
stream before. It was then decided once more, by the same `EventId`, behind an event that rests on the first one.

*What was lost* is every other event that is known. It was acknowledged, so what was asked by it is decided again behind
the chain's end.

*Not yet.* An event that follows no event that is known shows that something has not come yet. If it might belong to the
chain, which is so unless its epoch is lower than the one that ended there, nothing is settled before it does. An
operator may say that it will not come (`give_up`); then what is behind it was lost as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .event import Event, Position

_BEGINNING = Position()


@dataclass(frozen=True, slots=True)
class Untangled:
    """What is to be made of a stream."""

    standing: tuple[Event, ...]
    """The chain, from behind the place where the reading began."""
    missing: tuple[Event, ...]
    """Those of them that are not in the store, in order."""
    seen: tuple[str | None, ...]
    """The hashes of what is in the store at their places; None where nothing is."""
    removed: tuple[Event, ...]
    """Those in the store at whose place nothing stands, the last first."""
    lost: tuple[Event, ...]
    """Every event that does not stand, in the order of their places."""
    awaited: tuple[Event, ...] = ()
    """Events that may belong to the chain, and lack the one before them. While there are any, nothing is done."""

    def replacing(self) -> Iterator[tuple[Event, str | None]]:
        """The missing ones, and in place of what each is to be put."""
        return zip(self.missing, self.seen, strict=True)

    @property
    def is_settled(self) -> bool:
        """Whether the store has that chain and nothing else."""
        return not (self.missing or self.removed or self.awaited)


def untangle(
    stored: Iterable[Event],
    images: Iterable[Event],
    *,
    order: Sequence[str] = (),
    start: Position = _BEGINNING,
    give_up: bool = False,
) -> Untangled:
    """What stands of a stream behind `start`, by its stored events and the images of what was overwritten or removed.

    `order` names the Regions, the one first whose events stand where epochs are equal. Events whose hash is wrong are
    not to be handed in.
    """
    in_store = {event.sequence: event for event in stored}
    known = {event.hash: event for event in (*images, *in_store.values())}
    by_parent: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in known.values():
        by_parent[event.sequence - 1, event.previous_hash].append(event)
    ranks = {region: len(order) - place for place, region in enumerate(order)}

    def rank(event: Event) -> tuple[int, int, bool, str]:
        is_stored = in_store.get(event.sequence) == event
        return event.stamp.epoch, ranks.get(event.stamp.region, 0), is_stored, event.hash

    standing: list[Event] = []
    standing_ids: set[str] = set()
    position, epochs = start, {start.sequence: 0}
    while following := [
        event for event in by_parent.get((position.sequence, position.hash), ()) if event.event_id not in standing_ids
    ]:
        event = max(following, key=rank)
        standing.append(event)
        standing_ids.add(event.event_id)
        position = position.advance(event)
        epochs[event.sequence] = event.stamp.epoch
    stands = {event.hash for event in standing}
    others = sorted((each for each in known.values() if each.hash not in stands), key=lambda each: each.sequence)

    def is_awaited(event: Event) -> bool:
        has_parent = event.previous_hash == start.hash or event.previous_hash in known
        return not has_parent and event.stamp.epoch >= epochs.get(event.sequence, position_epoch)

    position_epoch = epochs[position.sequence]
    gaps = [event.sequence for event in standing if in_store.get(event.sequence) != event]
    return Untangled(
        standing=tuple(standing),
        missing=tuple(event for event in standing if in_store.get(event.sequence) != event),
        seen=tuple(in_store[place].hash if place in in_store else None for place in gaps),
        removed=tuple(in_store[place] for place in sorted(in_store, reverse=True) if place > position.sequence),
        lost=tuple(others),
        awaited=() if give_up else tuple(event for event in others if is_awaited(event)),
    )

"""What must hold of two Regions once everything has come to rest."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from handlers.domain import KINDS
from handlers.sourcing.event import UNSTAMPED, Position
from handlers.store.conflicts import Status
from handlers.store.items import to_record

from ..domain.builders import Items, folded
from .world import Pair, Region


def check_chains(region: Region) -> None:
    """Every stream is a chain of sound events, whose epochs do not go back, and in an epoch one Region decides it."""
    for events in region.stored().values():
        position, stamp = Position(), UNSTAMPED
        for event in events:
            position = position.advance(event)
            assert event.computed_hash() == event.hash
            assert event.stamp.epoch >= stamp.epoch
            assert event.stamp.epoch > stamp.epoch or event.stamp.region == stamp.region
            stamp = event.stamp
        ids = [event.event_id for event in events]
        assert len(set(ids)) == len(ids), "an event is in its stream twice"


def check_the_end(pair: Pair, acknowledged: Mapping[str, str]) -> None:
    """`acknowledged` are the event ids of commands that were answered with 200, by their commandIds."""
    regions = list(pair.regions.values())
    for region in regions:
        check_chains(region)
    first, second = regions
    assert first.stored() == second.stored()
    conflicts = first.conflicts()
    assert conflicts == second.conflicts()
    stored = {event.event_id for events in first.stored().values() for event in events}
    open_ones = {each.event.event_id for each in conflicts if each.is_unsettled or each.by}
    assert set(acknowledged.values()) <= stored | open_ones, "an acknowledged event is lost"
    for each in conflicts:
        assert each.is_unsettled or each.by or each.event.event_id in stored, "settled, and not in its stream"
        assert each.status is not Status.REFUSED, "somebody was to look once more"
        assert not each.is_unsettled or each.why, "nobody knows why it is open"
    check_copies(pair)
    if not open_ones:
        check_money(first)


def check_money(region: Region) -> None:
    """What transfers moved they neither made nor lost, and nothing of them is left behind."""
    moved, aside = Decimal(0), Decimal(0)
    for events in region.stored().values():
        state: Any = None
        for event in events:
            state = KINDS.evolve(state, event)
            if event.event_type == "TransactionProcessed" and event.data.get("transferId"):
                moved += Decimal(str(event.data["amount"]))
        aside += getattr(state, "reserved", Decimal(0))
    assert not moved
    assert not aside


def check_copies(pair: Pair) -> None:
    """Each read model is what its Region's streams make, rows and entries, and holds nothing else."""
    for region in pair.regions.values():
        expected: Items = {}
        for events in region.stored().values():
            if KINDS.of_events(events):
                expected |= folded(events)
        found = {(str(key[0]), str(key[1])): to_record(item) for key, item in region.read_model().items()}
        assert found == expected, region.name

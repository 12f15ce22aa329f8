"""The store read for a replay: every item once, whichever way it is cut, on both engines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from handlers.sourcing.selection import Selection
from handlers.store.event_store import EventStore
from handlers.store.replay_source import SEGMENTS, Place, ReplaySource, listed, segments_of
from tests.domain.builders import story

from ..aws import STORE
from .meter import Meter

IDS = [f"account-{number}" for number in range(24)]
LENGTH = 3


@pytest.fixture
def source(client: Any, store: EventStore) -> ReplaySource:
    for each in IDS:
        events = story(each, [1] * (LENGTH - 1))
        for event in events:
            store.append([event])
    return ReplaySource(client, STORE)


def read(source: ReplaySource, selection: Selection, segment: int, limit: int | None) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    after = None
    while True:
        page = source.page(selection, segment, after, limit)
        found += [(place.aggregate_id, int(place.sequence)) for place in map(Place.of, page.items)]
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("limit", [None, 3])
def test_the_segments_together_are_the_store_once_and_each_stream_is_in_one_in_its_order(
    source: ReplaySource, limit: int | None
) -> None:
    parts = [read(source, Selection(), segment, limit) for segment in segments_of(Selection())]

    assert len(parts) == SEGMENTS
    everything = Counter(place for part in parts for place in part)
    assert everything == {(each, sequence): 1 for each in IDS for sequence in range(1, LENGTH + 1)}
    for each in IDS:
        ((*places,),) = (part for part in parts if any(aggregate_id == each for aggregate_id, _ in part))
        assert [sequence for aggregate_id, sequence in places if aggregate_id == each] == list(range(1, LENGTH + 1))


def test_it_goes_on_behind_any_item_of_a_segment(source: ReplaySource) -> None:
    """Not only where a page ended: whoever stops in the middle of one goes on there."""
    whole = max((read(source, Selection(), segment, None) for segment in range(SEGMENTS)), key=len)
    segment = next(each for each in range(SEGMENTS) if read(source, Selection(), each, None) == whole)
    items = list(source.page(Selection(), segment).items)
    for number, item in enumerate(items):
        rest = source.page(Selection(), segment, Place.of(item)).items
        assert [Place.of(each) for each in rest] == [Place.of(each) for each in items[number + 1 :]]


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_listed_aggregates_are_queried_and_nothing_else_is(
    source: ReplaySource, meter: Meter, limit: int | None
) -> None:
    selection = Selection.of({"aggregateIds": [*IDS[:5], "nobody"], "fromSequence": 2, "toSequence": 3})
    segments = segments_of(selection)

    found = [place for segment in segments for place in read(source, selection, segment, limit)]

    assert sorted(found) == [(each, sequence) for each in IDS[:5] for sequence in (2, 3)]
    assert sorted(each for segment in segments for each in listed(selection, segment)) == sorted([*IDS[:5], "nobody"])
    assert set(meter.operations) == {"Query"}
    assert limit or len(meter.operations) == 6

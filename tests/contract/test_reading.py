"""Reading a stream: whole, in order, each event once, in as many calls as its size asks for."""

from __future__ import annotations

import pytest

from handlers.sourcing.event import Event
from handlers.store.event_store import EventStore

from .events import assert_chained, event, events
from .meter import Meter


@pytest.fixture
def long_stream(store: EventStore) -> list[Event]:
    """3.5 MB in 35 events."""
    stream: list[Event] = []
    for number in range(35):
        behind = stream[-1] if stream else None
        stream.append(event(behind=behind, command_id=f"c-{number}", data={"note": "x" * 100_000}))
        store.append(stream[-1:])
    return stream


def test_a_stream_beyond_a_page_is_read_whole(store: EventStore, long_stream: list[Event], meter: Meter) -> None:
    read = list(store.read("a"))

    assert read == long_stream
    assert_chained(read)
    assert meter.operations == ["Query"] * 4


def test_a_page_ends_at_a_megabyte_and_says_where_to_go_on(store: EventStore, long_stream: list[Event]) -> None:
    page = store.page("a")

    assert page.events == long_stream[: len(page.events)]
    assert 9 <= len(page.events) <= 11  # whether the event that crosses the line is still in, the engines disagree
    assert page.next_after == len(page.events)


def test_reading_stops_early_without_a_call_for_more(store: EventStore, long_stream: list[Event], meter: Meter) -> None:
    assert next(store.read("a")) == long_stream[0]

    assert meter.operations == ["Query"]


@pytest.mark.parametrize(
    ("after", "up_to", "expected"),
    [
        *((0, None, [1, 2, 3, 4, 5]), (2, None, [3, 4, 5]), (5, None, []), (9, None, [])),
        *((0, 3, [1, 2, 3]), (2, 3, [3]), (2, 9, [3, 4, 5]), (3, 3, []), (4, 2, [])),
    ],
)
def test_a_part_of_a_stream_is_bounded_on_both_sides(
    store: EventStore, after: int, up_to: int | None, expected: list[int]
) -> None:
    store.append(events(count=5))

    assert [each.sequence for each in store.read("a", after=after, up_to=up_to)] == expected


def test_an_unknown_stream_is_empty(store: EventStore) -> None:
    assert store.page("nobody")[:2] == ([], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
def test_limited_pages_hold_every_event_once(store: EventStore, limit: int) -> None:
    stream = events(count=5)
    store.append(stream)
    read: list[Event] = []
    after: int | None = 0

    while after is not None:
        page = store.page("a", after=after, limit=limit)
        assert len(page.events) <= limit
        read += page.events
        after = page.next_after

    assert read == stream


@pytest.mark.differs("moto", reason="says that nothing follows where the limit falls on the last event")
def test_a_page_that_ends_with_the_last_event_cannot_know_it(store: EventStore) -> None:
    store.append(events(count=3))

    page = store.page("a", limit=3)

    assert page.next_after == 3
    assert store.page("a", after=3)[:2] == ([], None)

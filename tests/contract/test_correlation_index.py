"""Events that belong together, across aggregates: every page, in order, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.sourcing.errors import NotAnEventError
from handlers.sourcing.event import Event
from handlers.store.correlation_index import CorrelatedPage, CorrelationIndex, place_of_event
from handlers.store.event_store import EventStore
from handlers.store.items import to_item

from ..aws import STORE
from .events import event


@pytest.fixture
def index(client: Any) -> CorrelationIndex:
    return CorrelationIndex(client, STORE)


def at(second: int) -> str:
    return f"2024-01-15T10:00:{second:02d}.000000Z"


def put(store: EventStore, *seconds: int, correlation_id: str = "saga-1") -> list[Event]:
    """One event of its own account at each of these seconds."""
    made = [
        event(f"{correlation_id}-{number:02d}", now=at(second), correlation_id=correlation_id)
        for number, second in enumerate(seconds)
    ]
    for each in made:
        store.append([each])
    return made


def pages(index: CorrelationIndex, size: int) -> list[CorrelatedPage]:
    read = [index.page("saga-1", limit=size)]
    while (after := read[-1].rest) is not None:
        read.append(index.page("saga-1", limit=size, after=after))
    return read


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_pages_hold_every_event_once_the_earliest_first(store: EventStore, index: CorrelationIndex, size: int) -> None:
    made = put(store, 5, 3, 9, 1, 1, 1, 7, 0, 2, 8)
    put(store, 4, correlation_id="saga-2")

    read = [each for page in pages(index, size) for each in page.events]

    assert [each.timestamp for each in read] == sorted(each.timestamp for each in made)
    assert {each.event_id for each in read} == {each.event_id for each in made}
    assert len(read) == len(made)


def test_what_belongs_to_its_own_command_alone_is_in_no_page(store: EventStore, index: CorrelationIndex) -> None:
    store.append([event(command_id="saga-1")])
    store.append([event("b", command_id="saga-1", correlation_id="saga-1")])
    assert index.page("saga-1", limit=10).events == []

    store.append([event("c", command_id="step", correlation_id="saga-1")])

    assert [each.aggregate_id for each in index.page("saga-1", limit=10).events] == ["c"]


def test_a_page_that_is_shown_in_part_goes_on_behind_what_was_shown(store: EventStore, index: CorrelationIndex) -> None:
    put(store, *range(10))
    first = index.page("saga-1", limit=6)

    rest = index.page("saga-1", limit=50, after=place_of_event(first.events[1]))

    assert [int(each.timestamp[17:19]) for each in rest.events] == list(range(2, 10))


def test_an_item_that_is_no_event_is_told_of_and_left_out(
    client: Any, store: EventStore, index: CorrelationIndex
) -> None:
    (made,) = put(store, 1)
    client.put_item(
        TableName=STORE,
        Item=to_item({"AggregateId": "x", "EventSequence": 1, "Correlation": "saga-1", "Timestamp": at(2)}),
    )
    foreign: list[NotAnEventError] = []

    assert index.page("saga-1", limit=10, unreadable=foreign.append).events == [made]
    assert [error.aggregate_id for error in foreign] == ["x"]
    with pytest.raises(NotAnEventError):
        index.page("saga-1", limit=10)

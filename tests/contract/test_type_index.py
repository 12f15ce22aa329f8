"""Events of one type, newest first: every page, every bound, and many events of one and the same time."""

from __future__ import annotations

from itertools import count

import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.event import Event
from handlers.sourcing.times import FIRST, LAST
from handlers.store.event_store import EventStore, bucket_of
from handlers.store.type_index import Place, TypeIndex, TypePage

from .conftest import BUCKETS
from .events import TYPE, event


def at(second: int) -> str:
    return f"2024-01-15T10:00:{second:02d}.000000Z"


def put(store: EventStore, *seconds: int) -> list[Event]:
    """One event of its own account at each of these seconds."""
    made = [event(f"account-{number:02d}", now=at(second)) for number, second in enumerate(seconds)]
    for each in made:
        store.append([each])
    return made


def number_of(made: Event) -> int:
    """The bucket that an event is in."""
    return int(bucket_of(made, BUCKETS).rsplit("#", 1)[1])


def in_bucket(number: int, second: int) -> Event:
    """An event of this second that falls into this bucket."""
    candidates = (event(f"{number}-{second}-{attempt}", now=at(second)) for attempt in count())
    return next(each for each in candidates if number_of(each) == number)


def pages(index: TypeIndex, size: int, since: str = FIRST, until: str = LAST) -> list[TypePage]:
    """Every page, each going on behind the one before."""
    read = [index.page(TYPE, limit=size, since=since, until=until)]
    while (after := read[-1].behind(len(read[-1].events))) is not None:
        read.append(index.page(TYPE, limit=size, since=since, until=until, after=after))
    return read


def seconds(read: list[TypePage]) -> list[int]:
    return [int(each.timestamp[17:19]) for page in read for each in page.events]


@pytest.mark.parametrize("size", [1, 4, 7, 20, 21])
def test_pages_hold_every_event_once_newest_first(store: EventStore, type_index: TypeIndex, size: int) -> None:
    put(store, *range(20))

    read = pages(type_index, size)

    assert seconds(read) == list(reversed(range(20)))
    assert all(len(page.events) == size for page in read[:-1])


@pytest.mark.parametrize("size", [1, 4, 7])
def test_pages_hold_every_event_of_one_moment_once(store: EventStore, type_index: TypeIndex, size: int) -> None:
    made = put(store, *[7] * 20)

    read = [each.event_id for page in pages(type_index, size) for each in page.events]

    assert sorted(read) == sorted(each.event_id for each in made)


def test_several_events_of_one_account_and_moment_are_told_apart(store: EventStore, type_index: TypeIndex) -> None:
    stream: list[Event] = []
    for number in range(12):
        stream.append(event(behind=stream[-1] if stream else None, command_id=f"c-{number}"))
        store.append(stream[-1:])

    read = [each.sequence for page in pages(type_index, 5) for each in page.events]

    assert sorted(read) == list(range(1, 13))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((3, 6), [6, 5, 4, 3]), ((0, 0), [0]), ((9, 9), [9]), ((8, 59), [9, 8]), ((20, 30), [])],
)
@pytest.mark.parametrize("size", [1, 3, 50])
def test_both_ends_of_a_time_range_belong_to_it(
    store: EventStore, type_index: TypeIndex, bounds: tuple[int, int], expected: list[int], size: int
) -> None:
    put(store, *range(10))

    assert seconds(pages(type_index, size, *map(at, bounds))) == expected


def test_what_is_written_meanwhile_does_not_move_the_pages(store: EventStore, type_index: TypeIndex) -> None:
    put(store, *range(10))
    first = type_index.page(TYPE, limit=4)
    for number in range(10):
        store.append([event(f"late-{number}", now=at(30))])

    rest = type_index.page(TYPE, limit=50, after=first.behind(4))

    assert seconds([first, rest]) == list(reversed(range(10)))


def test_what_lands_above_the_last_event_shown_does_not_come_later(store: EventStore, type_index: TypeIndex) -> None:
    for bucket, second in ((0, 30), (0, 5), (1, 10)):
        store.append([in_bucket(bucket, second)])
    first = type_index.page(TYPE, limit=2)
    for bucket, second in ((0, 20), (2, 25), (1, 7)):
        store.append([in_bucket(bucket, second)])

    rest = type_index.page(TYPE, limit=50, after=first.behind(2))

    assert seconds([first, rest]) == [30, 10, 7, 5]


def test_what_lands_at_the_moment_of_the_last_event_shown_displaces_nothing(
    store: EventStore, type_index: TypeIndex
) -> None:
    """The pages stop in bucket 1: of bucket 0 they are through with that moment, of bucket 2 they have it to come."""
    made = [in_bucket(bucket, 7) for bucket in range(BUCKETS)]
    for each in made:
        store.append([each])
    first = type_index.page(TYPE, limit=2)
    late = [event(f"late-{number}", now=at(7)) for number in range(12)]
    for each in late:
        store.append([each])

    rest = type_index.page(TYPE, limit=50, after=first.behind(2))

    assert [number_of(each) for each in first.events] == [0, 1]
    shown = [each.event_id for each in rest.events]
    assert len(shown) == len(set(shown))
    assert made[2].event_id in shown
    assert not {made[0].event_id, made[1].event_id} & set(shown)
    assert {each.event_id for each in late if number_of(each) == 2} <= set(shown)
    assert not {each.event_id for each in late if number_of(each) == 0} & set(shown)


def test_a_page_that_is_shown_in_part_goes_on_behind_what_was_shown(store: EventStore, type_index: TypeIndex) -> None:
    put(store, *range(10))
    first = type_index.page(TYPE, limit=6)

    rest = type_index.page(TYPE, limit=50, after=first.behind(2))

    assert seconds([rest]) == list(reversed(range(8)))


def test_other_types_are_not_among_them(store: EventStore, type_index: TypeIndex) -> None:
    put(store, 1, 2)

    assert type_index.page("AccountClosed", limit=10).events == []


@pytest.mark.parametrize("second", [3, 6])
def test_a_place_at_the_very_edge_of_the_range_is_a_place(
    store: EventStore, type_index: TypeIndex, second: int
) -> None:
    edge = put(store, *range(10))[second]
    place = Place(edge.timestamp, edge.aggregate_id, edge.sequence, bucket=number_of(edge))

    page = type_index.page(TYPE, limit=50, since=at(3), until=at(6), after=place)

    assert seconds([page]) == list(reversed(range(3, second)))


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(Place(at(9), "account-09", 1, bucket=0), id="later than the range"),
        pytest.param(Place(at(1), "account-01", 1, bucket=0), id="earlier than the range"),
    ],
)
@pytest.mark.differs("moto", reason="answers an empty page")
def test_a_place_outside_of_the_range_is_refused_by_the_engine(
    store: EventStore, type_index: TypeIndex, place: Place
) -> None:
    """Why a nextToken's place is checked against the query's own range before it is used."""
    put(store, *range(10))

    with pytest.raises(ClientError, match="starting key"):
        type_index.page(TYPE, limit=5, since=at(3), until=at(6), after=place)


@pytest.mark.differs("moto", reason="answers an empty page")
def test_a_range_that_ends_before_it_starts_is_refused_by_the_engine(type_index: TypeIndex) -> None:
    """Why a query's range is checked before it is used."""
    with pytest.raises(ClientError, match="BETWEEN"):
        type_index.page(TYPE, limit=5, since=at(6), until=at(3))

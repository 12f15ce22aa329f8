"""Pages of a type while events land between them, at any time, in any bucket: a property against what was there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from handlers.sourcing.event import Event
from handlers.sourcing.times import FIRST, LAST
from handlers.store.event_store import type_bucket
from handlers.store.items import to_item
from handlers.store.type_index import TypeIndex

from ..aws import STORE, TABLES
from ..contract.events import TYPE, event
from ..faults.dynamodb import DynamoDB


class Landing(NamedTuple):
    """An event that reaches the index: at which second it is stamped, and in which bucket."""

    second: int
    bucket: int


class Step(NamedTuple):
    """What lands, then a page of so many, of which so many are shown, by a reader who knows of so many buckets."""

    landings: Sequence[Landing]
    limit: int
    shown: int
    buckets: int


class Index:
    """A type's index over the tests' own DynamoDB, counting its Queries."""

    def __init__(self) -> None:
        self._engine = DynamoDB(TABLES)
        self.queries = 0
        self.length = 0

    def query(self, **request: Any) -> Any:
        self.queries += 1
        return self._engine.call("Query", request)

    def land(self, landings: Sequence[Landing]) -> list[Event]:
        """New events, each of an account of its own whose id does not follow the order in which they came."""
        made = []
        for landing in landings:
            self.length += 1
            one = event(f"{self.length * 37 % 101}-{self.length}", now=f"2024-01-15T10:00:{landing.second:02d}.000000Z")
            item = to_item({**one.record(), "TypeBucket": type_bucket(TYPE, landing.bucket)})
            self._engine.call("PutItem", {"TableName": STORE, "Item": item})
            made.append(one)
        return made


def read_all(index: Index, steps: Sequence[Step], since: str, until: str) -> list[Event]:
    """All pages: by the steps while there are any, then to the end in pages of two."""
    shown: list[Event] = []
    after, todo, buckets = None, list(steps), 1
    while True:
        step = todo.pop(0) if todo else Step((), 2, 2, buckets)
        buckets = max(buckets, step.buckets)  # typeBuckets is only ever raised, and readers know first
        index.land([each for each in step.landings if each.bucket < buckets])
        reader: Any = index
        page = TypeIndex(reader, STORE, buckets).page(TYPE, limit=step.limit, since=since, until=until, after=after)
        part = page.events[: step.shown]
        assert len(page.events) == step.limit or not page.more
        shown += part
        assert len(shown) <= index.length, "an event comes again"
        if (after := page.behind(len(part)) if part else None) is None:
            return shown


seconds = st.integers(0, 5)
landings = st.lists(st.builds(Landing, seconds, st.integers(0, 3)), max_size=8)
steps = st.lists(st.builds(Step, landings, st.integers(1, 7), st.integers(1, 7), st.integers(1, 4)), max_size=6)


@given(before=landings, steps=steps, bounds=st.tuples(st.none() | seconds, st.none() | seconds))
@example(
    before=[Landing(30, 0), Landing(5, 0), Landing(10, 1)],
    steps=[Step((), 2, 2, 3), Step([Landing(20, 0), Landing(25, 2)], 2, 2, 3)],
    bounds=(None, None),
)
def test_pages_hold_what_was_there_once_and_in_order(
    before: Sequence[Landing], steps: Sequence[Step], bounds: tuple[int | None, int | None]
) -> None:
    index = Index()
    known = steps[0].buckets if steps else 1
    there = index.land([each for each in before if each.bucket < known])
    low, high = bounds
    since = FIRST if low is None else f"2024-01-15T10:00:{low:02d}.000000Z"
    until = LAST if high is None else f"2024-01-15T10:00:{max(high, low or 0):02d}.000000Z"

    shown = read_all(index, steps, since, until)

    stamps = [each.timestamp for each in shown]
    assert stamps == sorted(stamps, reverse=True)
    ids = [each.event_id for each in shown]
    assert len(set(ids)) == len(ids)
    assert {each.event_id for each in there if since <= each.timestamp <= until} <= set(ids)


def test_every_page_is_one_query_for_each_bucket() -> None:
    index = Index()
    index.land([Landing(second, second % 3) for second in range(24)])
    reader: Any = index
    types, after, queries = TypeIndex(reader, STORE, 3), None, []

    for _ in range(4):
        page = types.page(TYPE, limit=6, after=after)
        after = page.behind(6)
        queries.append(index.queries)
        index.queries = 0

    assert queries == [3, 3, 3, 3]


def test_a_bucket_that_the_pages_are_through_with_is_not_asked() -> None:
    """At the earliest time of the range, what is behind the last event shown is in its own bucket and higher ones."""
    index = Index()
    index.land([Landing(7, bucket) for bucket in range(3)])
    reader: Any = index
    types, moment = TypeIndex(reader, STORE, 3), "2024-01-15T10:00:07.000000Z"
    first = types.page(TYPE, limit=2, since=moment, until=moment)
    index.queries = 0

    rest = types.page(TYPE, limit=2, since=moment, until=moment, after=first.behind(2))

    assert (len(rest.events), rest.more, index.queries) == (1, False, 2)

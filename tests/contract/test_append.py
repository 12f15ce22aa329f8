"""Append: all or none, never over what is there, and nothing but that called a lost race."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.errors import TooLargeError
from handlers.store.event_store import EventStore
from handlers.store.items import item_bytes
from handlers.store.streams import ConcurrentAppendError

from .events import TYPE, assert_chained, event, events
from .meter import Meter


def padding(count: int, megabytes: int) -> int:
    """How much text in each of `count` events makes them so large, as the store reckons it."""
    unpadded = item_bytes({**event(data={"note": ""}).record(), "TypeBucket": f"{TYPE}#0"})
    return max(0, megabytes * 1024 * 1024 // count - unpadded)


def test_an_event_is_read_back_as_it_was_written(store: EventStore) -> None:
    first = event(data={"note": "é😀\x00", "none": None, "list": [True, False, {"deep": []}]})

    store.append([first])

    assert list(store.read("a")) == [first]


def test_a_taken_place_stays_as_it_is(store: EventStore) -> None:
    first = event()
    store.append([first])

    with pytest.raises(ConcurrentAppendError):
        store.append([event(command_id="other", data={"amount": 2})])

    assert list(store.read("a")) == [first]


def test_several_events_are_written_together(store: EventStore) -> None:
    three = events(count=3)

    store.append(three)

    assert list(store.read("a")) == three
    assert_chained(three)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_none_of_several_is_written_where_one_place_is_taken(store: EventStore, taken: int) -> None:
    holder = events(count=3, command_id="holder")[taken]
    store.append([holder])

    with pytest.raises(ConcurrentAppendError) as caught:
        store.append(events(count=3))

    assert list(store.read("a")) == [holder]
    cause = caught.value.__cause__
    assert isinstance(cause, ClientError)
    reasons: Any = cause.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == [
        "ConditionalCheckFailed" if place == taken else "None" for place in range(3)
    ]


def test_streams_do_not_touch_each_other(store: EventStore) -> None:
    store.append(events("a", 2))
    store.append(events("b", 3))

    assert [each.sequence for each in store.read("a")] == [1, 2]
    assert [each.sequence for each in store.read("b")] == [1, 2, 3]


@pytest.mark.parametrize("count", [1, 2])
def test_a_missing_table_is_no_lost_race(client: Any, count: int) -> None:
    with pytest.raises(ClientError) as caught:
        EventStore(client, "no-such-table").append(events(count=count))

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("count", [1, 2])
def test_a_key_that_dynamodb_refuses_is_no_lost_race(store: EventStore, count: int) -> None:
    nameless = [replace(each, aggregate_id="") for each in events(count=count)]

    with pytest.raises(ClientError) as caught:
        store.append(nameless)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.differs("moto", reason="takes an index key of another type in a transaction")
def test_a_transaction_cancelled_for_another_reason_is_no_lost_race(store: EventStore) -> None:
    wrong: Any = 20240115
    good, bad = events(count=2)

    with pytest.raises(ClientError) as caught:
        store.append([good, replace(bad, timestamp=wrong)])

    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: Any = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ValidationError"]
    assert list(store.read("a")) == []


@pytest.mark.parametrize(("count", "megabytes"), [(100, 0), (11, 4)])
def test_the_largest_transaction_accepted_is_stored(store: EventStore, count: int, megabytes: int) -> None:
    largest = events(count=count, data={"note": "x" * padding(count, megabytes)})

    store.append(largest)

    assert list(store.read("a")) == largest


@pytest.mark.parametrize(("count", "padded"), [(101, 0), (11, padding(11, 4) + 1)])
def test_a_larger_transaction_is_refused_before_the_engine(
    store: EventStore, meter: Meter, count: int, padded: int
) -> None:
    with pytest.raises(TooLargeError):
        store.append(events(count=count, data={"note": "x" * padded}))

    assert meter.operations == []

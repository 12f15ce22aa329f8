"""What fits an item: all that the store lets through is stored unharmed, what it refuses never reaches the engine."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.sourcing.errors import MalformedError, TooLargeError
from handlers.sourcing.event import Event
from handlers.sourcing.values import MAX_DEPTH
from handlers.store.event_store import EventStore, bucket_of
from handlers.store.items import MAX_ITEM_BYTES, item_bytes, to_item

from ..aws import ROWS, STORE
from .conftest import BUCKETS
from .events import command, event
from .meter import Meter
from .test_service_limits import largest_rows

LONGEST_ID = "i" * 256
NINES = "9.9999999999999999999999999999999999999"
DIGITS = "12345678901234567890123456789012345678"
LONG_NUMBERS = [Decimal(f"-{DIGITS}"), Decimal(f"-{DIGITS[:-1]}.8"), Decimal(f"{DIGITS[:-1]}.8")]
SIZE_DIFFERS = pytest.mark.differs("moto", reason="ends at 405,000 bytes and takes a number for its characters")


def nested(levels: int, kind: type[list[Any]] | type[dict[str, Any]]) -> Any:
    value: Any = kind()
    for _ in range(levels - 1):
        value = [value] if kind is list else {"n": value}
    return value


def padded(identifier: str, size: int, shape: Any = None) -> Event:
    """An event under long or short ids, with so many bytes of text beside some other data."""
    return event(identifier, command_id=identifier, data={"shape": shape, "padding": "x" * size})


def as_stored(made: Event) -> dict[str, Any]:
    return {**made.record(), "TypeBucket": bucket_of(made, BUCKETS)}


def largest(fits: Callable[[int], bool]) -> int:
    """The largest number up to 400 K that fits; those that do are the smaller ones."""
    return bisect_left(range(MAX_ITEM_BYTES), True, key=lambda number: not fits(number)) - 1


@cache
def most_padding(identifier: str) -> int:
    """How much text the store itself lets through beside no other data, whatever the engine."""
    nowhere: Any = None
    store = EventStore(nowhere, STORE, BUCKETS)

    def accepted(size: int) -> bool:
        try:
            store.item(padded(identifier, size))
        except TooLargeError:
            return False
        return True

    return largest(accepted)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(None, id="ASCII", marks=SIZE_DIFFERS),
        pytest.param("é" * 100_000, id="two bytes", marks=SIZE_DIFFERS),
        pytest.param("😀" * 90_000, id="four bytes", marks=SIZE_DIFFERS),
        pytest.param(LONG_NUMBERS * 4_000, id="long numbers", marks=SIZE_DIFFERS),
        # Each of more values than the check has bytes to spare, so that one byte overlooked in each would show.
        pytest.param([None, True, False] * 2_000, id="nulls and booleans"),
        pytest.param(["", [], {}] * 2_000, id="empty values"),
        pytest.param({f"{number}": 1 for number in range(5_000)}, id="short names"),
        pytest.param([nested(MAX_DEPTH - 1, dict)] * 170, id="deep objects"),
    ],
)
def test_the_largest_event_accepted_is_stored_and_one_byte_more_is_refused_before_the_engine(
    store: EventStore, meter: Meter, shape: Any
) -> None:
    room = most_padding(LONGEST_ID) - item_bytes({"": shape}) + item_bytes({"": None})
    accepted = padded(LONGEST_ID, room, shape)

    try:
        store.append([accepted])
    except ClientError as error:
        pytest.fail(f"the engine does not take it: {error}")
    assert list(store.read(LONGEST_ID)) == [accepted]
    meter.charges.clear()

    with pytest.raises(TooLargeError):
        store.append([padded(LONGEST_ID, room + 1, shape)])
    assert meter.operations == []


@pytest.mark.differs("moto", reason="does not count the local index's entry")
@pytest.mark.parametrize("identifier", ["i", LONGEST_ID], ids=["short ids", "long ids"])
def test_the_store_refuses_little_that_would_fit(client: Any, identifier: str) -> None:
    """The engine's limit is 400 KB for the item and its entry in the local index together."""

    def fits(size: int) -> bool:
        try:
            client.put_item(TableName=STORE, Item=to_item(as_stored(padded(identifier, size))))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return False
        return True

    engines_limit = item_bytes(as_stored(padded(identifier, largest(fits))))
    our_limit = item_bytes(as_stored(padded(identifier, most_padding(identifier))))

    index_entry = 2 * len(identifier)
    assert abs(engines_limit + index_entry - MAX_ITEM_BYTES) < 50  # what item_bytes rounds up, and names
    assert 0 < engines_limit - our_limit < 4_500


@pytest.mark.parametrize(
    "value",
    [
        *(Decimal(text) for text in ("0", "1E-130", "-1E-130", f"{NINES}E+125", f"-{NINES}E+125")),
        *(Decimal(text) for text in (DIGITS, f"-{DIGITS}", f"0.{DIGITS}", "1E+37", "1E+125", "100.50")),
        *("", [], {}, [""], [[], {}], {"a": ""}, None, True, False, [None]),
        *("\x00", "e\u0301", "\ud7ff\uffff", {"a.b[0]#:$ é": "name"}),
        *(nested(MAX_DEPTH, list), nested(MAX_DEPTH, dict)),
        *({"n" * 65_535: 1}, {"é" * 32_767: 1}),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_every_value_that_a_command_may_hold_is_stored_unharmed(store: EventStore, value: Any) -> None:
    made = event(data=command(value=value).event_data)

    store.append([made])

    (read,) = store.read("a")
    assert read.data == made.data
    assert read.hash == read.computed_hash()


@pytest.mark.parametrize(
    "value",
    [
        *(Decimal(text) for text in ("1E-131", "1E+126", f"{DIGITS}9")),
        *({"": 1}, {"n" * 65_536: 1}, {"é" * 32_768: 1}),
        nested(MAX_DEPTH + 1, list),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_no_engine_could_store_is_the_callers_mistake(value: Any) -> None:
    with pytest.raises(MalformedError):
        command(value=value)


def test_the_largest_rows_are_stored(client: Any) -> None:
    for row in largest_rows().values():
        try:
            client.put_item(TableName=ROWS, Item=to_item(row))
        except ClientError as error:
            pytest.fail(f"the engine does not take it: {error}")

"""The chain: every event has one place, and nothing about it can change unseen."""

from decimal import Decimal
from typing import Any

import pytest

from handlers.sourcing.errors import IntegrityError, MalformedError
from handlers.sourcing.event import Event, NewEvent, Position, chain
from handlers.sourcing.times import normalize

from .builders import NOW, command, create, run, transact


def test_events_of_a_stream_are_chained_from_the_first() -> None:
    _, events = run(create(), transact(1), transact(2))

    assert [event.sequence for event in events] == [1, 2, 3]
    assert events[0].previous_hash == "0" * 64
    assert [event.previous_hash for event in events[1:]] == [event.hash for event in events[:-1]]
    assert all(event.hash == event.computed_hash() for event in events)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("AggregateId", "account-2"),
        ("EventSequence", 9),
        ("EventId", "other"),
        ("EventType", "AccountClosed"),
        ("EventData", {"amount": 1_000_000}),
        ("Timestamp", "2030-01-01T00:00:00.000000Z"),
        ("Version", 99),
        ("CommandId", "other"),
        ("CommandDigest", "other"),
        ("CorrelationId", "other"),
        ("CausationId", "other"),
        ("Actor", "mallory"),
        ("PreviousHash", "1" * 64),
    ],
)
def test_changing_any_attribute_shows_in_the_hash(attribute: str, value: Any) -> None:
    _, events = run(create(), transact(1))
    record = events[1].record()
    assert attribute in record

    assert Event.of({**record, attribute: value}).computed_hash() != events[1].hash


def test_the_hash_does_not_depend_on_how_a_number_was_spelled() -> None:
    _, events = run(create(), transact(1))
    record = events[1].record()

    respelled = Event.of({**record, "EventData": {**record["EventData"], "amount": Decimal("1.00")}})

    assert respelled.computed_hash() == events[1].hash


def test_a_gap_and_a_foreign_event_break_the_chain() -> None:
    _, events = run(create(), transact(1), transact(2))
    _, others = run(create(customerId="another"), transact(1))

    with pytest.raises(IntegrityError):
        Position().advance(events[0]).advance(events[2])
    with pytest.raises(IntegrityError):
        Position().advance(events[0]).advance(others[1])


def test_a_clock_that_is_behind_never_turns_time_back() -> None:
    _, (first, *_) = run(create())
    earlier = "2020-01-01T00:00:00.000000Z"

    (second,) = chain(Position().advance(first), [NewEvent("X", {})], command("X"), earlier)

    assert second.timestamp == first.timestamp == NOW


def test_one_command_gives_the_same_event_ids_again_and_another_gives_others() -> None:
    new = [NewEvent("X", {}), NewEvent("X", {})]
    one, other = command("X"), command("X")

    first, again = chain(Position(), new, one, NOW), chain(Position(), new, one, "2024-01-15T10:00:01.000000Z")

    assert [event.event_id for event in first] == [event.event_id for event in again]
    assert len({event.event_id for event in first + chain(Position(), new, other, NOW)}) == 4


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000000Z"),
        ("2024-01-15T11:30:00.25+01:00", "2024-01-15T10:30:00.250000Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_written_in_utc_at_fixed_width(given: str, written: str) -> None:
    assert normalize(given, "asOf") == written


@pytest.mark.parametrize("given", ["yesterday", "2024-01-15T10:30:00", "", 5, "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_or_ambiguous_is_refused(given: object) -> None:
    with pytest.raises(MalformedError, match="asOf"):
        normalize(given, "asOf")

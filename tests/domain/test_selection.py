"""Which events a selection takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.sourcing import times
from handlers.sourcing.command import MAX_SEQUENCE
from handlers.sourcing.errors import MalformedError
from handlers.sourcing.event import Event
from handlers.sourcing.selection import MAX_LISTED, MEMBERS, Selection
from tests.domain.builders import story

EVENTS = [*story("account-1", [1, 20, 300]), *story("account-2", [4, 5]), *story("other-1", [6])]


def taken(**members: Any) -> list[tuple[str, int]]:
    selection = Selection.of({name.rstrip("_"): value for name, value in members.items()})
    return [(each.aggregate_id, each.sequence) for each in EVENTS if selection.takes(each)]


def places(given: Any, path: str = "") -> list[str]:
    with pytest.raises(MalformedError) as refused:
        Selection.of(given, path)
    return [each.path for each in refused.value.violations]


def test_a_selection_that_says_nothing_takes_everything() -> None:
    assert len(taken()) == len(EVENTS)
    assert Selection.of({}) == Selection()
    assert Selection().canonical() == "{}"


def test_each_member_narrows_it() -> None:
    assert taken(eventTypes=["AccountCreated"]) == [("account-1", 1), ("account-2", 1), ("other-1", 1)]
    two = taken(aggregateIds=["other-1", "account-2"], fromSequence=2)
    assert two == [("account-2", 2), ("account-2", 3), ("other-1", 2)]
    assert taken(aggregatePrefix="account-", toSequence=1) == [("account-1", 1), ("account-2", 1)]
    assert taken(pattern={"EventData": {"amount": [{"numeric": [">=", 20]}]}}) == [("account-1", 3), ("account-1", 4)]
    correlated = EVENTS[4].correlation_id
    assert taken(correlationId=correlated) == [(EVENTS[4].aggregate_id, EVENTS[4].sequence)]


def test_both_ends_of_a_time_are_in_it_and_may_be_said_with_any_offset() -> None:
    first, last = EVENTS[1].timestamp, EVENTS[2].timestamp
    sooner, later = times.earlier(first, 1e-6), times.later(last, 1e-6)
    only = {"aggregateIds": ["account-1"]}
    assert taken(from_=first, to=last, **only) == [("account-1", 2), ("account-1", 3)]
    assert taken(from_=times.later(first, 1e-6), to=times.earlier(last, 1e-6), **only) == []
    assert taken(from_=sooner, to=later, **only) == [("account-1", 2), ("account-1", 3)]
    assert Selection.of({"from": "2024-01-15T11:00:00+01:00"}).since == "2024-01-15T10:00:00.000000Z"


def test_everything_that_is_wrong_is_told_by_its_path() -> None:
    wrong = {
        "eventType": ["AccountCreated"],
        "eventTypes": "AccountCreated",
        "aggregateIds": ["", "x"],
        "aggregatePrefix": 1,
        "from": "yesterday",
        "fromSequence": 0,
        "toSequence": MAX_SEQUENCE + 1,
        "pattern": {"EventType": "x"},
        "sample": 0,
        "seed": "x" * 65,
    }
    assert set(places(wrong, "selection")) == {
        *("selection.aggregateIds[0]", "selection.aggregatePrefix", "selection.eventTypes", "selection.from"),
        *("selection.fromSequence", "selection.pattern.EventType", "selection.sample", "selection.seed"),
        *("selection.toSequence", "selection.eventType"),
    }
    assert places({"eventTypes": []}) == ["eventTypes"]
    assert places({"eventTypes": ["x"] * (MAX_LISTED + 1)}) == ["eventTypes"]
    assert places({"sample": True}) == places({"sample": "5"}) == places({"sample": 101}) == ["sample"]
    assert places([]) == ["selection"]


def test_a_range_without_anything_in_it_is_refused() -> None:
    assert places({"from": "2024-01-02T00:00:00Z", "to": "2024-01-01T00:00:00Z"}) == ["from"]
    assert places({"fromSequence": 3, "toSequence": 2}) == ["fromSequence"]


def test_a_sample_is_the_same_each_time_and_about_as_large_as_it_says() -> None:
    events = story("account-9", [1] * 1999)
    drawn = {share: _drawn(events, sample=share) for share in (Decimal("0.5"), 25, 75, 100)}
    assert drawn[25] == _drawn(events, sample=25)
    assert drawn[Decimal("0.5")] < drawn[25] < drawn[75] < drawn[100] == set(range(1, 2001)), "a smaller one is a part"
    assert 400 < len(drawn[25]) < 600
    other = _drawn(events, sample=25, seed="other")
    assert other != drawn[25]
    assert 400 < len(other) < 600


def _drawn(events: list[Event], **members: Any) -> set[int]:
    selection = Selection.of(members)
    return {each.sequence for each in events if selection.takes(each)}


SELECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "eventTypes": st.lists(st.sampled_from(["AccountCreated", "TransactionProcessed"]), min_size=1),
        "aggregateIds": st.lists(st.sampled_from(["account-1", "account-2", "x"]), min_size=1),
        "aggregatePrefix": st.sampled_from(["a", "account-2", ""]).filter(bool),
        "from": st.sampled_from(["2024-01-15T10:00:01Z", "2024-01-15T11:00:01+01:00"]),
        "to": st.just("2024-01-15T10:00:02Z"),
        "fromSequence": st.integers(1, 2),
        "toSequence": st.integers(2, 3),
        "correlationId": st.sampled_from([EVENTS[0].correlation_id, "x"]),
        "pattern": st.just({"EventType": [{"prefix": "T"}]}),
        "sample": st.sampled_from([Decimal("12.5"), 50, 100]),
        "seed": st.just("s"),
    },
)


@given(SELECTIONS)
def test_its_description_is_read_as_the_same_selection(members: Any) -> None:
    selection = Selection.of(members)
    again = Selection.of(selection.described())
    assert again == selection
    assert again.digest() == selection.digest()
    assert selection.described().keys() <= set(MEMBERS)
    assert [again.takes(each) for each in EVENTS] == [selection.takes(each) for each in EVENTS]

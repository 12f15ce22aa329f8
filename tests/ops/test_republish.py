"""Stored events reach the bus once more, all of those asked for and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import boto3
import pytest

from handlers.domain import EVENT_TYPES
from handlers.sourcing.times import LAST
from handlers.store.event_store import EventStore

from ..aws import STORE, around_every_call
from ..domain.builders import older, stamped, story
from ..handlers.conftest import BUS, Calls, refusing
from .conftest import BUCKETS, RULE, Published, Run, keep

NINE, TEN = "2024-01-15T09:00:00.000000Z", "2024-01-15T10:00:00.000000Z"


def test_whole_streams_are_published_in_order(aws: Any, run: Run, published: Published, calls: Calls) -> None:
    keep(aws, story("a", [1] * 120))
    keep(aws, story("b", [1]))
    keep(aws, story("c", [1]))

    result = run("republish", "--aggregate", "b", "--aggregate", "a", "--json")

    assert (result.code, result.json) == (0, {"events": 123, "foreign": [], "fromTheFuture": 0, "rulesOff": []})
    heard = published()
    assert sorted(heard) == [("a", sequence) for sequence in range(1, 122)] + [("b", 1), ("b", 2)]
    details = [entry["Detail"] for call in calls.to("PutEvents") for entry in call["Entries"]]
    assert ['"AggregateId":"b"' in detail for detail in details] == [True] * 2 + [False] * 121
    assert details[2:] == sorted(details[2:], key=lambda detail: int(detail.split('"EventSequence":')[1].split(",")[0]))


def test_a_window_is_published_from_its_start_to_its_end(
    aws: Any, run: Run, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.timeline.PAGE", 3)
    keep(aws, story("before", [1], now=NINE))  # 09:00:00 and 09:00:01
    keep(aws, story("a", [1] * 20, now=TEN))  # 10:00:00 to 10:00:20
    keep(aws, story("long", [1] * 1200, now=TEN)[:1])

    result = run("republish", "2024-01-15T09:00:01Z", "2024-01-15T10:00:05Z", "--json")

    assert result.code == 0
    expected = [("a", sequence) for sequence in range(1, 7)] + [("before", 2), ("long", 1)]
    assert sorted(published()) == expected
    assert result.json["events"] == len(expected)


def test_a_month_of_few_events_takes_as_many_queries_as_an_hour(aws: Any, run: Run, calls: Calls) -> None:
    for day in range(1, 31):
        keep(aws, story(f"account-{day}", [1, -1], now=f"2024-01-{day:02}T10:00:00.000000Z"))

    result = run("republish", "2024-01-01T00:00:00Z", "2024-01-31T00:00:00Z", "--json")

    assert result.json["events"] == 90
    assert len(calls.to("Query")) == 2 * len(EVENT_TYPES) * BUCKETS, "to read them, and to count those of the future"


def test_queries_follow_the_events(aws: Any, run: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.timeline.PAGE", 10)
    keep(aws, story("a", [1] * 200, now=TEN))

    assert run("republish", "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "--json").json["events"] == 201

    reading = [call for call in calls.to("Query") if call.get("Select") != "COUNT"]
    assert 201 / 10 <= len(reading) <= 201 / 10 + 2 * len(EVENT_TYPES) * BUCKETS
    assert {call["Limit"] for call in reading} == {10}


def details(calls: Calls) -> list[tuple[str, str, int]]:
    """The Timestamp, account and sequence of what was put on the bus, in that order."""
    found = [json.loads(entry["Detail"]) for call in calls.to("PutEvents") for entry in call["Entries"]]
    return [(each["Timestamp"], each["AggregateId"], each["EventSequence"]) for each in found]


def test_a_window_is_published_oldest_first_and_each_stream_in_its_order(
    aws: Any, run: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.timeline.BATCH", 4)
    for name in ("b", "a", "c"):
        keep(aws, story(name, [1] * 9, now=TEN))  # a second apart each, and the three at the same moments

    assert run("republish", "2024-01-15T10:00:00Z", "2024-01-15T11:00:00Z").code == 0

    told = details(calls)
    assert len(told) == 30
    for name in "abc":
        assert [sequence for _, account, sequence in told if account == name] == list(range(1, 11))
    batches = [told[:6], told[6:12], told[12:18], told[18:24], told[24:]]  # whole moments, four events or more
    assert all(batch == sorted(batch, key=lambda place: place[1:]) for batch in batches)
    assert all(max(one)[0] < min(two)[0] for one, two in pairwise(batches))


@pytest.mark.parametrize("most", [10_000, 7])
def test_events_of_one_moment_are_sorted_as_far_as_they_are_held(
    aws: Any, run: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch, *, most: int
) -> None:
    monkeypatch.setattr("ops.timeline.BATCH", 2)
    monkeypatch.setattr("ops.timeline.MOST", most)
    events = [replace(event, timestamp=TEN) for event in story("a", [1] * 20)]
    keep(aws, events)

    assert run("republish", "2024-01-15T10:00:00Z", "2024-01-15T10:00:01Z").code == 0

    told = [sequence for _, _, sequence in details(calls)]
    assert sorted(told) == list(range(1, 22)), "each once, however many share a moment"
    held = [told[start : start + most] for start in range(0, len(told), most)]
    assert held == [sorted(batch) for batch in held]


def test_an_item_of_the_window_that_is_no_event_is_named_and_the_others_are_published(
    aws: Any, run: Run, published: Published
) -> None:
    events = keep(aws, story("a", [1, 1], now=TEN))
    store = EventStore(aws, STORE, BUCKETS)
    for sequence, data in ((1, None), (2, {"S": "text"}), (3, {"M": {"odd": {"SS": ["x"]}}})):
        item: Any = {**store.item(events[0]), "AggregateId": {"S": "foreign"}, "EventSequence": {"N": str(sequence)}}
        del item["EventData"]
        aws.put_item(TableName=STORE, Item={**item, **({"EventData": data} if data else {})})

    result = run("republish", "2024-01-15T10:00:00Z", "2024-01-15T11:00:00Z", "--json")

    assert (result.code, result.json["events"]) == (1, 3)
    assert {(each["aggregateId"], each["sequence"]) for each in result.json["foreign"]} == {
        ("foreign", "1"),
        ("foreign", "2"),
        ("foreign", "3"),
    }
    assert sorted(published()) == [("a", 1), ("a", 2), ("a", 3)]


@pytest.mark.parametrize("end", [[], ["2024-01-16T00:00:00Z"]])
def test_what_is_stamped_from_the_future_is_told_with_what_finds_it(
    aws: Any, run: Run, published: Published, end: list[str]
) -> None:
    keep(aws, story("a", [1]))
    keep(aws, story("future", [1, 1], now="2999-01-15T10:00:00.000000Z"))

    short = run("republish", "2024-01-15T00:00:00Z", *end, "--json")
    whole = run("republish", "2024-01-15T00:00:00Z", LAST, "--json")

    assert (short.json["events"], short.json["fromTheFuture"]) == (2, 3)
    assert "3 events have a Timestamp later than END" in short.error
    assert LAST in short.error
    assert (whole.json["events"], whole.json["fromTheFuture"]) == (5, 0)
    assert "later than END" not in whole.error
    assert len(published()) == 2 + 5


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "say either START"),
        (["2024-01-15T10:00:00Z", "--aggregate", "a"], "say either START"),
        (["2024-01-15T10:00:00Z", "2024-01-15T09:00:00Z"], "the window is inverted"),
        (["--aggregate", "a", "--type", "AccountPainted"], "whatever its types"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], problem: str) -> None:
    result = run("republish", *arguments)

    assert result.code == 2
    assert problem in result.error


def test_a_rule_that_is_off_is_told_with_what_was_published(aws: Any, run: Run) -> None:
    keep(aws, story("a", [1]))
    boto3.client("events").disable_rule(Name=RULE.rpartition("/")[2], EventBusName=BUS)

    said, told = run("republish", "--aggregate", "a"), run("republish", "--aggregate", "a", "--json")

    assert said.code == told.code == 1
    assert "2 events published" in said.out
    words = " ".join(said.out.split())
    assert "nothing of it gets to projection: the rule account-rule is DISABLED" in words
    assert "docs/operations.md#a-rule-that-is-off" in words
    assert told.json["rulesOff"] == ["projection"]


def test_an_aggregate_without_events_is_an_error(run: Run) -> None:
    result = run("republish", "--aggregate", "nobody")

    assert (result.code, result.error) == (1, "error: nobody has no events\n")


def test_what_the_bus_refuses_ends_the_command(aws: Any, run: Run, calls: Calls) -> None:
    keep(aws, story("a", [1]))

    calls.before = refusing("PutEvents", "InternalException")
    assert run("republish", "--aggregate", "a").code == 1


def test_an_event_that_the_bus_refuses_ends_the_command_with_its_reason(aws: Any, run: Run) -> None:
    keep(aws, story("a", [1]))

    def refuse_second(_: Any, operation: str, __: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if operation != "PutEvents":
            return proceed()
        entries = [{"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "too fast"}]
        return {"FailedEntryCount": 1, "Entries": entries}

    with around_every_call(refuse_second):
        result = run("republish", "--aggregate", "a")

    assert result.code == 1
    assert "the bus refused an event (entry 1: ThrottlingException: too fast)" in result.error


@pytest.mark.parametrize("selection", [["--aggregate", "a"], ["2024-01-15T09:00:00Z", "2024-01-15T11:00:00Z"]])
def test_an_event_that_the_bus_will_never_take_is_named_and_holds_up_no_other(
    aws: Any, run: Run, published: Published, selection: list[str]
) -> None:
    events = story("a", [1, 1, 1])
    huge = older(events[:2], 5, invoice=Decimal("1E20"))
    keep(aws, [*events[:2], huge, older([*events[:2], huge], 1)])

    def refuse_second(_: Any, operation: str, arguments: dict[str, Any], proceed: Callable[[], Any]) -> Any:
        if operation != "PutEvents":
            return proceed()
        results: list[dict[str, str]] = list(proceed()["Entries"])
        results[1] = {"ErrorCode": "MalformedDetail", "ErrorMessage": "told to"}
        return {"FailedEntryCount": 1, "Entries": results}

    with around_every_call(refuse_second):
        result = run("republish", *selection, "--json")

    assert (result.code, result.json["events"]) == (1, 2)
    assert [(each["aggregateId"], each["sequence"]) for each in result.json["foreign"]] == [("a", "3"), ("a", "2")]


@pytest.mark.parametrize("selection", [["--aggregate", "a"], ["2024-01-15T09:00:00Z", LAST]])
def test_an_event_at_the_end_of_time_is_named_and_holds_up_no_other(
    aws: Any, run: Run, published: Published, selection: list[str]
) -> None:
    events = story("a", [1, 1])
    keep(aws, [*events[:2], stamped(events[2], "9999-12-31T23:59:59.999990Z")])

    result = run("republish", *selection, "--json")

    assert (result.code, result.json["events"]) == (1, 2)
    (place,) = result.json["foreign"]
    assert (place["aggregateId"], place["sequence"]) == ("a", "3")
    assert "year 10000" in place["problem"]
    assert published() == [("a", 1), ("a", 2)]

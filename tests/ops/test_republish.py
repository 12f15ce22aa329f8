"""Stored events reach the bus once more, all of those asked for and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..aws import around_every_call
from ..domain.builders import story
from ..handlers.conftest import Calls, refusing
from .conftest import Published, Run, keep

NINE, TEN = "2024-01-15T09:00:00.000000Z", "2024-01-15T10:00:00.000000Z"


def test_whole_streams_are_published_in_order(aws: Any, run: Run, published: Published, calls: Calls) -> None:
    keep(aws, story("a", [1] * 120))
    keep(aws, story("b", [1]))
    keep(aws, story("c", [1]))

    result = run("republish", "--aggregate", "b", "--aggregate", "a", "--json")

    assert (result.code, result.json) == (0, {"events": 123})
    heard = published()
    assert sorted(heard) == [("a", sequence) for sequence in range(1, 122)] + [("b", 1), ("b", 2)]
    details = [entry["Detail"] for call in calls.to("PutEvents") for entry in call["Entries"]]
    assert ['"AggregateId":"b"' in detail for detail in details] == [True] * 2 + [False] * 121
    assert details[2:] == sorted(details[2:], key=lambda detail: int(detail.split('"EventSequence":')[1].split(",")[0]))


def test_a_window_is_published_from_its_start_to_its_end(
    aws: Any, run: Run, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.republish.PAGE", 3)
    keep(aws, story("before", [1], now=NINE))  # 09:00:00 and 09:00:01
    keep(aws, story("a", [1] * 20, now=TEN))  # 10:00:00 to 10:00:20
    keep(aws, story("long", [1] * 1200, now=TEN)[:1])

    result = run("republish", "2024-01-15T09:00:01Z", "2024-01-15T10:00:05Z", "--json")

    assert result.code == 0
    expected = [("a", sequence) for sequence in range(1, 7)] + [("before", 2), ("long", 1)]
    assert sorted(published()) == expected
    assert result.json == {"events": len(expected)}


def test_events_on_the_edge_of_a_slice_are_published_once(aws: Any, run: Run, published: Published) -> None:
    events = story("a", [1] * 1300, now=TEN)  # a second apart, over two edges of ten minutes
    keep(aws, events[595:605] + events[1195:1205])

    assert run("republish", "2024-01-15T10:00:00Z", "2024-01-15T10:30:00Z").code == 0

    assert sorted(published()) == [("a", event.sequence) for event in events[595:605] + events[1195:1205]]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "say either START"),
        (["2024-01-15T10:00:00Z", "--aggregate", "a"], "say either START"),
        (["2024-01-15T10:00:00Z", "2024-01-15T09:00:00Z"], "the window is inverted"),
        (["--aggregate", "nobody"], "nobody has no events"),
        (["--aggregate", "a", "--type", "AccountPainted"], "whatever its types"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], problem: str) -> None:
    result = run("republish", *arguments)

    assert result.code == 1
    assert problem in result.error


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

"""What carries transfers on is switched off and on again, and nothing else of it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.carriers import Carriers
from ops.system import OperatorError

from .conftest import Run
from .feed import Feed


@pytest.fixture
def feed(aws: Any, outputs: Path) -> Feed:
    made = Feed("processes")
    outputs.write_text(json.dumps(json.loads(outputs.read_text()) | made.outputs))
    return made


def carriers(feed: Feed, waited: list[float] | None = None) -> Carriers:
    wait = (waited if waited is not None else []).append
    return Carriers(feed.functions, feed.schedules, feed.function, feed.schedule, wait=wait)


def test_both_are_switched_off_and_on_again_and_stay_what_they_were(feed: Feed, run: Run) -> None:
    before = feed.described()
    told = ("GroupName", "Name", "Description", "ScheduleExpression", "FlexibleTimeWindow", "Target")

    paused = run("transfers", "pause", "--json")
    assert (paused.code, paused.json, feed.stands()) == (0, {"carriedOn": False}, (False, False))
    assert carriers(feed).running() == []

    for _ in range(2):
        assert "are carried on" in run("transfers", "resume").out
        assert feed.stands() == (True, True)
    assert carriers(feed).running() == ["the feed of processes", "the schedule g/every-minute"]
    assert {name: feed.described()[name] for name in told} == {name: before[name] for name in told}
    assert feed.functions.get_event_source_mapping(UUID=feed.mapping)["BatchSize"] == 7


def test_what_is_gone_cannot_be_switched_and_the_rest_is(feed: Feed, run: Run) -> None:
    feed.schedules.delete_schedule(GroupName="g", Name="every-minute")

    assert run("transfers", "pause").code == 0
    assert feed.functions.get_event_source_mapping(UUID=feed.mapping)["State"] == "Disabled"

    resumed = run("transfers", "resume")
    assert resumed.code == 1
    assert "the schedule g/every-minute, which is gone: `pulumi up --refresh`" in " ".join(resumed.error.split())
    assert feed.functions.get_event_source_mapping(UUID=feed.mapping)["State"] == "Enabled"


def test_a_feed_that_does_not_stop_is_an_error(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(feed.functions, "update_event_source_mapping", lambda **_: None)

    with pytest.raises(OperatorError, match="is not disabled yet"):
        carriers(feed, waited).switch(on=False)

    assert len(waited) > 10

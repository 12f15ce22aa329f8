"""A feed is listed, paused and resumed by the name of its function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.feeds import Feeds
from ops.system import OperatorError, System

from .conftest import Run
from .feed import Feed


@pytest.fixture
def feed(aws: Any, outputs: Path) -> Feed:
    """That of projection."""
    made = Feed("fed")
    told = {name: each for name, each in json.loads(outputs.read_text()).items() if not name.endswith("Function")}
    outputs.write_text(json.dumps(told | {"projectionFunction": "fed"}))
    return made


def test_a_feed_is_off_after_pause_and_on_after_resume(feed: Feed, run: Run) -> None:
    assert run("feeds", "list").code == 0
    assert feed.stands()[0]

    paused = run("feeds", "pause", "projection", "--yes", "--json")
    assert (paused.code, [each["state"] for each in paused.json["feeds"]]) == (0, ["Disabled"])
    assert not feed.stands()[0]
    listed = run("feeds", "list")
    assert listed.code == 1
    assert "projection  queue  Disabled" in listed.out

    for options in ([], ["--yes"]):
        assert run("feeds", "resume", "projection", *options).code == 0
        assert feed.stands()[0]
    assert feed.functions.get_event_source_mapping(UUID=feed.mapping)["BatchSize"] == 7


def test_nobody_who_can_be_asked_pauses_nothing(feed: Feed, run: Run) -> None:
    paused = run("feeds", "pause", "projection")

    assert paused.code == 2
    assert "--yes" in paused.error
    assert feed.stands()[0]


@pytest.mark.parametrize("action", [["pause", "--yes"], ["resume"], ["resume", "--yes"]])
def test_what_carries_transfers_on_is_not_switched_by_half(feed: Feed, run: Run, action: list[str]) -> None:
    name, *options = action
    refused = run("feeds", name, "process", *options)

    assert refused.code == 2
    assert f"`transfers {name}` switches both" in refused.error


def test_a_function_of_another_name_is_refused_with_those_there_are(feed: Feed, run: Run) -> None:
    refused = run("feeds", "resume", "command")

    assert refused.code == 2
    assert "relay" in refused.error


def test_one_that_does_not_go_on_is_an_error_with_lambdas_reason(
    feed: Feed, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds = Feeds(System.of_file(outputs).client("lambda"), {"projection": "fed"}, wait=lambda _: None)
    feed.switch(feed=False, schedule=True)
    monkeypatch.setattr(feeds.client, "update_event_source_mapping", lambda **_: None)

    with pytest.raises(OperatorError, match="the feed of projection is not enabled yet, but Disabled: "):
        feeds.switch("projection", on=True)


def test_a_mapping_that_was_deleted_is_listed_as_missing(feed: Feed, run: Run) -> None:
    feed.functions.delete_event_source_mapping(UUID=feed.mapping)

    listed, told = run("feeds", "list"), run("feeds", "list", "--json")

    assert (listed.code, told.code) == (1, 1)
    assert "projection" in listed.out
    assert "missing" in listed.out
    assert "pulumi up --refresh" in listed.out
    found = told.json["feeds"]
    assert [(each["feed"], each["state"], each["uuid"]) for each in found] == [("projection", "missing", None)]


def test_a_function_that_nothing_feeds_says_so(feed: Feed, outputs: Path, run: Run) -> None:
    outputs.write_text(json.dumps(json.loads(outputs.read_text()) | {"snapshotFunction": "snapshotFunction"}))
    refused = run("feeds", "resume", "snapshot")

    assert refused.code == 1
    assert "nothing is set up to feed snapshot" in refused.error

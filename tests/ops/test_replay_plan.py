"""What `replay plan` counts: what a replay would send, and nothing that is written behind it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.selection import Selection
from ops.__main__ import main
from ops.commands.replay import spelled_out
from ops.replays.plan import bounded
from ops.system import OperatorError
from tests.domain.builders import story

from ..aws import STORE
from .conftest import Run, keep

ACCOUNTS = [f"account-{number}" for number in range(20)]


@pytest.fixture
def stored(aws: Any) -> list[Event]:
    return [event for each in ACCOUNTS for event in keep(aws, story(each, [5, 50, 500]))]


def test_it_counts_what_is_selected(run: Run, stored: list[Event]) -> None:
    everything = run("replay", "plan", "--json").json
    assert (everything["events"], everything["accounts"]) == (len(stored), len(ACCOUNTS))
    assert everything["readUnits"] >= 16
    assert everything["leftOut"] == []

    transformed = run("replay", "plan", "--json", "--transform", "without-data@1").json
    assert transformed["copies"] == everything["copies"] == len(stored)

    pattern = json.dumps({"EventData": {"amount": [{"numeric": [">=", 50]}]}})
    narrowed = ("--prefix", "account-1", "--type", "TransactionProcessed", "--pattern", pattern, "--rate", "3")
    some = run("replay", "plan", "--json", *narrowed).json
    assert (some["events"], some["accounts"], some["seconds"]) == (22, 11, 8)

    of_one = run("replay", "plan", "--json", "--account", "account-3", "--from-sequence", "2").json
    assert (of_one["events"], of_one["accounts"], of_one["readUnits"]) == (3, 1, 1)

    half = run("replay", "plan", "--json", "--sample", "50").json
    assert 0 < half["events"] < len(stored)
    again = run("replay", "plan", "--json", "--sample", "50").json
    assert again["events"] == half["events"]
    assert run("replay", "plan", "--json", "--sample", "50", "--seed", "other").json["events"] > 0
    assert "22 events of 11 accounts" in run("replay", "plan", *narrowed).out


def test_a_file_says_the_same_by_its_members(run: Run, stored: list[Event], tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"aggregateIds": ["account-3", "account-4"], "toSequence": 1, "rate": 1}))
    planned = run("replay", "plan", "--json", "--spec", str(spec)).json
    assert (planned["events"], planned["seconds"]) == (2, 2)

    for content, said in (
        ('{"accounts": []}', "accounts: is unknown; there are eventTypes"),
        ('{"eventType": ["x"]}', "did you mean eventTypes?"),
        ('{"pattern": {"a": [{"begins": 1}]}, "rate": 0}', "pattern.a[0].begins"),
        ('{"transform": "none@1"}', "transform: there is no none@1; there are newest-shape@1"),
        ("[", "not valid JSON"),
        ("[]", "selection: must be an object"),
    ):
        spec.write_text(content)
        refused = run("replay", "plan", "--spec", str(spec))
        assert (refused.code, said in refused.error) == (2, True), refused.error
    spec.write_text("{}")
    assert run("replay", "plan", "--spec", str(spec), "--type", "X").code == 2
    assert run("replay", "plan", "--spec", str(spec), "--rate", "5").code == 2
    assert run("replay", "plan", "--spec", str(tmp_path / "none")).code == 2
    refused = run("replay", "plan", "--pattern", '{"a": "x"}')
    assert (refused.code, "pattern.a: must be an object, or a list" in refused.error) == (2, True)


def test_what_is_no_event_is_named_and_left_out(run: Run, stored: list[Event], aws: Any) -> None:
    aws.put_item(TableName=STORE, Item={"AggregateId": {"S": "account-3"}, "EventSequence": {"N": "5"}})
    planned = run("replay", "plan", "--json", "--account", "account-3")
    assert planned.code == 1
    assert planned.json["events"] == 4
    assert [(each["aggregateId"], each["sequence"]) for each in planned.json["leftOut"]] == [("account-3", "5")]


def test_its_end_is_fixed_where_the_store_is_complete(aws: Any) -> None:
    """A minute ago: 30 s for a writer's clock, 30 s from its stamp to its write."""
    before = datetime.now(UTC)
    fixed = bounded(Selection(), aws, STORE)
    assert not fixed.is_open
    ago = before - datetime.fromisoformat(fixed.selection.until)
    assert timedelta(seconds=55) < ago < timedelta(seconds=65)


def test_a_later_end_is_taken_at_its_word_up_to_now_and_is_open(aws: Any) -> None:
    now = datetime.now(UTC)
    recent = times.to_text(now - timedelta(seconds=10))
    assert bounded(Selection(until=recent), aws, STORE) == (Selection(until=recent), True)
    future = bounded(Selection(until=times.to_text(now + timedelta(days=1))), aws, STORE)
    assert future.is_open
    assert now <= datetime.fromisoformat(future.selection.until) < now + timedelta(seconds=10), "this second included"
    old = Selection(until="2024-01-01T00:00:00.000000Z")
    assert bounded(old, aws, STORE) == (old, False)


def test_a_beginning_behind_the_end_is_refused(aws: Any) -> None:
    now = datetime.now(UTC)
    with pytest.raises(OperatorError, match="say a `to`"):
        bounded(Selection(since=times.to_text(now - timedelta(seconds=5))), aws, STORE)
    later = times.to_text(now + timedelta(days=1))
    with pytest.raises(OperatorError, match="later than now"):
        bounded(Selection(since=later, until=times.later(later, 5)), aws, STORE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("replay", "replay archive"),
        ("replay 2024-01-15T10:00:00Z", "replay archive 2024-01-15T10:00:00Z"),
        ("replay --json", "replay archive --json"),
        ("replay -- 2024", "replay archive -- 2024"),
        ("replay plan --json", "replay plan --json"),
        ("replay yesterday", "replay yesterday"),
        ("replay --help", "replay --help"),
        ("republish 2024", "republish 2024"),
        ("", ""),
    ],
)
def test_the_archives_replay_may_be_spelled_as_ever(typed: str, meant: str) -> None:
    assert spelled_out(typed.split()) == meant.split()


def test_what_is_no_action_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "plna"])
    assert ended.value.code == 2
    assert "'plna' (choose from 'plan', 'start'" in capsys.readouterr().err

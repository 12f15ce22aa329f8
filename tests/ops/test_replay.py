"""The replay command: which window, to whom, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import replay
from ops.replay import Window
from ops.system import System

from .conftest import Result, Run

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)
NINE, TEN = "2024-01-15T09:00:00Z", "2024-01-15T10:00:00Z"


class Events:
    """EventBridge as far as replays go: each DescribeReplay answers the next of `states`."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.started: list[dict[str, Any]] = []
        self.refusal: ClientError | None = None

    def start_replay(self, **arguments: Any) -> dict[str, Any]:
        if self.refusal:
            raise self.refusal
        self.started.append(arguments)
        return {"State": "STARTING"}

    def describe_replay(self, ReplayName: str) -> dict[str, Any]:  # noqa: N803 -- the API's name
        assert ReplayName == self.started[-1]["ReplayName"]
        return self.states.pop(0)


Use = Callable[..., Events]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Put an EventBridge with these answers in place of AWS."""

    def put(*states: dict[str, Any]) -> Events:
        events = Events(*states)
        monkeypatch.setattr(System, "client", lambda system, service: {"events": events}[service])
        monkeypatch.setattr(replay, "follow", partial(replay.follow, pause=lambda seconds: None))
        return events

    return put


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A stack's outputs, as far as a replay needs them; AWS itself is not there."""
    content = {"eventBusArn": "arn:bus", "archiveArn": "arn:archive", "accountRuleArn": "arn:rule", "region": "r"}
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(content))
    return path


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, 15, hour, minute, tzinfo=UTC)


def test_without_times_the_last_hour_is_meant() -> None:
    assert Window.of(None, None, NOW) == Window(NOW - timedelta(hours=1), NOW)


def test_without_a_start_the_hour_before_the_end_is_meant() -> None:
    assert Window.of(None, at(10), NOW) == Window(at(9), at(10))


def test_offsets_are_understood(use: Use, run: Run) -> None:
    events = use({"State": "COMPLETED"})
    assert run("replay", "2024-01-15T10:00:00+02:00", "2024-01-15T09:00:00+00:00").code == 0
    assert (events.started[0]["EventStartTime"], events.started[0]["EventEndTime"]) == (at(8), at(9))


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2024-01-15T10:00:00.2Z", "2024-01-15T10:00:00.8Z", (0, 1)),
        ("2024-01-15T10:00:00.999999Z", "2024-01-15T10:00:01.000001Z", (0, 2)),
        ("2024-01-15T10:00:00Z", "2024-01-15T10:00:01.5Z", (0, 2)),
    ],
)
def test_a_window_is_widened_to_whole_seconds_and_says_so(
    use: Use, run: Run, start: str, end: str, seconds: tuple[int, int]
) -> None:
    events = use({"State": "COMPLETED"})

    result = run("replay", start, end)

    assert result.code == 0
    first, last = (at(10) + timedelta(seconds=each) for each in seconds)
    assert (events.started[0]["EventStartTime"], events.started[0]["EventEndTime"]) == (first, last)
    assert "the window is widened to them" in result.out
    assert f"{first:%H:%M:%SZ} to {last:%Y-%m-%dT%H:%M:%SZ}" in result.out


def test_whole_seconds_are_taken_as_they_are(use: Use, run: Run) -> None:
    use({"State": "COMPLETED"}, {"State": "COMPLETED"})

    assert "widened" not in run("replay", NINE, TEN).out
    assert "widened" not in run("replay").out


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (TEN, TEN, "the window is empty"),
        (TEN, "2024-01-15T11:00:00+01:00", "the window is empty"),
        (TEN, NINE, "the window is inverted"),
        (NINE, "9999-12-31T23:59:59.5Z", "END: no whole second comes after"),
        ("2024-01-15T09:00:00", TEN, "START: '2024-01-15T09:00:00' must say its offset"),
        (NINE, "2024-01-15T10:00:00", "END: '2024-01-15T10:00:00' must say its offset"),
        ("15.01.2024", TEN, "START: '15.01.2024' is not an ISO 8601 time"),
        (NINE, "2024-13-01T00:00:00Z", "END: '2024-13-01T00:00:00Z' is not an ISO 8601 time"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(start: str, end: str, problem: str, use: Use, run: Run) -> None:
    events = use()

    result = run("replay", start, end)

    assert result.code == 2
    assert problem in result.error
    assert events.started == []


def test_a_replay_is_followed_to_its_end(use: Use, run: Run) -> None:
    events = use(
        {"State": "STARTING"},
        {"State": "RUNNING", "EventLastReplayedTime": at(9, 30)},
        {"State": "COMPLETED", "EventLastReplayedTime": at(9, 59)},
    )

    result = run("replay", NINE, TEN, "--name", "again")

    assert result.code == 0
    assert "COMPLETED again" in result.out
    assert events.started == [
        {
            "ReplayName": "again",
            "EventSourceArn": "arn:archive",
            "EventStartTime": at(9),
            "EventEndTime": at(10),
            "Destination": {"Arn": "arn:bus", "FilterArns": ["arn:rule"]},
        }
    ]
    assert events.states == []


def test_progress_is_the_share_of_the_window_gone_through(use: Use) -> None:
    states = [None, at(8), at(9), at(9, 15), at(9, 45), at(11)]
    answers = [{"State": "RUNNING", **({"EventLastReplayedTime": last} if last else {})} for last in states]
    use(*answers, {"State": "COMPLETED"})
    system = System({"eventBusArn": "b", "archiveArn": "a", "accountRuleArn": "r"}, "region")
    window = Window(at(9), at(10))
    pauses: list[float] = []

    name = replay.start(system, window, every_rule=False)
    shares = [progress.done for progress in replay.follow(system, name, window, pause=pauses.append, every=2.5)]

    assert shares == [0, 0, 0, 0.25, 0.75, 1, 1]
    assert pauses == [2.5] * 6


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_replay_that_does_not_complete_is_a_failure_with_its_reason(use: Use, run: Run, state: str) -> None:
    use({"State": state, "StateReason": "the archive is gone"})

    result = run("replay", NINE, TEN)

    assert result.code == 1
    assert state in result.out
    assert "the archive is gone" in result.out


def test_every_rule_gets_the_events_when_told_so(use: Use, run: Run) -> None:
    events = use({"State": "COMPLETED"})

    assert run("replay", NINE, TEN, "--every-rule").code == 0

    assert events.started[0]["Destination"] == {"Arn": "arn:bus"}
    assert events.started[0]["ReplayName"].startswith("financial-events-replay-")


def test_the_result_as_json_is_alone_on_the_standard_output(use: Use, run: Run) -> None:
    use({"State": "COMPLETED", "EventLastReplayedTime": at(9, 59)})

    result: Result = run("replay", NINE, TEN, "--name", "again", "--json")

    assert result.json["name"] == "again"
    assert (result.json["state"], result.json["done"]) == ("COMPLETED", 1.0)
    assert "Started replay" in result.error


def test_what_aws_refuses_is_said(use: Use, run: Run) -> None:
    answer: Any = {"Error": {"Code": "LimitExceededException", "Message": "10 replays are running"}}
    use().refusal = ClientError(answer, "StartReplay")

    result = run("replay", NINE, TEN)

    assert result.code == 1
    assert "AWS refused the replay: 10 replays are running" in result.error

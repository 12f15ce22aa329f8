"""Replay: send archived events through the rules again, and watch until that is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from .system import OperatorError, System

FINISHED = ("COMPLETED", "CANCELLED", "FAILED")


@dataclass(frozen=True, slots=True)
class Window:
    """The event times to replay; EventBridge works in whole seconds."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, start: str | None, end: str | None, now: datetime) -> Window:
        """ISO 8601 texts with an offset; by default the hour before `now`. OperatorError for an empty window."""
        to = _moment("END", end) if end else now
        window = cls(_moment("START", start) if start else to - timedelta(hours=1), to)
        if window.start == window.end:
            raise OperatorError(f"the window is empty: START and END are both {window.start.isoformat()}")
        if window.start > window.end:
            raise OperatorError(
                f"the window is inverted: START {window.start.isoformat()} is later than END {window.end.isoformat()}"
            )
        return window


@dataclass(frozen=True, slots=True)
class Progress:
    """A replay at one moment; `done` is the share of the window that was gone through, 0 to 1."""

    name: str
    state: str
    done: float
    last_event: datetime | None
    reason: str


def start(system: System, window: Window, *, every_rule: bool, name: str | None = None) -> str:
    """Start a replay of `window` and return its name.

    It goes to the rule that feeds the projections; with `every_rule` to all of them, which writes the events to the
    audit log once more.
    """
    name = name or f"financial-events-replay-{time.time_ns() // 1_000_000}"
    destination: dict[str, Any] = {"Arn": system.output("eventBusArn")}
    if not every_rule:
        destination["FilterArns"] = [system.output("accountRuleArn")]
    try:
        system.client("events").start_replay(
            ReplayName=name,
            EventSourceArn=system.output("archiveArn"),
            EventStartTime=window.start,
            EventEndTime=window.end,
            Destination=destination,
        )
    except ClientError as error:
        raise OperatorError(f"AWS refused the replay: {error.response['Error']['Message']}") from error
    return name


def follow(
    system: System, name: str, window: Window, pause: Callable[[float], None] = time.sleep, every: float = 1.0
) -> Iterator[Progress]:
    """The replay's progress, one DescribeReplay every `every` seconds, to its end."""
    client = system.client("events")
    while True:
        answer = client.describe_replay(ReplayName=name)
        state = answer["State"]
        last = answer.get("EventLastReplayedTime")
        done = 1.0 if state == "COMPLETED" else _share(window, last)
        yield Progress(name, state, done, last, answer.get("StateReason", ""))
        if state in FINISHED:
            return
        pause(every)


def _share(window: Window, last: datetime | None) -> float:
    if last is None:
        return 0.0
    return min(max((last - window.start) / (window.end - window.start), 0.0), 1.0)


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise OperatorError(f"{name}: {text!r} is not an ISO 8601 time such as 2024-01-15T10:00:00Z") from error
    if moment.tzinfo is None:
        raise OperatorError(f"{name}: {text!r} must say its offset from UTC, for example by a Z at the end")
    return moment.astimezone(UTC)

"""Replay: send archived events through the rules again, and watch until that is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from .system import OperatorError, System, UsageError

FINISHED = ("COMPLETED", "CANCELLED", "FAILED")


@dataclass(frozen=True, slots=True)
class Window:
    """Times of events, both inclusive."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, now: datetime) -> Window:
        """By default the hour before `now`. UsageError for a window in which nothing can be."""
        to = now if end is None else end
        try:
            window = cls(to - timedelta(hours=1) if start is None else start, to)
        except OverflowError as error:
            raise UsageError(f"START: there is no hour before END, {to.isoformat()}") from error
        if window.start == window.end:
            raise UsageError(f"the window is empty: START and END are both {window.start.isoformat()}")
        if window.start > window.end:
            raise UsageError(
                f"the window is inverted: START {window.start.isoformat()} is later than END {window.end.isoformat()}"
            )
        return window

    def in_whole_seconds(self) -> Window:
        """The least window of whole seconds around this one. UsageError where the calendar ends before it."""
        end = self.end.replace(microsecond=0)
        try:
            return Window(self.start.replace(microsecond=0), end if end == self.end else end + timedelta(seconds=1))
        except OverflowError as error:
            raise UsageError(f"END: no whole second comes after {self.end.isoformat()}") from error


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

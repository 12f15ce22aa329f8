"""Replays in this process: a queue, a clock, and functions that may end at any call."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf
from typing import Any

import boto3

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.sourcing.replays import BRANCH, ReplaySpec
from handlers.store.branches import Branches
from handlers.store.event_bus import EventBus
from handlers.store.event_store import EventStore
from handlers.store.replay_branch import ToBranch
from handlers.store.replay_source import ReplaySource, segments_of
from handlers.store.replay_targets import SendError, Targets
from handlers.store.replay_work import OvertakenError, Replayer, Work, message_of, work_of
from handlers.store.replays import Counts, Head, Replays, Run, State
from handlers.store.snapshots import Snapshots

from ..aws import BRANCHES, BUS, REPLAYS, SNAPSHOTS, STORE, Calls

START = datetime(2024, 3, 1, tzinfo=UTC)
TIMEOUT = 29.0
VISIBILITY = 87.0
CALL_SECONDS = 0.005
PROJECTION = "https://sqs.us-east-1.amazonaws.com/123456789012/projection"
REPLAY = "https://sqs.us-east-1.amazonaws.com/123456789012/replay"
BATCH = 25
KILLING = 0.15
"""Of all calls so many are the last ones of their processes, before they take effect or after."""


class Ended(BaseException):
    """The process of a function ends here: nothing in it may catch this."""


@dataclass
class Message:
    visible: float
    message_id: str
    body: str
    receives: int = 0


@dataclass
class Machine:
    """What Lambda and SQS do for replays, by a clock of its own."""

    client: Any
    calls: Calls
    rate: int = 10_000
    clock: float = 0.0
    queue: list[Message] = field(default_factory=list)
    letters: list[Message] = field(default_factory=list)
    out: list[dict[str, Any]] = field(default_factory=list)
    """The entries that the bus took, in their order."""
    when: list[float] = field(default_factory=list)
    """At what time each of them went out."""
    kills_left: int = 0
    killed: list[str] = field(default_factory=list)
    living: float | None = None
    """So many seconds a function lives on average, while there are kills left; None where it ends at some call."""
    at_call: Callable[[str], None] = lambda _: None
    fates: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 -- to be repeatable
    _ids: Iterator[int] = field(default_factory=count)
    _dies_at: float = inf

    def __post_init__(self) -> None:
        self.calls.before, self.calls.after = self._before, self._after
        bus = EventBus(boto3.client("events"), BUS)
        self.replays = Replays(self.client, REPLAYS)
        self.source = ReplaySource(self.client, STORE)
        self.replayer = Replayer(
            replays=self.replays,
            source=self.source,
            targets=Targets(lambda: bus, lambda: boto3.client("sqs"), PROJECTION, REPLAY, self.to_branch),
            hand_on=self.send,
            now=self.now,
            pause=self.pass_time,
            rate=self.rate,
            concurrency=4,
        )

    def to_branch(self, name: str, branch_id: str) -> ToBranch:
        snapshots = Snapshots(self.client, SNAPSHOTS)
        store = EventStore(self.client, STORE)
        return ToBranch.of(Branches(self.client, BRANCHES), store, snapshots, 10, (name, branch_id))

    def now(self) -> str:
        return times.to_text(START + timedelta(seconds=self.clock))

    def pass_time(self, seconds: float) -> None:
        self.clock = min(self.clock + seconds, max(self.clock, self._dies_at))
        self._end_in_time("in a pause")

    def start(self, replay_id: str = "r", **spec: Any) -> Run:
        """As an operator does: the table first, the messages after."""
        parsed = ReplaySpec.of({"target": "bus", **spec})
        target = parsed.target
        branch_id = Branches(self.client, BRANCHES).get(target.name).id if target and target.kind == BRANCH else ""
        head = Head(replay_id, parsed, self.now(), self.now(), branch_id=branch_id)
        run = self.replays.create(head, segments_of(parsed.selection), 0.0)
        self.wake(run)
        return run

    def wake(self, run: Run) -> None:
        for each in run.unfinished:
            self.send(Work(run.head.replay_id, each.number))

    def turn(self, state: State, replay_id: str = "r") -> Run:
        """Pause, resume or cancel."""
        run = self.run_of(replay_id)
        self.replays.save_head(replace(run.head, state=state))
        if state is State.RUNNING:
            self.wake(run)
        return run

    def run_of(self, replay_id: str = "r") -> Run:
        run = self.replays.read(replay_id)
        assert run
        return run

    def send(self, work: Work, /, *, after: int = 0) -> None:
        self._before("SendMessage", {})
        self.queue.append(Message(self.clock + after, f"m{next(self._ids)}", message_of(work)))
        self._after("SendMessage", {})

    def step(self) -> Counts | None:
        """Hand out the message that has waited longest; what came of it, None where it is to come again."""
        message = min(self.queue, key=lambda each: each.visible)
        self.clock = max(self.clock, message.visible)
        message.visible, message.receives = self.clock + VISIBILITY, message.receives + 1
        return self.deliver(message)

    def deliver(self, message: Message) -> Counts | None:
        deadline = self.clock + TIMEOUT
        if self.living and self.kills_left:
            self._dies_at = self.clock + self.fates.expovariate(1 / self.living)
        try:
            done = self.replayer.work(work_of(message.body), message.message_id, lambda: deadline - self.clock)
        except (Ended, OvertakenError, SendError):
            if message.receives >= 5:
                self.queue.remove(message)
                self.letters.append(message)
            return None
        finally:
            self._dies_at = inf
        if message in self.queue:
            self.queue.remove(message)
        return done

    def to_the_end(self, most: int = 2000) -> None:
        for _ in range(most):
            if self.queue:
                self.step()
        assert not self.queue, "the replay does not come to its end"

    def copies(self) -> Counter[tuple[str, int, str]]:
        """How often each copy went out: its event's place, and its id."""
        return Counter((each["AggregateId"], each["EventSequence"], each["EventId"]) for each in self.details())

    def places(self) -> list[tuple[str, int]]:
        return [(each["AggregateId"], each["EventSequence"]) for each in self.details()]

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(each["Detail"]) for each in self.out]

    def _before(self, operation: str, _: Any) -> None:
        self.clock += CALL_SECONDS
        self.at_call(operation)
        self._end_perhaps(f"before {operation}")

    def _after(self, operation: str, arguments: Any) -> None:
        if operation == "PutEvents":
            self.out += arguments["Entries"]
            self.when += [self.clock] * len(arguments["Entries"])
        self._end_perhaps(f"after {operation}")

    def _end_in_time(self, where: str) -> None:
        if self.clock >= self._dies_at:
            self.kills_left -= 1
            self.killed.append(where)
            raise Ended

    def _end_perhaps(self, where: str) -> None:
        self._end_in_time(where)
        if self.living is None and self.kills_left and self.fates.random() < KILLING:
            self.kills_left -= 1
            self.killed.append(where)
            raise Ended


def keep(client: Any, events: list[Event]) -> list[Event]:
    """Store events, many with each call."""
    store = EventStore(client, STORE, 3)
    puts = [{"PutRequest": {"Item": store.item(event)}} for event in events]
    for start in range(0, len(puts), BATCH):
        assert not client.batch_write_item(RequestItems={STORE: puts[start : start + BATCH]})["UnprocessedItems"]
    return events

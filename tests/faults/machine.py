"""Random schedules: commands, deliveries, crashes and rebuilds in any order, interleaved between any two AWS calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from handlers.sourcing.event import Event
from handlers.sourcing.values import dumps

from ..domain.builders import of_rows
from . import truth
from .client import Answer, Sent
from .delivery import Message, Shard
from .faults import FAULTS, NONE, Call, Fault, faults_of
from .model import Account
from .schedules import RandomSchedules
from .stepping import Task
from .world import Fate

ACCOUNTS = ("a", "b", "c")
MOST_TASKS = 4
MOST_ANSWERS = 3
MOST_WAITING = 4
LIMIT = 10
ALL = 100

QUERIES = {
    "getAccountSummary": ["accountId"],
    "getAggregateEvents": ["aggregateId", "limit"],
    "getEventsByType": ["eventType", "limit"],
    "reconstructState": ["aggregateId"],
}

accounts = st.sampled_from(["a", "a", "a", "b", "c"])
amounts = st.sampled_from(["1", "10.50", "0.01", "-1", "-8"])
kinds = st.sampled_from(["TransactionProcessed"] * 9 + ["AccountCreated", "AccountClosed"])
expectations = st.sampled_from([None, None, None, None, 0, -1])
few = st.integers(0, 5)
first_calls = st.sampled_from([ALL, ALL, 1, 1, 2, 0])
sizes = st.sampled_from([100, 1, 2, 3])
fault_numbers = st.integers(0, len(FAULTS) - 1)


@dataclass(eq=False)
class Attempt:
    """One sending of a command: how long its stream was when it began and when it was answered."""

    sent: Sent
    before: int
    after: int = 0
    answer: Answer | None = None


class Schedules(RandomSchedules):
    """The system under every schedule, next to a model of it that fits in the head."""

    @initialize()
    def start(self) -> None:
        self.begin()
        self.attempts: list[Attempt] = []
        self.asked = self.rebuilt = self.slept = 0
        for account in ACCOUNTS[:-1]:
            self.story.create(account, overdraftLimit=LIMIT)

    @precondition(lambda self: len(self.tasks) < MOST_TASKS)
    @rule(account=accounts, kind=kinds, amount=amounts, expected=expectations, calls=first_calls)
    def send(self, account: str, kind: str, amount: str, expected: int | None, calls: int) -> None:
        """A new command, of which some calls are made before anything else happens."""
        contents: dict[str, dict[str, Any]] = {
            "AccountCreated": {"overdraftLimit": LIMIT},
            "TransactionProcessed": {"amount": amount},
        }
        data = contents.get(kind, {})
        if expected is not None:
            data["expectedSequence"] = max(0, self._length(account) + expected)
        self._send(self.story.client.new(account, kind, **data), calls=calls)
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self._repeatable())
    @rule(back=few, calls=first_calls)
    def send_again(self, back: int, calls: int) -> None:
        """A command once more: perhaps it is still at work, or failed, or was done long ago."""
        sent = self._repeatable()
        self._send(sent[-1 - back % len(sent)], calls=calls)
        self._check()

    @precondition(lambda self: len(self.story.world.idle["command"]) > 1)
    @rule()
    def take_turns(self) -> None:
        """The next command goes to the process that has rested longest, and that knows least of what others did."""
        idle = self.story.world.idle["command"]
        idle.append(idle.pop(0))

    @precondition(lambda self: not self.tasks and self.slept < len(self.attempts))
    @rule(seconds=st.sampled_from([120, 120, 3600]))
    def sleep(self, seconds: int) -> None:
        """For a while nothing happens."""
        self.slept = len(self.attempts)
        self.story.world.now += seconds

    @precondition(lambda self: self.tasks)
    @rule(task=few, calls=st.sampled_from([1, 1, 2, 5]))
    def go_on(self, task: int, calls: int) -> None:
        """Let a task make some calls."""
        self._advance(self.tasks[task % len(self.tasks)], calls)
        self._check()

    @precondition(lambda self: self.tasks)
    @rule(task=few, calls=st.sampled_from([0, 0, 1, 1, 2, 3]), fault=fault_numbers)
    def strike(self, task: int, calls: int, fault: int) -> None:
        """Let a task make some calls, and this happen to the next one."""
        chosen = self.tasks[task % len(self.tasks)]
        self._advance(chosen, calls)
        if chosen.waits_for:
            what = chosen_fault(fault, chosen.waits_for)
            note(f"  -- {chosen}, which {what}")
            chosen.step(what)
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self._shards())
    @rule(shard=few, size=sizes, calls=first_calls)
    def follow(self, shard: int, size: int, calls: int) -> None:
        """A batch of stream records, for the relay or for the snapshots."""
        shards = self._shards()
        chosen = shards[shard % len(shards)]
        self._begin(chosen.function, lambda fate: chosen.deliver(size, fate), calls=calls)
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self.story.delivery.queue.fill())
    @rule(picks=st.lists(few, min_size=1, max_size=4, unique=True), calls=first_calls)
    def project(self, picks: list[int], calls: int) -> None:
        """A batch of waiting messages, in any order."""
        waiting = self._waiting()
        chosen = list(dict.fromkeys(pick % len(waiting) for pick in picks))
        self._begin("projection", lambda fate: self.story.delivery.queue.deliver(chosen, fate), calls=calls)
        self._check()

    @precondition(lambda self: self.story.delivery.queue.fill() and len(self._waiting()) < MOST_WAITING)
    @rule(which=few)
    def deliver_twice(self, which: int) -> None:
        waiting = self._waiting()
        self.story.delivery.queue.send(waiting[which % len(waiting)].body)
        self._check()

    @precondition(
        lambda self: self.rebuilt < len(self.story.world.stream) and bool(of_rows(truth.rows(self.story.world)))
    )
    @rule(which=few)
    def rebuild(self, which: int) -> None:
        """Somebody deletes a row and has it made again from the store, by one message for its newest event."""
        self.rebuilt = len(self.story.world.stream)
        rows = sorted(of_rows(truth.rows(self.story.world)))
        account, projection = rows[which % len(rows)]
        self.story.delete_row(account, projection)
        newest = truth.streams(self.story.world)[account][-1]
        self.story.delivery.queue.send(dumps({"detail": newest.record()}))
        self._check()

    @precondition(lambda self: self.asked < self.changes)
    @rule(
        query=st.sampled_from(list(QUERIES)), account=accounts, limit=st.integers(1, 3), fault=fault_numbers, call=few
    )
    def ask(self, query: str, account: str, limit: int, fault: int, call: int) -> None:
        """A query, with a fault at one of its calls; one after each change is enough."""
        self.asked = self.changes
        subjects = {"accountId": account, "aggregateId": account, "eventType": "TransactionProcessed", "limit": limit}
        self.story.fate = strikes_at(call, fault)
        self.story.ask(query, **{name: subjects[name] for name in QUERIES[query]})
        self._check()

    def _settle(self, sent: Sent) -> None:
        self._send(sent, calls=ALL)

    def _conclude(self) -> None:
        stored = truth.streams(self.story.world)
        for account in ACCOUNTS:
            self._check_model(account, stored.get(account, []))

    def _send(self, sent: Sent, *, calls: int) -> None:
        attempt = Attempt(sent, self._length(sent.aggregate_id))
        self.attempts.append(attempt)

        def run(fate: Fate) -> None:
            attempt.answer = self.story.client.attempt(sent, fate)
            attempt.after = self._length(sent.aggregate_id)

        self._begin(f"{sent.request['eventType']} {sent.command_id}", run, calls=calls)

    def _begin(self, name: str, run: Callable[[Fate], object], *, calls: int) -> None:
        self.tasks.append(Task(name, run))
        self._advance(self.tasks[-1], calls)

    def _waiting(self) -> list[Message]:
        return self.story.delivery.queue.waiting

    def _repeatable(self) -> list[Sent]:
        return [sent for sent in self.story.client.sent if not sent.settled or len(sent.answers) < MOST_ANSWERS]

    def _advance(self, task: Task, calls: int) -> None:
        for _ in range(calls):
            if not task.done:
                note(f"  -- {task}")
                task.step()

    def _shards(self) -> list[Shard]:
        delivery = self.story.delivery
        return [shard for shard in (*delivery.relays, *delivery.snapshots) if shard.fill() and not shard.busy]

    def _length(self, account: str) -> int:
        return len(truth.streams(self.story.world).get(account, ()))

    def _check_model(self, account: str, events: Sequence[Event]) -> None:
        """The stream is one that the model allows, and every refusal was right at some moment of its attempt."""
        requests = {sent.command_id: sent.request for sent in self.story.client.sent}
        moments = [Account()]
        for event in events:
            request = requests[event.command_id]
            assert moments[-1].allows(request), f"{request} was accepted against the rules"
            moments.append(moments[-1].after(request))
        for attempt in self.attempts:
            if attempt.sent.aggregate_id == account and attempt.answer and 400 <= attempt.answer[0] < 500:
                during = moments[attempt.before : attempt.after + 1]
                assert not all(moment.allows(attempt.sent.request) for moment in during), attempt
        row = truth.rows(self.story.world).get((account, "AccountSummary"))
        assert (row["Balance"] if row else 0) == moments[-1].balance


def chosen_fault(number: int, call: Call) -> Fault:
    """One of the faults that may happen to a call."""
    fitting = faults_of(call)
    return fitting[number % len(fitting)]


def strikes_at(place: int, fault: int) -> Fate:
    """A fate that strikes at one call."""
    made = iter(range(1000))
    return lambda call: chosen_fault(fault, call) if next(made) == place else NONE

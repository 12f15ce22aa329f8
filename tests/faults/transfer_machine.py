"""Random schedules of transfers: processes, sweeps and callers at once, stopped or ended between any two AWS calls,
while messages come twice and out of order, clocks jump, deadlines pass, and accounts are paid, emptied and closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from handlers.domain.transfer import Transfer
from handlers.sourcing import times
from handlers.sourcing.process import command_id

from . import truth
from .client import Sent
from .faults import FAULTS
from .machine import chosen_fault
from .schedules import RandomSchedules
from .stepping import Task
from .story import LONGER_THAN_TRANSFERS
from .world import START, Fate, FunctionFailedError

MOST_TASKS = 4
MOST_TRANSFERS = 10
ALL = 200
SOON = 12
"""Seconds until the deadline of a transfer that has little time: more than two clocks may differ by."""

few = st.integers(0, 5)
stops = st.sampled_from([ALL, ALL, 1, 4, 9, "reserve", "commit", "commit", "credit", "post", "complete", "settle"])
"""Where a task stops: behind so many calls, or before it stores this step."""
names = st.sampled_from(["a", "b", "e", "f"])
ways = st.sampled_from(["ab", "ab", "ba", "ba", "ef", "ef", "fe", "fe", "ae", "gf"])
"""From which account to which: once to one of another currency, and once from one that is opened late."""

WAYS_TO_END = frozenset(
    {
        "Completed",
        "Completed, approved",
        "Failed at check, fenced",
        "Failed at reserve, fenced",
        "Failed at credit, released",
        "Expired, fenced",
        "Expired, released",
        "Cancelled, fenced",
        "Cancelled, released",
    }
)
"""What schedules have to come to, many times over: else they prove nothing of it."""


class TransferSchedules(RandomSchedules):
    """Two accounts in either of two currencies and what goes between them, both ways at once."""

    ended: ClassVar[Counter[str]] = Counter()
    """How transfers ended."""

    @initialize()
    def start(self) -> None:
        self.begin()
        self.story.world.watch = truth.check_money  # after every event
        self.transfers = 0
        for name, currency in (("a", "USD"), ("b", "USD"), ("e", "EUR"), ("f", "EUR")):
            self.story.create(name, currency=currency, overdraftLimit=5)
        for name in ("a", "e", "f"):  # nobody has put anything on b
            self.story.pay(name, 20)

    @precondition(lambda self: self.transfers < MOST_TRANSFERS)
    @rule(way=ways, amount=st.sampled_from([1, 5, 10, 10, 30, 2000, 2000]), hurries=st.booleans())
    def request(self, way: str, amount: int, hurries: bool) -> None:
        """Above the threshold it waits until it expires, or is approved or cancelled."""
        if amount > 1000 and way[0] != "g":
            self.story.pay(way[0], amount)
        self.transfers += 1
        soon = times.to_text(START + timedelta(seconds=self.story.world.now + SOON))
        sides = {"fromAccount": way[0], "toAccount": way[1], "currency": "EUR" if way[0] in "efg" else "USD"}
        sides |= {"deadline": soon} if hurries else {}
        self.story.transfer(f"t{self.transfers}", amount, actor="ann", **sides)
        self._check()

    @precondition(lambda self: self.transfers and len(self.tasks) < MOST_TASKS)
    @rule(
        back=few,
        kind=st.sampled_from(["TransferApproved", "TransferApproved", "TransferCancelled"]),
        actor=st.sampled_from(["ann", "bob", "bob"]),
        stop=st.sampled_from([ALL, ALL, 1, 3]),
    )
    def decide(self, back: int, kind: str, actor: str, stop: int) -> None:
        """Somebody approves of a transfer or calls it off, and is not through with it yet."""
        sent = self.story.client.new(f"t{self.transfers - back % self.transfers}", kind, actor=actor)
        self._begin(sent.command_id, partial(self.story.client.attempt, sent), stop)

    @rule(back=few)
    def send_again(self, back: int) -> None:
        """What was sent before, by a caller who heard nothing."""
        sent = self.story.client.sent
        self.story.again(sent[-1 - back % len(sent)])
        self._check()

    @rule(name=names, amount=st.sampled_from([1, -1, -20, 20]))
    def pay(self, name: str, amount: int) -> None:
        self.story.pay(name, amount)
        self._check()

    @precondition(lambda self: self.transfers and "g" not in truth.streams(self.story.world))
    @rule()
    def open_late(self) -> None:
        self.story.create("g", currency="EUR", overdraftLimit=20)
        self._check()

    @precondition(lambda self: self.transfers == MOST_TRANSFERS)
    @rule(name=names)
    def close(self, name: str) -> None:
        """Take what is there, and close the account if nothing is set aside."""
        self._empty_and_close(name)
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self._pokes())
    @rule(pick=few, what=st.sampled_from(["close", "cancel", "expire", "expire"]))
    def interfere(self, pick: int, what: str) -> None:
        """In the very moment in which a transfer is to be committed somebody else ends it, or its other account is gone
        when that is to be credited."""
        waiting = self.story.delivery.pokes.waiting
        deliver = partial(self.story.delivery.pokes.deliver, [-1 - pick % len(waiting)])
        call = self._begin("process", deliver, "credit" if what == "close" else "commit").waits_for
        if call is None:
            return
        aggregate_id = str(call.arguments["Item"]["AggregateId"]["S"])
        if what == "close":
            self._empty_and_close(aggregate_id)
        elif what == "cancel":
            self.story.send(aggregate_id, "TransferCancelled", actor="ann")
        else:
            self.jump(SOON)
            self.sweep(ALL, knows=True)
        self._check()

    @rule()
    def keep(self) -> None:
        """Snapshots are made."""
        self.story.keep()
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self._pokes())
    @rule(picks=st.lists(few, min_size=1, max_size=3, unique=True), stop=stops)
    def carry(self, picks: list[int], stop: int | str) -> None:
        """A batch of messages, in any order, to one more process."""
        waiting = self.story.delivery.pokes.waiting
        chosen = list(dict.fromkeys(-1 - pick % len(waiting) for pick in picks))
        self._begin("process", partial(self.story.delivery.pokes.deliver, chosen), stop)

    @precondition(lambda self: self._pokes())
    @rule(which=few)
    def deliver_twice(self, which: int) -> None:
        pokes = self.story.delivery.pokes
        pokes.send(pokes.waiting[which % len(pokes.waiting)].body)

    @precondition(lambda self: len(self.tasks) < MOST_TASKS)
    @rule(stop=stops, knows=st.booleans())
    def sweep(self, stop: int | str, knows: bool) -> None:
        """At a bad moment; by rows that are of now, or of whenever they were written last."""

        def run(fate: Fate) -> None:
            with suppress(FunctionFailedError):
                self.story.world.invoke("sweep", {}, fate=fate)

        if knows:
            self.story.relay()
            self.story.project()
        self._begin("sweep", run, stop)

    @precondition(lambda self: self.tasks)
    @rule(task=few, stop=stops)
    def go_on(self, task: int, stop: int | str) -> None:
        self._advance(self.tasks[task % len(self.tasks)], stop)
        self._check()

    @precondition(lambda self: self.tasks)
    @rule(task=few, stop=stops, fault=st.integers(0, len(FAULTS) - 1))
    def strike(self, task: int, stop: int | str, fault: int) -> None:
        """Let a task make some calls, and this happen to the next one."""
        chosen = self.tasks[task % len(self.tasks)]
        self._advance(chosen, stop)
        if chosen.waits_for:
            what = chosen_fault(fault, chosen.waits_for)
            note(f"  -- {chosen}, which {what}")
            chosen.step(what)
        self._check()

    @rule(seconds=st.sampled_from([SOON, SOON, 5, 61, 120, LONGER_THAN_TRANSFERS]))
    def jump(self, seconds: int) -> None:
        """Time goes by, and whoever is at work is frozen: beyond the time of a function its process ends."""
        self.story.world.now += seconds

    def _settle(self, sent: Sent) -> None:
        self.story.again(sent)

    def _pokes(self) -> bool:
        """Whether anything waits for a process, once all that is stored was told."""
        self.story.relay()
        return self.story.delivery.pokes.fill()

    def _empty_and_close(self, name: str) -> None:
        state = truth.states(self.story.world)[name]
        if state.balance < 0:
            self.story.pay(name, str(-state.balance))
        elif state.available > state.overdraft_limit:
            self.story.pay(name, str(state.overdraft_limit - state.available))
        self.story.send(name, "AccountClosed")

    def _begin(self, name: str, run: Callable[[Fate], object], stop: int | str) -> Task:
        task = Task(name, run)
        self.tasks.append(task)
        self._advance(task, stop)
        self._check()
        return task

    def _advance(self, task: Task, stop: int | str) -> None:
        made = 0
        while (call := task.waits_for) and made != stop:
            if isinstance(stop, str) and call.stores(command_id("", stop)):
                return
            task.step()
            made += 1

    def _conclude(self) -> None:
        stored = truth.streams(self.story.world)
        causes = {event.command_id for events in stored.values() for event in events}
        for name, state in truth.states(self.story.world).items():
            if isinstance(state, Transfer):
                step = next((f" at {event.data['step']}" for event in stored[name] if "step" in event.data), "")
                given_back = "released" if command_id(name, "release") in causes else "fenced"
                how = ("approved" if state.approved_by else "") if state.status == "Completed" else given_back
                TransferSchedules.ended[f"{state.status}{step}{how and ', '}{how}"] += 1

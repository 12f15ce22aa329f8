"""Random schedules of transfers: processes and sweeps at once, stopped or ended between any two AWS calls, while
messages come twice and out of order, clocks jump, and accounts are paid, emptied and closed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from . import truth
from .faults import FAULTS
from .machine import chosen_fault
from .stepping import Task
from .story import LONGER_THAN_TRANSFERS, Story
from .world import Fate, FunctionFailedError

MOST_TASKS = 4
MOST_TRANSFERS = 6
ALL = 200

few = st.integers(0, 5)
calls = st.sampled_from([ALL, 1, 2, 5, 12, 15])
names = st.sampled_from(["a", "b"])


class TransferSchedules(RuleBasedStateMachine):
    """Two accounts and what goes between them, both ways at once."""

    steps: ClassVar[int] = 0
    """How many steps have been taken in all."""

    @initialize()
    def start(self) -> None:
        self.resources = ExitStack()
        self.story = Story()
        self.resources.enter_context(self.story.world.running())
        self.tasks: list[Task] = []
        self.changes = self.transfers = 0
        for name in ("a", "b"):
            self.story.create(name)
            self.story.pay(name, 20)

    @precondition(lambda self: self.transfers < MOST_TRANSFERS)
    @rule(source=names, amount=st.sampled_from([1, 10, 15, 30, 2000]))
    def request(self, source: str, amount: int) -> None:
        """Above the threshold it waits until it expires, or is approved or cancelled."""
        self.transfers += 1
        sides = {"fromAccount": source, "toAccount": "b" if source == "a" else "a"}
        self.story.transfer(f"t{self.transfers}", amount, actor="ann", **sides)
        self._check()

    @precondition(lambda self: self.transfers)
    @rule(which=few, kind=st.sampled_from(["TransferApproved", "TransferCancelled"]))
    def decide(self, which: int, kind: str) -> None:
        self.story.send(f"t{which % self.transfers + 1}", kind, actor="bob")
        self._check()

    @rule(name=names, amount=st.sampled_from([1, -1, -20, 20]))
    def pay(self, name: str, amount: int) -> None:
        self.story.pay(name, amount)
        self._check()

    @rule(name=names)
    def empty_and_close(self, name: str) -> None:
        """Take what is there, and close the account if nothing is set aside."""
        state = truth.states(self.story.world)[name]
        if state.available > 0:
            self.story.pay(name, str(-state.available))
        self.story.send(name, "AccountClosed")
        self._check()

    @rule()
    def relay(self) -> None:
        self.story.relay()
        self._check()

    @rule()
    def project(self) -> None:
        self.story.project()
        self._check()

    @precondition(lambda self: len(self.tasks) < MOST_TASKS and self.story.delivery.pokes.fill())
    @rule(picks=st.lists(few, min_size=1, max_size=3, unique=True), made=calls)
    def carry(self, picks: list[int], made: int) -> None:
        """A batch of messages, in any order, to one more process."""
        waiting = self.story.delivery.pokes.waiting
        chosen = list(dict.fromkeys(pick % len(waiting) for pick in picks))
        self._begin("process", lambda fate: self.story.delivery.pokes.deliver(chosen, fate), made)

    @precondition(lambda self: self.story.delivery.pokes.fill())
    @rule(which=few)
    def deliver_twice(self, which: int) -> None:
        pokes = self.story.delivery.pokes
        pokes.send(pokes.waiting[which % len(pokes.waiting)].body)

    @precondition(lambda self: len(self.tasks) < MOST_TASKS)
    @rule(made=calls)
    def sweep(self, made: int) -> None:
        """At a bad moment."""

        def run(fate: Fate) -> None:
            with suppress(FunctionFailedError):
                self.story.world.invoke("sweep", {}, fate=fate)

        self._begin("sweep", run, made)

    @precondition(lambda self: self.tasks)
    @rule(task=few, made=calls)
    def go_on(self, task: int, made: int) -> None:
        self._advance(self.tasks[task % len(self.tasks)], made)
        self._check()

    @precondition(lambda self: self.tasks)
    @rule(task=few, made=st.integers(0, 12), fault=st.integers(0, len(FAULTS) - 1))
    def strike(self, task: int, made: int, fault: int) -> None:
        """Let a task make some calls, and this happen to the next one."""
        chosen = self.tasks[task % len(self.tasks)]
        self._advance(chosen, made)
        if chosen.waits_for:
            what = chosen_fault(fault, chosen.waits_for)
            note(f"  -- {chosen}, which {what}")
            chosen.step(what)
        self._check()

    @rule(seconds=st.sampled_from([5, 61, 120, LONGER_THAN_TRANSFERS]))
    def jump(self, seconds: int) -> None:
        """Time goes by, and whoever is at work is frozen: beyond the time of a function its process ends."""
        self.story.world.now += seconds

    @precondition(lambda self: self.story.world.underway or self.story.world.forgotten)
    @rule()
    def arrive(self) -> None:
        """What was given up on takes effect after all."""
        self.story.world.arrive_all()
        self._check()

    def teardown(self) -> None:
        try:
            for task in self.tasks:
                task.finish()
            self.story.finish()
        finally:
            for task in self.tasks:
                task.abandon()
            self.resources.close()

    def _begin(self, name: str, run: Callable[[Fate], object], made: int) -> None:
        self.tasks.append(Task(name, run))
        self._advance(self.tasks[-1], made)
        self._check()

    def _advance(self, task: Task, made: int) -> None:
        for _ in range(made):
            if not task.done:
                task.step()

    def _check(self) -> None:
        """After every step. (The money is watched after every event.)"""
        TransferSchedules.steps += 1
        self.tasks = [task for task in self.tasks if not task.done]
        changes = sum(len(table.stream) for table in self.story.world.dynamodb.tables.values())
        if changes > self.changes:
            self.changes = changes
            truth.check_always(self.story.world)

"""What every machine of random schedules has: a story, tasks that are under way, and a check after every step."""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from . import truth
from .client import Sent
from .stepping import Task
from .story import Story


class RandomSchedules(RuleBasedStateMachine):
    """Ends every task and settles every command at the end, whatever the schedule left."""

    steps: ClassVar[int] = 0
    """How many steps have been taken in all, by whatever machine."""

    def begin(self) -> None:
        """What a machine's `initialize` begins with."""
        self.resources = ExitStack()
        self.story = Story()
        self.resources.enter_context(self.story.world.running())
        self.tasks: list[Task] = []
        self.changes = 0

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
            for sent in self.story.client.sent:
                if not sent.settled:
                    self._settle(sent)
            self.story.finish()
            self._conclude()
        finally:
            for task in self.tasks:
                task.abandon()
            self.resources.close()

    def _settle(self, sent: Sent) -> None:
        """Send a command again of which nobody knows what became of it, and hear the answer."""
        raise NotImplementedError

    def _conclude(self) -> None:
        """What a machine asserts, or counts, of the whole at its end."""
        raise NotImplementedError

    def _check(self) -> None:
        """After every step."""
        RandomSchedules.steps += 1
        self.tasks = [task for task in self.tasks if not task.done]
        changes = sum(len(table.stream) for table in self.story.world.dynamodb.tables.values())
        if changes > self.changes:
            self.changes = changes
            truth.check_always(self.story.world)

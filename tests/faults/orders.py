"""Every order in which the AWS calls of several invocations can fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from handlers.store.event_store import COMMAND_INDEX

from ..aws import SNAPSHOTS
from .stepping import Task
from .story import Story

Race = Callable[[Story], Sequence[Task]]
"""Prepares a story and starts what races in it."""


def every_order(race: Race, check: Callable[[Story], None]) -> int:
    """Run a race in every order to its end and check; return how many orders there are."""
    orders = 0
    choices: list[int] | None = []
    while choices is not None:
        choices = _run(race, check, choices)
        orders += 1
    return orders


def _meets_no_other(task: Task, tasks: Sequence[Task]) -> bool:
    """Whether the task's next call reads what no task writes, or writes what none reads: when is all the same."""
    if task.waits_for and task.waits_for.operation == "PutEvents":
        return True
    arguments = task.waits_for.arguments if task.waits_for else {}
    twins = [each for each in tasks if each.name == task.name]
    alone_with_its_command = arguments.get("IndexName") == COMMAND_INDEX and len(twins) == 1
    return arguments.get("TableName") == SNAPSHOTS or alone_with_its_command


def _run(race: Race, check: Callable[[Story], None], choices: Sequence[int]) -> list[int] | None:
    """Run a race in the order that begins with `choices`; return how the next order begins, None after the last one."""
    story = Story()
    taken: list[tuple[int, int]] = []
    with story.world.running():
        tasks = race(story)
        while running := [task for task in tasks if not task.done]:
            if free := next((task for task in running if _meets_no_other(task, tasks)), None):
                free.step()
                continue
            choice = choices[len(taken)] if len(taken) < len(choices) else 0
            taken.append((choice, len(running)))
            running[choice].step()
        check(story)
        story.finish()
    while taken and taken[-1][0] + 1 == taken[-1][1]:
        taken.pop()
    return [*(choice for choice, _ in taken[:-1]), taken[-1][0] + 1] if taken else None

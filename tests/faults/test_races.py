"""Whatever races, in whatever order its AWS calls fall, ends as if one had come after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from unittest.mock import patch

import pytest

from handlers.store import ledger

from ..effort import LONG
from .client import Sent
from .orders import Race, every_order
from .scenarios import in_parts
from .stepping import Task
from .story import Story

RACING = 3 if LONG else 2
"""How many race where it makes hundreds of orders."""


def attempts(story: Story, *commands: Sent) -> Sequence[Task]:
    """Each of these commands sent once."""
    return [Task(command.command_id, partial(story.client.attempt, command)) for command in commands]


def projections(story: Story, *batches: set[int]) -> Sequence[Task]:
    """A projection for each batch of messages, given by their numbers, which are those of their events."""
    queue = story.delivery.queue
    tasks = []
    for batch in batches:
        places = [place for place, message in enumerate(queue.waiting) if message.number in batch]
        tasks.append(Task(f"projection of {batch}", partial(queue.deliver, places)))
    return tasks


def one_command_again_and_again(story: Story) -> Sequence[Task]:
    story.create("a")
    deposit = story.client.new("a", "TransactionProcessed", amount=1)
    return attempts(story, *[deposit] * RACING)


def two_payments_of_which_one_can_be_afforded(story: Story) -> Sequence[Task]:
    story.create("a")
    story.pay("a", 10)
    return attempts(story, *(story.client.new("a", "TransactionProcessed", amount=-8) for _ in range(2)))


def deposits(story: Story) -> Sequence[Task]:
    story.create("a")
    return attempts(story, *(story.client.new("a", "TransactionProcessed", amount=1) for _ in range(RACING)))


def two_that_expect_the_same_sequence(story: Story) -> Sequence[Task]:
    story.create("a")
    expecting = [story.client.new("a", "TransactionProcessed", amount=1, expectedSequence=1) for _ in range(2)]
    return attempts(story, *expecting)


def two_that_create_the_account(story: Story) -> Sequence[Task]:
    return attempts(story, *(story.client.new("a", "AccountCreated") for _ in range(2)))


def met_by_both(story: Story) -> None:
    """An account with a balance of 10 that two processes have met, one of them before the other wrote."""
    story.create("a")
    story.pay("a", 4)
    for task in attempts(story, *(story.client.new("a", "TransactionProcessed", amount=3) for _ in range(2))):
        task.finish()


def two_payments_of_which_one_can_be_afforded_by_processes_that_met(story: Story) -> Sequence[Task]:
    met_by_both(story)
    return attempts(story, *(story.client.new("a", "TransactionProcessed", amount=-8) for _ in range(2)))


def one_command_again_by_processes_that_met(story: Story) -> Sequence[Task]:
    met_by_both(story)
    return attempts(story, *[story.client.new("a", "TransactionProcessed", amount=-8)] * 2)


def several_events_and_one(story: Story) -> Sequence[Task]:
    story.create("a")
    payment = story.client.new("a", "TransactionProcessed", amount=3, parts=[1, 2])
    return attempts(story, *[payment] * (RACING - 1), story.client.new("a", "TransactionProcessed", amount=1))


@pytest.mark.parametrize(
    ("race", "statuses"),
    [
        (one_command_again_and_again, [200] * RACING),
        (two_payments_of_which_one_can_be_afforded, [200, 422]),
        (two_payments_of_which_one_can_be_afforded_by_processes_that_met, [200, 422]),
        (one_command_again_by_processes_that_met, [200] * 2),
        (deposits, [200] * RACING),
        (two_that_expect_the_same_sequence, [200, 409]),
        (two_that_create_the_account, [200, 422]),
        (several_events_and_one, [200] * RACING),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_commands_in_any_order(race: Race, statuses: list[int], record_property: Callable[[str, object], None]) -> None:
    def check(story: Story) -> None:
        answers = [answer for sent in story.client.sent for answer in sent.answers if answer]
        assert sorted(status for status, _ in answers[-len(statuses) :]) == statuses

    with patch.object(ledger, "decide", in_parts):
        record_property("cases", f"{every_order(race, check)} orders")


@pytest.mark.parametrize(
    ("done", "batches"),
    [
        ((), [{1}, {2, 3}]),
        ((), [{1, 2}, {3}]),
        ((1,), [{2}, {3}]),
        ((1,), [{3}, {2}]),
    ],
)
def test_projections_in_any_order(
    done: Sequence[int], batches: list[set[int]], record_property: Callable[[str, object], None]
) -> None:
    def race(story: Story) -> Sequence[Task]:
        story.create("a")
        for amount in (1, 2):
            story.pay("a", amount)
        story.relay()
        story.delivery.queue.fill()
        for number in done:
            projections(story, {number})[0].finish()
        return projections(story, *batches)

    def check(story: Story) -> None:
        assert not story.delivery.queue.aside

    record_property("cases", f"{every_order(race, check)} orders")

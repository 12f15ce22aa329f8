"""The queue of streams that two Regions wrote, and the function that settles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
from pulumi import Input

from components.handler_function import HandlerFunction
from components.limits import check_range
from components.policies import Grant
from components.queue_feed import drive
from components.work_queue import WorkQueue, WorkQueueArgs

_CONCURRENCY = 2
"""Streams are settled one after the other, and hardly ever."""


@dataclass(frozen=True)
class ConflictQueueArgs(WorkQueueArgs):
    """Its dead letters are what could not be settled again and again; the schedule goes on with their streams."""

    visibility_timeout: Input[int] = 30
    """Seconds; at least the function's timeout."""
    max_receives: Input[int] = 100
    """What is missing of a stream may be on its way for as long as the link between the Regions is cut."""


class ConflictQueue(WorkQueue):
    """Lost events are in it, as messages, until they are kept."""

    component: ClassVar[str] = "event-sourcing:index:ConflictQueue"

    def grant_hand_over(self) -> Grant:
        """Leave to hand over a stream, or a lost event."""
        return Grant("HandOverConflicts", ("sqs:SendMessage",), (self.arn,))


@dataclass(frozen=True)
class ConflictFeedArgs:
    queue: ConflictQueue
    function: HandlerFunction
    batch_size: Input[int] = 10
    kms_key_arn: Input[str] | None = None
    previous_kms_key_arns: Sequence[str] = ()
    """Keys under which messages may still lie."""


class ConflictFeed(pulumi.ComponentResource):
    """Hands the function what is in the queue."""

    def __init__(self, name: str, args: ConflictFeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ConflictFeed", name, None, opts)
        check_range(name, "batch_size", args.batch_size, 1, 10)
        drive(
            name,
            args.queue.arn,
            args.function,
            batch_size=args.batch_size,
            batch_window=0,
            max_concurrency=_CONCURRENCY,
            kms_key_arn=args.kms_key_arn,
            previous_kms_key_arns=args.previous_kms_key_arns,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

"""The queue of the segments of replays, and the function that works on them."""

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


@dataclass(frozen=True)
class ReplayQueueArgs(WorkQueueArgs):
    visibility_timeout: Input[int] = 180
    """Seconds; at least the function's timeout, better several times as much."""
    max_receives: Input[int] = 5


class ReplayQueue(WorkQueue):
    """The function itself sends here, and so does the operator who starts a replay."""

    component: ClassVar[str] = "event-sourcing:index:ReplayQueue"

    def grant_hand_on(self) -> Grant:
        """Leave to hand a segment on."""
        return Grant("HandSegmentsOn", ("sqs:SendMessage",), (self.arn,))


@dataclass(frozen=True)
class ReplayFeedArgs:
    queue: ReplayQueue
    function: HandlerFunction
    max_concurrency: Input[int] = 4
    """Segments that are worked on at once."""
    kms_key_arn: Input[str] | None = None
    previous_kms_key_arns: Sequence[str] = ()
    """Keys under which messages may still lie."""


class ReplayFeed(pulumi.ComponentResource):
    """Hands the function one segment at a time, for as long as the function has time."""

    def __init__(self, name: str, args: ReplayFeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ReplayFeed", name, None, opts)
        check_range(name, "max_concurrency", args.max_concurrency, 2, 1000)
        drive(
            name,
            args.queue.arn,
            args.function,
            batch_size=1,
            batch_window=0,
            max_concurrency=args.max_concurrency,
            kms_key_arn=args.kms_key_arn,
            previous_kms_key_arns=args.previous_kms_key_arns,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

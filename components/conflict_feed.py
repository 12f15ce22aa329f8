"""The queue of streams that two Regions wrote, and the function that settles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.dead_letter_queue import DeadLetterQueue
from components.handler_function import HandlerFunction
from components.limits import LEAST_RECEIVES, check_range
from components.policies import Grant, queue_policy
from components.queue_feed import drive, redriven_queue

_CONCURRENCY = 2
"""Streams are settled one after the other, and hardly ever."""


@dataclass(frozen=True)
class ConflictQueueArgs:
    dead_letters: DeadLetterQueue
    """Takes what could not be settled again and again; the schedule goes on with its stream all the same."""
    visibility_timeout: Input[int] = 30
    """Seconds; at least the function's timeout."""
    max_receives: Input[int] = 100
    """What is missing of a stream may be on its way for as long as the link between the Regions is cut."""
    kms_key_arn: Input[str] | None = None
    """A customer key; without it SQS encrypts with its own."""


class ConflictQueue(pulumi.ComponentResource):
    """Encrypted, TLS only. Lost events are in it, as messages, until they are kept."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: ConflictQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ConflictQueue", name, None, opts)
        check_range(name, "visibility_timeout", args.visibility_timeout, 1, 43_200)
        check_range(name, "max_receives", args.max_receives, LEAST_RECEIVES, 1000)
        child = pulumi.ResourceOptions(parent=self)
        queue = redriven_queue(
            name,
            args.dead_letters,
            visibility_timeout=args.visibility_timeout,
            max_receives=args.max_receives,
            kms_key_arn=args.kms_key_arn,
            opts=child,
        )
        aws.sqs.QueuePolicy(f"{name}-queue-policy", queue_url=queue.url, policy=queue_policy(queue.arn), opts=child)
        self.name = queue.name
        self.arn = queue.arn
        self.url = queue.url
        self.register_outputs({"name": self.name, "arn": self.arn, "url": self.url})

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

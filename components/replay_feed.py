"""The queue of the segments of replays, and the function that works on them."""

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


@dataclass(frozen=True)
class ReplayQueueArgs:
    dead_letters: DeadLetterQueue
    """Takes what the function failed on again and again."""
    visibility_timeout: Input[int] = 180
    """Seconds; at least the function's timeout, better several times as much."""
    max_receives: Input[int] = 5
    kms_key_arn: Input[str] | None = None
    """A customer key; without it SQS encrypts with its own."""


class ReplayQueue(pulumi.ComponentResource):
    """Encrypted, TLS only. The function itself sends here, and so does the operator who starts a replay."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: ReplayQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:ReplayQueue", name, None, opts)
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

    def grant_hand_on(self) -> Grant:
        """Leave to hand a segment on."""
        return Grant("HandSegmentsOn", ("sqs:SendMessage",), (self.arn,))

    def grant_send(self, sid: str) -> Grant:
        """Leave to send a segment on its way once more, and to see how many there are."""
        return Grant(sid, ("sqs:GetQueueAttributes", "sqs:SendMessage"), (self.arn,))


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

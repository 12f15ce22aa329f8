"""A queue that functions and operators of the stack send work to, without a rule in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.dead_letter_queue import DeadLetterQueue
from components.limits import LEAST_RECEIVES, check_range
from components.policies import Grant, queue_policy
from components.queue_feed import redriven_queue


@dataclass(frozen=True)
class WorkQueueArgs:
    dead_letters: DeadLetterQueue
    """Takes what the function failed on again and again."""
    visibility_timeout: Input[int]
    """Seconds; at least the function's timeout."""
    max_receives: Input[int]
    kms_key_arn: Input[str] | None = None
    """A customer key; without it SQS encrypts with its own."""


class WorkQueue(pulumi.ComponentResource):
    """Encrypted, TLS only. Who sends here has leave by a role of its own."""

    component: ClassVar[str]

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: WorkQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.component, name, None, opts)
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

    def grant_send(self, sid: str) -> Grant:
        """Leave to send work on its way once more, and to see how much there is."""
        return Grant(sid, ("sqs:GetQueueAttributes", "sqs:SendMessage"), (self.arn,))

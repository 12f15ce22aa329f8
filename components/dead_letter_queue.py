"""A queue for what could not be delivered or processed. It should be empty; an alarm says when it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.limits import DEAD_LETTER_RETENTION_SECONDS, MAX_MESSAGE_BYTES
from components.policies import Grant, queue_policy


@dataclass(frozen=True)
class DeadLetterQueueArgs:
    takes_from_rules: bool = False
    """Whether rules send here what they could not deliver; `admit` then says which, once all of them are declared."""
    takes_redrive: bool = False
    """Whether another queue redrives to this one; that queue's component then says which."""
    kms_key_arn: Input[str] | None = None
    """A customer key whose policy admits the senders; without it SQS encrypts with its own."""


class DeadLetterQueue(pulumi.ComponentResource):
    """Encrypted, TLS only, keeps messages for the 14 days that SQS allows."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: DeadLetterQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:DeadLetterQueue", name, None, opts)
        queue = aws.sqs.Queue(
            f"{name}-queue",
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            max_message_size=MAX_MESSAGE_BYTES,
            sqs_managed_sse_enabled=True if args.kms_key_arn is None else None,
            kms_master_key_id=args.kms_key_arn,
            redrive_allow_policy=None if args.takes_redrive else json.dumps({"redrivePermission": "denyAll"}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._label = name
        self.name = queue.name
        self.arn = queue.arn
        self.url = queue.url
        if not args.takes_from_rules:
            self._guard(())
        self.register_outputs({"name": self.name, "arn": self.arn, "url": self.url})

    def admit(self, rule_arns: Sequence[Input[str]]) -> None:
        """Have these rules send here what they could not deliver; `*` within an ARN matches."""
        self._guard(rule_arns)

    def _guard(self, rule_arns: Sequence[Input[str]]) -> None:
        aws.sqs.QueuePolicy(
            f"{self._label}-policy",
            queue_url=self.url,
            policy=queue_policy(self.arn, rule_arns),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def grant_send(self) -> Grant:
        """Leave to leave a dead letter here."""
        return Grant("SendDeadLetters", ("sqs:SendMessage",), (self.arn,))

    def grant_handle(self, sid: str) -> Grant:
        """Leave to look at the letters, to put them back, and to remove them."""
        actions = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
        return Grant(sid, tuple(f"sqs:{action}" for action in actions), (self.arn,))

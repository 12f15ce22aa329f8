"""The way of an event from the bus to a function: rule, queue, mapping, and a dead letter queue on either edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.handler_function import HandlerFunction
from components.limits import (
    LEAST_RECEIVES,
    MAX_MESSAGE_BYTES,
    QUEUE_RETENTION_SECONDS,
    UNWINDOWED_BATCH,
    check_range,
)
from components.policies import Grant, queue_policy, role_policy
from components.rule_target import Delivery, rule_target


@dataclass(frozen=True)
class QueueFeedArgs:
    event_bus: EventBus
    pattern: Mapping[str, object]
    """Which of the bus's events are delivered."""
    description: str
    """Of the rule."""
    function: HandlerFunction
    delivery_dead_letters: DeadLetterQueue
    """Takes what the bus could not deliver; must admit the rules of the bus."""
    dead_letters: DeadLetterQueue
    """Takes what the function failed on again and again."""
    batch_size: Input[int] = 10
    batch_window: Input[int] = 0
    """Seconds to wait for a full batch; at least 1 with a batch size above 10."""
    max_concurrency: Input[int] = 10
    visibility_timeout: Input[int] = 180
    """Seconds; at least the function's timeout, better six times as much."""
    max_receives: Input[int] = 5
    retry_attempts: Input[int] = 185
    """Of a delivery from the bus to the queue."""
    max_event_age: Input[int] = 86_400
    """Seconds that the bus goes on trying to deliver."""
    kms_key_arn: Input[str] | None = None
    """A customer key whose policy admits EventBridge; without it SQS encrypts with its own."""
    previous_kms_key_arns: Sequence[str] = ()
    """Keys under which messages may still lie."""


class QueueFeed(pulumi.ComponentResource):
    """At least once and in any order: the function must cope with both."""

    component: ClassVar[str] = "event-sourcing:index:QueueFeed"

    rule_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]
    queue_name: pulumi.Output[str]
    queue_arn: pulumi.Output[str]
    queue_url: pulumi.Output[str]

    def __init__(self, name: str, args: QueueFeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.component, name, None, opts)
        _check(name, args)
        child = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description=args.description,
            event_bus_name=args.event_bus.name,
            event_pattern=Output.json_dumps(args.pattern),
            state="ENABLED",
            opts=child,
        )
        queue = redriven_queue(
            name,
            args.dead_letters,
            visibility_timeout=args.visibility_timeout,
            max_receives=args.max_receives,
            kms_key_arn=args.kms_key_arn,
            opts=child,
        )
        admission = aws.sqs.QueuePolicy(
            f"{name}-queue-policy", queue_url=queue.url, policy=queue_policy(queue.arn, [rule.arn]), opts=child
        )
        rule_target(
            f"{name}-target",
            rule.name,
            queue.arn,
            Delivery(args.event_bus, args.delivery_dead_letters, args.retry_attempts, args.max_event_age),
            pulumi.ResourceOptions(parent=self, depends_on=[admission]),
        )
        drive(
            name,
            queue.arn,
            args.function,
            batch_size=args.batch_size,
            batch_window=args.batch_window,
            max_concurrency=args.max_concurrency,
            kms_key_arn=args.kms_key_arn,
            previous_kms_key_arns=args.previous_kms_key_arns,
            opts=child,
        )
        self.rule_name = rule.name
        self.rule_arn = rule.arn
        self.queue_name = queue.name
        self.queue_arn = queue.arn
        self.queue_url = queue.url
        self.register_outputs({"ruleArn": self.rule_arn, "queueUrl": self.queue_url})

    def grant_send(self, sid: str) -> Grant:
        """Leave to send a message on its way once more, and to see how many there are."""
        return Grant(sid, ("sqs:GetQueueAttributes", "sqs:SendMessage"), (self.queue_arn,))

    def grant_poke(self) -> Grant:
        """Leave to send messages past the bus."""
        return Grant("SendPastTheBus", ("sqs:SendMessage",), (self.queue_arn,))


def redriven_queue(
    name: str,
    dead_letters: DeadLetterQueue,
    *,
    visibility_timeout: Input[int],
    max_receives: Input[int],
    kms_key_arn: Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> aws.sqs.Queue:
    """A queue, encrypted, that sets aside in `dead_letters` what was received so often."""
    queue = aws.sqs.Queue(
        f"{name}-queue",
        visibility_timeout_seconds=visibility_timeout,
        message_retention_seconds=QUEUE_RETENTION_SECONDS,
        max_message_size=MAX_MESSAGE_BYTES,
        sqs_managed_sse_enabled=True if kms_key_arn is None else None,
        kms_master_key_id=kms_key_arn,
        redrive_policy=Output.json_dumps({"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": max_receives}),
        opts=opts,
    )
    aws.sqs.RedriveAllowPolicy(
        f"{name}-redrive",
        queue_url=dead_letters.url,
        redrive_allow_policy=Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}),
        opts=opts,
    )
    return queue


def drive(
    name: str,
    queue_arn: Input[str],
    function: HandlerFunction,
    *,
    batch_size: Input[int],
    batch_window: Input[int],
    max_concurrency: Input[int],
    kms_key_arn: Input[str] | None,
    previous_kms_key_arns: Sequence[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Have a queue's messages handed to a function, which may take them and no other."""
    consume = Grant("ConsumeQueue", ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), (queue_arn,))
    policy = aws.iam.RolePolicy(
        f"{name}-policy",
        role=function.role_name,
        policy=role_policy(
            [consume],
            kms_key_arn=kms_key_arn,
            previous_kms_key_arns=previous_kms_key_arns,
            dns_suffix=aws.get_partition_output().dns_suffix,
        ),
        opts=opts,
    )
    aws.lambda_.EventSourceMapping(
        f"{name}-mapping",
        event_source_arn=queue_arn,
        function_name=function.arn,
        batch_size=batch_size,
        maximum_batching_window_in_seconds=batch_window,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=max_concurrency),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )


def _check(name: str, args: QueueFeedArgs) -> None:
    check_range(name, "batch_size", args.batch_size, 1, 10_000)
    check_range(name, "batch_window", args.batch_window, 0, 300)
    check_range(name, "max_concurrency", args.max_concurrency, 2, 1000)
    check_range(name, "visibility_timeout", args.visibility_timeout, 1, 43_200)
    check_range(name, "max_receives", args.max_receives, LEAST_RECEIVES, 1000)
    check_range(name, "retry_attempts", args.retry_attempts, 0, 185)
    check_range(name, "max_event_age", args.max_event_age, 60, 86_400)
    if isinstance(args.batch_size, int) and args.batch_size > UNWINDOWED_BATCH and args.batch_window == 0:
        raise ValueError(f"{name}: batch_window must be at least 1 with a batch_size above {UNWINDOWED_BATCH}")

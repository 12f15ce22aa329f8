"""What invokes a function again and again: a schedule, the role in which it acts, where what failed is left.

The sweep was the first; the heartbeat and what reconciles two Regions are called so as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.dead_letter_queue import DeadLetterQueue
from components.handler_function import HandlerFunction
from components.limits import MAX_SWEEP_MINUTES, check_range
from components.policies import Grant, assume_role_policy, role_policy

_RETRIES = 5


@dataclass(frozen=True)
class FunctionScheduleArgs:
    function: HandlerFunction
    """Whom it calls."""
    dead_letters: DeadLetterQueue
    """Takes a call that could not be made. The next one does its work, so nothing is to be redriven."""
    account_id: Input[str]
    description: str = "Carries on the processes that are due and those that nobody woke"
    """Of the schedule."""
    minutes: int = 1
    """From one call to the next; also how long a call is tried."""
    kms_key_arn: Input[str] | None = None
    """A customer key under which the dead letters lie."""


class FunctionSchedule(pulumi.ComponentResource):
    """One schedule for all that may be due: one of its own for each could be lost between the event and the call."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: FunctionScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The type, the role's description and the statement's name are of the time when only the sweep had a schedule:
        # with others, every stack that is there would change for a word.
        super().__init__("event-sourcing:index:SweepSchedule", name, None, opts)
        check_range(name, "minutes", args.minutes, 1, MAX_SWEEP_MINUTES)
        child = pulumi.ResourceOptions(parent=self)
        # A group of its own, since a role's trust can name a group and no schedule.
        group = aws.scheduler.ScheduleGroup(f"{name}-group", opts=child)
        role = aws.iam.Role(
            f"{name}-role",
            description="What the schedule of the sweep may do",
            assume_role_policy=assume_role_policy(
                "scheduler.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": args.account_id, "aws:SourceArn": group.arn}},
            ),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=role_policy(
                [
                    Grant("InvokeSweep", ("lambda:InvokeFunction",), (args.function.arn,)),
                    args.dead_letters.grant_send(),
                ],
                kms_key_arn=args.kms_key_arn,
                dns_suffix=aws.get_partition_output().dns_suffix,
            ),
            opts=child,
        )
        schedule = aws.scheduler.Schedule(
            f"{name}-schedule",
            description=args.description,
            group_name=group.name,
            schedule_expression=f"rate({args.minutes} {'minute' if args.minutes == 1 else 'minutes'})",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            state="ENABLED",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=args.function.arn,
                role_arn=role.arn,
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=args.minutes * 60, maximum_retry_attempts=_RETRIES
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=args.dead_letters.arn),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.name = Output.concat(group.name, "/", schedule.name)
        self.register_outputs({"name": self.name})

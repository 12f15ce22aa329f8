"""The key that a stack encrypts with instead of AWS's own: made here, with the policy that it takes, or given."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components.limits import check_range
from components.policies import customer_key_policy


@dataclass(frozen=True)
class CustomerKeyArgs:
    account_id: Input[str]
    region: Input[str]
    partition: Input[str]
    """"aws", "aws-cn" or "aws-us-gov"."""
    dns_suffix: Input[str]
    """Of the partition's services."""
    deletion_days: Input[int] = 30
    """Days, 7 to 30, for which the key would wait for its end; it is retained, so Pulumi never asks for that."""


class CustomerKey(pulumi.ComponentResource):
    """A symmetric key of this stack alone, rotated each year. Who deletes it loses everything that lies under it.

    So it stays in the account when the stack, or the setting, lets it go; its deletion is scheduled by hand.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: CustomerKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:CustomerKey", name, None, opts)
        check_range(name, "deletion_days", args.deletion_days, 7, 30)
        key = aws.kms.Key(
            f"{name}-key",
            description="What the account ledger keeps: tables, queues, logs, archive, alarms, functions' settings",
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_days,
            policy=customer_key_policy(args.account_id, args.region, args.partition, args.dns_suffix),
            # A setting or a destroy lets the key go; archive, audit log and backups lie under it for years.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def given_key(arn: str, region: Input[str], partition: Input[str]) -> Output[str]:
    """The ARN of a key made elsewhere. ValueError, naming the setting, for one of another Region or partition."""

    def check(here: tuple[str, str]) -> str:
        if tuple(arn.split(":")[1:4:2]) != here:
            raise ValueError(
                f"event-sourcing:kmsKeyArn is {arn!r}; allowed: a key of {here[1]} (partition {here[0]}), where this "
                "stack is: the services use no key of another Region"
            )
        return arn

    return Output.all(partition, region).apply(lambda here: check((here[0], here[1])))

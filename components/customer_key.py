"""The key that a stack encrypts with instead of AWS's own: made here, with the policy that it takes, or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.policies import customer_key_policy
from components.settings import refused


@dataclass(frozen=True)
class CustomerKeyArgs:
    account_id: Input[str]
    region: Input[str]
    partition: Input[str]
    """"aws", "aws-cn" or "aws-us-gov"."""
    dns_suffix: Input[str]
    """Of the partition's services."""


class CustomerKey(pulumi.ComponentResource):
    """A symmetric key of this stack alone, rotated each year. Who deletes it loses everything that lies under it.

    So it stays in the account when the stack, or the setting, lets it go; its deletion is scheduled by hand.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: CustomerKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:CustomerKey", name, None, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description="What the account ledger keeps: tables, queues, logs, archive, alarms, functions' settings",
            enable_key_rotation=True,
            policy=customer_key_policy(args.account_id, args.region, args.partition, args.dns_suffix),
            # A setting or a destroy lets the key go; archive, audit log and backups lie under it for years.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def check_given_keys(keys: Mapping[str, Sequence[str]]) -> None:
    """SettingsError for a key made elsewhere that has another Region or partition than the provider.

    `keys` are ARNs by setting. The settings' own check knows only a Region that is configured; this one asks the
    provider, which may have it from the environment. Two requests, and none where no key is given.
    """
    if not any(keys.values()):
        return
    partition, region = aws.get_partition().partition, aws.get_region().region
    for setting, arns in keys.items():
        for arn in arns:
            if arn.split(":")[1:4:2] != [partition, region]:
                here = f"a key of {region} (partition {partition}), where this stack is"
                raise refused(setting, arn, f"{here}: the services use no key of another Region")

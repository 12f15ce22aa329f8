"""What every part is told: the settings, where the stack stands, and the key that encrypts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.customer_key import CustomerKey, CustomerKeyArgs
from components.names import Names
from components.settings import Settings


@dataclass(frozen=True)
class Shared:
    settings: Settings
    names: Names
    root: Path
    """The project's folder."""
    account_id: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]
    dns_suffix: pulumi.Output[str]
    kms_key_arn: pulumi.Output[str] | None
    """What everything is encrypted with that is kept or carried; None for the keys that AWS owns."""
    options: pulumi.ResourceOptions
    """Every component is declared with these, and what it is made of inherits them, but for what it lets go by name."""


def protection(settings: Settings) -> pulumi.ResourceOptions:
    """What keeps a stack of production from being deleted."""
    return pulumi.ResourceOptions(protect=settings.production)


def share(settings: Settings, names: Names, root: Path) -> Shared:
    """Ask AWS where the stack stands; declare its key, where it is to have one of its own."""
    account_id = aws.get_caller_identity_output().account_id
    region = aws.get_region_output().region
    partition = aws.get_partition_output()
    options = protection(settings)
    kms_key_arn: pulumi.Output[str] | None = None
    if settings.kms_key:
        key = CustomerKeyArgs(account_id, region, partition.partition, partition.dns_suffix)
        kms_key_arn = CustomerKey("encryption", key, options).arn
    elif settings.kms_key_arn:
        kms_key_arn = pulumi.Output.from_input(settings.kms_key_arn)
    return Shared(
        settings=settings,
        names=names,
        root=root,
        account_id=account_id,
        region=region,
        partition=partition.partition,
        dns_suffix=partition.dns_suffix,
        kms_key_arn=kms_key_arn,
        options=options,
    )

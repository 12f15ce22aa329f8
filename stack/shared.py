"""What every part is told: the settings, where the stack stands, and the key that encrypts it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.customer_key import CustomerKey, CustomerKeyArgs
from components.names import Names
from components.region import Region, region_provider
from components.settings import Settings


@dataclass(frozen=True)
class Place:
    """Which of two Regions this is."""

    region: str
    order: tuple[str, ...]
    """All of them, the stack's own first."""
    mode: str

    @property
    def primary(self) -> str:
        return self.order[0]

    @property
    def is_first(self) -> bool:
        """Whether it is the stack's own."""
        return self.region == self.primary

    @property
    def other(self) -> str:
        """The Region beside."""
        return next(each for each in self.order if each != self.region)

    @property
    def role(self) -> str:
        """What it is until an operator says otherwise."""
        return "active" if self.region == self.primary or self.mode == "home" else "standby"


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
    place: Place | None = None
    """None where there is one Region."""

    @property
    def is_first(self) -> bool:
        """Whether this is the stack's own Region."""
        return self.place is None or self.place.region == self.place.primary


def protection(settings: Settings) -> pulumi.ResourceOptions:
    """What keeps a stack of production from being deleted."""
    return pulumi.ResourceOptions(protect=settings.production)


def loose(shared: Shared) -> pulumi.ResourceOptions | None:
    """Unprotected, and so without the options of all others; in the second Region it lies with them."""
    parent = shared.options.parent
    return pulumi.ResourceOptions(parent=parent) if parent else None


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
        place=Place(settings.regions[0], settings.regions, settings.region_mode) if settings.regions else None,
    )


def beside(shared: Shared) -> Shared:
    """What the parts in the second Region are told, under one component of theirs, and with a key of that Region."""
    settings, first = shared.settings, shared.place
    if first is None:
        raise ValueError("there is no second Region")
    region = first.other
    provider = region_provider(region, pulumi.Config("aws"))
    home = Region(region, pulumi.ResourceOptions.merge(shared.options, pulumi.ResourceOptions(providers=[provider])))
    options = pulumi.ResourceOptions.merge(shared.options, pulumi.ResourceOptions(parent=home))
    here = pulumi.Output.from_input(region)
    kms_key_arn: pulumi.Output[str] | None = None
    if settings.kms_key:
        key = CustomerKeyArgs(shared.account_id, here, shared.partition, shared.dns_suffix)
        kms_key_arn = CustomerKey("encryption", key, options).arn
    elif settings.replica_kms_key_arn:
        kms_key_arn = pulumi.Output.from_input(settings.replica_kms_key_arn)
    return replace(
        shared,
        names=shared.names.beside(region),
        region=here,
        kms_key_arn=kms_key_arn,
        options=options,
        place=replace(first, region=region),
    )

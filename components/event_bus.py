"""The bus that carries the events, and its archive."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.limits import check_range
from components.policies import Grant


@dataclass(frozen=True)
class EventBusArgs:
    archive_retention_days: Input[int] = 365
    """How long the archive keeps an event for replay; 0 is for ever."""
    kms_key_arn: Input[str] | None = None
    """Encrypts the archive. The bus keeps to the key that AWS owns: it drops what it cannot encrypt."""
    but_from: Sequence[str] = ()
    """Sources whose events are not archived."""


class EventBus(pulumi.ComponentResource):
    """A bus of its own, every event on which is archived, but for those of sources left out."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    archive_name: pulumi.Output[str]
    archive_arn: pulumi.Output[str]
    rule_arns: pulumi.Output[str]
    """Matches the ARN of any rule on this bus."""

    def __init__(self, name: str, args: EventBusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:EventBus", name, None, opts)
        check_range(name, "archive_retention_days", args.archive_retention_days, 0, 2**31 - 1)
        bus = aws.cloudwatch.EventBus(
            f"{name}-bus",
            description="Events of the account ledger",
            opts=pulumi.ResourceOptions(parent=self),
        )
        archive = aws.cloudwatch.EventArchive(
            f"{name}-archive",
            event_source_arn=bus.arn,
            description="Every event of the account ledger, for replay and audit",
            event_pattern=json.dumps({"source": [{"anything-but": list(args.but_from)}]}) if args.but_from else None,
            retention_days=args.archive_retention_days,
            kms_key_identifier=args.kms_key_arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = bus.name
        self.arn = bus.arn
        self.archive_name = archive.name
        self.archive_arn = archive.arn
        self.rule_arns = bus.arn.apply(lambda arn: arn.replace(":event-bus/", ":rule/", 1) + "/*")
        self.register_outputs({"name": self.name, "arn": self.arn, "archiveArn": self.archive_arn})

    def grant_publish(self) -> Grant:
        """Leave to put events on this bus."""
        return Grant("PublishEvents", ("events:PutEvents",), (self.arn,))

    def grant_publish_only(self, detail_type: str) -> Grant:
        """Leave to put events of one type on this bus: whoever has it cannot make up others."""
        condition = {"StringEquals": {"events:detail-type": detail_type}}
        return Grant(f"Publish{detail_type}", ("events:PutEvents",), (self.arn,), condition)

    def grant_publish_from(self, source: str) -> Grant:
        """Leave to put events of one source on this bus: whoever has it cannot pass any off for another's."""
        condition = {"StringEquals": {"events:source": source}}
        return Grant("PublishFromOneSource", ("events:PutEvents",), (self.arn,), condition)

"""The queues that a replay's copies may go to: somebody's own, in the stack's Region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import boto3
from botocore.exceptions import ClientError

from handlers.sourcing.replays import QUEUE, Target
from handlers.store.replay_targets import path_of
from ops.system import OperatorError, System, UsageError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_QUEUE_URL = "QueueUrl"
"""What the names of outputs end in that are the URL of a queue."""


class _Queue(NamedTuple):
    """What an ARN says of a queue."""

    partition: str
    region: str
    path: str
    """Account and name, as in its URL."""

    @classmethod
    def of(cls, arn: str) -> _Queue:
        _, partition, _, region, account, name = arn.split(":")
        return cls(partition, region, f"{account}/{name}")


@dataclass(frozen=True, slots=True)
class TargetQueues:
    """Knows the ledger's own queues, which take work and letters: a copy there is neither."""

    partition: str
    region: str
    own: Mapping[tuple[str, str], str]
    """By Region and path, the output that names it."""

    @classmethod
    def of(cls, system: System) -> TargetQueues:
        """Those of a stack, in all its Regions. No request."""
        own = {
            (region, path_of(str(value))): output
            for region, each in system.regions().items()
            for output, value in each.outputs.items()
            if output.lower().endswith(_QUEUE_URL.lower())
        }
        return cls(boto3.Session().get_partition_for_region(system.region), system.region, own)

    def check(self, target: Target | None) -> None:
        """UsageError for one of the ledger's own queues, or one that the replayer would look for elsewhere."""
        if target is None or target.kind != QUEUE:
            return
        queue = _Queue.of(target.name)
        if output := self.own.get((queue.region, queue.path)):
            raise UsageError(f"{target}: it is a queue of the ledger's own ({output}); give a queue of your own")
        if (queue.partition, queue.region) != (self.partition, self.region):
            raise UsageError(
                f"{target}: it is in {queue.region} ({queue.partition}); "
                f"the replayer sends within {self.region} ({self.partition})"
            )

    def url(self, sqs: SQSClient, target: Target) -> str:
        """The target's URL: one GetQueueUrl. UsageError as for `check`; OperatorError where there is no such queue."""
        self.check(target)
        path = _Queue.of(target.name).path
        account, name = path.split("/")
        try:
            url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        except ClientError as error:
            raise OperatorError(f"{target}: {error.response['Error']['Message']}") from error
        if path_of(url) != path:
            raise OperatorError(f"{target}: SQS names another queue for it, {url}")
        return url

"""The event store's stream as the source of a function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.event_store import EventTable
from components.handler_function import HandlerFunction
from components.limits import STREAM_RETENTION_SECONDS, check_range
from components.policies import role_policy


@dataclass(frozen=True)
class StreamFeedArgs:
    event_store: EventTable
    function: HandlerFunction
    """Its dead letters also say which part of the stream was given up; the events themselves stay in the store."""
    pattern: dict[str, Any] | None = None
    """Which records the function gets, as an event pattern; without it all, changes and deletions too."""
    batch_size: Input[int] = 100
    parallelization_factor: Input[int] = 10
    """Batches of one shard under way at once. Each item's changes stay in order; an aggregate's events may overtake."""
    max_record_age: Input[int] = 6 * 3600
    """Seconds, within the day that a stream keeps."""
    max_retries: Input[int] = 10_000
    kms_key_arn: Input[str] | None = None
    previous_kms_key_arns: Sequence[str] = ()
    """Keys under which records may still lie."""


class StreamFeed(pulumi.ComponentResource):
    """Feeds a function, each item's changes in order. DynamoDB bears two such readers of a stream, not more."""

    def __init__(self, name: str, args: StreamFeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:StreamFeed", name, None, opts)
        check_range(name, "batch_size", args.batch_size, 1, 10_000)
        check_range(name, "parallelization_factor", args.parallelization_factor, 1, 10)
        check_range(name, "max_record_age", args.max_record_age, 60, STREAM_RETENTION_SECONDS)
        check_range(name, "max_retries", args.max_retries, 0, 10_000)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=args.function.role_name,
            policy=role_policy(
                [args.event_store.grant_read_stream()],
                kms_key_arn=args.kms_key_arn,
                previous_kms_key_arns=args.previous_kms_key_arns,
                dns_suffix=aws.get_partition_output().dns_suffix,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        mapping = aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.event_store.stream_arn,
            function_name=args.function.arn,
            starting_position="TRIM_HORIZON",
            filter_criteria=_filter(args.pattern),
            batch_size=args.batch_size,
            parallelization_factor=args.parallelization_factor,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=args.max_retries,
            maximum_record_age_in_seconds=args.max_record_age,
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=args.function.dead_letters_arn
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({"mappingId": mapping.uuid})


def multiples_of(power_of_ten: int) -> dict[str, Any]:
    """The pattern of insertions whose sequence is a multiple: a number in a stream record is text, so its end tells."""
    end = str(power_of_ten)[1:]
    return {"eventName": ["INSERT"], "dynamodb": {"Keys": {"EventSequence": {"N": [{"suffix": end}]}}}}


def _filter(pattern: dict[str, Any] | None) -> aws.lambda_.EventSourceMappingFilterCriteriaArgs | None:
    if pattern is None:
        return None
    filters = [aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=json.dumps(pattern))]
    return aws.lambda_.EventSourceMappingFilterCriteriaArgs(filters=filters)

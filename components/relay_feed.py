"""The event store's stream as the source of the relay."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input

from components.event_store import EventStore
from components.handler_function import HandlerFunction
from components.limits import STREAM_RETENTION_SECONDS, check_range
from components.policies import role_policy


@dataclass(frozen=True)
class RelayFeedArgs:
    event_store: EventStore
    relay: HandlerFunction
    """Its dead letters also say which part of the stream was given up; the events themselves stay in the store."""
    batch_size: Input[int] = 100
    parallelization_factor: Input[int] = 10
    """Batches of one shard under way at once, each with aggregates of its own."""
    max_record_age: Input[int] = 6 * 3600
    """Seconds, within the day that a stream keeps."""
    max_retries: Input[int] = 10_000
    kms_key_arn: Input[str] | None = None


class RelayFeed(pulumi.ComponentResource):
    """Feeds every record, in order within an aggregate; changes and deletions too, which the relay reports."""

    def __init__(self, name: str, args: RelayFeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:RelayFeed", name, None, opts)
        check_range(name, "batch_size", args.batch_size, 1, 10_000)
        check_range(name, "parallelization_factor", args.parallelization_factor, 1, 10)
        check_range(name, "max_record_age", args.max_record_age, 60, STREAM_RETENTION_SECONDS)
        check_range(name, "max_retries", args.max_retries, 0, 10_000)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=args.relay.role_name,
            policy=role_policy([args.event_store.grant_read_stream()], kms_key_arn=args.kms_key_arn),
            opts=pulumi.ResourceOptions(parent=self),
        )
        mapping = aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.event_store.stream_arn,
            function_name=args.relay.arn,
            starting_position="TRIM_HORIZON",
            batch_size=args.batch_size,
            parallelization_factor=args.parallelization_factor,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=args.max_retries,
            maximum_record_age_in_seconds=args.max_record_age,
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=args.relay.dead_letters_arn
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({"mappingId": mapping.uuid})

"""How functions in a VPC reach what they call, where the stack is to see to that."""

from __future__ import annotations

import pulumi

from components.vpc_endpoints import DYNAMODB, VpcEndpoints, VpcEndpointsArgs
from stack.carriers import Carriers
from stack.feeds import Feeds
from stack.functions import Functions
from stack.replays import Replaying
from stack.shared import Shared
from stack.stores import Stores


def connect(
    shared: Shared, stores: Stores, carriers: Carriers, functions: Functions, *, feeds: Feeds, replaying: Replaying
) -> None:
    """Declare the endpoints; none where functions are in no VPC, or in one that has its own ways."""
    settings = shared.settings
    if not settings.vpc_endpoints:
        return
    tables = [
        table.table_arn
        for table in (stores.event_store, stores.read_model, stores.snapshots, stores.branches, stores.replays)
    ]
    letters = (
        *(carriers.projection_dead_letters, carriers.process_dead_letters, carriers.replay_dead_letters),
        *(carriers.delivery_dead_letters, carriers.invocation_dead_letters),
    )
    queues = [feeds.projection.queue_arn, feeds.process.queue_arn, replaying.queue.arn]
    reached: dict[str, list[pulumi.Input[str]]] = {
        DYNAMODB: [*tables, *(pulumi.Output.concat(arn, "/index/*") for arn in tables)],
        "events": [carriers.event_bus.arn],
        "sqs": [*queues, *(each.arn for each in letters)],
    }
    if settings.http_api:  # operators' own function reads the stream again
        reached["dynamodb-streams"] = [stores.event_store.stream_arn]
    if functions.heartbeat:
        reached["lambda"] = [functions.command.called_arn, functions.query.called_arn]
    VpcEndpoints(
        "endpoints",
        VpcEndpointsArgs(
            vpc_id=settings.vpc_id,
            subnet_ids=settings.subnet_ids,
            security_group_ids=settings.security_group_ids,
            route_table_ids=settings.route_table_ids,
            region=shared.region,
            account_id=shared.account_id,
            reached=reached,
        ),
        # They hold nothing, and come and go with the setting.
        pulumi.ResourceOptions.merge(shared.options, pulumi.ResourceOptions(protect=False)),
    )

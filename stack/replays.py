"""What sends stored events once more: a queue of segments, and the function that works on them."""

from __future__ import annotations

from dataclasses import dataclass

from components import limits
from components.handler_function import HandlerFunction
from components.replay_feed import ReplayFeed, ReplayFeedArgs, ReplayQueue, ReplayQueueArgs
from stack.carriers import COPIES, Carriers
from stack.feeds import Feeds
from stack.functions import Functions
from stack.shared import Shared
from stack.stores import Stores

_VISIBILITY = 3
"""Timeouts of replayer for which a segment stays hidden whose invocation came to nothing."""


@dataclass(frozen=True)
class Replaying:
    queue: ReplayQueue
    replayer: HandlerFunction


def replay(shared: Shared, stores: Stores, carriers: Carriers, functions: Functions, feeds: Feeds) -> Replaying:
    """Declare the machine of replays. Who owns a queue that copies are to go to admits the function's role there."""
    settings = shared.settings
    queue = ReplayQueue(
        "replay",
        ReplayQueueArgs(
            dead_letters=carriers.replay_dead_letters,
            visibility_timeout=_VISIBILITY * settings.function_timeout,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )
    replayer = functions.handler(
        "replayer",
        "Sends copies of stored events to whoever asked for them",
        environment={
            "EVENT_STORE_TABLE": stores.event_store.table_name,
            "SNAPSHOTS_TABLE": stores.snapshots.table_name,
            "SNAPSHOT_EVERY": str(settings.snapshot_every),
            "BRANCHES_TABLE": stores.branches.table_name,
            "REPLAYS_TABLE": stores.replays.table_name,
            "REPLAY_QUEUE_URL": queue.url,
            "PROJECTION_QUEUE_URL": feeds.projection.queue_url,
            "EVENT_BUS_NAME": carriers.event_bus.name,
            "REPLAY_RATE": str(settings.replay_rate),
            "REPLAY_CONCURRENCY": str(settings.replay_concurrency),
        },
        grants=[
            stores.event_store.grant_read(),
            stores.event_store.grant_scan(),
            stores.snapshots.grant_read(),
            stores.branches.grant_use(),
            stores.replays.grant_work(),
            queue.grant_hand_on(),
            feeds.projection.grant_poke(),
            carriers.event_bus.grant_publish_from(COPIES),
        ],
        # The queue drives no more than replayConcurrency of it.
        concurrency=limits.UNRESERVED,
    )
    ReplayFeed(
        "replay-feed",
        ReplayFeedArgs(
            queue=queue,
            function=replayer,
            max_concurrency=settings.replay_concurrency,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    return Replaying(queue, replayer)

"""Who notices that something is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.account_limits import concurrency_limit
from components.front_door import FrontDoor
from components.handler_function import HandlerFunction
from components.monitoring import Between, Monitoring, MonitoringArgs, Watch
from stack.carriers import Carriers
from stack.feeds import Feeds
from stack.functions import Functions
from stack.regions import Settling
from stack.replays import Replaying
from stack.shared import Shared
from stack.stores import Stores


def watch(
    shared: Shared,
    stores: Stores,
    carriers: Carriers,
    functions: Functions,
    *,
    feeds: Feeds,
    operations: HandlerFunction | None,
    replaying: Replaying,
    front_door: FrontDoor | None,
    settling: Settling | None,
    watches: Mapping[str, Watch],
) -> Monitoring:
    """Declare the alarms, the topic that they report to, and the dashboard."""
    return Monitoring(
        "monitoring",
        MonitoringArgs(
            event_store=stores.event_store,
            read_model=stores.read_model,
            snapshots=stores.snapshots,
            event_bus=carriers.event_bus,
            command=functions.command,
            relay=functions.relay,
            projection=functions.projection,
            query=functions.query,
            snapshot=functions.snapshot,
            validate=functions.validate,
            process=functions.process,
            sweep=functions.sweep,
            branches=stores.branches,
            branch=functions.branch,
            replayer=replaying.replayer,
            replays=stores.replays,
            replay_queue=replaying.queue,
            projection_feed=feeds.projection,
            process_feed=feeds.process,
            audit_log=feeds.audit_log,
            audit_files=feeds.audit_files,
            dead_letter_queues={
                "delivery-dlq": carriers.delivery_dead_letters,
                "projection-dlq": carriers.projection_dead_letters,
                "process-dlq": carriers.process_dead_letters,
                "replay-dlq": carriers.replay_dead_letters,
                "invocation-dlq": carriers.invocation_dead_letters,
                **({"conflict-dlq": carriers.conflict_dead_letters} if carriers.conflict_dead_letters else {}),
            },
            between=Between(settling.reconcile, settling.queue, settling.conflicts, settling.other)
            if settling
            else None,
            account_id=shared.account_id,
            region=shared.region,
            dashboard_name=shared.names.dashboard,
            sweep_minutes=shared.settings.sweep_minutes,
            heartbeat=functions.heartbeat,
            heartbeat_minutes=shared.settings.heartbeat_minutes,
            watches=watches,
            delivery_dead_letters=carriers.delivery_dead_letters,
            apis=front_door.apis if front_door else {},
            token_scopes=functions.token_scopes,
            operations=operations,
            emails=shared.settings.alarm_emails,
            webhooks=shared.settings.alarm_webhooks,
            topics=_topics(shared),
            alarms_off=shared.settings.alarms_off,
            thresholds=_thresholds(shared),
            contributor_insights=shared.settings.contributor_insights,
            concurrency_percent=shared.settings.concurrency_alarm_percent,
            concurrency_limit=_concurrency_limit(shared) if shared.settings.concurrency_alarm_percent else 0,
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )


def _concurrency_limit(shared: Shared) -> pulumi.Output[float]:
    """Each Region has one of its own."""
    place = shared.place
    return concurrency_limit(None if place is None or place.is_first else place.region)


def _topics(shared: Shared) -> list[str]:
    """Those of this Region; of one Region, all."""
    here = shared.place and shared.place.region
    return [arn for arn in shared.settings.alarm_topics if here is None or arn.split(":")[3] == here]


def _thresholds(shared: Shared) -> dict[str, float]:
    pairs = (each.partition("=") for each in shared.settings.alarm_thresholds)
    return {name: float(number) for name, _, number in pairs}

"""What there is for two Regions alone: what settles the streams that both wrote, and what crosses between them."""

from __future__ import annotations

from dataclasses import dataclass

from components import limits
from components.conflict_feed import ConflictFeed, ConflictFeedArgs, ConflictQueue
from components.conflicts import ConflictTable
from components.crossing import Crossing, CrossingArgs
from components.function_schedule import FunctionSchedule, FunctionScheduleArgs
from components.handler_function import HandlerFunction
from components.standings import Standings
from stack.carriers import REJECTION, SOURCE, Carriers
from stack.functions import Functions
from stack.shared import Shared
from stack.stores import Stores


@dataclass(frozen=True)
class Settling:
    """What settles streams in one of the two Regions."""

    reconcile: HandlerFunction
    queue: ConflictQueue
    conflicts: ConflictTable
    standings: Standings
    other: str
    """The Region beside."""
    mode: str
    """How what is decided is divided between them."""
    fence_seconds: int
    """For so long somebody may still write behind a fence."""


def settle(shared: Shared, stores: Stores, carriers: Carriers, functions: Functions) -> Settling | None:
    """Declare what drives `reconcile`: its queue, and a clock, as for processes."""
    place, between, queue = shared.place, stores.between, carriers.conflicts
    if place is None or between is None or queue is None or functions.reconcile is None:
        return None
    ConflictFeed(
        "conflict-feed",
        ConflictFeedArgs(
            queue=queue,
            function=functions.reconcile,
            kms_key_arn=shared.kms_key_arn,
            previous_kms_key_arns=shared.settings.previous_kms_key_arns,
        ),
        shared.options,
    )
    FunctionSchedule(
        "reconcile-schedule",
        FunctionScheduleArgs(
            function=functions.reconcile,
            dead_letters=carriers.invocation_dead_letters,
            account_id=shared.account_id,
            description="Settles what was lost between two Regions",
            kms_key_arn=shared.kms_key_arn,
        ),
        shared.options,
    )
    return Settling(
        reconcile=functions.reconcile,
        queue=queue,
        conflicts=between.conflicts,
        standings=between.standings,
        other=place.other,
        mode=place.mode,
        fence_seconds=limits.REMEMBERED_SECONDS + shared.settings.function_timeout + limits.ON_ITS_WAY_SECONDS,
    )


def cross(shared: Shared, carriers: Carriers, to: Carriers) -> Crossing:
    """Declare what goes from this Region's bus to the other's: refusals, which stand in no stream."""
    if shared.place is None:
        raise ValueError("there is no second Region")
    settings = shared.settings
    return Crossing(
        "crossing",
        CrossingArgs(
            event_bus=carriers.event_bus,
            region=shared.place.region,
            to_bus_arn=to.event_bus.arn,
            source=SOURCE,
            detail_types=[REJECTION],
            delivery_dead_letters=carriers.delivery_dead_letters,
            retry_attempts=settings.delivery_retry_attempts,
            max_event_age=settings.delivery_max_event_age,
        ),
        shared.options,
    )

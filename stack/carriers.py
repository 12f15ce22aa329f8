"""What events are carried on, and where those end that went wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass

from components import limits
from components.conflict_feed import ConflictQueue, ConflictQueueArgs
from components.dead_letter_queue import DeadLetterQueue, DeadLetterQueueArgs
from components.event_bus import EventBus, EventBusArgs
from stack.shared import Shared

SOURCE = "event-sourcing.financial"
"""Of what happened."""

REJECTION = "CommandRejected"
"""The detail-type of what was refused, which no projection takes."""

COPIES = "event-sourcing.financial.replay"
"""The source of copies that replays send: nothing that happened, and so for no rule of the stack, archive or audit."""


@dataclass(frozen=True)
class Carriers:
    event_bus: EventBus
    delivery_dead_letters: DeadLetterQueue
    """Of what did not come from the bus into a queue, a log or a topic."""
    projection_dead_letters: DeadLetterQueue
    process_dead_letters: DeadLetterQueue
    replay_dead_letters: DeadLetterQueue
    invocation_dead_letters: DeadLetterQueue
    """Of what went wrong in or before a function."""
    conflicts: ConflictQueue | None = None
    """None where there is one Region."""
    conflict_dead_letters: DeadLetterQueue | None = None


def carry(shared: Shared) -> Carriers:
    """Declare the bus, and a dead letter queue for each kind of edge."""
    key = shared.kms_key_arn
    event_bus = EventBus(
        "events",
        EventBusArgs(archive_retention_days=shared.settings.archive_retention_days, kms_key_arn=key, but_from=[COPIES]),
        shared.options,
    )
    delivered = DeadLetterQueueArgs(takes_from_rules=True, kms_key_arn=key)
    redriven = DeadLetterQueueArgs(takes_redrive=True, kms_key_arn=key)
    conflicts = conflict_dead_letters = None
    if shared.place:
        conflict_dead_letters = DeadLetterQueue("conflict-dlq", redriven, shared.options)
        visibility = limits.CONFLICT_VISIBILITY * shared.settings.function_timeout
        conflicts = ConflictQueue(
            "conflict",
            ConflictQueueArgs(dead_letters=conflict_dead_letters, visibility_timeout=visibility, kms_key_arn=key),
            shared.options,
        )
    return Carriers(
        event_bus=event_bus,
        delivery_dead_letters=DeadLetterQueue("delivery-dlq", delivered, shared.options),
        projection_dead_letters=DeadLetterQueue("projection-dlq", redriven, shared.options),
        process_dead_letters=DeadLetterQueue("process-dlq", redriven, shared.options),
        replay_dead_letters=DeadLetterQueue("replay-dlq", redriven, shared.options),
        invocation_dead_letters=DeadLetterQueue("invocation-dlq", DeadLetterQueueArgs(kms_key_arn=key), shared.options),
        conflicts=conflicts,
        conflict_dead_letters=conflict_dead_letters,
    )

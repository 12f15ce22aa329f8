"""What operators reach over HTTP: a function that looks at what has to do with all the others."""

from __future__ import annotations

import json

import pulumi

from components.handler_function import HandlerFunction
from components.policies import Grant
from stack.carriers import Carriers
from stack.domain import told
from stack.feeds import Feeds
from stack.functions import Functions, standing
from stack.replays import Replaying
from stack.shared import Shared
from stack.stores import Stores


def operate(
    shared: Shared, stores: Stores, carriers: Carriers, functions: Functions, *, feeds: Feeds, replaying: Replaying
) -> HandlerFunction | None:
    """Declare the function, where there is an API. It reads everything, and writes to the table of replays alone; what
    it sends has been on its way before."""
    settings = shared.settings
    if not settings.http_api:
        return None
    event_store, read_model = stores.event_store, stores.read_model
    names = pulumi.Output.all(*functions.names).apply(",".join)
    return functions.handler(
        "operations",
        "Tells operators of the pipeline, of replays and branches; redrives, verifies, pauses and resumes",
        environment={
            "EVENT_STORE_TABLE": event_store.table_name,
            "READ_MODEL_TABLE": read_model.table_name,
            "REPLAYS_TABLE": stores.replays.table_name,
            "EVENT_BUS_NAME": carriers.event_bus.name,
            "TYPE_BUCKETS": str(settings.type_buckets),
            "TYPE_INDEX": json.dumps(settings.type_index),
            **told(settings),
            "PROJECTION_QUEUE_URL": feeds.projection.queue_url,
            "PROJECTION_QUEUE_ARN": feeds.projection.queue_arn,
            "PROJECTION_RULE_ARN": feeds.projection.rule_arn,
            "PROCESS_QUEUE_URL": feeds.process.queue_url,
            "PROCESS_QUEUE_ARN": feeds.process.queue_arn,
            "REPLAY_QUEUE_URL": replaying.queue.url,
            "PROJECTION_DEAD_LETTERS_URL": carriers.projection_dead_letters.url,
            "PROCESS_DEAD_LETTERS_URL": carriers.process_dead_letters.url,
            "REPLAY_DEAD_LETTERS_URL": carriers.replay_dead_letters.url,
            "DELIVERY_DEAD_LETTERS_URL": carriers.delivery_dead_letters.url,
            "DEAD_LETTER_QUEUE_URL": carriers.invocation_dead_letters.url,
            "BRANCHES_TABLE": stores.branches.table_name,
            "FUNCTIONS": names,
            "COMMAND_FUNCTION": functions.command.name,
            **_of_two_regions(shared, stores, carriers),
        },
        grants=[
            event_store.grant_read(),
            *([event_store.grant_query_by_type()] if event_store.type_index else []),
            event_store.grant_reread_stream(),
            event_store.grant_describe(),
            read_model.grant_inspect(),
            read_model.grant_read_due(),
            carriers.event_bus.grant_publish(),
            feeds.projection.grant_send("SendToProjection"),
            feeds.process.grant_send("SendToProcess"),
            replaying.queue.grant_send("SendToReplay"),
            stores.replays.grant_oversee(),
            carriers.projection_dead_letters.grant_handle("HandleProjectionLetters"),
            carriers.process_dead_letters.grant_handle("HandleProcessLetters"),
            carriers.replay_dead_letters.grant_handle("HandleReplayLetters"),
            carriers.delivery_dead_letters.grant_handle("HandleDeliveryLetters"),
            carriers.invocation_dead_letters.grant_handle("HandleInvocationLetters"),
            stores.branches.grant_look(),
            *_to_look_between(stores, carriers),
        ],
        concurrency=settings.operations_concurrency,
    )


def _of_two_regions(shared: Shared, stores: Stores, carriers: Carriers) -> dict[str, pulumi.Input[str]]:
    """What it is told besides, where there are two Regions."""
    between, queue, letters = stores.between, carriers.conflicts, carriers.conflict_dead_letters
    if between is None or queue is None or letters is None:
        return {}
    return {
        **standing(shared, stores),
        "CONFLICTS_TABLE": between.conflicts.table_name,
        "CONFLICT_QUEUE_URL": queue.url,
        "CONFLICT_DEAD_LETTERS_URL": letters.url,
    }


def _to_look_between(stores: Stores, carriers: Carriers) -> list[Grant]:
    between, queue, letters = stores.between, carriers.conflicts, carriers.conflict_dead_letters
    if between is None or queue is None or letters is None:
        return []
    return [
        between.standings.grant_read(),
        between.conflicts.grant_look(),
        queue.grant_send("SendToConflicts"),
        letters.grant_handle("HandleConflictLetters"),
    ]

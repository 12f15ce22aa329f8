"""What notices that guards or evidence are taken away or a door opened: the alarm topic is told, as of an alarm."""

from __future__ import annotations

from components import guard_watch
from components.front_door import FrontDoor
from components.guard_watch import Calls, GuardWatch, GuardWatchArgs
from components.handler_function import HandlerFunction
from components.monitoring import Watch
from stack.carriers import Carriers
from stack.feeds import Feeds
from stack.functions import Functions
from stack.replays import Replaying
from stack.shared import Shared, loose
from stack.stores import Stores


def look_out(
    shared: Shared,
    stores: Stores,
    carriers: Carriers,
    functions: Functions,
    *,
    feeds: Feeds,
    operations: HandlerFunction | None,
    replaying: Replaying,
    front_door: FrontDoor | None,
) -> dict[str, Watch]:
    """Declare the rules, one for each subject since a pattern is short, where the watch of guards is asked for.

    Off unless it is: CloudTrail must record the account's management events. They tell and guard nothing, so they may
    go as alarms may.
    """
    if not shared.settings.watch_guards:
        return {}
    writers = [functions.command, functions.process, functions.sweep]
    if functions.reconcile:
        writers.append(functions.reconcile)
    publishers = [functions.relay, replaying.replayer, *([operations] if operations else [])]
    store = stores.event_store
    watched = {
        "guard": (
            "Changes of what guards the event store: its policy, deletion protection, stream and recovery",
            guard_watch.of_store(store.table_name, store.table_arn),
        ),
        "evidence": ("Changes of what proves the events: archive, audit log, audit files", _evidence(carriers, feeds)),
        "doors": (
            "Changes of the doors: the bus's policy, the queues, the APIs",
            _doors(carriers, feeds, replaying, front_door),
        ),
        "writers": ("Changes of who may call the functions that add events, and of what they run", _of(writers)),
        "publishers": ("Changes of who may call the functions that send events, and of what they run", _of(publishers)),
        "roles": (
            "Changes of the roles that add events, send them or write files; IAM tells of them in us-east-1 alone",
            _roles([*writers, *publishers], feeds),
        ),
    }
    return {
        label: GuardWatch(f"{label}-watch", GuardWatchArgs(description, calls), loose(shared))
        for label, (description, calls) in watched.items()
    }


def _evidence(carriers: Carriers, feeds: Feeds) -> list[Calls]:
    log, files = feeds.audit_log, feeds.audit_files
    rules = [
        *([log.rule_name] if log else []),
        *([log.apart_rule_name] if log and log.apart_rule_name else []),
        *([files.rule_name] if files else []),
    ]
    return [
        *guard_watch.of_archive(carriers.event_bus.archive_name),
        *(guard_watch.of_rules(rules) if rules else []),
        *(guard_watch.of_log_group(log.log_group_name) if log else []),
        *(guard_watch.of_bucket(files.bucket_name) if files else []),
        *(guard_watch.of_delivery_stream(files.stream_name) if files else []),
    ]


def _doors(carriers: Carriers, feeds: Feeds, replaying: Replaying, front_door: FrontDoor | None) -> list[Calls]:
    letters = (
        carriers.delivery_dead_letters,
        carriers.projection_dead_letters,
        carriers.process_dead_letters,
        carriers.replay_dead_letters,
        carriers.invocation_dead_letters,
        carriers.conflict_dead_letters,
    )
    queues = [
        *(each.name for each in (*letters, replaying.queue, carriers.conflicts) if each),
        *(each.queue_name for each in (feeds.projection, feeds.process)),
    ]
    return [
        *guard_watch.of_bus(carriers.event_bus.name),
        *guard_watch.of_queues(queues),
        *(guard_watch.of_apis([each.id for each in front_door.apis.values()]) if front_door else []),
    ]


def _of(functions: list[HandlerFunction]) -> list[Calls]:
    return guard_watch.of_functions([each.name for each in functions], [each.arn for each in functions])


def _roles(functions: list[HandlerFunction], feeds: Feeds) -> list[Calls]:
    files = feeds.audit_files
    return guard_watch.of_roles([*(each.role_name for each in functions), *([files.writer_role_name] if files else [])])

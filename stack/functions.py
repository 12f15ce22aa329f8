"""What runs: the functions, each with its environment, its grants and its share of the account's concurrency."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import limits
from components.append_guard import AppendGuard, AppendGuardArgs, identities
from components.front_door import FrontDoor
from components.handler_function import HandlerFunction, HandlerFunctionArgs, Network, Versions
from components.handler_package import HandlerPackage, HandlerPackageArgs, SignedPackages
from components.policies import Grant
from components.settings import Settings
from stack.carriers import REJECTION, Carriers
from stack.domain import told
from stack.shared import Shared
from stack.stores import Between, Stores

_TOKEN_SECONDS = 5
"""Cognito waits no longer for what changes a token."""
_HEARTBEAT_SECONDS = 60
"""Twice what the heartbeat waits for a function that begins cold, and no longer than until the next one."""


@dataclass(frozen=True)
class Handlers:
    """Makes functions of one package."""

    shared: Shared
    package: HandlerPackage
    carriers: Carriers
    elsewhere: FrontDoor | None
    """Of the other Region; None where there is none."""

    def __call__(
        self,
        name: str,
        description: str,
        *,
        environment: dict[str, pulumi.Input[str]],
        grants: list[Grant],
        concurrency: int,
        timeout: int | None = None,
        after: Sequence[HandlerFunction] = (),
        versions: Versions | None = None,
    ) -> HandlerFunction:
        """A function by the name of its entry, with what all share; seconds, None for the settings' own."""
        settings = self.shared.settings
        return HandlerFunction(
            name,
            HandlerFunctionArgs(
                package=self.package,
                entry=name.replace("-", "_"),
                description=description,
                dead_letters=self.carriers.invocation_dead_letters,
                environment=environment,
                grants=grants,
                memory_size=settings.memory_size,
                timeout=settings.function_timeout if timeout is None else timeout,
                concurrency=concurrency,
                versions=versions,
                log_level=settings.log_level,
                system_log_level=settings.system_log_level,
                log_retention_days=settings.log_retention_days,
                tracing=settings.tracing,
                network=Network(settings.subnet_ids, settings.security_group_ids) if settings.subnet_ids else None,
                kms_key_arn=self.shared.kms_key_arn,
                previous_kms_key_arns=settings.previous_kms_key_arns,
            ),
            pulumi.ResourceOptions.merge(self.shared.options, pulumi.ResourceOptions(depends_on=list(after))),
        )


@dataclass(frozen=True)
class Functions:
    command: HandlerFunction
    validate: HandlerFunction
    query: HandlerFunction
    relay: HandlerFunction
    projection: HandlerFunction
    snapshot: HandlerFunction
    process: HandlerFunction
    sweep: HandlerFunction
    branch: HandlerFunction
    token_scopes: HandlerFunction | None
    """None where the stack has no user pool."""
    reconcile: HandlerFunction | None
    """None where there is one Region."""
    heartbeat: HandlerFunction | None
    """None where it is left out."""
    handler: Handlers
    """Makes more functions of the same package."""

    @property
    def labelled(self) -> dict[str, HandlerFunction]:
        """All of them by their entry's name, as an output spells it."""
        every = {
            "command": self.command,
            "validate": self.validate,
            "query": self.query,
            "relay": self.relay,
            "projection": self.projection,
            "snapshot": self.snapshot,
            "process": self.process,
            "sweep": self.sweep,
            "branch": self.branch,
        }
        some = {"tokenScopes": self.token_scopes, "reconcile": self.reconcile, "heartbeat": self.heartbeat}
        return {**every, **{label: function for label, function in some.items() if function}}

    @property
    def names(self) -> list[pulumi.Output[str]]:
        """Of those that an invocation may have been meant for."""
        every = (self.command, self.relay, self.projection, self.query, self.snapshot, self.validate)
        some = [each for each in (self.reconcile, self.heartbeat) if each]
        return [each.name for each in (*every, self.process, self.sweep, self.branch, *some)]


def run(shared: Shared, stores: Stores, carriers: Carriers, elsewhere: FrontDoor | None = None) -> Functions:
    """Declare the handlers' package and the functions, those that write behind those that read.

    So whoever reads knows what is new before the first of it is written: a version of an event, a bucket of the type
    index. `elsewhere` is the front door of the other Region, to which callers are sent.
    """
    handler = Handlers(shared, _package(shared), carriers, elsewhere)
    query = _query(handler, stores)
    projection = _projection(handler, stores)
    snapshot = _snapshot(handler, stores)
    readers = (query, projection, snapshot)
    command = _command(handler, stores, readers)
    return Functions(
        command=command,
        validate=_validate(handler, stores, query),
        query=query,
        relay=_relay(handler, stores),
        projection=projection,
        snapshot=snapshot,
        process=_process(handler, stores, readers),
        sweep=_sweep(handler, stores, readers),
        branch=_branch(handler, stores, query),
        token_scopes=_token_scopes(handler) if shared.settings.has_user_pool and shared.is_first else None,
        reconcile=_reconcile(handler, stores, stores.between, readers) if stores.between else None,
        heartbeat=_heartbeat(handler, command, query) if shared.settings.heartbeat_minutes else None,
        handler=handler,
    )


def guard(shared: Shared, stores: Stores, functions: Functions) -> None:
    """What may be done to the store, whatever a role allows."""
    AppendGuard(
        "event-store-guard",
        AppendGuardArgs(
            event_store=stores.event_store,
            writers=[functions.command, functions.process, functions.sweep],
            menders=[functions.reconcile] if functions.reconcile else [],
            break_glass_arns=identities("breakGlassArns", shared.settings.break_glass_arns),
            break_glass_until=shared.settings.break_glass_until,
        ),
        shared.options,
    )


def _package(shared: Shared) -> HandlerPackage:
    return HandlerPackage(
        "handlers",
        HandlerPackageArgs(
            source=shared.root / "handlers",
            lock_file=shared.root / "handlers" / "requirements.txt",
            build=shared.root / ".build",
            layer_name=shared.names.layer,
            runtime=shared.settings.runtime,
            architecture=shared.settings.architecture,
            signed=_signed(shared),
        ),
        shared.options,
    )


def _signed(shared: Shared) -> SignedPackages | None:
    """Of this Region; None where the stack takes what is not signed."""
    config_arn, place = shared.settings.signing(is_first=shared.is_first)
    if not config_arn:
        return None
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return SignedPackages(config_arn, bucket, prefix)


def _query(handler: Handlers, stores: Stores) -> HandlerFunction:
    settings, event_store, read_model = handler.shared.settings, stores.event_store, stores.read_model
    return handler(
        "query",
        "Answers from the read model and from the events",
        environment={
            "EVENT_STORE_TABLE": event_store.table_name,
            "READ_MODEL_TABLE": read_model.table_name,
            "SNAPSHOTS_TABLE": stores.snapshots.table_name,
            "SNAPSHOT_EVERY": str(settings.snapshot_every),
            "TYPE_BUCKETS": str(settings.type_buckets),
            "TYPE_INDEX": json.dumps(settings.type_index),
            "CORRELATION_INDEX": json.dumps(settings.correlation_index),
            "STATEMENT_ENTRIES": str(settings.statement_entries),
            **told(settings),
            **_in_region(handler.shared),
        },
        grants=[
            event_store.grant_read(),
            # By the index by type lists of what has ended are found, too.
            *([event_store.grant_query_by_type(), read_model.grant_read_many()] if event_store.type_index else []),
            *([event_store.grant_query_by_correlation()] if event_store.correlation_index else []),
            read_model.grant_read(),
            *([read_model.grant_read_entries()] if settings.statement else []),
            read_model.grant_read_due(),
            stores.snapshots.grant_read(),
            stores.snapshots.grant_read_by_time(),
        ],
        concurrency=settings.query_concurrency,
        versions=_versions(settings, settings.query_provisioned_concurrency),
    )


def _relay(handler: Handlers, stores: Stores) -> HandlerFunction:
    event_bus, dead_letters = handler.carriers.event_bus, handler.carriers.invocation_dead_letters
    return handler(
        "relay",
        "Publishes stored events on the bus",
        # Its role may leave dead letters there as every function's may: here the function itself does, too.
        environment={
            "EVENT_BUS_NAME": event_bus.name,
            "DEAD_LETTER_QUEUE_URL": dead_letters.url,
            **standing(handler.shared, stores),
            **_handing_over(handler.carriers),
        },
        grants=[
            event_bus.grant_publish(),
            *([stores.between.standings.grant_give_way()] if stores.between else []),
            *_to_hand_over(handler.carriers),
        ],
        concurrency=handler.shared.settings.relay_concurrency,
    )


def _projection(handler: Handlers, stores: Stores) -> HandlerFunction:
    settings = handler.shared.settings
    return handler(
        "projection",
        "Brings the read model up to the events",
        environment={
            "EVENT_STORE_TABLE": stores.event_store.table_name,
            "READ_MODEL_TABLE": stores.read_model.table_name,
            **told(settings),
            **_in_region(handler.shared),
            **_handing_over(handler.carriers),
        },
        grants=[
            stores.event_store.grant_read(),
            stores.read_model.grant_project(),
            *([stores.read_model.grant_write_entries()] if settings.statement else []),
            *_to_hand_over(handler.carriers),
        ],
        concurrency=settings.projection_concurrency,
        timeout=settings.projection_timeout,
    )


def _snapshot(handler: Handlers, stores: Stores) -> HandlerFunction:
    settings = handler.shared.settings
    return handler(
        "snapshot",
        "Keeps states along the streams, so that nobody has to read a stream from its beginning",
        environment={
            "EVENT_STORE_TABLE": stores.event_store.table_name,
            "SNAPSHOTS_TABLE": stores.snapshots.table_name,
            "SNAPSHOT_EVERY": str(settings.snapshot_every),
            "SNAPSHOT_RETENTION_DAYS": str(settings.snapshot_retention_days),
            **_in_region(handler.shared),
        },
        grants=[stores.event_store.grant_read(), stores.snapshots.grant_read(), stores.snapshots.grant_write()],
        concurrency=settings.snapshot_concurrency,
        timeout=settings.projection_timeout,
    )


def _command(handler: Handlers, stores: Stores, readers: Sequence[HandlerFunction]) -> HandlerFunction:
    event_bus = handler.carriers.event_bus
    return handler(
        "command",
        "Decides a command and appends its events to the store",
        environment={**_appending(handler, stores), **_elsewhere(handler), "EVENT_BUS_NAME": event_bus.name},
        grants=[*_to_append(handler, stores), event_bus.grant_publish_only(REJECTION)],
        concurrency=handler.shared.settings.command_concurrency,
        after=readers,
        versions=_versions(handler.shared.settings, handler.shared.settings.command_provisioned_concurrency),
    )


def _validate(handler: Handlers, stores: Stores, query: HandlerFunction) -> HandlerFunction:
    return handler(
        "validate",
        "Says what the command function would, and writes nothing",
        environment={
            **_deciding(handler.shared, stores),
            **standing(handler.shared, stores),
            **_elsewhere(handler),
        },
        grants=[*_to_decide(stores), *_to_stand(stores)],
        concurrency=handler.shared.settings.validate_concurrency,
        after=[query],
        versions=_versions(handler.shared.settings),
    )


# Both append as command does. Neither reserves concurrency: the queue drives no more than processMaxConcurrency of the
# one, and the schedule one a minute of the other.


def _process(handler: Handlers, stores: Stores, readers: Sequence[HandlerFunction]) -> HandlerFunction:
    return handler(
        "process",
        "Carries processes on, step by step, when an event says that something may be due",
        environment=_appending(handler, stores),
        grants=_to_append(handler, stores),
        concurrency=limits.UNRESERVED,
        after=readers,
    )


def _sweep(handler: Handlers, stores: Stores, readers: Sequence[HandlerFunction]) -> HandlerFunction:
    return handler(
        "sweep",
        "Carries on the processes that are due, and those that nobody woke",
        environment={**_appending(handler, stores), "READ_MODEL_TABLE": stores.read_model.table_name},
        grants=[*_to_append(handler, stores), stores.read_model.grant_read_due()],
        concurrency=limits.UNRESERVED,
        after=readers,
    )


def _branch(handler: Handlers, stores: Stores, query: HandlerFunction) -> HandlerFunction:
    """It reads the ledger, and writes to the branches alone: no grant of its role reaches the store or the bus."""
    settings = handler.shared.settings
    return handler(
        "branch",
        "Commands and queries on branches of the ledger, which change nothing but the branch",
        environment={
            **_deciding(handler.shared, stores),
            "BRANCHES_TABLE": stores.branches.table_name,
            "BRANCH_DAYS": str(settings.branch_days),
            "STATEMENT_ENTRIES": str(settings.statement_entries),
        },
        grants=[
            *_to_decide(stores),
            stores.snapshots.grant_read_by_time(),
            stores.branches.grant_use(),
            stores.branches.grant_find_command(),
        ],
        concurrency=limits.UNRESERVED,  # operators alone call it
        after=[query],
    )


def _reconcile(
    handler: Handlers, stores: Stores, between: Between, readers: Sequence[HandlerFunction]
) -> HandlerFunction:
    """It alone may replace and remove events, where two Regions wrote a stream: it keeps them before."""
    settings, place = handler.shared.settings, handler.shared.place
    if place is None:
        raise ValueError("nothing is lost between two Regions where there is one")
    longest = max(settings.function_timeout, settings.projection_timeout)  # of all who write what follows from events
    still_writing = limits.REMEMBERED_SECONDS + longest + limits.ON_ITS_WAY_SECONDS
    return handler(
        "reconcile",
        "Puts streams together again that two Regions wrote, and has lost events decided again",
        environment={
            **_deciding(handler.shared, stores),
            **standing(handler.shared, stores),
            "CONFLICTS_TABLE": between.conflicts.table_name,
            "READ_MODEL_TABLE": stores.read_model.table_name,
            "REGIONS": ",".join(place.order),
            "SNAPSHOT_RETENTION_DAYS": str(settings.snapshot_retention_days),
            "STILL_WRITING_SECONDS": str(still_writing),
        },
        grants=[
            *_to_decide(stores),
            stores.event_store.grant_append(),
            stores.event_store.grant_put_together(),
            between.standings.grant_give_way(),
            between.standings.grant_note_waiting(),
            between.conflicts.grant_settle(),
            between.conflicts.grant_find_due(),
            stores.read_model.grant_mend(),
            stores.snapshots.grant_write(),
        ],
        concurrency=limits.UNRESERVED,
        after=readers,
    )


def _heartbeat(handler: Handlers, command: HandlerFunction, query: HandlerFunction) -> HandlerFunction:
    """It sees what any caller sees, and may do no more: it reaches no table, no queue and no bus."""
    shared = handler.shared
    return handler(
        "heartbeat",
        "Sends a command, and sees whether the one before came through to where it is read",
        environment={
            "COMMAND_FUNCTION": command.called_name,
            "QUERY_FUNCTION": query.called_name,
            "HEARTBEAT_ID": pulumi.Output.concat("ledger-heartbeat-", shared.region),
            "HEARTBEAT_SECONDS": str(60 * shared.settings.heartbeat_minutes),
        },
        grants=[Grant("InvokeLikeACaller", ("lambda:InvokeFunction",), (command.called_arn, query.called_arn))],
        concurrency=limits.UNRESERVED,
        timeout=_HEARTBEAT_SECONDS,
    )


def _token_scopes(handler: Handlers) -> HandlerFunction:
    return handler(
        "token-scopes",
        "Leaves whoever signs in the scopes of her groups",
        environment={},
        grants=[],
        concurrency=handler.shared.settings.token_scopes_concurrency,
        timeout=_TOKEN_SECONDS,
    )


def _versions(settings: Settings, provisioned: int = 0) -> Versions | None:
    """Of those that callers wait for. What follows a stream, a queue or a clock is called by its name: of a poke that
    fails one version makes up for the other, so that traffic shared out would hide what it is to show."""
    if not (settings.is_shifted or settings.snap_start or provisioned):
        return None
    return Versions(shifted=settings.is_shifted, snap_start=settings.snap_start, provisioned=provisioned)


def _deciding(shared: Shared, stores: Stores) -> dict[str, pulumi.Input[str]]:
    """What whoever decides commands is told."""
    settings = shared.settings
    return {
        "EVENT_STORE_TABLE": stores.event_store.table_name,
        "SNAPSHOTS_TABLE": stores.snapshots.table_name,
        "SNAPSHOT_EVERY": str(settings.snapshot_every),
        "TYPE_BUCKETS": str(settings.type_buckets),
        **told(settings),
    }


def _to_decide(stores: Stores) -> list[Grant]:
    return [stores.event_store.grant_read(), stores.event_store.grant_find_command(), stores.snapshots.grant_read()]


def _to_append(handler: Handlers, stores: Stores) -> list[Grant]:
    append = stores.event_store.grant_append()
    return [*_to_decide(stores), append, *_to_stand(stores), *_to_hand_over(handler.carriers)]


def _appending(handler: Handlers, stores: Stores) -> dict[str, pulumi.Input[str]]:
    """What whoever appends events is told."""
    shared = handler.shared
    return {**_deciding(shared, stores), **standing(shared, stores), **_handing_over(handler.carriers)}


# With one Region, none of what follows is there.


def _in_region(shared: Shared) -> dict[str, pulumi.Input[str]]:
    return {"REGION": shared.place.region} if shared.place else {}


def standing(shared: Shared, stores: Stores) -> dict[str, pulumi.Input[str]]:
    """What tells a function whether its Region decides."""
    place, between = shared.place, stores.between
    if place is None or between is None:
        return {}
    return {
        **_in_region(shared),
        "PRIMARY_REGION": place.primary,
        "REGION_MODE": place.mode,
        "REGION_ROLE": place.role,
        "REGION_TABLE": between.standings.table_name,
    }


def _elsewhere(handler: Handlers) -> dict[str, pulumi.Input[str]]:
    """What tells a function that callers reach over HTTP where the other Region's APIs are, whoever calls."""
    place, door = handler.shared.place, handler.elsewhere
    if place is None or door is None:
        return {}
    return {
        "REGION_APIS": pulumi.Output.json_dumps(
            {place.other: {"people": door.people.endpoint, "machines": door.machines.endpoint}}
        )
    }


def _to_stand(stores: Stores) -> list[Grant]:
    return [stores.between.standings.grant_read()] if stores.between else []


def _handing_over(carriers: Carriers) -> dict[str, pulumi.Input[str]]:
    return {"CONFLICT_QUEUE_URL": carriers.conflicts.url} if carriers.conflicts else {}


def _to_hand_over(carriers: Carriers) -> list[Grant]:
    return [carriers.conflicts.grant_hand_over()] if carriers.conflicts else []

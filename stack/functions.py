"""What runs: the functions, each with its environment, its grants and its share of the account's concurrency."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import limits
from components.append_guard import AppendGuard, AppendGuardArgs, break_glass
from components.handler_function import HandlerFunction, HandlerFunctionArgs
from components.handler_package import HandlerPackage, HandlerPackageArgs
from components.policies import Grant
from stack.carriers import REJECTION, Carriers
from stack.shared import Shared
from stack.stores import Stores

_TOKEN_SECONDS = 5
"""Cognito waits no longer for what changes a token."""


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
    token_scopes: HandlerFunction | None
    """None where the stack has no user pool."""


@dataclass(frozen=True)
class _Handlers:
    """Makes functions of one package."""

    shared: Shared
    package: HandlerPackage
    carriers: Carriers

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
                log_level=settings.log_level,
                system_log_level=settings.system_log_level,
                log_retention_days=settings.log_retention_days,
                tracing=settings.tracing,
                kms_key_arn=self.shared.kms_key_arn,
                previous_kms_key_arns=settings.previous_kms_key_arns,
            ),
            pulumi.ResourceOptions.merge(self.shared.options, pulumi.ResourceOptions(depends_on=list(after))),
        )


def run(shared: Shared, stores: Stores, carriers: Carriers) -> Functions:
    """Declare the handlers' package and the functions, those that write behind those that read."""
    settings = shared.settings
    event_store, read_model, snapshots = stores.event_store, stores.read_model, stores.snapshots
    event_bus = carriers.event_bus
    handler = _Handlers(shared, _package(shared), carriers)
    # What whoever decides commands is told.
    deciding: dict[str, pulumi.Input[str]] = {
        "EVENT_STORE_TABLE": event_store.table_name,
        "SNAPSHOTS_TABLE": snapshots.table_name,
        "SNAPSHOT_EVERY": str(settings.snapshot_every),
        "TYPE_BUCKETS": str(settings.type_buckets),
        "TRANSFER_TIMEOUT_SECONDS": str(settings.transfer_timeout_seconds),
        "TRANSFER_APPROVAL_ABOVE": str(settings.transfer_approval_above),
    }
    to_decide = [event_store.grant_read(), event_store.grant_find_command(), snapshots.grant_read()]
    to_append = [*to_decide, event_store.grant_append()]

    query = handler(
        "query",
        "Answers from the read model and from the events",
        environment={
            "EVENT_STORE_TABLE": event_store.table_name,
            "READ_MODEL_TABLE": read_model.table_name,
            "SNAPSHOTS_TABLE": snapshots.table_name,
            "SNAPSHOT_EVERY": str(settings.snapshot_every),
            "TYPE_BUCKETS": str(settings.type_buckets),
            "TYPE_INDEX": json.dumps(settings.type_index),
            "CORRELATION_INDEX": json.dumps(settings.correlation_index),
            "STATEMENT": json.dumps(settings.statement),
            "STATEMENT_ENTRIES": str(settings.statement_entries),
        },
        grants=[
            event_store.grant_read(),
            *([event_store.grant_query_by_type()] if event_store.type_index else []),
            *([event_store.grant_query_by_correlation()] if event_store.correlation_index else []),
            read_model.grant_read(),
            *([read_model.grant_read_entries()] if settings.statement else []),
            read_model.grant_read_due(),
            snapshots.grant_read(),
            snapshots.grant_read_by_time(),
        ],
        concurrency=settings.query_concurrency,
    )
    # After query: where typeBuckets is raised, whoever reads must know of the new buckets before anybody writes to
    # them.
    relay = handler(
        "relay",
        "Publishes stored events on the bus",
        # Its role may leave dead letters there as every function's may: here the function itself does, too.
        environment={"EVENT_BUS_NAME": event_bus.name, "DEAD_LETTER_QUEUE_URL": carriers.invocation_dead_letters.url},
        grants=[event_bus.grant_publish()],
        concurrency=settings.relay_concurrency,
    )
    projection = handler(
        "projection",
        "Brings the read model up to the events",
        environment={
            "EVENT_STORE_TABLE": event_store.table_name,
            "READ_MODEL_TABLE": read_model.table_name,
            "STATEMENT": json.dumps(settings.statement),
        },
        grants=[
            event_store.grant_read(),
            read_model.grant_project(),
            *([read_model.grant_write_entries()] if settings.statement else []),
        ],
        concurrency=settings.projection_concurrency,
        timeout=settings.projection_timeout,
    )
    snapshot = handler(
        "snapshot",
        "Keeps states along the streams, so that nobody has to read a stream from its beginning",
        environment={
            "EVENT_STORE_TABLE": event_store.table_name,
            "SNAPSHOTS_TABLE": snapshots.table_name,
            "SNAPSHOT_EVERY": str(settings.snapshot_every),
            "SNAPSHOT_RETENTION_DAYS": str(settings.snapshot_retention_days),
        },
        grants=[event_store.grant_read(), snapshots.grant_read(), snapshots.grant_write()],
        concurrency=settings.snapshot_concurrency,
        timeout=settings.projection_timeout,
    )
    # Last, so that whoever reads events knows a new version of one before the first is written.
    command = handler(
        "command",
        "Decides a command and appends its events to the store",
        environment={**deciding, "EVENT_BUS_NAME": event_bus.name},
        grants=[*to_append, event_bus.grant_publish_only(REJECTION)],
        concurrency=settings.command_concurrency,
        after=[query, projection, snapshot],
    )
    validate = handler(
        "validate",
        "Says what the command function would, and writes nothing",
        environment=deciding,
        grants=to_decide,
        concurrency=settings.validate_concurrency,
        after=[query],
    )
    # Both append as command does. Neither reserves concurrency: the queue drives no more than processMaxConcurrency of
    # the one, and the schedule one a minute of the other.
    process = handler(
        "process",
        "Carries transfers on, step by step, when an event says that something may be due",
        environment=deciding,
        grants=to_append,
        concurrency=limits.UNRESERVED,
        after=[query, projection, snapshot],
    )
    sweep = handler(
        "sweep",
        "Carries on the transfers that are due, and those that nobody woke",
        environment={**deciding, "READ_MODEL_TABLE": read_model.table_name},
        grants=[*to_append, read_model.grant_read_due()],
        concurrency=limits.UNRESERVED,
        after=[query, projection, snapshot],
    )
    token_scopes = (
        handler(
            "token-scopes",
            "Leaves whoever signs in the scopes of her groups",
            environment={},
            grants=[],
            concurrency=settings.token_scopes_concurrency,
            timeout=_TOKEN_SECONDS,
        )
        if settings.has_user_pool
        else None
    )
    return Functions(
        command=command,
        validate=validate,
        query=query,
        relay=relay,
        projection=projection,
        snapshot=snapshot,
        process=process,
        sweep=sweep,
        token_scopes=token_scopes,
    )


def guard(shared: Shared, stores: Stores, functions: Functions) -> None:
    """What may be done to the store, whatever a role allows."""
    AppendGuard(
        "event-store-guard",
        AppendGuardArgs(
            event_store=stores.event_store,
            writers=[functions.command, functions.process, functions.sweep],
            break_glass_arns=break_glass(shared.settings.break_glass_arns, shared.account_id, shared.partition),
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
        ),
        shared.options,
    )

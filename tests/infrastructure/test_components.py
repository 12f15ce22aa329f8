"""A component refuses a bad input by its own name and the input's, before anything is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.audit_log import AuditLog, AuditLogArgs
from components.console import Console, ConsoleArgs
from components.dead_letter_queue import DeadLetterQueue, DeadLetterQueueArgs
from components.event_bus import EventBus, EventBusArgs
from components.event_store import EventStore, EventStoreArgs
from components.function_schedule import FunctionSchedule, FunctionScheduleArgs
from components.handler_function import HandlerFunction, HandlerFunctionArgs
from components.handler_package import HandlerPackage, HandlerPackageArgs
from components.http_api import HttpApi, HttpApiArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.policies import Grant
from components.process_feed import ProcessFeed
from components.projection_feed import ProjectionFeed
from components.queue_feed import QueueFeedArgs
from components.read_model import ReadModel
from components.sign_in import SignIn, SignInArgs
from components.snapshots import Snapshots
from components.stream_feed import StreamFeed, StreamFeedArgs
from components.table import TableArgs
from tests.infrastructure.program import declare

NOTHING: Any = None  # stands for a component that is not reached

FUNCTION = HandlerFunctionArgs(package=NOTHING, entry="command", description="", dead_letters=NOTHING)
STREAM = StreamFeedArgs(event_store=NOTHING, function=NOTHING)
QUEUE = QueueFeedArgs(
    event_bus=NOTHING,
    pattern={},
    description="",
    function=NOTHING,
    delivery_dead_letters=NOTHING,
    dead_letters=NOTHING,
)
SCHEDULE = FunctionScheduleArgs(function=NOTHING, dead_letters=NOTHING, account_id="1")
AUDIT = AuditLogArgs(event_bus=NOTHING, account_id="1", dead_letters=NOTHING)
MONITORING = MonitoringArgs(
    event_store=NOTHING,
    read_model=NOTHING,
    snapshots=NOTHING,
    event_bus=NOTHING,
    command=NOTHING,
    relay=NOTHING,
    projection=NOTHING,
    query=NOTHING,
    snapshot=NOTHING,
    validate=NOTHING,
    process=NOTHING,
    sweep=NOTHING,
    branches=NOTHING,
    branch=NOTHING,
    replayer=NOTHING,
    replays=NOTHING,
    replay_queue=NOTHING,
    projection_feed=NOTHING,
    process_feed=NOTHING,
    audit_log=NOTHING,
    dead_letter_queues={},
    account_id="1",
    region="us-east-1",
    dashboard_name="d",
)
SIGN_IN = SignInArgs(token_scopes=NOTHING, region="us-east-1", partition="aws")
CONSOLE = ConsoleArgs(files=Path(), api=NOTHING, provider=NOTHING, dns_suffix="amazonaws.com")
PACKAGE = HandlerPackageArgs(source=Path(), lock_file=Path(), build=Path(), layer_name="l")

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: EventBus("it", EventBusArgs(archive_retention_days=-1)), "archive_retention_days"),
    (lambda: EventStore("it", EventStoreArgs(billing_mode="FREE")), "billing_mode"),
    (lambda: EventStore("it", EventStoreArgs(billing_mode="PROVISIONED", read_capacity=1)), "write_capacity"),
    (lambda: ReadModel("it", TableArgs(read_capacity=1)), "read_capacity"),
    (
        lambda: ReadModel("it", TableArgs(billing_mode="PROVISIONED", read_capacity=0, write_capacity=1)),
        "read_capacity",
    ),
    (lambda: HandlerPackage("it", replace(PACKAGE, runtime="python2.7")), "runtime"),
    (lambda: HandlerPackage("it", replace(PACKAGE, architecture="mips")), "architecture"),
    (lambda: HandlerFunction("it", replace(FUNCTION, memory_size=64)), "memory_size"),
    (lambda: HandlerFunction("it", replace(FUNCTION, timeout=901)), "timeout"),
    (lambda: HandlerFunction("it", replace(FUNCTION, concurrency=0)), "concurrency"),
    (lambda: HandlerFunction("it", replace(FUNCTION, log_level="ERROR")), "log_level"),
    (lambda: HandlerFunction("it", replace(FUNCTION, system_log_level="ERROR")), "system_log_level"),
    (lambda: HandlerFunction("it", replace(FUNCTION, log_retention_days=31)), "log_retention_days"),
    (lambda: StreamFeed("it", replace(STREAM, batch_size=0)), "batch_size"),
    (lambda: StreamFeed("it", replace(STREAM, parallelization_factor=11)), "parallelization_factor"),
    (lambda: StreamFeed("it", replace(STREAM, max_record_age=-1)), "max_record_age"),
    (lambda: StreamFeed("it", replace(STREAM, max_retries=-1)), "max_retries"),
    (lambda: ProjectionFeed("it", replace(QUEUE, batch_size=11)), "batch_window"),
    (lambda: ProjectionFeed("it", replace(QUEUE, max_concurrency=1)), "max_concurrency"),
    (lambda: ProjectionFeed("it", replace(QUEUE, visibility_timeout=43_201)), "visibility_timeout"),
    (lambda: ProjectionFeed("it", replace(QUEUE, max_receives=0)), "max_receives"),
    (lambda: ProjectionFeed("it", replace(QUEUE, retry_attempts=186)), "retry_attempts"),
    (lambda: ProjectionFeed("it", replace(QUEUE, max_event_age=59)), "max_event_age"),
    (lambda: AuditLog("it", replace(AUDIT, retention_days=2)), "retention_days"),
    (lambda: Monitoring("it", replace(MONITORING, relay_lag_seconds=0)), "relay_lag_seconds"),
    (lambda: Snapshots("it", TableArgs(read_capacity=1)), "read_capacity"),
    (lambda: Monitoring("it", replace(MONITORING, snapshot_lag_seconds=0)), "snapshot_lag_seconds"),
    (lambda: Monitoring("it", replace(MONITORING, projection_lag_seconds=0)), "projection_lag_seconds"),
    (lambda: Monitoring("it", replace(MONITORING, api_latency_ms=0)), "api_latency_ms"),
    (lambda: Monitoring("it", replace(MONITORING, api_refusals=-1)), "api_refusals"),
    (lambda: HttpApi("it", HttpApiArgs(description="", log_retention_days=2)), "log_retention_days"),
    (lambda: SignIn("it", replace(SIGN_IN, mfa="OFF")), "mfa"),
    (lambda: Console("it", replace(CONSOLE, price_class="PriceClass_50")), "price_class"),
    (lambda: Monitoring("it", replace(MONITORING, process_lag_seconds=0)), "process_lag_seconds"),
    (lambda: Monitoring("it", replace(MONITORING, sweep_minutes=61)), "sweep_minutes"),
    (lambda: ProcessFeed("it", replace(QUEUE, max_concurrency=1)), "max_concurrency"),
    (lambda: FunctionSchedule("it", replace(SCHEDULE, minutes=0)), "minutes"),
]


@pytest.mark.parametrize(("construct", "field"), REFUSED)
def test_a_bad_input_is_refused_by_name(construct: Callable[[], object], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^it: {field} must"):
        declare(construct)


def test_an_input_that_is_not_known_yet_is_taken() -> None:
    declared = declare(lambda: EventBus("it", EventBusArgs(archive_retention_days=pulumi.Output.from_input(7))))
    assert declared.named("it-archive").inputs["retentionDays"] == 7


def test_defaults_are_the_safe_ones() -> None:
    declared = declare(lambda: (EventStore("store", EventStoreArgs()), DeadLetterQueue("dlq", DeadLetterQueueArgs())))
    table, queue = declared.named("store-table").inputs, declared.named("dlq-queue").inputs
    assert table["pointInTimeRecovery"] == {"enabled": True}
    assert table["billingMode"] == "PAY_PER_REQUEST"
    assert queue["sqsManagedSseEnabled"] is True
    assert queue["messageRetentionSeconds"] == 14 * 24 * 3600


def test_two_of_a_kind_live_side_by_side() -> None:
    declared = declare(lambda: [DeadLetterQueue(name, DeadLetterQueueArgs()) for name in ("one", "other")])
    assert {queue.name for queue in declared.of("Queue")} == {"one-queue", "other-queue"}


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(AssertionError, match="share the URN"):
        declare(lambda: [DeadLetterQueue("one", DeadLetterQueueArgs()) for _ in range(2)])


def test_an_unknown_resource_type_is_refused() -> None:
    with pytest.raises(AssertionError, match="unknown resource type aws:ec2/vpc:Vpc"):
        declare(lambda: aws.ec2.Vpc("vpc"))


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(AssertionError, match="unknown function aws:iam/getUser:getUser"):
        declare(lambda: pulumi.export("user", aws.iam.get_user_output(user_name="nobody").arn))


@pytest.mark.parametrize(
    ("actions", "resources"), [(("dynamodb:*",), ("arn:aws:dynamodb:::table/t",)), (("dynamodb:Query",), ("*",))]
)
def test_a_grant_names_actions_and_resources_one_by_one(actions: tuple[str, ...], resources: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one by one"):
        Grant("TooMuch", actions, resources)

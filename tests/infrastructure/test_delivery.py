"""Every asynchronous edge gives up at some point, and what it gave up on is kept where it may be left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.domain import PROCESS, transfer
from handlers.sourcing import times
from handlers.sourcing.process import Step
from schemas.files import load, streams
from tests.infrastructure.policy import as_list, may, service_may_send
from tests.infrastructure.program import ALTERED_AGAIN, Graph, Resource, altered, graph

ENTRIES = ("command", "relay", "projection", "query", "snapshot", "validate", "process", "sweep", "branch", "replayer")


def test_every_rule_target_has_bounded_retries_and_a_dlq_that_admits_the_rule(stack: Graph) -> None:
    assert len(stack.of("EventTarget")) == len(stack.of("EventRule"))
    for target in stack.of("EventTarget"):
        rule = stack.by("name", target.inputs["rule"])
        assert target.inputs["eventBusName"] == rule.inputs["eventBusName"]
        assert 0 <= target.inputs["retryPolicy"]["maximumRetryAttempts"] <= 185
        assert 60 <= target.inputs["retryPolicy"]["maximumEventAgeInSeconds"] <= 86_400
        dlq = stack.by("arn", target.inputs["deadLetterConfig"]["arn"])
        assert _admits(stack, dlq, rule), f"{dlq.name} does not admit {rule.name}"
        assert stack.named("projection-feed-queue").urn != dlq.urn


@pytest.mark.parametrize("feed", ["projection", "process"])
def test_a_queue_admits_its_rule_and_no_other(stack: Graph, feed: str) -> None:
    queue, (other,) = stack.named(f"{feed}-feed-queue"), {"projection", "process"} - {feed}
    assert stack.named(f"{feed}-feed-target").inputs["arn"] == queue.outputs["arn"]
    assert _admits(stack, queue, stack.named(f"{feed}-feed-rule"))
    assert not _admits(stack, queue, stack.named("audit-log-rule"))
    assert not _admits(stack, queue, stack.named(f"{other}-feed-rule"))


def test_a_target_is_connected_only_once_it_admits_the_rule(stack: Graph) -> None:
    for feed in ("projection-feed", "process-feed"):
        assert stack.named(f"{feed}-queue-policy").urn in stack.named(f"{feed}-target").depends_on
    assert stack.named("audit-log-admission").urn in stack.named("audit-log-target").depends_on


SCHEMAS = load()
PUBLISHED_ONLY = sorted(SCHEMAS.keys() - set(streams(SCHEMAS)))
"""The types of events that stand in no stream."""


def test_the_projection_rule_picks_all_that_stands_in_streams_whatever_its_type(stack: Graph) -> None:
    assert PUBLISHED_ONLY
    assert stack.named("projection-feed-rule").document("eventPattern") == {
        "source": ["event-sourcing.financial"],
        "detail-type": [{"anything-but": PUBLISHED_ONLY}],
    }


def test_a_process_is_woken_by_every_event_that_may_leave_something_to_do(stack: Graph) -> None:
    """The infrastructure may not import the handlers, so it names the types again."""
    ends = {step.event_type for step in _steps_that_end()}
    concerning = {*transfer.KIND.commands, "FundsReserved", "ReservationReleased"} - ends
    assert ends == {"TransferCompleted", "TransferSettled"}
    pattern = stack.named("process-feed-rule").document("eventPattern")
    assert pattern["source"] == ["event-sourcing.financial"]
    assert len(pattern["detail-type"]) == len(concerning)
    assert set(pattern["detail-type"]) == concerning


def _steps_that_end() -> Iterator[Step]:
    """The steps behind which nothing is due, from every state in which some are."""
    committed = transfer.Transfer("Committed", "t", "a", "b", Decimal(1), "USD", was_committed=True)
    for state in (committed, replace(committed, status="Failed")):
        yield from (step for step in PROCESS.due(state, times.FIRST) if step.ends)


def test_the_process_is_driven_by_as_many_at_once_as_its_setting_says() -> None:
    stack = altered()
    assert stack.named("process-feed-mapping").inputs["scalingConfig"] == {"maximumConcurrency": 7}
    assert stack.named("projection-feed-mapping").inputs["scalingConfig"] == {"maximumConcurrency": 10}


@pytest.mark.parametrize(("minutes", "expression"), [(1, "rate(1 minute)"), (7, "rate(7 minutes)")])
def test_the_sweep_is_invoked_as_often_as_its_setting_says(minutes: int, expression: str) -> None:
    stack = altered(**(ALTERED_AGAIN if minutes == 7 else {}))
    schedule = stack.named("sweep-schedule-schedule").inputs
    assert (schedule["scheduleExpression"], schedule["state"]) == (expression, "ENABLED")
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert schedule["target"]["retryPolicy"]["maximumEventAgeInSeconds"] == 60 * minutes


def test_a_sweep_that_cannot_be_called_is_tried_again_and_then_noted(stack: Graph) -> None:
    schedule = stack.named("sweep-schedule-schedule").inputs
    target = schedule["target"]
    assert stack.by("arn", target["arn"]).name == "sweep-function"
    assert 1 <= target["retryPolicy"]["maximumRetryAttempts"] <= 185
    assert target["retryPolicy"]["maximumEventAgeInSeconds"] == 60  # the least there is; then the next one is due
    dead_letters = target["deadLetterConfig"]["arn"]
    assert stack.by("arn", dead_letters).name == "invocation-dlq-queue"
    role = stack.by("arn", target["roleArn"]).outputs["name"]
    assert may(stack.policies_of(role), "lambda:InvokeFunction", target["arn"])
    assert may(stack.policies_of(role), "sqs:SendMessage", dead_letters)
    assert schedule["groupName"] == stack.named("sweep-schedule-group").outputs["name"]


def test_the_audit_log_takes_everything_but_copies_by_two_rules(stack: Graph) -> None:
    rest, apart = (stack.named(f"audit-log{name}-rule").document("eventPattern") for name in ("", "-apart"))
    everything = {"account": ["123456789012"], "source": [{"anything-but": ["event-sourcing.financial.replay"]}]}
    assert rest == {**everything, "detail-type": [{"anything-but": PUBLISHED_ONLY}]}
    assert apart == {**everything, "detail-type": PUBLISHED_ONLY}
    group = stack.named("audit-log-group")
    for name in ("audit-log-target", "audit-log-apart-target"):
        assert stack.named(name).inputs["arn"] == group.outputs["arn"]
    assert group.outputs["name"].startswith("/aws/events/")


def test_nobody_elses_rule_can_write_lines_into_the_audit_log(stack: Graph) -> None:
    """The policy is the log group's own: an account has room for ten of the other kind, in each Region."""
    group, policy = stack.named("audit-log-group"), stack.named("audit-log-admission")
    assert policy.inputs["resourceArn"] == group.outputs["arn"]
    assert "policyName" not in policy.inputs
    rules = {stack.named(f"audit-log{name}-rule").outputs["arn"] for name in ("", "-apart")}
    statements = {statement["Action"]: statement for statement in policy.statements("policyDocument")}
    assert statements.keys() == {"logs:CreateLogStream", "logs:PutLogEvents"}
    for statement in statements.values():
        assert statement["Principal"] == {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}
        assert statement["Resource"] == group.outputs["arn"] + ":*"
    condition = statements["logs:PutLogEvents"]["Condition"]
    assert set(condition["ArnEquals"]["aws:SourceArn"]) == rules


def test_the_archive_keeps_events_of_every_type_but_no_copies(stack: Graph) -> None:
    pattern = stack.named("events-archive").document("eventPattern")
    assert pattern == {"source": [{"anything-but": ["event-sourcing.financial.replay"]}]}


@pytest.mark.parametrize("entry", ["relay", "snapshot"])
def test_the_stream_mappings_are_bounded_and_note_what_they_gave_up(stack: Graph, entry: str) -> None:
    mapping = stack.named(f"{entry}-feed-mapping").inputs
    assert mapping["eventSourceArn"] == stack.named("event-store-table").outputs["streamArn"]
    assert mapping["functionName"] == stack.named(f"{entry}-function").outputs["arn"]
    assert mapping["startingPosition"] == "TRIM_HORIZON"
    assert mapping["bisectBatchOnFunctionError"] is True
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 <= mapping["maximumRetryAttempts"] <= 10_000  # -1 would be for ever
    assert 60 <= mapping["maximumRecordAgeInSeconds"] < 86_400  # less than the stream keeps
    destination = mapping["destinationConfig"]["onFailure"]["destinationArn"]
    assert stack.by("arn", destination).name == "invocation-dlq-queue"
    assert may(_statements_of(stack, entry), "sqs:SendMessage", destination)


def test_the_relay_is_told_of_changes_and_deletions_too(stack: Graph) -> None:
    assert "filterCriteria" not in stack.named("relay-feed-mapping").inputs


@pytest.mark.parametrize("every", [10, 1000])
def test_only_events_that_are_due_for_a_snapshot_cost_an_invocation(every: int) -> None:
    stack = altered(**(ALTERED_AGAIN if every == 1000 else {}))
    (criterion,) = stack.named("snapshot-feed-mapping").inputs["filterCriteria"]["filters"]
    pattern = json.loads(criterion["pattern"])
    (end,) = pattern["dynamodb"]["Keys"]["EventSequence"]["N"]
    assert [n for n in range(1, 3001) if str(n).endswith(end["suffix"])] == list(range(every, 3001, every))
    assert pattern["eventName"] == ["INSERT"]


def test_the_event_store_streams_what_was_and_what_is(stack: Graph) -> None:
    store = stack.named("event-store-table").inputs
    assert (store["streamEnabled"], store["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")


def test_every_queue_that_is_consumed_redrives_to_a_dlq_that_takes_it(stack: Graph) -> None:
    for mapping in stack.of("EventSourceMapping"):
        if ":sqs:" not in mapping.inputs["eventSourceArn"]:
            continue
        queue = stack.by("arn", mapping.inputs["eventSourceArn"])
        redrive = queue.document("redrivePolicy")
        dlq = stack.by("arn", redrive["deadLetterTargetArn"])
        assert 1 <= redrive["maxReceiveCount"] <= 1000
        assert _redrive_sources(stack, dlq) == [queue.outputs["arn"]]
        assert dlq.inputs["messageRetentionSeconds"] > queue.inputs["messageRetentionSeconds"]
        assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
        function = stack.by("arn", mapping.inputs["functionName"])
        assert queue.inputs["visibilityTimeoutSeconds"] >= function.inputs["timeout"]


def test_every_queue_takes_the_largest_event_that_the_bus_takes(stack: Graph) -> None:
    assert {queue.inputs.get("maxMessageSize") for queue in stack.of("Queue")} == {2**20}


def test_no_other_queue_can_redrive_to_a_dlq(stack: Graph) -> None:
    for name in ("delivery-dlq-queue", "invocation-dlq-queue"):
        assert stack.named(name).document("redriveAllowPolicy") == {"redrivePermission": "denyAll"}


def test_every_asynchronous_invocation_is_bounded_and_ends_in_a_dlq(stack: Graph) -> None:
    configured = {config.inputs["functionName"]: config.inputs for config in stack.of("FunctionEventInvokeConfig")}
    for function in stack.of("Function"):
        config = configured[function.outputs["name"]]
        assert 0 <= config["maximumRetryAttempts"] <= 2
        assert 60 <= config["maximumEventAgeInSeconds"] <= 21_600
        destination = config["destinationConfig"]["onFailure"]["destination"]
        assert stack.by("arn", destination).name == "invocation-dlq-queue"
        entry = function.name.removesuffix("-function")
        assert may(_statements_of(stack, entry), "sqs:SendMessage", destination)


def test_the_functions_run_what_is_shipped(stack: Graph) -> None:
    layer = stack.named("handlers-layer")
    for entry in ENTRIES:
        function = stack.named(f"{entry}-function").inputs
        assert function["handler"] == f"handlers.{entry}.lambda_handler"
        assert function["layers"] == [layer.outputs["arn"]]
        assert layer.inputs["compatibleRuntimes"] == [function["runtime"]]
        assert layer.inputs["compatibleArchitectures"] == function["architectures"]


def test_the_functions_are_told_where_things_are(stack: Graph) -> None:
    store = {"EVENT_STORE_TABLE": stack.exports["eventStoreTable"], "METRICS_NAMESPACE": "EventSourcing"}
    model = {"READ_MODEL_TABLE": stack.exports["readModelTable"]}
    variables = {entry: stack.named(f"{entry}-function").inputs["environment"]["variables"] for entry in ENTRIES}
    snapshots = {"SNAPSHOTS_TABLE": stack.exports["snapshotsTable"], "SNAPSHOT_EVERY": "10"}
    buckets = {"TYPE_BUCKETS": variables["command"]["TYPE_BUCKETS"]}
    # What the domain is told, whatever that is: all of it, wherever its kinds are asked.
    domain = {name: value for name, value in variables["projection"].items() if name not in store | model}
    assert {"STATEMENT": "true", "TRANSFER_TIMEOUT_SECONDS": "3600"}.items() <= domain.items()
    deciding = store | snapshots | buckets | domain
    assert variables == {
        "command": deciding | {"EVENT_BUS_NAME": stack.exports["eventBusName"]},
        "validate": deciding,
        "process": deciding,
        "sweep": deciding | model,
        "branch": deciding
        | {"BRANCHES_TABLE": stack.exports["branchesTable"], "BRANCH_DAYS": "7"}
        | {"STATEMENT_ENTRIES": "20"},
        "relay": {
            "EVENT_BUS_NAME": stack.exports["eventBusName"],
            "DEAD_LETTER_QUEUE_URL": stack.exports["invocationDeadLetterQueueUrl"],
            "METRICS_NAMESPACE": "EventSourcing",
        },
        "projection": store | model | domain,
        "query": store
        | model
        | snapshots
        | buckets
        | domain
        | {"TYPE_INDEX": "true", "CORRELATION_INDEX": "true", "STATEMENT_ENTRIES": "20"},
        "snapshot": store | snapshots | {"SNAPSHOT_RETENTION_DAYS": "0"},
        "replayer": store
        | snapshots
        | {"BRANCHES_TABLE": stack.exports["branchesTable"]}
        | {"REPLAYS_TABLE": stack.exports["replaysTable"], "REPLAY_QUEUE_URL": stack.exports["replayQueueUrl"]}
        | {"PROJECTION_QUEUE_URL": stack.exports["projectionQueueUrl"], "EVENT_BUS_NAME": stack.exports["eventBusName"]}
        | {"REPLAY_RATE": "200", "REPLAY_CONCURRENCY": "4"},
    }


def test_the_local_stack_gives_up_within_seconds() -> None:
    queue = graph("local").named("projection-feed-queue")
    assert queue.inputs["visibilityTimeoutSeconds"] * queue.document("redrivePolicy")["maxReceiveCount"] <= 15


def test_unreserved_concurrency_is_left_to_the_account_and_production_reserves(stack: Graph) -> None:
    reserved = {each.name: each.inputs["reservedConcurrentExecutions"] for each in stack.of("Function")}
    # These cannot starve another: their queues' mappings, a schedule and operators' hands hold them to a few at once.
    assert {reserved.pop(f"{entry}-function") for entry in ("process", "sweep", "branch", "replayer")} == {-1}
    in_production = stack.named("event-store-table").protect
    assert all(executions > 0 for executions in reserved.values()) if in_production else {*reserved.values()} == {-1}


def _admits(stack: Graph, queue: Resource, rule: Resource) -> bool:
    arn = queue.outputs["arn"]
    policies = [policy for policy in stack.of("QueuePolicy") if policy.inputs["queueUrl"] == queue.outputs["url"]]
    statements = [statement for policy in policies for statement in policy.statements()]
    return service_may_send(statements, "events.amazonaws.com", rule.outputs["arn"], arn)


def _statements_of(stack: Graph, entry: str) -> list[dict[str, Any]]:
    return stack.policies_of(stack.by("arn", stack.named(f"{entry}-function").inputs["role"]).outputs["name"])


def _redrive_sources(stack: Graph, dlq: Resource) -> list[str]:
    (allow,) = (policy for policy in stack.of("RedriveAllowPolicy") if policy.inputs["queueUrl"] == dlq.outputs["url"])
    document = allow.document("redriveAllowPolicy")
    assert document["redrivePermission"] == "byQueue"
    return as_list(document["sourceQueueArns"])

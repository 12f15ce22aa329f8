"""The alarms watch metrics that exist, of resources that exist, and somebody hears of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bench import prices
from components import alarms
from components.alarms import _OVERDUE_SECONDS as OVERDUE_SECONDS
from components.monitoring import MonitoringArgs
from components.settings import SettingsError
from ops.status import looks
from tests.infrastructure.plan.engine import State, up
from tests.infrastructure.program import ALTERED_AGAIN, Graph, Resource, altered, graph, of_two_regions, run

ROOT = Path(__file__).parents[2]

# The metrics that are used, and the sets of dimensions under which AWS files each: the service's page "metrics and
# dimensions" in the documentation. An alarm on any other set is for ever without data. FailedInvocations and its like
# are filed under RuleName alone only for rules of the default bus. EventSourcing is what the handlers emit.
DYNAMODB_TABLE, DYNAMODB_INDEX = {"TableName"}, {"TableName", "GlobalSecondaryIndexName"}
EMITTED: dict[tuple[str, str], list[set[str]]] = {
    ("AWS/ApiGateway", "4xx"): [{"ApiId"}],
    ("AWS/ApiGateway", "5xx"): [{"ApiId"}],
    ("AWS/ApiGateway", "Count"): [{"ApiId"}],
    ("AWS/ApiGateway", "Latency"): [{"ApiId"}],
    ("AWS/DynamoDB", "ReadThrottleEvents"): [DYNAMODB_TABLE, DYNAMODB_INDEX],
    ("AWS/DynamoDB", "WriteThrottleEvents"): [DYNAMODB_TABLE, DYNAMODB_INDEX],
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): [DYNAMODB_TABLE, DYNAMODB_INDEX],
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): [DYNAMODB_TABLE, DYNAMODB_INDEX],
    ("AWS/Events", "Invocations"): [{"EventBusName", "RuleName"}],
    ("AWS/Events", "FailedInvocations"): [{"EventBusName", "RuleName"}],
    ("AWS/Events", "InvocationsSentToDlq"): [{"EventBusName", "RuleName"}],
    ("AWS/Events", "InvocationsFailedToBeSentToDlq"): [{"EventBusName", "RuleName"}],
    ("AWS/Events", "RetryInvocationAttempts"): [{"EventBusName", "RuleName"}],
    ("AWS/Lambda", "ClaimedAccountConcurrency"): [set()],
    ("AWS/Lambda", "ConcurrentExecutions"): [{"FunctionName"}],
    ("AWS/Lambda", "DestinationDeliveryFailures"): [{"FunctionName"}],
    ("AWS/Lambda", "Duration"): [{"FunctionName"}],
    ("AWS/Lambda", "Errors"): [{"FunctionName"}],
    ("AWS/Lambda", "Invocations"): [{"FunctionName"}],
    ("AWS/Lambda", "IteratorAge"): [{"FunctionName"}],
    ("AWS/Lambda", "Throttles"): [{"FunctionName"}],
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): [{"QueueName"}],
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): [{"QueueName"}],
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): [{"QueueName"}],
    ("EventSourcing", "ClockSkew"): [{"FunctionName"}],
    ("EventSourcing", "Faults"): [{"FunctionName"}],
    ("EventSourcing", "IntegrityBreaches"): [{"FunctionName"}],
    ("EventSourcing", "PublishFailures"): [{"FunctionName"}],
    ("EventSourcing", "RejectionsNotPublished"): [{"FunctionName"}],
    ("EventSourcing", "OldestDueSeconds"): [{"FunctionName"}],
    ("EventSourcing", "StepsRefused"): [{"FunctionName"}],
    ("EventSourcing", "SweepFailures"): [{"FunctionName"}],
    ("EventSourcing", "ReplayedEvents"): [{"FunctionName"}],
    ("EventSourcing", "Unpublishable"): [{"FunctionName"}],
}

# Which type of resource a dimension names.
NAMED_BY = {"TableName": "Table", "FunctionName": "Function", "QueueName": "Queue", "RuleName": "EventRule"} | {
    "EventBusName": "EventBus"
}


def test_every_alarm_watches_a_metric_that_aws_emits_of_a_resource_of_the_stack(stack: Graph) -> None:
    for alarm in stack.of("MetricAlarm"):
        metric, dimensions = _metric(alarm), alarm.inputs["dimensions"]
        assert metric in EMITTED, f"{alarm.name} watches {metric}: say in EMITTED under which dimensions it is emitted"
        assert set(dimensions) in EMITTED[metric], f"{alarm.name}: {metric} has no dimensions {sorted(dimensions)}"
        _check_subjects(stack, dimensions)


def test_every_alarm_reports_both_ways_to_the_topic_and_takes_silence_for_health(stack: Graph) -> None:
    (topic,) = stack.of("Topic")
    for alarm in stack.of("MetricAlarm"):
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic.outputs["arn"]]
        if alarm.name != "monitoring-sweep-missed":
            assert alarm.inputs["treatMissingData"] == "notBreaching"  # most of these are emitted only when not zero
            assert alarm.inputs["comparisonOperator"] == "GreaterThanThreshold"
        assert len(alarm.inputs["alarmDescription"]) > 20, alarm.name


@pytest.mark.parametrize("minutes", [1, 7])
def test_sweeps_that_are_missing_are_alarmed_and_so_is_a_transfer_that_several_left_undone(minutes: int) -> None:
    """A sweep tells its metric at its end, so silence is a sweep that did not end."""
    swept = altered(**(ALTERED_AGAIN if minutes == 7 else {}))
    missed = swept.named("monitoring-sweep-missed").inputs
    assert (missed["statistic"], missed["comparisonOperator"], missed["threshold"]) == (
        "SampleCount",
        "LessThanThreshold",
        1,
    )
    assert missed["treatMissingData"] == "breaching"
    assert (missed["period"], missed["evaluationPeriods"], missed["datapointsToAlarm"]) == (60 * minutes, 3, 3)
    overdue = swept.named("monitoring-transfers-overdue").inputs
    assert (overdue["statistic"], overdue["threshold"]) == ("Maximum", max(300, 180 * minutes))


def test_the_alarms_that_there_must_be(stack: Graph) -> None:
    functions = {f.name.removesuffix("-function"): f.outputs["name"] for f in stack.of("Function")}
    expected: set[tuple[str, str, tuple[tuple[str, str], ...]]] = {
        ("AWS/Lambda", metric, (("FunctionName", name),))
        for name in functions.values()
        for metric in ("Errors", "Throttles", "DestinationDeliveryFailures")
    }
    for entry in ("relay", "snapshot"):
        expected.add(("AWS/Lambda", "IteratorAge", (("FunctionName", functions[entry]),)))
    expected |= {
        ("EventSourcing", metric, (("FunctionName", functions[entry]),))
        for entry, metric in (
            ("command", "Faults"),
            ("query", "Faults"),
            ("validate", "Faults"),
            ("operations", "Faults"),
            ("command", "ClockSkew"),
            ("command", "RejectionsNotPublished"),
            ("relay", "PublishFailures"),
            ("relay", "IntegrityBreaches"),
            ("relay", "Unpublishable"),
            ("snapshot", "IntegrityBreaches"),
            ("process", "StepsRefused"),
            ("sweep", "StepsRefused"),
            ("sweep", "SweepFailures"),
            ("sweep", "OldestDueSeconds"),
        )
    }
    for rule in stack.of("EventRule"):
        dimensions = (("EventBusName", rule.inputs["eventBusName"]), ("RuleName", rule.outputs["name"]))
        for metric in ("FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"):
            expected.add(("AWS/Events", metric, dimensions))
    for table in stack.of("Table"):
        name = ("TableName", table.outputs["name"])
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
            expected.add(("AWS/DynamoDB", metric, (name,)))
            for index in table.inputs.get("globalSecondaryIndexes", []):
                expected.add(("AWS/DynamoDB", metric, (("GlobalSecondaryIndexName", index["name"]), name)))
    for api in stack.of("Api"):
        expected |= {("AWS/ApiGateway", metric, (("ApiId", f"{api.name}-id"),)) for metric in ("4xx", "5xx", "Latency")}
    queues = [stack.named(f"{each}-queue") for each in ("projection-feed", "process-feed", "replay")]
    for queue in queues:
        expected.add(("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue.outputs["name"]),)))
    expected |= {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", dlq.outputs["name"]),))
        for dlq in stack.of("Queue")
        if dlq not in queues
    }
    alarms = [(*_metric(alarm), tuple(sorted(alarm.inputs["dimensions"].items()))) for alarm in stack.of("MetricAlarm")]
    # How long and whether at all are two alarms of one metric.
    twice = ("EventSourcing", "OldestDueSeconds", (("FunctionName", functions["sweep"]),))
    wanted = sorted([*expected, twice])
    assert sorted(set(alarms) - set(wanted)) == [], "alarms that nobody expects here: add them to `expected`"
    assert sorted(set(wanted) - set(alarms)) == [], "alarms that are missing"
    assert sorted(alarms) == wanted, "alarms of one metric of one resource"


def test_a_single_dead_letter_raises_the_alarm(stack: Graph) -> None:
    for alarm in stack.of("MetricAlarm"):
        if alarm.inputs["metricName"] == "ApproximateNumberOfMessagesVisible":
            assert (alarm.inputs["threshold"], alarm.inputs["evaluationPeriods"]) == (0, 1)
            assert alarm.inputs["statistic"] == "Maximum"


def test_lag_behind_the_stream_is_alarmed_in_milliseconds_as_aws_emits_it(stack: Graph) -> None:
    alarms = [alarm for alarm in stack.of("MetricAlarm") if alarm.inputs["metricName"] == "IteratorAge"]
    assert sorted(alarm.inputs["threshold"] for alarm in alarms) == [60_000, 600_000]


def test_slow_requests_are_told_by_a_percentile_of_enough_of_them(stack: Graph) -> None:
    alarms = [alarm for alarm in stack.of("MetricAlarm") if alarm.inputs["metricName"] == "Latency"]
    assert len(alarms) == len(stack.of("Api"))
    for alarm in alarms:
        assert alarm.inputs["extendedStatistic"] == "p99"
        assert alarm.inputs["evaluateLowSampleCountPercentiles"] == "ignore"
        assert "statistic" not in alarm.inputs


def test_everyone_to_be_woken_is_subscribed() -> None:
    assert not [resource for resource in graph("dev") if resource.type.endswith(":TopicSubscription")]
    emails = ["oncall@example.com", "ledger-team@example.com"]
    woken = altered()
    subscriptions = woken.of("TopicSubscription")
    assert sorted(s.inputs["endpoint"] for s in subscriptions) == sorted(emails)
    assert {s.inputs["protocol"] for s in subscriptions} == {"email"}
    assert {s.inputs["topic"] for s in subscriptions} == {woken.named("monitoring-topic").outputs["arn"]}


def test_the_dashboard_shows_metrics_that_exist_of_resources_of_the_stack(stack: Graph) -> None:
    for namespace, metric, *rest in _dashboard_metrics(stack):
        *pairs, shown = rest
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        assert set(dimensions) in EMITTED.get((namespace, metric), []), f"the dashboard shows {namespace} {metric}"
        _check_subjects(stack, dimensions)
        assert shown["label"]


def test_the_dashboard_shows_every_alarm(stack: Graph) -> None:
    (widget,) = (widget for widget in _widgets(stack) if widget["type"] == "alarm")
    assert set(widget["properties"]["alarms"]) == {alarm.outputs["arn"] for alarm in stack.of("MetricAlarm")}


def test_the_dashboard_searches_the_logs_of_every_function(stack: Graph) -> None:
    (widget,) = (widget for widget in _widgets(stack) if widget["type"] == "log")
    groups = [group for group in stack.of("LogGroup") if group.name.endswith("-logs")]
    assert len(groups) == len(stack.of("Function"))
    for group in groups:
        assert f"SOURCE '{group.outputs['name']}'" in widget["properties"]["query"]


@pytest.mark.parametrize(
    ("metric", "stat"),
    [
        ("Invocations", "Sum"),
        ("Duration", "p50"),
        ("Duration", "p99"),
        ("IteratorAge", "Maximum"),
        ("ApproximateAgeOfOldestMessage", "Maximum"),
        ("ApproximateNumberOfMessagesVisible", "Maximum"),
        ("WriteThrottleEvents", "Sum"),
        ("ConsumedWriteCapacityUnits", "Sum"),
        ("FailedInvocations", "Sum"),
        ("IntegrityBreaches", "Sum"),
        ("OldestDueSeconds", "Maximum"),
        ("OldestDueSeconds", "SampleCount"),
        ("StepsRefused", "Sum"),
        ("5xx", "Sum"),
        ("4xx", "Sum"),
        ("Latency", "p99"),
    ],
)
def test_the_dashboard_shows_what_an_on_call_looks_for(metric: str, stat: str) -> None:
    shown = {(name, show["stat"]) for _, name, *_, show in _dashboard_metrics(graph("prod"))}
    assert (metric, stat) in shown


def test_the_widgets_fill_the_grid_without_overlap(stack: Graph) -> None:
    places = [(w["x"], w["y"], w["x"] + w["width"], w["y"] + w["height"]) for w in _widgets(stack)]
    assert all(left >= 0 and right <= 24 for left, _, right, _ in places)
    for (left, top, right, bottom), (left2, top2, right2, bottom2) in combinations(places, 2):
        assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top


def _metric(alarm: Resource) -> tuple[str, str]:
    return alarm.inputs["namespace"], alarm.inputs["metricName"]


def _check_subjects(stack: Graph, dimensions: dict[str, str]) -> None:
    if api := dimensions.get("ApiId"):
        assert api in {f"{each.name}-id" for each in stack.of("Api")}
        return
    subjects = {key: stack.by("name", value) for key, value in dimensions.items() if key in NAMED_BY}
    assert subjects
    for key, subject in subjects.items():
        assert subject.type.endswith(f":{NAMED_BY[key]}")
    if index := dimensions.get("GlobalSecondaryIndexName"):
        assert index in {index["name"] for index in subjects["TableName"].inputs["globalSecondaryIndexes"]}
    if rule := subjects.get("RuleName"):
        assert rule.inputs["eventBusName"] == dimensions["EventBusName"]


def _widgets(stack: Graph) -> list[dict[str, Any]]:
    (dashboard,) = stack.of("Dashboard")
    widgets: list[dict[str, Any]] = dashboard.document("dashboardBody")["widgets"]
    return widgets


def _dashboard_metrics(stack: Graph) -> Iterator[list[Any]]:
    for widget in _widgets(stack):
        if widget["type"] == "metric":
            assert widget["properties"]["region"] == "us-east-1"
            yield from widget["properties"]["metrics"]


def test_the_documents_pay_for_as_many_alarms_as_there_are(stack: Graph) -> None:
    alarms = len(stack.of("MetricAlarm"))
    monthly = alarms * prices.ALARM_MONTH + prices.DASHBOARD_MONTH

    for file, said in (
        ("docs/cost.md", f"some {round(alarms, -1)} alarms at"),
        ("README.md", f"about {round(monthly)} US$ a month"),
    ):
        assert said in (ROOT / file).read_text("utf-8"), f"{file} does not say {said!r}: there are {alarms} alarms"


ENTRIES = (ROOT / "docs" / "operations.md").read_text("utf-8").split("## Alarms")[1].split("\n## ")[0].splitlines()
OF_MANY = {
    "function-errors": "`<function>-errors`",
    "function-throttles": "`<function>-throttles`",
    "function-dead-letter-failures": "`<function>-dead-letter-failures`",
    "table-throttles": "every `…-read-throttles` and `…-write-throttles`",
}


def test_the_status_of_operators_needs_a_person_when_the_alarms_do() -> None:
    queues = {"projection": MonitoringArgs.projection_lag_seconds, "process": MonitoringArgs.process_lag_seconds}
    streams = {"relay": MonitoringArgs.relay_lag_seconds, "snapshot": MonitoringArgs.snapshot_lag_seconds}

    queues |= {"replay": MonitoringArgs.replay_lag_seconds, "conflict": MonitoringArgs.conflict_lag_seconds}
    assert queues == looks.LATE
    assert streams == looks.LAGS
    assert looks.OVERDUE == OVERDUE_SECONDS


@cache
def every_alarm() -> list[Resource]:
    """Of stacks that together have each alarm there is: one with all settings changed, and one of two Regions."""
    return [alarm for each in (graph("prod"), altered(), of_two_regions()) for alarm in each.of("MetricAlarm")]


def test_every_alarm_tells_the_place_of_the_one_entry_that_the_runbook_has_for_it() -> None:
    for alarm in every_alarm():
        name = alarm.name.removeprefix("monitoring-")
        _, _, entry = alarm.inputs["alarmDescription"].rpartition(" Runbook: docs/operations.md#")
        rows = [line for line in ENTRIES if f'<a id="{entry}"></a>' in line]
        assert len(rows) == 1, (
            f"{name} has {len(rows)} entries in docs/operations.md, Alarms: it needs one line that begins with "
            f'| <a id="{entry}"></a>`{name}` |'
        )
        (row,) = rows
        assert OF_MANY.get(entry, f"`{name}`") in row.split(" | ")[0], name


def test_the_runbook_has_no_entry_for_an_alarm_that_no_stack_has() -> None:
    every = {alarm.inputs["alarmDescription"].rpartition("#")[2] for alarm in every_alarm()}

    assert {entry for line in ENTRIES for entry in re.findall(r'<a id="([^"]+)"></a>', line)} == every


HOOK, TOPIC = "https://hooks.example.com/ledger", "arn:aws:sns:us-east-1:123456789012:oncall"


def test_alarms_are_off_and_have_other_thresholds_and_recipients_as_the_settings_say() -> None:
    dev = graph("dev")
    wanted = run(
        "dev",
        {
            "event-sourcing:alarmsOff": '["people-api-refusals", "sweep-missed"]',
            "event-sourcing:alarmThresholds": '["projection-queue-age=600", "relay-iterator-age=90000.5"]',
            "event-sourcing:alarmWebhooks": f'["{HOOK}"]',
            "event-sourcing:alarmTopics": f'["{TOPIC}"]',
            "event-sourcing:concurrencyAlarmPercent": "80",
        },
    )
    before, after = ({alarm.name: alarm.inputs for alarm in it.of("MetricAlarm")} for it in (dev, wanted))

    assert before.keys() - after.keys() == {"monitoring-people-api-refusals", "monitoring-sweep-missed"}
    assert after.keys() - before.keys() == {"monitoring-account-concurrency"}
    other = {name for name in before.keys() & after.keys() if before[name]["threshold"] != after[name]["threshold"]}
    assert {name: after[name]["threshold"] for name in other} == {
        "monitoring-projection-queue-age": 600,
        "monitoring-relay-iterator-age": 90_000.5,
    }
    assert "threshold: 600" in after["monitoring-projection-queue-age"]["alarmDescription"]
    own = wanted.named("monitoring-topic").outputs["arn"]
    assert all(each["alarmActions"] == each["okActions"] == [own, TOPIC] for each in after.values())
    changed = up(up(State(), dev).after, wanted)
    assert changed.created == {"monitoring-account-concurrency", f"monitoring-{HOOK}"}
    assert changed.deleted == {"monitoring-people-api-refusals", "monitoring-sweep-missed"}
    assert (changed.replaced, changed.refused) == ({}, set())
    (subscription,) = wanted.of("TopicSubscription")
    assert [subscription.inputs[each] for each in ("protocol", "endpoint", "topic")] == ["https", HOOK, own]


def test_the_accounts_concurrency_is_watched_as_a_share_of_its_limit(alarms_of_all: dict[str, Resource]) -> None:
    """AWS files what is claimed under no dimension, for all functions of account and Region together."""
    alarm = alarms_of_all["monitoring-account-concurrency"].inputs

    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/Lambda", "ClaimedAccountConcurrency")
    assert not alarm.get("dimensions")
    assert (alarm["statistic"], alarm["threshold"]) == ("Maximum", 1000 * 70 / 100)


@pytest.fixture
def alarms_of_all() -> dict[str, Resource]:
    return {alarm.name: alarm for alarm in altered().of("MetricAlarm")}


def test_a_name_that_no_alarm_has_is_refused_and_so_is_a_threshold_of_silence() -> None:
    every = [*alarms.sweep_alarms("sweep", 60), alarms.heartbeat_alarm("heartbeat", 300)]

    there_are = "allowed: the alarms of this stack, heartbeat, sweep-missed, transfers-overdue"
    with pytest.raises(SettingsError, match=f"event-sourcing:alarmsOff is 'slow'; {there_are}"):
        alarms.as_wanted(every, ["slow"], {})
    with pytest.raises(SettingsError, match=f"event-sourcing:alarmThresholds is 'heart-beat'; {there_are}"):
        alarms.as_wanted(every, [], {"heart-beat": 5})
    with pytest.raises(SettingsError, match="alarmThresholds is 'sweep-missed'; allowed: no alarm for silence"):
        alarms.as_wanted(every, [], {"sweep-missed": 5})
    assert [each.name for each in alarms.as_wanted(every, ["sweep-missed"], {"heartbeat": 5})] == [
        "transfers-overdue",
        "heartbeat",
    ]


def test_contributors_are_ranked_of_the_two_busy_tables_where_that_is_asked_for_and_go_without_a_trace() -> None:
    ranked = run("prod", {"event-sourcing:contributorInsights": "true"})
    own = {
        f"monitoring-{table}-contributors": ranked.named(f"{table}-table") for table in ("event-store", "read-model")
    }

    on = up(up(State(), graph("prod")).after, ranked)
    assert (on.created, on.updated, on.replaced) == ({*own}, {}, {})
    off = up(on.after, graph("prod"))
    assert (off.deleted, off.updated, off.refused) == ({*own}, {}, set())
    for name, table in own.items():
        assert ranked.named(name).inputs["tableName"] == table.outputs["name"]


def test_of_two_regions_each_ones_alarms_report_to_its_own_topics() -> None:
    """CloudWatch calls no topic of another Region."""
    there = TOPIC.replace("us-east-1", "eu-west-1")
    topics, regions = json.dumps([TOPIC, there]), '["us-east-1", "eu-west-1"]'
    two = run("dev", {"event-sourcing:regions": regions, "event-sourcing:alarmTopics": topics})

    actions = [tuple(each.inputs["alarmActions"]) for each in two.of("MetricAlarm")]
    assert {told[1:] for told in actions} == {(TOPIC,), (there,)}
    assert {len({own for own, *rest in actions if rest == [topic]}) for topic in (TOPIC, there)} == {1}

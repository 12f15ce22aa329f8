"""The dashboard for whoever is on call: is it up, how slow is it, how far do reads lag behind, what is stuck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

from components.handler_function import METRICS_NAMESPACE

Widget = dict[str, Any]
Metric = list[Any]

_WIDTH, _HEIGHT, _ROW = 8, 6, 3
_ALARMS_HEIGHT = 5
_PERIOD_SECONDS = 60
_LATEST_ERRORS = (
    "fields @timestamp, @log, message, errorMessage | filter level = 'ERROR' or ispresent(errorMessage) "
    "| sort @timestamp desc | limit 50"
)


@dataclass(frozen=True)
class DashboardSubjects:
    """The names of what is shown."""

    region: Input[str]
    functions: Mapping[str, Input[str]]
    """Function names by role: command, relay, projection, query, snapshot, validate, process, sweep, replayer."""
    tables: Mapping[str, Input[str]]
    """Table names by role: event-store, read-model, snapshots, replays."""
    type_index: str | None
    correlation_index: str | None
    """Of the event store, where it has one."""
    due_index: str
    """Of the read model."""
    bus: Input[str]
    rules: Mapping[str, Input[str]]
    queue: Input[str]
    """The projection's queue."""
    process_queue: Input[str]
    replay_queue: Input[str]
    dead_letter_queues: Mapping[str, Input[str]]
    log_groups: Mapping[str, Input[str]]
    alarm_arns: Sequence[Input[str]]
    apis: Mapping[str, Input[str]]
    """Ids of the HTTP APIs, by what they are called; empty where there are none."""


def dashboard_body(subjects: DashboardSubjects) -> dict[str, Any]:
    """The body of a CloudWatch dashboard, its names still inputs."""
    graphs = [
        *(_front_door(subjects) if subjects.apis else ()),
        *_traffic(subjects),
        *_lag(subjects),
        *_processes(subjects),
        *_replays(subjects),
        *_trouble(subjects),
        *_capacity(subjects),
    ]
    alarms: Widget = {
        "type": "alarm",
        **_place(0, 0, 24, _ALARMS_HEIGHT),
        "properties": {"title": "Alarms", "alarms": list(subjects.alarm_arns)},
    }
    placed = [
        {**widget, **_place(index % _ROW * _WIDTH, _ALARMS_HEIGHT + index // _ROW * _HEIGHT, _WIDTH, _HEIGHT)}
        for index, widget in enumerate(graphs)
    ]
    below = _ALARMS_HEIGHT + -(-len(graphs) // _ROW) * _HEIGHT
    return {"start": "-PT3H", "widgets": [alarms, *placed, {**_error_log(subjects), **_place(0, below, 24, 8)}]}


def _front_door(of: DashboardSubjects) -> list[Widget]:
    """A row of its own, so that the rows below stay as they are."""

    def of_each(metrics: Mapping[str, str], stat: str) -> list[Metric]:
        return [
            ["AWS/ApiGateway", metric, "ApiId", api, _show(f"{name}: {label}", stat)]
            for metric, label in metrics.items()
            for name, api in of.apis.items()
        ]

    return [
        _graph(of, "APIs: requests", of_each({"Count": "requests"}, "Sum")),
        _graph(of, "APIs: refused and failed", of_each({"4xx": "4xx", "5xx": "5xx"}, "Sum")),
        _graph(
            of,
            "APIs: latency",
            [*of_each({"Latency": "p50 ms"}, "p50"), *of_each({"Latency": "p99 ms"}, "p99")],
        ),
    ]


def _traffic(of: DashboardSubjects) -> list[Widget]:
    return [
        _graph(of, "Invocations", [_lambda("Invocations", name, role) for role, name in of.functions.items()]),
        _graph(
            of,
            "Commands: latency",
            [_lambda("Duration", of.functions["command"], f"{stat} ms", stat) for stat in ("p50", "p99")],
        ),
        _graph(
            of,
            "Queries: latency",
            [_lambda("Duration", of.functions["query"], f"{stat} ms", stat) for stat in ("p50", "p99")],
        ),
    ]


def _lag(of: DashboardSubjects) -> list[Widget]:
    return [
        _graph(
            of,
            "Stream: age of what is read from it",
            [_lambda("IteratorAge", of.functions[role], f"{role}: ms", "Maximum") for role in ("relay", "snapshot")],
        ),
        _graph(
            of,
            "Projections: age of the oldest message",
            [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", of.queue, {"label": "s", "stat": "Maximum"}]],
        ),
        _graph(of, "Projections: messages", _messages(of.queue)),
    ]


def _processes(of: DashboardSubjects) -> list[Widget]:
    def told(metric: str, role: str, label: str, stat: str) -> Metric:
        return [METRICS_NAMESPACE, metric, "FunctionName", of.functions[role], _show(label, stat)]

    return [
        _graph(
            of,
            "Processes: longest that something has been due",
            [
                told("OldestDueSeconds", "sweep", "s", "Maximum"),
                told("OldestDueSeconds", "sweep", "sweeps", "SampleCount"),
            ],
        ),
        _graph(of, "Processes: messages", _messages(of.process_queue)),
        _graph(
            of,
            "Processes: not carried on",
            [
                told("SweepFailures", "sweep", "sweep: failures", "Sum"),
                *(told("StepsRefused", role, f"{role}: steps refused", "Sum") for role in ("process", "sweep")),
            ],
        ),
    ]


def _replays(of: DashboardSubjects) -> list[Widget]:
    replayer = of.functions["replayer"]
    return [
        _graph(
            of,
            "Replays: copies sent",
            [[METRICS_NAMESPACE, "ReplayedEvents", "FunctionName", replayer, _show("copies", "Sum")]],
        ),
        _graph(of, "Replays: segments", _messages(of.replay_queue)),
        _graph(
            of,
            "Replays: age of the oldest segment's message",
            [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", of.replay_queue, _show("s", "Maximum")]],
        ),
    ]


def _messages(queue: Input[str]) -> list[Metric]:
    return [
        ["AWS/SQS", f"ApproximateNumberOfMessages{kind}", "QueueName", queue, _show(label, "Maximum")]
        for kind, label in (("Visible", "waiting"), ("NotVisible", "being worked on"))
    ]


def _trouble(of: DashboardSubjects) -> list[Widget]:
    faults = [
        [METRICS_NAMESPACE, "Faults", "FunctionName", of.functions[role], _show(f"{role}: faults", "Sum")]
        for role in ("command", "query", "validate")
    ]
    breaches = [
        [METRICS_NAMESPACE, metric, "FunctionName", of.functions[role], _show(f"{role}: {label}", "Sum")]
        for role, metric, label in (
            ("command", "ClockSkew", "clock skew"),
            ("relay", "PublishFailures", "publish failures"),
            ("relay", "IntegrityBreaches", "integrity breaches"),
            ("snapshot", "IntegrityBreaches", "integrity breaches"),
        )
    ]
    return [
        _graph(
            of,
            "Failed and refused invocations",
            [
                _lambda(metric, name, f"{role}: {metric.lower()}")
                for metric in ("Errors", "Throttles")
                for role, name in of.functions.items()
            ],
        ),
        _graph(of, "Faults and breaches", [*faults, *breaches]),
        _graph(
            of,
            "Dead letters",
            [
                ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name, _show(role, "Maximum")]
                for role, name in of.dead_letter_queues.items()
            ],
        ),
        _graph(
            of,
            "Bus: deliveries",
            [
                ["AWS/Events", metric, "EventBusName", of.bus, "RuleName", rule, _show(f"{role}: {metric}", "Sum")]
                for metric in ("Invocations", "FailedInvocations", "RetryInvocationAttempts")
                for role, rule in of.rules.items()
            ],
        ),
    ]


def _capacity(of: DashboardSubjects) -> list[Widget]:
    def of_each(metric: str) -> list[Metric]:
        tables: list[Metric] = [
            ["AWS/DynamoDB", metric, "TableName", name, _show(role, "Sum")] for role, name in of.tables.items()
        ]
        indexes = [("read-model", of.due_index, "what is due")]
        if of.type_index is not None:
            indexes.append(("event-store", of.type_index, "by type"))
        if of.correlation_index is not None:
            indexes.append(("event-store", of.correlation_index, "by correlation"))
        return tables + [
            [
                *("AWS/DynamoDB", metric, "TableName", of.tables[role], "GlobalSecondaryIndexName", index),
                _show(f"{role}, {label}", "Sum"),
            ]
            for role, index, label in indexes
        ]

    return [
        _graph(of, "Throttled reads and writes", [*of_each("ReadThrottleEvents"), *of_each("WriteThrottleEvents")]),
        _graph(of, "Consumed write units", of_each("ConsumedWriteCapacityUnits")),
        _graph(of, "Consumed read units", of_each("ConsumedReadCapacityUnits")),
        _graph(
            of,
            "Concurrent executions",
            [_lambda("ConcurrentExecutions", name, role, "Maximum") for role, name in of.functions.items()],
        ),
    ]


def _error_log(of: DashboardSubjects) -> Widget:
    sources = [Output.concat("SOURCE '", group, "' | ") for group in of.log_groups.values()]
    return {
        "type": "log",
        "properties": {
            "title": "Latest errors",
            "region": of.region,
            "view": "table",
            "query": Output.concat(*sources, _LATEST_ERRORS),
        },
    }


def _lambda(metric: str, function: Input[str], label: str, stat: str = "Sum") -> Metric:
    return ["AWS/Lambda", metric, "FunctionName", function, _show(label, stat)]


def _show(label: str, stat: str) -> dict[str, str]:
    return {"label": label, "stat": stat}


def _graph(of: DashboardSubjects, title: str, metrics: Sequence[Metric]) -> Widget:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "region": of.region,
            "view": "timeSeries",
            "period": _PERIOD_SECONDS,
            "metrics": list(metrics),
            "yAxis": {"left": {"min": 0}},
        },
    }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": width, "height": height}

"""What is worth waking someone for. Each alarm names a metric with exactly the dimensions under which AWS files it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from pulumi import Input, Output

from components.handler_function import METRICS_NAMESPACE
from components.settings import refused

_SWEEPS = 3
"""So many in a row may be late or missing: a deployment or a retry is no reason to wake anybody."""
_OVERDUE_SECONDS = 300
_HEARTBEAT_CHECKS = 2
"""So many in a row must find that a beat is missing: one may be a minute late."""
_CHECK_SECONDS = 60
_LATE_FILES_SECONDS = 1800
"""A file is gathered for some minutes."""
RUNBOOK = "docs/operations.md"
_APART = ("token-scopes-errors", "token-scopes-throttles")
"""Of functions, and with another remedy than those of all the others."""


@dataclass(frozen=True)
class Alarm:
    """Alarms when `statistic` of the metric, per `period` seconds, exceeds `threshold` in `periods` periods running.

    AWS emits most of these metrics only when there is something to count: missing data is good news. Unless the alarm
    is for silence: then it alarms when the statistic is below the threshold, and missing data is below any. A statistic
    that begins with p is a percentile, and is not looked at over too few samples.
    """

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Input[str]]
    statistic: str = "Sum"
    threshold: Input[float] = 0
    period: int = 60
    periods: int = 1
    for_silence: bool = False
    or_silence: bool = False
    """Whether missing data is as bad as too much."""
    entry: str = ""
    """The anchor of its entry in the runbook; empty where that is its own name."""

    @property
    def told(self) -> str:
        """What whoever is woken reads: what is wrong, and where it says what to do."""
        return f"{self.description} Runbook: {RUNBOOK}#{self.entry or self.name}"


def as_wanted(every: Iterable[Alarm], off: Collection[str], thresholds: Mapping[str, float]) -> list[Alarm]:
    """The alarms without those that are off, with other thresholds by name.

    SettingsError for a name that no alarm has, which somebody believes in, and for a threshold of an alarm for silence.
    """
    alarms = list(every)
    names = {alarm.name for alarm in alarms}
    for setting, named in (("alarmsOff", off), ("alarmThresholds", thresholds)):
        if unknown := sorted({*named} - names):
            raise refused(setting, ", ".join(unknown), f"the alarms of this stack, {', '.join(sorted(names))}")
    if silent := sorted(alarm.name for alarm in alarms if alarm.for_silence and alarm.name in thresholds):
        raise refused("alarmThresholds", ", ".join(silent), "no alarm for silence, which has no threshold")
    return [_with_threshold(alarm, thresholds.get(alarm.name)) for alarm in alarms if alarm.name not in off]


def _with_threshold(alarm: Alarm, threshold: float | None) -> Alarm:
    if threshold is None:
        return alarm
    told = f"{alarm.description} (This stack's own threshold: {threshold:g}.)"
    return replace(alarm, threshold=threshold, description=told)


def concurrency_alarm(percent: int, limit: Input[float]) -> Alarm:
    """That functions, of whichever stack, leave little of what may run at once. Under no dimension: the account."""
    return Alarm(
        "account-concurrency",
        f"More than {percent} % of this account's concurrent executions in this Region are claimed, by any stack.",
        "AWS/Lambda",
        "ClaimedAccountConcurrency",
        {},
        statistic="Maximum",
        threshold=Output.from_input(limit).apply(lambda most: most * percent / 100),
        periods=3,
    )


def table_alarms(label: str, table_name: Input[str], index: str | None = None) -> list[Alarm]:
    """Throttles of a table or, as they are filed apart, of a global index of it. A local index counts as its table."""
    dimensions: dict[str, Input[str]] = {"TableName": table_name}
    if index is not None:
        dimensions["GlobalSecondaryIndexName"] = index
    return [
        Alarm(
            name=f"{label}-{kind}-throttles",
            description=f"DynamoDB refuses {kind}s for want of capacity: look for a hot key, or raise the capacity.",
            namespace="AWS/DynamoDB",
            metric=f"{kind.title()}ThrottleEvents",
            dimensions=dimensions,
            periods=2,
            entry="table-throttles",
        )
        for kind in ("read", "write")
    ]


def function_alarms(label: str, function_name: Input[str]) -> list[Alarm]:
    """Invocations that failed or were refused, and dead letters that could not be left."""
    described = {
        "Errors": "Invocations fail by a fault of ours, a crash, or out of time: read the function's log.",
        "Throttles": "Invocations are refused: raise the function's reserved concurrency or the account's limit.",
        "DestinationDeliveryFailures": "A dead letter could not be left and is lost: check the queue and the role.",
    }
    slugs = {"Errors": "errors", "Throttles": "throttles", "DestinationDeliveryFailures": "dead-letter-failures"}
    return [
        Alarm(
            name := f"{label}-{slugs[metric]}",
            text,
            "AWS/Lambda",
            metric,
            {"FunctionName": function_name},
            entry="" if name in _APART else f"function-{slugs[metric]}",
        )
        for metric, text in described.items()
    ]


def handler_alarm(label: str, function_name: Input[str], metric: str, description: str, *, periods: int = 1) -> Alarm:
    """A metric that a handler emits itself."""
    return Alarm(label, description, METRICS_NAMESPACE, metric, {"FunctionName": function_name}, periods=periods)


def sweep_alarms(function_name: Input[str], sweep_seconds: int) -> list[Alarm]:
    """A process that some sweeps did not carry on, and sweeps that are missing: each tells one metric at its end."""
    overdue = max(_OVERDUE_SECONDS, _SWEEPS * sweep_seconds)
    metric = (METRICS_NAMESPACE, "OldestDueSeconds", {"FunctionName": function_name})
    return [
        Alarm(
            "transfers-overdue",
            f"A process has had something due for more than {overdue} s: list those under way, and read why.",
            *metric,
            statistic="Maximum",
            threshold=overdue,
        ),
        Alarm(
            "sweep-missed",
            "No sweep has ended lately: processes that nobody wakes neither go on nor expire. Look at the schedule.",
            *metric,
            statistic="SampleCount",
            threshold=1,
            period=sweep_seconds,
            periods=_SWEEPS,
            for_silence=True,
        ),
    ]


def heartbeat_alarm(function_name: Input[str], beat_seconds: int) -> Alarm:
    """That the newest beat which came through is older than one that is a check late; or that nobody says how old.

    A stop is told some beat_seconds + 180 s after it at the latest, less than ten minutes with a beat every five.
    """
    most = beat_seconds + _CHECK_SECONDS
    return Alarm(
        "heartbeat",
        f"The newest command that came through to where it is read was sent more than {most} s ago, or cannot be read.",
        METRICS_NAMESPACE,
        "HeartbeatAgeSeconds",
        {"FunctionName": function_name},
        statistic="Maximum",
        threshold=most,
        period=_CHECK_SECONDS,
        periods=_HEARTBEAT_CHECKS,
        or_silence=True,
    )


def audit_files_alarm(stream_name: Input[str]) -> Alarm:
    """Events that Firehose has and that are in no file; it keeps them for a day, and drops them then."""
    return Alarm(
        "audit-files-late",
        f"Events have waited for more than {_LATE_FILES_SECONDS} s to be in a file: Firehose's own log says why.",
        "AWS/Firehose",
        "DeliveryToS3.DataFreshness",
        {"DeliveryStreamName": stream_name},
        statistic="Maximum",
        threshold=_LATE_FILES_SECONDS,
        period=300,
        periods=3,
    )


def rule_alarms(label: str, bus_name: Input[str], rule_name: Input[str]) -> list[Alarm]:
    """Deliveries of a rule that failed. On a bus of one's own these are filed under both names; RuleName alone would be
    a rule of the default bus."""
    dimensions = {"EventBusName": bus_name, "RuleName": rule_name}
    return [
        Alarm(
            f"{label}-failed-invocations",
            "Events cannot be delivered for good: check that the target exists and that its policy admits the rule.",
            "AWS/Events",
            "FailedInvocations",
            dimensions,
        ),
        Alarm(
            f"{label}-sent-to-dlq",
            "Undeliverable events went to the delivery dead letter queue: mend the target, then redrive.",
            "AWS/Events",
            "InvocationsSentToDlq",
            dimensions,
        ),
        Alarm(
            f"{label}-dlq-failures",
            "Undeliverable events reached no dead letter queue either: replay them from the archive.",
            "AWS/Events",
            "InvocationsFailedToBeSentToDlq",
            dimensions,
        ),
    ]


def api_alarms(label: str, api_id: Input[str], latency_ms: int, refusals: int) -> list[Alarm]:
    """Requests that failed, that were slow, or were refused more often than callers' mistakes account for."""
    dimensions = {"ApiId": api_id}
    return [
        Alarm(
            f"{label}-faults",
            "Callers are answered 5xx: the access log tells the route, the function's log why.",
            "AWS/ApiGateway",
            "5xx",
            dimensions,
        ),
        Alarm(
            f"{label}-latency",
            f"One in a hundred requests takes more than {latency_ms} ms: compare integrationLatency in the access log.",
            "AWS/ApiGateway",
            "Latency",
            dimensions,
            statistic="p99",
            threshold=latency_ms,
            period=300,
            periods=3,
        ),
        Alarm(
            f"{label}-refusals",
            f"More than {refusals} requests in five minutes are answered 4xx: the access log tells whether callers are "
            "not admitted (401, 403), throttled (429) or mistaken.",
            "AWS/ApiGateway",
            "4xx",
            dimensions,
            threshold=refusals,
            period=300,
            periods=2,
        ),
    ]


def replication_alarm(table_name: Input[str], receiving_region: str, seconds: int) -> Alarm:
    """Items that reach the other Region late. AWS tells no such time while nothing is written."""
    return Alarm(
        "replication-latency",
        f"What is written takes more than {seconds} s to {receiving_region}: so much is lost if this Region is.",
        "AWS/DynamoDB",
        "ReplicationLatency",
        {"TableName": table_name, "ReceivingRegion": receiving_region},
        statistic="Maximum",
        threshold=seconds * 1000,
        periods=3,
    )


def dead_letter_alarm(label: str, queue_name: Input[str]) -> Alarm:
    """Anything at all in a dead letter queue."""
    return Alarm(
        f"{label}-not-empty",
        "Dead letters wait, for 14 days: find the cause in the messages and the logs, mend it, redrive.",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": queue_name},
        statistic="Maximum",
    )


def queue_age_alarm(label: str, queue_name: Input[str], seconds: int, consequence: str) -> Alarm:
    """A queue that is not worked off."""
    return Alarm(
        f"{label}-queue-age",
        f"The oldest message has waited for more than {seconds} s: {consequence}",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        {"QueueName": queue_name},
        statistic="Maximum",
        threshold=seconds,
        periods=3,
    )


def iterator_age_alarm(label: str, function_name: Input[str], seconds: int, consequence: str) -> Alarm:
    """A stream that is not followed closely."""
    return Alarm(
        f"{label}-iterator-age",
        f"The {label} lags more than {seconds} s behind the event store's stream. {consequence}",
        "AWS/Lambda",
        "IteratorAge",
        {"FunctionName": function_name},
        statistic="Maximum",
        threshold=seconds * 1000,
        periods=3,
    )

"""The alarms, the topic that they report to, and the dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

from components import alarms
from components.alarms import Alarm
from components.audit_files import AuditFiles
from components.audit_log import AuditLog
from components.branches import Branches
from components.conflict_feed import ConflictQueue
from components.conflicts import DUE_INDEX as CONFLICTS_DUE
from components.conflicts import ConflictTable
from components.dashboard import DashboardSubjects, dashboard_body
from components.dead_letter_queue import DeadLetterQueue
from components.event_bus import EventBus
from components.event_store import EventTable
from components.handler_function import HandlerFunction
from components.http_api import HttpApi
from components.limits import MAX_HEARTBEAT_MINUTES, MAX_SWEEP_MINUTES, check_range
from components.policies import alarm_topic_policy
from components.process_feed import ProcessFeed
from components.projection_feed import ProjectionFeed
from components.read_model import DUE_INDEX, ReadModel
from components.replay_feed import ReplayQueue
from components.replays import Replays
from components.rule_target import Delivery, rule_target
from components.snapshots import Snapshots

_RETRIES = 185
_MAX_AGE_SECONDS = 86_400


class Watch(Protocol):
    """A rule whose events are for people."""

    rule_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]


@dataclass(frozen=True)
class Between:
    """What there is for two Regions alone."""

    reconcile: HandlerFunction
    queue: ConflictQueue
    conflicts: ConflictTable
    other: str
    """The Region beside."""


@dataclass(frozen=True)
class MonitoringArgs:
    event_store: EventTable
    read_model: ReadModel
    snapshots: Snapshots
    event_bus: EventBus
    command: HandlerFunction
    relay: HandlerFunction
    projection: HandlerFunction
    query: HandlerFunction
    snapshot: HandlerFunction
    validate: HandlerFunction
    process: HandlerFunction
    sweep: HandlerFunction
    branches: Branches
    branch: HandlerFunction
    replayer: HandlerFunction
    replays: Replays
    replay_queue: ReplayQueue
    projection_feed: ProjectionFeed
    process_feed: ProcessFeed
    audit_log: AuditLog | None
    """None where it is left out."""
    dead_letter_queues: Mapping[str, DeadLetterQueue]
    """By the name that they go by in alarms."""
    account_id: Input[str]
    region: Input[str]
    dashboard_name: str
    """AWS asks for one: unique in the account and Region."""
    watches: Mapping[str, Watch] = field(default_factory=dict)
    """What tells the topic besides the alarms, by what it watches."""
    audit_files: AuditFiles | None = None
    """None unless they are asked for."""
    delivery_dead_letters: DeadLetterQueue | None = None
    """Takes what a watch could not tell; must admit its rule. Given with one."""
    emails: Sequence[str] = ()
    """Who is written to; each has to confirm."""
    webhooks: Sequence[str] = ()
    """What is posted to; each has to confirm."""
    topics: Sequence[str] = ()
    """What alarms report to besides."""
    alarms_off: Sequence[str] = ()
    """By name."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Others, by an alarm's name."""
    contributor_insights: bool = False
    """Whether CloudWatch ranks the keys of the event store and of the read model by what they ask for."""
    concurrency_percent: int = 0
    """Of the account's limit; 0 for no such alarm."""
    concurrency_limit: Input[float] = 0
    """Of the account. Given with it."""
    kms_key_arn: Input[str] | None = None
    """A customer key whose policy admits CloudWatch. Without it the topic is not encrypted: alarms cannot publish
    through the key that AWS manages, and they say no more than names and numbers."""
    apis: Mapping[str, HttpApi] = field(default_factory=dict)
    """By the name that they go by in alarms."""
    token_scopes: HandlerFunction | None = None
    """Without which nobody signs in; None where the stack has no user pool."""
    operations: HandlerFunction | None = None
    """What operators ask over HTTP; None where there is no API."""
    api_latency_ms: int = 5000
    """Of which one request in a hundred may take more. A function that starts cold takes two or three seconds."""
    api_refusals: int = 1000
    """Of an API in five minutes that callers' mistakes account for."""
    relay_lag_seconds: int = 60
    snapshot_lag_seconds: int = 600
    projection_lag_seconds: int = 300
    process_lag_seconds: int = 300
    replay_lag_seconds: int = 900
    """A segment waits for those before it: sixteen of them, two at a time, for less than this."""
    sweep_minutes: int = 1
    """How often the sweep is invoked."""
    heartbeat: HandlerFunction | None = None
    """None where the stack has none."""
    heartbeat_minutes: int = 5
    """From one beat to the next."""
    between: Between | None = None
    """None where there is one Region."""
    replication_lag_seconds: int = 60
    conflict_lag_seconds: int = 300


class Monitoring(pulumi.ComponentResource):
    """Every alarm reports both ways: that something broke, and that it is well again."""

    topic_arn: pulumi.Output[str]
    alarm_names: dict[str, pulumi.Output[str]]
    """As AWS has them, by what they are called here."""
    dashboard_name: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:Monitoring", name, None, opts)
        check_range(name, "relay_lag_seconds", args.relay_lag_seconds, 1, 86_400)
        check_range(name, "snapshot_lag_seconds", args.snapshot_lag_seconds, 1, 86_400)
        check_range(name, "api_latency_ms", args.api_latency_ms, 1, 30_000)
        check_range(name, "api_refusals", args.api_refusals, 0, 10_000_000)
        check_range(name, "projection_lag_seconds", args.projection_lag_seconds, 1, 345_600)
        check_range(name, "process_lag_seconds", args.process_lag_seconds, 1, 345_600)
        check_range(name, "replay_lag_seconds", args.replay_lag_seconds, 1, 345_600)
        check_range(name, "sweep_minutes", args.sweep_minutes, 1, MAX_SWEEP_MINUTES)
        if args.heartbeat is not None:
            check_range(name, "heartbeat_minutes", args.heartbeat_minutes, 1, MAX_HEARTBEAT_MINUTES)
        child = pulumi.ResourceOptions(parent=self)
        # What only shows or tells what is there may go at any time, and so may an addressee who left.
        loose = pulumi.ResourceOptions(parent=self, protect=False)
        topic = aws.sns.Topic(
            f"{name}-topic", display_name="Event sourcing alarms", kms_master_key_id=args.kms_key_arn, opts=child
        )
        rules = [watch.rule_arn for watch in args.watches.values()]
        admission = aws.sns.TopicPolicy(
            f"{name}-topic-policy",
            arn=topic.arn,
            policy=alarm_topic_policy(topic.arn, args.account_id, rules),
            opts=child,
        )
        told = pulumi.ResourceOptions.merge(loose, pulumi.ResourceOptions(depends_on=[admission]))
        for label, watch in args.watches.items():
            _tell(f"{name}-{label}-target", watch, args, topic.arn, told)
        for email in args.emails:
            aws.sns.TopicSubscription(f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=loose)
        for url in args.webhooks:
            aws.sns.TopicSubscription(f"{name}-{url}", topic=topic.arn, protocol="https", endpoint=url, opts=loose)
        if args.contributor_insights:
            for label, table in (("event-store", args.event_store), ("read-model", args.read_model)):
                aws.dynamodb.ContributorInsights(
                    f"{name}-{label}-contributors", table_name=table.table_name, opts=loose
                )
        wanted = alarms.as_wanted(_alarms(args), args.alarms_off, args.thresholds)
        topics: list[Input[str]] = [topic.arn, *args.topics]
        declared = {alarm.name: _metric_alarm(name, alarm, topics, loose) for alarm in wanted}
        alarm_arns = [alarm.arn for alarm in declared.values()]
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=args.dashboard_name,
            dashboard_body=Output.json_dumps(dashboard_body(_subjects(args, alarm_arns))),
            opts=loose,
        )
        self.alarm_names = {label: alarm.name for label, alarm in declared.items()}
        self.topic_arn = topic.arn
        self.dashboard_name = dashboard.dashboard_name
        self.register_outputs({"topicArn": self.topic_arn, "dashboardName": self.dashboard_name})


def _tell(name: str, watch: Watch, args: MonitoringArgs, topic_arn: Input[str], opts: pulumi.ResourceOptions) -> None:
    """Have a watch report to the topic."""
    if args.delivery_dead_letters is None:
        raise ValueError(f"{name}: watches and delivery_dead_letters must be given together")
    delivery = Delivery(None, args.delivery_dead_letters, _RETRIES, _MAX_AGE_SECONDS)
    rule_target(name, watch.rule_name, topic_arn, delivery, opts)


def _alarms(args: MonitoringArgs) -> Iterable[Alarm]:
    functions = _functions(args)
    store, model, bus = args.event_store.table_name, args.read_model.table_name, args.event_bus.name
    return [
        *alarms.table_alarms("event-store", store),
        *(
            alarms.table_alarms("event-store-by-type", store, args.event_store.type_index)
            if args.event_store.type_index
            else ()
        ),
        *(
            alarms.table_alarms("event-store-by-correlation", store, args.event_store.correlation_index)
            if args.event_store.correlation_index
            else ()
        ),
        *alarms.table_alarms("read-model", model),
        *alarms.table_alarms("read-model-due", model, DUE_INDEX),
        *alarms.table_alarms("snapshots", args.snapshots.table_name),
        *alarms.table_alarms("branches", args.branches.table_name),
        *alarms.table_alarms("replays", args.replays.table_name),
        *(alarm for label, function in functions.items() for alarm in alarms.function_alarms(label, function.name)),
        *(alarm for label, rule in _rules(args).items() for alarm in alarms.rule_alarms(f"{label}-rule", bus, rule)),
        *(alarms.dead_letter_alarm(label, queue.name) for label, queue in args.dead_letter_queues.items()),
        *(
            alarm
            for label, api in args.apis.items()
            for alarm in alarms.api_alarms(label, api.id, args.api_latency_ms, args.api_refusals)
        ),
        alarms.queue_age_alarm(
            "projection",
            args.projection_feed.queue_name,
            args.projection_lag_seconds,
            "what is read lags that far behind what is written.",
        ),
        alarms.queue_age_alarm(
            "process",
            args.process_feed.queue_name,
            args.process_lag_seconds,
            "processes wait that long for their next step, or for the sweep.",
        ),
        alarms.queue_age_alarm(
            "replay",
            args.replay_queue.name,
            args.replay_lag_seconds,
            "a replay stands still: show it, and read its log.",
        ),
        *([alarms.audit_files_alarm(args.audit_files.stream_name)] if args.audit_files else ()),
        *_between_alarms(args),
        *(
            [alarms.concurrency_alarm(args.concurrency_percent, args.concurrency_limit)]
            if args.concurrency_percent
            else ()
        ),
        *([alarms.heartbeat_alarm(args.heartbeat.name, args.heartbeat_minutes * 60)] if args.heartbeat else ()),
        *alarms.sweep_alarms(args.sweep.name, args.sweep_minutes * 60),
        alarms.handler_alarm(
            "sweep-failures",
            args.sweep.name,
            "SweepFailures",
            "Some process cannot be carried on, sweep after sweep: the sweep's log names it and says why.",
            periods=3,
        ),
        *(
            alarms.handler_alarm(
                f"{label}-steps-refused",
                functions[label].name,
                "StepsRefused",
                "A step was refused that no aggregate ever refuses. An incident: its process stands still.",
            )
            for label in ("process", "sweep")
        ),
        alarms.iterator_age_alarm(
            "relay",
            args.relay.name,
            args.relay_lag_seconds,
            "Events reach the bus late.",
        ),
        alarms.iterator_age_alarm(
            "snapshot",
            args.snapshot.name,
            args.snapshot_lag_seconds,
            "Snapshots are made late: commands on busy accounts read more events than they should.",
        ),
        *(
            alarms.handler_alarm(
                f"{label}-faults", functions[label].name, "Faults", "Callers over HTTP are answered 5xx: read the log."
            )
            for label in ("command", "query", "validate", "operations")
            if label in functions
        ),
        alarms.handler_alarm(
            "command-clock-skew",
            args.command.name,
            "ClockSkew",
            "A clock is some 30 s or more off AWS's: commands fail, nothing is written. Replace the environments.",
        ),
        alarms.handler_alarm(
            "command-rejections-not-published",
            args.command.name,
            "RejectionsNotPublished",
            "Refusals of commands miss on the bus and what listens to it: the command function's log has them.",
        ),
        alarms.handler_alarm(
            "relay-publish-failures",
            args.relay.name,
            "PublishFailures",
            "The bus refuses events; the relay goes on trying while the stream keeps them. Read its log.",
        ),
        alarms.handler_alarm(
            "relay-unpublishable",
            args.relay.name,
            "Unpublishable",
            "The bus will never take a stored event; it lies in the invocation dead letter queue. List its letters.",
        ),
        alarms.handler_alarm(
            "relay-integrity-breaches",
            args.relay.name,
            "IntegrityBreaches",
            "A stored event was changed or removed. An incident: the relay's log has the record.",
        ),
        alarms.handler_alarm(
            "snapshot-integrity-breaches",
            args.snapshot.name,
            "IntegrityBreaches",
            "An account's chain of events is broken. An incident: verify the account; the snapshot's log names it.",
        ),
    ]


def _between_alarms(args: MonitoringArgs) -> Iterable[Alarm]:
    between, store = args.between, args.event_store.table_name
    if between is None:
        return []
    return [
        *alarms.table_alarms("conflicts", between.conflicts.table_name),
        *alarms.table_alarms("conflicts-due", between.conflicts.table_name, CONFLICTS_DUE),
        alarms.replication_alarm(store, between.other, args.replication_lag_seconds),
        alarms.handler_alarm(
            "open-conflicts",
            between.reconcile.name,
            "OpenConflicts",
            "Events that were acknowledged are lost, and not in their streams again: list them, and see to each.",
            periods=3,
        ),
        alarms.handler_alarm(
            "not-settled",
            between.reconcile.name,
            "NotSettled",
            "A stream that two Regions wrote could not be put together: the log of reconcile names it and says why.",
            periods=5,
        ),
        alarms.handler_alarm(
            "reconcile-integrity-breaches",
            between.reconcile.name,
            "IntegrityBreaches",
            "A stored event was removed, and not by the ledger. An incident: the log of reconcile has the record.",
        ),
        alarms.handler_alarm(
            "epochs-over",
            args.relay.name,
            "EpochsOver",
            "This Region decided while another did in a higher epoch; it is fenced now. See what was lost by it.",
        ),
        alarms.queue_age_alarm(
            "conflict",
            between.queue.name,
            args.conflict_lag_seconds,
            "streams that two Regions wrote wait that long; what is missing of them may still be on its way.",
        ),
    ]


def _metric_alarm(
    name: str, alarm: Alarm, topics: Sequence[Input[str]], opts: pulumi.ResourceOptions
) -> aws.cloudwatch.MetricAlarm:
    percentile = alarm.statistic.startswith("p")
    return aws.cloudwatch.MetricAlarm(
        f"{name}-{alarm.name}",
        alarm_description=alarm.told,
        namespace=alarm.namespace,
        metric_name=alarm.metric,
        dimensions=dict(alarm.dimensions),
        statistic=None if percentile else alarm.statistic,
        extended_statistic=alarm.statistic if percentile else None,
        evaluate_low_sample_count_percentiles="ignore" if percentile else None,
        comparison_operator="LessThanThreshold" if alarm.for_silence else "GreaterThanThreshold",
        threshold=alarm.threshold,
        period=alarm.period,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods,
        treat_missing_data="breaching" if alarm.for_silence or alarm.or_silence else "notBreaching",
        alarm_actions=topics,
        ok_actions=topics,
        opts=opts,
    )


def _functions(args: MonitoringArgs) -> dict[str, HandlerFunction]:
    return {
        "command": args.command,
        "relay": args.relay,
        "projection": args.projection,
        "query": args.query,
        "snapshot": args.snapshot,
        "validate": args.validate,
        "process": args.process,
        "sweep": args.sweep,
        "branch": args.branch,
        "replayer": args.replayer,
        **({"reconcile": args.between.reconcile} if args.between else {}),
        **({"heartbeat": args.heartbeat} if args.heartbeat else {}),
        **({"token-scopes": args.token_scopes} if args.token_scopes else {}),
        **({"operations": args.operations} if args.operations else {}),
    }


def _rules(args: MonitoringArgs) -> dict[str, Input[str]]:
    """The names of the bus's rules by what they serve."""
    rules: dict[str, Input[str]] = {
        "projection": args.projection_feed.rule_name,
        "process": args.process_feed.rule_name,
    }
    if args.audit_log is not None:
        rules["audit"] = args.audit_log.rule_name
        if args.audit_log.apart_rule_name is not None:
            rules["audit-apart"] = args.audit_log.apart_rule_name
    if args.audit_files is not None:
        rules["audit-files"] = args.audit_files.rule_name
    return rules


def _subjects(args: MonitoringArgs, alarm_arns: Sequence[Input[str]]) -> DashboardSubjects:
    functions = _functions(args)
    return DashboardSubjects(
        region=args.region,
        functions={label: function.name for label, function in functions.items()},
        tables={
            "event-store": args.event_store.table_name,
            "read-model": args.read_model.table_name,
            "snapshots": args.snapshots.table_name,
            "branches": args.branches.table_name,
            "replays": args.replays.table_name,
            **({"conflicts": args.between.conflicts.table_name} if args.between else {}),
        },
        type_index=args.event_store.type_index,
        correlation_index=args.event_store.correlation_index,
        bus=args.event_bus.name,
        rules={label.replace("-", " "): rule for label, rule in _rules(args).items()},
        due_index=DUE_INDEX,
        queue=args.projection_feed.queue_name,
        apis={label: api.id for label, api in args.apis.items()},
        process_queue=args.process_feed.queue_name,
        replay_queue=args.replay_queue.name,
        dead_letter_queues={label: queue.name for label, queue in args.dead_letter_queues.items()},
        log_groups={label: function.log_group_name for label, function in functions.items()},
        alarm_arns=alarm_arns,
    )

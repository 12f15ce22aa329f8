"""The looks at a stack: at what carries it, at what AWS noticed, and at what the ledger itself says.

Each is a few requests, and fails alone, as does each queue, and what CloudWatch measures: what cannot be asked is told
as that, and needs a person like all else that is not known to be well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.domain import KINDS, PROCESS
from handlers.sourcing import times
from handlers.sourcing.errors import LedgerError
from handlers.sourcing.event import Event
from handlers.store.branches import Branches
from handlers.store.due_index import DueIndex
from handlers.store.read_model import ReadModel
from handlers.store.replays import Replays
from handlers.store.snapshots import Snapshots
from handlers.store.type_index import TypeIndex
from handlers.upkeep.health import Lags, depth, due, seconds_between
from handlers.upkeep.letters.queues import OF_TWO_REGIONS, OUTPUTS
from handlers.upkeep.replays import is_stalled, status_of
from ops.carriers import Carriers
from ops.feeds import MISSING, Feed, Feeds
from ops.function_logs import FUNCTIONS, spelled
from ops.regions import has_two_regions
from ops.rules import Rules
from ops.system import OperatorError, System, is_gone
from tools.numbers import counted, lasting

from .metrics import Metric, Metrics
from .points import Point

WORK_QUEUES = {
    "projection": "projectionQueueUrl",
    "process": "processQueueUrl",
    "replay": "replayQueueUrl",
    "conflict": "conflictQueueUrl",
}
LATE = {"projection": 300, "process": 300, "replay": 900, "conflict": 300}
"""Seconds that a message may wait; the alarms have the same."""
LAGS = {"relay": 60, "snapshot": 600}
"""Seconds that a function may lag behind the stream, as for the alarms."""
UNPUBLISHED = 60
"""Seconds that an event may be on its way to the audit log."""
OVERDUE = 300
SNAPSHOTS = 20
"""Streams that are looked at for their snapshots."""
_TABLES = {
    "event store": "eventStoreTable",
    "read model": "readModelTable",
    "snapshots": "snapshotsTable",
    "branches": "branchesTable",
    "replays": "replaysTable",
    "conflicts": "conflictsTable",
    "standing": "standingsTable",
}
_OF_TWO_REGIONS = {"conflict", "conflicts", "standing", *OF_TWO_REGIONS}
"""Queues and tables that a stack in one Region has not."""
_WELL = ("OK", "No records processed", "No processing done yet", "", None)
"""What a mapping says of its last poll where nothing went wrong."""

Look = Callable[[], Iterator[Point]]


@dataclass(frozen=True)
class Looks:
    """At one stack, at one moment."""

    system: System
    now: datetime

    @classmethod
    def at(cls, system: System) -> Looks:
        """The looks of this moment. The clients are made here, since no two threads may."""
        for service in ("cloudwatch", "dynamodb", "events", "lambda", "logs", "scheduler", "sqs"):
            system.client(service)
        return cls(system, datetime.now(UTC))

    def points(self) -> list[Point]:
        """Everything that there is to see, in its order; the looks go side by side."""
        looks: dict[str, Look] = {
            "queues": self.queues,
            "mappings": self.mappings,
            "rules": self.rules,
            "alarms": self.alarms,
            "throttles": self.throttles,
            "events": self.events,
            "transfers": self.transfers,
            "replays": self.replays,
            "branches": self.branches,
        }
        with ThreadPoolExecutor(len(looks)) as pool:
            return [point for found in pool.map(_of, looks, looks.values()) for point in found]

    def queues(self) -> Iterator[Point]:
        """How many messages wait, and for how long: a request for each queue, and one for all ages."""
        urls, letters = self._named(WORK_QUEUES), self._named(OUTPUTS)
        ages: dict[Metric, float] = {}
        wanted = map(_age, (*urls.values(), *letters.values()))
        yield from self._measured("queue", "ages", wanted, ages)
        for name, url in urls.items():
            yield from _asked("queue", name, partial(self._queue, name, url, ages))
        for name, url in letters.items():
            yield from _asked("dead letters", name, partial(self._letters, name, url, ages))

    def _queue(self, name: str, url: str, ages: Mapping[Metric, float]) -> Iterator[Point]:
        counts, age = depth(self.system.client("sqs"), url), ages.get(_age(url))
        told = f"{counts['waiting']:,} wait, {counts['inWork']:,} in work{_oldest(age)}"
        late = age is not None and age > LATE[name]
        wrong = f"the oldest message waits for {lasting(age)}" if late and age is not None else ""
        facts = {**counts, "oldestSeconds": age}
        yield Point("queue", name, told, facts, wrong, f"{name}-queue-age" if wrong else "")

    def _letters(self, name: str, url: str, ages: Mapping[Metric, float]) -> Iterator[Point]:
        number, age = sum(depth(self.system.client("sqs"), url).values()), ages.get(_age(url))
        wrong = counted(number, "dead letter") if number else ""
        told = f"{number:,} lie there{_oldest(age)}" if number else "empty"
        facts = {"letters": number, "oldestSeconds": age}
        yield Point("dead letters", name, told, facts, wrong, f"{name}-dlq-not-empty" if wrong else "")

    def _measured(self, area: str, name: str, wanted: Iterable[Metric], found: dict[Metric, float]) -> Iterator[Point]:
        """Add the newest values of metrics to `found`. A point only where CloudWatch cannot be asked: what is seen
        without it is told all the same."""

        def look() -> Iterator[Point]:
            found.update(self._metrics.newest(wanted))
            return iter(())

        yield from _asked(area, name, look)

    def mappings(self) -> Iterator[Point]:
        """What feeds the functions, and how far they are behind the stream: a request for each hundred mappings of the
        account, and one for the lags."""
        lags: dict[Metric, float] = {}
        followers = [function for name in LAGS if (function := self.system.function(f"{name}Function"))]
        yield from self._measured("mapping", "lags", map(_lag, followers), lags)
        feeds = Feeds.of(self.system)
        for name, function in feeds.functions.items():
            yield from _asked("mapping", f"of {name}", partial(self._mappings, feeds, name, lags.get(_lag(function))))

    def _mappings(self, feeds: Feeds, name: str, lag: float | None) -> Iterator[Point]:
        for feed in feeds.standing(name):
            yield self._mapping(feed, lag)

    def _mapping(self, feed: Feed, lag: float | None) -> Point:
        name, source, uuid, state, result = feed.name, feed.source, feed.uuid, feed.state, feed.result
        facts = {"state": state, "lastResult": result, "lagSeconds": None if lag is None else lag / 1000, "uuid": uuid}
        told = f"{state}, last {result or 'not told'}" if state != MISSING else MISSING
        if source == "stream":
            told += f", lag {lasting(lag / 1000)}" if lag is not None else ", lag not told"
        wrong, entry = "", ""
        if state == MISSING:
            wrong, entry = f"nothing is set up to feed {name}: `pulumi up --refresh`", "a-feed-that-is-off"
        elif state not in ("Enabled", "Creating", "Enabling", "Updating"):
            wrong, entry = f"nothing feeds {name}: {state} (mapping {uuid})", "a-feed-that-is-off"
        elif result not in _WELL:
            wrong, entry = f"its last poll: {result}", "function-errors"
        elif lag is not None and name in LAGS and lag > LAGS[name] * 1000:
            wrong, entry = f"{name} is {lasting(lag / 1000)} behind", f"{name}-iterator-age"
        return Point("mapping", f"{source} to {name}".strip(), told, facts, wrong, entry)

    def rules(self) -> Iterator[Point]:
        """What takes events off the bus: two requests for each rule of the stack."""
        rules = Rules.of(self.system)
        for feeds in rules.names:
            yield from _asked("rule", f"to {feeds}", partial(self._rule, rules, feeds))

    def _rule(self, rules: Rules, feeds: str) -> Iterator[Point]:
        rule = rules.look(feeds)
        facts = {"rule": rule.name, "state": rule.state, "targets": rule.targets}
        wrong = f"nothing gets to {feeds}: {rule.wrong}" if rule.wrong else ""
        told = f"{rule.state}, {counted(rule.targets, 'target')}"
        yield Point("rule", f"to {feeds}", told, facts, wrong, "a-rule-that-is-off" if wrong else "")

    def alarms(self) -> Iterator[Point]:
        """Those of this stack that ring: a request for each hundred."""
        pages = self.system.client("cloudwatch").get_paginator("describe_alarms")
        number, topic = 0, self.system.output("alarmTopicArn")
        for page in pages.paginate(ActionPrefix=topic):
            for alarm in page["MetricAlarms"]:
                if topic not in alarm["AlarmActions"]:  # but one that begins with it
                    continue
                number += 1
                if alarm["StateValue"] == "ALARM":
                    yield self._alarm(alarm)
        yield Point("alarms", "all", f"{number:,} are set", {"count": number})

    def _alarm(self, alarm: Any) -> Point:
        since = alarm.get("StateUpdatedTimestamp")
        told = f"rings since {since:%Y-%m-%dT%H:%M:%SZ}" if since else "rings"
        description, _, place = alarm.get("AlarmDescription", "").partition(" Runbook: ")
        entry = place.rpartition("#")[2] or "alarms"
        return Point("alarms", alarm["AlarmName"], told, {"state": "ALARM"}, description or "it rings", entry)

    def throttles(self) -> Iterator[Point]:
        """What was refused for want of capacity in the last quarter of an hour, and which functions may not run at all:
        one request, and one for each function."""
        named = {name: self.system.function(f"{spelled(name)}Function") for name in FUNCTIONS}
        functions = {name: function for name, function in named.items() if function}
        yield from _asked("throttles", "concurrency", partial(self._switched_off, functions))
        yield from _asked("throttles", "all", partial(self._refused, functions))

    def _switched_off(self, functions: Mapping[str, str]) -> Iterator[Point]:
        client = self.system.client("lambda")
        for name, function in functions.items():
            reserved = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
            if reserved == 0:
                wrong = f"{function} has a reserved concurrency of 0: each invocation is refused"
                facts = {"function": function, "reservedConcurrency": 0}
                yield Point("throttles", name, "reserved concurrency 0", facts, wrong, "a-function-that-may-not-run")

    def _refused(self, functions: Mapping[str, str]) -> Iterator[Point]:
        wanted = {
            Metric("AWS/Lambda", "Throttles", "FunctionName", function, "Sum"): (name, "function-throttles")
            for name, function in functions.items()
        }
        invoked = set(wanted)
        for label, table in self._named(_TABLES).items():
            for kind in ("Read", "Write"):
                metric = Metric("AWS/DynamoDB", f"{kind}ThrottleEvents", "TableName", table, "Sum")
                wanted[metric] = (f"{label}, {kind.lower()}s", "table-throttles")
        told_of = self._metrics.newest(wanted)
        refused = {metric: value for metric, value in told_of.items() if value}
        for metric, value in refused.items():
            name, entry = wanted[metric]
            told = f"{value:,.0f} in the last 15 minutes"
            yield Point("throttles", name, told, {"count": value}, f"{counted(int(value), 'request')} refused", entry)
        # Lambda tells of each invocation whether it was throttled, DynamoDB only of those that were.
        if not refused and invoked & told_of.keys():
            yield Point("throttles", "all", "none in the last 15 minutes", {"count": 0})
        elif not refused:
            yield Point("throttles", "all", "not told: CloudWatch has none of the last 15 minutes", {"count": None})

    def events(self) -> Iterator[Point]:
        """The newest events, whether they are published, in the rows and in snapshots: what `Lags` takes, a Query for
        each stream of a sample, and a search of the audit log from the newest event on."""
        if not self.system.has_type_index():
            yield Point("events", "newest", "not to be told without the index by type")
            return
        client, now = self.system.client("dynamodb"), times.to_text(self.now)
        buckets = self.system.setting("queryFunction", "TYPE_BUCKETS")
        types = TypeIndex(client, self.system.output("eventStoreTable"), buckets)
        projections = KINDS.projections(self.system.told("projectionFunction"))
        lags = Lags(types, ReadModel(client, self.system.output("readModelTable")), projections)
        newest = sorted(lags.newest(), key=lambda event: (event.timestamp, event.sequence))
        if not newest:
            yield Point("events", "newest", "there is none")
            return
        yield from _asked("events", "newest", lambda: iter([self._published(newest[-1], now)]))
        yield from _asked("events", "rows", lambda: map(_projected, lags.behind(newest, now)))
        yield from _asked("events", "snapshots", lambda: iter([self._snapshots(newest, now)]))

    def _published(self, event: Event, now: str) -> Point:
        age = seconds_between(event.timestamp, now)
        place = f"{event.event_type} {event.aggregate_id} #{event.sequence}"
        facts = {"aggregateId": event.aggregate_id, "sequence": event.sequence, "at": event.timestamp}
        group = self.system.outputs.get("auditLogGroup")
        if group is None:
            return Point("events", "newest", f"{place}, {lasting(age)} ago", facts)
        since = datetime.fromisoformat(event.timestamp).timestamp()
        pages = (
            self.system.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=group,
                filterPattern=f'{{ $.detail.EventId = "{event.event_id}" }}',
                startTime=max(0, int((since - UNPUBLISHED) * 1000)),
            )
        )
        published = any(page["events"] for page in pages)
        told = f"{place}, {lasting(age)} ago, {'published' if published else 'not in the audit log'}"
        wrong = "" if published or age <= UNPUBLISHED else f"it is not in the audit log after {lasting(age)}"
        return Point(
            "events", "newest", told, {**facts, "published": published}, wrong, "the-relay-was-down" if wrong else ""
        )

    def _snapshots(self, newest: Sequence[Event], now: str) -> Point:
        every = self.system.setting("snapshotFunction", "SNAPSHOT_EVERY")
        snapshots = Snapshots(self.system.client("dynamodb"), self.system.output("snapshotsTable"))
        ends = {event.aggregate_id: event for event in newest}
        busy = [event for event in ends.values() if event.sequence >= every][-SNAPSHOTS:]
        behind: list[Event] = []
        for event in busy:
            found = snapshots.nearest(event.aggregate_id, kind=KINDS.of_type(event.event_type))
            if (found.position.sequence if found else 0) < event.sequence // every * every:
                behind.append(event)
        late = [event for event in behind if seconds_between(event.timestamp, now) > LAGS["snapshot"]]
        told = f"{len(busy) - len(behind):,} of {len(busy):,} long streams have their newest"
        wrong = (
            f"{counted(len(late), 'stream')} without theirs for more than {lasting(LAGS['snapshot'])}" if late else ""
        )
        facts = {"lookedAt": len(busy), "behind": len(behind), "late": len(late)}
        return Point("events", "snapshots", told, facts, wrong, "snapshot-iterator-age" if wrong else "")

    def transfers(self) -> Iterator[Point]:
        """Those under way, and what carries them on: a Query for each bucket of what is due, and four requests."""
        yield from _asked("transfers", "open", self._under_way)
        yield from _asked("transfers", "carriers", self._carriers)

    def _under_way(self) -> Iterator[Point]:
        index = DueIndex(self.system.client("dynamodb"), self.system.output("readModelTable"))
        found = due(index, PROCESS.buckets, times.to_text(self.now))
        late = seconds_between(found.since, times.to_text(self.now)) if found.since else 0
        more = "" if found.whole else " or more"
        told = f"{found.under_way:,}{more} under way, {found.overdue:,}{more} due"
        wrong = f"something has been due for {lasting(late)}" if late > OVERDUE else ""
        facts = {"underWay": found.under_way, "overdue": found.overdue, "secondsOverdue": late}
        yield Point("transfers", "open", told, facts, wrong, "transfers-overdue" if wrong else "")

    def _carriers(self) -> Iterator[Point]:
        carriers = Carriers.of(self.system)
        off, gone = carriers.off(), carriers.gone()
        facts = {"off": off, "gone": gone}
        if gone:
            entry = "the-sweep-is-missing" if any("schedule" in each for each in gone) else "a-feed-that-is-off"
            yield Point("transfers", "carriers", "gone", facts, "; ".join(gone + off), entry)
            return
        wrong = f"paused, or switched off: {', '.join(off)}" if off else ""
        yield Point("transfers", "carriers", "off" if off else "on", facts, wrong, "transfers" if wrong else "")

    def replays(self) -> Iterator[Point]:
        """Those that are not done: a Scan of their table."""
        now = times.to_text(self.now)
        runs = Replays(self.system.client("dynamodb"), self.system.output("replaysTable")).every()
        unfinished = [run for run in runs if run.unfinished and status_of(run) != "cancelled"]
        for run in unfinished:
            stalled = is_stalled(run, now)
            wrong = "it stands still" if stalled else ""
            status = "stalled" if stalled else status_of(run)
            told = f"{status}, {run.counts.sent:,} sent"
            entry = "a-replay-stands-still" if wrong else ""
            yield Point("replays", run.head.replay_id, told, {"status": status, "sent": run.counts.sent}, wrong, entry)
        if not unfinished:
            yield Point("replays", "open", "none", {"count": 0})

    def branches(self) -> Iterator[Point]:
        """How many there are: a Query."""
        number = len(Branches(self.system.client("dynamodb"), self.system.output("branchesTable")).every())
        yield Point("branches", "open", f"{number:,}" if number else "none", {"count": number})

    def _named(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """What the stack has of these, by the names that they have here. OperatorError where one is missing."""
        is_alone = not has_two_regions(self.system)
        return {
            name: self.system.output(output)
            for name, output in outputs.items()
            if not (is_alone and name in _OF_TWO_REGIONS)
        }

    @cached_property
    def _metrics(self) -> Metrics:
        return Metrics(self.system.client("cloudwatch"), self.now)


_DENIED = ("AccessDenied", "AccessDeniedException")


def _of(area: str, look: Look) -> list[Point]:
    return _asked(area, "all", look)


def _asked(area: str, name: str, look: Look) -> list[Point]:
    """What a look sees; one point that says why where it cannot be asked."""
    try:
        return list(look())
    except (BotoCoreError, ClientError, LedgerError, OperatorError) as error:
        if is_gone(error):
            wrong = f"it is gone ({error}): `pulumi up --refresh`"
            return [Point(area, name, "gone", {}, wrong, "what-was-deleted")]
        denied = isinstance(error, ClientError) and error.response["Error"]["Code"] in _DENIED
        entry = "what-an-operators-role-needs" if denied else "status"
        alike = f"access denied ({error.operation_name})" if isinstance(error, ClientError) and denied else str(error)
        return [Point(area, name, "cannot be asked", {}, str(error), entry, alike)]


def _projected(told: Any) -> Point:
    behind, seconds = told["behind"], told["secondsBehind"]
    words = f"{behind:,} of {told['lookedAt']:,} behind, by {lasting(seconds)}" if behind else "up to the newest events"
    wrong = f"rows lack events of {lasting(seconds)} ago" if seconds > LATE["projection"] else ""
    facts = {name: told[name] for name in ("lookedAt", "behind", "secondsBehind")}
    return Point("events", told["projection"], words, facts, wrong, "rows-that-lag" if wrong else "")


def _age(url: str) -> Metric:
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", url.rpartition("/")[2])


def _lag(function: str) -> Metric:
    return Metric("AWS/Lambda", "IteratorAge", "FunctionName", function)


def _oldest(age: float | None) -> str:
    return "" if age is None else f", oldest {lasting(age)}"

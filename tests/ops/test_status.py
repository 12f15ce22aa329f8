"""One screen says how a stack is, and what of it needs a person, with the place in the runbook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from handlers.sourcing import times
from handlers.sourcing.event import Event
from handlers.upkeep.letters.queues import OF_TWO_REGIONS, OUTPUTS
from ops.commands import status as command
from ops.feeds import FED
from ops.function_logs import FUNCTIONS
from ops.status import looks

from ..aws import BRANCHES, around_every_call
from ..domain.builders import story
from ..handlers.conftest import BUS, refusal
from ..quick_moto import make
from .conftest import ACCOUNT, RULE, Run, Write, create_functions, keep, url
from .feed import Feed
from .test_dead_letters import body, leave, project

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms"
AUDIT = "/aws/lambda/projection"
"""Any group will do."""


@pytest.fixture
def feed(aws: Any, outputs: Path, write: Write) -> Feed:
    """What carries transfers on, and the outputs of a whole stack."""
    feed = Feed("processes")
    create_functions({"relay": {}})
    for function in ("relay", "snapshotFunction", "projectionFunction", "replayerFunction"):
        made_to_feed(function)
    told = {"alarmTopicArn": TOPIC, "branchesTable": BRANCHES, "auditLogGroup": AUDIT, "relayFunction": "relay"}
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **told, **feed.outputs}))
    return feed


def made_to_feed(function: str) -> str:
    """A mapping of a queue to it; its id."""
    make("sqs", "CreateQueue", QueueName=f"of-{function}")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:of-{function}"
    functions = boto3.client("lambda")
    return functions.create_event_source_mapping(FunctionName=function, EventSourceArn=arn)["UUID"]


@contextmanager
def measured(**values: float) -> Iterator[None]:
    """While it lasts, CloudWatch has these: by the metric's name and its subject's, `Throttles_relay`."""

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation != "GetMetricData":
            return proceed()
        results = []
        for query in arguments["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            name = f"{metric['MetricName']}_{metric['Dimensions'][0]['Value']}".replace("-", "_")
            found = [values[name], 0.0] if name in values else []
            results.append({"Id": query["Id"], "Values": found})
        return {"MetricDataResults": results}

    with around_every_call(around):
        yield


def wrong(result: Any) -> dict[str, str]:
    """What needs a person, and where the runbook says what to do."""
    return {f"{each['area']}: {each['name']}": each["runbook"] for each in result.json["points"] if "wrong" in each}


def ages(result: Any, area: str) -> dict[str, Any]:
    return {each["name"]: each for each in result.json["points"] if each["area"] == area}


def test_a_stack_that_is_well_is_one_screen_and_needs_nobody(feed: Feed, run: Run) -> None:
    result = run("status")

    assert result.code == 0, result.out
    assert "nothing needs a person" in result.out
    lines = result.out.splitlines()
    assert len(lines) < 40
    head = next(line for line in lines if line.startswith("AREA"))
    columns = [head.index(word) for word in ("WHAT", "HOW")]
    assert all(line[column - 1] == " " for line in lines[1:-1] for column in columns)
    told = run("status", "--json").json
    assert (told["well"], {each["area"] for each in told["points"]}) == (
        True,
        {
            "queue",
            "dead letters",
            "mapping",
            "rule",
            "alarms",
            "throttles",
            "events",
            "transfers",
            "replays",
            "branches",
        },
    )


def test_letters_old_messages_and_lags_need_somebody(feed: Feed, sqs: Any, run: Run) -> None:
    leave(sqs, "process-dlq", "x")
    with measured(
        ApproximateAgeOfOldestMessage_projection=301.0,
        ApproximateAgeOfOldestMessage_process_dlq=90_000.0,
        ApproximateAgeOfOldestMessage_replay=800.0,
        Throttles_relay=2.0,
        ReadThrottleEvents_snapshots=1.0,
    ):
        result = run("status", "--json")

    assert result.code == 1
    assert wrong(result) == {
        "queue: projection": "projection-queue-age",
        "dead letters: process": "process-dlq-not-empty",
        "throttles: relay": "function-throttles",
        "throttles: snapshots, reads": "table-throttles",
    }
    assert ages(result, "dead letters")["process"]["told"] == "1 lie there, oldest 1 d"
    assert ages(result, "throttles")["relay"]["count"] == 2


def test_every_place_that_it_names_is_in_the_runbook() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    titles = [
        each.strip(" #").lower().replace(" ", "-").replace("'", "") for each in runbook.split("\n") if each[:2] == "##"
    ]
    source = Path(looks.__file__).read_text("utf-8")
    named = {"the-relay-was-down", "a-replay-stands-still", "transfers", "alarms", "status", "a-feed-that-is-off"}
    named |= {"a-function-that-may-not-run", "rows-that-lag", "what-an-operators-role-needs"}
    named |= {"a-rule-that-is-off", "what-was-deleted", "the-sweep-is-missing"}

    assert named <= set(titles)
    assert all(f'"{each}"' in source for each in named)
    anchors = {f"{name}-queue-age" for name in looks.LATE} | {f"{name}-iterator-age" for name in looks.LAGS}
    anchors |= {f"{name}-dlq-not-empty" for name in OUTPUTS}
    for each in (*anchors, "function-errors", "function-throttles", "table-throttles", "transfers-overdue"):
        assert f'<a id="{each}"></a>' in runbook, each


def test_an_alarm_that_rings_says_since_when_what_and_where_to_look(feed: Feed, run: Run) -> None:
    cloudwatch = boto3.client("cloudwatch")
    for name, topic in (("monitoring-relay-iterator-age-1", TOPIC), ("fine", TOPIC), ("another-stack-s", TOPIC + "2")):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="The relay lags. Runbook: docs/operations.md#relay-iterator-age",
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )
        if name != "fine":
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="x")

    result = run("status", "--json")

    assert wrong(result) == {"alarms: monitoring-relay-iterator-age-1": "relay-iterator-age"}
    assert "\nalarms        relay-iterator-age-1" in run("status").out
    told = ages(result, "alarms")
    assert told["monitoring-relay-iterator-age-1"]["wrong"] == "The relay lags."
    assert told["all"]["count"] == 2


def test_a_feed_that_is_off_or_fails_and_a_pause_are_told(feed: Feed, run: Run) -> None:
    feed.switch(feed=False, schedule=False)

    result = run("status", "--json")
    found = wrong(result)

    assert found["mapping: queue to process"] == "a-feed-that-is-off"
    assert ages(result, "mapping")["queue to process"]["uuid"] == feed.mapping
    assert feed.mapping in run("status").out, "to be copied into the command"
    assert set(FED) < set(FUNCTIONS)
    assert found["transfers: carriers"] == "transfers"


def test_a_function_that_no_mapping_feeds_any_more_needs_somebody(feed: Feed, run: Run) -> None:
    for each in feed.functions.list_event_source_mappings()["EventSourceMappings"]:
        feed.functions.delete_event_source_mapping(UUID=each["UUID"])

    result = run("status", "--json")

    fed = ("relay", "snapshot", "projection", "process", "replayer")
    expected = {f"mapping: to {name}": "a-feed-that-is-off" for name in fed}
    assert wrong(result) == {**expected, "transfers: carriers": "a-feed-that-is-off"}
    told = ages(result, "mapping")["to relay"]
    assert (told["told"], told["wrong"]) == ("missing", "nothing is set up to feed relay: `pulumi up --refresh`")


def test_a_rule_that_lets_nothing_through_needs_somebody(feed: Feed, outputs: Path, run: Run) -> None:
    events, rule = boto3.client("events"), RULE.rpartition("/")[2]
    gone = {"processRuleName": "gone"}
    outputs.write_text(json.dumps(json.loads(outputs.read_text()) | gone))
    events.disable_rule(Name=rule, EventBusName=BUS)
    off = run("status", "--json")
    events.enable_rule(Name=rule, EventBusName=BUS)
    events.remove_targets(Rule=rule, EventBusName=BUS, Ids=["queue"])
    empty = run("status", "--json")

    entry = "a-rule-that-is-off"
    assert wrong(off) == wrong(empty) == {"rule: to projection": entry, "rule: to process": entry}
    said = ages(off, "rule")["to projection"]["wrong"]
    assert said == "nothing gets to projection: the rule account-rule is DISABLED: it lets nothing through"
    said = ages(off, "rule")["to process"]["wrong"]
    assert said == "nothing gets to process: the rule gone is gone: `pulumi up --refresh`"
    said = ages(empty, "rule")["to projection"]["wrong"]
    assert said == "nothing gets to projection: the rule account-rule has no target: `pulumi up --refresh`"


def test_what_was_deleted_is_said_to_be_with_what_makes_it_again(feed: Feed, sqs: Any, run: Run) -> None:
    sqs.delete_queue(QueueUrl=url("delivery-dlq"))
    feed.schedules.delete_schedule(GroupName="g", Name="every-minute")

    result = run("status", "--json")

    assert wrong(result) == {
        "dead letters: delivery": "what-was-deleted",
        "transfers: carriers": "the-sweep-is-missing",
    }
    assert "`pulumi up --refresh`" in ages(result, "dead letters")["delivery"]["wrong"]
    assert "schedule g/every-minute, which is gone: `pulumi up" in ages(result, "transfers")["carriers"]["wrong"]


def test_the_lag_of_a_stream_is_that_of_its_function(feed: Feed, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    streamed = {
        "UUID": "u",
        "State": "Enabled",
        "LastProcessingResult": "OK",
        "EventSourceArn": "arn:aws:dynamodb:::table/t/stream/1",
    }

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "ListEventSourceMappings" and arguments["FunctionName"] in ("relay", "snapshotFunction"):
            failed = {"LastProcessingResult": "PROBLEM: Function call failed"}
            mapping = streamed if arguments["FunctionName"] == "relay" else {**streamed, **failed}
            return {"EventSourceMappings": [mapping]}
        return proceed()

    with around_every_call(around), measured(IteratorAge_relay=61_000.0):
        found = run("status", "--json")

    assert wrong(found) == {
        "mapping: stream to relay": "relay-iterator-age",
        "mapping: stream to snapshot": "function-errors",
    }
    assert ages(found, "mapping")["stream to relay"]["lagSeconds"] == 61


def ago(**time: float) -> str:
    return times.to_text(datetime.now(UTC) - timedelta(**time))


def stamped(events: list[Event], moment: str) -> list[Event]:
    """The same stream, of another moment."""
    found: list[Event] = []
    for event in events:
        moved = replace(event, timestamp=moment, previous_hash=found[-1].hash if found else event.previous_hash)
        found.append(replace(moved, hash=moved.computed_hash()))
    return found


def test_the_newest_event_is_published_or_was_not(
    aws: Any, feed: Feed, run: Run, write: Write, handlers: Callable[[str], ModuleType]
) -> None:
    events = keep(aws, story("a", [1, 2], now=ago(hours=2)))
    project(handlers, [body(event) for event in events])
    assert run("snapshots").code == 0

    found = run("status", "--json")
    assert wrong(found) == {"events: newest": "the-relay-was-down"}
    assert ages(found, "events")["newest"]["sequence"] == 3
    write(body(events[-1]))
    assert wrong(run("status", "--json")) == {}


def test_rows_and_snapshots_that_are_behind_old_events_need_somebody(aws: Any, feed: Feed, run: Run) -> None:
    keep(aws, story("a", [1, 2], now=ago(hours=2)))

    found = run("status", "--json")

    assert wrong(found)["events: AccountSummary"] == "rows-that-lag"
    assert wrong(found)["events: snapshots"] == "snapshot-iterator-age"
    assert ages(found, "events")["AccountSummary"]["behind"] == 1


def test_young_events_are_on_their_way_and_need_nobody(aws: Any, feed: Feed, run: Run) -> None:
    keep(aws, stamped(story("a", [1, 2]), ago(seconds=5)))

    assert wrong(run("status", "--json")) == {}


def test_what_cannot_be_asked_is_told_and_hides_nothing_else(feed: Feed, sqs: Any, run: Run) -> None:
    leave(sqs, "delivery-dlq", "x")

    def around(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "DescribeAlarms":
            raise refusal("AccessDeniedException", operation)
        return proceed()

    with around_every_call(around):
        found = run("status", "--json")

    assert wrong(found) == {
        "alarms: all": "what-an-operators-role-needs",
        "dead letters: delivery": "delivery-dlq-not-empty",
    }


def test_a_queue_that_cannot_be_asked_hides_no_other(feed: Feed, sqs: Any, run: Run) -> None:
    leave(sqs, "delivery-dlq", "x")

    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "GetQueueAttributes" and arguments["QueueUrl"].endswith("/projection-dlq"):
            raise refusal("AccessDenied", operation)
        if operation == "GetMetricData":
            raise refusal("InternalServiceFault", operation)
        return proceed()

    with around_every_call(around):
        found = run("status", "--json")

    role = "what-an-operators-role-needs"
    assert wrong(found) == {
        "queue: ages": "status",
        "dead letters: projection": role,
        "dead letters: delivery": "delivery-dlq-not-empty",
        "mapping: lags": "status",
        "throttles: all": "status",
    }
    assert set(ages(found, "dead letters")) == set(OUTPUTS) - OF_TWO_REGIONS
    assert "queue to process" in ages(found, "mapping")


def test_queues_that_are_all_denied_are_one_line(feed: Feed, run: Run) -> None:
    def around(_: Any, operation: str, arguments: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "GetQueueAttributes" and "QueueUrl" in arguments:
            raise refusal("AccessDenied", operation)
        return proceed()

    with around_every_call(around):
        said, found = run("status").out, run("status", "--json")

    assert len(wrong(found)) == 8
    lines = said.splitlines()
    assert sum("cannot be asked" in line for line in lines) == 1
    assert "8 queues" in next(line for line in lines if "cannot be asked: access denied (GetQueueAttributes)" in line)
    assert "8 things that need a person" in lines
    assert lines.count("  do: docs/operations.md#what-an-operators-role-needs") == 1


def test_a_log_or_a_schedule_that_cannot_be_asked_hides_nothing_beside_it(aws: Any, feed: Feed, run: Run) -> None:
    keep(aws, story("a", [1, 2], now=ago(hours=2)))

    def around(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        if operation in ("FilterLogEvents", "GetSchedule"):
            raise refusal("AccessDeniedException", operation)
        return proceed()

    with around_every_call(around):
        found = run("status", "--json")

    role = "what-an-operators-role-needs"
    assert wrong(found)["events: newest"] == wrong(found)["transfers: carriers"] == role
    assert wrong(found)["events: AccountSummary"] == "rows-that-lag"
    assert "snapshots" in ages(found, "events")
    assert ages(found, "transfers")["open"]["underWay"] == 0


def test_a_function_that_may_not_run_needs_somebody(feed: Feed, run: Run) -> None:
    lambda_ = boto3.client("lambda")
    lambda_.put_function_concurrency(FunctionName="projectionFunction", ReservedConcurrentExecutions=0)
    lambda_.put_function_concurrency(FunctionName="queryFunction", ReservedConcurrentExecutions=5)

    found = run("status", "--json")

    assert wrong(found) == {"throttles: projection": "a-function-that-may-not-run"}
    assert "projectionFunction" in ages(found, "throttles")["projection"]["wrong"]


def test_throttles_that_nobody_tells_of_are_not_said_to_be_none(feed: Feed, run: Run) -> None:
    assert "not told" in ages(run("status", "--json"), "throttles")["all"]["told"]
    with measured(Throttles_relay=0.0):
        found = ages(run("status", "--json"), "throttles")["all"]
    assert (found["told"], found["count"]) == ("none in the last 15 minutes", 0)


def test_what_needs_a_person_fits_a_terminal(feed: Feed, sqs: Any, run: Run) -> None:
    feed.switch(feed=False, schedule=True)
    leave(sqs, "delivery-dlq", "x")

    def around(_: Any, operation: str, __: Any, proceed: Callable[[], Any]) -> Any:
        if operation == "DescribeAlarms":
            raise refusal("AccessDenied" + " [denied]" * 20, operation)
        return proceed()

    with around_every_call(around):
        told = run("status").out.partition("need a person\n")[2].splitlines()

    assert max(map(len, told)) <= 80
    assert f"  do: {command.RUNBOOK}#a-feed-that-is-off" in told
    assert f"  do: {command.RUNBOOK}#delivery-dlq-not-empty" in told


def test_it_is_watched_until_ctrl_c(feed: Feed, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = iter([None, None])

    def wait(_: float) -> None:
        if next(rounds, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "wait", wait)

    result = run("status", "--watch")

    assert (result.code, result.out.count("nothing needs a person")) == (130, 3)

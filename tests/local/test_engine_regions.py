"""A second Region: every service answers for the Region of the signature, and nothing of one shows in another."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine import Engine, ManualClock
from local.engine.gateway import Gateway
from local.engine.links import OUTSIDE
from tests.local.calls import call
from tests.local.conftest import Workshop
from tests.local.in_process import refusal

HERE, THERE = "us-east-1", "eu-west-1"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
TELLS = "import telling\ndef handler(event, context): telling.tell([event, context.invoked_function_arn])"
PUTS = """
    import telling, os
    def handler(event, context):
        os.environ["AWS_REGION"] = event["region"]
        asked = {"TableName": event["table"], "Item": {"Id": {"S": "a"}, "Number": {"N": "1"}}}
        try:
            status, _ = telling.call("dynamodb", "DynamoDB_20120810.PutItem", asked)
        except OSError as error:
            return type(error).__name__
        return status
"""


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(scope="module")
def engine(clock: ManualClock) -> Iterator[Engine]:
    with Engine(region=HERE, clock=clock) as running:
        yield running


class Elsewhere(Workshop):
    """A workshop in the other Region."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.lambda_, self.sqs, self.dynamodb, self.events, self.logs = (
            engine.client(service, region=THERE) for service in ("lambda", "sqs", "dynamodb", "events", "logs")
        )


@pytest.fixture(scope="module")
def there(engine: Engine) -> Elsewhere:
    return Elsewhere(engine)


@pytest.fixture(scope="module")
def here(engine: Engine) -> Workshop:
    return Workshop(engine)


def test_a_function_of_the_other_region_reads_a_stream_and_writes_to_a_queue_there(there: Elsewhere) -> None:
    tell = there.queue()
    table, stream = there.table()
    assert stream.split(":")[3] == THERE
    function = there.function(TELLS, tell=tell)
    there.map(stream, function, StartingPosition="TRIM_HORIZON")
    there.put(table, "a", 1)
    ((event, arn),) = there.told(tell)
    assert event["Records"][0]["awsRegion"] == THERE
    assert arn == f"arn:aws:lambda:{THERE}:123456789012:function:{function}"
    there.wait_for_log(f"/aws/lambda/{function}", "REPORT")
    groups = there.engine.client("logs").describe_log_groups()["logGroups"]
    assert f"/aws/lambda/{function}" not in {group["logGroupName"] for group in groups}


def test_queues_rules_and_functions_of_one_name_are_two_in_two_regions(here: Workshop, there: Elsewhere) -> None:
    for region, shop in ((HERE, here), (THERE, there)):
        anybody = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}
        shop.sqs.create_queue(QueueName="same", Attributes={"Policy": json.dumps(anybody)})
        shop.events.create_event_bus(Name="same")
        pattern = json.dumps({"source": ["test"]})
        shop.events.put_rule(Name="same", EventBusName="same", EventPattern=pattern)
        arn = f"arn:aws:sqs:{region}:123456789012:same"
        shop.events.put_targets(Rule="same", EventBusName="same", Targets=[{"Id": "q", "Arn": arn}])
    entry = {"Source": "test", "DetailType": "T", "Detail": "{}", "EventBusName": "same"}
    there.events.put_events(Entries=[entry])
    url = there.sqs.get_queue_url(QueueName="same")["QueueUrl"]
    (message,) = there.take(url)
    assert json.loads(message["Body"])["region"] == THERE
    assert here.stays_empty(here.sqs.get_queue_url(QueueName="same")["QueueUrl"], 0.1)


def test_a_schedule_of_the_other_region_is_due_there(there: Elsewhere, clock: ManualClock) -> None:
    tell = there.queue()
    there.engine.client("scheduler", region=THERE).create_schedule(
        Name="once",
        ScheduleExpression="at(2026-11-27T12:00:30)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": there.queue_arn(tell), "RoleArn": there.role, "Input": '"due"'},
    )
    assert there.engine.client("scheduler").list_schedules()["Schedules"] == []
    clock.advance(60)
    assert there.told(tell) == ["due"]


def test_alarms_parameters_keys_and_topics_are_each_regions_own(engine: Engine) -> None:
    watch = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0}
    metric = {"MetricName": "m", "Namespace": "n", "Period": 60, "Statistic": "Sum"}
    for region in (HERE, THERE):
        engine.client("cloudwatch", region=region).put_metric_alarm(**watch, **metric)
        engine.client("ssm", region=region).put_parameter(Name="/role", Value=region, Type="String")
        arns = [
            engine.client("cloudwatch", region=region).describe_alarms()["MetricAlarms"][0]["AlarmArn"],
            engine.client("ssm", region=region).get_parameter(Name="/role")["Parameter"]["ARN"],
            engine.client("sns", region=region).create_topic(Name="t")["TopicArn"],
            engine.client("kms", region=region).create_key()["KeyMetadata"]["Arn"],
        ]
        assert {arn.split(":")[3] for arn in arns} == {region}
    assert engine.client("ssm").get_parameter(Name="/role")["Parameter"]["Value"] == HERE


def test_a_role_may_do_in_a_region_what_its_policies_say_of_that_region(here: Workshop, there: Elsewhere) -> None:
    table, _ = there.table()
    where = f"arn:aws:dynamodb:{THERE}:123456789012:table/{table}"
    narrow = there.make_role([{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": where}])
    near, far = (shop.function(PUTS, Role=narrow) for shop in (there, here))
    for shop, function in ((there, near), (here, far)):
        assert shop.invoke(function, {"table": table, "region": THERE})["Payload"] == 200
        assert shop.invoke(function, {"table": table, "region": HERE})["Payload"] == 400


def test_functions_and_whoever_is_outside_reach_a_region_only_over_links_that_hold(
    here: Workshop, there: Elsewhere
) -> None:
    table, _ = there.table()
    links, function = here.engine.links, here.function(PUTS)
    across = {"table": table, "region": THERE}
    with links.cut(HERE, THERE):
        assert here.invoke(function, across)["Payload"] in {"RemoteDisconnected", "ConnectionResetError"}
        assert there.invoke(there.function(PUTS), across)["Payload"] == 200, "its own Region is no crossing"
        there.put(table, "a", 2)  # from outside
    assert here.invoke(function, across)["Payload"] == 200
    with links.cut(OUTSIDE, THERE):
        with pytest.raises(Exception, match="Connection"):
            there.put(table, "a", 3)
        assert here.invoke(function, across)["Payload"] == 200
    there.put(table, "a", 3)
    assert not links.faulty


class Across:
    """A rule here with a bus there as its target, and behind that a queue."""

    def __init__(self, here: Workshop, there: Elsewhere, role: str, **target: Any) -> None:
        self.here, self.bus, self.queue = here, here.name("bus"), there.queue()
        pattern = json.dumps({"source": ["test"]})
        self.arn = there.events.create_event_bus(Name=self.bus)["EventBusArn"]
        here.events.create_event_bus(Name=self.bus)
        for shop, arn, more in (
            (here, self.arn, {"RoleArn": role, **target}),
            (there, there.queue_arn(self.queue), {}),
        ):
            shop.events.put_rule(Name="r", EventBusName=self.bus, EventPattern=pattern)
            shop.events.put_targets(Rule="r", EventBusName=self.bus, Targets=[{"Id": "t", "Arn": arn, **more}])

    def put(self, number: int) -> None:
        entry = {"Source": "test", "DetailType": "T", "Detail": json.dumps({"n": number}), "EventBusName": self.bus}
        self.here.events.put_events(Entries=[entry])


def test_a_rule_reaches_a_bus_in_another_region_when_the_link_holds(here: Workshop, there: Elsewhere) -> None:
    across = Across(here, there, here.role)
    across.put(1)
    ((event),) = there.told(across.queue)
    assert (event["detail"], event["region"]) == ({"n": 1}, HERE), "the event is the one that it was"
    with here.engine.links.cut(HERE, THERE):
        across.put(2)
        assert there.stays_empty(across.queue)
    assert [event["detail"]["n"] for event in there.told(across.queue)] == [2]
    here.engine.links.delay(HERE, THERE, 0.2)
    try:
        across.put(3)
        assert there.stays_empty(across.queue, 0.1)
        assert [event["detail"]["n"] for event in there.told(across.queue)] == [3]
    finally:
        here.engine.links.delay(HERE, THERE, 0)


def test_what_the_rules_role_may_not_put_there_goes_to_the_dead_letter_queue(here: Workshop, there: Elsewhere) -> None:
    letters = here.queue()
    across = Across(
        here,
        there,
        here.make_role([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]),
        DeadLetterConfig={"Arn": here.queue_arn(letters)},
    )
    across.put(1)
    (letter,) = here.take(letters)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert there.stays_empty(across.queue, 0.1)


def test_what_does_not_cross_regions_on_aws_is_refused(here: Workshop, there: Elsewhere) -> None:
    here.events.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    queue = {"Id": "t", "Arn": there.queue_arn(there.queue())}
    bus = {"Id": "t", "Arn": f"arn:aws:events:{THERE}:123456789012:event-bus/default"}
    for target in (queue, bus):
        assert refusal(here.events.put_targets, Rule="r", Targets=[target])[0] == "ValidationException"
    _, stream = there.table()
    with pytest.raises(ClientError, match="must be in the Region"):
        here.map(stream, here.function("def handler(event, context): pass"), StartingPosition="LATEST")


def test_a_second_region_costs_a_call_nothing_but_a_look_at_the_links(here: Workshop) -> None:
    """Counted: the code of the second Region that calls of one Region come through, and the threads that there are."""
    table, _ = here.table()
    gateway: Gateway = here.engine._live.gateway
    entered: Counter[str] = Counter()

    def watch(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename.rsplit("/", 1)[-1]
        if event == "call" and file in {"links.py", "global_tables.py", "replicas.py"}:
            entered[f"{file} {frame.f_code.co_name}"] += 1

    item = {"Id": {"S": "a"}, "Number": {"N": "1"}}
    asked = [
        call("dynamodb", "PutItem", {"TableName": table, "Item": item}),
        call("dynamodb", "GetItem", {"TableName": table, "Key": item}),
        call("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": table, "Item": item}}]}),
        call("sqs", "ListQueues", {}),
    ]
    sys.setprofile(watch)
    try:
        answers = [gateway.handle(each).status for each in asked]
    finally:
        sys.setprofile(None)
    assert answers == [200] * len(asked)
    assert entered == {"links.py faulty": len(asked)}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("replication")]

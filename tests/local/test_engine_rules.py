"""PutEvents, and the delivery of events to the targets of rules."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from botocore.exceptions import ClientError

from local.deploy import deploy
from local.engine import Engine, InterceptedRequest, faults
from tests.local.conftest import Workshop
from tests.local.projects import write_project
from tests.support import eventually

ENTRY = {"Source": "shop", "DetailType": "Ordered", "Detail": '{"n": 1}'}


class Bus:
    """A bus with a rule for everything from the source "shop"."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.events = workshop.events
        self.name = workshop.name("bus")
        self.arn = self.events.create_event_bus(Name=self.name)["EventBusArn"]
        self.rule_arn = self.rule("shop", {"source": ["shop"]})

    def rule(self, name: str, pattern: dict[str, Any], **settings: Any) -> str:
        made = self.events.put_rule(Name=name, EventBusName=self.name, EventPattern=json.dumps(pattern), **settings)
        return str(made["RuleArn"])

    def target(self, arn: str, rule: str = "shop", **settings: Any) -> None:
        target = {"Id": "target", "Arn": arn, **settings}
        self.events.put_targets(Rule=rule, EventBusName=self.name, Targets=[target])

    def inbox(self, rule: str = "shop", **settings: Any) -> str:
        url = self.workshop.queue()
        self.target(self.workshop.queue_arn(url), rule, **settings)
        return url

    def put(self, **changes: Any) -> dict[str, Any]:
        entry = {**ENTRY, "EventBusName": self.name, **changes}
        answer: dict[str, Any] = self.events.put_events(Entries=[entry])
        return answer


@pytest.fixture
def bus(workshop: Workshop) -> Bus:
    return Bus(workshop)


def test_an_event_arrives_as_eventbridge_sends_it(workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()
    before = datetime.now(UTC).replace(microsecond=0)

    answer = bus.put(Resources=["arn:aws:s3:::thing"])

    event = workshop.told(inbox)[0]
    assert before <= datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) <= datetime.now(UTC)
    assert event == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "Ordered",
        "source": "shop",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::thing"],
        "detail": {"n": 1},
    }


def test_the_time_of_an_entry_is_kept(workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()

    bus.put(Time=datetime(2024, 2, 29, 12, 30, 59, 999_999, tzinfo=UTC))

    assert workshop.told(inbox)[0]["time"] == "2024-02-29T12:30:59Z"


def test_numbers_keep_their_text(workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()
    detail = '{"a":100.10,"b":0.12345678901234567,"c":[1e2,12345678901234567890.12345],"d":9007199254740993,"e":"é"}'

    bus.put(Detail=detail)

    assert workshop.take(inbox)[0]["Body"].endswith(f'"detail":{detail}}}')


def test_only_matching_and_enabled_rules_deliver(workshop: Workshop, bus: Bus) -> None:
    matching = bus.inbox()
    for name, pattern, settings in (
        ("other", {"source": ["elsewhere"]}, {}),
        ("disabled", {"source": ["shop"]}, {"State": "DISABLED"}),
        ("detail", {"detail": {"n": [{"numeric": [">", 1]}]}}, {}),
    ):
        bus.rule(name, pattern, **settings)
    silent = [bus.inbox(name) for name in ("other", "disabled", "detail")]

    bus.put()

    assert len(workshop.told(matching)) == 1
    assert [workshop.size(url) for url in silent] == [0, 0, 0]


def test_a_rule_for_anything_but_a_type_lets_every_other_type_through(workshop: Workshop, bus: Bus) -> None:
    bus.rule("but", {"source": ["shop"], "detail-type": [{"anything-but": ["Refused"]}]})
    inbox = bus.inbox("but")

    bus.put(DetailType="Refused")
    bus.put(DetailType="Ordered", Source="elsewhere")
    bus.put(DetailType="NeverHeardOf")

    assert [event["detail-type"] for event in workshop.told(inbox)] == ["NeverHeardOf"]
    assert workshop.stays_empty(inbox)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"Input": '{"always": "this"}'}, '{"always": "this"}'),
        ({"InputPath": "$.detail.lines[1]"}, '{"price":2.50}'),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"price": "$.detail.lines[1].price", "kind": "$.detail-type", "no": "$.detail.no"},
                    "InputTemplate": '{"kind": <kind>, "text": "<kind> for <price><no>", "price": <price>}',
                }
            },
            '{"kind": "Ordered", "text": "Ordered for 2.50", "price": 2.50}',
        ),
        (
            {
                "InputTransformer": {
                    "InputTemplate": '{"rule": "<aws.events.rule-name>", "all": <aws.events.event.json>}'
                }
            },
            None,
        ),
    ],
)
def test_a_target_can_get_a_part(workshop: Workshop, bus: Bus, settings: dict[str, Any], expected: str | None) -> None:
    inbox = bus.inbox(**settings)

    bus.put(Detail='{"lines": [{"price": 1}, {"price": 2.50}]}')

    body = workshop.take(inbox)[0]["Body"]
    if expected is not None:
        assert body == expected
    else:
        assert json.loads(body)["rule"] == "shop"
        assert json.loads(body)["all"]["detail"]["lines"][1] == {"price": 2.5}


def test_a_function_gets_the_event(workshop: Workshop, bus: Bus) -> None:
    tell = workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)
    workshop.lambda_.add_permission(
        FunctionName=name,
        StatementId="bus",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=bus.rule_arn,
    )
    bus.target(f"arn:aws:lambda:us-east-1:123456789012:function:{name}")

    bus.put()

    assert workshop.told(tell)[0]["detail"] == {"n": 1}


def test_a_topic_gets_the_event(workshop: Workshop, bus: Bus) -> None:
    sns, inbox = workshop.engine.client("sns"), workshop.queue()
    topic = sns.create_topic(Name=workshop.name("topic"))["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = {"Statement": [{**statement, "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=workshop.queue_arn(inbox))
    bus.target(topic)

    bus.put()

    assert json.loads(workshop.told(inbox)[0]["Message"])["detail"] == {"n": 1}


def _admit(workshop: Workshop, group: str, **more: Any) -> dict[str, str]:
    """Make a log group that takes events by a policy of its own; the policy's place and revision."""
    workshop.logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    admitted = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": f"{arn}:*"}
    statements = [
        {**admitted, "Action": "logs:CreateLogStream"},
        {**admitted, "Action": "logs:PutLogEvents", **more},
    ]
    put = workshop.logs.put_resource_policy(resourceArn=arn, policyDocument=json.dumps({"Statement": statements}))
    return {"resourceArn": arn, "expectedRevisionId": put["revisionId"]}


def test_a_log_group_gets_the_event(workshop: Workshop, bus: Bus) -> None:
    group = f"/aws/events/{workshop.name('group')}"
    place = _admit(workshop, group, Condition={"ArnEquals": {"aws:SourceArn": bus.rule_arn}})
    bus.target(place["resourceArn"])

    bus.put(Detail='{"price":2.50}')

    (message,) = eventually(lambda: workshop.messages_logged(group))
    assert message.endswith('"detail":{"price":2.50}}')


def test_a_log_group_takes_nothing_from_a_rule_that_its_policy_does_not_name(workshop: Workshop, bus: Bus) -> None:
    group, dead = f"/aws/events/{workshop.name('group')}", workshop.queue()
    place = _admit(workshop, group, Condition={"ArnEquals": {"aws:SourceArn": f"{bus.rule_arn}-of-another"}})
    bus.target(place["resourceArn"], DeadLetterConfig={"Arn": workshop.queue_arn(dead)})

    bus.put()

    assert _dead_letter(workshop, dead)[1]["ERROR_CODE"] == "NO_PERMISSIONS"
    assert workshop.messages_logged(group) == []


def test_a_log_groups_policy_is_replaced_and_deleted_by_who_knows_its_revision(workshop: Workshop) -> None:
    logs, group = workshop.logs, workshop.name("group")
    place = _admit(workshop, group)
    arn = place["resourceArn"]
    stale = {"resourceArn": arn, "expectedRevisionId": "stale"}

    aborted = logs.exceptions.OperationAbortedException
    for unknowing in ({"resourceArn": arn}, stale):
        with pytest.raises(aborted):
            logs.put_resource_policy(**unknowing, policyDocument="{}")
        with pytest.raises(aborted):
            logs.delete_resource_policy(**unknowing)
    second = logs.put_resource_policy(**place, policyDocument='{"Statement": []}')["revisionId"]

    (policy,) = logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
    assert (policy["policyDocument"], policy["revisionId"]) == ('{"Statement": []}', second)
    assert policy["policyScope"] == "RESOURCE"
    assert arn not in str(logs.describe_resource_policies()["resourcePolicies"])
    logs.delete_resource_policy(resourceArn=arn, expectedRevisionId=second)
    assert logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"] == []


def test_a_program_gives_a_log_group_its_policy_and_takes_it_away(workshop: Workshop, tmp_path: Path) -> None:
    logs = workshop.logs
    program = """
        group = aws.cloudwatch.LogGroup("group", skip_destroy=True)
        aws.cloudwatch.LogResourcePolicy("policy", resource_arn=group.arn, policy_document="{}")
        pulumi.export("arn", group.arn)
        """
    deployment = deploy(workshop.engine.endpoint, "local", write_project(tmp_path, program))
    arn = deployment.outputs["arn"]
    assert logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"][0]["policyDocument"] == "{}"

    deployment.destroy()

    assert logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"] == []


def test_another_bus_gets_the_event_and_passes_it_on_to_no_third(workshop: Workshop, bus: Bus) -> None:
    second, third = Bus(workshop), Bus(workshop)
    inbox, silent = second.inbox(), third.inbox()
    bus.target(second.arn)
    second.rule("onward", {"source": ["shop"]})
    second.target(third.arn, "onward")

    answer = bus.put()

    assert workshop.told(inbox)[0]["id"] == answer["Entries"][0]["EventId"]
    assert workshop.stays_empty(silent)


def _dead_letter(workshop: Workshop, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    (message,) = workshop.take(url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    return json.loads(message["Body"]), attributes


def test_an_event_for_a_missing_queue_goes_to_the_dead_letter_queue(workshop: Workshop, bus: Bus) -> None:
    dead = workshop.queue()
    target = "arn:aws:sqs:us-east-1:123456789012:no-such-queue"
    bus.target(target, DeadLetterConfig={"Arn": workshop.queue_arn(dead)})

    bus.put()

    event, attributes = _dead_letter(workshop, dead)
    assert event["detail"] == {"n": 1}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": bus.rule_arn,
        "TARGET_ARN": target,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


def test_a_target_that_does_not_admit_the_rule_gets_nothing(workshop: Workshop, bus: Bus) -> None:
    dead = workshop.queue()
    closed = workshop.sqs.create_queue(QueueName=workshop.name("closed"))["QueueUrl"]
    bus.target(workshop.queue_arn(closed), DeadLetterConfig={"Arn": workshop.queue_arn(dead)})

    bus.put()
    _, attributes = _dead_letter(workshop, dead)
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert workshop.size(closed) == 0

    def admit(source_arn: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": workshop.queue_arn(closed),
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = json.dumps({"Statement": [statement, deny]})
        workshop.sqs.set_queue_attributes(QueueUrl=closed, Attributes={"Policy": policy})

    admit(bus.rule_arn + "-of-another")
    bus.put()
    assert _dead_letter(workshop, dead)[1]["ERROR_CODE"] == "NO_PERMISSIONS"

    admit(bus.rule_arn)
    bus.put()
    assert workshop.told(closed)[0]["detail"] == {"n": 1}


def test_a_target_without_permission_to_invoke_gets_nothing(workshop: Workshop, bus: Bus) -> None:
    tell, dead = workshop.queue(), workshop.queue()
    name = workshop.function("import telling\ndef handler(event, context): telling.tell(event)", tell=tell)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    bus.target(arn, DeadLetterConfig={"Arn": workshop.queue_arn(dead)})

    bus.put()

    assert _dead_letter(workshop, dead)[1]["ERROR_CODE"] == "NO_PERMISSIONS"
    assert workshop.size(tell) == 0


def test_a_passing_failure_is_tried_again(engine: Engine, workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()

    with engine.intercept("sqs", "SendMessage", faults.error("ServiceUnavailable", 503, times=3)):
        bus.put()
        assert workshop.told(inbox)[0]["detail"] == {"n": 1}


def test_a_target_that_hangs_holds_up_no_other(engine: Engine, workshop: Workshop, bus: Bus) -> None:
    hanging = bus.inbox()
    bus.rule("another", {"source": ["shop"]})
    other = bus.inbox("another")

    def hang(request: InterceptedRequest) -> None:
        if urlparse(request.request.json()["QueueUrl"]).path == urlparse(hanging).path:
            request.wait()

    with engine.intercept("sqs", "SendMessage", hang):
        bus.put()
        assert len(workshop.told(other)) == 1
        assert workshop.size(hanging) == 0
    assert len(workshop.told(hanging)) == 1


def test_retries_end_where_the_target_says(engine: Engine, workshop: Workshop, bus: Bus) -> None:
    dead = workshop.queue()
    retry = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}
    inbox = bus.inbox(RetryPolicy=retry, DeadLetterConfig={"Arn": workshop.queue_arn(dead)})

    with engine.intercept("sqs", "SendMessage", faults.error("ThrottlingException", times=3)):
        bus.put()
        _, attributes = _dead_letter(workshop, dead)

    assert attributes["ERROR_CODE"] == "THROTTLING"
    assert attributes["RETRY_ATTEMPTS"] == "2"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert workshop.size(inbox) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{not json"}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Detail": '{"n": NaN}'}, "MalformedDetail"),
        ({"Detail": '{"half": "\\ud800"}'}, "MalformedDetail"),
        ({"Detail": '{"n": 9223372036854775808}'}, "MalformedDetail"),
        ({"Detail": '{"n": {"m": [1, -9223372036854775809]}}'}, "MalformedDetail"),
        ({"Detail": '{"n": 1E20}'}, "MalformedDetail"),
        ({"Detail": '{"n": 12345678901234567890123.0}'}, "MalformedDetail"),
        ({"Detail": f'{{"n": {"[" * 1000}{"]" * 1000}}}'}, "MalformedDetail"),
        ({"Detail": f'{{"n": {"[" * 100_000}{"]" * 100_000}}}'}, "MalformedDetail"),
        ({"DetailType": "t" * 129}, "InvalidArgument"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
    ],
)
def test_a_bad_entry_fails_alone(workshop: Workshop, bus: Bus, change: dict[str, str], code: str) -> None:
    inbox = bus.inbox()
    good = {**ENTRY, "EventBusName": bus.name}

    answer = bus.events.put_events(Entries=[{**good, **change}, good])

    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert workshop.told(inbox)[0]["id"] == answer["Entries"][1]["EventId"]


def test_a_request_that_is_too_large_is_refused_whole(bus: Bus) -> None:
    half = json.dumps({"x": "y" * 500_000})

    assert bus.put(Detail=half)["FailedEntryCount"] == 0
    with pytest.raises(ClientError, match=r"ValidationException.*over the limit"):
        bus.put(Detail=json.dumps({"x": "y" * 1_000_000}))
    with pytest.raises(ClientError, match=r"ValidationException.*over the limit"):
        bus.events.put_events(Entries=[{**ENTRY, "Detail": half, "EventBusName": bus.name}] * 2)
    with pytest.raises(ClientError, match=r"ValidationException.*less than or equal to 10"):
        bus.events.put_events(Entries=[ENTRY] * 11)


def test_what_eventbridge_documents_as_carried_is_taken(workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()
    detail = '{"most": 9223372036854775807, "least": -9223372036854775808, "fraction": 12345678901234567890123.5}'

    assert bus.put(Detail=detail, DetailType="t" * 128)["FailedEntryCount"] == 0
    assert bus.put(Detail=f'{{"n": {"[" * 500}{"]" * 500}}}')["FailedEntryCount"] == 0

    assert workshop.told(inbox)[0]["detail"] == json.loads(detail)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": ""}, "ValidationException"),
        ({"EventBusName": "no bus"}, "ValidationException"),
        ({"TraceHeader": "x" * 501}, "ValidationException"),
    ],
)
def test_what_fails_the_call_and_not_the_entry(bus: Bus, change: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        bus.put(**change)


def test_an_event_that_no_queue_takes_is_not_delivered(workshop: Workshop, bus: Bus) -> None:
    inbox = bus.inbox()

    bus.put(Detail='{"n": "\\uffff"}')
    bus.put(Detail='{"n": "\\u0001"}')

    assert [event["detail"] for event in workshop.told(inbox)] == [{"n": "\x01"}]


def test_an_unknown_bus_swallows_events_as_aws_does(bus: Bus) -> None:
    answer = bus.put(EventBusName="no-such-bus")

    assert answer["FailedEntryCount"] == 0
    assert answer["Entries"][0]["EventId"]


class Hose:
    """A stream into a bucket, and the two roles that it takes: the rule's and its own."""

    def __init__(self, workshop: Workshop, *, may_write: bool = True, may_put: bool = True) -> None:
        self.s3, self.bucket = workshop.engine.client("s3"), workshop.name("files")
        self.s3.create_bucket(Bucket=self.bucket)
        inside = f"arn:aws:s3:::{self.bucket}/*"
        write = [{"Effect": "Allow" if may_write else "Deny", "Action": "s3:PutObject", "Resource": inside}]
        to = {
            "RoleARN": workshop.make_role(write),
            "BucketARN": f"arn:aws:s3:::{self.bucket}",
            "Prefix": "events/!{timestamp:yyyy/MM/dd/HH}/",
            "CompressionFormat": "GZIP",
            "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]},
        }
        self.firehose, self.name = workshop.engine.client("firehose"), workshop.name("stream")
        made = self.firehose.create_delivery_stream(DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration=to)
        self.arn = made["DeliveryStreamARN"]
        put = [{"Effect": "Allow" if may_put else "Deny", "Action": "firehose:PutRecord", "Resource": self.arn}]
        self.role_arn = workshop.make_role(put)

    def files(self) -> list[bytes]:
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return [gzip.decompress(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys]


def test_an_event_for_a_stream_of_firehose_is_a_line_of_a_file(workshop: Workshop, bus: Bus) -> None:
    hose = Hose(workshop)
    bus.target(hose.arn, RoleArn=hose.role_arn)

    bus.put(Detail='{"n":1.10}')

    (file,) = eventually(hose.files)
    assert file.endswith(b'"detail":{"n":1.10}}\n')


@pytest.mark.parametrize("lacking", ["may_write", "may_put"])
def test_what_a_stream_does_not_take_goes_to_the_dead_letter_queue(workshop: Workshop, bus: Bus, lacking: str) -> None:
    hose = Hose(workshop, **{lacking: False})
    letters = workshop.queue()
    bus.target(hose.arn, RoleArn=hose.role_arn, DeadLetterConfig={"Arn": workshop.queue_arn(letters)})

    bus.put()

    (letter,) = workshop.take(letters)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert hose.files() == []


def test_who_puts_a_letter_of_a_stream_back_puts_a_record(workshop: Workshop) -> None:
    hose = Hose(workshop)

    hose.firehose.put_record(DeliveryStreamName=hose.name, Record={"Data": '{"é":1.10}'.encode()})

    assert hose.files() == ['{"é":1.10}\n'.encode()]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        hose.firehose.put_record(DeliveryStreamName="gone", Record={"Data": b"1"})
    with pytest.raises(ClientError, match="one by one"):
        hose.firehose.put_record_batch(DeliveryStreamName=hose.name, Records=[{"Data": b"1"}])

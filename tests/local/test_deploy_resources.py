"""Each resource type becomes what its inputs say; here is what the system's own program does not use."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi import AssetArchive, FileArchive, FileAsset, RemoteArchive, StringAsset

from local.deploy import DeployError, Deployment, deploy
from local.deploy.assets import zip_bytes
from tests.local.projects import PlainAws, plain_aws, write_project

ROLE = """
role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}))
"""
FUNCTION = (
    ROLE
    + """
function = aws.lambda_.Function("fn", role=role.arn, runtime="python3.13", handler="app.handler",
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset("def handler(event, context): return event")}), {extra})
pulumi.export("function", function.name)
"""
)


@pytest.fixture(scope="module")
def plain() -> Iterator[PlainAws]:
    with plain_aws() as started:
        yield started


def deployed(plain: PlainAws, folder: Path, program: str) -> Deployment:
    return deploy(plain.endpoint, "local", write_project(folder, program))


def test_a_provisioned_table_with_indexes_ttl_and_backups(plain: PlainAws, tmp_path: Path) -> None:
    program = """
    table = aws.dynamodb.Table("table", hash_key="id", range_key="at", read_capacity=5, write_capacity=6,
        attributes=[{"name": name, "type": "S"} for name in ("id", "at", "owner")],
        global_secondary_indexes=[{"name": "by-owner", "hash_key": "owner", "range_key": "at",
            "projection_type": "INCLUDE", "non_key_attributes": ["colour"], "read_capacity": 2, "write_capacity": 3}],
        local_secondary_indexes=[{"name": "mine", "range_key": "owner", "projection_type": "KEYS_ONLY"}],
        ttl={"attribute_name": "expires", "enabled": True}, point_in_time_recovery={"enabled": True},
        stream_enabled=True, stream_view_type="KEYS_ONLY", tags={"kind": "test"})
    pulumi.export("name", table.name)
    pulumi.export("stream", table.stream_arn)
    """

    outputs = deployed(plain, tmp_path, program).outputs

    dynamodb = plain.client("dynamodb")
    table = dynamodb.describe_table(TableName=outputs["name"])["Table"]
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    [by_owner] = table["GlobalSecondaryIndexes"]
    assert by_owner["KeySchema"] == [
        {"AttributeName": "owner", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ]
    assert by_owner["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["colour"]}
    assert by_owner["ProvisionedThroughput"]["ReadCapacityUnits"] == 2
    [mine] = table["LocalSecondaryIndexes"]
    assert [key["AttributeName"] for key in mine["KeySchema"]] == ["id", "owner"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert outputs["stream"] == table["LatestStreamArn"]
    assert dynamodb.describe_time_to_live(TableName=outputs["name"])["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    backups = dynamodb.describe_continuous_backups(TableName=outputs["name"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "kind", "Value": "test"}]


def test_a_fifo_queue_with_its_redrive_policy(plain: PlainAws, tmp_path: Path) -> None:
    program = """
    dead = aws.sqs.Queue("dead", fifo_queue=True)
    queue = aws.sqs.Queue("queue", fifo_queue=True, content_based_deduplication=True, delay_seconds=3)
    aws.sqs.RedrivePolicy("redrive", queue_url=queue.url, redrive_policy=dead.arn.apply(
        lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4})))
    pulumi.export("url", queue.url)
    """

    outputs = deployed(plain, tmp_path, program).outputs

    sqs = plain.client("sqs")
    queue = sqs.get_queue_attributes(QueueUrl=outputs["url"], AttributeNames=["All"])["Attributes"]
    assert outputs["url"].endswith(".fifo")
    assert queue["ContentBasedDeduplication"] == "true"
    assert queue["DelaySeconds"] == "3"
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 4


def test_a_rule_on_the_default_bus_with_a_transforming_target(plain: PlainAws, tmp_path: Path) -> None:
    program = """
    queue = aws.sqs.Queue("target")
    rule = aws.cloudwatch.EventRule("rule", schedule_expression="rate(1 minute)", state="DISABLED")
    aws.cloudwatch.EventTarget("aim", rule=rule.name, arn=queue.arn,
        input_transformer={"input_paths": {"what": "$.detail.what"}, "input_template": '"it was <what>"'})
    pulumi.export("rule", rule.name)
    pulumi.export("id", rule.id)
    """

    outputs = deployed(plain, tmp_path, program).outputs

    events = plain.client("events")
    rule = events.describe_rule(Name=outputs["rule"])
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "DISABLED")
    assert outputs["id"] == outputs["rule"]
    [target] = events.list_targets_by_rule(Rule=outputs["rule"])["Targets"]
    assert target["InputTransformer"] == {
        "InputPathsMap": {"what": "$.detail.what"},
        "InputTemplate": '"it was <what>"',
    }


def test_a_schedule_in_a_group(plain: PlainAws, tmp_path: Path) -> None:
    program = (
        ROLE
        + """
queue = aws.sqs.Queue("due")
group = aws.scheduler.ScheduleGroup("sweeps", tags={"kind": "test"})
schedule = aws.scheduler.Schedule("sweep", group_name=group.name, schedule_expression="cron(0 12 * * ? *)",
    schedule_expression_timezone="Europe/Berlin", flexible_time_window={"mode": "OFF"}, state="DISABLED",
    end_date="2030-01-01T01:00:00Z", action_after_completion="DELETE",
    target={"arn": queue.arn, "role_arn": role.arn, "input": "due", "dead_letter_config": {"arn": queue.arn},
        "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 90}})
pulumi.export("id", schedule.id)
pulumi.export("arn", schedule.arn)
pulumi.export("queue", queue.arn)
"""
    )

    deployment = deployed(plain, tmp_path, program)

    outputs, scheduler = deployment.outputs, plain.client("scheduler")
    group, name = outputs["id"].split("/")
    made = scheduler.get_schedule(GroupName=group, Name=name)
    assert made["Arn"] == outputs["arn"]
    assert made["Target"] == {
        "Arn": outputs["queue"],
        "RoleArn": made["Target"]["RoleArn"],
        "Input": "due",
        "DeadLetterConfig": {"Arn": outputs["queue"]},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 90},
    }
    wanted = ("cron(0 12 * * ? *)", "Europe/Berlin", "DISABLED", "DELETE", {"Mode": "OFF"})
    names = ("ScheduleExpression", "ScheduleExpressionTimezone", "State", "ActionAfterCompletion", "FlexibleTimeWindow")
    assert tuple(made[each] for each in names) == wanted
    assert made["EndDate"].year == 2030
    tags = scheduler.list_tags_for_resource(ResourceArn=scheduler.get_schedule_group(Name=group)["Arn"])["Tags"]
    assert tags == [{"Key": "kind", "Value": "test"}]
    scheduler.delete_schedule(GroupName=group, Name=name)  # as one does that is through
    deployment.destroy()
    assert [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default"]


def test_a_function_with_permission_concurrency_and_dead_letter_destination(plain: PlainAws, tmp_path: Path) -> None:
    program = (
        FUNCTION.replace("{extra}", 'reserved_concurrent_executions=7, environment={"variables": {"COLOUR": "red"}}')
        + """
queue = aws.sqs.Queue("feed")
aws.lambda_.Permission("caller", function=function.name, action="lambda:InvokeFunction",
    principal="events.amazonaws.com", source_account="123456789012")
aws.lambda_.FunctionEventInvokeConfig("retries", function_name=function.name, maximum_retry_attempts=1,
    maximum_event_age_in_seconds=90, destination_config={"on_failure": {"destination": queue.arn}})
aws.lambda_.EventSourceMapping("mapping", event_source_arn=queue.arn, function_name=function.arn, batch_size=4,
    filter_criteria={"filters": [{"pattern": '{"body": {"a": [1]}}'}]}, scaling_config={"maximum_concurrency": 3})
"""
    )

    name = deployed(plain, tmp_path, program).outputs["function"]

    lambda_ = plain.client("lambda")
    function = lambda_.get_function(FunctionName=name)
    assert function["Configuration"]["Environment"]["Variables"] == {"COLOUR": "red"}
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 7
    [statement] = json.loads(lambda_.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    retries = lambda_.get_function_event_invoke_config(FunctionName=name)
    assert (retries["MaximumRetryAttempts"], retries["MaximumEventAgeInSeconds"]) == (1, 90)
    assert ":feed-" in retries["DestinationConfig"]["OnFailure"]["Destination"]
    [mapping] = lambda_.list_event_source_mappings(FunctionName=function["Configuration"]["FunctionArn"])[
        "EventSourceMappings"
    ]
    assert mapping["BatchSize"] == 4
    assert mapping["FilterCriteria"] == {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 3}


def test_no_reservation_is_not_a_reservation_of_minus_one(plain: PlainAws, tmp_path: Path) -> None:
    outputs = deployed(plain, tmp_path, FUNCTION.replace("{extra}", "reserved_concurrent_executions=-1")).outputs

    assert "Concurrency" not in plain.client("lambda").get_function(FunctionName=outputs["function"])


def test_a_function_without_package_is_refused(plain: PlainAws, tmp_path: Path) -> None:
    program = ROLE + 'aws.lambda_.Function("bare", role=role.arn, s3_bucket="elsewhere", s3_key="code.zip")'

    with pytest.raises(DeployError, match="cannot honour the input s3Bucket, s3Key of aws:lambda/function:Function"):
        deployed(plain, tmp_path, program)


def test_an_alarm_on_metric_maths(plain: PlainAws, tmp_path: Path) -> None:
    program = """
    alarm = aws.cloudwatch.MetricAlarm("ratio", comparison_operator="GreaterThanThreshold", evaluation_periods=2,
        threshold=0.5, metric_queries=[
            {"id": "e1", "expression": "m1 / m2", "label": "ratio", "return_data": True},
            *({"id": id, "metric": {"namespace": "AWS/SQS", "metric_name": name, "period": 60, "stat": "Sum",
                "dimensions": {"QueueName": "q"}}} for id, name in (("m1", "Sent"), ("m2", "Received")))])
    pulumi.export("name", alarm.name)
    pulumi.export("arn", alarm.arn)
    """

    outputs = deployed(plain, tmp_path, program).outputs
    name = outputs["name"]

    [alarm] = plain.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    expression, first, second = alarm["Metrics"]
    assert (expression["Expression"], expression["ReturnData"]) == ("m1 / m2", True)
    assert first["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": "q"}]
    assert second["MetricStat"]["Metric"]["MetricName"] == "Received"
    assert alarm["Threshold"] == 0.5
    assert alarm["AlarmArn"] == outputs["arn"]


def test_a_topic_with_a_raw_filtered_subscription(plain: PlainAws, tmp_path: Path) -> None:
    program = """
    queue = aws.sqs.Queue("listener")
    topic = aws.sns.Topic("topic", display_name="Alarms")
    subscription = aws.sns.TopicSubscription("sub", topic=topic.arn, protocol="sqs", endpoint=queue.arn,
        raw_message_delivery=True, filter_policy=json.dumps({"kind": ["loud"]}))
    pulumi.export("arn", subscription.arn)
    """

    arn = deployed(plain, tmp_path, program).outputs["arn"]

    attributes = plain.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["RawMessageDelivery"] == "true"
    assert json.loads(attributes["FilterPolicy"]) == {"kind": ["loud"]}


def test_every_resource_type_can_be_deleted_again(plain: PlainAws, tmp_path: Path) -> None:
    program = FUNCTION.replace("{extra}", "") + (
        """
bus = aws.cloudwatch.EventBus("bus", description="short-lived")
aws.cloudwatch.EventBusPolicy("bus-policy", event_bus_name=bus.name, policy=bus.arn.apply(lambda arn: json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Sid": "all", "Effect": "Allow", "Principal": "*",
        "Action": "events:PutEvents", "Resource": arn}]})))
aws.cloudwatch.EventArchive("archive", event_source_arn=bus.arn, retention_days=1)
rule = aws.cloudwatch.EventRule("rule", event_bus_name=bus.name, event_pattern=json.dumps({"source": ["a"]}))
queue = aws.sqs.Queue("queue")
aws.sqs.RedriveAllowPolicy("allow", queue_url=queue.url,
    redrive_allow_policy=json.dumps({"redrivePermission": "allowAll"}))
aws.sqs.QueuePolicy("queue-policy", queue_url=queue.url, policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
aws.cloudwatch.EventTarget("target", rule=rule.name, event_bus_name=bus.name, arn=queue.arn,
    retry_policy={"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 60})
aws.cloudwatch.LogGroup("group", retention_in_days=1)
aws.cloudwatch.LogResourcePolicy("group-policy", policy_name="short-lived", policy_document="{}")
aws.cloudwatch.Dashboard("board", dashboard_name="short-lived", dashboard_body='{"widgets": []}')
topic = aws.sns.Topic("topic")
aws.sns.TopicPolicy("topic-policy", arn=topic.arn, policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
aws.sns.TopicSubscription("subscription", topic=topic.arn, protocol="sqs", endpoint=queue.arn)
table = aws.dynamodb.Table("table", hash_key="id", attributes=[{"name": "id", "type": "S"}],
    billing_mode="PAY_PER_REQUEST")
aws.dynamodb.ResourcePolicy("table-policy", resource_arn=table.arn, policy=json.dumps(
    {"Version": "2012-10-17", "Statement": []}))
aws.iam.RolePolicy("role-policy", role=role.name, policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}))
aws.lambda_.LayerVersion("layer", layer_name="short-lived", code=pulumi.FileArchive("layer"))
aws.lambda_.Permission("permission", function=function.name, action="lambda:InvokeFunction", principal="*")
aws.lambda_.FunctionEventInvokeConfig("retries", function_name=function.name, maximum_retry_attempts=0)
aws.lambda_.EventSourceMapping("mapping", event_source_arn=queue.arn, function_name=function.arn)
"""
    )
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "module.py").write_text("ANSWER = 42")
    deployment = deployed(plain, tmp_path, program)
    assert len(deployment.resources) == 23

    deployment.destroy()

    lambda_, events, logs = plain.client("lambda"), plain.client("events"), plain.client("logs")
    assert deployment.resources == []
    assert lambda_.list_layer_versions(LayerName="short-lived")["LayerVersions"] == []
    assert "short-lived" not in [bus.get("Description") for bus in events.list_event_buses()["EventBuses"]]
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    assert plain.client("cloudwatch").list_dashboards(DashboardNamePrefix="short-lived")["DashboardEntries"] == []


def entries(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_archives_of_every_kind_become_one_zip(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    packed = zip_bytes(FileArchive(str(tmp_path / "folder")))
    (tmp_path / "packed.zip").write_bytes(packed)

    assert entries(packed) == {"inner/a.txt": b"a"}
    assert zip_bytes(FileArchive(str(tmp_path / "packed.zip"))) == packed
    mixed = AssetArchive(
        {
            "b": FileAsset(str(tmp_path / "b.txt")),
            "c": StringAsset("c"),
            "folder": FileArchive(str(tmp_path / "folder")),
            "packed": FileArchive(str(tmp_path / "packed.zip")),
        }
    )
    assert entries(zip_bytes(mixed)) == {
        "b": b"b",
        "c": b"c",
        "folder/inner/a.txt": b"a",
        "packed/inner/a.txt": b"a",
    }
    assert zip_bytes(mixed) == zip_bytes(mixed)


def test_an_executable_file_stays_executable(tmp_path: Path) -> None:
    script = tmp_path / "folder" / "run.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh")
    script.chmod(0o755)

    with zipfile.ZipFile(io.BytesIO(zip_bytes(FileArchive(str(script.parent))))) as archive:
        assert archive.getinfo("run.sh").external_attr >> 16 & 0o777 == 0o755


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (FileArchive("/nowhere/at/all"), "/nowhere/at/all does not exist"),
        (AssetArchive({"a": FileAsset("/nowhere/at/all")}), "/nowhere/at/all does not exist"),
        (FileArchive(__file__), "is not a zip file"),
        (RemoteArchive("https://example.org/a.zip"), "would have to be fetched"),
    ],
)
def test_a_package_that_is_not_there_is_named(archive: Any, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        zip_bytes(archive)

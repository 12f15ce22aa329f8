"""What the embedded AWS answers has the form that AWS describes, and what it was given comes back.

Every operation that somebody may be led to call (`mentioned`) is called once. Its answer, as it was sent, is compared
with the description that SDKs are made of; the settings of a resource are looked for in what is told of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.engine import Engine
from local.engine.refusals import OPERATIONS
from tests.local import changed
from tests.local.conftest import package
from tests.local.mentioned import Operation, mentioned

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox"
KMS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NOBODY = {"Version": "2012-10-17", "Statement": []}
TAG = {"Key": "owner", "Value": "ledger"}

HARMLESS = {
    "dynamodb DeleteItem.ConsumedCapacityUnits is unknown": "SDKs leave out what they do not know",
    "lambda GetFunctionCodeSigningConfig.CodeSigningConfigArn is missing": "no function has one here: it is refused",
}
"""Deviations of answers that do nobody harm, with the reason."""


_TYPES: dict[str, Any] = {
    "blob": str,
    "boolean": bool,
    "double": (int, float),
    "float": (int, float),
    "integer": int,
    "list": list,
    "long": int,
    "map": dict,
    "string": str,
    "structure": dict,
    "timestamp": (int, float, str),
}


def deviations(content: Any, shape: Any, path: str) -> Iterator[str]:
    """Where an answer in JSON is not what the shape says. A null is as if the member were not there."""
    kind = shape.type_name
    if content is None:
        return
    if not isinstance(content, _TYPES[kind]) or (isinstance(content, bool) and kind != "boolean"):
        yield f"{path} is {type(content).__name__} rather than {kind}"
    elif kind == "structure":
        yield from _deviations_of_members(content, shape, path)
    elif kind == "list":
        yield from (found for each in content for found in deviations(each, shape.member, path))
    elif kind == "map":
        yield from (found for each in content.values() for found in deviations(each, shape.value, f"{path}.*"))
    elif kind == "string" and shape.enum and content not in shape.enum:
        yield f"{path} is {content!r}, which is none of its values"


def _deviations_of_members(content: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    in_body = {
        member.serialization.get("name", name): member
        for name, member in shape.members.items()
        if member.serialization.get("location") not in {"header", "headers", "statusCode"}
    }
    yield from (f"{path}.{name} is missing" for name in shape.required_members if content.get(name) is None)
    yield from (f"{path}.{name} is unknown" for name in content if name not in in_body)
    for name in content.keys() & in_body.keys():
        yield from deviations(content[name], in_body[name], f"{path}.{name}")


class Caller:
    """Makes clients whose answers in JSON are compared, and keeps what was found. XML is moto's by the description."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._clients: dict[str, Any] = {}
        self.called: set[Operation] = set()
        self.deviations: set[str] = set()
        self.lost: set[str] = set()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            made = self._engine.client(service, Config())  # one of its own
            made.meta.events.register("before-parse", self._compare)
            self._clients[service] = made
        return self._clients[service]

    def key_in(self, region: str) -> str:
        """The ARN of a new key in another Region."""
        return str(self._engine.client("kms", region=region).create_key()["KeyMetadata"]["Arn"])

    def _compare(self, operation_model: Any, response_dict: Any, **_: Any) -> None:
        service, operation = operation_model.service_model.service_name, operation_model.name
        if response_dict["status_code"] >= 300:
            return
        self.called.add((service, operation))
        shape, body = operation_model.output_shape, response_dict["body"]
        is_json = operation_model.service_model.resolved_protocol in {"json", "rest-json"}
        if is_json and not (shape is not None and "payload" in shape.serialization):
            path = f"{service} {operation}"
            found = deviations(json.loads(body), shape, path) if body and shape is not None else ()
            self.deviations.update(found)
            if not body and shape is not None and shape.required_members:
                self.deviations.add(f"{path} is empty")

    def kept(self, what: str, given: dict[str, Any], *told: Any) -> None:
        """Every value that was given stands somewhere in what is told."""
        known = {value for each in told for value in _values(each)}
        self.lost.update(f"{what} {name}" for name in given if not set(_values(given[name])) <= known)


def _values(content: Any) -> Iterator[str]:
    """Every scalar as text, and of a text that is JSON (policies, patterns) what is in it."""
    if isinstance(content, dict):
        for value in content.values():
            yield from _values(value)
    elif isinstance(content, list):
        for value in content:
            yield from _values(value)
    elif isinstance(content, str) and content[:1] in {"{", "["}:
        yield from _values(json.loads(content))
    else:
        yield str(content)


def tables(caller: Caller) -> None:
    dynamodb, key = caller.client("dynamodb"), {"Id": {"S": "a"}}
    given = {
        "TableName": "table",
        "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("Id", "Other")],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "index",
                "KeySchema": [{"AttributeName": "Other", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["more"]},
                "WarmThroughput": {"ReadUnitsPerSecond": 12_001, "WriteUnitsPerSecond": 4_001},
            }
        ],
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": KMS_KEY},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Tags": [TAG],
        "WarmThroughput": {"ReadUnitsPerSecond": 12_002, "WriteUnitsPerSecond": 4_002},
    }
    dynamodb.create_table(**given)
    table = dynamodb.describe_table(TableName="table")["Table"]
    arn, stream = table["TableArn"], table["LatestStreamArn"]
    caller.kept("CreateTable", given, table, dynamodb.list_tags_of_resource(ResourceArn=arn))
    recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    dynamodb.update_continuous_backups(TableName="table", PointInTimeRecoverySpecification=recovery)
    backups = dynamodb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    caller.kept("UpdateContinuousBackups", {"days": 7, "is": "ENABLED"}, backups["PointInTimeRecoveryDescription"])
    lifetime = {"Enabled": True, "AttributeName": "Expires"}
    dynamodb.update_time_to_live(TableName="table", TimeToLiveSpecification=lifetime)
    caller.kept("UpdateTimeToLive", {"name": "Expires"}, dynamodb.describe_time_to_live(TableName="table"))
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(NOBODY))
    caller.kept("PutResourcePolicy", NOBODY, dynamodb.get_resource_policy(ResourceArn=arn))
    item = {**key, "Other": {"S": "o"}, "data": {"M": {"list": {"L": [{"N": "1"}, {"B": b"x"}, {"BOOL": True}]}}}}
    dynamodb.put_item(TableName="table", Item=item, ReturnConsumedCapacity="INDEXES", ReturnValues="ALL_OLD")
    dynamodb.get_item(TableName="table", Key=key, ReturnConsumedCapacity="TOTAL")
    dynamodb.batch_get_item(RequestItems={"table": {"Keys": [key]}})
    dynamodb.batch_write_item(RequestItems={"table": [{"PutRequest": {"Item": {"Id": {"S": "b"}}}}]})
    condition = {"KeyConditionExpression": "Id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
    dynamodb.query(TableName="table", **condition, ReturnConsumedCapacity="INDEXES", Limit=1)
    dynamodb.scan(TableName="table", Limit=1)
    dynamodb.list_tables()
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "table", "Item": item}}])
    dynamodb.delete_item(TableName="table", Key=key)
    streams = caller.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    first = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    streams.get_records(ShardIterator=first["ShardIterator"])
    dynamodb.delete_resource_policy(ResourceArn=arn)
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "another", "Value": "tag"}])
    caller.kept("TagResource", {"key": "another", "value": "tag"}, dynamodb.list_tags_of_resource(ResourceArn=arn))
    replica = {"RegionName": "eu-west-1", "KMSMasterKeyId": caller.key_in("eu-west-1")}
    dynamodb.update_table(TableName="table", ReplicaUpdates=[{"Create": replica}])
    caller.kept("UpdateTable", replica, dynamodb.describe_table(TableName="table"))
    dynamodb.update_table(TableName="table", ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}])
    dynamodb.update_table(TableName="table", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="table")


def buses(caller: Caller) -> None:
    events = caller.client("events")
    given = {
        "Name": "bus",
        "Description": "of events",
        "KmsKeyIdentifier": KMS_KEY,
        "DeadLetterConfig": {"Arn": QUEUE},
        "Tags": [TAG],
    }
    arn = events.create_event_bus(**given)["EventBusArn"]
    told = events.describe_event_bus(Name="bus"), events.list_tags_for_resource(ResourceARN=arn)
    caller.kept("CreateEventBus", given, *told)
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": arn}
    events.put_permission(EventBusName="bus", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    caller.kept("PutPermission", statement, events.describe_event_bus(Name="bus"))
    events.remove_permission(EventBusName="bus", RemoveAllPermissions=True)
    archive = {
        "ArchiveName": "archive",
        "EventSourceArn": arn,
        "Description": "kept",
        "EventPattern": '{"source": ["ledger"]}',
        "RetentionDays": 17,
        "KmsKeyIdentifier": KMS_KEY,
    }
    made = events.create_archive(**archive)["ArchiveArn"]
    events.list_archives(EventSourceArn=arn)
    caller.kept("CreateArchive", archive, events.describe_archive(ArchiveName="archive"))
    rule = {
        "Name": "rule",
        "EventBusName": "bus",
        "EventPattern": '{"source": ["ledger"]}',
        "State": "DISABLED",
        "Description": "of the ledger",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
        "Tags": [TAG],
    }
    rule_arn = events.put_rule(**rule)["RuleArn"]
    told = events.describe_rule(Name="rule", EventBusName="bus"), events.list_tags_for_resource(ResourceARN=rule_arn)
    caller.kept("PutRule", rule, *told)
    common = {
        "Arn": QUEUE,
        "DeadLetterConfig": {"Arn": QUEUE},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 77},
        "SqsParameters": {"MessageGroupId": "group"},
    }
    targets = [
        {"Id": "1", **common, "Input": '{"a": 1}'},
        {"Id": "2", **common, "InputPath": "$.detail"},
        {"Id": "3", **common, "InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": "<a>"}},
    ]
    events.put_targets(Rule="rule", EventBusName="bus", Targets=targets)
    caller.kept("PutTargets", {"Targets": targets}, events.list_targets_by_rule(Rule="rule", EventBusName="bus"))
    entry = {"Source": "ledger", "DetailType": "t", "Detail": "{}", "EventBusName": "bus"}
    events.put_events(Entries=[entry, {**entry, "Detail": "no JSON"}])
    window = {"EventStartTime": 1_700_000_000, "EventEndTime": 1_800_000_000}
    replay = {"ReplayName": "replay", "Description": "again", "EventSourceArn": made, "Destination": {"Arn": arn}}
    events.start_replay(**replay, **window)
    caller.kept("StartReplay", replay, events.describe_replay(ReplayName="replay"))
    events.remove_targets(Rule="rule", EventBusName="bus", Ids=["1", "2", "3"])
    events.delete_rule(Name="rule", EventBusName="bus")
    events.delete_archive(ArchiveName="archive")
    events.delete_event_bus(Name="bus")


def queues(caller: Caller) -> None:
    sqs = caller.client("sqs")
    given = {
        "DelaySeconds": "1",
        "MaximumMessageSize": "5000",
        "MessageRetentionPeriod": "700",
        "ReceiveMessageWaitTimeSeconds": "2",
        "VisibilityTimeout": "33",
        "KmsMasterKeyId": KMS_KEY,
        "KmsDataKeyReusePeriodSeconds": "301",
        "Policy": json.dumps(EVERYTHING),
        "RedriveAllowPolicy": '{"redrivePermission": "denyAll"}',
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE, "maxReceiveCount": 5}),
    }
    sqs.create_queue(QueueName="inbox")
    url = sqs.create_queue(QueueName="queue", Attributes=given, tags={"owner": "ledger"})["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="queue")["QueueUrl"], AttributeNames=["All"])
    caller.kept("CreateQueue", {**given, "tags": "ledger"}, told, sqs.list_queue_tags(QueueUrl=url))
    changed = {"DelaySeconds": "0", "VisibilityTimeout": "1", "SqsManagedSseEnabled": "true"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    caller.kept("SetQueueAttributes", changed, told)
    attributes = {"text": {"DataType": "String", "StringValue": "x"}, "n": {"DataType": "Number", "StringValue": "7"}}
    sqs.send_message(QueueUrl=url, MessageBody="one", MessageAttributes=attributes)
    entries = [{"Id": "1", "MessageBody": "two", "MessageAttributes": attributes}, {"Id": "2", "MessageBody": "three"}]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    (one, *_) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, **names)["Messages"]
    caller.kept("SendMessage", attributes, one)
    visible = {"Id": "1", "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 1}
    sqs.change_message_visibility_batch(QueueUrl=url, Entries=[visible])
    sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": one["ReceiptHandle"]}])
    sqs.purge_queue(QueueUrl=url)
    sqs.delete_queue(QueueUrl=url)


def topics(caller: Caller) -> None:
    sns = caller.client("sns")
    given = {
        "DisplayName": "shown",
        "KmsMasterKeyId": KMS_KEY,
        "Policy": json.dumps(EVERYTHING),
        "DeliveryPolicy": '{"http": {"retries": 3}}',
    }
    arn = sns.create_topic(Name="topic", Attributes=given, Tags=[TAG])["TopicArn"]
    told = sns.get_topic_attributes(TopicArn=arn), sns.list_tags_for_resource(ResourceArn=arn)
    caller.kept("CreateTopic", {**given, "Tags": [TAG]}, *told)
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(NOBODY))
    caller.kept("SetTopicAttributes", NOBODY, sns.get_topic_attributes(TopicArn=arn))
    settings = {
        "RawMessageDelivery": "true",
        "FilterPolicy": '{"kind": ["deposit"]}',
        "FilterPolicyScope": "MessageBody",
        "DeliveryPolicy": '{"throttle": 1}',
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE}),
    }
    subscription = sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=QUEUE, Attributes=settings, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    caller.kept("Subscribe", settings, sns.get_subscription_attributes(SubscriptionArn=subscription))
    sns.publish(TopicArn=arn, Message='{"kind": "deposit"}')
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.delete_topic(TopicArn=arn)


def log_groups(caller: Caller) -> None:
    logs = caller.client("logs")
    given = {"logGroupName": "group", "kmsKeyId": KMS_KEY, "tags": {"owner": "ledger"}}
    logs.create_log_group(**given)
    logs.put_retention_policy(logGroupName="group", retentionInDays=14)
    (group,) = logs.describe_log_groups(logGroupNamePrefix="group")["logGroups"]
    arn = group["logGroupArn"]
    caller.kept("CreateLogGroup", {**given, "days": 14}, group, logs.list_tags_for_resource(resourceArn=arn))
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    event = {"timestamp": group["creationTime"], "message": "said"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[event])
    caller.kept("PutLogEvents", event, logs.filter_log_events(logGroupName="group", filterPattern="said"))
    logs.put_resource_policy(policyName="policy", policyDocument=json.dumps(EVERYTHING))
    caller.kept("PutResourcePolicy of logs", EVERYTHING, logs.describe_resource_policies())
    logs.delete_resource_policy(policyName="policy")
    logs.put_resource_policy(resourceArn=arn, policyDocument=json.dumps(EVERYTHING))
    logs.describe_resource_policies(resourceArn=arn, policyScope="RESOURCE")
    logs.delete_log_group(logGroupName="group")


def alarms(caller: Caller) -> None:
    cloudwatch = caller.client("cloudwatch")
    common = {"EvaluationPeriods": 5, "Threshold": 7.5, "ComparisonOperator": "GreaterThanThreshold"}
    metric = {"Namespace": "n", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}]}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum", "Unit": "Count"}
    plain = {
        "AlarmName": "plain",
        "AlarmDescription": "why",
        "ActionsEnabled": False,
        "OKActions": ["arn:ok"],
        "AlarmActions": ["arn:alarm"],
        "InsufficientDataActions": ["arn:insufficient"],
        **metric,
        **common,
        "Statistic": "Sum",
        "Period": 60,
        "Unit": "Count",
        "DatapointsToAlarm": 4,
        "TreatMissingData": "ignore",
        "Tags": [TAG],
    }
    percentile = {"ExtendedStatistic": "p90", "EvaluateLowSampleCountPercentile": "ignore", "Period": 60, **metric}
    queries = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 2", "Label": "l"},
    ]
    for given in (
        plain,
        {"AlarmName": "low", **percentile, **common},
        {"AlarmName": "sum", "Metrics": queries, **common},
    ):
        cloudwatch.put_metric_alarm(**given)
        (told,) = cloudwatch.describe_alarms(AlarmNames=[given["AlarmName"]])["MetricAlarms"]
        tags = cloudwatch.list_tags_for_resource(ResourceARN=told["AlarmArn"])
        caller.kept(f"PutMetricAlarm {given['AlarmName']}", given, told, tags)
    ringing = {"StateValue": "ALARM", "StateReason": "a drill"}
    cloudwatch.set_alarm_state(AlarmName="plain", **ringing)
    caller.kept("SetAlarmState", ringing, cloudwatch.describe_alarms(AlarmNames=["plain"])["MetricAlarms"][0])
    cloudwatch.delete_alarms(AlarmNames=["plain", "low", "sum"])
    cloudwatch.put_dashboard(DashboardName="board", DashboardBody='{"widgets": []}')
    cloudwatch.get_dashboard(DashboardName="board")
    cloudwatch.delete_dashboards(DashboardNames=["board"])


def schemas(caller: Caller) -> None:
    glue, control = caller.client("glue"), caller.client("cloudcontrol")
    registry = {"RegistryName": "registry", "Description": "of events", "Tags": {"owner": "ledger"}}
    registry_arn = glue.create_registry(**registry)["RegistryArn"]
    told = glue.get_registry(RegistryId={"RegistryName": "registry"}), glue.get_tags(ResourceArn=registry_arn)
    caller.kept("CreateRegistry", registry, *told)
    text = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"})
    schema = {
        "RegistryId": {"RegistryName": "registry"},
        "SchemaName": "schema",
        "DataFormat": "JSON",
        "Compatibility": "FULL",
        "Description": "of one event",
        "Tags": {"kind": "event"},
        "SchemaDefinition": text,
    }
    made = glue.create_schema(**schema)
    identity = {"SchemaArn": made["SchemaArn"]}
    version = glue.get_schema_version(SchemaVersionId=made["SchemaVersionId"])
    caller.kept(
        "CreateSchema",
        schema,
        glue.get_schema(SchemaId=identity),
        version,
        glue.get_tags(ResourceArn=made["SchemaArn"]),
    )
    wanted = json.dumps({"Schema": identity, "SchemaDefinition": json.dumps({**json.loads(text), "title": "t"})})
    kind = "AWS::Glue::SchemaVersion"
    event = control.create_resource(TypeName=kind, DesiredState=wanted)["ProgressEvent"]
    event = control.get_resource_request_status(RequestToken=event["RequestToken"])["ProgressEvent"]
    control.get_resource(TypeName=kind, Identifier=event["Identifier"])
    glue.delete_schema(SchemaId=identity)
    glue.delete_registry(RegistryId={"RegistryName": "registry"})


def keys(caller: Caller) -> None:
    kms = caller.client("kms")
    tag = {"TagKey": "owner", "TagValue": "ledger"}
    given = {"Description": "of the ledger", "Policy": json.dumps(EVERYTHING), "MultiRegion": True, "Tags": [tag]}
    key = kms.create_key(**given)["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    told = (
        kms.describe_key(KeyId=key),
        kms.list_resource_tags(KeyId=key),
        kms.get_key_policy(KeyId=key, PolicyName="default"),
    )
    caller.kept("CreateKey", given, *told)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)


def roles(caller: Caller) -> None:
    iam, sts = caller.client("iam"), caller.client("sts")
    given = {
        "RoleName": "role",
        "AssumeRolePolicyDocument": json.dumps(NOBODY),
        "Description": "who acts",
        "MaxSessionDuration": 7200,
        "Path": "/path/",
        "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess",
        "Tags": [TAG],
    }
    arn = iam.create_role(**given)["Role"]["Arn"]
    caller.kept("CreateRole", given, iam.get_role(RoleName="role"))
    iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=json.dumps(EVERYTHING))
    caller.kept("PutRolePolicy", EVERYTHING, iam.get_role_policy(RoleName="role", PolicyName="policy"))
    iam.list_role_policies(RoleName="role")
    iam.list_attached_role_policies(RoleName="role")
    sts.assume_role(RoleArn=arn, RoleSessionName="session")
    sts.get_caller_identity()
    iam.delete_role_policy(RoleName="role", PolicyName="policy")
    iam.delete_role(RoleName="role")


def functions(caller: Caller) -> None:
    lambda_, iam = caller.client("lambda"), caller.client("iam")
    role = iam.create_role(RoleName="acting", AssumeRolePolicyDocument=json.dumps(NOBODY))["Role"]["Arn"]
    iam.put_role_policy(RoleName="acting", PolicyName="policy", PolicyDocument=json.dumps(EVERYTHING))
    code = package({"main.py": "def handler(event, context):\n    return event\n"})
    of_layer = {"Description": "shared", "CompatibleRuntimes": ["python3.13"], "LicenseInfo": "MIT"}
    of_layer["CompatibleArchitectures"] = ["arm64"]
    layer = lambda_.publish_layer_version(LayerName="layer", Content={"ZipFile": code}, **of_layer)
    caller.kept("PublishLayerVersion", of_layer, lambda_.get_layer_version(LayerName="layer", VersionNumber=1))
    given = {
        "FunctionName": "function",
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "main.handler",
        "Description": "echo",
        "Timeout": 7,
        "MemorySize": 333,
        "DeadLetterConfig": {"TargetArn": QUEUE},
        "Environment": {"Variables": {"NAME": "a value"}},
        "KMSKeyArn": KMS_KEY,
        "TracingConfig": {"Mode": "Active"},
        "Layers": [layer["LayerVersionArn"]],
        "Architectures": ["arm64"],
        "EphemeralStorage": {"Size": 777},
        "LoggingConfig": {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "WARN",
            "SystemLogLevel": "DEBUG",
            "LogGroup": "lg",
        },
    }
    arn = lambda_.create_function(**given, Code={"ZipFile": code}, Tags={"owner": "ledger"})["FunctionArn"]
    told = lambda_.get_function(FunctionName="function"), lambda_.get_function_configuration(FunctionName="function")
    caller.kept("CreateFunction", {**given, "Tags": "ledger"}, *told, lambda_.list_tags(Resource=arn))
    changed = {
        **{name: given[name] for name in ("DeadLetterConfig", "Layers", "Role")},
        "Description": "echo again",
        "Timeout": 8,
        "MemorySize": 334,
        "Environment": {"Variables": {"NAME": "another"}},
        "KMSKeyArn": f"{KMS_KEY[:-1]}3",
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 778},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "other"},
    }
    answer = lambda_.update_function_configuration(FunctionName="function", **changed)
    caller.kept("UpdateFunctionConfiguration", changed, answer)
    caller.kept("UpdateFunctionConfiguration, later,", changed, lambda_.get_function(FunctionName="function"))
    answer = lambda_.update_function_code(FunctionName="function", ZipFile=code, Architectures=["x86_64"])
    caller.kept("UpdateFunctionCode", {"Architectures": "x86_64"}, answer)
    lambda_.invoke(FunctionName="function", Payload=b"{}")
    lambda_.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=3)
    told = lambda_.get_function_concurrency(FunctionName="function")
    caller.kept(
        "PutFunctionConcurrency", {"count": 3}, lambda_.get_function(FunctionName="function")["Concurrency"], told
    )
    lambda_.delete_function_concurrency(FunctionName="function")
    sending = {"OnFailure": {"Destination": QUEUE}, "OnSuccess": {"Destination": f"{QUEUE}-too"}}
    retrying = {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 66, "DestinationConfig": sending}
    lambda_.put_function_event_invoke_config(FunctionName="function", **retrying)
    told = lambda_.get_function_event_invoke_config(FunctionName="function")
    caller.kept("PutFunctionEventInvokeConfig", retrying, told)
    permission = {"Principal": "sns.amazonaws.com", "SourceArn": "arn:aws:sns:us-east-1:1:t", "SourceAccount": ACCOUNT}
    permission |= {"StatementId": "s", "Action": "lambda:InvokeFunction"}
    lambda_.add_permission(FunctionName="function", **permission)
    caller.kept("AddPermission", permission, lambda_.get_policy(FunctionName="function"))
    lambda_.remove_permission(FunctionName="function", StatementId="s")
    lambda_.list_versions_by_function(FunctionName="function")
    lambda_.get_function_code_signing_config(FunctionName="function")
    mappings(caller)
    lambda_.delete_function_event_invoke_config(FunctionName="function")
    versions(caller)
    lambda_.delete_function(FunctionName="function")
    lambda_.delete_layer_version(LayerName="layer", VersionNumber=1)


def versions(caller: Caller) -> None:
    lambda_ = caller.client("lambda")
    for _ in range(2):
        lambda_.publish_version(FunctionName="function")
        lambda_.update_function_configuration(FunctionName="function", Timeout=11)
    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    given = {"Name": "live", "FunctionVersion": "1", "Description": "what is called", "RoutingConfig": weights}
    caller.kept("CreateAlias", given, lambda_.create_alias(FunctionName="function", **given))
    changed = {**given, "Description": "what is called now", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}}
    lambda_.update_alias(FunctionName="function", **changed)
    caller.kept("UpdateAlias", changed, lambda_.get_alias(FunctionName="function", Name="live"))
    of = {"FunctionName": "function", "Qualifier": "live"}
    lambda_.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=2)
    told = lambda_.get_provisioned_concurrency_config(**of)
    caller.kept("PutProvisionedConcurrencyConfig", {"RequestedProvisionedConcurrentExecutions": 2}, told)
    lambda_.delete_provisioned_concurrency_config(**of)
    lambda_.delete_alias(FunctionName="function", Name="live")


def mappings(caller: Caller) -> None:
    lambda_, dynamodb, sqs = (caller.client(service) for service in ("lambda", "dynamodb", "sqs"))
    made = dynamodb.create_table(
        TableName="source",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    sqs.create_queue(QueueName="source")
    common = {
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 3,
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "KMSKeyArn": KMS_KEY,
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    of_queue = {**common, "EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:source"}
    of_queue["ScalingConfig"] = {"MaximumConcurrency": 5}
    of_stream = {
        **common,
        "EventSourceArn": made["TableDescription"]["LatestStreamArn"],
        "StartingPosition": "TRIM_HORIZON",
        "ParallelizationFactor": 6,
        "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
        "MaximumRecordAgeInSeconds": 99,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 4,
    }
    for given in (of_queue, of_stream):
        tags = {"Tags": {"owner": "ledger"}, "Enabled": False}
        made = lambda_.create_event_source_mapping(FunctionName="function", **given, **tags)
        told = (
            lambda_.get_event_source_mapping(UUID=made["UUID"]),
            lambda_.list_tags(Resource=made["EventSourceMappingArn"]),
        )
        caller.kept("CreateEventSourceMapping", {**given, "Tags": "ledger", "Enabled": "Disabled"}, *told)
        changed = {"BatchSize": 8, "MaximumBatchingWindowInSeconds": 2, "KMSKeyArn": f"{KMS_KEY[:-1]}3"}
        lambda_.update_event_source_mapping(UUID=made["UUID"], **changed)
        caller.kept("UpdateEventSourceMapping", changed, lambda_.get_event_source_mapping(UUID=made["UUID"]))
        lambda_.list_event_source_mappings(FunctionName="function")
        lambda_.delete_event_source_mapping(UUID=made["UUID"])


def schedules(caller: Caller) -> None:
    scheduler, iam = caller.client("scheduler"), caller.client("iam")
    role = iam.create_role(RoleName="scheduling", AssumeRolePolicyDocument=json.dumps(NOBODY))["Role"]["Arn"]
    arn = scheduler.create_schedule_group(Name="sweeps", Tags=[TAG])["ScheduleGroupArn"]
    told = scheduler.get_schedule_group(Name="sweeps"), scheduler.list_tags_for_resource(ResourceArn=arn)
    caller.kept("CreateScheduleGroup", {"Name": "sweeps", "Tags": [TAG]}, *told)
    target = {
        "Arn": QUEUE,
        "RoleArn": role,
        "Input": "due",
        "DeadLetterConfig": {"Arn": QUEUE},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 77},
    }
    given = {
        "Name": "sweep",
        "GroupName": "sweeps",
        "Description": "now and then",
        "ScheduleExpression": "cron(0 12 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "DISABLED",
        "KmsKeyArn": KMS_KEY,
        "StartDate": 1_900_000_000,
        "EndDate": 1_950_000_000,
        "ActionAfterCompletion": "DELETE",
        "Target": target,
    }
    scheduler.create_schedule(**given)
    dates = {
        "StartDate": datetime.fromtimestamp(1_900_000_000, UTC),
        "EndDate": datetime.fromtimestamp(1_950_000_000, UTC),
    }
    in_utc = scheduler.get_schedule(Name="sweep", GroupName="sweeps")
    in_utc |= {name: in_utc[name].astimezone(UTC) for name in dates}
    caller.kept("CreateSchedule", {**given, **dates}, in_utc)
    changed = {**given, "Description": "never", "ScheduleExpression": "rate(7 minutes)"}
    scheduler.update_schedule(**changed)
    in_utc = scheduler.get_schedule(Name="sweep", GroupName="sweeps")
    in_utc |= {name: in_utc[name].astimezone(UTC) for name in dates}
    caller.kept("UpdateSchedule", {**changed, **dates}, in_utc)
    scheduler.delete_schedule(Name="sweep", GroupName="sweeps")
    scheduler.delete_schedule_group(Name="sweeps")


def http_apis(caller: Caller) -> None:
    gateway, logs = caller.client("apigatewayv2"), caller.client("logs")
    logs.create_log_group(logGroupName="access")
    log = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:access"
    cors = {
        "AllowCredentials": True,
        "AllowHeaders": ["authorization"],
        "AllowMethods": ["GET"],
        "AllowOrigins": ["https://console.example"],
        "ExposeHeaders": ["etag"],
        "MaxAge": 601,
    }
    api = {
        "Name": "people",
        "ProtocolType": "HTTP",
        "Description": "for people",
        "Version": "v7",
        "Tags": {"owner": "ledger"},
        "CorsConfiguration": cors,
    }
    of = {"ApiId": gateway.create_api(**api)["ApiId"]}
    caller.kept("CreateApi", api, gateway.get_api(**of))
    authorizer = {
        "Name": "tokens",
        "AuthorizerType": "JWT",
        "IdentitySource": ["$request.header.Authorization"],
        "JwtConfiguration": {"Issuer": "https://issuer.example", "Audience": ["client"]},
    }
    by = {"AuthorizerId": gateway.create_authorizer(**of, **authorizer)["AuthorizerId"]}
    caller.kept("CreateAuthorizer", authorizer, gateway.get_authorizer(**of, **by))
    integration = {
        "ConnectionType": "INTERNET",
        "Description": "of commands",
        "IntegrationMethod": "POST",
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:command",
        "PayloadFormatVersion": "2.0",
        "TimeoutInMillis": 12_345,
    }
    to = {"IntegrationId": gateway.create_integration(**of, **integration)["IntegrationId"]}
    caller.kept("CreateIntegration", integration, gateway.get_integration(**of, **to))
    route = {
        "AuthorizationScopes": ["ledger/read"],
        "AuthorizationType": "JWT",
        "OperationName": "show",
        "RouteKey": "GET /accounts/{id}",
        "Target": f"integrations/{to['IntegrationId']}",
        **by,
    }
    at = {"RouteId": gateway.create_route(**of, **route)["RouteId"]}
    caller.kept("CreateRoute", route, gateway.get_route(**of, **at))
    throttles = {"ThrottlingBurstLimit": 77, "ThrottlingRateLimit": 33.5}
    stage = {
        "StageName": "$default",
        "AutoDeploy": True,
        "Description": "the one",
        "StageVariables": {"variable": "value"},
        "AccessLogSettings": {"DestinationArn": log, "Format": "$context.requestId"},
        "DefaultRouteSettings": {**throttles, "DetailedMetricsEnabled": False},
        "RouteSettings": {"GET /accounts/{id}": {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 6.5}},
        "Tags": {"kind": "stage"},
    }
    gateway.create_stage(**of, **stage)
    caller.kept("CreateStage", stage, gateway.get_stage(**of, StageName="$default"))
    gateway.delete_stage(**of, StageName="$default")
    gateway.delete_route(**of, **at)
    gateway.delete_integration(**of, **to)
    gateway.delete_authorizer(**of, **by)
    gateway.delete_api(**of)


def user_pools(caller: Caller) -> None:
    cognito = caller.client("cognito-idp")
    trigger = {"LambdaArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:scopes", "LambdaVersion": "V2_0"}
    pool = {
        "PoolName": "people",
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        "AliasAttributes": ["email"],
        "AutoVerifiedAttributes": ["email"],
        "DeletionProtection": "ACTIVE",
        "LambdaConfig": {"PreTokenGenerationConfig": trigger},
        "Policies": {"PasswordPolicy": {"MinimumLength": 17, "RequireSymbols": True}},
        "UserPoolTags": {"owner": "ledger"},
        "UserPoolTier": "ESSENTIALS",
        "UsernameConfiguration": {"CaseSensitive": False},
    }
    of = {"UserPoolId": cognito.create_user_pool(**pool)["UserPool"]["Id"]}
    by_token = {"SoftwareTokenMfaConfiguration": {"Enabled": True}, "MfaConfiguration": "OPTIONAL"}
    cognito.set_user_pool_mfa_config(**of, **by_token)
    told = cognito.describe_user_pool(**of)["UserPool"]
    caller.kept("CreateUserPool", pool, {**told, "PoolName": told["Name"]})
    caller.kept("SetUserPoolMfaConfig", by_token, cognito.get_user_pool_mfa_config(**of))
    scopes = [{"ScopeName": "read", "ScopeDescription": "to look"}]
    server = {"Identifier": "ledger", "Name": "the ledger", "Scopes": scopes}
    cognito.create_resource_server(**of, **server)
    caller.kept("CreateResourceServer", server, cognito.describe_resource_server(**of, Identifier="ledger"))
    client = {
        "ClientName": "console",
        "AccessTokenValidity": 61,
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthScopes": ["openid", "ledger/read"],
        "CallbackURLs": ["https://console.example/"],
        "EnableTokenRevocation": True,
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"],
        "IdTokenValidity": 62,
        "LogoutURLs": ["https://console.example/out"],
        "PreventUserExistenceErrors": "ENABLED",
        "RefreshTokenValidity": 7,
        "SupportedIdentityProviders": ["COGNITO"],
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
    }
    at = {"ClientId": cognito.create_user_pool_client(**of, **client)["UserPoolClient"]["ClientId"]}
    caller.kept("CreateUserPoolClient", client, cognito.describe_user_pool_client(**of, **at))
    group = {"GroupName": "readers", "Description": "who look", "Precedence": 9}
    cognito.create_group(**of, **group)
    caller.kept("CreateGroup", group, cognito.get_group(**of, GroupName="readers"))
    cognito.create_user_pool_domain(**of, Domain="people", ManagedLoginVersion=1)
    cognito.describe_user_pool_domain(Domain="people")
    cognito.delete_user_pool_domain(**of, Domain="people")
    cognito.delete_group(**of, GroupName="readers")
    cognito.delete_user_pool_client(**of, **at)
    cognito.update_user_pool(**of, DeletionProtection="INACTIVE")
    cognito.delete_user_pool(**of)


PARTS = (
    tables,
    buses,
    queues,
    topics,
    log_groups,
    alarms,
    schemas,
    keys,
    roles,
    functions,
    schedules,
    http_apis,
    user_pools,
)


@pytest.fixture(scope="module")
def caller(engine: Engine) -> Caller:
    made = Caller(engine)
    for part in (*PARTS, *changed.PARTS):
        part(made)
    return made


REFUSED = {
    ("apigatewayv2", "UpdateStage"),
    ("cognito-idp", "DeleteResourceServer"),
    ("cognito-idp", "UntagResource"),
    ("cognito-idp", "UpdateResourceServer"),
    ("events", "UpdateEventBus"),
    ("glue", "DeleteSchemaVersions"),
    ("glue", "UpdateRegistry"),
    ("logs", "AssociateKmsKey"),
    ("logs", "DisassociateKmsKey"),
}
"""Operations that are mentioned and that the embedded AWS does not have at all."""


def test_every_operation_that_is_mentioned_is_called_or_refused(caller: Caller) -> None:
    assert sorted(mentioned() - caller.called - OPERATIONS.keys() - REFUSED) == []


def test_what_is_not_there_is_refused_by_name(caller: Caller) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*glue DeleteSchemaVersions"):
        caller.client("glue").delete_schema_versions(SchemaId={"SchemaArn": "arn:any"}, Versions="1")


@pytest.mark.parametrize("operation", ["get_role", "list_role_policies", "update_role_description"])
def test_a_role_that_is_not_there_is_answered_for_as_iam_does(caller: Caller, operation: str) -> None:
    given = {"Description": "changed"} if operation == "update_role_description" else {}
    with pytest.raises(ClientError, match="NoSuchEntity"):
        getattr(caller.client("iam"), operation)(RoleName="nobody", **given)


def test_answers_have_the_form_that_aws_describes(caller: Caller) -> None:
    assert sorted(caller.deviations - HARMLESS.keys()) == []
    assert sorted(HARMLESS.keys() - caller.deviations) == []


def test_settings_are_kept(caller: Caller) -> None:
    assert sorted(caller.lost) == []

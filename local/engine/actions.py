"""What a call takes: IAM actions, and the resources to be allowed them on.

Here stands what functions and operators call; what deploys calls more (`control_actions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from local.engine import control_actions
from local.engine.api import ApiRequest
from local.engine.needs import (
    Finders,
    Need,
    arn,
    check_host,
    function,
    on_everything,
    queue,
    schedule,
    table,
)

_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a finder raises for a request that is not as its operation has it."""

_IN_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_PARTIQL = re.compile(
    r"\s*(?:(SELECT)\b.*?\bFROM|(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM)\s+\"?([\w.-]+)\"?(?:\.\"?([\w.-]+)\"?)?",
    re.IGNORECASE | re.DOTALL,
)


def needed(request: ApiRequest) -> list[Need]:
    """All of them have to be allowed. None at all means that it is not known what the call takes."""
    find = _NEEDS.get((request.service, request.operation))
    if find is None:
        return []
    try:
        return list(find(request))
    except _MALFORMED:
        return []


def _on_table(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    yield Need(f"dynamodb:{request.operation}", table(request, asked["TableName"], asked.get("IndexName")))


def _on_tables(request: ApiRequest) -> Iterable[Need]:
    for name in request.parameters["RequestItems"]:
        yield Need(f"dynamodb:{request.operation}", table(request, name))


def _in_transaction(request: ApiRequest) -> Iterable[Need]:
    for item in request.parameters["TransactItems"]:
        for kind, operation in item.items():
            yield Need(f"dynamodb:{_IN_TRANSACTION[kind]}", table(request, operation["TableName"]))


def _partiql(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    for each in asked.get("Statements") or asked.get("TransactStatements") or [asked]:
        match = _PARTIQL.match(each["Statement"])
        if match is None:
            raise ValueError(each["Statement"])
        *verbs, name, index = match.groups()
        verb = next(verb for verb in verbs if verb)
        yield Need(f"dynamodb:PartiQL{verb.capitalize()}", table(request, name, index))


def _on_stream(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    # An iterator of moto's begins with the ARN of its stream.
    stream = asked["ShardIterator"].split("|")[0] if request.operation == "GetRecords" else asked["StreamArn"]
    yield Need(f"dynamodb:{request.operation}", stream)


def _on_queue(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"sqs:{request.operation.removesuffix('Batch')}", queue(request))


def _on_topic(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    named = asked.get("TargetArn") or asked.get("TopicArn")  # in the order in which moto looks at them
    yield Need("sns:Publish", "*" if "PhoneNumber" in asked or not named else named)  # a telephone number is none


def _on_buses(request: ApiRequest) -> Iterable[Need]:
    for entry in request.parameters["Entries"]:
        name = entry.get("EventBusName") or "default"
        bus = name if name.startswith("arn:") else arn(request, "events", f"event-bus/{name}")
        keys = (("events:detail-type", str(entry.get("DetailType"))), ("events:source", str(entry.get("Source"))))
        yield Need("events:PutEvents", bus, keys)


def _on_archive(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"events:{request.operation}", request.parameters["EventSourceArn"])


def _on_replay(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"events:{request.operation}", arn(request, "events", f"replay/{request.parameters['ReplayName']}"))


def _on_schema(request: ApiRequest) -> Iterable[Need]:
    """Both the schema and the registry that it is in."""
    asked = request.parameters["SchemaId"]
    schema = asked.get("SchemaArn") or arn(request, "glue", f"schema/{asked['RegistryName']}/{asked['SchemaName']}")
    registry = schema.rsplit("/", 1)[0].replace(":schema/", ":registry/")
    for resource in (registry, schema):
        yield Need(f"glue:{request.operation}", resource)


def _on_function(request: ApiRequest) -> Iterable[Need]:
    action = "InvokeFunction" if request.operation == "Invoke" else request.operation
    yield Need(f"lambda:{action}", function(request))


def _on_group(request: ApiRequest) -> Iterable[Need]:
    """And what AWS asks besides of who deploys: to enter the revision, and to see the configuration."""
    asked = request.parameters
    application, group = asked["applicationName"], asked["deploymentGroupName"]
    group_arn = arn(request, "codedeploy", f"deploymentgroup:{application}/{group}")
    yield Need(f"codedeploy:{request.operation}", group_arn)
    if request.operation == "CreateDeployment":
        yield Need("codedeploy:RegisterApplicationRevision", arn(request, "codedeploy", f"application:{application}"))
        config = asked.get("deploymentConfigName") or "*"
        yield Need("codedeploy:GetDeploymentConfig", arn(request, "codedeploy", f"deploymentconfig:{config}"))


def _on_hose(request: ApiRequest) -> Iterable[Need]:
    on = arn(request, "firehose", f"deliverystream/{request.parameters['DeliveryStreamName']}")
    yield Need(f"firehose:{request.operation}", on)


def _on_logs(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    stream = f":log-stream:{asked['logStreamName']}" if "logStreamName" in asked else ""
    yield Need(f"logs:{request.operation}", arn(request, "logs", f"log-group:{asked['logGroupName']}{stream}"))


def _on_role(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    named = (("sts:rolesessionname", asked["RoleSessionName"]), ("sts:externalid", asked.get("ExternalId")))
    yield Need(f"sts:{request.operation}", asked["RoleArn"], tuple((key, value) for key, value in named if value))


def _on_bucket(request: ApiRequest) -> Iterable[Need]:
    check_host(request)
    yield Need("s3:ListBucket", f"arn:aws:s3:::{unquote(request.path).split('/')[1]}")


def _on_object(request: ApiRequest) -> Iterable[Need]:
    check_host(request)
    version = "Version" if request.query("versionId") else ""
    action = request.operation.replace("HeadObject", "GetObject") + version
    yield Need(f"s3:{action}", f"arn:aws:s3:::{unquote(request.path).removeprefix('/')}")


_FINDERS: Finders = (
    ("dynamodb", _on_table, ("DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")),
    ("dynamodb", _on_tables, ("BatchGetItem", "BatchWriteItem")),
    ("dynamodb", _in_transaction, ("TransactGetItems", "TransactWriteItems")),
    ("dynamodb", _partiql, ("BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction")),
    ("dynamodbstreams", _on_stream, ("DescribeStream", "GetRecords", "GetShardIterator")),
    ("dynamodbstreams", on_everything, ("ListStreams",)),
    ("sqs", _on_queue, ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl")),
    ("sqs", _on_queue, ("PurgeQueue", "ReceiveMessage", "SendMessage")),
    ("sqs", _on_queue, ("ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch")),
    ("sns", _on_topic, ("Publish", "PublishBatch")),
    ("events", _on_buses, ("PutEvents",)),
    ("events", _on_archive, ("StartReplay",)),
    ("events", _on_replay, ("DescribeReplay",)),
    ("glue", _on_schema, ("GetSchema", "GetSchemaVersion")),
    ("lambda", _on_function, ("GetFunctionConcurrency", "GetFunctionConfiguration", "Invoke")),
    ("lambda", _on_function, ("GetAlias", "GetProvisionedConcurrencyConfig", "ListVersionsByFunction", "UpdateAlias")),
    ("codedeploy", _on_group, ("CreateDeployment", "ListDeployments")),
    ("codedeploy", on_everything, ("BatchGetDeployments", "GetDeployment", "StopDeployment")),
    ("lambda", on_everything, ("ListEventSourceMappings",)),
    ("scheduler", schedule, ("GetSchedule", "UpdateSchedule")),
    ("firehose", _on_hose, ("PutRecord",)),
    ("logs", _on_logs, ("CreateLogGroup", "CreateLogStream", "FilterLogEvents", "PutLogEvents")),
    ("s3", _on_object, ("DeleteObject", "GetObject", "HeadObject", "PutObject")),
    ("s3", _on_bucket, ("HeadBucket", "ListObjects", "ListObjectsV2")),
    ("sts", _on_role, ("AssumeRole",)),
    ("xray", on_everything, ("PutTelemetryRecords", "PutTraceSegments")),
    ("cloudwatch", on_everything, ("DescribeAlarms", "GetMetricData", "PutMetricData")),
)
_NEEDS = {
    (service, operation): find
    for service, find, operations in (*control_actions.FINDERS, *_FINDERS)
    for operation in operations
}

"""What a call takes: IAM actions, and the resources to be allowed them on. Of what functions and operators call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote

from local.engine.api import ACCOUNT, ApiRequest, queue_named
from local.engine.functions import FunctionRef
from local.engine.policy_documents import Context


class Need(NamedTuple):
    """An action, the ARN of a resource, and the condition keys (in lower case) that belong to this action alone."""

    action: str
    resource: str
    context: Context = ()


Finder = Callable[[ApiRequest], Iterable[Need]]

_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a finder raises for a request that is not as its operation has it."""

_IN_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_NO_BUCKET = re.compile(r"localhost|[\d.]+")
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


def _arn(request: ApiRequest, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{request.region}:{ACCOUNT}:{resource}"


def _table(request: ApiRequest, name: str, index: str | None = None) -> str:
    arn = name if name.startswith("arn:") else _arn(request, "dynamodb", f"table/{name}")
    return f"{arn}/index/{index}" if index else arn


def _on_everything(request: ApiRequest) -> Iterable[Need]:
    """Of actions for which IAM knows no resources."""
    yield Need(f"{request.service.removesuffix('streams')}:{request.operation}", "*")


def _on_table(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    yield Need(f"dynamodb:{request.operation}", _table(request, asked["TableName"], asked.get("IndexName")))


def _on_tables(request: ApiRequest) -> Iterable[Need]:
    for name in request.parameters["RequestItems"]:
        yield Need(f"dynamodb:{request.operation}", _table(request, name))


def _in_transaction(request: ApiRequest) -> Iterable[Need]:
    for item in request.parameters["TransactItems"]:
        for kind, operation in item.items():
            yield Need(f"dynamodb:{_IN_TRANSACTION[kind]}", _table(request, operation["TableName"]))


def _partiql(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    for each in asked.get("Statements") or asked.get("TransactStatements") or [asked]:
        match = _PARTIQL.match(each["Statement"])
        if match is None:
            raise ValueError(each["Statement"])
        *verbs, name, index = match.groups()
        verb = next(verb for verb in verbs if verb)
        yield Need(f"dynamodb:PartiQL{verb.capitalize()}", _table(request, name, index))


def _on_stream(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    # An iterator of moto's begins with the ARN of its stream.
    stream = asked["ShardIterator"].split("|")[0] if request.operation == "GetRecords" else asked["StreamArn"]
    yield Need(f"dynamodb:{request.operation}", stream)


def _on_queue(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    name = asked["QueueName"] if request.operation == "GetQueueUrl" else queue_named(asked["QueueUrl"])
    yield Need(f"sqs:{request.operation.removesuffix('Batch')}", _arn(request, "sqs", name))


def _on_topic(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    named = asked.get("TargetArn") or asked.get("TopicArn")  # in the order in which moto looks at them
    yield Need("sns:Publish", "*" if "PhoneNumber" in asked or not named else named)  # a telephone number is none


def _on_buses(request: ApiRequest) -> Iterable[Need]:
    for entry in request.parameters["Entries"]:
        name = entry.get("EventBusName") or "default"
        bus = name if name.startswith("arn:") else _arn(request, "events", f"event-bus/{name}")
        keys = (("events:detail-type", str(entry.get("DetailType"))), ("events:source", str(entry.get("Source"))))
        yield Need("events:PutEvents", bus, keys)


def _on_archive(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"events:{request.operation}", request.parameters["EventSourceArn"])


def _on_replay(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"events:{request.operation}", _arn(request, "events", f"replay/{request.parameters['ReplayName']}"))


def _on_schema(request: ApiRequest) -> Iterable[Need]:
    """Both the schema and the registry that it is in."""
    asked = request.parameters["SchemaId"]
    schema = asked.get("SchemaArn") or _arn(request, "glue", f"schema/{asked['RegistryName']}/{asked['SchemaName']}")
    registry = schema.rsplit("/", 1)[0].replace(":schema/", ":registry/")
    for resource in (registry, schema):
        yield Need(f"glue:{request.operation}", resource)


def _on_function(request: ApiRequest) -> Iterable[Need]:
    name = unquote(request.path.split("/functions/", 1)[1].split("/", 1)[0])
    ref = FunctionRef.parse(name, request.region, request.query("Qualifier"))
    qualifier = f":{ref.qualifier}" if ref.qualifier else ""
    action = "InvokeFunction" if request.operation == "Invoke" else request.operation
    yield Need(f"lambda:{action}", f"arn:aws:lambda:{ref.region}:{ACCOUNT}:function:{ref.name}{qualifier}")


def _on_mapping(request: ApiRequest) -> Iterable[Need]:
    uuid = request.path.rstrip("/").rsplit("/", 1)[-1]
    yield Need(f"lambda:{request.operation}", _arn(request, "lambda", f"event-source-mapping:{uuid}"))


def _on_group(request: ApiRequest) -> Iterable[Need]:
    """And what AWS asks besides of who deploys: to enter the revision, and to see the configuration."""
    asked = request.parameters
    application, group = asked["applicationName"], asked["deploymentGroupName"]
    group_arn = _arn(request, "codedeploy", f"deploymentgroup:{application}/{group}")
    yield Need(f"codedeploy:{request.operation}", group_arn)
    if request.operation == "CreateDeployment":
        yield Need("codedeploy:RegisterApplicationRevision", _arn(request, "codedeploy", f"application:{application}"))
        config = asked.get("deploymentConfigName") or "*"
        yield Need("codedeploy:GetDeploymentConfig", _arn(request, "codedeploy", f"deploymentconfig:{config}"))


def _on_schedule(request: ApiRequest) -> Iterable[Need]:
    """And on the role that it hands on, where it does."""
    asked = request.parameters if request.operation == "UpdateSchedule" else {}
    group = asked.get("GroupName") or request.query("groupName") or "default"
    name = unquote(request.path.rsplit("/", 1)[-1])
    yield Need(f"scheduler:{request.operation}", _arn(request, "scheduler", f"schedule/{group}/{name}"))
    if asked:
        yield Need("iam:PassRole", asked["Target"]["RoleArn"])


def _on_logs(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    stream = f":log-stream:{asked['logStreamName']}" if "logStreamName" in asked else ""
    yield Need(f"logs:{request.operation}", _arn(request, "logs", f"log-group:{asked['logGroupName']}{stream}"))


def _on_bucket(request: ApiRequest) -> Iterable[Need]:
    _check_host(request)
    yield Need("s3:ListBucket", f"arn:aws:s3:::{unquote(request.path).split('/')[1]}")


def _check_host(request: ApiRequest) -> None:
    """Raises: ValueError where the name of the host may be that of a bucket, which moto would act on."""
    if not _NO_BUCKET.fullmatch(request.header("host").partition(":")[0]):
        raise ValueError(request.header("host"))


def _on_object(request: ApiRequest) -> Iterable[Need]:
    _check_host(request)
    action = request.operation.replace("HeadObject", "GetObject")
    yield Need(f"s3:{action}", f"arn:aws:s3:::{unquote(request.path).removeprefix('/')}")


_FINDERS: Iterable[tuple[str, Finder, Iterable[str]]] = (
    ("dynamodb", _on_table, ("DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")),
    ("dynamodb", _on_tables, ("BatchGetItem", "BatchWriteItem")),
    ("dynamodb", _in_transaction, ("TransactGetItems", "TransactWriteItems")),
    ("dynamodb", _partiql, ("BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction")),
    ("dynamodbstreams", _on_stream, ("DescribeStream", "GetRecords", "GetShardIterator")),
    ("dynamodbstreams", _on_everything, ("ListStreams",)),
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
    ("codedeploy", _on_everything, ("BatchGetDeployments", "GetDeployment", "StopDeployment")),
    ("lambda", _on_everything, ("ListEventSourceMappings",)),
    ("lambda", _on_mapping, ("UpdateEventSourceMapping",)),
    ("scheduler", _on_schedule, ("GetSchedule", "UpdateSchedule")),
    ("logs", _on_logs, ("CreateLogGroup", "CreateLogStream", "FilterLogEvents", "PutLogEvents")),
    ("s3", _on_object, ("DeleteObject", "GetObject", "HeadObject", "PutObject")),
    ("s3", _on_bucket, ("HeadBucket", "ListObjects", "ListObjectsV2")),
    ("xray", _on_everything, ("PutTelemetryRecords", "PutTraceSegments")),
    ("cloudwatch", _on_everything, ("DescribeAlarms", "GetMetricData", "PutMetricData")),
)
_NEEDS = {(service, operation): find for service, find, operations in _FINDERS for operation in operations}

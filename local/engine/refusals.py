"""What moto would answer with 200 and then not do: refused by name, before it has any effect.

`OPERATIONS` are refused whole. Of the others, `INPUTS` are refused where they are given, unless what is given is what
happens anyway. `tests/local/test_engine_inputs.py` finds inputs that no code reads and that are neither here nor
excused there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ACCOUNT, ApiError

if TYPE_CHECKING:
    from local.engine.api import ApiRequest
    from local.engine.gateway import Check, Gateway

_PARTIQL = "statements in PartiQL are not read as DynamoDB reads them"

OPERATIONS = {
    ("dynamodb", "BatchExecuteStatement"): _PARTIQL,
    ("dynamodb", "ExecuteStatement"): _PARTIQL,
    ("dynamodb", "ExecuteTransaction"): _PARTIQL,
    ("dynamodb", "ExportTableToPointInTime"): "what a table was at an earlier moment is not kept",
    ("dynamodb", "RestoreTableToPointInTime"): "what a table was at an earlier moment is not kept",
    ("firehose", "PutRecordBatch"): "what comes into a stream comes by a rule, or one by one",
    ("lambda", "CreateCodeSigningConfig"): "no signature of code is looked at",
    ("lambda", "CreateFunctionUrlConfig"): "nothing listens at a function's URL",
    ("lambda", "DeleteFunctionCodeSigningConfig"): "no signature of code is looked at",
    ("lambda", "UpdateCodeSigningConfig"): "no signature of code is looked at",
    ("logs", "PutMetricFilter"): "no metrics are made of logs",
    ("logs", "PutSubscriptionFilter"): "logs are handed to nobody",
    ("logs", "StartLiveTail"): "logs are handed to nobody",
    ("logs", "StartQuery"): "logs are searched with FilterLogEvents alone",
}

Harmless = tuple[Any, ...]
"""The values of an input that say what happens anyway."""

_IN_CHUNKS = re.compile(rb"\x7f[\x60-\x7b]")
"""A text in CBOR that comes in pieces."""

_FALSE, _NONE = (False,), ("NONE",)
_METRICS = {"ReturnItemCollectionMetrics": _NONE}
_LEGACY = {"ConditionalOperator": ()}
_TABLE: Mapping[str, Harmless] = {
    "GlobalTableSettingsReplicationMode": (),
    "OnDemandThroughput": (),
    "TableClass": ("STANDARD",),
}
_FUNCTION: Mapping[str, Harmless] = {
    "AcceleratorConfig": (),
    "CapacityProviderConfig": (),
    "DurableConfig": (),
    "FileSystemConfigs": (),
    "ImageConfig": (),
    "RuntimeConfig": (),
    "VpcConfig.Ipv6AllowedForDualStack": _FALSE,
}
_CODE_ELSEWHERE = ("S3ObjectVersion", "S3ObjectStorageMode", "SourceKMSKeyArn", "ImageUri")
_MAPPING: Mapping[str, Harmless] = {
    "AmazonManagedKafkaEventSourceConfig": (),
    "DocumentDBEventSourceConfig": (),
    "LoggingConfig": (),
    "ProvisionedPollerConfig": (),
    "SelfManagedKafkaEventSourceConfig": (),
    "SourceAccessConfigurations": (),
    "TumblingWindowInSeconds": (0,),
}
_TARGET = (
    "AppSyncParameters",
    "BatchParameters",
    "EcsParameters",
    "HttpParameters",
    "KinesisParameters",
    "RedshiftDataParameters",
    "RunCommandParameters",
    "SageMakerPipelineParameters",
)
_SCHEDULE: Mapping[str, Harmless] = {
    "FlexibleTimeWindow.MaximumWindowInMinutes": (),
    "Target.EcsParameters": (),
    "Target.EventBridgePutEventsV2Parameters": (),
    "Target.EventBridgePutRawEventsParameters": (),
    "Target.KinesisParameters": (),
    "Target.SageMakerPipelineParameters": (),
}
_TRIGGERS = (
    "CreateAuthChallenge",
    "CustomEmailSender",
    "CustomMessage",
    "CustomSMSSender",
    "DefineAuthChallenge",
    "InboundFederation",
    "KMSKeyID",
    "PostAuthentication",
    "PostConfirmation",
    "PreAuthentication",
    "PreSignUp",
    "UserMigration",
    "VerifyAuthChallengeResponse",
)
_USER_POOL: Mapping[str, Harmless] = {
    "AcrConfiguration": (),
    "DcrConfiguration": (),
    "DeviceConfiguration": (),
    "EmailConfiguration": (),
    "IssuerConfiguration": (),
    "KeyConfiguration": (),
    "Policies.SignInPolicy": (),
    "SmsAuthenticationMessage": (),
    "SmsConfiguration": (),
    "UserAttributeUpdateSettings": (),
    "UserPoolAddOns": (),
    "VerificationMessageTemplate": (),
    **{f"LambdaConfig.{name}": () for name in _TRIGGERS},
}
_USER_POOL_CLIENT: Mapping[str, Harmless] = {
    "AnalyticsConfiguration": (),
    "DefaultRedirectURI": (),
    "RefreshTokenRotation": (),
    "WriteAttributes": (),
}
_LAYERS = {"CompatibleArchitecture": (), "CompatibleRuntime": ()}

INPUTS: Mapping[tuple[str, str], Mapping[str, Harmless]] = {
    ("cloudcontrol", "CreateResource"): {"RoleArn": (), "TypeVersionId": ()},
    ("cloudcontrol", "GetResource"): {"RoleArn": (), "TypeVersionId": ()},
    ("cloudwatch", "DescribeAlarms"): {"ChildrenOfAlarmName": (), "ParentsOfAlarmName": ()},
    ("cloudwatch", "PutMetricAlarm"): {
        "ActionConfiguration": (),
        "EvaluationCriteria": (),
        "EvaluationInterval": (),
        "EvaluationWindow": (),
        "Metrics.AccountId": (ACCOUNT,),
        "WarmUpConfiguration": (),
    },
    ("cognito-idp", "CreateUserPool"): _USER_POOL,
    ("cognito-idp", "CreateUserPoolClient"): {**_USER_POOL_CLIENT, "ClientSecret": (), "GenerateSecret": _FALSE},
    ("cognito-idp", "CreateUserPoolDomain"): {"CustomDomainConfig": (), "ManagedLoginVersion": (1, 2), "Routing": ()},
    ("cognito-idp", "SetUserPoolMfaConfig"): {
        "EmailMfaConfiguration": (),
        "SmsMfaConfiguration": (),
        "WebAuthnConfiguration": (),
    },
    ("cognito-idp", "UpdateUserPool"): _USER_POOL,
    ("cognito-idp", "UpdateUserPoolClient"): _USER_POOL_CLIENT,
    ("dynamodb", "BatchWriteItem"): _METRICS,
    ("dynamodb", "CreateTable"): {
        **_TABLE,
        "GlobalSecondaryIndexes.OnDemandThroughput": (),
        "GlobalTableSourceArn": (),
        "ResourcePolicy": (),
        "VectorIndexes": (),
    },
    ("dynamodb", "DeleteItem"): {**_METRICS, **_LEGACY},
    ("dynamodb", "PutItem"): {**_METRICS, **_LEGACY},
    ("dynamodb", "Query"): _LEGACY,
    ("dynamodb", "Scan"): _LEGACY,
    ("dynamodb", "TransactWriteItems"): _METRICS,
    ("dynamodb", "UpdateItem"): {**_METRICS, **_LEGACY},
    ("dynamodb", "UpdateTable"): {
        **_TABLE,
        "DisassociationProtectionEnabled": _FALSE,
        "GlobalSecondaryIndexUpdates.Create.OnDemandThroughput": (),
        "GlobalSecondaryIndexUpdates.Update.OnDemandThroughput": (),
        "GlobalTableWitnessUpdates": (),
        "MultiRegionConsistency": ("EVENTUAL",),
        "ReplicaUpdates.Create.GlobalSecondaryIndexes": (),
        "ReplicaUpdates.Create.OnDemandThroughputOverride": (),
        "ReplicaUpdates.Create.ProvisionedThroughputOverride": (),
        "ReplicaUpdates.Create.TableClassOverride": ("STANDARD",),
        "ReplicaUpdates.Disassociate": (),
        "ReplicaUpdates.Update": (),
        "SSESpecification": (),
        "VectorIndexUpdates": (),
    },
    ("dynamodbstreams", "DescribeStream"): {"ExclusiveStartShardId": (), "ShardFilter": ()},
    ("dynamodbstreams", "GetShardIterator"): {"Timestamp": ()},
    ("events", "CreateEventBus"): {"LogConfig.Level": ("OFF",), "LogConfig.IncludeDetail": _NONE},
    ("events", "PutTargets"): {f"Targets.{name}": () for name in _TARGET},
    ("kms", "CreateKey"): {"CustomKeyStoreId": (), "XksKeyId": ()},
    ("kms", "EnableKeyRotation"): {"RotationPeriodInDays": (365,)},
    ("kms", "Encrypt"): {"EncryptionAlgorithm": ("SYMMETRIC_DEFAULT",)},
    ("lambda", "AddPermission"): {
        "EventSourceToken": (),
        "FunctionUrlAuthType": (),
        "InvokedViaFunctionUrl": (),
        "PrincipalOrgID": (),
    },
    ("lambda", "CreateEventSourceMapping"): {
        **_MAPPING,
        "Queues": (),
        "SelfManagedEventSource": (),
        "StartingPositionTimestamp": (),
        "Topics": (),
    },
    ("lambda", "CreateFunction"): {
        **_FUNCTION,
        **{f"Code.{name}": () for name in _CODE_ELSEWHERE},
        "CodeSigningConfigArn": (),
        "PackageType": ("Zip",),
        "PublishTo": (),
        "TenancyConfig": (),
    },
    ("lambda", "Invoke"): {"@x-amz-durable-execution-name": (), "@x-amz-tenant-id": ()},
    ("lambda", "ListFunctions"): {"?MasterRegion": ()},
    ("lambda", "ListLayerVersions"): {f"?{name}": harmless for name, harmless in _LAYERS.items()},
    ("lambda", "ListLayers"): {f"?{name}": harmless for name, harmless in _LAYERS.items()},
    ("lambda", "PublishLayerVersion"): {f"Content.{name}": () for name in ("S3ObjectVersion", "S3ObjectStorageMode")},
    ("lambda", "PublishVersion"): {"PublishTo": ()},
    ("lambda", "UpdateEventSourceMapping"): _MAPPING,
    ("lambda", "UpdateFunctionCode"): {
        **dict.fromkeys(_CODE_ELSEWHERE, ()),
        "DryRun": _FALSE,
        "PublishTo": (),
        "RevisionId": (),
    },
    ("lambda", "UpdateFunctionConfiguration"): {**_FUNCTION, "RevisionId": ()},
    ("logs", "CreateLogGroup"): {"deletionProtectionEnabled": _FALSE, "logGroupClass": ("STANDARD",)},
    ("logs", "DescribeLogGroups"): {
        "accountIdentifiers": (),
        "includeLinkedAccounts": _FALSE,
        "logGroupClass": ("STANDARD",),
        "logGroupNamePattern": (),
    },
    ("logs", "PutLogEvents"): {"entity": ()},
    ("scheduler", "CreateSchedule"): _SCHEDULE,
    ("scheduler", "UpdateSchedule"): _SCHEDULE,
    ("sns", "CreateTopic"): {"DataProtectionPolicy": ()},
    ("sqs", "GetQueueUrl"): {"QueueOwnerAWSAccountId": (ACCOUNT,)},
    ("sqs", "ListQueues"): {"MaxResults": (), "NextToken": ()},
    ("sqs", "ReceiveMessage"): {"ReceiveRequestAttemptId": ()},
    ("sts", "AssumeRole"): {
        "MinimumSessionTokenSize": (),
        "PolicyArns": (),
        "ProvidedContexts": (),
        "SerialNumber": (),
        "SourceIdentity": (),
        "Tags": (),
        "TokenCode": (),
        "TransitiveTagKeys": (),
    },
}
"""By the path of the input in what is asked for; @ is before a header, ? before a parameter of the query string."""

TOPIC_ATTRIBUTES = frozenset(
    {"ContentBasedDeduplication", "DeliveryPolicy", "DisplayName", "FifoTopic", "KmsMasterKeyId", "Policy"}
)
"""Of a topic, those that moto keeps."""

TARGETS = ("sqs", "lambda", "sns", "logs", "firehose", "events")
"""The services that rules deliver to; of events the buses alone."""

DESTINATIONS = ("sqs", "lambda", "sns", "events")
"""The services that hear how an asynchronous invocation went, or what a mapping gave up."""

SOURCES = ("sqs", "dynamodb")
"""The services whose queues or streams are polled for functions."""

SUBSCRIBERS = ("email", "email-json", "sms", "sqs")
"""The protocols of subscriptions. Nothing is sent to people (docs/local.md says so), so theirs do no harm."""


_WITH_DESTINATIONS = (
    "CreateEventSourceMapping",
    "PutFunctionEventInvokeConfig",
    "UpdateEventSourceMapping",
    "UpdateFunctionEventInvokeConfig",
)


class Refusals:
    """Puts the refusals before whatever answers."""

    def __init__(self, gateway: Gateway) -> None:
        for (service, operation), reason in OPERATIONS.items():
            gateway.before(service, operation, _refusing(reason))
        for (service, operation), inputs in INPUTS.items():
            gateway.before(service, operation, _checking(inputs))
        gateway.before("events", "EnableRule", lambda request: _check_enabled(gateway, request))
        gateway.before("events", "PutRule", _check_rule)
        gateway.before("events", "PutTargets", _check_targets)
        gateway.before("lambda", "CreateEventSourceMapping", _check_source)
        for operation in _WITH_DESTINATIONS:
            gateway.before("lambda", operation, _check_destinations)
        gateway.before("sns", "CreateTopic", _check_topic)
        gateway.before("sns", "SetTopicAttributes", _check_topic)
        gateway.before("sns", "Subscribe", _check_subscriber)


def _refusing(reason: str) -> Check:
    def refuse(_: ApiRequest) -> None:
        raise NotImplementedError(reason)

    return refuse


def _checking(inputs: Mapping[str, Harmless]) -> Check:
    # What is not in the text of the call is not among its inputs: most calls need not be read for it.
    last_words = {path: path.rsplit(".", 1)[-1].encode() for path in inputs if path[0] not in "@?"}

    def check(request: ApiRequest) -> None:
        spelled_otherwise = _has_escapes(request)
        for path, harmless in inputs.items():
            if path[0] == "@":
                found: Iterator[Any] = iter([request.header(path[1:])])
            elif path[0] == "?":
                found = iter([request.query(path[1:])])
            elif last_words[path] not in request.body and not spelled_otherwise:
                continue
            else:
                found = _given(request, path)
            for value in found:
                if value not in (None, "", [], {}) and value not in harmless:
                    raise NotImplementedError(f"the input {path.lstrip('@?')}{_shown(value)}")

    return check


def _has_escapes(request: ApiRequest) -> bool:
    """Whether a name can be in the call under another spelling."""
    if request.header("content-type") == "application/cbor":
        return _IN_CHUNKS.search(request.body) is not None
    return (b"%" if request.is_form else b"\\u") in request.body


def _shown(value: Any) -> str:
    return f" with the value {value}" if isinstance(value, str | int) else ""


def _given(request: ApiRequest, path: str) -> Iterator[Any]:
    """The values at the path, in every element of the lists on the way."""
    if request.header("content-type") == "application/cbor":
        yield "in CBOR"  # not read here: that its name stands in the call is enough
        return
    asked = request.parameters
    if not request.is_form:
        yield from _at(asked, path.split("."))
        return
    for name, value in asked.items():
        parts = [part for part in name.split(".") if not part.isdigit() and part not in {"member", "entry"}]
        if f"{'.'.join(parts)}.".startswith(f"{path}."):
            yield value


def _at(content: Any, steps: list[str]) -> Iterator[Any]:
    if isinstance(content, list):
        for each in content:
            yield from _at(each, steps)
    elif not steps:
        yield content
    elif isinstance(content, dict) and steps[0] in content:
        yield from _at(content[steps[0]], steps[1:])


_NEVER_DUE = "enabled rules with schedules: EventBridge Scheduler has schedules here"


def _check_rule(request: ApiRequest) -> None:
    asked = request.parameters
    if asked.get("ScheduleExpression") and asked.get("State") != "DISABLED":
        raise NotImplementedError(_NEVER_DUE)


def _check_enabled(gateway: Gateway, request: ApiRequest) -> None:
    asked = request.parameters
    with gateway.lock:
        bus = backends.events(request.region).event_buses.get(asked.get("EventBusName") or "default")
        rule = bus and bus.rules.get(asked.get("Name"))
    if rule and rule.scheduled_expression:
        raise NotImplementedError(_NEVER_DUE)


def _check_targets(request: ApiRequest) -> None:
    for target in request.parameters.get("Targets") or ():
        arn = str(target.get("Arn"))
        kind = arn.split(":")[2:3]
        if kind and (kind[0] not in TARGETS or (kind[0] == "events" and ":event-bus/" not in arn)):
            raise NotImplementedError(f"the target {arn}")
        if kind and arn.split(":")[3:4] != [request.region]:
            _check_target_elsewhere(arn, target)


def _check_target_elsewhere(arn: str, target: Mapping[str, Any]) -> None:
    """Of a rule in another Region. Raises: ApiError."""
    if ":event-bus/" not in arn:
        raise ApiError("ValidationException", f"The target {arn} is of another Region, and no bus")
    if not target.get("RoleArn"):
        raise ApiError("ValidationException", f"RoleArn is required for target {arn}.")


def _check_source(request: ApiRequest) -> None:
    arn = str(request.parameters.get("EventSourceArn"))
    if arn.split(":")[2:3] and arn.split(":")[2] not in SOURCES:
        raise NotImplementedError(f"the event source {arn}")
    if arn.split(":")[3:4] not in ([], [request.region]):
        text = f"The event source {arn} must be in the Region of the function, {request.region}"
        raise ApiError("InvalidParameterValueException", text)


def _check_destinations(request: ApiRequest) -> None:
    for condition in (request.parameters.get("DestinationConfig") or {}).values():
        arn = str((condition or {}).get("Destination") or "")
        if arn.split(":")[2:3] and arn.split(":")[2] not in DESTINATIONS:
            raise NotImplementedError(f"the destination {arn}")


def _check_topic(request: ApiRequest) -> None:
    asked = request.parameters
    names = [value for name, value in asked.items() if name.startswith("Attributes.") and name.endswith(".key")]
    for name in [*names, *([asked["AttributeName"]] if "AttributeName" in asked else [])]:
        if name not in TOPIC_ATTRIBUTES:
            raise NotImplementedError(f"the attribute {name} of topics")


def _check_subscriber(request: ApiRequest) -> None:
    protocol = request.parameters.get("Protocol")
    if protocol not in SUBSCRIBERS:
        raise NotImplementedError(f"subscriptions with the protocol {protocol}")

"""The graph as a CloudFormation template, for cfn-lint and cdk-nag.

Queues are referred to by reference, which cdk-nag follows; all else by the graph's literal names and ARNs. Packages are
said to lie in a bucket. A target becomes part of its rule, and a policy of its table, as CloudFormation has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.infrastructure.program import Graph, Resource

Properties = dict[str, Any]
_PACKAGE = {"S3Bucket": "packages", "S3Key": "package.zip"}


def template(graph: Graph) -> dict[str, Any]:
    """The whole stack. KeyError for a type of resource that CloudFormation's name is not known of."""
    resources: dict[str, Any] = {}
    references = _references(graph)
    for resource in graph:
        kind = resource.type.rpartition(":")[2]
        if not resource.custom or kind in _PARTS:
            continue
        type_, convert = _TYPES[kind]
        properties = convert(resource) | _tags(resource)
        for part in graph:
            of, here, whose, described = _PARTS.get(part.type.rpartition(":")[2], _NO_PART)
            if of == kind and part.inputs[here] == resource.outputs[whose]:
                properties |= described(part)
        kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"} if resource.protect else {}
        resources[_logical(resource.name)] = {"Type": type_, "Properties": _referring(properties, references), **kept}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def _tags(resource: Resource) -> Properties:
    tags = resource.inputs.get("tags")
    if not tags:
        return {}
    for kind, name in (("UserPool", "UserPoolTags"), ("Vault", "BackupVaultTags")):
        if resource.type.endswith(f":{kind}"):
            return {name: dict(tags)}
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _references(graph: Graph) -> dict[str, Any]:
    """What refers to a queue, by its URL and its ARN, or to a user pool, by its id."""
    found: dict[str, Any] = {f"{pool.name}-id": {"Ref": _logical(pool.name)} for pool in graph.of("UserPool")}
    for queue in graph.of("Queue"):
        name = _logical(queue.name)
        found |= {queue.outputs["url"]: {"Ref": name}, queue.outputs["arn"]: {"Fn::GetAtt": [name, "Arn"]}}
    return found


def _referring(value: Any, references: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        # Which queues may use a dead letter queue would close a circle with that queue's own reference to it.
        return {
            name: each if name == "RedriveAllowPolicy" else _referring(each, references) for name, each in value.items()
        }
    if isinstance(value, list):
        return [_referring(each, references) for each in value]
    return references.get(value, value) if isinstance(value, str) else value


def _logical(name: str) -> str:
    return "".join(part.capitalize() if part.islower() else part for part in re.split(r"[^A-Za-z0-9]+", name))


def _pascal(value: Any) -> Any:
    """Names as CloudFormation spells them, whole numbers as such."""
    if isinstance(value, Mapping):
        return {name[0].upper() + name[1:]: _pascal(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_pascal(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plainly(*documents: str, **renamed: str) -> Callable[[Resource], Properties]:
    """The inputs under their own names or, as given, others; `documents` as objects rather than text."""

    def convert(resource: Resource) -> Properties:
        inputs = {
            name: resource.document(name) if name in documents else each
            for name, each in resource.inputs.items()
            if name != "tags"  # each kind spells them in a way of its own
        }
        # What stands in a document is JSON of its own and keeps its names.
        return {
            renamed.get(name, name[0].upper() + name[1:]): each if name in documents else _pascal(each)
            for name, each in inputs.items()
        }

    return convert


def _named(convert: Callable[[Resource], Properties], name: str) -> Callable[[Resource], Properties]:
    """With the physical name that Pulumi makes up."""
    return lambda resource: {name: resource.outputs["name"], **convert(resource)}


def _target(resource: Resource) -> Properties:
    inputs = resource.inputs
    told = _pascal({name: inputs[name] for name in ("arn", "deadLetterConfig", "retryPolicy")})
    return {"Targets": [{"Id": resource.name, **told}]}


def _table(resource: Resource) -> Properties:
    inputs = resource.inputs

    def keys(hash_key: str, range_key: str) -> list[Properties]:
        pairs = ((hash_key, "HASH"), (range_key, "RANGE"))
        return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs]

    def index(each: Mapping[str, Any], schema: list[Properties]) -> Properties:
        return {
            "IndexName": each["name"],
            "KeySchema": schema,
            "Projection": {"ProjectionType": each["projectionType"]},
        }

    properties: Properties = {
        "TableName": resource.outputs["name"],
        "AttributeDefinitions": [
            {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs["attributes"]
        ],
        "KeySchema": keys(inputs["hashKey"], inputs["rangeKey"]),
        "BillingMode": inputs["billingMode"],
        "DeletionProtectionEnabled": inputs["deletionProtectionEnabled"],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": inputs["pointInTimeRecovery"]["enabled"]},
    }
    if "globalSecondaryIndexes" in inputs:
        properties["GlobalSecondaryIndexes"] = [
            index(each, _pascal(each["keySchemas"])) for each in inputs["globalSecondaryIndexes"]
        ]
    if "localSecondaryIndexes" in inputs:
        properties["LocalSecondaryIndexes"] = [
            index(each, keys(inputs["hashKey"], each["rangeKey"])) for each in inputs["localSecondaryIndexes"]
        ]
    if inputs.get("streamEnabled"):
        properties["StreamSpecification"] = {"StreamViewType": inputs["streamViewType"]}
    if "ttl" in inputs:
        properties["TimeToLiveSpecification"] = _pascal(inputs["ttl"])
    if "serverSideEncryption" in inputs:
        key = inputs["serverSideEncryption"]["kmsKeyArn"]
        properties["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    return properties


def _function(resource: Resource) -> Properties:
    properties = _plainly()(resource)
    variables = resource.inputs["environment"]["variables"]
    for elsewhere in ("S3Bucket", "S3Key"):
        properties.pop(elsewhere, None)
    properties |= {"Code": _PACKAGE, "Environment": {"Variables": variables}}
    if properties["ReservedConcurrentExecutions"] < 0:
        del properties["ReservedConcurrentExecutions"]
    return properties


def _layer(resource: Resource) -> Properties:
    properties = _plainly()(resource)
    for elsewhere in ("Code", "S3Bucket", "S3Key"):
        properties.pop(elsewhere, None)
    return {**properties, "Content": _PACKAGE}


def _mapping(resource: Resource) -> Properties:
    properties = _plainly()(resource)
    if failure := resource.inputs.get("destinationConfig"):
        properties["DestinationConfig"] = {"OnFailure": {"Destination": failure["onFailure"]["destinationArn"]}}
    return properties


def _alarm(resource: Resource) -> Properties:
    properties = _plainly(okActions="OKActions", evaluateLowSampleCountPercentiles="EvaluateLowSampleCountPercentile")(
        resource
    )
    pairs = resource.inputs["dimensions"].items()
    return {**properties, "Dimensions": [{"Name": name, "Value": value} for name, value in pairs]}


def _log_group(resource: Resource) -> Properties:
    properties = _plainly()(resource)
    properties.pop("NamePrefix", None)
    return {"LogGroupName": resource.outputs["name"], **properties}


def _schema(resource: Resource) -> Properties:
    properties = _plainly(schemaName="Name")(resource)
    return {"Registry": {"Arn": properties.pop("RegistryArn")}, **properties}


def _log_policy(resource: Resource) -> Properties:
    return {"PolicyName": resource.name, "PolicyDocument": resource.inputs["policyDocument"]}


def _stage(resource: Resource) -> Properties:
    properties = _plainly(name="StageName")(resource)
    properties["RouteSettings"] = {each.pop("RouteKey"): each for each in properties.get("RouteSettings", [])}
    return properties


def _authorizer(resource: Resource) -> Properties:
    properties = _plainly(identitySources="IdentitySource")(resource)
    tokens = properties["JwtConfiguration"]
    tokens["Audience"] = tokens.pop("Audiences")
    return {"Name": resource.name, **properties}


def _pool(resource: Resource) -> Properties:
    properties = _plainly()(resource)
    properties["Policies"] = {"PasswordPolicy": properties.pop("PasswordPolicy")}
    del properties["SoftwareTokenMfaConfiguration"]
    return {"UserPoolName": resource.outputs["name"], "EnabledMfas": ["SOFTWARE_TOKEN_MFA"], **properties}


def _backup_plan(resource: Resource) -> Properties:
    rules = [
        {
            "RuleName": rule["ruleName"],
            "TargetBackupVault": rule["targetVaultName"],
            "ScheduleExpression": rule["schedule"],
            "Lifecycle": {"DeleteAfterDays": int(rule["lifecycle"]["deleteAfter"])},
        }
        for rule in resource.inputs["rules"]
    ]
    return {"BackupPlan": {"BackupPlanName": resource.outputs["name"], "BackupPlanRule": rules}}


def _stream(resource: Resource) -> Properties:
    given, encryption = resource.inputs["extendedS3Configuration"], resource.inputs["serverSideEncryption"]
    to = _pascal({name: given[name] for name in ("compressionFormat", "errorOutputPrefix", "prefix")})
    to |= {"BucketARN": given["bucketArn"], "RoleARN": given["roleArn"]}
    to["BufferingHints"] = {
        "IntervalInSeconds": int(given["bufferingInterval"]),
        "SizeInMBs": int(given["bufferingSize"]),
    }
    key = {"KeyARN": encryption["keyArn"]} if "keyArn" in encryption else {}
    return {
        "DeliveryStreamName": resource.outputs["name"],
        "DeliveryStreamEncryptionConfigurationInput": {"KeyType": encryption["keyType"], **key},
        "ExtendedS3DestinationConfiguration": to,
    }


def _lifecycle(resource: Resource) -> Properties:
    rules = [
        {
            "Id": rule["id"],
            "Status": rule["status"],
            "ExpirationInDays": int(rule["expiration"]["days"]),
            "NoncurrentVersionExpiration": _pascal(rule["noncurrentVersionExpiration"]),
            "AbortIncompleteMultipartUpload": _pascal(rule["abortIncompleteMultipartUpload"]),
        }
        for rule in resource.inputs["rules"]
    ]
    return {"LifecycleConfiguration": {"Rules": rules}}


def _object_lock(resource: Resource) -> Properties:
    retention = _pascal(resource.inputs["rule"]["defaultRetention"])
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}}


def _bucket(resource: Resource) -> Properties:
    locked = {"ObjectLockEnabled": True} if resource.inputs.get("objectLockEnabled") else {}
    return {"BucketName": resource.outputs["bucket"], **locked}


def _encryption(resource: Resource) -> Properties:
    rules = []
    for rule in resource.inputs["rules"]:
        default = rule["applyServerSideEncryptionByDefault"]
        key = {"KMSMasterKeyID": default["kmsMasterKeyId"]} if "kmsMasterKeyId" in default else {}
        rules.append({"ServerSideEncryptionByDefault": {"SSEAlgorithm": default["sseAlgorithm"], **key}})
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": rules}}


def _privacy(resource: Resource) -> Properties:
    blocked = {name: value for name, value in resource.inputs.items() if name != "bucket"}
    return {"PublicAccessBlockConfiguration": _pascal(blocked)}


def _distribution(resource: Resource) -> Properties:
    config = _plainly(
        isIpv6Enabled="IPV6Enabled",
        orderedCacheBehaviors="CacheBehaviors",
        webAclId="WebACLId",
        loggingConfig="Logging",
    )(resource)
    for origin in config["Origins"]:
        origin["Id"] = origin.pop("OriginId")
        if custom := origin.get("CustomOriginConfig"):
            spelled = {"HttpPort": "HTTPPort", "HttpsPort": "HTTPSPort", "OriginSslProtocols": "OriginSSLProtocols"}
            origin["CustomOriginConfig"] = {spelled.get(name, name): value for name, value in custom.items()}
        else:
            origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    certificate = config["ViewerCertificate"]
    if "CloudfrontDefaultCertificate" in certificate:
        config["ViewerCertificate"] = {"CloudFrontDefaultCertificate": True}
    return {"DistributionConfig": config}


def _access(resource: Resource) -> Properties:
    return {"OriginAccessControlConfig": {"Name": resource.outputs["name"], **_plainly()(resource)}}


def _headers(resource: Resource) -> Properties:
    config = {"Name": resource.outputs["name"], **_plainly()(resource)}
    security = config["SecurityHeadersConfig"]
    security["StrictTransportSecurity"] = {"Preload": False, **security["StrictTransportSecurity"]}
    return {"ResponseHeadersPolicyConfig": config}


def _policy_of(place: str, kind: str) -> Callable[[Resource], Properties]:
    return lambda resource: {kind: [resource.inputs[place]], "PolicyDocument": resource.document("policy")}


_TYPES: Mapping[str, tuple[str, Callable[[Resource], Properties]]] = {
    "Api": ("AWS::ApiGatewayV2::Api", _named(_plainly(), "Name")),
    "Authorizer": ("AWS::ApiGatewayV2::Authorizer", _authorizer),
    "Plan": ("AWS::Backup::BackupPlan", _backup_plan),
    "Selection": (
        "AWS::Backup::BackupSelection",
        lambda resource: {
            "BackupPlanId": resource.inputs["planId"],
            "BackupSelection": {
                "SelectionName": resource.name,
                "IamRoleArn": resource.inputs["iamRoleArn"],
                "Resources": list(resource.inputs["resources"]),
            },
        },
    ),
    "Vault": (
        "AWS::Backup::BackupVault",
        lambda resource: {
            "BackupVaultName": resource.outputs["name"],
            "EncryptionKeyArn": resource.inputs["kmsKeyArn"],
        },
    ),
    "Bucket": ("AWS::S3::Bucket", _bucket),
    "BucketPolicy": (
        "AWS::S3::BucketPolicy",
        lambda resource: {"Bucket": resource.inputs["bucket"], "PolicyDocument": resource.document("policy")},
    ),
    "Dashboard": ("AWS::CloudWatch::Dashboard", _plainly()),
    "Distribution": ("AWS::CloudFront::Distribution", _distribution),
    "EventArchive": ("AWS::Events::Archive", _plainly(eventSourceArn="SourceArn")),
    "EventBus": ("AWS::Events::EventBus", _named(_plainly(), "Name")),
    "EventBusPolicy": (
        "AWS::Events::EventBusPolicy",
        lambda resource: {
            "EventBusName": resource.inputs["eventBusName"],
            "StatementId": "PutByTheLedger",
            "Statement": resource.statements()[0],
        },
    ),
    "EventRule": ("AWS::Events::Rule", _named(_plainly("eventPattern"), "Name")),
    "EventSourceMapping": ("AWS::Lambda::EventSourceMapping", _mapping),
    "Function": ("AWS::Lambda::Function", _function),
    "FirehoseDeliveryStream": ("AWS::KinesisFirehose::DeliveryStream", _stream),
    "FunctionEventInvokeConfig": (
        "AWS::Lambda::EventInvokeConfig",
        lambda resource: {**_plainly()(resource), "Qualifier": "$LATEST"},
    ),
    "Integration": (
        "AWS::ApiGatewayV2::Integration",
        _plainly(timeoutMilliseconds="TimeoutInMillis"),
    ),
    "Key": (
        "AWS::KMS::Key",
        _plainly("policy", policy="KeyPolicy"),
    ),
    "LayerVersion": ("AWS::Lambda::LayerVersion", _layer),
    "LogGroup": ("AWS::Logs::LogGroup", _log_group),
    "LogStream": (
        "AWS::Logs::LogStream",
        lambda resource: {
            "LogGroupName": resource.inputs["logGroupName"],
            "LogStreamName": resource.outputs["name"],
        },
    ),
    "LogResourcePolicy": ("AWS::Logs::ResourcePolicy", _log_policy),
    "MetricAlarm": ("AWS::CloudWatch::Alarm", _alarm),
    "OriginAccessControl": ("AWS::CloudFront::OriginAccessControl", _access),
    "Permission": ("AWS::Lambda::Permission", _plainly(function="FunctionName")),
    "Queue": (
        "AWS::SQS::Queue",
        _plainly(
            "redrivePolicy",
            "redriveAllowPolicy",
            messageRetentionSeconds="MessageRetentionPeriod",
            maxMessageSize="MaximumMessageSize",
            visibilityTimeoutSeconds="VisibilityTimeout",
        ),
    ),
    "QueuePolicy": ("AWS::SQS::QueuePolicy", _policy_of("queueUrl", "Queues")),
    "Registry": ("AWS::Glue::Registry", _plainly(registryName="Name")),
    "Resource": ("AWS::Glue::SchemaVersion", lambda resource: json.loads(resource.inputs["desiredState"])),
    "ResourceServer": ("AWS::Cognito::UserPoolResourceServer", _plainly()),
    "ResponseHeadersPolicy": ("AWS::CloudFront::ResponseHeadersPolicy", _headers),
    "Role": (
        "AWS::IAM::Role",
        _named(_plainly("assumeRolePolicy", assumeRolePolicy="AssumeRolePolicyDocument"), "RoleName"),
    ),
    "RolePolicy": (
        "AWS::IAM::RolePolicy",
        lambda resource: {
            "PolicyName": resource.name,
            "RoleName": resource.inputs["role"],
            "PolicyDocument": resource.document("policy"),
        },
    ),
    "Route": ("AWS::ApiGatewayV2::Route", _plainly()),
    "Schedule": ("AWS::Scheduler::Schedule", _named(_plainly(), "Name")),
    "ScheduleGroup": ("AWS::Scheduler::ScheduleGroup", _named(_plainly(), "Name")),
    "Schema": ("AWS::Glue::Schema", _schema),
    "Stage": ("AWS::ApiGatewayV2::Stage", _stage),
    "Table": ("AWS::DynamoDB::Table", _table),
    "Topic": ("AWS::SNS::Topic", _plainly()),
    "TopicPolicy": ("AWS::SNS::TopicPolicy", _policy_of("arn", "Topics")),
    "TopicSubscription": ("AWS::SNS::Subscription", _plainly(topic="TopicArn")),
    "UserGroup": ("AWS::Cognito::UserPoolGroup", _plainly(name="GroupName")),
    "UserPool": ("AWS::Cognito::UserPool", _pool),
    "UserPoolClient": (
        "AWS::Cognito::UserPoolClient",
        _plainly(
            allowedOauthFlows="AllowedOAuthFlows",
            allowedOauthFlowsUserPoolClient="AllowedOAuthFlowsUserPoolClient",
            allowedOauthScopes="AllowedOAuthScopes",
            callbackUrls="CallbackURLs",
            logoutUrls="LogoutURLs",
        ),
    ),
    "UserPoolDomain": ("AWS::Cognito::UserPoolDomain", _plainly()),
}
"""By Pulumi's type: CloudFormation's, and its properties for a resource."""


_PARTS: Mapping[str, tuple[str, str, str, Callable[[Resource], Properties]]] = {
    # CloudFormation has no objects.
    "BucketObjectv2": ("Bucket", "bucket", "bucket", lambda _: {}),
    "VaultLockConfiguration": (
        "Vault",
        "backupVaultName",
        "name",
        lambda resource: {"LockConfiguration": {"MinRetentionDays": int(resource.inputs["minRetentionDays"])}},
    ),
    "BucketLifecycleConfiguration": ("Bucket", "bucket", "bucket", _lifecycle),
    "BucketObjectLockConfiguration": ("Bucket", "bucket", "bucket", _object_lock),
    "BucketPublicAccessBlock": ("Bucket", "bucket", "bucket", _privacy),
    "BucketServerSideEncryptionConfiguration": ("Bucket", "bucket", "bucket", _encryption),
    "BucketVersioning": (
        "Bucket",
        "bucket",
        "bucket",
        lambda resource: {"VersioningConfiguration": _pascal(resource.inputs["versioningConfiguration"])},
    ),
    "EventTarget": ("EventRule", "rule", "name", _target),
    "RedriveAllowPolicy": (
        "Queue",
        "queueUrl",
        "url",
        lambda resource: {"RedriveAllowPolicy": resource.document("redriveAllowPolicy")},
    ),
    "ResourcePolicy": (
        "Table",
        "resourceArn",
        "arn",
        lambda resource: {"ResourcePolicy": {"PolicyDocument": resource.document("policy")}},
    ),
}
"""Resources of Pulumi's that are parts of others: of which kind, by which input and output, and what they add."""
_NO_PART: tuple[str, str, str, Callable[[Resource], Properties]] = ("", "", "", lambda _: {})

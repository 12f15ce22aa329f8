"""A stand-in for the AWS provider: what it replaces rather than updates, what it reads back, what AWS does besides.

It is written after the provider's source (hashicorp/terraform-provider-aws, on which pulumi-aws is built) and Glue's
documentation. It knows the types that the program declares and no other.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pulumi_aws as aws

Properties = dict[str, Any]

_TYPES = {
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/apiMapping:ApiMapping",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/domainName:DomainName",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/stage:Stage",
    "aws:appautoscaling/policy:Policy",
    "aws:appautoscaling/target:Target",
    "aws:backup/plan:Plan",
    "aws:backup/selection:Selection",
    "aws:backup/vault:Vault",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:cloudfront/distribution:Distribution",
    "aws:cloudfront/originAccessControl:OriginAccessControl",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    "aws:cloudcontrol/resource:Resource",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventArchive:EventArchive",
    "aws:cloudwatch/eventBus:EventBus",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/logStream:LogStream",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:cognito/resourceServer:ResourceServer",
    "aws:cognito/userGroup:UserGroup",
    "aws:cognito/userPool:UserPool",
    "aws:cognito/userPoolClient:UserPoolClient",
    "aws:cognito/userPoolDomain:UserPoolDomain",
    "aws:dynamodb/resourcePolicy:ResourcePolicy",
    "aws:dynamodb/contributorInsights:ContributorInsights",
    "aws:dynamodb/table:Table",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:glue/registry:Registry",
    "aws:glue/schema:Schema",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    "aws:kms/key:Key",
    "aws:codedeploy/application:Application",
    "aws:codedeploy/deploymentGroup:DeploymentGroup",
    "aws:lambda/alias:Alias",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:lambda/function:Function",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/layerVersion:LayerVersion",
    "aws:lambda/permission:Permission",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:scheduler/schedule:Schedule",
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queue:Queue",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
}

# The properties whose change replaces a resource (`ForceNew`).
_FORCES_REPLACEMENT: dict[str, frozenset[str]] = {
    "Policy": frozenset({"name", "resourceId", "scalableDimension", "serviceNamespace"}),
    "Target": frozenset({"resourceId", "scalableDimension", "serviceNamespace"}),
    "VpcEndpoint": frozenset({"serviceName", "serviceRegion", "vpcEndpointType", "vpcId"}),
    "Plan": frozenset(),
    "Selection": frozenset({"iamRoleArn", "name", "planId", "resources"}),
    "Vault": frozenset({"kmsKeyArn", "name"}),
    # The provider makes anew what it cannot change; AWS takes the old one back as long as it can be.
    "VaultLockConfiguration": frozenset(
        {"backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"}
    ),
    "Alias": frozenset({"functionName", "name"}),
    "Api": frozenset({"protocolType"}),
    "ApiMapping": frozenset({"domainName"}),
    "Authorizer": frozenset({"apiId"}),
    "DomainName": frozenset({"domainName"}),
    "Integration": frozenset({"apiId", "connectionType", "integrationSubtype", "integrationType"}),
    "Route": frozenset({"apiId"}),
    "Stage": frozenset({"apiId", "name"}),
    "Distribution": frozenset({"staging"}),
    "OriginAccessControl": frozenset({"name"}),
    "ResponseHeadersPolicy": frozenset(),
    "ResourceServer": frozenset({"identifier", "userPoolId"}),
    "UserGroup": frozenset({"name", "userPoolId"}),
    "UserPool": frozenset({"name", "aliasAttributes", "usernameAttributes", "usernameConfiguration"}),
    "UserPoolClient": frozenset({"generateSecret", "userPoolId"}),
    "UserPoolDomain": frozenset({"domain", "userPoolId"}),
    "Permission": frozenset(
        {"action", "function", "principal", "qualifier", "sourceAccount", "sourceArn", "statementId"}
    ),
    "ProvisionedConcurrencyConfig": frozenset({"functionName", "qualifier"}),
    "Application": frozenset({"computePlatform"}),
    "DeploymentGroup": frozenset(),
    "Bucket": frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
    "BucketLifecycleConfiguration": frozenset({"bucket", "expectedBucketOwner"}),
    "BucketObjectLockConfiguration": frozenset({"bucket", "expectedBucketOwner"}),
    "BucketObjectv2": frozenset({"bucket", "key"}),
    "BucketPolicy": frozenset({"bucket"}),
    "BucketPublicAccessBlock": frozenset({"bucket"}),
    "BucketServerSideEncryptionConfiguration": frozenset({"bucket", "expectedBucketOwner"}),
    "BucketVersioning": frozenset({"bucket", "expectedBucketOwner"}),
    # Of a schema version every property is create-only, as CloudFormation describes its type.
    "Resource": frozenset({"typeName", "desiredState"}),
    "Dashboard": frozenset({"dashboardName"}),
    "EventArchive": frozenset({"name", "eventSourceArn"}),
    "EventBus": frozenset({"name", "eventSourceName"}),
    "EventBusPolicy": frozenset({"eventBusName"}),
    "EventRule": frozenset({"name", "namePrefix", "eventBusName"}),
    "EventTarget": frozenset({"rule", "eventBusName", "targetId"}),
    "LogStream": frozenset({"logGroupName", "name"}),
    "FirehoseDeliveryStream": frozenset({"destination", "name"}),
    "LogGroup": frozenset({"name", "namePrefix", "logGroupClass"}),
    "LogResourcePolicy": frozenset({"policyName", "resourceArn"}),
    "MetricAlarm": frozenset({"name"}),
    "ResourcePolicy": frozenset({"resourceArn"}),
    "Table": frozenset({"name", "hashKey", "rangeKey", "localSecondaryIndexes"}),
    "Registry": frozenset({"registryName"}),
    "Schema": frozenset({"schemaName"}),
    "Role": frozenset({"name", "namePrefix", "path"}),
    "RolePolicy": frozenset({"name", "namePrefix", "role"}),
    "Key": frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
    "EventSourceMapping": frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"}),
    "Function": frozenset({"name", "packageType"}),
    "FunctionEventInvokeConfig": frozenset({"functionName", "qualifier"}),
    "LayerVersion": frozenset(
        {"layerName", "code", "compatibleRuntimes", "compatibleArchitectures", "description", "s3Bucket", "s3Key"}
    ),
    "Schedule": frozenset({"name", "namePrefix", "groupName"}),
    "ScheduleGroup": frozenset({"name", "namePrefix"}),
    "Topic": frozenset({"name", "namePrefix", "fifoTopic"}),
    "TopicPolicy": frozenset({"arn"}),
    "ContributorInsights": frozenset({"tableName", "indexName", "mode"}),
    "TopicSubscription": frozenset({"topic", "protocol", "endpoint"}),
    "Queue": frozenset({"name", "namePrefix", "fifoQueue"}),
    "QueuePolicy": frozenset({"queueUrl"}),
    "RedriveAllowPolicy": frozenset({"queueUrl"}),
    "aws": frozenset(),  # a provider itself; that its Region moves what is made by it is told of these
}

# Changes that the provider takes, reports as updates, and makes no call for.
_NEVER_APPLIED: dict[str, frozenset[str]] = {"Schema": frozenset({"registryArn", "dataFormat"})}


def short(type_: str) -> str:
    """The last part of a type token."""
    return type_.rsplit(":", 1)[1]


def forced(type_: str, changed: Iterable[str], standing: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Of the properties that changed, those that have it replaced.

    `standing` are the outputs of before: what the program said once and says no more is still in them.
    """
    every = set(changed) & _FORCES_REPLACEMENT[short(type_)]
    return every | ({"warmThroughput"} if short(type_) == "Table" and _cools(standing, after) else set())


def _cools(standing: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """DynamoDB lowers no warm throughput, so the provider makes another table; it leaves alone what is not said."""
    before, wanted = standing.get("warmThroughput") or {}, after.get("warmThroughput") or {}
    return any(units < before.get(unit, 0) for unit, units in wanted.items())


def knows(class_: type[Any]) -> bool:
    """Whether it can say of a resource of that class what replaces it."""
    return str(class_.pulumi_type) in _TYPES and class_.__name__ in _FORCES_REPLACEMENT


@cache
def is_regional(type_: str) -> bool:
    """Whether the provider keeps a Region for it, whose change replaces it: so of every type with that argument."""
    return type_ in _TYPES and "region" in inspect.signature(_class_of(type_)._internal_init).parameters


def _class_of(type_: str) -> type[Any]:
    """What the program declares it by; `aws:lambda/function:Function` is `pulumi_aws.lambda_.Function`.

    Looked for when it is asked for: the provider's larger modules take a second to load.
    """
    module, _, rest = type_.removeprefix("aws:").partition("/")
    found: type[Any] = getattr(getattr(aws, "lambda_" if module == "lambda" else module), rest.partition(":")[2])
    return found


def numbered(type_: str, outputs: Mapping[str, Any], generation: int) -> Properties:
    """The outputs of what was replaced so often: Lambda counts a layer's versions, and the number is in the ARN."""
    if short(type_) != "LayerVersion":
        return dict(outputs)
    return {**outputs, "arn": f"{outputs['arn'].rpartition(':')[0]}:{generation + 1}"}


def applied(type_: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Properties:
    """What stands at AWS after an update from `before` to `after`."""
    ignored = _NEVER_APPLIED.get(short(type_), frozenset())
    return {**after, **{key: before[key] for key in ignored & set(before)}}


def read(type_: str, standing: Mapping[str, Any], versions: Iterable[Mapping[str, Any]]) -> Properties:
    """What a refresh finds. `versions` are the further versions' properties, where `standing` are a schema's."""
    texts = [json.loads(version["desiredState"])["SchemaDefinition"] for version in versions]
    return {**standing, "schemaDefinition": texts[-1]} if short(type_) == "Schema" and texts else dict(standing)

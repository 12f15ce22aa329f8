"""The calls by which the real AWS provider reads each kind of resource back, as its source has them.

Pulumi's provider is Terraform's underneath: these are the calls of the resources' Read functions, tags included, in
hashicorp/terraform-provider-aws 6, written down from memory of that source: it was never run against this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Outputs = Mapping[str, Any]


class Call(NamedTuple):
    """An AWS API call, under boto3's names."""

    service: str
    operation: str
    arguments: Mapping[str, Any]


def _call(service: str, operation: str, **arguments: Any) -> Call:
    return Call(service, operation, arguments)


def _bus(_: str, made: Outputs) -> list[Call]:
    return [
        _call("events", "describe_event_bus", Name=made["name"]),
        _call("events", "list_tags_for_resource", ResourceARN=made["arn"]),
    ]


def _archive(_: str, made: Outputs) -> list[Call]:
    return [_call("events", "describe_archive", ArchiveName=made["name"])]


def _rule(_: str, made: Outputs) -> list[Call]:
    return [
        _call("events", "describe_rule", Name=made["name"], EventBusName=made["eventBusName"]),
        _call("events", "list_tags_for_resource", ResourceARN=made["arn"]),
    ]


def _target(_: str, made: Outputs) -> list[Call]:
    return [_call("events", "list_targets_by_rule", Rule=made["rule"], EventBusName=made["eventBusName"])]


def _log_group(_: str, made: Outputs) -> list[Call]:
    return [
        _call("logs", "describe_log_groups", logGroupNamePrefix=made["name"]),
        _call("logs", "list_tags_for_resource", resourceArn=made["arn"]),
    ]


def _log_policy(id_: str, _: Outputs) -> list[Call]:
    return [_call("logs", "describe_resource_policies", resourceArn=id_, policyScope="RESOURCE")]


def _alarm(_: str, made: Outputs) -> list[Call]:
    return [
        _call("cloudwatch", "describe_alarms", AlarmNames=[made["name"]]),
        _call("cloudwatch", "list_tags_for_resource", ResourceARN=made["arn"]),
    ]


def _dashboard(_: str, made: Outputs) -> list[Call]:
    return [_call("cloudwatch", "get_dashboard", DashboardName=made["dashboardName"])]


def _table(_: str, made: Outputs) -> list[Call]:
    told = ("describe_table", "describe_continuous_backups", "describe_time_to_live")
    tags = _call("dynamodb", "list_tags_of_resource", ResourceArn=made["arn"])
    return [*(_call("dynamodb", each, TableName=made["name"]) for each in told), tags]


def _table_policy(_: str, made: Outputs) -> list[Call]:
    return [_call("dynamodb", "get_resource_policy", ResourceArn=made["resourceArn"])]


def _registry(_: str, made: Outputs) -> list[Call]:
    return [
        _call("glue", "get_registry", RegistryId={"RegistryArn": made["arn"]}),
        _call("glue", "get_tags", ResourceArn=made["arn"]),
    ]


def _schema(_: str, made: Outputs) -> list[Call]:
    schema = {"SchemaArn": made["arn"]}
    return [
        _call("glue", "get_schema", SchemaId=schema),
        _call("glue", "get_schema_version", SchemaId=schema, SchemaVersionNumber={"LatestVersion": True}),
        _call("glue", "get_tags", ResourceArn=made["arn"]),
    ]


def _cloud_control(id_: str, made: Outputs) -> list[Call]:
    return [
        _call("cloudformation", "describe_type", Type="RESOURCE", TypeName=made["typeName"]),
        _call("cloudcontrol", "get_resource", TypeName=made["typeName"], Identifier=id_),
    ]


def _role(_: str, made: Outputs) -> list[Call]:
    told = ("get_role", "list_role_policies", "list_attached_role_policies")
    return [_call("iam", each, RoleName=made["name"]) for each in told]


def _role_policy(id_: str, _: Outputs) -> list[Call]:
    role, policy = id_.split(":")
    return [_call("iam", "get_role_policy", RoleName=role, PolicyName=policy)]


def _function(_: str, made: Outputs) -> list[Call]:
    told = ("get_function", "get_function_code_signing_config", "list_versions_by_function")
    return [_call("lambda", each, FunctionName=made["name"]) for each in told]


def _invoke_config(_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "get_function_event_invoke_config", FunctionName=made["functionName"])]


def _layer(_: str, made: Outputs) -> list[Call]:
    return [
        _call("lambda", "get_layer_version", LayerName=made["layerName"], VersionNumber=int(made["version"])),
    ]


def _mapping(id_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "get_event_source_mapping", UUID=id_), _call("lambda", "list_tags", Resource=made["arn"])]


def _topic(_: str, made: Outputs) -> list[Call]:
    return [
        _call("sns", "get_topic_attributes", TopicArn=made["arn"]),
        _call("sns", "list_tags_for_resource", ResourceArn=made["arn"]),
    ]


def _topic_policy(_: str, made: Outputs) -> list[Call]:
    return [_call("sns", "get_topic_attributes", TopicArn=made["arn"])]


def _subscription(id_: str, _: Outputs) -> list[Call]:
    return [_call("sns", "get_subscription_attributes", SubscriptionArn=id_)]


def _queue(_: str, made: Outputs) -> list[Call]:
    return [
        _call("sqs", "get_queue_attributes", QueueUrl=made["url"], AttributeNames=["All"]),
        _call("sqs", "list_queue_tags", QueueUrl=made["url"]),
    ]


def _queue_setting(_: str, made: Outputs) -> list[Call]:
    return [_call("sqs", "get_queue_attributes", QueueUrl=made["queueUrl"], AttributeNames=["All"])]


def _key(id_: str, _: Outputs) -> list[Call]:
    return [
        _call("kms", "describe_key", KeyId=id_),
        _call("kms", "get_key_policy", KeyId=id_, PolicyName="default"),
        _call("kms", "get_key_rotation_status", KeyId=id_),
        _call("kms", "list_resource_tags", KeyId=id_),
    ]


def _schedule(_: str, made: Outputs) -> list[Call]:
    return [_call("scheduler", "get_schedule", Name=made["name"], GroupName=made["groupName"])]


def _schedule_group(_: str, made: Outputs) -> list[Call]:
    return [
        _call("scheduler", "get_schedule_group", Name=made["name"]),
        _call("scheduler", "list_tags_for_resource", ResourceArn=made["arn"]),
    ]


def _within_api(operation: str, **arguments: str) -> Callable[[str, Outputs], list[Call]]:
    """A read of what an HTTP API has; `arguments` are outputs by name, and "" is the resource's own id."""

    def reads(id_: str, made: Outputs) -> list[Call]:
        told = {name: made[output] if output else id_ for name, output in arguments.items()}
        return [_call("apigatewayv2", operation, ApiId=made["apiId"], **told)]

    return reads


def _api(id_: str, _: Outputs) -> list[Call]:
    return [_call("apigatewayv2", "get_api", ApiId=id_)]


def _permission(_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "get_policy", FunctionName=made["function"])]


def _user_pool(id_: str, _: Outputs) -> list[Call]:
    return [
        _call("cognito-idp", "describe_user_pool", UserPoolId=id_),
        _call("cognito-idp", "get_user_pool_mfa_config", UserPoolId=id_),
    ]


def _of_user_pool(operation: str, **arguments: str) -> Callable[[str, Outputs], list[Call]]:
    """A read of what a user pool has; `arguments` are outputs by name, and "" is the resource's own id."""

    def reads(id_: str, made: Outputs) -> list[Call]:
        told = {name: made[output] if output else id_ for name, output in arguments.items()}
        return [_call("cognito-idp", operation, UserPoolId=made["userPoolId"], **told)]

    return reads


def _user_pool_domain(_: str, made: Outputs) -> list[Call]:
    return [_call("cognito-idp", "describe_user_pool_domain", Domain=made["domain"])]


def _of_bucket(*operations: str) -> Callable[[str, Outputs], list[Call]]:
    return lambda _, made: [_call("s3", operation, Bucket=made["bucket"]) for operation in operations]


def _object(_: str, made: Outputs) -> list[Call]:
    return [
        _call("s3", operation, Bucket=made["bucket"], Key=made["key"])
        for operation in ("head_object", "get_object_tagging")
    ]


def _distribution(id_: str, made: Outputs) -> list[Call]:
    return [
        _call("cloudfront", "get_distribution", Id=id_),
        _call("cloudfront", "list_tags_for_resource", Resource=made["arn"]),
    ]


def _of_cloudfront(operation: str) -> Callable[[str, Outputs], list[Call]]:
    return lambda id_, _: [_call("cloudfront", operation, Id=id_)]


READS: Mapping[str, Callable[[str, Outputs], list[Call]]] = {
    "aws:apigatewayv2/api:Api": _api,
    "aws:apigatewayv2/authorizer:Authorizer": _within_api("get_authorizer", AuthorizerId=""),
    "aws:apigatewayv2/integration:Integration": _within_api("get_integration", IntegrationId=""),
    "aws:apigatewayv2/route:Route": _within_api("get_route", RouteId=""),
    "aws:apigatewayv2/stage:Stage": _within_api("get_stage", StageName="name"),
    "aws:cloudcontrol/resource:Resource": _cloud_control,
    "aws:cloudfront/distribution:Distribution": _distribution,
    "aws:cloudfront/originAccessControl:OriginAccessControl": _of_cloudfront("get_origin_access_control"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _of_cloudfront("get_response_headers_policy"),
    "aws:cloudwatch/dashboard:Dashboard": _dashboard,
    "aws:cloudwatch/eventArchive:EventArchive": _archive,
    "aws:cloudwatch/eventBus:EventBus": _bus,
    "aws:cloudwatch/eventRule:EventRule": _rule,
    "aws:cloudwatch/eventTarget:EventTarget": _target,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _log_policy,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cognito/resourceServer:ResourceServer": _of_user_pool("describe_resource_server", Identifier="identifier"),
    "aws:cognito/userGroup:UserGroup": _of_user_pool("get_group", GroupName="name"),
    "aws:cognito/userPool:UserPool": _user_pool,
    "aws:cognito/userPoolClient:UserPoolClient": _of_user_pool("describe_user_pool_client", ClientId=""),
    "aws:cognito/userPoolDomain:UserPoolDomain": _user_pool_domain,
    "aws:dynamodb/resourcePolicy:ResourcePolicy": _table_policy,
    "aws:dynamodb/table:Table": _table,
    "aws:glue/registry:Registry": _registry,
    "aws:glue/schema:Schema": _schema,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:kms/key:Key": _key,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _mapping,
    "aws:lambda/function:Function": _function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _invoke_config,
    "aws:lambda/layerVersion:LayerVersion": _layer,
    "aws:lambda/permission:Permission": _permission,
    "aws:s3/bucket:Bucket": _of_bucket("head_bucket", "get_bucket_acl", "get_bucket_versioning", "get_bucket_logging"),
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:s3/bucketPolicy:BucketPolicy": _of_bucket("get_bucket_policy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of_bucket("get_public_access_block"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        _of_bucket("get_bucket_encryption")
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _of_bucket("get_bucket_versioning"),
    "aws:scheduler/schedule:Schedule": _schedule,
    "aws:scheduler/scheduleGroup:ScheduleGroup": _schedule_group,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_setting,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _queue_setting,
}
"""By type of resource: the calls for its id and outputs."""

"""The calls by which the real AWS provider reads each kind of resource back, and changes it, as its source has them.

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


def _log_stream(_: str, made: Outputs) -> list[Call]:
    named = {"logGroupName": made["logGroupName"], "logStreamNamePrefix": made["name"]}
    return [_call("logs", "describe_log_streams", **named)]


def _delivery_stream(_: str, made: Outputs) -> list[Call]:
    told = ("describe_delivery_stream", "list_tags_for_delivery_stream")
    return [_call("firehose", each, DeliveryStreamName=made["name"]) for each in told]


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
    return [_call("lambda", "get_function_event_invoke_config", FunctionName=made["functionName"], **_qualified(made))]


def _qualified(made: Outputs) -> dict[str, Any]:
    return {"Qualifier": made["qualifier"]} if made.get("qualifier") else {}


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
    return [_call("lambda", "get_policy", FunctionName=made["function"], **_qualified(made))]


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


def _codedeploy_application(_: str, made: Outputs) -> list[Call]:
    return [
        _call("codedeploy", "get_application", applicationName=made["name"]),
        _call("codedeploy", "list_tags_for_resource", ResourceArn=made["arn"]),
    ]


def _codedeploy_group(_: str, made: Outputs) -> list[Call]:
    group = {"applicationName": made["appName"], "deploymentGroupName": made["deploymentGroupName"]}
    return [
        _call("codedeploy", "get_deployment_group", **group),
        _call("codedeploy", "list_tags_for_resource", ResourceArn=made["arn"]),
    ]


def _alias(_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "get_alias", FunctionName=made["functionName"], Name=made["name"])]


def _provisioned(_: str, made: Outputs) -> list[Call]:
    alias = {"FunctionName": made["functionName"], "Qualifier": made["qualifier"]}
    return [_call("lambda", "get_provisioned_concurrency_config", **alias)]


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
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": lambda id_, _: [_call("events", "describe_event_bus", Name=id_)],
    "aws:cloudwatch/eventRule:EventRule": _rule,
    "aws:cloudwatch/eventTarget:EventTarget": _target,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logStream:LogStream": _log_stream,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _log_policy,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:codedeploy/application:Application": _codedeploy_application,
    "aws:codedeploy/deploymentGroup:DeploymentGroup": _codedeploy_group,
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
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _delivery_stream,
    "aws:kms/key:Key": _key,
    "aws:lambda/alias:Alias": _alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _mapping,
    "aws:lambda/function:Function": _function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _invoke_config,
    "aws:lambda/layerVersion:LayerVersion": _layer,
    "aws:lambda/permission:Permission": _permission,
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": _provisioned,
    "aws:s3/bucket:Bucket": _of_bucket("head_bucket", "get_bucket_acl", "get_bucket_versioning", "get_bucket_logging"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        _of_bucket("get_bucket_lifecycle_configuration")
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _of_bucket("get_object_lock_configuration"),
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

_TAG = {"stage": "trial"}
_LISTED = [{"Key": "stage", "Value": "trial"}]


def _tagged(service: str, parameter: str, arn: str, *, listed: bool = True) -> list[Call]:
    """Tag and untag it; `parameter` is what the service calls the ARN."""
    untag = {"tagKeys": ["stage"]} if service == "logs" else {"TagKeys": ["stage"]}
    tags = "tags" if service == "logs" else "Tags"
    return [
        _call(service, "tag_resource", **{parameter: arn, tags: _LISTED if listed else _TAG}),
        _call(service, "untag_resource", **{parameter: arn}, **untag),
    ]


def _new_bus(_: str, made: Outputs) -> list[Call]:
    return [_call("events", "update_event_bus", Name=made["name"]), *_tagged("events", "ResourceARN", made["arn"])]


def _new_archive(_: str, made: Outputs) -> list[Call]:
    return [_call("events", "update_archive", ArchiveName=made["name"])]


def _new_rule(_: str, made: Outputs) -> list[Call]:
    return _tagged("events", "ResourceARN", made["arn"])


def _new_log_group(_: str, made: Outputs) -> list[Call]:
    name = {"logGroupName": made["name"]}
    key = f"arn:aws:kms:{made['region']}:123456789012:key/0f0e0d0c-1111-2222-3333-444455556666"
    return [
        *_tagged("logs", "resourceArn", made["arn"], listed=False),
        _call("logs", "delete_retention_policy", **name),
        _call("logs", "put_retention_policy", **name, retentionInDays=1),
        _call("logs", "associate_kms_key", **name, kmsKeyId=key),
        _call("logs", "disassociate_kms_key", **name),
    ]


def _new_alarm(_: str, made: Outputs) -> list[Call]:
    return _tagged("cloudwatch", "ResourceARN", made["arn"])


def _new_table(_: str, made: Outputs) -> list[Call]:
    name = {"TableName": made["name"]}
    return [
        _call("dynamodb", "update_table", **name, BillingMode="PAY_PER_REQUEST"),
        *([_call("dynamodb", "update_time_to_live", **name, TimeToLiveSpecification=_TTL)] if made.get("ttl") else []),
        _call("dynamodb", "update_continuous_backups", **name, PointInTimeRecoverySpecification=_PITR),
        *_tagged("dynamodb", "ResourceArn", made["arn"]),
    ]


_TTL = {"Enabled": True, "AttributeName": "ExpiresAt"}
_PITR = {"PointInTimeRecoveryEnabled": True}


def _new_registry(_: str, made: Outputs) -> list[Call]:
    registry = {"RegistryId": {"RegistryArn": made["arn"]}, "Description": "Of events"}
    return [_call("glue", "update_registry", **registry), *_glue_tags(made)]


def _new_schema(_: str, made: Outputs) -> list[Call]:
    schema = {"SchemaId": {"SchemaArn": made["arn"]}}
    return [
        _call("glue", "update_schema", **schema, SchemaVersionNumber={"LatestVersion": True}, Compatibility="NONE"),
        _call("glue", "register_schema_version", **schema, SchemaDefinition="{}"),
        *_glue_tags(made),
    ]


def _glue_tags(made: Outputs) -> list[Call]:
    return [
        _call("glue", "tag_resource", ResourceArn=made["arn"], TagsToAdd=_TAG),
        _call("glue", "untag_resource", ResourceArn=made["arn"], TagsToRemove=["stage"]),
    ]


def _new_role(_: str, made: Outputs) -> list[Call]:
    role = {"RoleName": made["name"]}
    return [
        _call("iam", "list_instance_profiles_for_role", **role),  # before it is deleted
        _call("iam", "tag_role", **role, Tags=_LISTED),
        _call("iam", "untag_role", **role, TagKeys=["stage"]),
        _call("iam", "update_role", **role, MaxSessionDuration=3600),
        _call("iam", "update_role_description", **role, Description="What it may"),
        _call("iam", "update_assume_role_policy", **role, PolicyDocument=made["assumeRolePolicy"]),
        *_boundary(made),
    ]


def _boundary(made: Outputs) -> list[Call]:
    """As for a role that was made before the setting."""
    bound = made.get("permissionsBoundary")
    told = {"RoleName": made["name"], "PermissionsBoundary": bound}
    return [_call("iam", "put_role_permissions_boundary", **told)] if bound else []


def _new_function(_: str, made: Outputs) -> list[Call]:
    name = {"FunctionName": made["name"]}
    return [
        _call("lambda", "update_function_configuration", **name, Role=made["role"], Layers=made["layers"]),
        _call("lambda", "update_function_code", **name, ZipFile=b"PK\x05\x06" + bytes(18), DryRun=True),
        _call("lambda", "publish_version", **name),
        _call("lambda", "put_function_concurrency", **name, ReservedConcurrentExecutions=1),
        _call("lambda", "delete_function_concurrency", **name),
        *_lambda_tags(made),
    ]


def _lambda_tags(made: Outputs) -> list[Call]:
    return [
        _call("lambda", "list_tags", Resource=made["arn"]),
        _call("lambda", "tag_resource", Resource=made["arn"], Tags=_TAG),
        _call("lambda", "untag_resource", Resource=made["arn"], TagKeys=["stage"]),
    ]


def _new_invoke_config(_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "put_function_event_invoke_config", FunctionName=made["functionName"], **_qualified(made))]


def _new_alias(_: str, made: Outputs) -> list[Call]:
    alias = {"FunctionName": made["functionName"], "Name": made["name"]}
    return [_call("lambda", "update_alias", **alias, FunctionVersion=made["functionVersion"])]


def _new_mapping(id_: str, made: Outputs) -> list[Call]:
    return [_call("lambda", "update_event_source_mapping", UUID=id_, BatchSize=1), *_lambda_tags(made)]


def _new_topic(_: str, made: Outputs) -> list[Call]:
    return _tagged("sns", "ResourceArn", made["arn"])


def _new_subscription(id_: str, _: Outputs) -> list[Call]:
    policy = {"AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    return [_call("sns", "set_subscription_attributes", SubscriptionArn=id_, **policy)]


def _new_queue(_: str, made: Outputs) -> list[Call]:
    return [
        _call("sqs", "tag_queue", QueueUrl=made["url"], Tags=_TAG),
        _call("sqs", "untag_queue", QueueUrl=made["url"], TagKeys=["stage"]),
    ]


def _new_key(id_: str, made: Outputs) -> list[Call]:
    key = {"KeyId": id_}
    return [
        _call("kms", "update_key_description", **key, Description="What is kept"),
        _call("kms", "put_key_policy", **key, PolicyName="default", Policy=made["policy"]),
        _call("kms", "enable_key", **key),
        _call("kms", "tag_resource", **key, Tags=[{"TagKey": "stage", "TagValue": "trial"}]),
        _call("kms", "untag_resource", **key, TagKeys=["stage"]),
    ]


def _new_schedule(_: str, made: Outputs) -> list[Call]:
    target = {"Arn": made["target"]["arn"], "RoleArn": made["target"]["roleArn"]}
    return [
        _call(
            "scheduler",
            "update_schedule",
            Name=made["name"],
            GroupName=made["groupName"],
            ScheduleExpression=made["scheduleExpression"],
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    ]


def _new_schedule_group(_: str, made: Outputs) -> list[Call]:
    return _tagged("scheduler", "ResourceArn", made["arn"])


def _new_api(id_: str, made: Outputs) -> list[Call]:
    return [
        _call("apigatewayv2", "update_api", ApiId=id_, Description="The ledger"),
        _call("apigatewayv2", "tag_resource", ResourceArn=made["arn"], Tags=_TAG),
        _call("apigatewayv2", "untag_resource", ResourceArn=made["arn"], TagKeys=["stage"]),
    ]


def _new_user_pool(id_: str, made: Outputs) -> list[Call]:
    return [
        _call("cognito-idp", "update_user_pool", UserPoolId=id_),
        _call("cognito-idp", "tag_resource", ResourceArn=made["arn"], Tags=_TAG),
        _call("cognito-idp", "untag_resource", ResourceArn=made["arn"], TagKeys=["stage"]),
    ]


def _new_resource_server(_: str, made: Outputs) -> list[Call]:
    server = {"UserPoolId": made["userPoolId"], "Identifier": made["identifier"]}
    return [
        _call("cognito-idp", "update_resource_server", **server, Name="ledger"),
        _call("cognito-idp", "delete_resource_server", **server),
    ]


def _new_distribution(_: str, made: Outputs) -> list[Call]:
    tags = {"Items": _LISTED}
    return [
        _call("cloudfront", "tag_resource", Resource=made["arn"], Tags=tags),
        _call("cloudfront", "untag_resource", Resource=made["arn"], TagKeys={"Items": ["stage"]}),
    ]


def _new_origin_access(id_: str, made: Outputs) -> list[Call]:
    config = {
        "Name": made["name"],
        "SigningProtocol": made["signingProtocol"],
        "SigningBehavior": made["signingBehavior"],
        "OriginAccessControlOriginType": made["originAccessControlOriginType"],
    }
    return [_call("cloudfront", "update_origin_access_control", Id=id_, OriginAccessControlConfig=config)]


def _new_headers(id_: str, made: Outputs) -> list[Call]:
    config = {"Name": made["name"]}
    return [_call("cloudfront", "update_response_headers_policy", Id=id_, ResponseHeadersPolicyConfig=config)]


def _new_application(_: str, made: Outputs) -> list[Call]:
    return _tagged("codedeploy", "ResourceArn", made["arn"])


def _new_group(_: str, made: Outputs) -> list[Call]:
    group = {"applicationName": made["appName"], "currentDeploymentGroupName": made["deploymentGroupName"]}
    role = {"serviceRoleArn": made["serviceRoleArn"]}
    return [_call("codedeploy", "update_deployment_group", **group, **role), *_new_application("", made)]


def _new_delivery_stream(_: str, made: Outputs) -> list[Call]:
    stream = {"DeliveryStreamName": made["name"]}
    role = made["extendedS3Configuration"]["roleArn"]
    of_now = {"CurrentDeliveryStreamVersionId": made["versionId"], "DestinationId": made["destinationId"]}
    return [
        _call("firehose", "update_destination", **stream, **of_now, ExtendedS3DestinationUpdate={"RoleARN": role}),
        _call("firehose", "stop_delivery_stream_encryption", **stream),
        _call("firehose", "start_delivery_stream_encryption", **stream, **_OWN_KEY),
        _call("firehose", "tag_delivery_stream", **stream, Tags=_LISTED),
        _call("firehose", "untag_delivery_stream", **stream, TagKeys=["stage"]),
    ]


_OWN_KEY = {"DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"}}


def _new_object(_: str, made: Outputs) -> list[Call]:
    place = {"Bucket": made["bucket"], "Key": made["key"]}
    return [_call("s3", "put_object_tagging", **place, Tagging={"TagSet": _LISTED})]


UPDATES: Mapping[str, Callable[[str, Outputs], list[Call]]] = {
    "aws:apigatewayv2/api:Api": _new_api,
    "aws:apigatewayv2/authorizer:Authorizer": _within_api("update_authorizer", AuthorizerId=""),
    "aws:apigatewayv2/integration:Integration": _within_api("update_integration", IntegrationId=""),
    "aws:apigatewayv2/route:Route": _within_api("update_route", RouteId=""),
    "aws:apigatewayv2/stage:Stage": _within_api("update_stage", StageName="name"),
    "aws:cloudfront/distribution:Distribution": _new_distribution,
    "aws:cloudfront/originAccessControl:OriginAccessControl": _new_origin_access,
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _new_headers,
    "aws:cloudwatch/eventArchive:EventArchive": _new_archive,
    "aws:cloudwatch/eventBus:EventBus": _new_bus,
    "aws:cloudwatch/eventRule:EventRule": _new_rule,
    "aws:cloudwatch/logGroup:LogGroup": _new_log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _new_alarm,
    "aws:codedeploy/application:Application": _new_application,
    "aws:codedeploy/deploymentGroup:DeploymentGroup": _new_group,
    "aws:cognito/resourceServer:ResourceServer": _new_resource_server,
    "aws:cognito/userGroup:UserGroup": _of_user_pool("update_group", GroupName="name"),
    "aws:cognito/userPool:UserPool": _new_user_pool,
    "aws:cognito/userPoolClient:UserPoolClient": _of_user_pool("update_user_pool_client", ClientId=""),
    "aws:dynamodb/table:Table": _new_table,
    "aws:glue/registry:Registry": _new_registry,
    "aws:glue/schema:Schema": _new_schema,
    "aws:iam/role:Role": _new_role,
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _new_delivery_stream,
    "aws:kms/key:Key": _new_key,
    "aws:lambda/alias:Alias": _new_alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _new_mapping,
    "aws:lambda/function:Function": _new_function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _new_invoke_config,
    "aws:s3/bucketObjectv2:BucketObjectv2": _new_object,
    "aws:scheduler/schedule:Schedule": _new_schedule,
    "aws:scheduler/scheduleGroup:ScheduleGroup": _new_schedule_group,
    "aws:sns/topic:Topic": _new_topic,
    "aws:sns/topicSubscription:TopicSubscription": _new_subscription,
    "aws:sqs/queue:Queue": _new_queue,
}
"""By type of resource: the calls that change what can be changed, where these are others than made it."""

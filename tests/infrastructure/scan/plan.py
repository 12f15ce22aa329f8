"""The graph as a Terraform plan, for checkov: Pulumi's AWS provider is Terraform's, under other spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.infrastructure.program import Graph, Resource

TYPES: Mapping[str, str] = {
    "aws:apigatewayv2/api:Api": "aws_apigatewayv2_api",
    "aws:apigatewayv2/authorizer:Authorizer": "aws_apigatewayv2_authorizer",
    "aws:apigatewayv2/integration:Integration": "aws_apigatewayv2_integration",
    "aws:apigatewayv2/route:Route": "aws_apigatewayv2_route",
    "aws:apigatewayv2/stage:Stage": "aws_apigatewayv2_stage",
    "aws:backup/plan:Plan": "aws_backup_plan",
    "aws:backup/selection:Selection": "aws_backup_selection",
    "aws:backup/vault:Vault": "aws_backup_vault",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": "aws_backup_vault_lock_configuration",
    "aws:cloudfront/distribution:Distribution": "aws_cloudfront_distribution",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "aws_cloudfront_origin_access_control",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "aws_cloudfront_response_headers_policy",
    "aws:cloudwatch/dashboard:Dashboard": "aws_cloudwatch_dashboard",
    "aws:cloudwatch/eventArchive:EventArchive": "aws_cloudwatch_event_archive",
    "aws:cloudwatch/eventBus:EventBus": "aws_cloudwatch_event_bus",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "aws_cloudwatch_event_bus_policy",
    "aws:cloudwatch/eventRule:EventRule": "aws_cloudwatch_event_rule",
    "aws:cloudwatch/eventTarget:EventTarget": "aws_cloudwatch_event_target",
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:cloudwatch/logStream:LogStream": "aws_cloudwatch_log_stream",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "aws_cloudwatch_log_resource_policy",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "aws_cloudwatch_metric_alarm",
    "aws:cloudcontrol/resource:Resource": "aws_cloudcontrolapi_resource",
    "aws:cognito/resourceServer:ResourceServer": "aws_cognito_resource_server",
    "aws:cognito/userGroup:UserGroup": "aws_cognito_user_group",
    "aws:cognito/userPool:UserPool": "aws_cognito_user_pool",
    "aws:cognito/userPoolClient:UserPoolClient": "aws_cognito_user_pool_client",
    "aws:cognito/userPoolDomain:UserPoolDomain": "aws_cognito_user_pool_domain",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "aws_dynamodb_resource_policy",
    "aws:dynamodb/table:Table": "aws_dynamodb_table",
    "aws:glue/registry:Registry": "aws_glue_registry",
    "aws:glue/schema:Schema": "aws_glue_schema",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "aws_kinesis_firehose_delivery_stream",
    "aws:kms/key:Key": "aws_kms_key",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "aws_lambda_event_source_mapping",
    "aws:lambda/function:Function": "aws_lambda_function",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "aws_lambda_function_event_invoke_config",
    "aws:lambda/layerVersion:LayerVersion": "aws_lambda_layer_version",
    "aws:lambda/permission:Permission": "aws_lambda_permission",
    "aws:s3/bucket:Bucket": "aws_s3_bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "aws_s3_bucket_lifecycle_configuration",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "aws_s3_bucket_object_lock_configuration",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
    "aws:s3/bucketPolicy:BucketPolicy": "aws_s3_bucket_policy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "aws_s3_bucket_server_side_encryption_configuration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "aws_s3_bucket_versioning",
    "aws:sns/topic:Topic": "aws_sns_topic",
    "aws:sns/topicPolicy:TopicPolicy": "aws_sns_topic_policy",
    "aws:scheduler/schedule:Schedule": "aws_scheduler_schedule",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "aws_scheduler_schedule_group",
    "aws:sns/topicSubscription:TopicSubscription": "aws_sns_topic_subscription",
    "aws:sqs/queue:Queue": "aws_sqs_queue",
    "aws:sqs/queuePolicy:QueuePolicy": "aws_sqs_queue_policy",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "aws_sqs_queue_redrive_allow_policy",
}
"""Pulumi's types and Terraform's."""

_HUMPS = re.compile(r"(?<!^)(?=[A-Z])")
# Where Terraform has a map, an object is one; everywhere else it is a block, and a block a list.
_MAPS = frozenset({"tags", "tags_all", "variables"})
# Blocks that Pulumi calls by their plural.
_SINGULAR = {
    "attributes": "attribute",
    "global_secondary_indexes": "global_secondary_index",
    "key_schemas": "key_schema",
    "local_secondary_indexes": "local_secondary_index",
    "layer_code": "filename",
    "ordered_cache_behaviors": "ordered_cache_behavior",
    "origins": "origin",
    "recovery_mechanisms": "recovery_mechanism",
    "rules": "rule",
    "scopes": "scope",
}


def terraform_plan(graph: Graph) -> dict[str, Any]:
    """A plan that creates everything, as `terraform show -json` has it. KeyError for a type that is not in TYPES."""
    planned = [_resource(resource) for resource in graph if resource.custom]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": [_change(each) for each in planned],
        "configuration": {"root_module": {"resources": [_configured(each) for each in planned]}},
    }


def _resource(resource: Resource) -> dict[str, Any]:
    type_ = TYPES[resource.type]
    return {
        "address": f"{type_}.{resource.name}",
        "mode": "managed",
        "type": type_,
        "name": resource.name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "schema_version": 0,
        "values": {_snake(name): _value(_snake(name), value) for name, value in resource.inputs.items()},
    }


def _change(planned: Mapping[str, Any]) -> dict[str, Any]:
    change = {"actions": ["create"], "before": None, "after": planned["values"], "after_unknown": {}}
    told = {name: planned[name] for name in ("address", "mode", "type", "name", "provider_name")}
    return {**told, "change": change}


def _configured(planned: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: planned[name] for name in ("address", "mode", "type", "name")}
    expressions = {name: {"constant_value": value} for name, value in planned["values"].items()}
    return {**told, "provider_config_key": "aws", "expressions": expressions}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping) and name not in _MAPS:
        return [_block(value)]
    if isinstance(value, list):
        return [_block(each) if isinstance(each, Mapping) else _value("", each) for each in value]
    if value is None or isinstance(value, str | bool | int | float | Mapping):
        return value
    return str(value)  # an archive


def _block(value: Mapping[str, Any]) -> dict[str, Any]:
    return {_snake(name): _value(_snake(name), each) for name, each in value.items()}


def _snake(name: str) -> str:
    snake = _HUMPS.sub("_", name).lower()
    return _SINGULAR.get(snake, snake)

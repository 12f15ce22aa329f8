"""What the calls take by which resources are made, changed, read back and deleted: those of whoever deploys a stack.

As the Service Authorization Reference has each action with its resources and condition keys; besides, what AWS asks of
who hands a role on, tags what she makes, or names a layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from local.engine import backends, needs
from local.engine.api import ACCOUNT, ApiRequest
from local.engine.needs import Finder, Finders, Need, arn, last_of_path, on_everything, pass_role
from local.engine.policy_documents import Context


def _named(resource: str, *, tags: str = "") -> Finder:
    """Of a call whose parameters are filled into `resource`; with that one of `tags` it tags what it makes, too."""
    service = resource.split(":", 1)[0]

    def find(request: ApiRequest) -> Iterable[Need]:
        asked = request.parameters
        on = arn(request, service, resource.split(":", 1)[1].format_map(asked))
        yield Need(f"{service}:{request.operation}", on)
        if tags and asked.get(tags):
            yield Need(f"{service}:TagResource", on)

    return find


def _by_arn(parameter: str) -> Finder:
    """Of a call that names its resource by an ARN."""

    def find(request: ApiRequest) -> Iterable[Need]:
        yield Need(f"{request.service}:{request.operation}", request.parameters[parameter])

    return find


def _tagged_by_path(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"{request.service}:{request.operation}", unquote(request.path.split("/tags/", 1)[1]))


def _queue(request: ApiRequest) -> Iterable[Need]:
    on = needs.queue(request)
    yield Need(f"sqs:{request.operation}", on)
    if request.operation == "CreateQueue" and request.parameters.get("tags"):
        yield Need("sqs:TagQueue", on)


def _created_topic(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    on = arn(request, "sns", asked["Name"])
    yield Need("sns:CreateTopic", on)
    if any(name.startswith("Tags.") for name in asked):
        yield Need("sns:TagResource", on)


def _rule(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    bus, name = asked.get("EventBusName") or "default", asked.get("Rule") or asked["Name"]
    on = arn(request, "events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")
    yield Need(f"events:{request.operation}", on)
    if request.operation == "PutRule" and asked.get("Tags"):
        yield Need("events:TagResource", on)
    handed_on = {target.get("RoleArn") for target in asked.get("Targets") or ()} - {None}
    yield from (pass_role(role, "events") for role in sorted(handed_on))


def _bus_policy(request: ApiRequest) -> Iterable[Need]:
    bus = request.parameters.get("EventBusName") or "default"
    yield Need(f"events:{request.operation}", arn(request, "events", f"event-bus/{bus}"))


def _delivery_stream(request: ApiRequest) -> Iterable[Need]:
    """And on the roles that it hands on: of each destination, and of its backup."""
    asked = request.parameters
    on = arn(request, "firehose", f"deliverystream/{asked['DeliveryStreamName']}")
    yield Need(f"firehose:{request.operation}", on)
    if request.operation == "CreateDeliveryStream" and asked.get("Tags"):
        yield Need("firehose:TagDeliveryStream", on)
    yield from (pass_role(role, "firehose") for role in sorted(_roles_in(asked)))


def _roles_in(asked: object) -> set[str]:
    if isinstance(asked, list):
        return {role for each in asked for role in _roles_in(each)}
    if not isinstance(asked, dict):
        return set()
    own = {asked["RoleARN"]} if isinstance(asked.get("RoleARN"), str) else set()
    return own.union(*(_roles_in(each) for each in asked.values()))


def _log_stream(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    on = f"log-group:{asked['logGroupName']}:log-stream:{asked['logStreamName']}"
    yield Need(f"logs:{request.operation}", arn(request, "logs", on))


def _created_archive(request: ApiRequest) -> Iterable[Need]:
    """On the bus as well."""
    asked = request.parameters
    for on in (arn(request, "events", f"archive/{asked['ArchiveName']}"), asked["EventSourceArn"]):
        yield Need("events:CreateArchive", on)


def _alarms(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    for name in asked.get("AlarmNames") or [asked["AlarmName"]]:
        on = arn(request, "cloudwatch", f"alarm:{name}")
        yield Need(f"cloudwatch:{request.operation}", on)
        if request.operation == "PutMetricAlarm" and asked.get("Tags"):
            yield Need("cloudwatch:TagResource", on)


def _dashboards(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    for name in asked.get("DashboardNames") or [asked["DashboardName"]]:
        yield Need(f"cloudwatch:{request.operation}", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}")


def _role(request: ApiRequest) -> Iterable[Need]:
    """Its boundary is a condition's key: the one that it is to have, or has."""
    asked = request.parameters
    name = asked["RoleName"]
    if request.operation == "CreateRole":
        on = f"arn:aws:iam::{ACCOUNT}:role{asked.get('Path') or '/'}{name}"
        bound = asked.get("PermissionsBoundary")
    else:
        on = backends.role_arn(name)
        bound = asked.get("PermissionsBoundary") or backends.boundary_arn(on)
    context: Context = (("iam:permissionsboundary", bound),) if bound else ()
    yield Need(f"iam:{request.operation}", on, context)
    if request.operation == "CreateRole" and any(each.startswith("Tags.") for each in asked):
        yield Need("iam:TagRole", on)


def _created_key(request: ApiRequest) -> Iterable[Need]:
    """Besides, AWS asks for what the call does at once, on a key that has no id yet."""
    context = (*_kms_tags_asked(request), *_tags_context("resource", {}))
    yield Need("kms:CreateKey", "*", context)
    if request.parameters.get("Tags"):
        yield Need("kms:TagResource", arn(request, "kms", "key/"), context)


def _kms_tags_asked(request: ApiRequest) -> Context:
    return _tags_context("request", {each["TagKey"]: each["TagValue"] for each in request.parameters.get("Tags") or ()})


def _tags_context(of: str, tags: Mapping[str, str]) -> Context:
    """Conditions' keys of these tags, and that there are no others."""
    return ((f"aws:{of}tag/", ""), *((f"aws:{of}tag/{name.lower()}", value) for name, value in tags.items()))


def _key(request: ApiRequest) -> Iterable[Need]:
    """What it is tagged with are conditions' keys: a key has no name."""
    id_ = request.parameters["KeyId"].rsplit("/", 1)[-1]
    context = (*_tags_context("resource", backends.kms_tags(request.region, id_)), *_kms_tags_asked(request))
    yield Need(f"kms:{request.operation}", arn(request, "kms", f"key/{id_}"), context)


def _registry(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    named = asked.get("RegistryId") or asked
    on = named.get("RegistryArn") or arn(request, "glue", f"registry/{named['RegistryName']}")
    yield Need(f"glue:{request.operation}", on)
    if request.operation == "CreateRegistry" and asked.get("Tags"):
        yield Need("glue:TagResource", on)


def _schema(request: ApiRequest) -> Iterable[Need]:
    """Both the schema and the registry that it is in."""
    asked = request.parameters
    if request.operation == "CreateSchema":
        registry = asked["RegistryId"]
        in_it = registry.get("RegistryArn") or arn(request, "glue", f"registry/{registry['RegistryName']}")
        schema = f"{in_it.replace(':registry/', ':schema/')}/{asked['SchemaName']}"
    else:
        schema = asked["SchemaId"]["SchemaArn"]
    yield from _on_schema(f"glue:{request.operation}", schema)
    if request.operation == "CreateSchema" and asked.get("Tags"):
        yield Need("glue:TagResource", schema)


def _on_schema(action: str, schema: str) -> Iterable[Need]:
    for on in (schema.rsplit("/", 1)[0].replace(":schema/", ":registry/"), schema):
        yield Need(action, on)


def _cloud_control(request: ApiRequest) -> Iterable[Need]:
    """And what Cloud Control does for the caller, who needs leave for it herself."""
    yield Need(f"cloudformation:{request.operation}", "*")
    if request.operation == "CreateResource":
        wanted = json.loads(request.parameters["DesiredState"])
        yield from _on_schema("glue:RegisterSchemaVersion", wanted["Schema"]["SchemaArn"])


def _schedule_group(request: ApiRequest) -> Iterable[Need]:
    on = arn(request, "scheduler", f"schedule-group/{last_of_path(request)}")
    yield Need(f"scheduler:{request.operation}", on)
    if request.operation == "CreateScheduleGroup" and request.parameters.get("Tags"):
        yield Need("scheduler:TagResource", on)


def _api(request: ApiRequest) -> Iterable[Need]:
    """API Gateway knows HTTP's methods for actions, and paths for resources."""
    verb = request.environ["REQUEST_METHOD"]
    path = unquote(request.path).removeprefix("/v2")
    yield Need(f"apigateway:{verb}", f"arn:aws:apigateway:{request.region}::{path}")


def _user_pool(request: ApiRequest) -> Iterable[Need]:
    pool = arn(request, "cognito-idp", f"userpool/{request.parameters['UserPoolId']}")
    yield Need(f"cognito-idp:{request.operation}", pool)


_S3 = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "ListObjectVersions": "ListBucketVersions",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
"""Operations whose action has another name."""


def _bucket(request: ApiRequest) -> Iterable[Need]:
    needs.check_host(request)
    action, on = _S3.get(request.operation, request.operation), f"arn:aws:s3:::{unquote(request.path).split('/')[1]}"
    yield Need(f"s3:{action}", on)
    if request.operation == "CreateBucket" and request.header("x-amz-bucket-object-lock-enabled").lower() == "true":
        yield Need("s3:PutBucketObjectLockConfiguration", on)
        yield Need("s3:PutBucketVersioning", on)


def _object_tags(request: ApiRequest) -> Iterable[Need]:
    needs.check_host(request)
    yield Need(f"s3:{request.operation}", f"arn:aws:s3:::{unquote(request.path).removeprefix('/')}")


def _cloudfront(request: ApiRequest) -> Iterable[Need]:
    """What is made has no id yet."""
    _, _, kind, *rest = request.path.split("/")
    id_ = rest[0] if rest else "*"
    tagged = request.operation.endswith("WithTags")
    on = f"arn:aws:cloudfront::{ACCOUNT}:{kind}/{id_}"
    nowhere = request.operation == "CreateOriginAccessControl"
    yield Need(f"cloudfront:{request.operation.removesuffix('WithTags')}", "*" if nowhere else on)
    if tagged:
        yield Need("cloudfront:TagResource", on)


def _cloudfront_tags(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"cloudfront:{request.operation}", str(request.query("Resource")))


def _application(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    on = arn(request, "codedeploy", f"application:{asked['applicationName']}")
    yield Need(f"codedeploy:{request.operation}", on)
    if request.operation == "CreateApplication" and asked.get("tags"):
        yield Need("codedeploy:TagResource", on)


def _deployment_group(request: ApiRequest) -> Iterable[Need]:
    asked = request.parameters
    name = asked.get("deploymentGroupName") or asked["currentDeploymentGroupName"]
    on = arn(request, "codedeploy", f"deploymentgroup:{asked['applicationName']}/{name}")
    yield Need(f"codedeploy:{request.operation}", on)
    if asked.get("serviceRoleArn"):
        yield pass_role(asked["serviceRoleArn"], "codedeploy")
    if request.operation == "CreateDeploymentGroup" and asked.get("tags"):
        yield Need("codedeploy:TagResource", on)


def _function(request: ApiRequest) -> Iterable[Need]:
    yield Need(f"lambda:{request.operation}", needs.function(request))


def _configured_function(request: ApiRequest) -> Iterable[Need]:
    """And on the role that it is to have, the layers that it names."""
    asked = request.parameters
    created = request.operation == "CreateFunction"
    on = arn(request, "lambda", f"function:{asked['FunctionName']}") if created else needs.function(request)
    yield Need(f"lambda:{request.operation}", on)
    if role := asked.get("Role"):
        yield pass_role(role, "lambda")
    for layer in asked.get("Layers") or ():
        yield Need("lambda:GetLayerVersion", layer)
    if created and asked.get("Tags"):
        yield Need("lambda:TagResource", on)


def _layer(request: ApiRequest) -> Iterable[Need]:
    name, *rest = request.path.split("/layers/", 1)[1].split("/versions")
    version = rest[0].strip("/") if rest else ""
    on = arn(request, "lambda", f"layer:{unquote(name)}{f':{version}' if version else ''}")
    yield Need(f"lambda:{request.operation}", on)


def _created_mapping(request: ApiRequest) -> Iterable[Need]:
    """It has no name yet: whose it is to be is a condition's key."""
    asked = request.parameters
    name = asked["FunctionName"]
    function = name if name.startswith("arn:") else arn(request, "lambda", f"function:{name}")
    yield Need("lambda:CreateEventSourceMapping", "*", (("lambda:functionarn", function),))
    if asked.get("Tags"):
        yield Need("lambda:TagResource", arn(request, "lambda", "event-source-mapping:*"))


def _mapping(request: ApiRequest) -> Iterable[Need]:
    """Whose it is, is a condition's key."""
    uuid = last_of_path(request)
    function = backends.mapped_function(request.region, uuid)
    context: Context = (("lambda:functionarn", function),) if function else ()
    yield Need(f"lambda:{request.operation}", arn(request, "lambda", f"event-source-mapping:{uuid}"), context)


FINDERS: Finders = (
    ("apigatewayv2", _api, ("CreateApi", "CreateAuthorizer", "CreateIntegration", "CreateRoute", "CreateStage")),
    ("apigatewayv2", _api, ("DeleteApi", "DeleteAuthorizer", "DeleteIntegration", "DeleteRoute", "DeleteStage")),
    ("apigatewayv2", _api, ("GetApi", "GetAuthorizer", "GetIntegration", "GetRoute", "GetStage")),
    ("apigatewayv2", _api, ("UpdateApi", "UpdateAuthorizer", "UpdateIntegration", "UpdateRoute", "UpdateStage")),
    ("apigatewayv2", _api, ("GetTags", "TagResource", "UntagResource")),
    ("cloudcontrol", _cloud_control, ("CreateResource", "GetResource", "GetResourceRequestStatus")),
    ("cloudformation", on_everything, ("DescribeType",)),
    ("cloudfront", _cloudfront, ("CreateDistributionWithTags", "DeleteDistribution", "UpdateDistribution")),
    ("cloudfront", _cloudfront, ("GetDistribution", "GetDistributionConfig", "GetOriginAccessControl")),
    ("cloudfront", _cloudfront, ("CreateOriginAccessControl", "DeleteOriginAccessControl")),
    ("cloudfront", _cloudfront, ("UpdateOriginAccessControl", "UpdateResponseHeadersPolicy")),
    ("cloudfront", _cloudfront, ("CreateResponseHeadersPolicy", "DeleteResponseHeadersPolicy")),
    ("cloudfront", _cloudfront, ("GetResponseHeadersPolicy",)),
    ("cloudfront", _cloudfront_tags, ("ListTagsForResource", "TagResource", "UntagResource")),
    ("cloudwatch", _alarms, ("DeleteAlarms", "PutMetricAlarm")),
    ("cloudwatch", _dashboards, ("DeleteDashboards", "GetDashboard", "PutDashboard")),
    ("cloudwatch", _by_arn("ResourceARN"), ("ListTagsForResource", "TagResource", "UntagResource")),
    ("codedeploy", _application, ("CreateApplication", "DeleteApplication", "GetApplication")),
    ("codedeploy", _deployment_group, ("CreateDeploymentGroup", "DeleteDeploymentGroup", "GetDeploymentGroup")),
    ("codedeploy", _deployment_group, ("UpdateDeploymentGroup",)),
    ("codedeploy", _by_arn("ResourceArn"), ("ListTagsForResource", "TagResource", "UntagResource")),
    ("cognito-idp", on_everything, ("CreateUserPool", "DescribeUserPoolDomain")),
    ("cognito-idp", _user_pool, ("CreateGroup", "CreateResourceServer", "CreateUserPoolClient")),
    ("cognito-idp", _user_pool, ("CreateUserPoolDomain", "DeleteGroup", "DeleteResourceServer", "DeleteUserPool")),
    ("cognito-idp", _user_pool, ("DeleteUserPoolClient", "DeleteUserPoolDomain", "DescribeResourceServer")),
    ("cognito-idp", _user_pool, ("DescribeUserPool", "DescribeUserPoolClient", "GetGroup", "GetUserPoolMfaConfig")),
    ("cognito-idp", _user_pool, ("SetUserPoolMfaConfig", "UpdateGroup", "UpdateResourceServer", "UpdateUserPool")),
    ("cognito-idp", _user_pool, ("UpdateUserPoolClient",)),
    ("cognito-idp", _by_arn("ResourceArn"), ("TagResource", "UntagResource")),
    ("dynamodb", _named("dynamodb:table/{TableName}", tags="Tags"), ("CreateTable",)),
    ("dynamodb", _named("dynamodb:table/{TableName}"), ("DeleteTable", "UpdateTable", "UpdateTimeToLive")),
    ("dynamodb", _named("dynamodb:table/{TableName}"), ("DescribeContinuousBackups", "UpdateContinuousBackups")),
    ("dynamodb", _named("dynamodb:table/{TableName}"), ("DescribeContributorInsights", "UpdateContributorInsights")),
    ("dynamodb", _named("dynamodb:table/{TableName}"), ("DescribeTimeToLive",)),
    ("dynamodb", _by_arn("ResourceArn"), ("DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy")),
    ("dynamodb", _by_arn("ResourceArn"), ("ListTagsOfResource", "TagResource", "UntagResource")),
    ("events", _named("events:event-bus/{Name}", tags="Tags"), ("CreateEventBus",)),
    ("events", _named("events:event-bus/{Name}"), ("DeleteEventBus", "DescribeEventBus", "UpdateEventBus")),
    ("events", _rule, ("DeleteRule", "DescribeRule", "PutRule")),
    ("events", _rule, ("ListTargetsByRule", "PutTargets", "RemoveTargets")),
    ("events", _created_archive, ("CreateArchive",)),
    ("events", _named("events:archive/{ArchiveName}"), ("DeleteArchive", "DescribeArchive", "UpdateArchive")),
    ("events", _by_arn("ResourceARN"), ("ListTagsForResource", "TagResource", "UntagResource")),
    ("events", _bus_policy, ("PutPermission", "RemovePermission")),
    ("firehose", _delivery_stream, ("CreateDeliveryStream", "DeleteDeliveryStream", "DescribeDeliveryStream")),
    ("firehose", _delivery_stream, ("ListTagsForDeliveryStream", "StartDeliveryStreamEncryption")),
    ("firehose", _delivery_stream, ("StopDeliveryStreamEncryption", "TagDeliveryStream", "UntagDeliveryStream")),
    ("firehose", _delivery_stream, ("UpdateDestination",)),
    ("glue", _registry, ("CreateRegistry", "DeleteRegistry", "GetRegistry", "UpdateRegistry")),
    ("glue", _schema, ("CreateSchema", "DeleteSchema", "RegisterSchemaVersion", "UpdateSchema")),
    ("glue", _by_arn("ResourceArn"), ("GetTags", "TagResource", "UntagResource")),
    ("iam", _role, ("CreateRole", "DeleteRole", "GetRole", "TagRole", "UntagRole")),
    ("iam", _role, ("UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription")),
    ("iam", _role, ("DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary")),
    ("iam", _role, ("DeleteRolePolicy", "GetRolePolicy", "PutRolePolicy")),
    ("iam", _role, ("ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies")),
    ("kms", _created_key, ("CreateKey",)),
    ("kms", _key, ("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")),
    ("kms", _key, ("DisableKey", "EnableKey", "EnableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion")),
    ("kms", _key, ("TagResource", "UntagResource", "UpdateKeyDescription")),
    ("lambda", _configured_function, ("CreateFunction", "UpdateFunctionConfiguration")),
    ("lambda", _function, ("AddPermission", "CreateAlias", "DeleteAlias", "DeleteFunction")),
    ("lambda", _function, ("DeleteFunctionConcurrency", "DeleteFunctionEventInvokeConfig", "GetFunction")),
    ("lambda", _function, ("DeleteProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig")),
    ("lambda", _function, ("GetFunctionCodeSigningConfig", "GetFunctionEventInvokeConfig", "GetPolicy")),
    ("lambda", _function, ("PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig")),
    ("lambda", _function, ("RemovePermission", "UpdateFunctionCode", "UpdateFunctionEventInvokeConfig")),
    ("lambda", _layer, ("DeleteLayerVersion", "GetLayerVersion", "PublishLayerVersion")),
    ("lambda", _created_mapping, ("CreateEventSourceMapping",)),
    ("lambda", _mapping, ("DeleteEventSourceMapping", "GetEventSourceMapping", "UpdateEventSourceMapping")),
    ("lambda", _tagged_by_path, ("ListTags", "TagResource", "UntagResource")),
    ("logs", on_everything, ("DeleteResourcePolicy", "DescribeLogGroups", "DescribeResourcePolicies")),
    ("logs", on_everything, ("PutResourcePolicy",)),
    ("logs", _named("logs:log-group:{logGroupName}", tags="tags"), ("CreateLogGroup",)),
    ("logs", _named("logs:log-group:{logGroupName}"), ("AssociateKmsKey", "DeleteLogGroup", "DisassociateKmsKey")),
    ("logs", _named("logs:log-group:{logGroupName}"), ("DeleteRetentionPolicy", "PutRetentionPolicy")),
    ("logs", _by_arn("resourceArn"), ("ListTagsForResource", "TagResource", "UntagResource")),
    ("logs", _log_stream, ("DeleteLogStream",)),
    ("logs", _named("logs:log-group:{logGroupName}"), ("DescribeLogStreams",)),
    ("s3", _bucket, ("CreateBucket", "DeleteBucket", "DeleteBucketEncryption", "DeleteBucketPolicy")),
    ("s3", _bucket, ("DeletePublicAccessBlock", "GetBucketAcl", "GetBucketEncryption", "GetBucketLogging")),
    ("s3", _bucket, ("GetBucketPolicy", "GetBucketTagging", "GetBucketVersioning", "GetPublicAccessBlock")),
    ("s3", _bucket, ("ListObjectVersions", "PutBucketEncryption", "PutBucketPolicy", "PutBucketTagging")),
    ("s3", _bucket, ("PutBucketVersioning", "PutPublicAccessBlock")),
    ("s3", _bucket, ("DeleteBucketLifecycle", "GetBucketLifecycleConfiguration", "GetObjectLockConfiguration")),
    ("s3", _bucket, ("PutBucketLifecycleConfiguration", "PutObjectLockConfiguration")),
    ("s3", _object_tags, ("GetObjectTagging", "PutObjectTagging")),
    ("scheduler", needs.schedule, ("CreateSchedule", "DeleteSchedule")),
    ("scheduler", _schedule_group, ("CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup")),
    ("scheduler", _tagged_by_path, ("ListTagsForResource", "TagResource", "UntagResource")),
    ("servicequotas", on_everything, ("GetServiceQuota",)),
    ("sns", _created_topic, ("CreateTopic",)),
    ("sns", _by_arn("TopicArn"), ("DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", "Subscribe")),
    ("sns", _by_arn("ResourceArn"), ("ListTagsForResource", "TagResource", "UntagResource")),
    ("sns", on_everything, ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")),
    ("sqs", _queue, ("CreateQueue", "DeleteQueue", "ListQueueTags", "SetQueueAttributes", "TagQueue", "UntagQueue")),
)

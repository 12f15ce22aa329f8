"""Calls that change what is there, as a provider makes them when settings change: each once; what it set is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.local.conftest import package

if TYPE_CHECKING:
    from tests.local.test_engine_answers import Caller

_ACCOUNT = "123456789012"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_TAG = {"Key": "owner", "Value": "ledger"}


def keys(caller: Caller) -> None:
    kms = caller.client("kms")
    key = kms.create_key(Tags=[{"TagKey": "owner", "TagValue": "ledger"}])["KeyMetadata"]["KeyId"]
    kms.update_key_description(KeyId=key, Description="of the ledger")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(_EVERYTHING))
    kms.disable_key(KeyId=key)
    told = kms.describe_key(KeyId=key)["KeyMetadata"], kms.get_key_policy(KeyId=key, PolicyName="default")
    caller.kept("UpdateKeyDescription", {"Description": "of the ledger", "KeyState": "Disabled"}, *told)
    caller.kept("PutKeyPolicy", _EVERYTHING, *told)
    kms.enable_key(KeyId=key)
    kms.untag_resource(KeyId=key, TagKeys=["owner"])
    caller.kept("EnableKey", {"KeyState": "Enabled"}, kms.describe_key(KeyId=key)["KeyMetadata"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == []


def buses(caller: Caller) -> None:
    events = caller.client("events")
    arn = events.create_event_bus(Name="changing", Tags=[_TAG])["EventBusArn"]
    events.untag_resource(ResourceARN=arn, TagKeys=["owner"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    of = {"Name": "changing", "EventBusName": "changing"}
    events.put_rule(**of, EventPattern='{"source": ["ledger"]}')
    events.disable_rule(**of)
    caller.kept("DisableRule", {"State": "DISABLED"}, events.describe_rule(**of))
    events.enable_rule(**of)
    caller.kept("EnableRule", {"State": "ENABLED"}, events.describe_rule(**of))
    events.delete_rule(**of)
    events.create_archive(ArchiveName="changing", EventSourceArn=arn)
    events.update_archive(ArchiveName="changing", RetentionDays=18)
    caller.kept("UpdateArchive", {"RetentionDays": 18}, events.describe_archive(ArchiveName="changing"))
    events.delete_archive(ArchiveName="changing")
    events.delete_event_bus(Name="changing")


def queues_and_topics(caller: Caller) -> None:
    sqs, sns = caller.client("sqs"), caller.client("sns")
    url = sqs.create_queue(QueueName="changing")["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"owner": "ledger"})
    caller.kept("TagQueue", {"owner": "ledger"}, sqs.list_queue_tags(QueueUrl=url))
    sqs.untag_queue(QueueUrl=url, TagKeys=["owner"])
    assert sqs.list_queue_tags(QueueUrl=url).get("Tags", {}) == {}
    topic = sns.create_topic(Name="changing", Tags=[_TAG])["TopicArn"]
    queue = f"arn:aws:sqs:us-east-1:{_ACCOUNT}:changing"
    of = {"SubscriptionArn": sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]}
    sns.set_subscription_attributes(**of, AttributeName="RawMessageDelivery", AttributeValue="true")
    caller.kept("SetSubscriptionAttributes", {"RawMessageDelivery": "true"}, sns.get_subscription_attributes(**of))
    sns.untag_resource(ResourceArn=topic, TagKeys=["owner"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == []
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)


def log_groups(caller: Caller) -> None:
    logs = caller.client("logs")
    arn = f"arn:aws:logs:us-east-1:{_ACCOUNT}:log-group:changing"

    def told() -> dict[str, object]:
        (group,) = logs.describe_log_groups(logGroupNamePrefix="changing")["logGroups"]
        return dict(group)

    logs.create_log_group(logGroupName="changing", tags={"owner": "ledger"})
    logs.put_retention_policy(logGroupName="changing", retentionInDays=7)
    logs.delete_retention_policy(logGroupName="changing")
    assert "retentionInDays" not in told()
    logs.untag_resource(resourceArn=arn, tagKeys=["owner"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    logs.create_log_stream(logGroupName="changing", logStreamName="stream")
    streams = logs.describe_log_streams(logGroupName="changing")["logStreams"]
    caller.kept("CreateLogStream", {"logStreamName": "stream"}, *streams)
    logs.delete_log_stream(logGroupName="changing", logStreamName="stream")
    assert logs.describe_log_streams(logGroupName="changing")["logStreams"] == []
    logs.delete_log_group(logGroupName="changing")


def schemas(caller: Caller) -> None:
    glue = caller.client("glue")
    registry = {"RegistryName": "changing"}
    arn = glue.create_registry(**registry, Tags={"owner": "ledger"})["RegistryArn"]
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["owner"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {}
    text = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    made = glue.create_schema(
        RegistryId=registry,
        SchemaName="schema",
        DataFormat="JSON",
        Compatibility="FULL",
        SchemaDefinition=json.dumps(text),
    )
    schema = {"SchemaArn": made["SchemaArn"]}
    glue.update_schema(SchemaId=schema, Description="changed", SchemaVersionNumber={"LatestVersion": True})
    caller.kept("UpdateSchema", {"Description": "changed"}, glue.get_schema(SchemaId=schema))
    changed = json.dumps({**text, "title": "t"})
    version = glue.register_schema_version(SchemaId=schema, SchemaDefinition=changed)["SchemaVersionId"]
    caller.kept(
        "RegisterSchemaVersion", {"SchemaDefinition": changed}, glue.get_schema_version(SchemaVersionId=version)
    )
    glue.delete_schema(SchemaId=schema)
    glue.delete_registry(RegistryId=registry)


def roles_and_functions(caller: Caller) -> None:
    iam, lambda_ = caller.client("iam"), caller.client("lambda")
    role = iam.create_role(RoleName="changing", AssumeRolePolicyDocument=json.dumps(_EVERYTHING))["Role"]["Arn"]
    of = {"RoleName": "changing"}
    iam.tag_role(**of, Tags=[_TAG])
    functions = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(**of, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [functions]}))
    iam.update_role(**of, MaxSessionDuration=7201)
    iam.update_role_description(**of, Description="changed")
    given = {"Tags": [_TAG], **functions, "MaxSessionDuration": 7201, "Description": "changed"}
    caller.kept("UpdateRole", given, iam.get_role(**of))
    bound = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.put_role_permissions_boundary(**of, PermissionsBoundary=bound)
    caller.kept("PutRolePermissionsBoundary", {"PermissionsBoundary": bound}, iam.get_role(**of))
    iam.untag_role(**of, TagKeys=["owner"])
    assert iam.get_role(**of)["Role"].get("Tags", []) == []
    assert iam.list_instance_profiles_for_role(**of)["InstanceProfiles"] == []
    function = lambda_.create_function(
        FunctionName="changing",
        Role=role,
        Handler="index.handler",
        Runtime="python3.13",
        Code={"ZipFile": package({"index.py": "def handler(event, context): pass"})},
        Tags={"owner": "ledger"},
    )["FunctionArn"]
    lambda_.untag_resource(Resource=function, TagKeys=["owner"])
    assert lambda_.list_tags(Resource=function)["Tags"] == {}
    lambda_.delete_function(FunctionName="changing")
    iam.delete_role(**of)


def tags(caller: Caller) -> None:
    """Of what has nothing else to change."""
    dynamodb = caller.client("dynamodb")
    made = dynamodb.create_table(
        TableName="changing",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[_TAG],
    )
    arn = made["TableDescription"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["owner"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == []
    dynamodb.delete_table(TableName="changing")
    scheduler = caller.client("scheduler")
    group = scheduler.create_schedule_group(Name="changing", Tags=[_TAG])["ScheduleGroupArn"]
    scheduler.untag_resource(ResourceArn=group, TagKeys=["owner"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == []
    scheduler.delete_schedule_group(Name="changing")
    cloudwatch = caller.client("cloudwatch")
    rule = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Period": 60, "Threshold": 1.0}
    of = {"AlarmName": "changing", "Namespace": "n", "MetricName": "m", "Statistic": "Sum"}
    cloudwatch.put_metric_alarm(**of, **rule, Tags=[_TAG])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["changing"])["MetricAlarms"]
    cloudwatch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=["owner"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == []
    cloudwatch.delete_alarms(AlarmNames=["changing"])


def http_apis(caller: Caller) -> None:
    gateway = caller.client("apigatewayv2")
    made = gateway.create_api(Name="changing", ProtocolType="HTTP", Tags={"owner": "ledger"})
    of = {"ApiId": made["ApiId"]}
    gateway.update_api(**of, Description="changed")
    caller.kept("UpdateApi", {"Description": "changed"}, gateway.get_api(**of))
    gateway.untag_resource(ResourceArn=f"arn:aws:apigateway:us-east-1::/apis/{made['ApiId']}", TagKeys=["owner"])
    assert gateway.get_api(**of).get("Tags", {}) == {}
    jwt = {"Issuer": "https://issuer.example", "Audience": ["client"]}
    kind = {"AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"], "JwtConfiguration": jwt}
    by = {"AuthorizerId": gateway.create_authorizer(**of, Name="tokens", **kind)["AuthorizerId"]}
    gateway.update_authorizer(**of, **by, Name="changed")
    caller.kept("UpdateAuthorizer", {"Name": "changed"}, gateway.get_authorizer(**of, **by))
    uri = f"arn:aws:lambda:us-east-1:{_ACCOUNT}:function:command"
    proxy = {"IntegrationType": "AWS_PROXY", "IntegrationUri": uri, "PayloadFormatVersion": "2.0"}
    to = {"IntegrationId": gateway.create_integration(**of, **proxy)["IntegrationId"]}
    gateway.update_integration(**of, **to, TimeoutInMillis=12_346)
    caller.kept("UpdateIntegration", {"TimeoutInMillis": 12_346}, gateway.get_integration(**of, **to))
    at = {
        "RouteId": gateway.create_route(**of, RouteKey="GET /a", Target=f"integrations/{to['IntegrationId']}")[
            "RouteId"
        ]
    }
    gateway.update_route(**of, **at, OperationName="changed")
    caller.kept("UpdateRoute", {"OperationName": "changed"}, gateway.get_route(**of, **at))
    gateway.delete_api(**of)


def user_pools(caller: Caller) -> None:
    cognito = caller.client("cognito-idp")
    of = {"UserPoolId": cognito.create_user_pool(PoolName="changing")["UserPool"]["Id"]}
    cognito.create_group(**of, GroupName="readers")
    cognito.update_group(**of, GroupName="readers", Description="changed")
    caller.kept("UpdateGroup", {"Description": "changed"}, cognito.get_group(**of, GroupName="readers"))
    client = cognito.create_user_pool_client(**of, ClientName="before")["UserPoolClient"]["ClientId"]
    cognito.update_user_pool_client(**of, ClientId=client, ClientName="changed")
    told = cognito.describe_user_pool_client(**of, ClientId=client)
    caller.kept("UpdateUserPoolClient", {"ClientName": "changed"}, told)
    cognito.delete_user_pool(**of)


PARTS = (keys, buses, queues_and_topics, log_groups, schemas, roles_and_functions, tags, http_apis, user_pools)

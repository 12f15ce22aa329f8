"""Notices calls that take guards or evidence away or open a door, by what CloudTrail tells EventBridge of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output

MAX_PATTERN = 2048
"""Characters of a rule's pattern, unless the account has asked for more."""

Match = str | bool | Mapping[str, object]
"""A value, or what is said of one."""


@dataclass(frozen=True)
class Calls:
    """Calls of one service that name something of the stack's."""

    service: str
    parameters: Mapping[str, object]
    """What the request names, by the field's name as CloudTrail has it."""
    names: Sequence[Match] = ()
    """None for every call that changes something."""


@dataclass(frozen=True)
class GuardWatchArgs:
    description: str
    calls: Sequence[Calls]


class GuardWatch(pulumi.ComponentResource):
    """A rule on the account's default bus, where CloudTrail's events arrive.

    They only do where a trail of the account records management events in this Region.
    """

    rule_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]

    def __init__(self, name: str, args: GuardWatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-sourcing:index:GuardWatch", name, None, opts)
        rule = aws.cloudwatch.EventRule(
            f"{name}-rule",
            description=args.description,
            event_pattern=Output.json_dumps(_pattern(args.calls), separators=(",", ":")),
            state="ENABLED",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.rule_name = rule.name
        self.rule_arn = rule.arn
        self.register_outputs({"ruleArn": self.rule_arn})


def of_store(table_name: Input[str], table_arn: Input[str]) -> list[Calls]:
    """What makes the table append-only, and by name or ARN its deletion protection, stream and recovery."""
    names = ["DeleteTable", "UpdateContinuousBackups", "UpdateTable"]
    return [
        Calls("dynamodb", {"resourceArn": [table_arn]}, ["DeleteResourcePolicy", "PutResourcePolicy"]),
        Calls("dynamodb", {"tableName": [table_name, table_arn]}, names),
    ]


def of_archive(archive_name: Input[str]) -> list[Calls]:
    return [Calls("events", {"archiveName": [archive_name]}, ["DeleteArchive", "UpdateArchive"])]


def of_bus(bus_name: Input[str]) -> list[Calls]:
    """Who may put events on it, and whether it is there at all."""
    return [
        Calls("events", {"eventBusName": [bus_name]}, ["PutPermission", "RemovePermission"]),
        Calls("events", {"name": [bus_name]}, ["DeleteEventBus", "UpdateEventBus"]),
    ]


def of_rules(rule_names: Sequence[Input[str]]) -> list[Calls]:
    return [
        Calls("events", {"name": list(rule_names)}, ["DeleteRule", "DisableRule", "PutRule"]),
        Calls("events", {"rule": list(rule_names)}, ["PutTargets", "RemoveTargets"]),
    ]


def of_log_group(group_name: Input[str]) -> list[Calls]:
    """By name: EventBridge makes a log stream whenever it likes, which names the group as well."""
    names = ["DeleteLogGroup", "DeleteLogStream", "DeleteRetentionPolicy", "PutRetentionPolicy"]
    return [Calls("logs", {"logGroupName": [group_name]}, names)]


def of_bucket(bucket_name: Input[str]) -> list[Calls]:
    """By beginnings: CloudTrail calls some settings of a bucket otherwise than S3's own API does."""
    beginnings = ("DeleteBucket", "PutBucket", "DeletePublicAccess", "PutObjectLock", "PutPublicAccess")
    return [Calls("s3", {"bucketName": [bucket_name]}, [{"prefix": each} for each in beginnings])]


def of_delivery_stream(stream_name: Input[str]) -> list[Calls]:
    names = ["DeleteDeliveryStream", "StopDeliveryStreamEncryption", "UpdateDestination"]
    return [Calls("firehose", {"deliveryStreamName": [stream_name]}, names)]


def of_queues(queue_names: Sequence[Input[str]]) -> list[Calls]:
    """By the end of their URLs: a queue has one for each name that SQS goes by."""
    ends = [{"suffix": Output.concat("/", each)} for each in queue_names]
    names = ["AddPermission", "DeleteQueue", "PurgeQueue", "RemovePermission", "SetQueueAttributes"]
    return [Calls("sqs", {"queueUrl": ends}, names)]


def of_apis(api_ids: Sequence[Input[str]]) -> list[Calls]:
    """Whatever changes one: each call that does names it alike."""
    return [Calls("apigateway", {"apiId": list(api_ids)})]


def of_functions(function_names: Sequence[Input[str]], function_arns: Sequence[Input[str]]) -> list[Calls]:
    """Who may call them, what calls them, and as what they run: everything but their code.

    Most of Lambda's calls have a version of the API behind their names, which is left open. A request names a function
    by its name or ARN, or parts of that, with a version or an alias behind it.
    """
    beginnings = (
        *("AddPermission", "RemovePermission", "CreateFunctionUrl", "UpdateFunctionUrl"),
        *("CreateEventSourceMapping", "UpdateEventSourceMapping", "UpdateFunctionConfiguration"),
        *("DeleteFunctionCodeSigning", "PutFunctionCodeSigning"),
    )
    arns = [{"prefix": each} for each in function_arns]
    called = [
        *({"suffix": each} for each in function_names),
        *({"prefix": Output.concat(each, ":")} for each in function_names),
        *arns,
    ]
    return [
        Calls("lambda", {"functionName": called}, [{"prefix": each} for each in beginnings]),
        Calls("events", {"targets": {"arn": arns}}, ["PutTargets"]),
    ]


def of_roles(role_names: Sequence[Input[str]]) -> list[Calls]:
    names = (
        *("AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
        *("CreateRole", "DeleteRole", "UpdateAssumeRolePolicy"),
        *("DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary"),
    )
    return [Calls("iam", {"roleName": list(role_names)}, names)]


def _pattern(calls: Sequence[Calls]) -> dict[str, object]:
    told = [_detail(each) for each in calls]
    return {
        "source": sorted({f"aws.{each.service}" for each in calls}),
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": told[0] if len(told) == 1 else {"$or": told},
    }


def _detail(calls: Calls) -> dict[str, object]:
    what: dict[str, object] = {"eventName": list(calls.names)} if calls.names else {"readOnly": [False]}
    return {**what, "requestParameters": calls.parameters}

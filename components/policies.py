"""Policy documents from pure functions. A document is rendered once all the ARNs that it names are known."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

Statement = dict[str, Any]

# The services that, on a resource under a customer key, use the key in the name of whoever calls them; and what for.
_KEY_USES: Mapping[str, tuple[str, ...]] = {
    "dynamodb:BatchWriteItem": ("kms:Encrypt", "kms:GenerateDataKey"),
    "dynamodb:PutItem": ("kms:Encrypt", "kms:GenerateDataKey"),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sqs:SendMessage": ("kms:GenerateDataKey",),
}
"""What a call takes besides the reading of what lies under the key."""
_KEY_USERS = frozenset({"dynamodb", "s3", "sqs"})
_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")


@dataclass(frozen=True)
class Grant:
    """Leave to call `actions` on `resources` and no other. Components hand these out; roles are made of them."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[Input[str], ...]
    condition: Mapping[str, Mapping[str, Input[str]]] | None = None
    """What has to hold besides, as IAM writes it: operator to key to value."""

    def __post_init__(self) -> None:
        if wide := [action for action in self.actions if "*" in action]:
            raise ValueError(f"grant {self.sid}: actions must be named one by one, not {', '.join(wide)}")
        if "*" in self.resources:
            raise ValueError(f"grant {self.sid}: resources must be named one by one, not *")


def assume_role_policy(
    service: str, condition: Mapping[str, Mapping[str, Input[str]]] | None = None
) -> str | Output[str]:
    """The trust policy of a role for one AWS service, under a condition where one is given."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if condition is None:
        return json.dumps(_document(trust))
    return Output.json_dumps(_document({**trust, "Condition": condition}))


def role_policy(
    grants: Sequence[Grant],
    *,
    tracing: bool = False,
    in_vpc: bool = False,
    kms_key_arn: Input[str] | None = None,
    previous_kms_key_arns: Sequence[str] = (),
    dns_suffix: Input[str] = "",
) -> Output[str]:
    """What a role may do: its grants, the key that lies under them, the keys that did before, and tracing.

    Keys can only be used through the services that the grants call, under the partition's `dns_suffix`, and never
    directly; only who writes may encrypt, and nobody under a previous key, which all have the Region of the stack.
    For a function `in_vpc` Lambda may keep network interfaces, and the function's own code may not.
    """
    statements = [_statement(grant) for grant in grants]
    actions = {action for grant in grants for action in grant.actions}
    if kms_key_arn is not None:
        statements += _key_statements(kms_key_arn, dns_suffix, actions)
    if previous_kms_key_arns:
        statements += _previous_key_statements(previous_kms_key_arns, dns_suffix, actions)
    if tracing:
        statements.append(_TRACING)
    if in_vpc:
        statements += _IN_VPC
    return Output.json_dumps(_document(*statements))


def traffic_shift_policy(grants: Sequence[Grant]) -> Output[str]:
    """What moves aliases may do: its grants, and look at alarms, which AWS's own policy for it has over every one."""
    watch: Statement = {"Sid": "WatchAlarms", "Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}
    return Output.json_dumps(_document(*(_statement(grant) for grant in grants), watch))


def backup_policy(
    grants: Sequence[Grant], *, copies: bool, kms_key_arn: Input[str] | None, dns_suffix: Input[str]
) -> Output[str]:
    """What makes backups may do: its grants, and what the key under tables and vault takes.

    AWS Backup leaves grants on the key behind, for its own work alone, and otherwise uses it through itself and
    DynamoDB. With `copies` it may take them out of any vault: IAM knows no vault for that action.
    """
    statements = [_statement(grant) for grant in grants]
    if copies:
        statements.append(
            {"Sid": "CopyOut", "Effect": "Allow", "Action": "backup:CopyFromBackupVault", "Resource": "*"}
        )
    if kms_key_arn is not None:
        key: Statement = {"Effect": "Allow", "Resource": kms_key_arn}
        via = [_endpoint(each, kms_key_arn, dns_suffix) for each in ("backup", "dynamodb")]
        statements += [
            {**key, "Sid": "LookAtKey", "Action": "kms:DescribeKey"},
            {
                **key,
                "Sid": "UseKey",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Condition": {"StringEquals": {"kms:ViaService": via}},
            },
            {
                **key,
                "Sid": "LetBackupUseKey",
                "Action": "kms:CreateGrant",
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
        ]
    return Output.json_dumps(_document(*statements))


def endpoint_policy(service: str, arns: Sequence[Input[str]], account_id: Input[str]) -> Output[str]:
    """Whoever is of the account may do through it what her role allows, on these resources and no others."""
    reach: Statement = {
        "Sid": "ReachTheLedger",
        "Effect": "Allow",
        "Principal": "*",
        "Action": f"{service}:*",
        "Resource": list(arns),
        "Condition": {"StringEquals": {"aws:PrincipalAccount": account_id}},
    }
    return Output.json_dumps(_document(reach))


def queue_policy(queue_arn: Input[str], rule_arns: Sequence[Input[str]] = ()) -> Output[str]:
    """TLS only; EventBridge may send on behalf of the rules named (`*` within an ARN matches), nobody else's."""
    statements: list[Statement] = [_deny_plain_http("sqs:*", queue_arn)]
    if rule_arns:
        statements.append(
            {
                "Sid": "AdmitRules",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnLike": {"aws:SourceArn": list(rule_arns)}},
            }
        )
    return Output.json_dumps(_document(*statements))


def alarm_topic_policy(
    topic_arn: Input[str], account_id: Input[str], rule_arns: Sequence[Input[str]] = ()
) -> Output[str]:
    """TLS only; this account's alarms may publish, and EventBridge on behalf of the rules named."""
    rules: Statement = {
        "Sid": "AdmitRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
    }
    return Output.json_dumps(
        _document(
            *([rules] if rule_arns else []),
            _deny_plain_http("sns:Publish", topic_arn),
            {
                "Sid": "AdmitAlarms",
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic_arn,
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            },
        )
    )


def event_log_policy(log_group_arn: Input[str], rule_arns: Sequence[Input[str]]) -> Output[str]:
    """EventBridge may write to this log group on behalf of the rules named, and nobody else's.

    CloudWatch Logs delivers in EventBridge's name. Streams may be made without a rule, as AWS's example has it.
    """
    admitted = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Resource": Output.concat(log_group_arn, ":*"),
    }
    return Output.json_dumps(
        _document(
            {**admitted, "Sid": "AdmitStreams", "Action": "logs:CreateLogStream"},
            {
                **admitted,
                "Sid": "AdmitRules",
                "Action": "logs:PutLogEvents",
                "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
            },
        )
    )


def published_files_policy(bucket_arn: Input[str], distribution_arn: Input[str]) -> Output[str]:
    """TLS only; the distribution reads files and lists none, and nobody else reads in CloudFront's name."""
    inside = Output.concat(bucket_arn, "/*")
    return Output.json_dumps(
        _document(
            _deny_plain_http("s3:*", [bucket_arn, inside]),
            {
                "Sid": "AdmitDistribution",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": inside,
                "Condition": {"StringEquals": {"aws:SourceArn": distribution_arn}},
            },
        )
    )


def locked_files_policy(bucket_arn: Input[str], writer_arn: Input[str]) -> Output[str]:
    """TLS only; one role writes files, and nobody else adds one that looks like them."""
    inside = Output.concat(bucket_arn, "/*")
    return Output.json_dumps(
        _document(
            _deny_plain_http("s3:*", [bucket_arn, inside]),
            {
                "Sid": "WriteByTheWriter",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": inside,
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": [writer_arn]}},
            },
        )
    )


def customer_key_policy(
    account_id: Input[str], region: Input[str], partition: Input[str], dns_suffix: Input[str]
) -> Output[str]:
    """A key that the account's own policies govern, and that the services use for this account's resources alone.

    DynamoDB, SQS and Lambda use it in the name of who calls them; the statements admit those that act by themselves.
    """

    def arn(service: str, resource: str) -> Output[str]:
        return Output.concat("arn:", partition, f":{service}:", region, ":", account_id, f":{resource}")

    ours = {"StringEquals": {"aws:SourceAccount": account_id}}

    def admit(sid: str, service: Input[str], actions: Sequence[str], condition: Mapping[str, Any]) -> Statement:
        use = {"Effect": "Allow", "Principal": {"Service": service}, "Action": [f"kms:{each}" for each in actions]}
        return {"Sid": sid, **use, "Resource": "*", **({"Condition": condition} if condition else {})}

    return Output.json_dumps(
        _document(
            {
                "Sid": "GovernByAccount",
                "Effect": "Allow",
                "Principal": {"AWS": Output.concat("arn:", partition, ":iam::", account_id, ":root")},
                "Action": "kms:*",
                "Resource": "*",
            },
            admit(
                "AdmitLogs",
                Output.concat("logs.", region, ".", dns_suffix),
                ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*"),
                {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn("logs", "log-group:*")}},
            ),
            admit("AdmitAlarms", "cloudwatch.amazonaws.com", ("Decrypt", "GenerateDataKey*"), ours),
            # A rule's delivery to a queue, and the archive: the second is told by the bus alone.
            admit("AdmitDeliveries", "events.amazonaws.com", ("Decrypt", "GenerateDataKey"), ours),
            admit(
                "AdmitArchive",
                "events.amazonaws.com",
                ("Decrypt", "GenerateDataKey", "ReEncrypt*"),
                {"ArnLike": {"kms:EncryptionContext:aws:events:event-bus:arn": arn("events", "event-bus/*")}},
            ),
            admit("AdmitLook", "events.amazonaws.com", ("DescribeKey",), {}),
        )
    )


def append_only_policy(
    table_arn: Input[str],
    writers: Sequence[Input[str]],
    guests: Sequence[Input[str]] = (),
    until: str = "",
    menders: Sequence[Input[str]] = (),
) -> Output[str]:
    """Nobody, whatever their role allows, changes or deletes an item, and nobody but the `writers` puts one (ARNs).

    `guests` may as well until a time; where that is empty, for as long as they are named.

    With two Regions the `menders` put streams together again that both wrote: they put items, too, in the place of
    others, and delete what stands behind the end. They need a role of their own that allows it, and nobody else has it.

    IAM cannot ask for PutItem's condition, so an unconditional put stays possible for them; the relay reports what it
    does to the stream. BatchWriteItem and PartiQL are closed because they delete, or put without any condition at all.
    DynamoDB's own replication is let through, or a replica in another Region would stop for good. The policy itself
    ends the guests' time: nobody has to remember it, and no deployment has to come to pass.
    """
    over = {
        "Sid": "GuestsUntil",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "dynamodb:PutItem",
        "Resource": table_arn,
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": list(guests)},
            "ArnNotLike": {"aws:PrincipalArn": list(writers)},
            "DateGreaterThanEquals": {"aws:CurrentTime": until},
        },
    }
    replication = Output.from_input(table_arn).apply(_replication_role)
    deletes: list[Statement] = [
        {
            "Sid": "RemoveByWhoMends",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "dynamodb:DeleteItem",
            "Resource": table_arn,
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": [replication, *menders]}},
        }
    ]
    return Output.json_dumps(
        _document(
            {
                "Sid": "AppendOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": [
                    "dynamodb:BatchWriteItem",
                    *([] if menders else ["dynamodb:DeleteItem"]),
                    "dynamodb:PartiQLDelete",
                    "dynamodb:PartiQLInsert",
                    "dynamodb:PartiQLUpdate",
                    "dynamodb:UpdateItem",
                ],
                "Resource": table_arn,
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": [replication]}},
            },
            *(deletes if menders else []),
            {
                "Sid": "AppendByTheLedger",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "dynamodb:PutItem",
                "Resource": table_arn,
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": [replication, *writers, *guests, *menders]}},
            },
            *([over] if guests and until else []),
        )
    )


def guarded_bus_policy(bus_arn: Input[str], writers: Sequence[Input[str]]) -> Output[str]:
    """Nobody but the `writers` (ARNs) puts an event on the bus, whatever their role allows.

    Within an account a role's own policy is enough to put events: only a refusal narrows that. It is not for what AWS's
    services put by themselves, as EventBridge what it replays from the archive: they have no such ARN, for which a
    negated condition would hold. A rule of another Region's bus comes in a role, which is among the writers.
    """
    return Output.json_dumps(
        _document(
            {
                "Sid": "PutByTheLedger",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": bus_arn,
                "Condition": {
                    "ArnNotLike": {"aws:PrincipalArn": list(writers)},
                    "Bool": {"aws:PrincipalIsAWSService": "false"},
                },
            }
        )
    )


def _replication_role(table_arn: str) -> str:
    """The role in whose name DynamoDB writes to the replicas of a global table."""
    _, partition, _, _, account_id, _ = table_arn.split(":", 5)
    folder = "aws-service-role/replication.dynamodb.*"  # the service's name has another suffix in some partitions
    return f"arn:{partition}:iam::{account_id}:role/{folder}/AWSServiceRoleForDynamoDBReplication"


def _statement(grant: Grant) -> Statement:
    condition = {} if grant.condition is None else {"Condition": grant.condition}
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": list(grant.resources),
        **condition,
    }


def _document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _deny_plain_http(action: str, resource: Input[str] | Sequence[Input[str]]) -> Statement:
    return {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _key_statements(kms_key_arn: Input[str], dns_suffix: Input[str], actions: Collection[str]) -> list[Statement]:
    """A statement for each set of key actions, through just the services that take them."""
    services: dict[tuple[str, ...], set[str]] = {}
    for action in sorted(actions):
        service = action.split(":")[0]
        if service in _KEY_USERS:
            services.setdefault(_READ_KEY, set()).add(service)
            for key_action in _KEY_USES.get(action, ()):
                services.setdefault((key_action,), set()).add(service)
    return [
        {
            "Sid": "UseKeyTo" + "And".join(action.removeprefix("kms:") for action in key_actions),
            "Effect": "Allow",
            "Action": list(key_actions),
            "Resource": kms_key_arn,
            "Condition": {
                "StringEquals": {"kms:ViaService": [_endpoint(each, kms_key_arn, dns_suffix) for each in sorted(via)]}
            },
        }
        for key_actions, via in services.items()
    ]


def _previous_key_statements(
    key_arns: Sequence[str], dns_suffix: Input[str], actions: Collection[str]
) -> list[Statement]:
    """Leave to read what lies under these keys; none where the actions lead to nothing that does."""
    via = sorted({action.split(":")[0] for action in actions} & _KEY_USERS)
    statement: Statement = {
        "Sid": "ReadUnderPreviousKeys",
        "Effect": "Allow",
        "Action": list(_READ_KEY),
        "Resource": list(key_arns),
        "Condition": {"StringEquals": {"kms:ViaService": [_endpoint(each, key_arns[0], dns_suffix) for each in via]}},
    }
    return [statement] if via else []


def _endpoint(service: str, kms_key_arn: Input[str], dns_suffix: Input[str]) -> Output[str]:
    """A service's name in the key's Region, as KMS knows it."""
    region = Output.from_input(kms_key_arn).apply(lambda arn: arn.split(":")[3])
    return Output.concat(service, ".", region, ".", dns_suffix)


# The one statement over every resource: X-Ray knows no resource-level permission for these two actions.
_INTERFACES = [
    *("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"),
]
_IN_VPC: list[Statement] = [
    {"Sid": "KeepInterfaces", "Effect": "Allow", "Action": _INTERFACES, "Resource": "*"},
    {
        "Sid": "NotByCode",
        "Effect": "Deny",
        "Action": _INTERFACES,
        "Resource": "*",
        "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
    },
]
"""What AWSLambdaVPCAccessExecutionRole has, and what AWS advises beside it: the key is there when code calls, and not
when Lambda does."""

_TRACING: Statement = {
    "Sid": "Trace",
    "Effect": "Allow",
    "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    "Resource": "*",
}

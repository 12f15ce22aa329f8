"""Policy documents from pure functions. A document is rendered once all the ARNs that it names are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

Statement = dict[str, Any]

# The services that, on a resource under a customer key, use the key in the name of whoever calls them.
_KEY_USERS = frozenset({"dynamodb", "sqs"})


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


def assume_role_policy(service: str) -> str:
    """The trust policy of a role for one AWS service."""
    return json.dumps(_document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}))


def role_policy(
    grants: Sequence[Grant], *, tracing: bool = False, kms_key_arn: Input[str] | None = None
) -> Output[str]:
    """What a role may do: its grants, the key that lies under them, and tracing.

    The key can only be used through the services that the grants call, never directly.
    """
    statements = [_statement(grant) for grant in grants]
    services = sorted(_KEY_USERS & {action.split(":")[0] for grant in grants for action in grant.actions})
    if kms_key_arn is not None and services:
        statements.append(_key_statement(kms_key_arn, services))
    if tracing:
        statements.append(_TRACING)
    return Output.json_dumps(_document(*statements))


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


def alarm_topic_policy(topic_arn: Input[str], account_id: Input[str]) -> Output[str]:
    """TLS only; this account's alarms may publish."""
    return Output.json_dumps(
        _document(
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


def append_only_policy(table_arn: Input[str]) -> Output[str]:
    """Nobody, whatever their role allows, changes or deletes an item.

    IAM cannot ask for PutItem's condition, so an unconditional put stays possible; the relay reports what it does to
    the stream. BatchWriteItem and PartiQL are closed because they delete, or put without any condition at all.
    """
    return Output.json_dumps(
        _document(
            {
                "Sid": "AppendOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": [
                    "dynamodb:BatchWriteItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:PartiQLDelete",
                    "dynamodb:PartiQLInsert",
                    "dynamodb:PartiQLUpdate",
                    "dynamodb:UpdateItem",
                ],
                "Resource": table_arn,
            }
        )
    )


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


def _deny_plain_http(action: str, resource: Input[str]) -> Statement:
    return {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _key_statement(kms_key_arn: Input[str], services: Sequence[str]) -> Statement:
    def endpoints(key_arn: str) -> list[str]:
        region = key_arn.split(":")[3]
        return [f"{service}.{region}.amazonaws.com" for service in services]

    return {
        "Sid": "UseKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
        "Resource": kms_key_arn,
        "Condition": {"StringEquals": {"kms:ViaService": Output.from_input(kms_key_arn).apply(endpoints)}},
    }


# The one statement over every resource: X-Ray knows no resource-level permission for these two actions.
_TRACING: Statement = {
    "Sid": "Trace",
    "Effect": "Allow",
    "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    "Resource": "*",
}

"""The rules, as functions of what is declared: of one resource, or of all of a stack. They need nothing but Python.

Properties are named as in Pulumi's state (`kmsMasterKeyId`). In a preview some are unknown: the pack leaves such a
rule to the `up`, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Properties = Mapping[str, Any]


class Declared(NamedTuple):
    """A resource of a stack."""

    type: str
    urn: str
    properties: Properties


class Rule(NamedTuple):
    """Of one resource. `check` tells what is wrong with it, in a sentence each."""

    name: str
    description: str
    type: str
    check: Callable[[Properties], Iterator[str]]


class StackRule(NamedTuple):
    """Of a whole stack. `check` tells which resource is wrong, by its URN, and what is."""

    name: str
    description: str
    check: Callable[[Iterable[Declared]], Iterator[tuple[str, str]]]


QUEUE, QUEUE_POLICY = "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"
TABLE, TABLE_POLICY = "aws:dynamodb/table:Table", "aws:dynamodb/resourcePolicy:ResourcePolicy"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
FUNCTION, ASYNC = "aws:lambda/function:Function", "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
LOG_GROUP, TARGET = "aws:cloudwatch/logGroup:LogGroup", "aws:cloudwatch/eventTarget:EventTarget"
BUCKET_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

_TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""Actions that AWS lets nobody limit to a resource."""
_LOOKING = {"cloudwatch:DescribeAlarms"}
"""What CodeDeploy brakes by, and reads no data; AWS's own policy for it has that on everything."""
_COPYING = {"backup:CopyFromBackupVault"}
"""IAM knows no vault for it; where copies go is another action, of vaults that are named."""


_NETWORK = {
    *("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"),
}
"""What Lambda takes to run a function in a VPC, on interfaces that have no name before; AWS's own policy is as wide."""
_ON_EVERYTHING = _TRACING | _LOOKING | _COPYING | _NETWORK


def _queue_is_encrypted(queue: Properties) -> Iterator[str]:
    if not queue.get("sqsManagedSseEnabled") and not queue.get("kmsMasterKeyId"):
        yield "messages would lie in plain text: set kmsMasterKeyId or sqsManagedSseEnabled"


def _table_can_be_restored(table: Properties) -> Iterator[str]:
    if not (table.get("pointInTimeRecovery") or {}).get("enabled"):
        yield "it could not be restored to a moment: enable pointInTimeRecovery"


def _log_has_an_end(group: Properties) -> Iterator[str]:
    if not group.get("retentionInDays"):
        yield "it would be kept for ever: set retentionInDays"


def _role_is_a_services(role: Properties) -> Iterator[str]:
    for statement in _statements(role["assumeRolePolicy"]):
        if statement["Effect"] == "Allow" and set(_principals(statement)) != {"Service"}:
            yield "others than an AWS service could assume it"


def _role_names_what_it_may(policy: Properties) -> Iterator[str]:
    for statement in _statements(policy["policy"]):
        actions = _listed(statement.get("Action", "*"))
        if statement["Effect"] != "Allow":
            continue
        if "NotAction" in statement or any("*" in action for action in actions):
            yield f"{_sid(statement)} allows actions by a wildcard: name each"
        if (
            "*" in _listed(statement.get("Resource", "*"))
            and not set(actions) <= _TRACING | _LOOKING | _COPYING | _NETWORK
        ):
            yield f"{_sid(statement)} allows {', '.join(actions)} on every resource: name those that it is for"


def _function_logs_where_it_is_kept(function: Properties) -> Iterator[str]:
    logging = function.get("loggingConfig") or {}
    if logging.get("logFormat") != "JSON" or not logging.get("logGroup"):
        yield "it would log text, or into a group without retention: set loggingConfig to JSON and a group of the stack"


def _target_is_bounded(target: Properties) -> Iterator[str]:
    retries = target.get("retryPolicy") or {}
    if not (target.get("deadLetterConfig") or {}).get("arn"):
        yield "what cannot be delivered would be lost: set deadLetterConfig"
    if not {"maximumEventAgeInSeconds", "maximumRetryAttempts"} <= retries.keys():
        yield "how long it is tried is not said: set retryPolicy"


def _mapping_gives_up(mapping: Properties) -> Iterator[str]:
    if ":sqs:" in mapping["eventSourceArn"]:  # the queue has a redrive policy instead
        return
    limits = (mapping.get(name) for name in ("maximumRetryAttempts", "maximumRecordAgeInSeconds"))
    if any(limit is None or limit < 0 for limit in limits):  # -1 is AWS's word for no limit
        yield "one record could stop its shard for a day: bound maximumRetryAttempts and maximumRecordAgeInSeconds"
    if not ((mapping.get("destinationConfig") or {}).get("onFailure") or {}).get("destinationArn"):
        yield "what it gives up would be lost: set destinationConfig"


def _bucket_is_nobodys(block: Properties) -> Iterator[str]:
    for setting in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        if not block.get(setting):
            yield f"it could be made public: set {setting}"


RULES = (
    Rule("queue-encrypted", "A queue is encrypted.", QUEUE, _queue_is_encrypted),
    Rule("table-restorable", "A table can be restored to any second.", TABLE, _table_can_be_restored),
    Rule("log-retention", "A log group says how long it keeps.", LOG_GROUP, _log_has_an_end),
    Rule("role-of-a-service", "A role is assumed by an AWS service alone.", ROLE, _role_is_a_services),
    Rule("role-least-privilege", "A role's policy names actions and resources.", ROLE_POLICY, _role_names_what_it_may),
    Rule("function-logs", "A function logs JSON to a group of the stack.", FUNCTION, _function_logs_where_it_is_kept),
    Rule("target-bounded", "A rule's target has bounded retries and a dead letter queue.", TARGET, _target_is_bounded),
    Rule(
        "mapping-bounded",
        "A stream's consumer gives up after a while, into a queue.",
        MAPPING,
        _mapping_gives_up,
    ),
    Rule("bucket-private", "A bucket cannot be made public.", BUCKET_ACCESS, _bucket_is_nobodys),
)


def _queues_refuse_plain_http(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    refusing = {
        each.properties["queueUrl"]
        for each in _of(declared, QUEUE_POLICY)
        if any(
            statement["Effect"] == "Deny"
            and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
            for statement in _statements(each.properties["policy"])
        )
    }
    for queue in _of(declared, QUEUE):
        if queue.properties["url"] not in refusing:
            yield queue.urn, "its policy does not refuse plain HTTP (Deny where aws:SecureTransport is false)"


def _invocations_end_in_a_queue(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    ending = {
        each.properties["functionName"]
        for each in _of(declared, ASYNC)
        if ((each.properties.get("destinationConfig") or {}).get("onFailure") or {}).get("destination")
    }
    for function in _of(declared, FUNCTION):
        if function.properties["name"] not in ending:
            yield (
                function.urn,
                "an asynchronous invocation that fails for good would be lost: set its failure destination",
            )


def _events_are_for_good(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    guarded = {
        each.properties["resourceArn"]
        for each in _of(declared, TABLE_POLICY)
        if {"dynamodb:DeleteItem", "dynamodb:UpdateItem"} <= _denied(_statements(each.properties["policy"]))
    }
    for table in _of(declared, TABLE):
        streamed = table.properties.get("streamViewType") == "NEW_AND_OLD_IMAGES"
        if streamed and table.properties.get("rangeKey") == "EventSequence" and table.properties["arn"] not in guarded:
            yield table.urn, "a stored event could be changed or deleted: deny UpdateItem and DeleteItem in its policy"


STACK_RULES = (
    StackRule("queue-tls", "A queue refuses plain HTTP.", _queues_refuse_plain_http),
    StackRule("invocation-dead-letters", "An asynchronous invocation ends in a queue.", _invocations_end_in_a_queue),
    StackRule("events-immutable", "Nobody changes or deletes a stored event.", _events_are_for_good),
)


def _of(declared: Iterable[Declared], type_: str) -> Iterator[Declared]:
    return (each for each in declared if each.type == type_)


def _statements(policy: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements: list[dict[str, Any]] = _listed(document["Statement"])
    return statements


def _denied(statements: Iterable[Mapping[str, Any]]) -> set[str]:
    denying = (each for each in statements if each["Effect"] == "Deny" and each.get("Principal") in ("*", {"AWS": "*"}))
    return {action for each in denying for action in _listed(each.get("Action", []))}


def _principals(statement: Mapping[str, Any]) -> Iterable[str]:
    principal = statement.get("Principal", "*")
    return principal.keys() if isinstance(principal, Mapping) else [principal]


def _sid(statement: Mapping[str, Any]) -> str:
    return str(statement.get("Sid") or "a statement")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]

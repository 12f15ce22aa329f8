"""The rules, as functions of what is declared: of one resource, or of all of a stack. They need nothing but Python.

Properties are named as in Pulumi's state (`kmsMasterKeyId`). In a preview some are unknown: the pack leaves such a
rule to the `up`, and says so.

A policy is read, not evaluated: what is denied must be denied in the words that are looked for here. Whoever says it in
others is told, though it may hold; whoever adds a condition is told, because it may not.
"""

from __future__ import annotations

import json
import re
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
ALIAS, MAPPING = "aws:lambda/alias:Alias", "aws:lambda/eventSourceMapping:EventSourceMapping"
LOG_GROUP, TARGET = "aws:cloudwatch/logGroup:LogGroup", "aws:cloudwatch/eventTarget:EventTarget"
BUCKET, BUCKET_POLICY = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
TOPIC, TOPIC_POLICY = "aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy"
BUS_POLICY, SCHEDULE = "aws:cloudwatch/eventBusPolicy:EventBusPolicy", "aws:scheduler/schedule:Schedule"
LOG_POLICY, PERMISSION = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "aws:lambda/permission:Permission"
BUS_PERMISSION = "aws:cloudwatch/eventPermission:EventPermission"
FUNCTION_URL = "aws:lambda/functionUrl:FunctionUrl"
API, ROUTE = "aws:apigatewayv2/api:Api", "aws:apigatewayv2/route:Route"
REDRIVE = "aws:sqs/redrivePolicy:RedrivePolicy"
_OPENED = {
    QUEUE: "policy",
    QUEUE_POLICY: "policy",
    TABLE_POLICY: "policy",
    BUCKET: "policy",
    BUCKET_POLICY: "policy",
    TOPIC: "policy",
    TOPIC_POLICY: "policy",
    BUS_POLICY: "policy",
    LOG_POLICY: "policyDocument",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:kms/externalKey:ExternalKey": "policy",
    "aws:kms/replicaKey:ReplicaKey": "policy",
    "aws:kms/replicaExternalKey:ReplicaExternalKey": "policy",
}
"""What lets others in than the account's roles by their own policies, and where each has its policy."""
_OPEN_ROUTES = {"GET /health"}
"""What anybody may ask: whether it is there."""
_ATTACHMENTS = ("aws:iam/rolePolicyAttachment:", "aws:iam/policyAttachment:", "aws:iam/rolePolicyAttachmentsExclusive:")

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
_NAMED_BY_AWS = ("recovery-point",)
"""Of resources that nobody can name before they are there."""
_TYPELESS = ("s3", "sns", "sqs")
"""Services whose ARNs name a resource without saying of which kind it is."""
_NAMED_IN_FULL = ("secretsmanager", "ssm")
_ARN_PLACES = 5
"""What stands before its own part: arn, partition, service, Region and account."""
_IMMUTABLE = {
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
}
"""What changes or deletes an item, or puts one without any condition."""
_OF_SOMEBODY = {
    *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
    *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner"),
    "kms:calleraccount",
}
"""By what a policy that lets everybody in lets in somebody; AWS looks at no letter's case."""


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


def _role_has_policies_of_its_own(role: Properties) -> Iterator[str]:
    for name in ("managedPolicyArns", "inlinePolicies"):
        if role.get(name):
            yield f"what it may would stand where no rule looks: leave {name} out, and declare a RolePolicy"


def _role_names_what_it_may(policy: Properties) -> Iterator[str]:
    for statement in _statements(policy["policy"]):
        actions = _listed(statement.get("Action", "*"))
        if statement["Effect"] != "Allow":
            continue
        if "NotAction" in statement or any(_is_pattern(action) for action in actions):
            yield f"{_sid(statement)} allows actions by a wildcard: name each"
        wide = [each for each in _listed(statement.get("Resource", "*")) if _names_no_resource(each)]
        if wide and not (wide == ["*"] and set(actions) <= _ON_EVERYTHING):
            yield f"{_sid(statement)} allows {', '.join(actions)} on {', '.join(wide)}: name what it is for"


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


def _schedule_is_bounded(schedule: Properties) -> Iterator[str]:
    target = schedule["target"]
    if not (target.get("deadLetterConfig") or {}).get("arn"):
        yield "an invocation that cannot be made would be lost: set the target's deadLetterConfig"
    if not {"maximumEventAgeInSeconds", "maximumRetryAttempts"} <= (target.get("retryPolicy") or {}).keys():
        yield "how long it is tried is not said: set the target's retryPolicy"


def _mapping_gives_up(mapping: Properties) -> Iterator[str]:
    if ":sqs:" in (mapping.get("eventSourceArn") or ""):  # the queue gives up instead, which another rule holds
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
    Rule(
        "role-own-policies",
        "A role's policies are declared beside it, each by itself.",
        ROLE,
        _role_has_policies_of_its_own,
    ),
    Rule("role-least-privilege", "A role's policy names actions and resources.", ROLE_POLICY, _role_names_what_it_may),
    Rule("function-logs", "A function logs JSON to a group of the stack.", FUNCTION, _function_logs_where_it_is_kept),
    Rule("target-bounded", "A rule's target has bounded retries and a dead letter queue.", TARGET, _target_is_bounded),
    Rule(
        "schedule-bounded",
        "A schedule's target has bounded retries and a dead letter queue.",
        SCHEDULE,
        _schedule_is_bounded,
    ),
    Rule(
        "mapping-bounded",
        "A stream's consumer gives up after a while, into a queue.",
        MAPPING,
        _mapping_gives_up,
    ),
    Rule("bucket-private", "A bucket cannot be made public.", BUCKET_ACCESS, _bucket_is_nobodys),
)


def _roles_are_attached_nothing(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    for each in resources:
        if each.type.startswith(_ATTACHMENTS):
            yield each.urn, "what the role may would stand where no rule looks: declare a RolePolicy"


def _queues_refuse_plain_http(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    for queue in _of(declared, QUEUE):
        policies = _policies(declared, QUEUE_POLICY, "queueUrl", queue.properties["url"])
        if not _refuse(policies, "sqs:*", {queue.properties["arn"]}):
            yield queue.urn, _PLAIN_HTTP.format("sqs:*")


def _buckets_refuse_plain_http(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    for bucket in _of(declared, BUCKET):
        policies = _policies(declared, BUCKET_POLICY, "bucket", bucket.properties["bucket"])
        arn = bucket.properties["arn"]
        if not _refuse(policies, "s3:*", {arn, f"{arn}/*"}):
            yield bucket.urn, _PLAIN_HTTP.format("s3:*")


def _topics_refuse_plain_http(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    for topic in _of(declared, TOPIC):
        arn = topic.properties["arn"]
        if not _refuse(_policies(declared, TOPIC_POLICY, "arn", arn), "sns:Publish", {arn}):
            yield topic.urn, _PLAIN_HTTP.format("sns:Publish")


_PLAIN_HTTP = (
    "its policy does not refuse plain HTTP: deny everybody {} on all of it where aws:SecureTransport is false, and ask "
    "nothing else"
)


def _policies(declared: Iterable[Declared], type_: str, of: str, whose: str) -> list[Any]:
    return [each.properties["policy"] for each in _of(declared, type_) if each.properties[of] == whose]


def _refuse(policies: Iterable[Any], actions: str, arns: set[str]) -> bool:
    """Whether one of their statements refuses everybody these actions over plain HTTP, on each of the ARNs."""
    return any(
        _is_for_everybody(statement)
        and statement["Effect"] == "Deny"
        and set(_listed(statement.get("Action", []))) & {actions, "*"}
        and ("*" in (on := set(_listed(statement.get("Resource", [])))) or arns <= on)
        and statement.get("Condition") in _INSECURE
        for policy in policies
        for statement in _statements(policy)
    )


_INSECURE = tuple({"Bool": {"aws:SecureTransport": value}} for value in ("false", False, ["false"], [False]))


def _buckets_have_a_block(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    blocked = {each.properties["bucket"] for each in _of(declared, BUCKET_ACCESS)}
    for bucket in _of(declared, BUCKET):
        if bucket.properties["bucket"] not in blocked:
            yield bucket.urn, "it could be made public: declare a BucketPublicAccessBlock for it"


def _nobody_is_let_in_unnamed(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    for each in resources:
        policy = each.properties.get(_OPENED[each.type]) if each.type in _OPENED else None
        for statement in _statements(policy) if policy else ():
            open_ = statement["Effect"] == "Allow" and ("NotPrincipal" in statement or _is_for_everybody(statement))
            if open_ and not _asks_who(statement.get("Condition") or {}):
                yield each.urn, f"{_sid(statement)} lets anybody in: name the principals, or ask for their account"
        if each.type in _DOORS:
            yield from ((each.urn, complaint) for complaint in _DOORS[each.type](each.properties))


def _function_is_opened(permission: Properties) -> Iterator[str]:
    principal = permission["principal"]
    if permission.get("functionUrlAuthType") == "NONE":
        yield "its URL would ask nobody who it is: set functionUrlAuthType to AWS_IAM"
    elif principal == "*" and not permission.get("principalOrgId"):
        yield "it lets anybody in: name the principal, or set principalOrgId"
    elif _is_service(principal) and not (
        permission.get("sourceAccount")
        or permission.get("eventSourceToken")
        or _is_somebody(permission.get("sourceArn") or "*")
    ):
        yield f"{principal} may call for any account: set sourceArn or sourceAccount"


def _is_service(principal: str) -> bool:
    return "." in principal and not principal.startswith("arn:")


def _bus_is_opened(permission: Properties) -> Iterator[str]:
    asked = permission.get("condition") or {}
    if permission["principal"] == "*" and not _asks_who(
        {"StringEquals": {asked.get("key", ""): asked.get("value", "")}}
    ):
        yield "it lets anybody in: name the account, or ask for an organization"


def _url_is_opened(url: Properties) -> Iterator[str]:
    if url.get("authorizationType") != "AWS_IAM":
        yield "it would ask nobody who it is: set authorizationType to AWS_IAM"


def _route_is_opened(route: Properties) -> Iterator[str]:
    key = route["routeKey"]
    if " " not in key and key not in ("$connect", "$default"):
        return  # of a WebSocket API, which asks when it is connected to
    if (route.get("authorizationType") or "NONE") == "NONE" and key not in _OPEN_ROUTES:
        yield "it would ask nobody who it is: set authorizationType, and an authorizer"


def _api_is_opened(api: Properties) -> Iterator[str]:
    if api.get("target"):
        yield "its target would make a route that asks nobody who it is: declare Integration and Route"
    if api.get("body"):
        yield "its routes would stand where no rule looks: leave body out, and declare each Route"


_DOORS: Mapping[str, Callable[[Properties], Iterator[str]]] = {
    PERMISSION: _function_is_opened,
    BUS_PERMISSION: _bus_is_opened,
    FUNCTION_URL: _url_is_opened,
    API: _api_is_opened,
    ROUTE: _route_is_opened,
}
"""What lets others in without a policy that is written."""


def _asks_who(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether it holds for somebody and not for all: by what the request comes from, as it is or by a pattern."""
    return any(
        operator.removeprefix("ForAnyValue:").startswith(("StringEquals", "StringLike", "ArnEquals", "ArnLike"))
        and not operator.endswith("IfExists")
        and key.lower() in _OF_SOMEBODY
        and all(map(_is_somebody, _listed(values)))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _is_somebody(whose: str) -> bool:
    """Whether an account or an organization is named, by its id or within an ARN. A bucket's ARN has no account."""
    if not whose.startswith("arn:"):
        return not _is_pattern(whose)
    *where, own = whose.split(":", _ARN_PLACES)
    return len(where) == _ARN_PLACES and not _is_pattern(where[-1] or own)


def _queues_end_in_a_dead_letter_queue(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    apart = {each.properties["queueUrl"]: each.properties for each in _of(declared, REDRIVE)}
    queues = [
        each._replace(properties={**each.properties, **apart.get(each.properties["url"], {})})
        for each in _of(declared, QUEUE)
    ]
    ending = {arn: queue for queue in queues if (arn := _dead_letters_of(queue))}
    last = {*ending, *_last_stops(declared)}
    driving = {each.properties.get("eventSourceArn") for each in _of(declared, MAPPING)}
    for queue in queues:
        arn = queue.properties["arn"]
        if not _dead_letters_of(queue) and (arn in driving or arn not in last):
            yield queue.urn, "what cannot be worked on would come back until it is dropped: set redrivePolicy"


def _dead_letters_of(queue: Declared) -> str:
    """The ARN of the queue that takes what it gives up; empty for none."""
    given = queue.properties.get("redrivePolicy") or "{}"
    policy = json.loads(given) if isinstance(given, str) else given
    return str(policy.get("deadLetterTargetArn") or "") if policy.get("maxReceiveCount") else ""


def _last_stops(declared: Iterable[Declared]) -> Iterator[str]:
    """Where rules, schedules, mappings and functions leave what they give up."""
    for each in declared:
        for holder in (each.properties, each.properties.get("target")):
            if isinstance(holder, Mapping):
                yield (holder.get("deadLetterConfig") or {}).get("arn", "")
                failure = (holder.get("destinationConfig") or {}).get("onFailure") or {}
                yield failure.get("destination") or failure.get("destinationArn") or ""


def _invocations_end_in_a_queue(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    """A function's settings do not hold for its aliases, which have their own."""
    declared = list(resources)
    ending = {
        (each.properties["functionName"], _alias(each.properties.get("qualifier")))
        for each in _of(declared, ASYNC)
        if ((each.properties.get("destinationConfig") or {}).get("onFailure") or {}).get("destination")
    }
    invoked = [(each.urn, (each.properties["name"], "")) for each in _of(declared, FUNCTION)]
    invoked += [(each.urn, (each.properties["functionName"], each.properties["name"])) for each in _of(declared, ALIAS)]
    for urn, name in invoked:
        if name not in ending:
            yield urn, "an asynchronous invocation that fails for good would be lost: set its failure destination"


def _alias(qualifier: str | None) -> str:
    return "" if qualifier in (None, "$LATEST") else qualifier


def _events_are_for_good(resources: Iterable[Declared]) -> Iterator[tuple[str, str]]:
    declared = list(resources)
    denied: dict[str, set[str]] = {}
    for each in _of(declared, TABLE_POLICY):
        arn = each.properties["resourceArn"]
        denied.setdefault(arn, set()).update(_denied(_statements(each.properties["policy"]), arn))
    for table in _of(declared, TABLE):
        of_events = table.properties.get("rangeKey") == "EventSequence"
        if not (of_events and table.properties.get("streamViewType") == "NEW_AND_OLD_IMAGES"):
            continue
        if open_ := (_IMMUTABLE | {"dynamodb:PutItem"}) - denied.get(table.properties["arn"], set()):
            yield (
                table.urn,
                f"a stored event could be changed or deleted: deny everybody {', '.join(sorted(open_))} in its policy, "
                "on no other condition than ArnNotLike of the roles that are excepted",
            )
        if (table.properties.get("ttl") or {}).get("enabled"):
            yield table.urn, "events would be deleted when their time is over: leave ttl out"


STACK_RULES = (
    StackRule("role-nothing-attached", "A role has no policy that somebody else writes.", _roles_are_attached_nothing),
    StackRule("queue-tls", "A queue refuses plain HTTP.", _queues_refuse_plain_http),
    StackRule("bucket-tls", "A bucket refuses plain HTTP.", _buckets_refuse_plain_http),
    StackRule("topic-tls", "A topic refuses plain HTTP.", _topics_refuse_plain_http),
    StackRule("bucket-blocked", "A bucket has a block against being made public.", _buckets_have_a_block),
    StackRule("nothing-public", "Nobody is let in unnamed.", _nobody_is_let_in_unnamed),
    StackRule("queue-dead-letters", "A queue ends in a dead letter queue.", _queues_end_in_a_dead_letter_queue),
    StackRule("invocation-dead-letters", "An asynchronous invocation ends in a queue.", _invocations_end_in_a_queue),
    StackRule("events-immutable", "Nobody changes or deletes a stored event.", _events_are_for_good),
)


def _of(declared: Iterable[Declared], type_: str) -> Iterator[Declared]:
    return (each for each in declared if each.type == type_)


def _statements(policy: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements: list[dict[str, Any]] = _listed(document["Statement"])
    return statements


def _denied(statements: Iterable[Mapping[str, Any]], arn: str) -> set[str]:
    """What everybody is denied on a table, but for roles that are named."""
    denying = (
        each
        for each in statements
        if each["Effect"] == "Deny"
        and _is_for_everybody(each)
        and set(_listed(each.get("Resource", []))) & {arn, "*"}
        and _excepts_roles_alone(each.get("Condition") or {}, arn.split(":")[4])
    )
    return {action for each in denying for action in _listed(each.get("Action", []))}


def _excepts_roles_alone(condition: Mapping[str, Mapping[str, Any]], account: str) -> bool:
    if not condition:
        return True
    asked = [(operator, key) for operator, keys in condition.items() for key in keys]
    arns = [arn for keys in condition.values() for values in keys.values() for arn in _listed(values)]
    excepting = [(operator, key.lower()) for operator, key in asked] in (
        [("ArnNotLike", "aws:principalarn")],
        [("ArnNotEquals", "aws:principalarn")],
    )
    return excepting and all(
        arn.split(":")[4:5] == [account]
        and arn.split(":", _ARN_PLACES)[-1].startswith("role/")
        and not _names_no_resource(arn)
        for arn in arns
    )


def _is_for_everybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, Mapping) and "*" in _listed(principal.get("AWS")))


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _names_no_resource(arn: str) -> bool:
    """Whether a wildcard stands for where it is, or for its own name. Behind the name it may: a bucket's objects.

    A role's name stands behind its path, and is one of its account whatever that is; parameters and secrets are named
    by all of it. A secret's ARN ends in six characters that AWS makes up.
    """
    *where, own = arn.split(":", _ARN_PLACES)
    if len(where) < _ARN_PLACES or any(map(_is_pattern, where)):
        return _is_pattern(arn)
    service, kind, name = where[2], "", own.lstrip("/")
    if service not in _TYPELESS and (typed := re.match("([a-zA-Z-]+)[:/](.*)", name, re.DOTALL)):
        kind, name = typed.groups()
    if service in _NAMED_IN_FULL:
        return _is_pattern(re.sub("-[?]{6}$", "", name))
    if service == "iam":
        return _is_pattern(name.rpartition("/")[-1])
    return (
        _is_pattern(re.split(":" if service == "logs" else "[:/]", name, maxsplit=1)[0]) and kind not in _NAMED_BY_AWS
    )


def _principals(statement: Mapping[str, Any]) -> Iterable[str]:
    principal = statement.get("Principal", "*")
    return principal.keys() if isinstance(principal, Mapping) else [principal]


def _sid(statement: Mapping[str, Any]) -> str:
    return str(statement.get("Sid") or "a statement")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]

"""What AWS refuses of SQS, EventBridge, CloudWatch Logs, Lambda, KMS and STS, and moto takes.

One check an operation, before any effect. Of SQS the JSON protocol alone: who speaks the old query protocol is checked
by moto.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.engine import backends
from local.engine.api import ApiError, ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local.engine.gateway import Gateway

MAX_TARGETS = 5
"""Of a rule."""
MAX_LOG_BYTES, MAX_LOG_EVENTS, LOG_EVENT_OVERHEAD = 1_048_576, 10_000, 26
"""Of a PutLogEvents, in which each event counts its text in UTF-8 and the overhead."""
RECEIVES = range(1, 1_001)
"""Of a message, before it goes to the dead letter queue."""

QUEUE_ATTRIBUTES: Mapping[str, range] = {
    "DelaySeconds": range(901),
    "KmsDataKeyReusePeriodSeconds": range(60, 86_401),
    "MaximumMessageSize": range(1024, 1_048_577),
    "MessageRetentionPeriod": range(60, 1_209_601),
    "ReceiveMessageWaitTimeSeconds": range(21),
    "VisibilityTimeout": range(43_201),
}
OTHER_QUEUE_ATTRIBUTES = frozenset(
    {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsMasterKeyId",
        "Policy",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
    }
)
MESSAGE_PARAMETERS: Mapping[str, range] = {
    "DelaySeconds": range(901),
    "MaxNumberOfMessages": range(1, 11),
    "VisibilityTimeout": range(43_201),
    "WaitTimeSeconds": range(21),
}
SESSION_SECONDS = range(900, 43_201)
KEY_DELETION_DAYS = range(7, 31)
MOST_RESERVED = 900
"""Of the 1,000 that an account's functions may run at once, 100 stay with those that reserve none."""
FUNCTION_SETTINGS: Mapping[str, range] = {"MemorySize": range(128, 10_241), "Timeout": range(1, 901)}
MAX_ENVIRONMENT_BYTES = 4096
"""Of a function's variables, as JSON."""
RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
"""Which Lambda sets itself."""


class Limits:
    def __init__(self, gateway: Gateway) -> None:
        for operation in ("CreateQueue", "SetQueueAttributes"):
            gateway.before("sqs", operation, _of_json(_check_queue))
        for operation in ("ChangeMessageVisibility", "ReceiveMessage", "SendMessage"):
            gateway.before("sqs", operation, _of_json(_check_message))
        for operation in ("ChangeMessageVisibilityBatch", "SendMessageBatch"):
            gateway.before("sqs", operation, _of_json(_check_messages))
        gateway.before("events", "DeleteEventBus", lambda request: _check_bus_is_free(gateway, request))
        gateway.before("events", "PutTargets", lambda request: _check_targets(gateway, request))
        for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            gateway.before("lambda", operation, lambda request: _check_function(request.json()))
        gateway.before("lambda", "PutFunctionConcurrency", lambda request: _check_reserved(request.json()))
        gateway.before("kms", "ScheduleKeyDeletion", lambda request: _check_deletion(request.parameters))
        gateway.before("sts", "AssumeRole", lambda request: _check_session(gateway, request))
        gateway.before("logs", "PutLogEvents", _of_json(_check_log_events))


def _of_json(check: Callable[[dict[str, Any]], None]) -> Callable[[ApiRequest], None]:
    def checked(request: ApiRequest) -> None:
        if not request.is_form:
            try:
                check(request.parameters)
            except (AttributeError, KeyError, TypeError) as error:
                raise ApiError(
                    "SerializationException", f"The call is not as its description has it: {error}"
                ) from error

    return checked


def _check_queue(asked: dict[str, Any]) -> None:
    for name, value in (asked.get("Attributes") or {}).items():
        if name in QUEUE_ATTRIBUTES:
            if value != "" and not _is_in(QUEUE_ATTRIBUTES[name], value):
                raise ApiError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        elif name not in OTHER_QUEUE_ATTRIBUTES:
            raise ApiError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name == "RedrivePolicy" and value:
            _check_redrive(value)


def _check_redrive(policy: Any) -> None:
    try:
        receives = json.loads(policy)["maxReceiveCount"]
    except (ValueError, KeyError, TypeError):
        return  # moto says so
    if not _is_in(RECEIVES, receives):
        reason = f"Invalid value for maxReceiveCount: {receives}, valid values are from 1 to 1000 both inclusive."
        raise ApiError(
            "InvalidParameterValue", f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
        )


def _check_message(asked: dict[str, Any]) -> None:
    for name, allowed in MESSAGE_PARAMETERS.items():
        if asked.get(name) is not None and not _is_in(allowed, asked[name]):
            reason = f"Must be between {allowed[0]} and {allowed[-1]}, if provided."
            raise ApiError(
                "InvalidParameterValue", f"Value {asked[name]} for parameter {name} is invalid. Reason: {reason}"
            )
    if asked.get("MessageBody") == "":
        raise ApiError("MissingParameter", "The request must contain the parameter MessageBody.")


def _check_messages(asked: dict[str, Any]) -> None:
    for entry in asked.get("Entries") or ():
        _check_message(entry)


def _is_in(allowed: range, value: Any) -> bool:
    text = str(value)
    return text.isascii() and text.isdecimal() and int(text) in allowed


def _check_bus_is_free(gateway: Gateway, request: ApiRequest) -> None:
    name = str(request.parameters.get("Name")).rsplit("/", 1)[-1]
    with gateway.lock:
        bus = backends.events(request.region).event_buses.get(name)
        if bus and any(not rule.managed_by for rule in bus.rules.values()):
            raise ApiError("ValidationException", f"Event bus {name} cannot be deleted since it has rules.")


def _check_targets(gateway: Gateway, request: ApiRequest) -> None:
    asked = request.parameters
    bus = str(asked.get("EventBusName") or "default").rsplit("/", 1)[-1]
    with gateway.lock:
        found = backends.events(request.region).event_buses.get(bus)
        rule = found and found.rules.get(asked.get("Rule"))
        held: Iterable[str] = [target["Id"] for target in rule.targets] if rule else []
    given = [str(target.get("Id")) for target in asked.get("Targets") or ()]
    if len({*held, *given}) > MAX_TARGETS:
        raise ApiError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def _check_range(name: str, value: Any, allowed: range, code: str = "ValidationException") -> None:
    if value is None or _is_in(allowed, value):
        return
    text = str(value).lstrip("-")
    is_low = str(value).startswith("-") or (text.isdecimal() and int(text) < allowed[0])
    bound = f"greater than or equal to {allowed[0]}" if is_low else f"less than or equal to {allowed[-1]}"
    where = f"'{value}' at '{name[0].lower()}{name[1:]}'"
    rule = f"Member must have value {bound}"
    raise ApiError(code, f"1 validation error detected: Value {where} failed to satisfy constraint: {rule}")


def _check_session(gateway: Gateway, request: ApiRequest) -> None:
    asked = request.parameters
    seconds = asked.get("DurationSeconds")
    if seconds is None:
        return
    _check_range("DurationSeconds", seconds, SESSION_SECONDS, "ValidationError")
    with gateway.lock:
        longest = backends.longest_session(str(asked.get("RoleArn")))
    if int(seconds) > longest:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ApiError("ValidationError", text)


def _check_deletion(asked: dict[str, Any]) -> None:
    days = asked.get("PendingWindowInDays")
    if days is not None and not _is_in(KEY_DELETION_DAYS, days):
        between = f"between {KEY_DELETION_DAYS[0]} and {KEY_DELETION_DAYS[-1]} days (inclusive)"
        raise ApiError("ValidationException", f"PendingWindowInDays must be {between}")


def _check_reserved(asked: dict[str, Any]) -> None:
    number = asked.get("ReservedConcurrentExecutions")
    if number is not None and not _is_in(range(MOST_RESERVED + 1), number):
        unreserved = "UnreservedConcurrentExecution below its minimum value of [100]."
        text = f"Specified ReservedConcurrentExecutions for function decreases account's {unreserved}"
        raise ApiError("InvalidParameterValueException", text)


def _check_function(asked: dict[str, Any]) -> None:
    for name, allowed in FUNCTION_SETTINGS.items():
        _check_range(name, asked.get(name), allowed)
    variables = (asked.get("Environment") or {}).get("Variables") or {}
    unable = (
        "Lambda was unable to configure your environment variables because the environment variables you have provided"
    )
    if reserved := sorted(RESERVED_VARIABLES & variables.keys()):
        text = f"{unable} contains reserved keys that are currently not supported for modification."
        raise ApiError(
            "InvalidParameterValueException", f"{text} Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > MAX_ENVIRONMENT_BYTES:
        text = f"{unable} exceeded the 4KB limit. String measured: {measured}"
        raise ApiError("InvalidParameterValueException", text)


def _check_log_events(asked: dict[str, Any]) -> None:
    events = asked.get("logEvents") or ()
    size = sum(len(event["message"].encode()) + LOG_EVENT_OVERHEAD for event in events)
    if size > MAX_LOG_BYTES:
        reason = f"Upload too large: {size} bytes exceeds limit of {MAX_LOG_BYTES}"
        raise ApiError("InvalidParameterException", reason)
    if len(events) > MAX_LOG_EVENTS:
        raise ApiError("InvalidParameterException", f"Log events in a single PutLogEvents exceed {MAX_LOG_EVENTS}")

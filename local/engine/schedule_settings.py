"""What EventBridge Scheduler refuses in a schedule, where moto takes everything."""

from __future__ import annotations

import json
import re
from typing import Any

from local.engine import backends
from local.engine.api import ApiError
from local.engine.schedule_expressions import InvalidExpressionError, parse

LATEST = 7_258_118_400
"""Seconds since 1970: the end of the year 2199, the last that expressions know."""
MAX_INPUT = 256 * 1024
_QUEUE = re.compile(r"arn:aws:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]+")
_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]+")
_SOURCE = re.compile(r"(?!aws\.)[/.\-_A-Za-z0-9]+")
_JSON_ALONE = ("lambda", "events")
_RETRIES = {"MaximumEventAgeInSeconds": (60, 86_400), "MaximumRetryAttempts": (0, 185)}

_TARGETS = {
    "lambda": re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?"),
    "sqs": re.compile(r"arn:aws:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]+(\.fifo)?"),
    "events": re.compile(r"arn:aws:events:[a-z0-9-]+:\d{12}:event-bus/[\w./-]+"),
    "sns": re.compile(r"arn:aws:sns:[a-z0-9-]+:\d{12}:[\w-]+"),
}
_PARAMETERS = {"EventBridgeParameters": "events", "SqsParameters": "sqs"}
"""Of targets, with the service that they belong to."""
_KNOWN = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig", *_PARAMETERS}


def check(asked: dict[str, Any]) -> None:
    """Needs the lock. Raises: ApiError for what Scheduler refuses, NotImplementedError for what is not had here."""
    try:
        parse(str(asked.get("ScheduleExpression")), asked.get("ScheduleExpressionTimezone") or "UTC")
    except InvalidExpressionError as error:
        raise invalid(str(error)) from error
    window = (asked.get("FlexibleTimeWindow") or {}).get("Mode")
    if window == "FLEXIBLE":
        raise NotImplementedError("the FlexibleTimeWindow FLEXIBLE: schedules are due at their time")
    if window != "OFF":
        raise invalid(f"FlexibleTimeWindow.Mode is {window}.")
    start, end = _moment(asked, "StartDate"), _moment(asked, "EndDate")
    if start is not None and end is not None and start >= end:
        raise invalid("The EndDate is not after the StartDate.")
    for name, values in (("State", ("ENABLED", "DISABLED")), ("ActionAfterCompletion", ("NONE", "DELETE"))):
        if asked.get(name) not in (None, *values):
            raise invalid(f"{name} is {asked[name]}.")
    _check_target(asked.get("Target") or {})


def _moment(asked: dict[str, Any], name: str) -> float | None:
    """Seconds since 1970, within what expressions count with."""
    given = asked.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= LATEST:
        raise invalid(f"{name} is {given}.")
    return float(given)


def is_once(asked: dict[str, Any]) -> bool:
    """Whether a schedule that was checked is due but once."""
    return parse(asked["ScheduleExpression"], "UTC").once


def invalid(reason: str) -> ApiError:
    return ApiError("ValidationException", reason)


def _check_target(target: dict[str, Any]) -> None:
    arn, role = str(target.get("Arn")), str(target.get("RoleArn"))
    service = service_of(arn)
    if service not in _TARGETS:
        raise NotImplementedError(f"the target {arn}")
    if not _TARGETS[service].fullmatch(arn):
        raise invalid(f"Provided Arn is not in correct format: {arn}")
    if unknown := sorted(target.keys() - _KNOWN):
        raise NotImplementedError(f"the input Target.{unknown[0]}")
    for name, of in _PARAMETERS.items():
        if target.get(name) and service != of:
            raise invalid(f"{name} do not belong to a target of {service}.")
    if not _ROLE.fullmatch(role) or not backends.role_exists(role):
        raise invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
    _check_input(target, service)
    _check_delivery(target)


def service_of(arn: str) -> str:
    return arn.split(":")[2] if arn.count(":") > 1 else ""


def _check_input(target: dict[str, Any], service: str) -> None:
    text = target.get("Input")
    if text is not None and len(text.encode()) > MAX_INPUT:
        raise invalid(f"Input has more than {MAX_INPUT} bytes.")
    if text is not None and service in _JSON_ALONE:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            raise invalid("Invalid Input: it is not JSON.") from error
    if service == "events":
        about = target.get("EventBridgeParameters") or {}
        if not about.get("DetailType") or not _SOURCE.fullmatch(about.get("Source") or ""):
            raise invalid("A target of events needs EventBridgeParameters with a DetailType and a Source of your own.")
    if (
        service == "sqs"
        and target["Arn"].endswith(".fifo")
        and not (target.get("SqsParameters") or {}).get("MessageGroupId")
    ):
        raise invalid("A FIFO queue needs SqsParameters with a MessageGroupId.")


def _check_delivery(target: dict[str, Any]) -> None:
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters is not None and not _QUEUE.fullmatch(dead_letters):
        raise invalid(f"The dead-letter queue is not a standard queue: {dead_letters}")
    for name, value in (target.get("RetryPolicy") or {}).items():
        lowest, highest = _RETRIES[name]
        if not lowest <= value <= highest:
            raise invalid(f"RetryPolicy.{name} is not between {lowest} and {highest}.")

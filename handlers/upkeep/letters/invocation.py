"""What is told of an invocation that was given up, by Lambda or by a schedule, and what to invoke again with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.sourcing.command import MEMBERS
from handlers.sourcing.errors import MalformedError, shortened
from handlers.sourcing.fields import check_identifier
from handlers.sourcing.payload import beside_body, carrying, direct, request_of
from handlers.sourcing.values import Value, dumps

_FUNCTION_ARN_PARTS = 7
"""arn:aws:lambda:region:account:function:name, and perhaps :qualifier"""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation to be made again. `payload` is JSON text; a command's holds a commandId."""

    function: str
    payload: bytes
    aggregate_id: str | None
    reason: str

    @classmethod
    def of(cls, record: Mapping[str, Any], functions: Collection[str], command_function: str) -> Invocation:
        """Read an invocation record. MalformedError where it is none, or none that can be made again.

        It must be of one of `functions`: an operator's rights reach further than the stack. A command that cannot be
        read is refused here as the command would refuse it: its commandId could not be seen either.
        """
        context = _member(record, "requestContext", dict)
        function = _function(_member(context, "functionArn", str, "requestContext."), functions)
        if "requestPayload" not in record:
            raise MalformedError("requestPayload", "is missing")
        payload = record["requestPayload"]
        aggregate_id = None
        if function == command_function:
            payload = same_command(payload, context.get("requestId"))
            aggregate_id = request_of(payload).get("aggregateId")
        try:
            text = dumps(payload).encode()
        except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
            raise MalformedError("requestPayload", f"cannot be sent once more as it was: {error!r}") from error
        return cls(
            function=function,
            payload=text,
            aggregate_id=aggregate_id if isinstance(aggregate_id, str) else None,
            reason=f"{function}: {told(context)}{_answered(record.get('responsePayload'))}",
        )

    @classmethod
    def of_schedule(cls, attributes: Mapping[str, str], body: str, functions: Collection[str]) -> Invocation:
        """Read a call that a schedule could not make, from what EventBridge Scheduler tells beside its input.
        MalformedError as `of`."""
        function = _function(attributes.get("TARGET_ARN", ""), functions, "TARGET_ARN")
        schedule = attributes.get("SCHEDULE_ARN", "").rpartition("/")[2]
        reason = f"{schedule}, due {attributes.get('SCHEDULED_TIME', 'at no told time')}: {undelivered(attributes)}"
        return cls(function=function, payload=body.encode(), aggregate_id=None, reason=reason)


def undelivered(attributes: Mapping[str, str]) -> str:
    """Why EventBridge gave up, rule or schedule, from the attributes of its letter."""
    reason = f"{attributes.get('ERROR_CODE', 'no error code')}: {attributes.get('ERROR_MESSAGE', 'no message')}"
    if attributes.get("EXHAUSTED_RETRY_CONDITION"):
        reason += f" ({attributes['EXHAUSTED_RETRY_CONDITION']}, {attributes.get('RETRY_ATTEMPTS', '?')} retries)"
    return reason


def told(context: Mapping[str, Any]) -> str:
    """Why Lambda gave up, from the requestContext of its record."""
    condition, attempts = context.get("condition", "no condition"), context.get("approximateInvokeCount", "?")
    return f"{condition} after {attempts} attempts"


def same_command(payload: Any, request_id: Any) -> Any:
    """A command's payload with the commandId that its first invocation went by, wherever its request stands in it.

    Lambda's own retries repeat the request id, which a new invocation does not. A request that has a commandId is not
    touched. MalformedError where there is no request, or no id for it.

    What an HTTP service says around a body is left out: with it the function would answer a fault, which Lambda takes
    for a success, and the letter would be gone without its command.
    """
    request = request_of(payload)
    if unread := beside_body(payload, MEMBERS):
        raise MalformedError(*unread[0])
    if request.get("commandId") is not None:
        return direct(payload)
    command_id = check_identifier(request_id, "requestContext.requestId")
    try:
        return carrying(direct(payload), {**request, "commandId": command_id})
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise MalformedError("body", f"cannot be written once more as it was: {error!r}") from error


def _function(arn: str, functions: Collection[str], path: str = "requestContext.functionArn") -> str:
    """The name of one of these functions."""
    parts = arn.split(":")
    if len(parts) < _FUNCTION_ARN_PARTS or parts[2] != "lambda" or parts[5] != "function":
        raise MalformedError(path, f"{shortened(arn)} is not the ARN of a function")
    if parts[6] not in functions:
        raise MalformedError(path, f"{shortened(parts[6])} is no function of this stack")
    return parts[6]


def _member(record: Mapping[str, Any], name: str, kind: type, path: str = "") -> Any:
    value = record.get(name)
    if not isinstance(value, kind):
        raise MalformedError(path + name, "is missing" if value is None else "is of the wrong type")
    return value


def _answered(answer: Value) -> str:
    if not isinstance(answer, dict) or "errorMessage" not in answer:
        return ""
    return f": {answer.get('errorType', 'error')}: {answer['errorMessage']}"
